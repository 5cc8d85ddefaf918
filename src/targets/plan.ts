/** What `start` or `update` would do to a job without an operator. Changes nothing. */
import type { FlinkDeployment, FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import { askFlink } from "../controller/gather.ts";
import type { Observed } from "../reconcile/decision.ts";
import { jobWithExceptions, nextQuestions } from "../reconcile/deployment/questions.ts";
import { deployedRestPort } from "../reconcile/deployment/rest-port.ts";
import { type Plan, planChange, unchanged } from "../reconcile/plan/plan.ts";
import { type Surroundings, TargetJob } from "./job.ts";
import { optionsOfRecord } from "./passes.ts";
import { fromRecord } from "./start.ts";
import type { Target } from "./target.ts";
import { changeOf, isRunning, specToRun } from "./wanted.ts";

async function observe(target: Target, resource: FlinkDeployment): Promise<Observed> {
  const { name, namespace = "default" } = resource.metadata;
  const cluster = await target.observe(resource);
  const client = target.flinkFor(namespace, name, deployedRestPort(resource, {}));
  const flink = await askFlink(
    client,
    resource,
    (known) => nextQuestions(resource, cluster, known, {}),
    (known) => jobWithExceptions(resource, known),
  );
  return {
    resource,
    cluster,
    flink,
    snapshots: undefined,
    failure: undefined,
    exceptionsReportedUntil: Date.now(),
  };
}

/** Of the job file as `update` would take it. @throws Refusal */
export async function planJob(
  name: string,
  file: FlinkDeploymentSpec,
  surroundings: Surroundings,
): Promise<Plan> {
  const { target, progress } = surroundings;
  await target.requireOwn(name);
  const { spec: prepared, differences } = await target.prepare(name, file);
  for (const difference of differences) progress(difference);
  const record = await new TargetJob(name, surroundings).read();
  const { resource } = record;
  const runs = isRunning(resource);
  const spec = specToRun(record, prepared, runs ? undefined : fromRecord(record));
  // As `start` says it: requests of commands before are no part of the job.
  if (runs && changeOf(resource, spec).type === "IGNORE") return unchanged(resource);
  const observed = await observe(target, resource);
  const now = surroundings.time?.now() ?? Date.now();
  return planChange(observed, { ...resource, spec }, now, optionsOfRecord(), (question) =>
    target.findRetained(question),
  );
}
