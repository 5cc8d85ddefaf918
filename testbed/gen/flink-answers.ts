/** Builds answers of Flink's REST API. */
import type { FlinkJobState } from "../../src/api/flink-deployment.ts";
import type {
  CheckpointStatistics,
  FlinkAnswer,
  JobException,
  JobOverview,
} from "../../src/flink/rest-answers.ts";
import type { FlinkAnswers } from "../../src/reconcile/decision.ts";
import { JOB_ID, STARTED } from "./recorded-status.ts";

export const ok = <T>(value: T): FlinkAnswer<T> => ({ ok: true, value });

export function refused(status: number, message = "Flink says no"): FlinkAnswer<never> {
  return { ok: false, failure: { kind: "http", status, message } };
}

/** Flink was not asked for it, or has forgotten. */
export function unknownTrigger(type: "savepoint" | "checkpoint"): FlinkAnswer<never> {
  return refused(404, `There is no ${type} operation with triggerId=${"0".repeat(32)} for job ${JOB_ID}.`);
}

export function unreachable(message = "connection refused"): FlinkAnswer<never> {
  return { ok: false, failure: { kind: "unreachable", message } };
}

export function job(state: FlinkJobState, fields: Partial<JobOverview> = {}): JobOverview {
  return { jobId: JOB_ID, name: "example", state, startTime: STARTED, lastModification: STARTED, ...fields };
}

/** A JobManager that answers everything: what it was not told about is empty, and there is no savepoint. */
export function flink(jobs: readonly JobOverview[] = [], answers: FlinkAnswers = {}): Required<FlinkAnswers> {
  return {
    config: ok({ flinkVersion: "2.3.0", flinkRevision: "0123abc" }),
    jobs: ok(jobs),
    applications: ok([]),
    checkpoints: checkpoints({}),
    exceptions: ok({ history: [] }),
    savepoint: unknownTrigger("savepoint"),
    checkpoint: unknownTrigger("checkpoint"),
    metrics: ok({}),
    ...answers,
  };
}

/** The JobManager's process runs, and its REST API does not answer. */
export function silence(): Required<FlinkAnswers> {
  return {
    config: unreachable(),
    jobs: unreachable(),
    applications: unreachable(),
    checkpoints: unreachable(),
    exceptions: unreachable(),
    savepoint: unreachable(),
    metrics: unreachable(),
    checkpoint: unreachable(),
  };
}

const NO_COUNTS = { completed: 0, failed: 0, inProgress: 0, restored: 0, total: 0 };

/** Statistics with these newest checkpoints and savepoints. */
export function checkpoints(
  latest: CheckpointStatistics["latest"],
  fields: Partial<CheckpointStatistics> = {},
): FlinkAnswer<CheckpointStatistics> {
  return ok({ latest, counts: NO_COUNTS, history: [], ...fields });
}

/** Statistics whose newest completed checkpoint is at `path`. */
export function checkpointAt(path: string, completionTime?: number): FlinkAnswer<CheckpointStatistics> {
  const time = completionTime === undefined ? {} : { completionTime };
  return checkpoints({ completed: { id: 6, externalPath: path, ...time } });
}

export function exceptions(...history: readonly JobException[]): NonNullable<FlinkAnswers["exceptions"]> {
  return ok({ history });
}
