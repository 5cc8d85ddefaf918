/** Builds FlinkStateSnapshots and the jobs that they name, and follows one over several passes. */
import { API_VERSION } from "../../src/api/flink-deployment.ts";
import {
  FLINK_STATE_SNAPSHOT_FINALIZER,
  type FlinkStateSnapshot,
  type FlinkStateSnapshotSpec,
  type FlinkStateSnapshotStatus,
} from "../../src/api/flink-state-snapshot.ts";
import { decideSnapshot, nextSnapshotQuestions } from "../../src/reconcile/snapshot/decide.ts";
import type {
  Disposal,
  ObservedSnapshot,
  SnapshotAnswers,
  SnapshotDecision,
} from "../../src/reconcile/snapshot/draft.ts";
import type { SnapshotTarget } from "../../src/reconcile/snapshot/target.ts";
import { errorMessage } from "../../src/reconcile/status-error.ts";
import { unreachable } from "./flink-answers.ts";
import { type Change, NOW } from "./flink-deployment.ts";
import { options } from "./observed.ts";
import { JOB_ID } from "./recorded-status.ts";

export const SAVEPOINTS = "s3://state/savepoints";
const JOB = { kind: "FlinkDeployment", name: "job" } as const;

/** A savepoint of the job `job` that Sluice has taken on and done nothing for yet. */
export function snapshot(...changes: Change<FlinkStateSnapshot>[]): FlinkStateSnapshot {
  const draft: FlinkStateSnapshot = {
    apiVersion: API_VERSION,
    kind: "FlinkStateSnapshot",
    metadata: {
      name: "snapshot",
      namespace: "default",
      uid: "snapshot-uid",
      generation: 1,
      creationTimestamp: new Date(NOW).toISOString(),
      finalizers: [FLINK_STATE_SNAPSHOT_FINALIZER],
    },
    spec: { jobReference: JOB, savepoint: {} },
  };
  for (const change of changes) change(draft);
  return draft;
}

export function wants(spec: FlinkStateSnapshotSpec): Change<FlinkStateSnapshot> {
  return (draft) => void (draft.spec = { jobReference: JOB, ...spec });
}

export const aCheckpoint = wants({ checkpoint: {} });

export function is(status: FlinkStateSnapshotStatus): Change<FlinkStateSnapshot> {
  return (draft) => void (draft.status = { failures: 0, ...draft.status, ...status });
}

export function going(): Change<FlinkStateSnapshot> {
  return ({ metadata }) => void (metadata.deletionTimestamp = new Date(NOW).toISOString());
}

/** One that Sluice has made, `age` milliseconds ago. */
export function made(
  trigger: "MANUAL" | "PERIODIC" | "UPGRADE",
  age: number,
  ...changes: Change<FlinkStateSnapshot>[]
): FlinkStateSnapshot {
  return snapshot(
    is({ state: "COMPLETED", path: `${SAVEPOINTS}/${trigger}-${age}` }),
    ({ metadata }) => {
      metadata.name = `job-${trigger.toLowerCase()}-${age}`;
      metadata.uid = `uid-${trigger}-${age}`;
      metadata.labels = { "snapshot.trigger-type": trigger };
      metadata.creationTimestamp = new Date(NOW - age).toISOString();
    },
    ...changes,
  );
}

/** A job that runs, and whose JobManager answers. */
export function target(fields: Partial<SnapshotTarget> = {}): SnapshotTarget {
  return {
    ...JOB,
    deleting: false,
    jobId: JOB_ID,
    state: "RUNNING",
    runsOn: true,
    willRun: true,
    reachable: true,
    flinkVersion: "v2_3",
    configuration: { "state.savepoints.dir": SAVEPOINTS },
    restorePaths: [],
    ...fields,
  };
}

export interface SnapshotScene {
  /** Absent: a job that runs; null: none. */
  readonly target?: SnapshotTarget | null;
  /** What Flink would answer; only what is asked reaches the decision, and the rest is unreachable. */
  readonly flink?: SnapshotAnswers;
  readonly disposal?: Disposal;
  readonly failure?: ObservedSnapshot["failure"];
}

/** What one pass came to. */
export interface SnapshotOutcome {
  readonly decision: SnapshotDecision;
  readonly state: string | undefined;
  readonly actions: readonly string[];
  readonly events: readonly string[];
  readonly path: string | undefined;
  readonly failures: number | undefined;
  readonly error: string | undefined;
  readonly after: number | undefined;
}

export class SnapshotTrace {
  now = NOW;
  resource: FlinkStateSnapshot;
  private passes = 0;

  constructor(resource: FlinkStateSnapshot) {
    this.resource = resource;
  }

  /** One pass, `after` milliseconds after the one before. */
  pass(scene: SnapshotScene = {}, after = 1000): SnapshotOutcome {
    this.now += after;
    const known = {
      resource: this.resource,
      target: scene.target === null ? undefined : (scene.target ?? target()),
      disposal: scene.disposal,
    };
    let flink: SnapshotAnswers = {};
    for (;;) {
      const questions = nextSnapshotQuestions({ ...known, flink });
      if (questions.length === 0) break;
      for (const one of questions) flink = { ...flink, [one]: scene.flink?.[one] ?? unreachable() };
    }
    const entropy = (++this.passes).toString(16).padStart(32, "e");
    const observed = { ...known, flink, failure: scene.failure };
    const decision = decideSnapshot(observed, this.now, options({ entropy }));
    const status = JSON.parse(JSON.stringify(decision.status)) as FlinkStateSnapshotStatus;
    this.resource = { ...this.resource, status };
    return {
      decision,
      state: status.state,
      actions: decision.actions.map(({ type }) => type),
      events: decision.events.map(({ reason }) => reason),
      path: status.path,
      failures: status.failures,
      error: errorMessage(status.error),
      after: decision.requeueAfter,
    };
  }
}
