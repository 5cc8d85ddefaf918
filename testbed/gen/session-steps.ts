/** Scenes and steps that worked traces of session jobs share. */
import { expect } from "vitest";
import type { FlinkJobState } from "../../src/api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../src/api/flink-session-job.ts";
import type { SavepointStatus } from "../../src/flink/rest-answers.ts";
import type { FlinkAnswers } from "../../src/reconcile/decision.ts";
import { parseRecordedSpec } from "../../src/reconcile/last-reconciled-spec.ts";
import { flink, job, ok } from "./flink-answers.ts";
import { edited, withImage, withoutHa } from "./flink-deployment.ts";
import { JOB_ID, STARTED } from "./recorded-status.ts";
import {
  type JobScene,
  recordedCluster,
  sessionCluster,
  sessionJob,
  type SessionJobChange,
  SessionJobTrace,
} from "./session.ts";
import { action, type Outcome, play, type Step } from "./trace.ts";

export const NOT_READY = sessionCluster(recordedCluster({ jobManager: "DEPLOYING" }));
/** Without HA, and waiting for its jobs to be stopped for a change. */
export const LEAVING = sessionCluster(
  withoutHa(),
  recordedCluster({ state: "UPGRADING" }),
  edited(withImage("new")),
);

/** Somebody else's job in the same cluster. */
const other = job("RUNNING", { jobId: "f".repeat(32) });

/** Flink lists the recorded job in this state, long since if it is over. */
export function lists(state: FlinkJobState, answers: FlinkAnswers = {}): JobScene {
  return { flink: flink([other, job(state, { endTime: STARTED })], answers) };
}

/** Flink answers and does not know the job. */
export const notListed: JobScene = { flink: flink([other]) };

export function savedAt(location: string): FlinkAnswers {
  const value: SavepointStatus = { state: "COMPLETED", location };
  return { savepoint: ok(value) };
}

export function traceOf(...changes: SessionJobChange[]): SessionJobTrace {
  return new SessionJobTrace(sessionJob(...changes));
}

export function follow(trace: SessionJobTrace, steps: readonly Step<FlinkSessionJob, JobScene>[]): Outcome {
  return play<FlinkSessionJob, JobScene>(trace, steps);
}

/** What is recorded of the job. */
export function recordedOf({ resource }: SessionJobTrace) {
  const text = resource.status?.reconciliationStatus?.lastReconciledSpec;
  const { state, upgradeMode, parallelism } = parseRecordedSpec(text)?.spec.job ?? {};
  return { state, upgradeMode, parallelism };
}

/** From a stopped job to the request for the next one, under an id of its own and with the state that is given. */
export function startsAgain(trace: SessionJobTrace, from: string | undefined): void {
  const when = "nothing of the old job runs";
  follow(trace, [{ when, scene: () => lists("FINISHED"), gives: { actions: [], jobState: "INITIALIZING" } }]);
  const { request } = action(trace.pass(lists("FINISHED")), "submit-job");
  expect(request.savepointPath).toBe(from);
  expect(request.jobId).not.toBe(JOB_ID);
}
