/** What happens to a job whose spec did not change: its JobManager is lost, it failed, was cancelled, or ended long ago. */
import { describe, expect, it } from "vitest";
import { checkpointAt, flink } from "../../../testbed/gen/flink-answers.ts";
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
import {
  cluster,
  haConfigMap,
  jobManagerDeployment,
  nothing,
  pod,
  terminating,
} from "../../../testbed/gen/kube-objects.ts";
import { JOB_ID, running, STARTED } from "../../../testbed/gen/recorded-status.ts";
import {
  bringUpSteps,
  gone,
  HA,
  ownJob,
  recordedJob,
  type SceneOf,
  starting,
  tearDownSteps,
  up,
} from "../../../testbed/gen/steps.ts";
import { action, message, play, Trace } from "../../../testbed/gen/trace.ts";
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";

const [createWithHa] = bringUpSteps();
const [create] = bringUpSteps([]);
const PERSON =
  /HA metadata is not available: .* Manual restore required\. No complete checkpoint of job a0+1 is in s3:\/\/state\/checkpoints\/a0+1\. Set spec\.job\.initialSavepointPath/;

describe("a JobManager Deployment that is deleted by hand", () => {
  it("with HA comes back with the deployed spec and the newest checkpoint", () => {
    const trace = new Trace(flinkDeployment(withUpgradeMode("savepoint"), running()));
    const lost = play(trace, [
      {
        when: "while it goes it is left alone",
        scene: (resource) => ({
          cluster: nothing({ deployment: jobManagerDeployment(resource, terminating()), configMaps: HA }),
        }),
        gives: { actions: [], events: [], jobState: "RECONCILING", jobManager: "DEPLOYING" },
      },
      {
        when: "gone, with a pod left that may still write",
        scene: () => ({ cluster: nothing({ pods: [pod("taskmanager")], configMaps: HA }) }),
        gives: {
          actions: [],
          events: ["Missing"],
          jobManager: "MISSING",
          error: "Missing JobManager deployment",
          conditions: ["Reconciling: ClusterShuttingDown"],
        },
      },
      {
        when: "gone altogether",
        scene: gone(),
        gives: {
          actions: [],
          events: ["RecoverDeployment"],
          jobState: "RECONCILING",
          lifecycle: "UPGRADING",
          error: undefined,
        },
      },
    ]);
    expect(message(lost, "RecoverDeployment")).toBe("Recovering lost deployment");
    expect(recordedJob(trace)).toMatchObject({ state: "suspended", upgradeMode: "last-state" });
    expect(trace.resource.status?.jobStatus?.startTime).toBeUndefined();
    expect(action(play(trace, [createWithHa!]), "create-cluster").inputs).toMatchObject({
      generation: 1,
      jobId: JOB_ID,
      restore: { kind: "last-state", marker: true },
      spec: { job: { upgradeMode: "savepoint" } },
    });
    play(trace, bringUpSteps().slice(1));
  });

  it("with HA and before its first checkpoint starts from where it had started", () => {
    const trace = new Trace(
      flinkDeployment(running({ restore: "savepoint", job: { upgradeSavepointPath: "s3://sp" } })),
    );
    const empty = [haConfigMap()];
    play(trace, [{ when: "gone", scene: gone(empty), gives: { events: ["Missing", "RecoverDeployment"] } }]);
    expect(action(trace.pass(gone(empty)(trace.resource)), "create-cluster").inputs).toMatchObject({
      jobId: JOB_ID,
      restore: { kind: "savepoint", path: "s3://sp" },
    });
  });

  it("with HA and before it ever ran starts as it was to start", () => {
    const path = { upgradeSavepointPath: "s3://sp" };
    const trace = new Trace(
      flinkDeployment(
        running({ restore: "savepoint", jobState: "RECONCILING", jobManager: "DEPLOYING", job: path }),
      ),
    );
    trace.change(({ status }) => void delete status?.jobStatus?.startTime);
    play(trace, [{ when: "gone", scene: gone([]), gives: { events: ["Missing", "RecoverDeployment"] } }]);
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual({
      kind: "savepoint",
      path: "s3://sp",
    });
  });

  it.each<[string, ResourceChange[]]>([
    ["without HA", [withoutHa(), running()]],
    ["without HA, in upgrade mode last-state", [withoutHa(), withUpgradeMode("last-state"), running()]],
    ["with HA, and its metadata deleted as well", [running()]],
    [
      "without HA, stateless, of a job that began with a savepoint",
      [withoutHa(), withUpgradeMode("stateless"), running({ restore: "savepoint" })],
    ],
    ["without HA, while the newest spec is invalid", [withoutHa(), running(), edited(withParallelism(-1))]],
  ])("%s is left to a person, who is told once and what to do", (_, changes) => {
    const trace = new Trace(flinkDeployment(...changes));
    const first = trace.pass(gone([])(trace.resource));
    expect(first).toMatchObject({ actions: [], lifecycle: "FAILED", jobManager: "MISSING" });
    expect(first.events).toContain("RestoreFailed");
    expect(first.error).toMatch(PERSON);
    expect(first.conditions).toEqual(["Stalled: RestoreFailed"]);
    expect(recordedJob(trace).state).toBe("running");
    expect(trace.pass(gone([])(trace.resource))).toMatchObject({ actions: [], lifecycle: "FAILED" });
  });

  it("is quiet after that, and goes on from where the person says", () => {
    const trace = new Trace(flinkDeployment(withoutHa(), running()));
    play(trace, [
      { when: "lost", scene: gone([]), gives: { events: ["Missing", "RestoreFailed"] } },
      { when: "still lost", scene: gone([]), gives: { events: [], actions: [], lifecycle: "FAILED" } },
      {
        when: "told where to start",
        edit: edited(withJob({ savepointRedeployNonce: 1, initialSavepointPath: "s3://chosen" })),
        scene: gone([]),
        gives: { events: ["SpecChanged"], lifecycle: "UPGRADING", error: undefined },
      },
      { when: "recorded", scene: gone([]), gives: { jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual({
      kind: "savepoint",
      path: "s3://chosen",
    });
  });

  it("without HA is a person's case for a change of the spec as well", () => {
    const trace = new Trace(flinkDeployment(withoutHa(), running()));
    const outcome = play(trace, [
      {
        when: "lost, and changed at the same time",
        edit: edited(withParallelism(4)),
        scene: gone([]),
        gives: { actions: [], events: ["Missing", "UpgradeFailed"], lifecycle: "FAILED" },
      },
      { when: "still", scene: gone([]), gives: { actions: [], events: [], lifecycle: "FAILED" } },
    ]);
    expect(outcome.error).toMatch(
      /Manual restore required\. No complete checkpoint of job .*\. Set spec\.job/,
    );
  });

  it("of a stateless job without HA comes back empty", () => {
    const trace = new Trace(flinkDeployment(withoutHa(), withUpgradeMode("stateless"), running()));
    play(trace, [{ when: "gone", scene: gone([]), gives: { events: ["Missing", "RecoverDeployment"] } }]);
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual({ kind: "none" });
  });

  it("of a stateless job without HA comes back empty, also while the newest spec is invalid", () => {
    const trace = new Trace(
      flinkDeployment(withoutHa(), withUpgradeMode("stateless"), running(), edited(withParallelism(-1))),
    );
    trace.pass(gone([])(trace.resource));
    expect(action(trace.pass(gone([])(trace.resource)), "create-cluster").inputs).toMatchObject({
      restore: { kind: "none" },
      spec: { job: { parallelism: 2 } },
    });
  });

  it("stays away where recovery is switched off", () => {
    const off = withConfiguration({ "kubernetes.operator.jm-deployment-recovery.enabled": "false" });
    const trace = new Trace(flinkDeployment(off, running()));
    play(trace, [
      {
        when: "gone",
        scene: gone(),
        gives: { actions: [], events: ["Missing"], error: "Missing JobManager deployment" },
      },
      {
        when: "still",
        scene: gone(),
        gives: { actions: [], events: [], jobManager: "MISSING", conditions: ["Stalled: Missing"] },
      },
    ]);
  });

  it("of a job that had ended is no loss", () => {
    const trace = new Trace(flinkDeployment(running({ jobState: "FINISHED" })));
    play(trace, [
      {
        when: "gone",
        scene: gone([]),
        gives: { actions: [], events: [], jobState: "FINISHED", lifecycle: "STABLE", error: undefined },
      },
    ]);
  });

  it("while the job was being stopped ends that stop, and another way is chosen", () => {
    const trace = new Trace(flinkDeployment(running()));
    play(trace, [
      { when: "stopping", edit: edited(withParallelism(4)), scene: up("RUNNING"), gives: {} },
      { when: "lost", scene: gone(), gives: { actions: [], lifecycle: "DEPLOYED" } },
      {
        when: "the state is in the HA metadata",
        scene: gone(),
        gives: { actions: [], events: ["Suspended", "SpecChanged"], lifecycle: "UPGRADING" },
      },
      { when: "recorded", scene: gone(), gives: { jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [createWithHa!]), "create-cluster").inputs).toMatchObject({
      restore: { kind: "last-state", marker: true },
      spec: { job: { parallelism: 4 } },
    });
  });
});

describe("a JobManager that restarts by itself", () => {
  it("is waited for", () => {
    const trace = new Trace(flinkDeployment(running()));
    play(trace, [
      {
        when: "down",
        scene: starting(),
        gives: {
          actions: [],
          events: [],
          jobManager: "DEPLOYING",
          jobState: "RECONCILING",
          conditions: ["Reconciling: JobManagerIsDeploying"],
        },
      },
      {
        when: "up, and the job not yet",
        scene: (resource) => ({ cluster: cluster(resource), flink: flink([]) }),
        gives: {
          actions: [],
          events: ["Missing"],
          error: "Job Not Found",
          conditions: ["Reconciling: JobNotFound"],
        },
      },
      {
        when: "still",
        scene: (resource) => ({ cluster: cluster(resource), flink: flink([]) }),
        gives: { actions: [], events: [], error: "Job Not Found" },
      },
      {
        when: "up",
        scene: up("RUNNING"),
        gives: { events: ["JobStatusChanged"], error: undefined, conditions: ["Ready: Running"] },
      },
    ]);
  });
});

/** The job ended long enough ago for Flink's answers to be current. */
function over(state: "FAILED" | "CANCELED" | "FINISHED", path?: string): SceneOf {
  return (resource) => ({
    cluster: cluster(resource),
    flink: flink(
      [{ ...ownJob(resource, state), endTime: STARTED }],
      path === undefined ? {} : { checkpoints: checkpointAt(path) },
    ),
  });
}

const RESTART = withConfiguration({ "kubernetes.operator.job.restart.failed": "true" });

describe("a job that failed", () => {
  it("stays failed unless restarts are asked for", () => {
    const trace = new Trace(flinkDeployment(running()));
    play(trace, [
      { when: "failed", scene: over("FAILED", "s3://chk-6"), gives: { lifecycle: "FAILED" } },
      { when: "still", scene: over("FAILED"), gives: { actions: [], events: [], lifecycle: "FAILED" } },
      {
        when: "and when its cluster is gone",
        scene: gone([]),
        gives: { actions: [], events: [], lifecycle: "FAILED", conditions: ["Stalled: JobFailed"] },
      },
    ]);
    expect(trace.resource.status?.jobStatus?.upgradeSavepointPath).toBe("s3://chk-6");
  });

  it.each([
    ["savepoint", { kind: "savepoint", path: "s3://chk-6" }],
    ["last-state", { kind: "savepoint", path: "s3://chk-6" }],
    ["stateless", { kind: "none" }],
  ] as const)("starts again as upgrade mode %s says, however it was started first", (mode, restore) => {
    const trace = new Trace(
      flinkDeployment(withUpgradeMode(mode), RESTART, running({ restore: "stateless" })),
    );
    play(trace, [
      {
        when: "failed",
        scene: over("FAILED", "s3://chk-6"),
        gives: { actions: [], events: ["JobStatusChanged", "Error", "Submit"], lifecycle: "UPGRADING" },
      },
      { when: "gone", scene: gone([]), gives: { actions: [], jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual(restore);
  });

  it("is not restarted from a guess", () => {
    const trace = new Trace(
      flinkDeployment(
        RESTART,
        running({ jobState: "FAILED", job: { upgradeSavepointPath: LAST_STATE_MARKER } }),
      ),
    );
    const outcome = play(trace, [
      { when: "told once", scene: over("FAILED"), gives: { actions: [], events: ["RestoreFailed"] } },
      {
        when: "quiet then",
        scene: over("FAILED"),
        gives: { actions: [], events: [], lifecycle: "FAILED", conditions: ["Stalled: RestoreFailed"] },
      },
    ]);
    expect(outcome.error).toMatch(PERSON);
  });
});

describe("a job that somebody cancelled behind Sluice's back", () => {
  it("starts again from its last checkpoint, as its spec says that it runs", () => {
    const trace = new Trace(flinkDeployment(running()));
    const outcome = play(trace, [
      {
        when: "being cancelled: nothing may be done",
        scene: up("CANCELLING"),
        gives: { actions: [], events: ["JobStatusChanged"], jobState: "CANCELLING" },
      },
      {
        when: "cancelled",
        scene: over("CANCELED", "s3://chk-6"),
        gives: {
          actions: [],
          events: ["JobStatusChanged", "Submit"],
          lifecycle: "UPGRADING",
          conditions: ["Reconciling: Restarting"],
        },
      },
    ]);
    expect(message(outcome, "Submit")).toBe("Restarting the job, which is CANCELED, from s3://chk-6");
    play(trace, [
      { when: "its cluster goes", scene: over("CANCELED"), gives: { actions: ["delete-job-manager"] } },
      { when: "gone", scene: gone([]), gives: { jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual({
      kind: "savepoint",
      path: "s3://chk-6",
    });
  });
});

describe("the JobManager of a job that ended", () => {
  const ended = (hours: number, ...changes: ResourceChange[]): Trace =>
    new Trace(
      flinkDeployment(
        ...changes,
        running({ jobState: "FINISHED", job: { updateTime: String(NOW - hours * 3_600_000) } }),
      ),
    );

  it("stays for a day, so that people can look at it", () => {
    const trace = ended(23);
    play(trace, [
      {
        when: "not yet",
        scene: over("FINISHED"),
        gives: { actions: [], events: [], lifecycle: "STABLE", conditions: ["Ready: Finished"] },
      },
    ]);
  });

  it("goes after that, at once as its job has ended, and leaves HA metadata alone", () => {
    const trace = ended(25);
    play(trace, [
      { when: "long ago", scene: over("FINISHED"), gives: { actions: ["delete-job-manager"] } },
      {
        when: "gone",
        scene: gone(),
        gives: { actions: [], events: [], lifecycle: "STABLE", jobManager: "MISSING" },
      },
    ]);
  });

  it("goes after the time that is asked for", () => {
    const trace = ended(1, withConfiguration({ "kubernetes.operator.jm-deployment.shutdown-ttl": "61 min" }));
    const before = play(trace, [{ when: "not yet", scene: over("FINISHED"), gives: { actions: [] } }]);
    expect(before.decision.requeueAfter).toBe(59_000);
    play(trace, [
      { when: "over", after: 59_000, scene: over("FINISHED"), gives: { actions: ["delete-job-manager"] } },
    ]);
  });

  it("goes step by step when Flink does not say that the job ended", () => {
    const trace = ended(25);
    play(trace, tearDownSteps([]));
  });
});
