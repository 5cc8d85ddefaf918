import { describe, expect, it } from "vitest";
import { withSpecDefaults } from "../api/defaults.ts";
import type { FlinkDeploymentStatus, LifecycleState } from "../api/flink-deployment.ts";
import { flinkSpec, withJob } from "../../testbed/gen/flink-deployment.ts";
import { writeRecordedSpec } from "./last-reconciled-spec.ts";
import { HA_METADATA_GONE, lifecycleState, MANUAL_RESTORE } from "./lifecycle-state.ts";
import { statusError } from "./status-error.ts";

const POSSIBLY =
  "It is possible that the job has finished or terminally failed, or the configmaps have been deleted.";

function recorded(state: "running" | "suspended"): string {
  return writeRecordedSpec({ spec: withSpecDefaults(flinkSpec(withJob({ state }))), firstDeployment: false });
}

const RUNNING = recorded("running");
const SUSPENDED = recorded("suspended");

interface Facts {
  current?: LifecycleState;
  error?: string;
  record?: string;
  stable?: string;
  state?: "DEPLOYED" | "UPGRADING" | "ROLLING_BACK" | "ROLLED_BACK";
  jobManager?: "READY" | "MISSING" | "ERROR" | "DEPLOYING";
  job?: "RUNNING" | "FAILED" | "FINISHED" | "RECONCILING";
}

function statusOf({ current, error, record, stable, state, jobManager, job }: Facts): FlinkDeploymentStatus {
  return {
    ...(current === undefined ? {} : { lifecycleState: current }),
    ...(error === undefined ? {} : { error }),
    ...(jobManager === undefined ? {} : { jobManagerDeploymentStatus: jobManager }),
    jobStatus: job === undefined ? {} : { state: job },
    reconciliationStatus: {
      ...(state === undefined ? {} : { state }),
      ...(record === undefined ? {} : { lastReconciledSpec: record }),
      ...(stable === undefined ? {} : { lastStableSpec: stable }),
    },
  };
}

/** Running, deployed and stable, but for the facts. */
const steady = (facts: Facts = {}): Facts => ({
  record: RUNNING,
  stable: RUNNING,
  state: "DEPLOYED",
  jobManager: "READY",
  job: "RUNNING",
  ...facts,
});

describe("lifecycleState, the first that holds", () => {
  it.each<[string, Facts, LifecycleState]>([
    ["a resource being deleted stays so", steady({ current: "DELETING", error: "x" }), "DELETING"],
    ["a deleted one too", steady({ current: "DELETED" }), "DELETED"],
    ["nothing deployed yet", {}, "CREATED"],
    ["nothing deployed yet, and upgrading is the default state", { state: "UPGRADING" }, "CREATED"],
    [
      "nothing deployed yet, because of an error",
      { error: statusError("ValidationException", "x") },
      "FAILED",
    ],
    ["a stop or a start under way", steady({ state: "UPGRADING" }), "UPGRADING"],
    ["also of a suspended record", steady({ state: "UPGRADING", record: SUSPENDED }), "UPGRADING"],
    ["also of a failed job", steady({ state: "UPGRADING", job: "FAILED" }), "UPGRADING"],
    ["a rollback", steady({ state: "ROLLING_BACK", record: SUSPENDED }), "ROLLING_BACK"],
    ["suspended", steady({ record: SUSPENDED, stable: SUSPENDED, job: "FINISHED" }), "SUSPENDED"],
    ["suspended, of a job that had failed", steady({ record: SUSPENDED, job: "FAILED" }), "SUSPENDED"],
    ["the job failed", steady({ job: "FAILED" }), "FAILED"],
    ["the job of a rolled back spec failed", steady({ state: "ROLLED_BACK", job: "FAILED" }), "FAILED"],
    ...[MANUAL_RESTORE, POSSIBLY, HA_METADATA_GONE].flatMap((text): [string, Facts, LifecycleState][] => {
      const error = statusError("UpgradeFailureException", `before. ${text} after`);
      return [
        [`the JobManager is missing: ${text}`, steady({ jobManager: "MISSING", error }), "FAILED"],
        [`the JobManager fails: ${text}`, steady({ jobManager: "ERROR", error }), "FAILED"],
        [`but a JobManager that is ready is not lost: ${text}`, steady({ error }), "STABLE"],
      ];
    }),
    [
      "the JobManager fails for another reason",
      steady({
        jobManager: "ERROR",
        stable: SUSPENDED,
        error: statusError("DeploymentFailedException", "x"),
      }),
      "DEPLOYED",
    ],
    ["rolled back", steady({ state: "ROLLED_BACK", stable: SUSPENDED }), "ROLLED_BACK"],
    ["what is deployed has run", steady(), "STABLE"],
    ["also when it finished by itself", steady({ job: "FINISHED" }), "STABLE"],
    ["what is deployed has not run yet", steady({ stable: SUSPENDED }), "DEPLOYED"],
    ["nothing was ever stable", { record: RUNNING, state: "DEPLOYED", job: "RECONCILING" }, "DEPLOYED"],
  ])("%s", (_, facts, expected) => {
    expect(lifecycleState(statusOf(facts))).toBe(expected);
  });
});
