/** Plays Sluice's part in the model of Kubernetes and Flink: looks, decides, writes the status, acts. */
import type { FlinkDeployment, UpgradeMode } from "../../src/api/flink-deployment.ts";
import type { EventRecord, FlinkAnswers, Observed } from "../../src/reconcile/decision.ts";
import { decide } from "../../src/reconcile/deployment/decide.ts";
import { nextQuestions } from "../../src/reconcile/deployment/questions.ts";
import { sameJson } from "../../src/reconcile/last-reconciled-spec.ts";
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
    },
  };
}

/** What a pass would see. */
export function look(world: World): Observed {
  const resource = structuredClone(world.resource);
  const { deployment: found, taskManagers, pods, services, configMaps, snapshots } = world;
  const cluster = structuredClone({ deployment: found, taskManagers, pods, services, configMaps });
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
  let made = 0;
  if (!sameJson(observed.resource.status, decision.status)) {
    if (made++ >= calls) return { quiet: false, calls, events: [] };
    // Optimistic locking: a spec that changed meanwhile makes the write fail.
    if (world.resource.metadata.generation !== observed.resource.metadata.generation)
      return { quiet: false, calls: made, events: [] };
    world.resource = { ...world.resource, status: structuredClone(decision.status) };
  }
  for (const action of decision.actions) {
    if (made++ >= calls) return { quiet: false, calls, events: [] };
    world.execute(structuredClone(action));
  }
  return { quiet: made === 0, calls: made, events: decision.events };
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

/** For the message of a failure. */
export function explain(world: World): string {
  return JSON.stringify(
    { starts: world.starts, status: world.resource.status, job: world.job },
    undefined,
    1,
  );
}
