import { describe, expect, it } from "vitest";
import { checkpointAt, flink, ok } from "../../../testbed/gen/flink-answers.ts";
import {
  edited,
  flinkDeployment,
  withFlinkVersion,
  withJobState,
  withoutHa,
  withParallelism,
  withUpgradeMode,
} from "../../../testbed/gen/flink-deployment.ts";
import { cluster } from "../../../testbed/gen/kube-objects.ts";
import { JOB_ID, running, STARTED, stopped, suspended } from "../../../testbed/gen/recorded-status.ts";
import {
  bringUpSteps,
  gone,
  HA,
  ownJob,
  recordedJob,
  type SceneOf,
  tearDownSteps,
  up,
} from "../../../testbed/gen/steps.ts";
import { action, play, type Step, Trace } from "../../../testbed/gen/trace.ts";
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";

const [create, ...alive] = bringUpSteps([]);
const SUSPEND = edited(withJobState("suspended"));
const RESUME = edited(withJobState("running"));

const suspendedSteps = (configMaps = HA): Step[] => [
  {
    when: "gone",
    scene: gone(configMaps),
    gives: { actions: [], lifecycle: "SUSPENDED", jobManager: "MISSING", conditions: ["Ready: Suspended"] },
  },
];

describe("suspend and resume", () => {
  it("with upgradeMode savepoint: a savepoint, nothing left, and back from it", () => {
    const trace = new Trace(flinkDeployment(withUpgradeMode("savepoint"), running()));
    play(trace, [
      {
        when: "suspended",
        edit: SUSPEND,
        scene: up("RUNNING"),
        gives: {
          actions: ["stop-with-savepoint"],
          events: ["Suspended", "SpecChanged"],
          lifecycle: "UPGRADING",
        },
      },
      {
        when: "the savepoint is there",
        scene: up("FINISHED", { savepoint: ok({ state: "COMPLETED", location: "s3://sp" }) }, []),
        gives: { actions: [], lifecycle: "SUSPENDED" },
      },
      {
        when: "the cluster goes at once",
        scene: up("FINISHED", {}, []),
        gives: { actions: ["delete-job-manager"], events: [], lifecycle: "SUSPENDED" },
      },
      ...suspendedSteps([]),
    ]);
    expect(recordedJob(trace)).toMatchObject({ state: "suspended", upgradeMode: "savepoint" });
    expect(trace.resource.status).toMatchObject({
      observedGeneration: 2,
      taskManager: { labelSelector: "", replicas: 0 },
      jobStatus: { state: "FINISHED", upgradeSavepointPath: "s3://sp" },
    });
    const { lastReconciledSpec, lastStableSpec } = trace.resource.status?.reconciliationStatus ?? {};
    expect(lastStableSpec).toBe(lastReconciledSpec);
    play(trace, [
      {
        when: "resumed",
        edit: RESUME,
        scene: gone([]),
        gives: { events: ["SpecChanged"], lifecycle: "UPGRADING", conditions: ["Reconciling: Resuming"] },
      },
      { when: "recorded", scene: gone([]), gives: { actions: [], jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual({
      kind: "savepoint",
      path: "s3://sp",
    });
    play(trace, alive);
  });

  it("with upgradeMode last-state: the state stays in the HA metadata", () => {
    const trace = new Trace(flinkDeployment(withUpgradeMode("last-state"), running()));
    play(trace, [
      {
        when: "suspended",
        edit: SUSPEND,
        scene: up("RUNNING"),
        gives: { actions: [], lifecycle: "SUSPENDED" },
      },
      ...tearDownSteps(),
      ...suspendedSteps(),
      { when: "resumed", edit: RESUME, scene: gone(), gives: { actions: [], lifecycle: "UPGRADING" } },
      { when: "recorded", scene: gone(), gives: { jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [bringUpSteps()[0]!]), "create-cluster").inputs).toMatchObject({
      jobId: JOB_ID,
      restore: { kind: "last-state", marker: true },
    });
    expect(trace.resource.status?.jobStatus?.upgradeSavepointPath).toBe(LAST_STATE_MARKER);
  });

  it("with upgradeMode last-state and without HA: the last checkpoint of the cancelled job", () => {
    const cancelled: SceneOf = (resource) => ({
      cluster: cluster(resource),
      flink: flink([{ ...ownJob(resource, "CANCELED"), endTime: STARTED }], {
        checkpoints: checkpointAt("s3://chk-6"),
      }),
    });
    const trace = new Trace(flinkDeployment(withoutHa(), withUpgradeMode("last-state"), running()));
    play(trace, [
      { when: "suspended", edit: SUSPEND, scene: up("RUNNING", {}, []), gives: { actions: ["cancel-job"] } },
      { when: "cancelled", scene: cancelled, gives: { actions: [], lifecycle: "SUSPENDED" } },
      ...suspendedSteps([]),
      { when: "resumed", edit: RESUME, scene: gone([]), gives: {} },
      { when: "recorded", scene: gone([]), gives: {} },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual({
      kind: "savepoint",
      path: "s3://chk-6",
    });
  });

  it("with upgradeMode stateless: back empty", () => {
    const trace = new Trace(flinkDeployment(withUpgradeMode("stateless"), running()));
    play(trace, [
      { when: "suspended", edit: SUSPEND, scene: up("RUNNING"), gives: { actions: ["cancel-job"] } },
      ...suspendedSteps(),
      { when: "resumed", edit: RESUME, scene: gone(), gives: {} },
      { when: "recorded", scene: gone(), gives: {} },
      { when: "what is left of the state goes", scene: gone(), gives: { actions: ["delete-config-maps"] } },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual({ kind: "none" });
  });

  it("is of the state that was saved, whatever upgrade mode the spec has when it is resumed", () => {
    const saved = suspended({ restore: "savepoint", job: { upgradeSavepointPath: "s3://sp" } });
    const trace = new Trace(flinkDeployment(withJobState("suspended"), saved));
    play(trace, [
      {
        when: "resumed",
        edit: edited(withUpgradeMode("last-state"), withJobState("running")),
        scene: gone([]),
        gives: {},
      },
      { when: "recorded", scene: gone([]), gives: {} },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual({
      kind: "savepoint",
      path: "s3://sp",
    });
  });

  it("unless the spec asks for stateless by then", () => {
    const saved = suspended({ restore: "savepoint", job: { upgradeSavepointPath: "s3://sp" } });
    const trace = new Trace(flinkDeployment(withJobState("suspended"), saved));
    play(trace, [
      {
        when: "resumed",
        edit: edited(withUpgradeMode("stateless"), withJobState("running")),
        scene: gone([]),
        gives: {},
      },
      { when: "recorded", scene: gone([]), gives: {} },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual({ kind: "none" });
  });

  it("takes a change that came while suspended with it", () => {
    const saved = suspended({ restore: "savepoint", job: { upgradeSavepointPath: "s3://sp" } });
    const trace = new Trace(flinkDeployment(withJobState("suspended"), saved));
    const changed = play(trace, [
      {
        when: "changed",
        edit: edited(withParallelism(4)),
        scene: gone([]),
        gives: { actions: [], events: [], lifecycle: "SUSPENDED", conditions: ["Ready: Suspended"] },
      },
    ]);
    expect(changed.status.observedGeneration).toBe(2);
    play(trace, [
      { when: "resumed", edit: RESUME, scene: gone([]), gives: { lifecycle: "UPGRADING" } },
      { when: "recorded", scene: gone([]), gives: {} },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs).toMatchObject({
      generation: 3,
      spec: { job: { parallelism: 4 } },
    });
  });

  it("refuses another Flink version for state that only the old one can read", () => {
    const trace = new Trace(
      flinkDeployment(
        withJobState("suspended"),
        withUpgradeMode("last-state"),
        suspended({ restore: "last-state" }),
      ),
    );
    const outcome = play(trace, [
      {
        when: "resumed with another version",
        edit: edited(withFlinkVersion("v2_4"), withJobState("running")),
        scene: gone(),
        gives: {
          actions: [],
          events: ["ValidationError"],
          lifecycle: "SUSPENDED",
          conditions: ["Stalled: ValidationError"],
        },
      },
    ]);
    expect(outcome.error).toContain("spec.flinkVersion");
  });

  it("that comes between stop and start keeps the state that was saved", () => {
    const trace = new Trace(
      flinkDeployment(stopped({ restore: "savepoint", job: { upgradeSavepointPath: "s3://sp" } })),
    );
    play(trace, [
      { when: "suspended", edit: SUSPEND, scene: gone([]), gives: { actions: [], lifecycle: "SUSPENDED" } },
      ...suspendedSteps([]),
    ]);
    expect(trace.resource.status?.jobStatus?.upgradeSavepointPath).toBe("s3://sp");
    expect(recordedJob(trace)).toMatchObject({ state: "suspended", upgradeMode: "savepoint" });
    const { lastReconciledSpec, lastStableSpec } = trace.resource.status?.reconciliationStatus ?? {};
    expect(lastStableSpec).toBe(lastReconciledSpec);
  });

  it("of a job that had finished by itself needs no stop", () => {
    const trace = new Trace(
      flinkDeployment(running({ jobState: "FINISHED", job: { upgradeSavepointPath: "s3://chk-6" } })),
    );
    play(trace, [
      {
        when: "suspended",
        edit: SUSPEND,
        scene: up("FINISHED"),
        gives: { actions: [], events: ["SpecChanged"], lifecycle: "SUSPENDED" },
      },
      { when: "the cluster goes", scene: up("FINISHED"), gives: { actions: ["delete-job-manager"] } },
      ...suspendedSteps([]),
    ]);
  });

  it("taken back while the savepoint is taken starts again from it", () => {
    const trace = new Trace(flinkDeployment(running()));
    play(trace, [
      { when: "suspended", edit: SUSPEND, scene: up("RUNNING"), gives: { actions: ["stop-with-savepoint"] } },
      {
        when: "taken back",
        edit: RESUME,
        scene: up("FINISHED", { savepoint: ok({ state: "COMPLETED", location: "s3://sp" }) }, []),
        gives: { actions: [], lifecycle: "UPGRADING" },
      },
      { when: "recorded", scene: gone([]), gives: { jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual({
      kind: "savepoint",
      path: "s3://sp",
    });
  });
});
