import { describe, expect, it } from "vitest";
import type { FlinkDeployment, JobManagerDeploymentStatus } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import { flink, job, ok, unreachable } from "../../../testbed/gen/flink-answers.ts";
import { deleted, withConfiguration, withoutHa } from "../../../testbed/gen/flink-deployment.ts";
import { JOB_ID } from "../../../testbed/gen/recorded-status.ts";
import {
  decideJobOnce,
  deletedJob,
  jobCancelling,
  jobRunning,
  type JobScene,
  jobStopped,
  jobStopping,
  jobSubmitting,
  jobSuspended,
  OWN_HALF,
  recordedCluster,
  sessionCluster,
  sessionJob,
  type SessionJobChange,
  SessionJobTrace,
} from "../../../testbed/gen/session.ts";
import { condition, message, play } from "../../../testbed/gen/trace.ts";

const going = (...changes: SessionJobChange[]): FlinkSessionJob => sessionJob(...changes, deletedJob());
const lists = (...jobs: ReturnType<typeof job>[]): JobScene => ({ flink: flink(jobs) });
const other = job("RUNNING", { jobId: "f".repeat(32) });

const withSavepoint: SessionJobChange = ({ spec }) => {
  spec.flinkConfiguration = { "kubernetes.operator.job.savepoint-on-deletion": "true" };
};

interface ClusterIs {
  readonly ha?: boolean;
  readonly deleting?: boolean;
  readonly jobManager?: JobManagerDeploymentStatus;
  readonly blocks?: boolean;
}

function session({
  ha = true,
  deleting = false,
  jobManager = "READY",
  blocks = true,
}: ClusterIs): FlinkDeployment {
  return sessionCluster(
    ...(ha ? [] : [withoutHa()]),
    ...(blocks
      ? []
      : [withConfiguration({ "kubernetes.operator.session.deletion.block-on-session-jobs": "false" })]),
    recordedCluster({ jobManager }),
    ...(deleting ? [deleted()] : []),
  );
}

describe("the deletion of a session job", () => {
  it("cancels the job, waits until Flink says that it ended, and lets go", () => {
    const trace = new SessionJobTrace(going(jobRunning({ restore: "savepoint" })));
    play<FlinkSessionJob, JobScene>(trace, [
      {
        when: "asked",
        scene: () => lists(job("RUNNING"), other),
        gives: { actions: ["cancel-job"], events: ["Cleanup"], lifecycle: "DELETING" },
      },
      {
        when: "the request was lost",
        scene: () => lists(job("RUNNING"), other),
        gives: { actions: ["cancel-job"], events: [] },
      },
      { when: "going", scene: () => lists(job("CANCELLING"), other), gives: { actions: [] } },
      { when: "gone", scene: () => lists(job("CANCELED"), other), gives: { actions: ["remove-finalizer"] } },
    ]);
  });

  it.each<[string, FlinkSessionJob, JobScene]>([
    ["was never deployed", going(), {}],
    ["was never deployed and has no cluster", going(), { session: null }],
    ["has finished", going(jobRunning({ jobState: "FINISHED" })), lists(job("FINISHED"))],
    [
      "has failed, and its cluster does not answer",
      going(jobRunning({ jobState: "FAILED" })),
      { session: session({ jobManager: "DEPLOYING" }) },
    ],
    ["is suspended", going(jobSuspended({ restore: "savepoint" })), lists(job("FINISHED"))],
    [
      "is suspended, and its cluster does not answer",
      going(jobSuspended({ restore: "savepoint" })),
      { session: session({ jobManager: "DEPLOYING" }) },
    ],
    ["is stopped", going(jobStopped()), lists(job("CANCELED"))],
    ["is lost", going(jobRunning()), lists(other)],
    ["has lost its cluster", going(jobRunning()), { session: null }],
    ["was to be submitted", going(jobSubmitting()), lists(other)],
  ])("lets go at once of one that %s", (_, resource, scene) => {
    expect(decideJobOnce(resource, scene).actions).toEqual(["remove-finalizer"]);
  });

  it.each<[string, FlinkSessionJob, JobScene]>([
    ["may still run, its cancellation having been lost", going(jobStopped()), lists(job("RUNNING"))],
    ["was suspended without a savepoint and runs", going(jobSuspended()), lists(job("RUNNING"))],
    [
      "has a job of an earlier attempt",
      going(jobRunning()),
      lists(job("CANCELED"), job("RUNNING", { jobId: `aaaaaaaaaaaaaaaa${OWN_HALF}` })),
    ],
    ["is there after a submission that nobody saw end", going(jobSubmitting()), lists(job("CREATED"))],
    ["is being stopped", going(jobStopping()), lists(job("RUNNING"))],
  ])("first cancels one that %s", (_, resource, scene) => {
    expect(decideJobOnce(resource, scene).actions).toEqual(["cancel-job"]);
  });

  it("is not held up by what is wrong with the job, or with its spec", () => {
    const resource = going(
      jobRunning({ jobState: "FAILED", error: "boom" }),
      ({ spec }) => void delete spec.job,
    );
    expect(decideJobOnce(resource, lists(job("FAILED"))).actions).toEqual(["remove-finalizer"]);
  });

  it("waits for a submission under way, which could not be taken back", () => {
    const scene: JobScene = { ...lists(other), submission: { jobId: JOB_ID, state: "under-way" } };
    const outcome = decideJobOnce(going(jobSubmitting()), scene);
    expect(outcome).toMatchObject({ actions: [], conditions: ["Reconciling: Submitting"] });
  });

  it("of another's resource is nobody's business", () => {
    const resource = going(jobRunning(), ({ metadata }) => void (metadata.finalizers = []));
    const outcome = decideJobOnce(resource, lists(job("RUNNING")));
    expect(outcome.actions).toEqual([]);
    expect(outcome.status).toEqual(resource.status);
  });
});

describe("with the session cluster, in any order: a job that cannot be cancelled", () => {
  type Verdict = "let go" | "waits";
  it.each<[ClusterIs, Verdict]>([
    [{ jobManager: "DEPLOYING" }, "waits"],
    [{ jobManager: "DEPLOYED_NOT_READY", ha: false }, "waits"],
    [{ jobManager: "DEPLOYING", deleting: true }, "waits"],
    [{ jobManager: "MISSING", ha: false }, "let go"],
    [{ jobManager: "ERROR", ha: false }, "let go"],
    // HA would bring the job back.
    [{ jobManager: "MISSING" }, "waits"],
    [{ jobManager: "ERROR" }, "waits"],
    [{ jobManager: "MISSING", deleting: true }, "let go"],
    [{ jobManager: "ERROR", deleting: true }, "let go"],
    [{ jobManager: "READY", deleting: true, blocks: false }, "let go"],
    [{ jobManager: "DEPLOYING", deleting: true, blocks: false }, "let go"],
    [{ jobManager: "DEPLOYING", blocks: false }, "waits"],
  ])("in a cluster that is %j: %s", (is, verdict) => {
    const outcome = decideJobOnce(going(jobRunning()), { session: session(is) });
    expect(outcome.actions).toEqual(verdict === "let go" ? ["remove-finalizer"] : []);
    if (verdict === "let go") return;
    expect(outcome.conditions).toEqual(["Reconciling: SessionClusterNotReady"]);
    expect(condition(outcome, "Reconciling")?.message).toMatch(
      /Deleting FlinkDeployment job as well releases it/,
    );
  });

  it("waits while a cluster that should answer does not", () => {
    const outcome = decideJobOnce(going(jobRunning()), { flink: { jobs: unreachable() } });
    expect(outcome).toMatchObject({ actions: [], conditions: ["Reconciling: FlinkUnreachable"] });
  });
});

describe("savepoint-on-deletion", () => {
  it("takes one first, and says where it is", () => {
    const trace = new SessionJobTrace(going(withSavepoint, jobRunning({ restore: "savepoint" })));
    const saved = ok({ state: "COMPLETED" as const, location: "s3://last" });
    const outcome = play<FlinkSessionJob, JobScene>(trace, [
      { when: "asked", scene: () => lists(job("RUNNING")), gives: { actions: ["stop-with-savepoint"] } },
      {
        when: "saved",
        scene: () => ({ flink: flink([job("FINISHED")], { savepoint: saved }) }),
        gives: { actions: [], events: ["JobStatusChanged", "Cleanup"] },
      },
      { when: "gone", scene: () => lists(job("FINISHED")), gives: { actions: ["remove-finalizer"] } },
    ]);
    expect(outcome.status.jobStatus?.savepointInfo?.lastSavepoint?.location).toBe("s3://last");
  });

  it("holds a job back whose savepoint fails, and says how to go on without", () => {
    const failure = ok({ state: "COMPLETED" as const, failure: "disk full" });
    const resource = going(withSavepoint, jobStopping({ restore: "savepoint" }));
    const outcome = decideJobOnce(resource, { flink: flink([job("RUNNING")], { savepoint: failure }) });
    expect(outcome).toMatchObject({ actions: [], conditions: ["Stalled: SavepointOnDeletion"] });
    expect(condition(outcome, "Stalled")?.message).toMatch(/disk full.*Set that option to false/);
  });

  it("is impossible where the cluster is gone, which is said", () => {
    const resource = going(withSavepoint, jobRunning({ restore: "savepoint" }));
    const outcome = decideJobOnce(resource, { session: session({ jobManager: "MISSING", deleting: true }) });
    expect(outcome.actions).toEqual(["remove-finalizer"]);
    expect(message(outcome, "CleanupFailed")).toContain(
      "No savepoint before the deletion: the JobManager is gone",
    );
  });

  it("is not for a job that was cancelled on purpose", () => {
    const resource = going(withSavepoint, jobCancelling({ restore: "savepoint" }));
    expect(decideJobOnce(resource, lists(job("CANCELLING"))).actions).toEqual([]);
  });
});
