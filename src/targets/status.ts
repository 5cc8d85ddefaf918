/** What can be told of a job without changing it. */
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import { deployedSpec } from "../reconcile/last-reconciled-spec.ts";
import { TargetJob, type Surroundings } from "./job.ts";
import { SAVEPOINT_PATH } from "./record.ts";
import { Refusal } from "./target.ts";

export interface JobState {
  readonly name: string;
  readonly namespace: string;
  readonly target: string;
  readonly lifecycleState: string;
  readonly jobState: string;
  readonly ready: boolean;
  readonly message: string;
  readonly jobId?: string;
  readonly image?: string;
  readonly flinkVersion?: string;
  readonly parallelism?: number;
  readonly savepointPath?: string;
}

/** The fields that have a value. */
function known<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}

function describe(resource: FlinkDeployment, target: string, path: string | undefined): JobState {
  const { status = {}, metadata } = resource;
  const { lifecycleState = "CREATED", jobStatus = {}, reconciliationStatus = {}, conditions = [] } = status;
  const ready = conditions.find(({ type }) => type === "Ready");
  const { image, flinkVersion, job } = deployedSpec(reconciliationStatus)?.spec ?? resource.spec;
  const { jobId, state = "not deployed" } = jobStatus;
  const savepointPath = path === "null" ? undefined : path;
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? "",
    target,
    lifecycleState,
    jobState: state,
    ready: ready?.status === "True",
    message: ready?.message ?? "",
    ...known({ jobId, image, flinkVersion, parallelism: job?.parallelism, savepointPath }),
  };
}

/** As the next pass would see it. @throws Refusal when there is no record */
export async function jobState(name: string, surroundings: Surroundings): Promise<JobState> {
  const { target } = surroundings;
  const job = new TargetJob(name, surroundings);
  const stored = await target.records.read(name);
  const looked = stored && (await job.look());
  if (stored === undefined || looked === undefined) {
    throw new Refusal(
      "not-found",
      `there is no job ${name}: ${target.records.describe(name)} is not there`,
      "Start one with `sluice start -f FILE`; -n names another namespace.",
    );
  }
  const { resource, decision } = looked;
  return describe({ ...resource, status: decision.status }, target.name, stored.data[SAVEPOINT_PATH]);
}
