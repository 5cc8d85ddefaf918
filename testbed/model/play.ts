/** Plays Sluice's part in the model of Kubernetes and Flink: looks, decides, writes the status, acts. */
import type { FlinkDeployment, UpgradeMode } from "../../src/api/flink-deployment.ts";
import type { KubeObject } from "../../src/api/kube-object.ts";
import { flattenConfiguration, getMap } from "../../src/flink/configuration.ts";
import type { EventRecord, FlinkAnswers, Observed } from "../../src/reconcile/decision.ts";
import { decide } from "../../src/reconcile/deployment/decide.ts";
import { nextQuestions } from "../../src/reconcile/deployment/questions.ts";
import { sameJson } from "../../src/reconcile/last-reconciled-spec.ts";
import { renderIngress } from "../../src/resources/ingress.ts";
import type { World } from "./world.ts";

const STATE = {
  "state.checkpoints.dir": "s3://checkpoints",
  "state.savepoints.dir": "s3://savepoints",
  "execution.checkpointing.interval": "10 s",
  "jobmanager.memory.process.size": "1g",
  "taskmanager.memory.process.size": "1g",
};
const HA = { "high-availability.type": "kubernetes", "high-availability.storageDir": "s3://ha" };

const REACTIVE = { "scheduler-mode": "reactive" };
const LOG_FILE = "log4j-console.properties";
export type Kind = "native" | "standalone" | "reactive";

/** An application whose state is on S3. */
export function deployment(upgradeMode: UpgradeMode, ha: boolean, kind: Kind = "native"): FlinkDeployment {
  return {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkDeployment",
    metadata: { name: "job", namespace: "default" },
    spec: {
      image: "flink",
      flinkVersion: "v2_3",
      serviceAccount: "flink",
      ...(kind === "native" ? {} : { mode: "standalone" as const }),
      flinkConfiguration: { ...STATE, ...(ha ? HA : {}), ...(kind === "reactive" ? REACTIVE : {}) },
      jobManager: { resource: { memory: "1g" } },
      taskManager: { resource: { memory: "1g" } },
      job: { jarURI: "local:///job.jar", parallelism: 1, upgradeMode },
      logConfiguration: { [LOG_FILE]: "monitorInterval = 30" },
    },
  };
}

/** Something else that Flink does not notice: the Ingress comes, changes and goes. */
export function changeIngress(world: World): void {
  world.changeSpec((spec) => {
    const count = world.resource.metadata.generation ?? 1;
    const { ingress: _, ...rest } = spec;
    if (count % 4 === 0) return rest;
    const annotations = { [`a${count % 3}`]: String(count) };
    return { ...rest, ingress: { template: `{{name}}-${count}.example.org`, annotations } };
  });
}

export function changeAnnotations(world: World): void {
  world.changeSpec((spec) => {
    const count = world.resource.metadata.generation ?? 1;
    const annotations = { "kubernetes.rest-service.annotations": `a${count % 3}:${count}` };
    return { ...spec, flinkConfiguration: { ...(spec.flinkConfiguration as object), ...annotations } };
  });
}

export function changeLogFile(world: World): void {
  world.changeSpec((spec) => {
    const text = `monitorInterval = 30\n# ${world.resource.metadata.generation}\n`;
    return { ...spec, logConfiguration: { [LOG_FILE]: text } };
  });
}

/** What a pass would see. */
export function look(world: World): Observed {
  const resource = structuredClone(world.resource);
  const { deployment: found, taskManagers, pods, services, configMaps, ingress, snapshots } = world;
  const cluster = structuredClone({ deployment: found, taskManagers, pods, services, configMaps, ingress });
  let flink: FlinkAnswers = {};
  for (;;) {
    const questions = nextQuestions(resource, cluster, flink);
    if (questions.length === 0) break;
    flink = questions.reduce((all, question) => ({ ...all, ...world.answer(question) }), flink);
  }
  return {
    resource,
    cluster,
    flink,
    snapshots: structuredClone(snapshots),
    namespaceGoes: world.namespaceGoes,
    failure: undefined,
    exceptionsReportedUntil: 0,
  };
}

/** One pass that dies after `calls` calls to the outside. True when it had nothing to do. */
export function pass(world: World, calls = Number.POSITIVE_INFINITY): boolean {
  return countedPass(world, calls).quiet;
}

/** `calls`: how many calls to the outside it made. */
export function countedPass(
  world: World,
  calls = Number.POSITIVE_INFINITY,
): { readonly quiet: boolean; readonly calls: number; readonly events: readonly EventRecord[] } {
  const { requests, events } = beginPass(world);
  let made = 0;
  for (const request of requests) {
    if (made++ >= calls) return { quiet: false, calls, events: [] };
    if (!request.send()) return { quiet: false, calls: made, events: [] };
  }
  return { quiet: made === 0, calls: made, events };
}

/** A request to the outside. */
export interface Request {
  readonly name: string;
  /** It arrives. False when the pass ends with it. */
  readonly send: () => boolean;
}

/** What a pass that looks now is going to ask for, in order. */
export function beginPass(world: World): {
  readonly requests: readonly Request[];
  readonly events: readonly EventRecord[];
} {
  const observed = look(world);
  const options = {
    defaults: {},
    progressInterval: 1000,
    reconcileInterval: 15_000,
    entropy: world.entropy(),
  };
  let decision = decide(observed, world.now, options);
  const { question } = decision;
  if (question !== undefined) {
    const retained = { question, answer: world.retained(question) };
    decision = decide({ ...observed, retained }, world.now, options);
  }
  const { status, actions, events } = decision;
  const requests = actions.map((action) => ({
    name: action.type,
    send: () => {
      world.execute(structuredClone(action));
      return true;
    },
  }));
  const write = { name: "status", send: () => writeStatus(world, observed.resource, status) };
  return { requests: sameJson(observed.resource.status, status) ? requests : [write, ...requests], events };
}

/** Optimistic locking: whatever was changed meanwhile makes the write fail. */
function writeStatus(
  world: World,
  seen: FlinkDeployment,
  status: FlinkDeployment["status"] & object,
): boolean {
  if (!sameJson(world.resource, seen)) return false;
  world.resource = { ...world.resource, status: structuredClone(status) };
  return true;
}

/** Looks and lets time go by until nothing more is to be done. */
export function settle(world: World): void {
  world.restDown = false;
  let still = 0;
  // What has come to rest without being as the spec asks, for a minute of the model's time, stays so.
  for (let round = 0; round < 400 && still < 60; round++) {
    const quiet = pass(world);
    const { conditions = [], lifecycleState } = world.resource.status ?? {};
    const ready = conditions.some(({ type, status }) => type === "Ready" && status === "True");
    const settled = ready || lifecycleState === "FAILED" || lifecycleState === "ROLLED_BACK";
    if (quiet && settled && ended(world)) return;
    still = quiet && settled ? still + 1 : 0;
    world.tick();
  }
}

/** Whether the cluster is as the spec asks. */
export function ended(world: World): boolean {
  const suspended = world.resource.spec.job?.state === "suspended";
  return suspended
    ? world.deployment === undefined && world.pods.length === 0
    : world.job?.state === "RUNNING";
}

/** What of the cluster's objects follows the spec in place: of the Ingress, of the REST Service, and the log file. */
export function inPlaceOf(world: World): unknown {
  const named = (objects: readonly KubeObject[], name: string): KubeObject | undefined =>
    objects.find(({ metadata }) => metadata.name === name);
  const annotations = (object: KubeObject | undefined): object | undefined => {
    const { "sluice/applied": _, ...rest } = object?.metadata.annotations ?? {};
    return object && rest;
  };
  const { data } = (named(world.configMaps, "flink-config-job") ?? {}) as { data?: Record<string, string> };
  return {
    ingress: annotations(world.ingress),
    rules: (world.ingress?.["spec"] as { rules?: unknown } | undefined)?.rules,
    service: annotations(named(world.services, "job-rest")),
    log: data?.[LOG_FILE],
  };
}

/** The same, as the spec has it. */
export function wantedInPlace(world: World): unknown {
  const { metadata, spec } = world.resource;
  const owner = { name: metadata.name, namespace: "default", uid: "owner" };
  const config = flattenConfiguration(spec.flinkConfiguration);
  const ingress = renderIngress(owner, spec.ingress, config);
  const service = getMap(config, { key: "kubernetes.rest-service.annotations" });
  return {
    ingress: ingress && (ingress.metadata.annotations ?? {}),
    rules: (ingress?.["spec"] as { rules?: unknown } | undefined)?.rules,
    service: service ?? {},
    log: spec.logConfiguration?.[LOG_FILE],
  };
}

/** For the message of a failure. */
export function explain(world: World): string {
  return JSON.stringify(
    { starts: world.starts, status: world.resource.status, job: world.job },
    undefined,
    1,
  );
}
