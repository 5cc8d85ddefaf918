/** Worked traces of rollbacks of session jobs; the rules are those of applications (../deployment/roll-back.test.ts). */
import { describe, expect, it } from "vitest";
import { checkpointAt, checkpoints, flink, job, ok } from "../../../testbed/gen/flink-answers.ts";
import { NOW, withoutHa } from "../../../testbed/gen/flink-deployment.ts";
import { JOB_ID, STARTED } from "../../../testbed/gen/recorded-status.ts";
import {
  deletedJob,
  editedJob,
  jobRunning,
  type JobScene,
  jobSubmitting,
  jobWith,
  recordedCluster,
  sessionCluster,
  sessionJob,
  type SessionJobChange,
  SessionJobTrace,
} from "../../../testbed/gen/session.ts";
import { follow, LEAVING, lists, notListed } from "../../../testbed/gen/session-steps.ts";
import { action, condition, message } from "../../../testbed/gen/trace.ts";
import { parseRecordedSpec } from "../last-reconciled-spec.ts";

const SAVED = "s3://state/savepoints/sp-1";
const MINUTE = 60_000;
const ROLLBACK = "kubernetes.operator.deployment.rollback.enabled";

function option(name: string, value: string): SessionJobChange {
  return ({ spec }) =>
    void (spec.flinkConfiguration = { ...(spec.flinkConfiguration as object | undefined), [name]: value });
}

/** Parallelism 2 ran; parallelism 4 has just been recorded as `record` says, from a savepoint. */
function changed(record: typeof jobRunning, ...changes: SessionJobChange[]): SessionJobTrace {
  const resource = sessionJob(jobWith({ parallelism: 2 }), ...changes, jobRunning({ restore: "savepoint" }));
  const stable = resource.status?.reconciliationStatus?.lastStableSpec ?? "";
  editedJob(jobWith({ parallelism: 4 }))(resource);
  record({ restore: "savepoint", stable: false, job: { upgradeSavepointPath: SAVED } })(resource);
  const recorded = resource.status?.reconciliationStatus;
  if (recorded === undefined) throw new Error("nothing is recorded");
  recorded.lastStableSpec = stable;
  recorded.reconciliationTimestamp = NOW;
  return new SessionJobTrace(resource);
}

/** Submitted, and not seen yet. */
const deployed = (...changes: SessionJobChange[]): SessionJobTrace =>
  changed((details) => jobRunning({ ...details, jobState: "RECONCILING" }), ...changes);

const restored = checkpoints({ restored: { id: 1, externalPath: SAVED } });
const failed = lists("FAILED", {
  checkpoints: restored,
  exceptions: ok({ history: [{ timestamp: NOW, stacktrace: "java.lang.Error: no such topic" }] }),
});

function recorded(trace: SessionJobTrace) {
  const { state, lastReconciledSpec, lastStableSpec } = trace.resource.status?.reconciliationStatus ?? {};
  return {
    state,
    last: parseRecordedSpec(lastReconciledSpec)?.spec.job?.parallelism,
    stable: parseRecordedSpec(lastStableSpec)?.spec.job?.parallelism,
  };
}

/** From the failure to the stable spec's job. */
function goesBack(trace: SessionJobTrace, over: JobScene) {
  follow(trace, [
    { when: "an attempt is recorded", scene: () => over, gives: { actions: [], lifecycle: "ROLLING_BACK" } },
  ]);
  const submitted = trace.pass(over);
  expect(submitted).toMatchObject({ actions: ["submit-job"], lifecycle: "ROLLING_BACK" });
  const { request } = action(submitted, "submit-job");
  expect(request).toMatchObject({ parallelism: 2, savepointPath: SAVED });
  expect(request.jobId).not.toBe(JOB_ID);
  const runs: JobScene = { flink: flink([job("RUNNING", { jobId: request.jobId })]) };
  return follow(trace, [
    { when: "Flink has it", scene: () => runs, gives: { actions: [], lifecycle: "ROLLED_BACK" } },
    {
      when: "it runs",
      scene: () => runs,
      gives: {
        actions: [],
        lifecycle: "ROLLED_BACK",
        jobState: "RUNNING",
        conditions: ["Stalled: RolledBack"],
      },
    },
    { when: "nothing more is done", scene: () => runs, gives: { actions: [], events: [] } },
  ]);
}

/** Rolled back, with its job running. */
function rolledBack(...changes: SessionJobChange[]): SessionJobTrace {
  const trace = deployed(...changes);
  trace.pass(failed);
  goesBack(trace, lists("FAILED", { checkpoints: restored }));
  return trace;
}

const running = (trace: SessionJobTrace): JobScene => ({
  flink: flink([job("RUNNING", { jobId: trace.resource.status?.jobStatus?.jobId ?? "" })]),
});

describe("a change of a session job that fails before it ran", () => {
  it("goes back to the last stable spec, from the state that was saved, and says why", () => {
    const trace = deployed();
    const first = trace.pass(failed);
    expect(first).toMatchObject({ actions: [], lifecycle: "ROLLING_BACK" });
    expect(message(first, "Rollback")).toContain("no such topic");
    expect(first.decision.events.find(({ reason }) => reason === "Rollback")?.component).toBe("Job");
    const end = goesBack(trace, lists("FAILED", { checkpoints: restored }));
    expect(recorded(trace)).toEqual({ state: "ROLLED_BACK", last: 4, stable: 2 });
    expect(end.error).toBe("generation 2 was rolled back: java.lang.Error: no such topic");
    expect(end.status.observedGeneration).toBe(2);
  });

  it("goes on from its own checkpoint, where it made one", () => {
    const trace = deployed();
    trace.pass(lists("FAILED", { checkpoints: checkpointAt("s3://state/checkpoints/chk-9") }));
    trace.pass(lists("FAILED"));
    const { request } = action(trace.pass(lists("FAILED")), "submit-job");
    expect(request).toMatchObject({ parallelism: 2, savepointPath: "s3://state/checkpoints/chk-9" });
  });

  it.each<[string, SessionJobChange[], string]>([
    ["is left alone when rollback is switched off", [option(ROLLBACK, "false")], "FAILED"],
    ["is rolled back when it is switched on", [option(ROLLBACK, "true")], "ROLLING_BACK"],
    ["is rolled back when nothing is said", [], "ROLLING_BACK"],
  ])("%s", (_what, changes, lifecycle) => {
    expect(deployed(...changes).pass(failed).lifecycle).toBe(lifecycle);
  });

  it.each<[string, SessionJobTrace]>([
    [
      "nothing ran before",
      new SessionJobTrace(sessionJob(jobRunning({ jobState: "RECONCILING", stable: false }))),
    ],
    ["it has run", new SessionJobTrace(sessionJob(jobRunning({ jobState: "RECONCILING", stable: true })))],
  ])("is left alone when %s", (_what, trace) => {
    expect(trace.pass(failed).lifecycle).toBe("FAILED");
  });

  it("is left alone when it was redeployed from a savepoint of the user's choice", () => {
    const trace = deployed();
    const { reconciliationStatus } = trace.resource.status ?? {};
    const record = JSON.parse(reconciliationStatus?.lastReconciledSpec ?? "{}");
    record.spec.job.savepointRedeployNonce = 7;
    if (reconciliationStatus) reconciliationStatus.lastReconciledSpec = JSON.stringify(record);
    trace.change(jobWith({ savepointRedeployNonce: 7 }));
    expect(trace.pass(failed).lifecycle).toBe("FAILED");
  });
});

describe("a change whose job Flink does not take", () => {
  const refused = (retryAt: number, refusedForSure = true): JobScene => ({
    ...notListed,
    submission: { jobId: JOB_ID, state: "failed", message: "main() threw", refused: refusedForSure, retryAt },
  });

  it("is tried again until the readiness timeout is over, and then rolled back", () => {
    const trace = changed(jobSubmitting);
    follow(trace, [
      {
        when: "refused",
        scene: () => refused(NOW + MINUTE),
        gives: { actions: [], lifecycle: "UPGRADING", conditions: ["Stalled: SubmissionFailed"] },
      },
      {
        when: "its time comes",
        scene: () => refused(NOW),
        after: MINUTE,
        gives: { actions: ["submit-job"], lifecycle: "UPGRADING" },
      },
      {
        when: "its time is over",
        scene: () => refused(NOW),
        after: 5 * MINUTE,
        gives: { actions: [], lifecycle: "ROLLING_BACK" },
      },
    ]);
    expect(goesBack(trace, notListed).error).toBe("generation 2 was rolled back: main() threw");
  });

  it("is waited for as long as its job might still appear", () => {
    const trace = changed(jobSubmitting);
    const outcome = trace.pass(refused(NOW, false), 10 * MINUTE);
    expect(outcome).toMatchObject({ actions: ["submit-job"], lifecycle: "UPGRADING" });
  });

  it("has its time from when it was asked for, not from when it began to wait for its cluster", () => {
    const trace = changed((details) => jobRunning({ ...details, jobState: "FINISHED" }));
    editedJob(jobWith({ parallelism: 6 }))(trace.resource);
    trace.pass(lists("FINISHED"));
    trace.pass(lists("FINISHED"));
    const late = trace.pass(lists("FINISHED"), 10 * MINUTE);
    expect(late.actions).toEqual(["submit-job"]);
    const { jobId } = action(late, "submit-job").request;
    const submission = { jobId, state: "failed", message: "no jar", refused: true, retryAt: 0 } as const;
    expect(trace.pass({ ...lists("FINISHED"), submission }).lifecycle).toBe("UPGRADING");
  });

  it("keeps saying why, when the stable spec's job is not taken either", () => {
    const trace = changed(jobSubmitting);
    trace.pass(refused(NOW), 6 * MINUTE);
    trace.pass(notListed);
    const { jobId } = action(trace.pass(notListed), "submit-job").request;
    const submission = { jobId, state: "failed", message: "no jar", refused: true, retryAt: 0 } as const;
    const outcome = trace.pass({ ...notListed, submission }, 10 * MINUTE);
    expect(outcome).toMatchObject({ actions: ["submit-job"], lifecycle: "ROLLING_BACK" });
    expect(outcome.conditions).toEqual(["Stalled: SubmissionFailed"]);
    expect(condition(outcome, "Stalled")?.message).toContain("no jar");
    expect(outcome.error).toBe("generation 2 was rolled back: main() threw");
  });
});

describe("with rollback switched on", () => {
  const strict = (): SessionJobTrace =>
    deployed(option(ROLLBACK, "true"), option("execution.checkpointing.interval", "10 s"));
  const at = (lastModification: number, completed: number): JobScene => ({
    flink: flink([job("RUNNING", { lastModification })], {
      checkpoints: checkpoints(
        {},
        { counts: { completed, failed: 0, inProgress: 0, restored: 0, total: completed } },
      ),
    }),
  });

  it("a job is stable when it ran undisturbed and completed a checkpoint", () => {
    const trace = strict();
    expect(trace.pass(at(NOW, 0), MINUTE)).toMatchObject({
      lifecycle: "DEPLOYED",
      conditions: ["Reconciling: Verifying"],
    });
    expect(trace.pass(at(trace.now, 5), 1000)).toMatchObject({ lifecycle: "DEPLOYED" });
    expect(trace.pass(at(NOW, 5), 1000)).toMatchObject({
      lifecycle: "STABLE",
      conditions: ["Ready: Running"],
    });
  });

  it("a job that keeps restarting gives way after the readiness timeout", () => {
    const trace = strict();
    expect(trace.pass(at(NOW + 6 * MINUTE, 0), 6 * MINUTE)).toMatchObject({
      actions: ["cancel-job"],
      lifecycle: "ROLLING_BACK",
    });
  });

  it("nobody is blamed while the session cluster does not answer", () => {
    const trace = strict();
    const session = sessionCluster(recordedCluster({ jobManager: "ERROR" }));
    expect(trace.pass({ session }, 60 * MINUTE).lifecycle).toBe("DEPLOYED");
  });
});

describe("after a rollback", () => {
  it("an edit is a change of what runs", () => {
    const trace = rolledBack();
    trace.change(editedJob(jobWith({ parallelism: 3 })));
    expect(trace.pass(running(trace))).toMatchObject({
      actions: ["stop-with-savepoint"],
      lifecycle: "UPGRADING",
    });
    expect(recorded(trace)).toMatchObject({ last: 2, stable: 2 });
  });

  it("the failed spec is tried again in another session cluster", () => {
    const trace = rolledBack();
    const leaving = { ...running(trace), session: LEAVING };
    expect(trace.pass(leaving)).toMatchObject({ actions: ["stop-with-savepoint"], lifecycle: "UPGRADING" });
  });

  it("the stable spec stays in a cluster that keeps its jobs", () => {
    const trace = rolledBack();
    const restarting = sessionCluster(recordedCluster({ state: "UPGRADING" }));
    expect(trace.pass({ ...running(trace), session: restarting })).toMatchObject({
      actions: [],
      lifecycle: "ROLLED_BACK",
    });
  });

  it("a deletion with a savepoint takes it of the job that runs", () => {
    const trace = rolledBack(option("kubernetes.operator.job.savepoint-on-deletion", "true"));
    trace.change(deletedJob());
    const outcome = trace.pass(running(trace));
    expect(action(outcome, "stop-with-savepoint").jobId).toBe(trace.resource.status?.jobStatus?.jobId);
  });

  it("a job that fails starts again with the stable spec, where restarts are asked for", () => {
    const trace = rolledBack(option("kubernetes.operator.job.restart.failed", "true"));
    const { jobId = "" } = trace.resource.status?.jobStatus ?? {};
    const down: JobScene = {
      flink: flink([job("FAILED", { jobId, endTime: STARTED })], {
        checkpoints: checkpointAt("s3://newest"),
      }),
    };
    expect(trace.pass(down).lifecycle).toBe("ROLLING_BACK");
    trace.pass(down);
    expect(action(trace.pass(down), "submit-job").request).toMatchObject({
      parallelism: 2,
      savepointPath: "s3://newest",
    });
  });
});

it("a stateless job goes back to the stable spec as well, empty, and without HA", () => {
  const resource = changed(
    (details) => jobRunning({ ...details, restore: "stateless", jobState: "RECONCILING" }),
    jobWith({ upgradeMode: "stateless" }),
  );
  const session = sessionCluster(withoutHa(), recordedCluster());
  resource.pass({ ...failed, session });
  resource.pass({ ...lists("FAILED"), session });
  const { request } = action(resource.pass({ ...lists("FAILED"), session }), "submit-job");
  expect(request.parallelism).toBe(2);
  expect(request.savepointPath).toBeUndefined();
});

it("the history tells what ran, from which jar and in which Flink", () => {
  const { history = [] } = rolledBack().resource.status ?? {};
  const facts = history.map(({ revision, outcome, spec, restoredFrom }) => {
    const { deploymentName, job: ran } = JSON.parse(spec ?? "") as ReturnType<typeof sessionJob>["spec"];
    return { revision, outcome, restoredFrom, deploymentName, parallelism: ran?.parallelism };
  });
  const common = { deploymentName: "job", restoredFrom: SAVED };
  expect(facts).toEqual([
    { ...common, revision: 1, outcome: "RolledBack", parallelism: 4 },
    { ...common, revision: 2, outcome: "Stable", parallelism: 2 },
  ]);
  expect(history[0]).toMatchObject({ jarURI: "https://example.com/wordcount.jar", flinkVersion: "v2_3" });
  expect(history[0]?.message).toContain("no such topic");
});
