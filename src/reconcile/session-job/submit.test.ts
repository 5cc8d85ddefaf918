import { describe, expect, it } from "vitest";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import { flink, job, unreachable } from "../../../testbed/gen/flink-answers.ts";
import { deleted, withConfiguration, withFlinkVersion } from "../../../testbed/gen/flink-deployment.ts";
import { LEAVING, NOT_READY } from "../../../testbed/gen/session-steps.ts";
import { JOB_ID } from "../../../testbed/gen/recorded-status.ts";
import {
  decideJobOnce,
  deletedJob,
  editedJob,
  jobAnnounced,
  type JobScene,
  jobSubmitting,
  jobWith,
  OWN_HALF,
  recordedCluster,
  sessionCluster,
  sessionJob,
  type SessionJobChange,
  SessionJobTrace,
} from "../../../testbed/gen/session.ts";
import { action, condition, message, type Outcome, play } from "../../../testbed/gen/trace.ts";
import type { Submission, SubmitJob } from "../decision.ts";
import { parseRecordedSpec } from "../last-reconciled-spec.ts";
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";

const READY = sessionCluster(recordedCluster());
const nothingRuns: JobScene = { flink: flink([]) };

const failed = (refused: boolean, retryAt = 0): Submission => ({
  jobId: JOB_ID,
  state: "failed",
  message: "https://example.com/wordcount.jar: HTTP 404",
  refused,
  retryAt,
});

function recorded(trace: { readonly resource: FlinkSessionJob }) {
  const text = trace.resource.status?.reconciliationStatus?.lastReconciledSpec;
  const { state, upgradeMode, parallelism, jarURI } = parseRecordedSpec(text)?.spec.job ?? {};
  return { state, upgradeMode, parallelism, jarURI };
}

/** What Flink is asked to run. */
function requested(resource: FlinkSessionJob, scene: JobScene = nothingRuns): SubmitJob {
  return action(decideJobOnce(resource, scene), "submit-job");
}

describe("a new session job", () => {
  it("is taken on, recorded, submitted, and runs", () => {
    const trace = new SessionJobTrace(sessionJob(({ metadata }) => void (metadata.finalizers = [])));
    expect(trace.pass().actions).toEqual(["add-finalizer"]);
    trace.change(({ metadata }) => void (metadata.finalizers = sessionJob().metadata.finalizers ?? []));
    const own = () => trace.resource.status?.jobStatus?.jobId ?? "";
    const outcome = play<FlinkSessionJob, JobScene>(trace, [
      { when: "recorded first", gives: { actions: [], lifecycle: "UPGRADING", jobState: "INITIALIZING" } },
      {
        when: "submitted",
        scene: () => nothingRuns,
        gives: {
          actions: ["submit-job"],
          events: ["Submit"],
          jobState: "RECONCILING",
          conditions: ["Reconciling: Submitting"],
        },
      },
      {
        when: "under way",
        scene: () => ({ ...nothingRuns, submission: { jobId: own(), state: "under-way" } }),
        gives: { actions: [], events: [], conditions: ["Reconciling: Submitting"] },
      },
      {
        when: "listed",
        scene: () => ({ flink: flink([job("INITIALIZING", { jobId: own() })]) }),
        gives: { actions: [], lifecycle: "DEPLOYED" },
      },
      {
        when: "running",
        scene: () => ({ flink: flink([job("RUNNING", { jobId: own() })]) }),
        gives: {
          actions: [],
          events: ["JobStatusChanged"],
          lifecycle: "STABLE",
          jobState: "RUNNING",
          conditions: ["Ready: Running"],
        },
      },
    ]);
    expect(condition(outcome, "Ready")?.observedGeneration).toBe(1);
    expect(outcome.status.observedGeneration).toBe(1);
    expect(outcome.status).not.toHaveProperty("jobManagerDeploymentStatus");
    expect(outcome.status).not.toHaveProperty("clusterInfo");
    expect(recorded(trace)).toMatchObject({ state: "running", upgradeMode: "stateless" });
  });

  it("has an id that tells whose it is", () => {
    const trace = new SessionJobTrace(sessionJob());
    trace.pass();
    expect(trace.resource.status?.jobStatus?.jobId).toMatch(new RegExp(`^[0-9a-f]{16}${OWN_HALF}$`));
  });

  it.each<[string, JobScene["session"], string]>([
    ["there is no such FlinkDeployment", null, "SessionClusterMissing"],
    ["it does not answer yet", NOT_READY, "SessionClusterNotReady"],
    ["it is only being made", sessionCluster(), "SessionClusterNotReady"],
    ["it is about to be replaced", LEAVING, "SessionClusterUpgrading"],
    ["it is being deleted", sessionCluster(recordedCluster(), deleted()), "SessionClusterDeleting"],
  ])("waits for its session cluster: %s", (_, session, reason) => {
    const outcome = decideJobOnce(sessionJob(), { session: session ?? null });
    expect(outcome).toMatchObject({ actions: [], events: [], conditions: [`Reconciling: ${reason}`] });
    expect(outcome.lifecycle).toBe("CREATED");
  });

  it("that is created suspended is left alone, and says so", () => {
    const outcome = decideJobOnce(sessionJob(jobWith({ state: "suspended" })));
    expect(outcome).toMatchObject({ actions: [], conditions: ["Ready: Suspended"] });
    expect(outcome.status.observedGeneration).toBe(1);
  });

  it("starts from the savepoint that it is given", () => {
    const trace = new SessionJobTrace(sessionJob(jobWith({ initialSavepointPath: "s3://start" })));
    trace.pass();
    const { request } = action(trace.pass(nothingRuns), "submit-job");
    expect(request).toMatchObject({ savepointPath: "s3://start", claimMode: "NO_CLAIM" });
  });

  it("in an application cluster is refused", () => {
    const application = sessionCluster(recordedCluster(), ({ spec }) => void (spec.job = { parallelism: 1 }));
    const outcome = decideJobOnce(sessionJob(), { session: application });
    expect(outcome.conditions).toEqual(["Stalled: ValidationError"]);
    expect(outcome.error).toContain("is an application cluster");
  });

  it("in a cluster of an unsupported version is left alone", () => {
    const session = sessionCluster(withFlinkVersion("v1_14"), recordedCluster());
    const outcome = decideJobOnce(sessionJob(), { session });
    expect(outcome).toMatchObject({
      events: ["UnsupportedFlinkVersion"],
      conditions: ["Stalled: Unsupported"],
    });
    expect(condition(outcome, "Stalled")?.message).toBe(
      "spec.deploymentName: Flink version v1_14 of the session cluster is not supported",
    );
  });
});

describe("an attempt that is announced, and for which nothing was asked of Flink yet", () => {
  const announced = (...changes: SessionJobChange[]): SessionJobTrace =>
    new SessionJobTrace(
      sessionJob(
        jobAnnounced({ restore: "savepoint", job: { upgradeSavepointPath: "s3://sp" } }),
        ...changes,
      ),
    );
  const redeploy = jobWith({ savepointRedeployNonce: 1, initialSavepointPath: "s3://other" });

  it.each<[string, SessionJobChange[], JobScene, Partial<Outcome>]>([
    [
      "goes ahead in a cluster that is ready",
      [],
      nothingRuns,
      { actions: ["submit-job"], jobState: "RECONCILING" },
    ],
    [
      "is taken back in one that is about to go, which may not have seen it",
      [],
      { ...nothingRuns, session: LEAVING },
      { actions: [], jobState: "FINISHED", conditions: ["Reconciling: SessionClusterUpgrading"] },
    ],
    [
      "waits for one that is not ready",
      [],
      { session: NOT_READY },
      { actions: [], jobState: "INITIALIZING" },
    ],
    ["waits for one that is not there", [], { session: null }, { actions: [], jobState: "INITIALIZING" }],
    [
      "waits until nothing else of the resource runs",
      [],
      { flink: flink([job("RUNNING", { jobId: `ffffffffffffffff${OWN_HALF}` })]) },
      { actions: ["cancel-job"], jobState: "INITIALIZING" },
    ],
    [
      "gives way to suspension",
      [editedJob(jobWith({ state: "suspended" }))],
      nothingRuns,
      { lifecycle: "SUSPENDED" },
    ],
    [
      "gives way to a redeployment",
      [editedJob(redeploy)],
      nothingRuns,
      { actions: [], jobState: "FINISHED" },
    ],
    ["is no obstacle to deletion", [deletedJob()], nothingRuns, { actions: ["remove-finalizer"] }],
  ])("%s", (_, changes, scene, expected) => {
    expect(announced(...changes).pass(scene)).toMatchObject(expected);
  });

  it("is announced anew for a newer spec", () => {
    const trace = announced(editedJob(jobWith({ parallelism: 5 })));
    expect(trace.pass(nothingRuns)).toMatchObject({ actions: [], jobState: "INITIALIZING" });
    expect(recorded(trace).parallelism).toBe(5);
    expect(trace.resource.status?.jobStatus?.upgradeSavepointPath).toBe("s3://sp");
  });
});

describe("what Flink is asked to run", () => {
  const submitting = (...changes: SessionJobChange[]): FlinkSessionJob =>
    sessionJob(...changes, jobSubmitting({ restore: "savepoint", job: { upgradeSavepointPath: "s3://sp" } }));

  it("is the recorded spec, under the recorded id, from the recorded state", () => {
    const resource = submitting(jobWith({ args: ["--rate", "1"], allowNonRestoredState: true }));
    const { request, jarURI, timeout } = requested(resource);
    expect(request).toEqual({
      jobId: JOB_ID,
      entryClass: "WordCount",
      programArgsList: ["--rate", "1"],
      parallelism: 2,
      savepointPath: "s3://sp",
      claimMode: "NO_CLAIM",
      allowNonRestoredState: true,
      flinkConfiguration: {
        "pipeline.name": "wordcount",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
      },
    });
    expect({ jarURI, timeout }).toEqual({ jarURI: "https://example.com/wordcount.jar", timeout: 600_000 });
  });

  it("is the recorded one also after an edit, as long as it is not certain that the last request had no effect", () => {
    const resource = submitting(editedJob(jobWith({ parallelism: 9 })));
    expect(requested(resource).request.parallelism).toBe(9);
    const later = submitting();
    editedJob(jobWith({ parallelism: 7 }))(later);
    expect(requested(later).request).toMatchObject({ jobId: JOB_ID, parallelism: 2 });
    expect(requested(later, { ...nothingRuns, submission: failed(false) }).request.parallelism).toBe(2);
  });

  it("has the job's own options, what makes it a job, and none of the operator's or of Flink's internal ones", () => {
    const own = {
      "pipeline.name": "mine",
      state: { backend: { type: "rocksdb" } },
      "kubernetes.operator.savepoint.format.type": "NATIVE",
      "$internal.pipeline.job-id": "f".repeat(32),
      "execution.savepoint.path": "s3://sneaked",
      "execution.state-recovery.path": "s3://sneaked",
    };
    const resource = submitting(jobWith({ upgradeMode: "last-state" }), ({ spec }) => {
      spec.flinkConfiguration = own;
    });
    const bare = sessionCluster(
      withConfiguration({ "execution.checkpointing.interval": null }),
      recordedCluster(),
    );
    expect(requested(resource, { ...nothingRuns, session: bare }).request.flinkConfiguration).toEqual({
      "pipeline.name": "mine",
      "state.backend.type": "rocksdb",
      "execution.checkpointing.interval": "5 min",
      "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    });
  });

  it("leaves out what the cluster says already", () => {
    const session = sessionCluster(
      withConfiguration({
        "execution.checkpointing.externalized-checkpoint-retention": "DELETE_ON_CANCELLATION",
      }),
      recordedCluster(),
    );
    const { flinkConfiguration } = requested(submitting(), { ...nothingRuns, session }).request;
    expect(flinkConfiguration).toEqual({ "pipeline.name": "wordcount" });
  });

  it("is in the words of the cluster's Flink, as it is deployed", () => {
    const at = (version: "v1_16" | "v1_19"): SubmitJob["request"] => {
      const session = sessionCluster(withFlinkVersion(version), recordedCluster(), withFlinkVersion("v2_3"));
      return requested(submitting(), { ...nothingRuns, session }).request;
    };
    expect(at("v1_19")).toMatchObject({ restoreMode: "NO_CLAIM", flinkConfiguration: {} });
    expect(at("v1_19")).not.toHaveProperty("claimMode");
    expect(at("v1_16")).not.toHaveProperty("flinkConfiguration");
  });

  it("starts empty only where that is recorded", () => {
    const stateless = sessionJob(
      jobSubmitting({ restore: "stateless", job: { upgradeSavepointPath: "s3://old" } }),
    );
    expect(requested(stateless).request).not.toHaveProperty("savepointPath");
  });

  it("may be without a jar", () => {
    expect(requested(submitting(jobWith({ jarURI: null }))).jarURI).toBeUndefined();
  });
});

describe("an attempt", () => {
  const submitting = (...changes: SessionJobChange[]): FlinkSessionJob =>
    sessionJob(jobSubmitting({ restore: "savepoint", job: { upgradeSavepointPath: "s3://sp" } }), ...changes);

  it.each<[string, JobScene, string[], string]>([
    ["is repeated by an operator that knows nothing of it", nothingRuns, ["submit-job"], "Submitting"],
    [
      "is not repeated while it is under way",
      { ...nothingRuns, submission: { jobId: JOB_ID, state: "under-way" } },
      [],
      "Submitting",
    ],
    [
      "is over when Flink has the job, also unlisted yet",
      { ...nothingRuns, submission: { jobId: JOB_ID, state: "done" } },
      [],
      "JobStarting",
    ],
    [
      "is over when the job is listed, though the request failed",
      { flink: flink([job("FAILED")]), submission: failed(true) },
      [],
      "JobStarting",
    ],
    ["waits while Flink does not answer", { flink: { jobs: unreachable() } }, [], "FlinkUnreachable"],
    ["waits for its session cluster", { session: NOT_READY }, [], "SessionClusterNotReady"],
    [
      "of another id is nothing to go by",
      { ...nothingRuns, submission: { jobId: "f".repeat(32), state: "done" } },
      ["submit-job"],
      "Submitting",
    ],
    [
      "is carried through in a cluster that is about to go: the job may be there, unseen",
      { ...nothingRuns, session: LEAVING },
      ["submit-job"],
      "Submitting",
    ],
  ])("%s", (_, scene, actions, reason) => {
    const outcome = decideJobOnce(submitting(), scene);
    expect(outcome).toMatchObject({ actions, conditions: [`Reconciling: ${reason}`] });
  });

  it("that failed is said, kept in the status, and made again when its time has come", () => {
    const trace = new SessionJobTrace(submitting());
    const retryAt = trace.now + 10_000;
    const scene = (): JobScene => ({ ...nothingRuns, submission: failed(true, retryAt) });
    const stalled = { lifecycle: "UPGRADING", conditions: ["Stalled: SubmissionFailed"] } as const;
    const outcome = play<FlinkSessionJob, JobScene>(trace, [
      { when: "failed", scene, gives: { actions: [], events: ["Error"], ...stalled } },
      { when: "waiting", scene, gives: { actions: [], events: [], ...stalled } },
      { when: "again", scene, after: 20_000, gives: { actions: ["submit-job"], events: [], ...stalled } },
      {
        when: "under way again",
        scene: () => ({ ...nothingRuns, submission: { jobId: JOB_ID, state: "under-way" } }),
        gives: { actions: [], events: [], ...stalled },
      },
      { when: "there", scene: () => ({ flink: flink([job("RUNNING")]) }), gives: { error: undefined } },
    ]);
    expect(outcome.lifecycle).toBe("DEPLOYED");
  });

  it("comes again when the pause is over, not before", () => {
    const trace = new SessionJobTrace(submitting());
    const outcome = trace.pass({ ...nothingRuns, submission: failed(true, trace.now + 3000) }, 1000);
    expect(outcome.decision.requeueAfter).toBe(2000);
  });

  it.each<[string, SessionJobChange, object]>([
    [
      "for another jar",
      jobWith({ jarURI: "https://example.com/b.jar" }),
      { jarURI: "https://example.com/b.jar" },
    ],
    ["for no job at all", jobWith({ state: "suspended" }), { state: "suspended", upgradeMode: "savepoint" }],
  ])("that was refused is given up %s", (_, change, expected) => {
    const trace = new SessionJobTrace(submitting(editedJob(change)));
    const outcome = trace.pass({ ...nothingRuns, submission: failed(true, Infinity) });
    expect(outcome.actions).toEqual([]);
    expect(recorded(trace)).toMatchObject(expected);
    expect(outcome.status.jobStatus?.upgradeSavepointPath).toBe("s3://sp");
    expect(outcome.status.observedGeneration).toBe(2);
  });

  it("that was refused is given up for another place to start from", () => {
    const trace = new SessionJobTrace(
      submitting(editedJob(jobWith({ savepointRedeployNonce: 1, initialSavepointPath: "s3://other" }))),
    );
    play<FlinkSessionJob, JobScene>(trace, [
      {
        when: "given up",
        scene: () => ({ ...nothingRuns, submission: failed(true, Infinity) }),
        gives: { events: ["SpecChanged"] },
      },
      { when: "recorded", scene: () => nothingRuns, gives: { jobState: "INITIALIZING" } },
    ]);
    expect(action(trace.pass(nothingRuns), "submit-job").request.savepointPath).toBe("s3://other");
  });

  it("that got no answer is carried through, whatever is wanted by now", () => {
    const change = editedJob(jobWith({ state: "suspended" }));
    const scene = { ...nothingRuns, submission: failed(false) };
    expect(decideJobOnce(submitting(change), scene).actions).toEqual(["submit-job"]);
    expect(decideJobOnce(submitting(change), nothingRuns).actions).toEqual(["submit-job"]);
  });

  it("that was refused in a cluster that is about to go is made again in the next one", () => {
    const trace = new SessionJobTrace(submitting());
    play<FlinkSessionJob, JobScene>(trace, [
      {
        when: "given up",
        scene: () => ({ ...nothingRuns, session: LEAVING, submission: failed(true, Infinity) }),
        gives: { actions: [], jobState: "FINISHED", conditions: ["Reconciling: SessionClusterUpgrading"] },
      },
      {
        when: "the next cluster",
        scene: () => ({ ...nothingRuns, session: READY }),
        gives: { jobState: "INITIALIZING" },
      },
    ]);
    expect(action(trace.pass(nothingRuns), "submit-job").request.savepointPath).toBe("s3://sp");
  });

  it("waits until no other job of the resource runs: a request that was lost may have had its effect late", () => {
    const stray = job("RUNNING", { jobId: `ffffffffffffffff${OWN_HALF}` });
    const outcome = decideJobOnce(submitting(), {
      flink: flink([stray, job("RUNNING", { jobId: "f".repeat(32) })]),
    });
    expect(outcome.actions).toEqual(["cancel-job"]);
    expect(action(outcome, "cancel-job").jobId).toBe(stray.jobId);
    const ended = { flink: flink([{ ...stray, state: "CANCELED" as const }]) };
    expect(decideJobOnce(submitting(), ended).actions).toEqual(["submit-job"]);
  });

  it("never starts where nobody knows how far the job came", () => {
    const trace = new SessionJobTrace(
      sessionJob(
        jobSubmitting({ restore: "savepoint", job: { upgradeSavepointPath: LAST_STATE_MARKER } }),
        editedJob(jobWith({ parallelism: 3 })),
      ),
    );
    const outcome = trace.pass({ ...nothingRuns, submission: failed(true, Infinity) });
    expect(outcome).toMatchObject({ actions: [], conditions: ["Stalled: RestoreFailed"] });
    expect(message(outcome, "RestoreFailed")).toContain("savepointRedeployNonce");
  });
});
