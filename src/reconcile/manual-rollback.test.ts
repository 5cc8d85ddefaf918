/** A rollback by hand: what it goes to, what it writes, and that what it says about the job's state is what happens. */
import { describe, expect, it } from "vitest";
import type { FlinkDeployment, FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import type { HistoryEntry } from "../api/history.ts";
import { exceptions, ok } from "../../testbed/gen/flink-answers.ts";
import {
  edited,
  flinkDeployment,
  flinkSpec,
  NOW,
  type ResourceChange,
  withConfiguration,
  standalone,
  withFlinkVersion,
  withImage,
  withJob,
  withJobState,
  withoutHa,
  withParallelism,
  withSpec,
  withUpgradeMode,
} from "../../testbed/gen/flink-deployment.ts";
import { running } from "../../testbed/gen/recorded-status.ts";
import { recordedCluster, sessionCluster } from "../../testbed/gen/session.ts";
import { gone, HA, type SceneOf, starting, up } from "../../testbed/gen/steps.ts";
import { action, Trace } from "../../testbed/gen/trace.ts";
import { specOf } from "./history.ts";
import { chooseTarget, findRevision, rolledBackSpec, stateAfterwards } from "./manual-rollback.ts";

const TIME = new Date(NOW).toISOString();

function entry(revision: number, parallelism: number, fields: HistoryEntry = {}): HistoryEntry {
  const spec = JSON.stringify(flinkSpec(withParallelism(parallelism)));
  return { revision, outcome: "Stable", stableTime: TIME, spec, ...fields };
}

/** Parallelism 2 is what the user wants now. */
function withHistory(...history: HistoryEntry[]): FlinkDeployment {
  return flinkDeployment(withParallelism(2), (resource) => void (resource.status = { history }));
}

function chosen(resource: FlinkDeployment, revision?: number): unknown {
  const target = chooseTarget(resource, revision);
  return "problem" in target ? target.problem : target.entry?.revision;
}

const { stableTime: _, ...never } = entry(7, 7);

describe("a rollback goes to", () => {
  it.each<[string, HistoryEntry[], unknown]>([
    ["the newest that was stable", [entry(1, 5), entry(2, 4), entry(3, 2)], 2],
    ["none that never was", [entry(1, 5), { ...never, outcome: "RolledBack" }, entry(3, 2)], 1],
    ["one that failed after it was stable", [entry(1, 5), entry(2, 4, { outcome: "Failed" })], 2],
    ["another, where the job already runs with an earlier one", [entry(1, 5), entry(2, 4)], 2],
    ["one whose spec is still there", [entry(1, 5), { revision: 2, stableTime: TIME }, entry(3, 2)], 1],
    [
      "nothing else than what is wanted",
      [entry(1, 2), entry(2, 2)],
      expect.stringContaining("nothing to roll"),
    ],
    ["nothing when nothing ran", [], expect.stringContaining("nothing to roll")],
  ])("%s", (_what, history, expected) => {
    expect(chosen(withHistory(...history))).toEqual(expected);
  });

  it("the last stable spec where no history is kept, unless that was suspended", () => {
    const resource = flinkDeployment(withParallelism(4), running());
    resource.spec.job = { ...resource.spec.job, parallelism: 2 };
    expect(chooseTarget(resource, undefined)).toMatchObject({
      entry: undefined,
      spec: { job: { parallelism: 4 } },
    });
    const { reconciliationStatus = {} } = resource.status ?? {};
    reconciliationStatus.lastStableSpec = JSON.stringify({
      spec: flinkSpec(withParallelism(4), withJobState("suspended")),
    });
    expect(chosen(resource)).toContain("nothing to roll");
  });

  it("a revision that is asked for, also one that failed", () => {
    const resource = withHistory(entry(1, 5), { ...never, outcome: "Failed" }, entry(8, 2), { revision: 9 });
    expect(chosen(resource, 7)).toBe(7);
    expect(chosen(resource, 8)).toBe("revision 8 is what the spec of job says already");
    expect(chosen(resource, 3)).toBe("job has no revision 3");
    expect(findRevision(resource, 3)).toMatchObject({ next: "Choose one of these: 1, 7, 8." });
    expect(chosen(resource, 9)).toContain("is not kept any more");
  });
});

describe("the spec that is written", () => {
  const NONCES = {
    savepointTriggerNonce: 1,
    checkpointTriggerNonce: 2,
    savepointRedeployNonce: 3,
    autoscalerResetNonce: 4,
    initialSavepointPath: "s3://x",
  };
  const present = flinkSpec(
    withSpec({ restartNonce: 5, image: "two" }),
    withJob({ ...NONCES, state: "suspended" }),
  );
  const target = flinkSpec(
    withSpec({ image: "one", imagePullPolicy: "Always" }),
    withUpgradeMode("stateless"),
  );

  it("is the earlier one, with the present one's nonces, state and upgradeMode", () => {
    expect(rolledBackSpec(present, target)).toEqual({
      ...target,
      restartNonce: 5,
      job: { ...target.job, ...NONCES, state: "suspended", upgradeMode: "savepoint" },
    });
  });

  it("has none of the earlier one's", () => {
    const written = rolledBackSpec(target, present);
    expect(written).toEqual({ ...present, job: target.job, restartNonce: undefined });
    expect(Object.keys(written)).not.toContain("restartNonce");
    expect(Object.keys(written.job ?? {}).filter((key) => key in NONCES || key === "state")).toEqual([]);
  });

  it("leaves both as they were", () => {
    const before = structuredClone([present, target]);
    rolledBackSpec(present, target);
    expect([present, target]).toEqual(before);
  });
});

// ---- what is said, and what happens ----

const savepointAt = (path: string, configMaps = [] as typeof HA): SceneOf =>
  up("FINISHED", { savepoint: ok({ state: "COMPLETED", location: path }) }, configMaps);
const failed: SceneOf = up(
  "FAILED",
  {
    checkpoints: ok({ latest: { restored: { id: 1, externalPath: "s3://sp-1" } } } as never),
    exceptions: exceptions({ timestamp: NOW, stacktrace: "java.lang.Error" }),
  },
  [],
);

function pass(trace: Trace, ...scenes: SceneOf[]): void {
  for (const scene of scenes) trace.pass(scene(trace.resource));
}

/** Parallelism 2 ran; 4 has just been deployed from a savepoint. */
function changed(...changes: ResourceChange[]): Trace {
  const trace = new Trace(flinkDeployment(...changes, running()));
  trace.change(edited(withJob({ parallelism: 4 })));
  const ha = trace.resource.spec.job?.upgradeMode === "last-state" ? HA : [];
  pass(trace, up("RUNNING", {}, ha), savepointAt("s3://sp-1", ha), gone(ha), gone(ha), starting(ha));
  return trace;
}

/** Writes what `sluice rollback` would; what it says. */
function rollBack(trace: Trace, change: ResourceChange = () => {}): string {
  trace.change(change);
  const [entry] = trace.resource.status?.history ?? [];
  const spec = rolledBackSpec(trace.resource.spec, specOf(entry ?? {}) as FlinkDeploymentSpec);
  const said = stateAfterwards(trace.resource, spec);
  trace.change(edited((draft) => void (draft.spec = spec)));
  return said;
}

/** Where the next cluster is started from. */
function startedFrom(trace: Trace, ...scenes: SceneOf[]): unknown {
  const last = scenes.map((scene) => trace.pass(scene(trace.resource))).at(-1);
  return last && action(last, "create-cluster").inputs;
}

describe("the job goes on from", () => {
  it("a savepoint that is taken when it is stopped", () => {
    const trace = changed();
    pass(trace, up("RUNNING", {}, []));
    expect(rollBack(trace)).toBe("The job goes on from a savepoint that is taken when it is stopped.");
    expect(trace.pass(up("RUNNING", {}, [])(trace.resource)).actions).toEqual(["stop-with-savepoint"]);
    expect(startedFrom(trace, savepointAt("s3://sp-2"), gone([]), gone([]))).toMatchObject({
      spec: { job: { parallelism: 2 } },
      restore: { kind: "savepoint", path: "s3://sp-2" },
    });
  });

  it("its newest checkpoint with upgradeMode last-state", () => {
    const trace = changed(withUpgradeMode("last-state"));
    pass(trace, up("RUNNING"));
    expect(rollBack(trace)).toBe("The job goes on from its newest checkpoint.");
    expect(startedFrom(trace, up("RUNNING"), gone(), gone())).toMatchObject({
      restore: { kind: "last-state" },
    });
  });

  it("a savepoint with upgradeMode last-state and another version of Flink", () => {
    const trace = changed(withUpgradeMode("last-state"));
    pass(trace, up("RUNNING"));
    const said = rollBack(trace, ({ status }) => {
      for (const one of status?.history ?? [])
        one.spec = JSON.stringify({ ...specOf(one), flinkVersion: "v2_2" });
    });
    expect(said).toMatch(
      /^The job goes on from a savepoint that is taken when it is stopped: another version/,
    );
    expect(trace.pass(up("RUNNING")(trace.resource)).actions).toEqual(["stop-with-savepoint"]);
  });

  it("where it failed", () => {
    const trace = changed(withConfiguration({ "kubernetes.operator.deployment.rollback.enabled": "false" }));
    pass(trace, failed);
    expect(rollBack(trace)).toBe("The job goes on from s3://sp-1.");
    expect(startedFrom(trace, failed, gone([]), gone([]))).toMatchObject({
      restore: { kind: "savepoint", path: "s3://sp-1" },
    });
  });

  it("nothing with upgradeMode stateless, and says so", () => {
    const trace = changed();
    pass(trace, up("RUNNING", {}, []));
    const said = rollBack(trace, withUpgradeMode("stateless"));
    expect(said).toBe("The job starts empty: spec.job.upgradeMode is stateless.");
    expect(startedFrom(trace, up("RUNNING", {}, []), gone([]), gone([]))).toMatchObject({
      restore: { kind: "none" },
    });
  });

  it("no old savepoint, whatever the earlier spec says", () => {
    const trace = changed(withJob({ initialSavepointPath: "s3://old", savepointRedeployNonce: 1 }));
    pass(trace, up("RUNNING", {}, []));
    rollBack(trace, withJob({ savepointRedeployNonce: 2 }));
    trace.change(({ status }) => {
      const { reconciliationStatus = {} } = status ?? {};
      const record = JSON.parse(reconciliationStatus.lastReconciledSpec ?? "{}");
      record.spec.job.savepointRedeployNonce = 2;
      reconciliationStatus.lastReconciledSpec = JSON.stringify(record);
    });
    expect(trace.pass(up("RUNNING", {}, [])(trace.resource)).actions).toEqual(["stop-with-savepoint"]);
  });

  it("where it is suspended, and stays so", () => {
    const trace = changed();
    pass(trace, up("RUNNING", {}, []));
    trace.change(edited(withJobState("suspended")));
    pass(trace, up("RUNNING", {}, []), savepointAt("s3://sp-2"), gone([]));
    expect(rollBack(trace)).toBe("The job stays suspended. When it is resumed, it goes on from s3://sp-2.");
    expect(trace.pass(gone([])(trace.resource)).lifecycle).toBe("SUSPENDED");
    trace.change(edited(withJobState("running")));
    expect(startedFrom(trace, gone([]), gone([]), gone([]))).toMatchObject({
      spec: { job: { parallelism: 2 } },
      restore: { kind: "savepoint", path: "s3://sp-2" },
    });
  });

  it("HA metadata when it is suspended with upgradeMode last-state", () => {
    const trace = changed(withUpgradeMode("last-state"));
    trace.change(edited(withJobState("suspended")));
    pass(trace, up("RUNNING"), gone());
    expect(rollBack(trace)).toMatch(/resumed, it goes on from Flink's HA metadata\.$/);
  });

  it("where it is, when it was rolled back already", () => {
    const trace = changed();
    pass(trace, failed, gone([]), gone([]), starting([]), up("RUNNING", {}, []));
    expect(trace.resource.status?.lifecycleState).toBe("ROLLED_BACK");
    expect(rollBack(trace)).toBe("This spec is deployed already: nothing is stopped.");
    expect(trace.pass(up("RUNNING", {}, [])(trace.resource))).toMatchObject({
      actions: [],
      error: undefined,
    });
    expect(trace.pass(up("RUNNING", {}, [])(trace.resource))).toMatchObject({
      actions: [],
      lifecycle: "STABLE",
    });
    expect(trace.resource.status?.history?.map(({ outcome }) => outcome)).toEqual([
      "Stable",
      "RolledBack",
      "Stable",
    ]);
  });
});

describe("of a session cluster", () => {
  const replicas = (count: number): ResourceChange => withSpec({ taskManager: { replicas: count } });

  it.each<[string, ResourceChange[], ResourceChange, string]>([
    ["that HA brings its jobs back", [], withImage("flink:old"), "by its HA metadata"],
    [
      "that its jobs are stopped first",
      [withoutHa()],
      withImage("flink:old"),
      "stopped with their state first",
    ],
    ["the same for another version", [], withFlinkVersion("v2_2"), "stopped with their state first"],
    ["that nothing is to be done", [], () => undefined, "nothing is restarted"],
    ["that it is only scaled", [standalone(), replicas(2)], replicas(3), "are scaled; nothing is restarted"],
    ["that a native one is not", [replicas(2)], replicas(3), "started again"],
  ])("says %s", (_, settings, change, text) => {
    const resource = sessionCluster(...settings, recordedCluster());
    expect(stateAfterwards(resource, sessionCluster(...settings, change).spec)).toContain(text);
  });

  it("goes to the newest other spec that was stable", () => {
    const resource = sessionCluster(withImage("flink:bad"), recordedCluster());
    const spec = JSON.stringify(sessionCluster(withImage("flink:good")).spec);
    resource.status!.history = [{ revision: 1, outcome: "Stable", stableTime: TIME, spec }];
    expect(chooseTarget(resource, undefined)).toMatchObject({ spec: { image: "flink:good" } });
  });
});
