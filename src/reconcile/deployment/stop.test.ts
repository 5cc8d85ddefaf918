/** Worked traces: one line, one pass. Each finds recorded what the one before wrote. */
import { describe, expect, it } from "vitest";
import { checkpointAt, flink, ok, unreachable } from "../../../testbed/gen/flink-answers.ts";
import {
  edited,
  flinkDeployment,
  NOW,
  type ResourceChange,
  withConfiguration,
  withJob,
  withoutHa,
  withParallelism,
  withUpgradeMode,
} from "../../../testbed/gen/flink-deployment.ts";
import { cluster, haConfigMap } from "../../../testbed/gen/kube-objects.ts";
import { JOB_ID, running } from "../../../testbed/gen/recorded-status.ts";
import {
  bringUpSteps,
  gone,
  HA,
  imagePullBackOff,
  ownJob,
  recordedJob,
  starting,
  tearDownSteps,
  up,
} from "../../../testbed/gen/steps.ts";
import { action, play, Trace } from "../../../testbed/gen/trace.ts";
import type { FlinkAnswers } from "../decision.ts";
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";

const [create, appear, run] = bringUpSteps([]);

describe("a change of parallelism", () => {
  const change = edited(withParallelism(4));

  it("with upgradeMode savepoint stops with a savepoint and starts from it", () => {
    const trace = new Trace(flinkDeployment(withUpgradeMode("savepoint"), running()));
    const triggered = play(trace, [
      {
        when: "the savepoint is asked for",
        edit: change,
        scene: up("RUNNING"),
        gives: {
          actions: ["stop-with-savepoint"],
          events: ["Suspended", "SpecChanged"],
          lifecycle: "UPGRADING",
          jobState: "RUNNING",
          conditions: ["Reconciling: SavepointInProgress"],
        },
      },
    ]);
    const { triggerId } = trace.resource.status?.jobStatus?.savepointInfo ?? {};
    expect(action(triggered, "stop-with-savepoint")).toEqual({
      type: "stop-with-savepoint",
      jobId: JOB_ID,
      triggerId,
      targetDirectory: "s3://state/savepoints",
      drain: false,
      formatType: "CANONICAL",
    });
    expect(recordedJob(trace)).toMatchObject({ state: "running", parallelism: 2 });
    play(trace, [
      {
        when: "it is in progress",
        scene: up("RUNNING", { savepoint: ok({ state: "IN_PROGRESS" }) }),
        gives: { actions: [], events: [], lifecycle: "UPGRADING" },
      },
      {
        when: "Flink forgot it: asked for again, under the same id",
        scene: up("RUNNING"),
        gives: { actions: ["stop-with-savepoint"], events: [], lifecycle: "UPGRADING" },
      },
      {
        when: "it is done",
        scene: up("FINISHED", { savepoint: ok({ state: "COMPLETED", location: "s3://sp-1" }) }, []),
        gives: { actions: [], jobState: "FINISHED", lifecycle: "UPGRADING" },
      },
    ]);
    expect(trace.resource.status).toMatchObject({
      observedGeneration: 2,
      jobStatus: {
        upgradeSavepointPath: "s3://sp-1",
        savepointInfo: {
          lastSavepoint: { location: "s3://sp-1", triggerType: "UPGRADE" },
          savepointHistory: [{ location: "s3://sp-1" }],
        },
      },
    });
    expect(trace.resource.status?.jobStatus?.savepointInfo?.triggerId).toBeUndefined();
    expect(recordedJob(trace)).toMatchObject({
      state: "suspended",
      upgradeMode: "savepoint",
      parallelism: 4,
      firstDeployment: false,
    });
    play(trace, [
      {
        when: "the finished cluster goes at once",
        scene: up("FINISHED", {}, []),
        gives: { actions: ["delete-job-manager"], events: [] },
      },
      { when: "gone", scene: gone([]), gives: { actions: [], jobState: "RECONCILING" } },
    ]);
    const created = play(trace, [create!]);
    const { inputs } = action(created, "create-cluster");
    expect(inputs).toMatchObject({
      restore: { kind: "savepoint", path: "s3://sp-1" },
      generation: 2,
      spec: { job: { parallelism: 4 } },
    });
    expect(inputs.jobId).not.toBe(JOB_ID);
    play(trace, [appear!, run!]);
  });

  it("with upgradeMode last-state takes the JobManager away and leaves the state to HA", () => {
    const trace = new Trace(flinkDeployment(withUpgradeMode("last-state"), running()));
    play(trace, [
      {
        when: "written down first",
        edit: change,
        scene: up("RUNNING"),
        gives: { actions: [], events: ["Suspended", "SpecChanged"], lifecycle: "UPGRADING" },
      },
      ...tearDownSteps(),
      {
        when: "gone, with HA metadata and the graph of the old parallelism left",
        scene: gone([haConfigMap({ checkpoint: true, jobGraph: true })]),
        gives: { actions: [], jobState: "RECONCILING" },
      },
      {
        when: "the old graph goes first",
        scene: gone([haConfigMap({ checkpoint: true, jobGraph: true })]),
        gives: { actions: ["remove-job-graphs"], events: [] },
      },
    ]);
    const created = play(trace, [bringUpSteps()[0]!]);
    expect(action(created, "create-cluster").inputs).toMatchObject({
      jobId: JOB_ID,
      restore: { kind: "last-state", marker: true },
      spec: { job: { parallelism: 4 } },
    });
    expect(trace.resource.status?.jobStatus?.upgradeSavepointPath).toBe(LAST_STATE_MARKER);
    play(trace, bringUpSteps().slice(1));
  });

  it("with upgradeMode last-state and without HA cancels the job and takes its last checkpoint", () => {
    const trace = new Trace(flinkDeployment(withoutHa(), withUpgradeMode("last-state"), running()));
    const long = { endTime: 1, lastModification: 1 };
    const told = play(trace, [
      {
        when: "cancelled",
        edit: change,
        scene: up("RUNNING", {}, []),
        gives: {
          actions: ["cancel-job"],
          events: ["Suspended", "SpecChanged"],
          jobState: "CANCELLING",
          lifecycle: "UPGRADING",
        },
      },
    ]);
    expect(action(told, "cancel-job")).toEqual({ type: "cancel-job", jobId: JOB_ID, bestEffort: false });
    expect(recordedJob(trace)).toMatchObject({ state: "running", upgradeMode: "savepoint", parallelism: 2 });
    play(trace, [
      {
        when: "Flink did not hear it: asked for again",
        scene: up("RUNNING", {}, []),
        gives: { actions: ["cancel-job"], events: [], jobState: "CANCELLING" },
      },
      {
        when: "on its way",
        scene: up("CANCELLING", {}, []),
        gives: { actions: [], jobState: "CANCELLING" },
      },
      {
        when: "cancelled, and where its state is cannot be told: that is asked again",
        scene: (resource) => ({
          cluster: cluster(resource),
          flink: flink([{ ...ownJob(resource, "CANCELED"), ...long }], { checkpoints: unreachable() }),
        }),
        gives: { actions: [], jobState: "CANCELLING", conditions: ["Reconciling: Cancelling"] },
      },
      {
        when: "cancelled, with a checkpoint",
        scene: (resource) => ({
          cluster: cluster(resource),
          flink: flink([{ ...ownJob(resource, "CANCELED"), ...long }], {
            checkpoints: checkpointAt("s3://chk-6"),
          }),
        }),
        gives: { actions: [], events: ["JobStatusChanged"], jobState: "CANCELED", lifecycle: "UPGRADING" },
      },
      { when: "gone", scene: gone([]), gives: { jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual({
      kind: "savepoint",
      path: "s3://chk-6",
    });
  });

  it("with upgradeMode stateless throws the old cluster away with its HA metadata", () => {
    const trace = new Trace(flinkDeployment(withUpgradeMode("stateless"), running()));
    play(trace, [
      {
        when: "the job is told, and not waited for",
        edit: change,
        scene: up("RUNNING"),
        gives: { actions: ["cancel-job"], events: ["Suspended", "SpecChanged"], lifecycle: "UPGRADING" },
      },
      ...tearDownSteps(),
      { when: "gone", scene: gone(), gives: { actions: [], jobState: "RECONCILING" } },
      { when: "HA metadata goes", scene: gone(), gives: { actions: ["delete-config-maps"] } },
    ]);
    const { inputs } = action(play(trace, [create!]), "create-cluster");
    expect(inputs.restore).toEqual({ kind: "none" });
    expect(inputs.jobId).not.toBe(JOB_ID);
  });

  it("with HA that the change switches off cancels the job, as the new cluster would not read its metadata", () => {
    const trace = new Trace(flinkDeployment(withUpgradeMode("last-state"), running()));
    play(trace, [
      {
        when: "no HA any more",
        edit: edited(withoutHa()),
        scene: up("RUNNING"),
        gives: { actions: ["cancel-job"], jobState: "CANCELLING" },
      },
    ]);
  });

  it("takes savepoints of the kind, and with the drain, that are asked for", () => {
    const trace = new Trace(
      flinkDeployment(
        withConfiguration({
          "kubernetes.operator.savepoint.format.type": "NATIVE",
          "kubernetes.operator.job.drain-on-savepoint-deletion": "true",
        }),
        running({ job: { savepointInfo: { savepointHistory: [{ location: "s3://older" }] } } }),
      ),
    );
    const asked = play(trace, [
      { when: "asked for", edit: change, scene: up("RUNNING"), gives: { actions: ["stop-with-savepoint"] } },
    ]);
    expect(action(asked, "stop-with-savepoint")).toMatchObject({ formatType: "NATIVE", drain: true });
    trace.pass(
      up("FINISHED", { savepoint: ok({ state: "COMPLETED", location: "s3://sp" }) }, [])(trace.resource),
    );
    expect(trace.resource.status?.jobStatus?.savepointInfo).toMatchObject({
      lastSavepoint: { location: "s3://sp", formatType: "NATIVE" },
      savepointHistory: [{ location: "s3://older" }, { location: "s3://sp" }],
    });
  });

  it("that comes while the job stops is taken up with the same stop", () => {
    const trace = new Trace(flinkDeployment(running()));
    play(trace, [
      { when: "one", edit: change, scene: up("RUNNING"), gives: { actions: ["stop-with-savepoint"] } },
      {
        when: "another",
        edit: edited(withParallelism(8)),
        scene: up("FINISHED", { savepoint: ok({ state: "COMPLETED", location: "s3://sp" }) }, []),
        gives: { actions: [], lifecycle: "UPGRADING" },
      },
      { when: "gone", scene: gone([]), gives: { jobState: "RECONCILING" } },
      {
        when: "and another, before the cluster is made",
        edit: edited(withParallelism(16)),
        scene: gone([]),
        gives: { actions: [], jobState: "RECONCILING", lifecycle: "UPGRADING" },
      },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs).toMatchObject({
      generation: 4,
      restore: { kind: "savepoint", path: "s3://sp" },
      spec: { job: { parallelism: 16 } },
    });
  });

  it("that is taken back before anything happened changes nothing", () => {
    const trace = new Trace(flinkDeployment(running()));
    const outcome = play(trace, [
      {
        when: "there and back",
        edit: edited(withParallelism(4), withParallelism(2)),
        scene: up("RUNNING"),
        gives: { actions: [], events: [], lifecycle: "STABLE" },
      },
    ]);
    expect(outcome.status.observedGeneration).toBe(2);
  });

  it("of which only ignored fields are left updates observedGeneration alone", () => {
    const trace = new Trace(flinkDeployment(running()));
    const outcome = play(trace, [
      {
        when: "another upgrade mode",
        edit: edited(withUpgradeMode("last-state")),
        scene: up("RUNNING"),
        gives: { actions: [], events: [], lifecycle: "STABLE" },
      },
    ]);
    expect(outcome.status.observedGeneration).toBe(2);
    expect(recordedJob(trace).upgradeMode).toBe("stateless");
  });
});

const failing: FlinkAnswers = { savepoint: ok({ state: "COMPLETED", failure: "disk full" }) };

/** A job that stops with a savepoint for a change. */
function begun(...changes: ResourceChange[]): Trace {
  const trace = new Trace(flinkDeployment(...changes, running()));
  trace.change(edited(withParallelism(4)));
  trace.pass(up("RUNNING")(trace.resource));
  return trace;
}

describe("a savepoint that fails", () => {
  it("leaves the job running, says so as long as it holds, and is tried again after a while", () => {
    const trace = begun();
    play(trace, [
      {
        when: "failed",
        scene: up("RUNNING", failing),
        gives: { actions: [], events: ["SavepointError"], lifecycle: "DEPLOYED", error: "disk full" },
      },
      {
        when: "soon after: nothing yet",
        scene: up("RUNNING"),
        after: 5000,
        gives: {
          actions: [],
          events: [],
          jobState: "RUNNING",
          error: "disk full",
          conditions: ["Reconciling: SavepointFailed"],
        },
      },
      {
        when: "later: again",
        scene: up("RUNNING"),
        after: 30_000,
        gives: {
          actions: ["stop-with-savepoint"],
          events: ["Suspended", "SpecChanged"],
          lifecycle: "UPGRADING",
          error: undefined,
        },
      },
    ]);
  });

  it("is forgotten when the change is taken back", () => {
    const trace = begun();
    trace.pass(up("RUNNING", failing)(trace.resource));
    play(trace, [
      {
        when: "taken back",
        edit: edited(withParallelism(2)),
        scene: up("RUNNING"),
        gives: { actions: [] },
      },
      {
        when: "forgotten",
        scene: up("RUNNING"),
        gives: { error: undefined, lifecycle: "STABLE", conditions: ["Ready: Running"] },
      },
    ]);
  });

  it("because Flink refuses it is said once, and not held against the next try", () => {
    const trace = begun();
    const failure = {
      action: "stop-with-savepoint",
      reason: "http",
      message: "HTTP 400: no directory",
    } as const;
    play(trace, [
      {
        when: "refused",
        scene: (resource) => ({ ...up("RUNNING")(resource), failure }),
        gives: {
          events: ["SavepointError"],
          actions: [],
          error: "Flink refused the savepoint: HTTP 400: no directory",
        },
      },
      {
        when: "the next try, before which nothing else was done",
        scene: (resource) => ({ ...up("RUNNING")(resource), failure }),
        after: 31_000,
        gives: {
          actions: ["stop-with-savepoint"],
          events: ["Suspended", "SpecChanged"],
          error: undefined,
          conditions: ["Reconciling: SavepointInProgress"],
        },
      },
    ]);
  });

  it("because its JobManager cannot run any more is given up for the HA metadata", () => {
    const trace = begun();
    play(trace, [
      {
        when: "the JobManager restarts: it is waited for",
        scene: starting(),
        gives: { actions: [], lifecycle: "UPGRADING", jobManager: "DEPLOYING" },
      },
      {
        when: "it cannot start: perhaps the change mends that",
        scene: imagePullBackOff(HA),
        gives: { actions: [], lifecycle: "DEPLOYED", jobManager: "ERROR" },
      },
      {
        when: "the state is in the HA metadata",
        scene: imagePullBackOff(HA),
        gives: { actions: [], events: ["Suspended", "SpecChanged"], lifecycle: "UPGRADING" },
      },
      { when: "gone", scene: gone(), gives: { jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [bringUpSteps()[0]!]), "create-cluster").inputs).toMatchObject({
      restore: { kind: "last-state", marker: true },
      spec: { job: { parallelism: 4 } },
    });
  });

  it("because its JobManager cannot run any more, without HA, waits for it and tries again", () => {
    const trace = begun(withoutHa());
    play(trace, [
      { when: "it cannot start", scene: imagePullBackOff([], NOW), gives: { lifecycle: "DEPLOYED" } },
      {
        when: "nothing may be done",
        scene: imagePullBackOff([], NOW),
        gives: { actions: [], events: ["UpgradeFailed"], conditions: ["Stalled: ImagePullBackOff"] },
      },
      { when: "still", scene: imagePullBackOff([], NOW), gives: { actions: [], events: [] } },
    ]);
    const back = play(trace, [
      {
        when: "it is back",
        scene: up("RUNNING", {}, []),
        after: 60_000,
        gives: { actions: ["stop-with-savepoint"], lifecycle: "UPGRADING", error: undefined },
      },
    ]);
    expect(back.conditions).toEqual(["Reconciling: SavepointInProgress"]);
  });

  it("together with its job goes on from the newest checkpoint", () => {
    const trace = begun();
    play(trace, [
      {
        when: "the job failed",
        scene: (resource) => ({
          cluster: cluster(resource),
          flink: flink([{ ...ownJob(resource, "FAILED"), endTime: 1 }], {
            ...failing,
            checkpoints: checkpointAt("s3://chk-6"),
          }),
        }),
        gives: { actions: [], jobState: "FAILED", lifecycle: "UPGRADING" },
      },
      { when: "gone", scene: gone([]), gives: { jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual({
      kind: "savepoint",
      path: "s3://chk-6",
    });
  });

  it("of a job that ended and whose checkpoints nobody knows waits for a person, and says so once", () => {
    const trace = begun();
    const ended = (resource: typeof trace.resource) => ({
      cluster: cluster(resource),
      flink: flink([{ ...ownJob(resource, "FAILED"), endTime: 1 }], {
        ...failing,
        checkpoints: { ok: false, failure: { kind: "http", status: 404, message: "not enabled" } } as const,
      }),
    });
    play(trace, [
      {
        when: "the job ended",
        scene: ended,
        gives: { actions: [], lifecycle: "UPGRADING", conditions: ["Stalled: UpgradeFailed"] },
      },
    ]);
    const error = trace.resource.status?.error;
    expect(error).toContain("Manual restore required.");
    play(trace, [
      {
        when: "still",
        scene: ended,
        gives: { actions: [], events: [], conditions: ["Stalled: UpgradeFailed"] },
      },
      {
        when: "the person says where to start",
        edit: edited(withJob({ initialSavepointPath: "s3://chosen", savepointRedeployNonce: 1 })),
        scene: ended,
        gives: { events: ["SpecChanged"], lifecycle: "UPGRADING", error: undefined },
      },
      { when: "gone", scene: gone([]), gives: { jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual({
      kind: "savepoint",
      path: "s3://chosen",
    });
  });
});
