import { describe, expect, it } from "vitest";
import { edited, withImage } from "../../../testbed/gen/flink-deployment.ts";
import {
  decideJobOnce,
  editedJob,
  jobAnnounced,
  jobRunning,
  type JobScene,
  jobStopped,
  jobStopping,
  jobSubmitting,
  jobWith,
  recordedCluster,
  sessionCluster,
  sessionJob,
  type SessionJobChange,
} from "../../../testbed/gen/session.ts";
import {
  follow,
  LEAVING,
  lists,
  NOT_READY,
  notListed,
  savedAt,
  startsAgain,
  traceOf,
} from "../../../testbed/gen/session-steps.ts";
import { JOB_ID } from "../../../testbed/gen/recorded-status.ts";
import { action } from "../../../testbed/gen/trace.ts";

describe("a job that its session cluster does not know any more", () => {
  it("starts again empty, if it is stateless", () => {
    const trace = traceOf(jobWith({ upgradeMode: "stateless" }), jobRunning());
    follow(trace, [
      {
        when: "lost",
        scene: () => notListed,
        gives: { actions: [], events: ["Missing", "JobStatusChanged", "Submit"], lifecycle: "UPGRADING" },
      },
      { when: "recorded", scene: () => notListed, gives: { jobState: "INITIALIZING" } },
    ]);
    expect(action(trace.pass(notListed), "submit-job").request).not.toHaveProperty("savepointPath");
  });

  it.each(["savepoint", "last-state"] as const)(
    "needs a person, if it is %s, started empty and left nothing: nobody knows how far it came",
    (upgradeMode) => {
      const trace = traceOf(jobWith({ upgradeMode }), jobRunning({ restore: "savepoint" }));
      const outcome = follow(trace, [
        {
          when: "lost",
          scene: () => notListed,
          gives: { actions: [], lifecycle: "FAILED", conditions: ["Stalled: RestoreFailed"] },
        },
        {
          when: "changed",
          edit: editedJob(jobWith({ parallelism: 3 })),
          scene: () => notListed,
          gives: { actions: [], lifecycle: "FAILED", conditions: ["Stalled: RestoreFailed"] },
        },
      ]);
      expect(outcome.error).toMatch(/^Job Not Found: .*Manual restore required.*savepointRedeployNonce/);
    },
  );

  it("and that appears again is as good as before", () => {
    follow(traceOf(jobRunning({ restore: "savepoint" })), [
      { when: "lost", scene: () => notListed, gives: { lifecycle: "FAILED" } },
      {
        when: "back",
        scene: () => lists("RUNNING"),
        gives: { lifecycle: "STABLE", error: undefined, conditions: ["Ready: Running"] },
      },
    ]);
  });
});

describe("a session cluster that is about to be replaced", () => {
  const leaving = (scene: JobScene): JobScene => ({ ...scene, session: LEAVING });

  it("has its jobs stopped, each as its upgradeMode says, and they go on in the next one", () => {
    const trace = traceOf(jobRunning({ restore: "savepoint" }));
    follow(trace, [
      {
        when: "leaving",
        scene: () => leaving(lists("RUNNING")),
        gives: { actions: ["stop-with-savepoint"], events: ["Suspended"] },
      },
      {
        when: "saved",
        scene: () => leaving(lists("FINISHED", savedAt("s3://sp-1"))),
        gives: { lifecycle: "UPGRADING", jobState: "FINISHED" },
      },
      {
        when: "waiting",
        scene: () => leaving(lists("FINISHED")),
        gives: { actions: [], conditions: ["Reconciling: SessionClusterUpgrading"] },
      },
      {
        when: "between clusters",
        scene: () => ({ session: NOT_READY }),
        gives: { actions: [], conditions: ["Reconciling: SessionClusterNotReady"] },
      },
    ]);
    startsAgain(trace, "s3://sp-1");
  });

  it.each<[string, SessionJobChange, string[]]>([
    ["last-state cancels", jobWith({ upgradeMode: "last-state" }), ["cancel-job"]],
    ["stateless as well", jobWith({ upgradeMode: "stateless" }), ["cancel-job"]],
  ])("and upgradeMode %s", (_, mode, actions) => {
    const resource = sessionJob(mode, jobRunning({ restore: "savepoint" }));
    expect(decideJobOnce(resource, leaving(lists("RUNNING"))).actions).toEqual(actions);
  });

  it("does not wake a job that has ended", () => {
    const resource = sessionJob(jobRunning({ jobState: "FINISHED" }));
    expect(decideJobOnce(resource, leaving(lists("FINISHED"))).actions).toEqual([]);
  });

  it("does not start stopped jobs", () => {
    const resource = sessionJob(jobStopped({ restore: "savepoint" }));
    expect(decideJobOnce(resource, { ...lists("FINISHED"), session: LEAVING })).toMatchObject({
      actions: [],
      jobState: "FINISHED",
    });
  });
});

describe("a session cluster that is about to be restarted, and goes on with its jobs", () => {
  const session = sessionCluster(recordedCluster({ state: "UPGRADING" }), edited(withImage("new")));
  const restarting = (scene: JobScene): JobScene => ({ ...scene, session });
  const three = editedJob(jobWith({ parallelism: 3 }));

  it.each<[string, SessionJobChange[], JobScene]>([
    ["runs", [jobRunning({ restore: "savepoint" })], lists("RUNNING")],
    ["is to be changed", [jobRunning({ restore: "savepoint" }), three], lists("RUNNING")],
    [
      "is stateless and to be changed",
      [jobWith({ upgradeMode: "stateless" }), jobRunning(), three],
      lists("RUNNING"),
    ],
    ["is stopped", [jobStopped({ restore: "savepoint" })], lists("FINISHED")],
    ["is announced", [jobAnnounced({ restore: "savepoint" })], notListed],
    ["is being submitted", [jobSubmitting({ restore: "savepoint" })], notListed],
  ])("begins nothing new with one that %s", (_, changes, scene) => {
    const resource = sessionJob(...changes);
    const outcome = decideJobOnce(resource, restarting(scene));
    expect(outcome).toMatchObject({ actions: [], conditions: ["Reconciling: SessionClusterUpgrading"] });
    expect(outcome.status.reconciliationStatus).toEqual(resource.status?.reconciliationStatus);
  });

  it("lets a stop that is under way come to its end", () => {
    const trace = traceOf(jobStopping({ restore: "savepoint" }));
    follow(trace, [
      {
        when: "saved",
        scene: () => restarting(lists("FINISHED", savedAt("s3://sp-1"))),
        gives: { jobState: "FINISHED" },
      },
    ]);
    startsAgain(trace, "s3://sp-1");
  });
});

describe("what the Apache operator left", () => {
  it("between a cancellation and the next submission goes on from the checkpoint, though there is no job id", () => {
    const trace = traceOf(
      jobStopped({ restore: "savepoint", job: { upgradeSavepointPath: "s3://chk-9" } }),
      ({ status }) => void delete status!.jobStatus!.jobId,
    );
    startsAgain(trace, "s3://chk-9");
  });

  it("in the middle of a submission is the same submission", () => {
    const submitting = jobSubmitting({ restore: "savepoint", job: { upgradeSavepointPath: "s3://sp" } });
    expect(decideJobOnce(sessionJob(submitting), lists("RUNNING"))).toMatchObject({ lifecycle: "DEPLOYED" });
    const { request } = action(decideJobOnce(sessionJob(submitting), notListed), "submit-job");
    expect(request).toMatchObject({ jobId: JOB_ID, savepointPath: "s3://sp" });
  });
});
