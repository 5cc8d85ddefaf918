/** Passes over the model's FlinkDeployment and its FlinkStateSnapshots, each of which may die between any two calls. */
import type { FlinkStateSnapshot } from "../../src/api/flink-state-snapshot.ts";
import type { EventRecord } from "../../src/reconcile/decision.ts";
import { sameJson } from "../../src/reconcile/last-reconciled-spec.ts";
import { decideSnapshot, nextSnapshotQuestions } from "../../src/reconcile/snapshot/decide.ts";
import type {
  ObservedSnapshot,
  SnapshotAnswers,
  SnapshotPassAction,
} from "../../src/reconcile/snapshot/draft.ts";
import { snapshotTypeOf } from "../../src/reconcile/snapshot/resource.ts";
import { targetOfDeployment } from "../../src/reconcile/snapshot/target.ts";
import { unreachable } from "../gen/flink-answers.ts";
import { countedPass } from "./play.ts";
import type { World } from "./world.ts";

const TIMES = { progressInterval: 1000, reconcileInterval: 15_000 };

/** What a pass came to; `quiet` when it had nothing to do. */
export interface PassResult {
  readonly quiet: boolean;
  readonly events: readonly EventRecord[];
}

const DIED: PassResult = { quiet: false, events: [] };

/** One pass over the FlinkDeployment that dies after `calls` calls to the outside. */
export function passDeployment(world: World, calls = Number.POSITIVE_INFINITY): PassResult {
  return countedPass(world, calls);
}

function answersAbout(world: World, known: Pick<ObservedSnapshot, "resource" | "target">): SnapshotAnswers {
  const { resource, target } = known;
  let flink: SnapshotAnswers = {};
  for (;;) {
    const [question] = nextSnapshotQuestions({ ...known, flink, disposal: undefined });
    if (question === undefined) return flink;
    flink = { ...flink, [question]: unreachable() };
    if (!world.isUp || question === "disposal") continue;
    const type = snapshotTypeOf(resource);
    const trigger = world.asked.status(type, target?.jobId ?? "", resource.status?.triggerId ?? "");
    if (type === "savepoint" || !trigger.ok || trigger.value.location === undefined) {
      flink = { ...flink, trigger };
      continue;
    }
    const { location: externalPath } = trigger.value;
    const id = world.asked.taken.indexOf(externalPath);
    const answers = {
      trigger: { state: "COMPLETED", checkpointId: id },
      details: { id, externalPath },
    } as const;
    flink = { ...flink, [question]: { ok: true, value: answers[question] } };
  }
}

function execute(world: World, snapshot: FlinkStateSnapshot, action: SnapshotPassAction): void {
  switch (action.type) {
    case "add-finalizer":
      snapshot.metadata.finalizers = ["flinkstatesnapshots.flink.apache.org/finalizer"];
      return;
    case "remove-finalizer":
      return world.execute({ type: "delete-snapshot", name: "", uid: snapshot.metadata.uid ?? "" });
    case "set-labels":
      snapshot.metadata.labels = { ...snapshot.metadata.labels, ...action.labels };
      return;
    case "trigger-savepoint":
    case "trigger-checkpoint":
    case "dispose-savepoint":
      return world.execute(action);
  }
}

/** One pass over a FlinkStateSnapshot that dies after `calls` calls to the outside. */
export function passSnapshot(
  world: World,
  snapshot: FlinkStateSnapshot,
  calls = Number.POSITIVE_INFINITY,
): PassResult {
  const resource = structuredClone(snapshot);
  const known = {
    resource,
    target: targetOfDeployment(structuredClone(world.resource), {}),
    disposal: undefined,
  };
  const observed = { ...known, flink: answersAbout(world, known), failure: undefined };
  const { actions, events, status } = decideSnapshot(observed, world.now, {
    ...TIMES,
    entropy: world.entropy(),
  });
  let left = calls;
  if (!sameJson(resource.status, status)) {
    if (left-- <= 0) return DIED;
    snapshot.status = structuredClone(status);
  }
  for (const action of actions) {
    if (left-- <= 0) return DIED;
    execute(world, snapshot, structuredClone(action));
  }
  return { quiet: actions.length === 0 && sameJson(resource.status, status), events };
}
