import { describe, expect, it } from "vitest";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import {
  checkpointAt,
  checkpoints,
  flink,
  job,
  ok,
  refused,
  unreachable,
} from "../../../testbed/gen/flink-answers.ts";
import { NOW } from "../../../testbed/gen/flink-deployment.ts";
import { JOB_ID, STARTED } from "../../../testbed/gen/recorded-status.ts";
import {
  decideJobOnce,
  editedJob,
  jobCancelling,
  jobRunning,
  type JobScene,
  jobStopped,
  jobStopping,
  jobSuspended,
  jobWith,
  OWN_HALF,
  sessionJob,
  type SessionJobChange,
} from "../../../testbed/gen/session.ts";
import {
  follow,
  lists,
  NOT_READY,
  notListed,
  recordedOf,
  savedAt,
  startsAgain,
  traceOf,
} from "../../../testbed/gen/session-steps.ts";
import { action, message } from "../../../testbed/gen/trace.ts";
import type { Action } from "../decision.ts";
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";

describe("a running session job", () => {
  it.each<[string, SessionJobChange, JobScene]>([
    ["runs", jobRunning(), lists("RUNNING")],
    ["has finished", jobRunning({ jobState: "FINISHED" }), lists("FINISHED")],
    [
      "has finished, and its session cluster is gone",
      jobRunning({ jobState: "FINISHED" }),
      { session: null },
    ],
    ["has finished, and the JobManager has forgotten it", jobRunning({ jobState: "FINISHED" }), notListed],
    ["has failed", jobRunning({ jobState: "FAILED", error: "boom" }), lists("FAILED")],
    ["is without its session cluster", jobRunning(), { session: null }],
    ["is in a cluster that is not ready", jobRunning(), { session: NOT_READY }],
    ["is lost", jobRunning(), notListed],
    ["cannot be asked about", jobRunning(), { flink: { jobs: unreachable() } }],
    ["restarts", jobRunning(), lists("RESTARTING")],
  ])("that %s comes to rest: the second look changes nothing", (_, status, scene) => {
    const trace = traceOf(status);
    trace.pass(scene);
    const before = structuredClone(trace.resource.status);
    expect(trace.pass(scene)).toMatchObject({ actions: [], events: [] });
    expect(trace.resource.status).toEqual(before);
  });

  it.each<[string, SessionJobChange, JobScene, string]>([
    ["runs", jobRunning(), lists("RUNNING"), "Ready: Running"],
    ["restarts", jobRunning(), lists("RESTARTING"), "Reconciling: JobNotRunning"],
    ["finished", jobRunning({ jobState: "FINISHED" }), lists("FINISHED"), "Ready: Finished"],
    ["failed", jobRunning({ jobState: "FAILED", error: "boom" }), lists("FAILED"), "Stalled: JobFailed"],
    ["has no cluster", jobRunning(), { session: null }, "Reconciling: SessionClusterMissing"],
    [
      "has a cluster that is not ready",
      jobRunning(),
      { session: NOT_READY },
      "Reconciling: SessionClusterNotReady",
    ],
    [
      "cannot be asked about",
      jobRunning(),
      { flink: { jobs: unreachable() } },
      "Reconciling: FlinkUnreachable",
    ],
  ])("that %s says so", (_, status, scene, expected) => {
    expect(decideJobOnce(sessionJob(status), scene).conditions).toEqual([expected]);
  });

  it("is not known to run while its cluster is not ready, and runs again when HA has brought it back", () => {
    follow(traceOf(jobRunning({ restore: "savepoint" })), [
      {
        when: "not ready",
        scene: () => ({ session: NOT_READY }),
        gives: { actions: [], jobState: "RECONCILING" },
      },
      {
        when: "back",
        scene: () => lists("RUNNING"),
        gives: { jobState: "RUNNING", lifecycle: "STABLE", conditions: ["Ready: Running"] },
      },
    ]);
  });

  it("has its exceptions told", () => {
    const exceptions = ok({ history: [{ timestamp: STARTED, stacktrace: "java.lang.Boom: x" }] });
    const outcome = decideJobOnce(sessionJob(jobRunning()), lists("RESTARTING", { exceptions }));
    expect(outcome.events).toContain("JobException");
  });

  it("that fails keeps where its state is, and waits for a change", () => {
    const trace = traceOf(jobRunning({ restore: "savepoint", job: { upgradeSavepointPath: "s3://start" } }));
    const scene = () => lists("FAILED", { checkpoints: checkpointAt("s3://chk-6") });
    follow(trace, [
      {
        when: "failed",
        scene,
        gives: { actions: [], lifecycle: "FAILED", conditions: ["Stalled: JobFailed"] },
      },
      {
        when: "changed",
        edit: editedJob(jobWith({ parallelism: 3 })),
        scene,
        gives: { events: ["SpecChanged"], lifecycle: "UPGRADING" },
      },
    ]);
    startsAgain(trace, "s3://chk-6");
  });

  it("that could not be restored keeps the path that it was to start from", () => {
    const trace = traceOf(
      jobRunning({
        restore: "savepoint",
        jobState: "RECONCILING",
        job: { upgradeSavepointPath: "s3://start" },
      }),
    );
    const outcome = trace.pass(lists("FAILED", { checkpoints: checkpoints({}) }));
    expect(outcome.status.jobStatus?.upgradeSavepointPath).toBe("s3://start");
  });

  it("that fails starts again from its newest checkpoint where that is asked for", () => {
    const restart = ({ spec }: FlinkSessionJob) => {
      spec.flinkConfiguration = { "kubernetes.operator.job.restart.failed": "true" };
    };
    const trace = traceOf(restart, jobRunning({ restore: "savepoint" }));
    const scene = () => lists("FAILED", { checkpoints: checkpointAt("s3://chk-6") });
    follow(trace, [{ when: "failed", scene, gives: { lifecycle: "UPGRADING" } }]);
    startsAgain(trace, "s3://chk-6");
  });

  it("that somebody cancelled starts again from its newest checkpoint", () => {
    const trace = traceOf(jobRunning({ restore: "savepoint" }));
    const scene = () => lists("CANCELED", { checkpoints: checkpointAt("s3://chk-6") });
    follow(trace, [{ when: "cancelled", scene, gives: { lifecycle: "UPGRADING" } }]);
    startsAgain(trace, "s3://chk-6");
  });

  it("ends a job of an earlier attempt that appears beside it", () => {
    const stray = job("RUNNING", { jobId: `aaaaaaaaaaaaaaaa${OWN_HALF}` });
    const outcome = decideJobOnce(sessionJob(jobRunning()), { flink: flink([stray, job("RUNNING")]) });
    expect(action(outcome, "cancel-job").jobId).toBe(stray.jobId);
  });

  it("runs on when its newest spec is invalid", () => {
    const outcome = decideJobOnce(
      sessionJob(jobRunning({ restore: "savepoint" }), editedJob(jobWith({ parallelism: 0 }))),
      lists("RUNNING"),
    );
    expect(outcome).toMatchObject({
      actions: [],
      jobState: "RUNNING",
      conditions: ["Stalled: ValidationError"],
    });
    expect(outcome.status.observedGeneration).toBe(1);
  });

  it("does not move to another cluster", () => {
    const outcome = decideJobOnce(
      sessionJob(
        jobRunning(),
        editedJob(({ spec }) => void (spec.deploymentName = "other")),
      ),
      lists("RUNNING"),
    );
    expect(outcome.error).toContain("spec.deploymentName: cannot change, was job");
  });

  it("takes note of a change that needs nothing", () => {
    const outcome = decideJobOnce(
      sessionJob(jobRunning(), editedJob(jobWith({ upgradeMode: "last-state" }))),
      lists("RUNNING"),
    );
    expect(outcome).toMatchObject({ actions: [], events: [], conditions: ["Ready: Running"] });
    expect(outcome.status.observedGeneration).toBe(2);
  });
});

describe("a change", () => {
  const three = editedJob(jobWith({ parallelism: 3 }));

  it("by a savepoint stops the job with one, and starts the next from it", () => {
    const trace = traceOf(jobRunning({ restore: "savepoint" }));
    const stopping = { lifecycle: "UPGRADING", conditions: ["Reconciling: SavepointInProgress"] } as const;
    follow(trace, [
      {
        when: "edited",
        edit: three,
        scene: () => lists("RUNNING"),
        gives: { actions: ["stop-with-savepoint"], events: ["Suspended", "SpecChanged"], ...stopping },
      },
      {
        when: "in progress",
        scene: () => lists("RUNNING", { savepoint: ok({ state: "IN_PROGRESS" }) }),
        gives: { actions: [], events: [], ...stopping },
      },
      {
        when: "saved",
        scene: () => lists("FINISHED", savedAt("s3://sp-1")),
        gives: { actions: [], jobState: "FINISHED" },
      },
    ]);
    expect(recordedOf(trace)).toEqual({ state: "suspended", upgradeMode: "savepoint", parallelism: 3 });
    expect(trace.resource.status?.jobStatus?.savepointInfo?.lastSavepoint?.location).toBe("s3://sp-1");
    startsAgain(trace, "s3://sp-1");
  });

  it("asks for the savepoint under a recorded id, in the directory of the cluster", () => {
    const resource = sessionJob(jobRunning(), three);
    const outcome = decideJobOnce(resource, lists("RUNNING"));
    expect(action(outcome, "stop-with-savepoint")).toMatchObject({
      jobId: JOB_ID,
      triggerId: outcome.status.jobStatus?.savepointInfo?.triggerId,
      targetDirectory: "s3://state/savepoints",
    });
  });

  it("from the last state cancels the job and takes its newest checkpoint", () => {
    const trace = traceOf(jobWith({ upgradeMode: "last-state" }), jobRunning({ restore: "savepoint" }));
    follow(trace, [
      {
        when: "edited",
        edit: three,
        scene: () => lists("RUNNING"),
        gives: { actions: ["cancel-job"], jobState: "CANCELLING", lifecycle: "UPGRADING" },
      },
      { when: "going", scene: () => lists("CANCELLING"), gives: { actions: [], jobState: "CANCELLING" } },
      {
        when: "gone",
        scene: () => lists("CANCELED", { checkpoints: checkpointAt("s3://chk-9") }),
        gives: { actions: [], jobState: "CANCELED" },
      },
    ]);
    expect(recordedOf(trace)).toEqual({ state: "suspended", upgradeMode: "savepoint", parallelism: 3 });
    startsAgain(trace, "s3://chk-9");
  });

  it("from the last state does not believe that there is none until Flink has said so", () => {
    const trace = traceOf(
      jobWith({ upgradeMode: "last-state" }),
      jobCancelling({ restore: "savepoint" }),
      three,
    );
    const outcome = trace.pass(lists("CANCELED", { checkpoints: unreachable() }));
    expect(outcome).toMatchObject({
      actions: [],
      jobState: "CANCELLING",
      conditions: ["Reconciling: Cancelling"],
    });
  });

  it("of a stateless job cancels it and starts the next empty, when certainly nothing of it runs", () => {
    const trace = traceOf(
      jobWith({ upgradeMode: "stateless" }),
      jobRunning({ job: { upgradeSavepointPath: "s3://old" } }),
    );
    follow(trace, [
      {
        when: "edited",
        edit: three,
        scene: () => lists("RUNNING"),
        gives: { actions: ["cancel-job"], lifecycle: "UPGRADING" },
      },
      {
        when: "the request was lost",
        scene: () => lists("RUNNING"),
        gives: { actions: ["cancel-job"], conditions: ["Reconciling: Cancelling"] },
      },
      {
        when: "going",
        scene: () => lists("CANCELLING"),
        gives: { actions: [], conditions: ["Reconciling: Cancelling"] },
      },
    ]);
    startsAgain(trace, undefined);
  });

  it("by restartNonce is a change like any other", () => {
    const outcome = decideJobOnce(
      sessionJob(
        jobRunning({ restore: "savepoint" }),
        editedJob(({ spec }) => void (spec.restartNonce = 1)),
      ),
      lists("RUNNING"),
    );
    expect(outcome.actions).toEqual(["stop-with-savepoint"]);
    expect(message(outcome, "SpecChanged")).toContain("Diff: FlinkSessionJobSpec[restartNonce : null -> 1]");
  });

  it("waits while the session cluster cannot be asked", () => {
    const outcome = decideJobOnce(sessionJob(jobRunning({ restore: "savepoint" }), three), {
      session: NOT_READY,
    });
    expect(outcome).toMatchObject({ actions: [], conditions: ["Reconciling: UpgradePending"] });
    expect(outcome.status.observedGeneration).toBe(1);
  });

  it("whose savepoint fails leaves the job running, says why, and tries again", () => {
    const trace = traceOf(jobStopping({ restore: "savepoint" }), three);
    const failure = ok({ state: "COMPLETED" as const, failure: "disk full" });
    follow(trace, [
      {
        when: "failed",
        scene: () => lists("RUNNING", { savepoint: failure }),
        gives: { events: ["SavepointError"], error: "disk full", jobState: "RUNNING" },
      },
      {
        when: "not at once",
        scene: () => lists("RUNNING"),
        gives: { actions: [], conditions: ["Reconciling: SavepointFailed"] },
      },
      {
        when: "later",
        after: 40_000,
        scene: () => lists("RUNNING"),
        gives: { actions: ["stop-with-savepoint"] },
      },
    ]);
  });

  it("whose savepoint the JobManager forgot is asked for again, with the same id", () => {
    const outcome = decideJobOnce(
      sessionJob(jobStopping({ restore: "savepoint" }), three),
      lists("RUNNING", { savepoint: refused(404) }),
    );
    expect(outcome.actions).toEqual(["stop-with-savepoint"]);
  });

  it("during which the job got lost is not made from an older state than the newest", () => {
    const trace = traceOf(
      jobStopping({ restore: "savepoint" }),
      ({ status }) => void (status!.jobStatus!.upgradeSavepointPath = "s3://older"),
      three,
    );
    const path = `s3://state/savepoints/savepoint-${JOB_ID.slice(0, 6)}-1`;
    const retained = { kind: "found", path, checkpointId: 9, completed: NOW } as const;
    follow(trace, [
      { when: "lost", scene: () => notListed, gives: { actions: [], jobState: "RECONCILING" } },
      {
        when: "found",
        scene: () => ({ ...notListed, retained }),
        gives: { actions: [], events: ["RestoringFromCheckpoint", "SpecChanged"], lifecycle: "UPGRADING" },
      },
    ]);
    // The savepoint of which nobody heard is looked for as well.
    expect(trace.asked.at(-1)?.asked?.prefix).toBe(`savepoint-${JOB_ID.slice(0, 6)}-`);
    startsAgain(trace, path);
  });

  it("during which the cluster is not ready waits, and forgets nothing", () => {
    for (const status of [jobStopping, jobCancelling]) {
      const resource = sessionJob(status({ restore: "savepoint" }), three);
      const outcome = decideJobOnce(resource, { session: NOT_READY });
      expect(outcome.status.jobStatus).toMatchObject(resource.status?.jobStatus ?? {});
      expect(outcome.conditions).toEqual(["Reconciling: SessionClusterNotReady"]);
    }
  });
});

describe("suspension", () => {
  it("saves the state, and resuming starts from it", () => {
    const trace = traceOf(jobRunning({ restore: "savepoint" }));
    follow(trace, [
      {
        when: "edited",
        edit: editedJob(jobWith({ state: "suspended" })),
        scene: () => lists("RUNNING"),
        gives: { actions: ["stop-with-savepoint"] },
      },
      {
        when: "saved",
        scene: () => lists("FINISHED", savedAt("s3://sp-1")),
        gives: { lifecycle: "SUSPENDED" },
      },
      {
        when: "at rest",
        scene: () => lists("FINISHED"),
        gives: { actions: [], events: [], conditions: ["Ready: Suspended"] },
      },
      {
        when: "resumed",
        edit: editedJob(jobWith({ state: "running" })),
        scene: () => lists("FINISHED"),
        gives: { actions: [], events: ["SpecChanged"], lifecycle: "UPGRADING" },
      },
    ]);
    startsAgain(trace, "s3://sp-1");
  });

  it("of a stateless job whose cancellation was lost cancels it", () => {
    const suspended = jobWith({ state: "suspended", upgradeMode: "stateless" });
    const outcome = decideJobOnce(sessionJob(suspended, jobSuspended()), lists("RUNNING"));
    expect(outcome).toMatchObject({ actions: ["cancel-job"], conditions: ["Reconciling: Cancelling"] });
  });

  it("lasts without the session cluster", () => {
    const suspended = jobWith({ state: "suspended" });
    const outcome = decideJobOnce(sessionJob(suspended, jobSuspended({ restore: "savepoint" })), {
      session: null,
    });
    expect(outcome.conditions).toEqual(["Ready: Suspended"]);
  });

  it("that is taken back between stop and start is over", () => {
    const trace = traceOf(jobStopped({ restore: "savepoint", job: { upgradeSavepointPath: "s3://sp" } }));
    follow(trace, [
      {
        when: "suspended after all",
        edit: editedJob(jobWith({ state: "suspended" })),
        scene: () => lists("FINISHED"),
        gives: { lifecycle: "SUSPENDED" },
      },
    ]);
    expect(recordedOf(trace)).toMatchObject({ state: "suspended", upgradeMode: "savepoint" });
  });
});

describe("savepointRedeployNonce", () => {
  const redeploy = editedJob(jobWith({ savepointRedeployNonce: 1, initialSavepointPath: "s3://given" }));

  it.each<[string, SessionJobChange, JobScene, Action["type"][]]>([
    ["running", jobRunning(), lists("RUNNING"), ["cancel-job"]],
    ["failed", jobRunning({ jobState: "FAILED" }), lists("FAILED"), []],
    ["lost", jobRunning({ restore: "savepoint" }), notListed, []],
    ["being stopped", jobStopping(), lists("RUNNING"), ["cancel-job"]],
    ["stopped", jobStopped({ job: { upgradeSavepointPath: LAST_STATE_MARKER } }), lists("FINISHED"), []],
  ])(
    "throws the state of a job that is %s away, and starts from what is given",
    (_, status, scene, actions) => {
      const trace = traceOf(status, redeploy);
      follow(trace, [{ when: "redeployed", scene: () => scene, gives: { actions, lifecycle: "UPGRADING" } }]);
      startsAgain(trace, "s3://given");
    },
  );

  it("waits for the old job to end: two would write for one", () => {
    const trace = traceOf(jobRunning(), redeploy);
    follow(trace, [
      { when: "redeployed", scene: () => lists("RUNNING"), gives: { actions: ["cancel-job"] } },
      { when: "going", scene: () => lists("CANCELLING"), gives: { actions: [], jobState: "FINISHED" } },
    ]);
    startsAgain(trace, "s3://given");
  });
});
