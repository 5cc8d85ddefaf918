import { describe, expect, it } from "vitest";
import { countedPass, deployment } from "../../testbed/model/play.ts";
import { World } from "../../testbed/model/world.ts";
import type { FlinkDeploymentStatus } from "../api/flink-deployment.ts";
import type { Condition, KubeObject } from "../api/kube-object.ts";
import { statusError } from "../reconcile/status-error.ts";
import { stateChange } from "./change.ts";

const NOW = Date.parse("2026-03-01T12:00:00Z");

function resource(status: FlinkDeploymentStatus, resourceVersion = "7"): KubeObject {
  const metadata = { name: "job", namespace: "team", uid: "u", generation: 3, resourceVersion };
  return {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkDeployment",
    metadata,
    spec: { image: "i" },
    status,
  };
}

function condition(type: string, status: "True" | "False", message = `${type} ${status}`): Condition {
  return { type, status, reason: "R", message, lastTransitionTime: "2026-03-01T12:00:00Z" };
}

const reasonsOf = (before: FlinkDeploymentStatus, after: FlinkDeploymentStatus): readonly string[] =>
  stateChange(resource(before), resource(after), NOW)?.reasons ?? [];

const RECORDED = { lastReconciledSpec: "{}" };
const PROVEN = { lastReconciledSpec: "{}", lastStableSpec: "{}" };
const REFUSED = statusError("UpgradeFailureException", "no savepoint");

describe("why people are told", () => {
  it.each<[string, FlinkDeploymentStatus, FlinkDeploymentStatus, string[]]>([
    ["nothing", { lifecycleState: "STABLE" }, { lifecycleState: "STABLE" }, []],
    ["a first start", {}, { lifecycleState: "UPGRADING" }, ["LifecycleStateChanged"]],
    [
      "a first start that works",
      { lifecycleState: "DEPLOYED", reconciliationStatus: RECORDED },
      { lifecycleState: "STABLE", reconciliationStatus: PROVEN, conditions: [condition("Ready", "True")] },
      ["Deployed", "Ready", "LifecycleStateChanged"],
    ],
    [
      "an upgrade begins",
      { lifecycleState: "STABLE", reconciliationStatus: PROVEN, conditions: [condition("Ready", "True")] },
      { lifecycleState: "UPGRADING", conditions: [condition("Ready", "False")] },
      ["UpgradeStarted", "NotReady", "LifecycleStateChanged"],
    ],
    [
      "an upgrade is done",
      { lifecycleState: "DEPLOYED", reconciliationStatus: PROVEN },
      { lifecycleState: "STABLE", reconciliationStatus: PROVEN },
      ["UpgradeCompleted", "LifecycleStateChanged"],
    ],
    [
      "a suspension",
      { lifecycleState: "UPGRADING" },
      { lifecycleState: "SUSPENDED" },
      ["Suspended", "LifecycleStateChanged"],
    ],
    [
      "an upgrade gives way",
      { lifecycleState: "DEPLOYED" },
      { lifecycleState: "ROLLING_BACK" },
      ["UpgradeFailed", "RollingBack", "LifecycleStateChanged"],
    ],
    [
      "the way back is done",
      { lifecycleState: "ROLLING_BACK" },
      { lifecycleState: "ROLLED_BACK" },
      ["RolledBack", "LifecycleStateChanged"],
    ],
    [
      "a job fails",
      { lifecycleState: "STABLE" },
      { lifecycleState: "FAILED" },
      ["Failed", "LifecycleStateChanged"],
    ],
    [
      "a deletion",
      { lifecycleState: "STABLE" },
      { lifecycleState: "DELETING" },
      ["Deleting", "LifecycleStateChanged"],
    ],
    [
      "an upgrade cannot begin",
      { lifecycleState: "STABLE" },
      { lifecycleState: "STABLE", error: REFUSED, conditions: [condition("Stalled", "True")] },
      ["Stalled", "UpgradeFailed"],
    ],
    ["it still cannot", { error: REFUSED }, { error: REFUSED }, []],
    [
      "somebody acted",
      { conditions: [condition("Stalled", "True")] },
      { conditions: [condition("Stalled", "False")] },
      ["NoLongerStalled"],
    ],
    [
      "a condition that was not there",
      {},
      { conditions: [condition("Stalled", "False"), condition("Ready", "False")] },
      [],
    ],
    [
      "words alone",
      { conditions: [condition("Ready", "False")] },
      { conditions: [condition("Ready", "False", "x")] },
      [],
    ],
  ])("%s", (_, before, after, reasons) => {
    expect(reasonsOf(before, after)).toEqual(reasons);
  });

  it("in the course of a life: each step once, and nothing of a quiet pass", () => {
    const world = new World(deployment("savepoint", true));
    const told: string[][] = [];
    const play = (passes: number): void => {
      for (let nth = 0; nth < passes; nth++) {
        const before = structuredClone(world.resource);
        countedPass(world);
        const reasons = stateChange(before, world.resource, NOW)?.reasons;
        if (reasons !== undefined) told.push(reasons.filter((one) => one !== "LifecycleStateChanged"));
        world.tick();
      }
    };
    play(30);
    expect(told.flat()).toEqual(["Deployed", "Ready"]);
    world.changeSpec((spec) => ({ ...spec, job: { ...spec.job, parallelism: 2 } }));
    play(40);
    expect(told.flat().slice(2)).toEqual(["UpgradeStarted", "NotReady", "UpgradeCompleted", "Ready"]);
    world.changeSpec((spec) => ({ ...spec, job: { ...spec.job, state: "suspended" } }));
    play(40);
    expect(new Set(told.flat().slice(6))).toEqual(
      new Set(["UpgradeStarted", "NotReady", "Suspended", "Ready"]),
    );
  });
});

describe("what people are told", () => {
  it("is what the resource says of itself, and not its spec", () => {
    const after: FlinkDeploymentStatus = {
      lifecycleState: "FAILED",
      jobStatus: { state: "FAILED" },
      error: statusError("ReconciliationException", "the disk is full"),
      reconciliationStatus: { lastReconciledSpec: "SPEC" },
      conditions: [condition("Ready", "False", "not this")],
    };
    const change = stateChange(resource({ lifecycleState: "STABLE" }), resource(after, "8"), NOW);
    expect(change).toEqual({
      apiVersion: "flink.apache.org/v1beta1",
      kind: "FlinkDeployment",
      namespace: "team",
      name: "job",
      generation: 3,
      id: "u-8",
      time: "2026-03-01T12:00:00.000Z",
      reasons: ["Failed", "LifecycleStateChanged"],
      lifecycleState: { from: "STABLE", to: "FAILED" },
      jobState: "FAILED",
      message: "the disk is full",
    });
  });

  it("the words of Stalled go first; long ones are cut", () => {
    const conditions = [condition("Stalled", "True", "x".repeat(5000)), condition("Ready", "False", "y")];
    const change = stateChange(resource({}), resource({ conditions, error: REFUSED }), NOW);
    expect(change?.message).toBe(`${"x".repeat(1023)}…`);
  });
});
