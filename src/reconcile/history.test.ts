/** Worked traces: what stands in `status.history` when a spec is deployed, proves itself, fails, gives way, is suspended. */
import { describe, expect, it } from "vitest";
import { exceptions, ok } from "../../testbed/gen/flink-answers.ts";
import {
  deleted,
  edited,
  flinkDeployment,
  flinkSpec,
  NOW,
  type ResourceChange,
  withConfiguration,
  withImage,
  withJob,
  withJobState,
  withParallelism,
  withSpec,
  withUpgradeMode,
} from "../../testbed/gen/flink-deployment.ts";
import { running, STARTED } from "../../testbed/gen/recorded-status.ts";
import { gone, HA, type SceneOf, starting, up } from "../../testbed/gen/steps.ts";
import { Trace } from "../../testbed/gen/trace.ts";
import { isSameSpec, specOf } from "./history.ts";
import { sameJson } from "./last-reconciled-spec.ts";

/** One pass for each scene. */
function pass(trace: Trace, ...scenes: SceneOf[]): void {
  for (const scene of scenes) trace.pass(scene(trace.resource));
}

const entries = (trace: Trace) => trace.resource.status?.history ?? [];

/** `revision: parallelism, what it started from: what came of it`. */
function rows(trace: Trace): string[] {
  return entries(trace).map((entry) => {
    const parallelism = specOf(entry)?.job?.parallelism ?? "?";
    return `${entry.revision}: ${parallelism}, ${entry.restoredFrom}: ${entry.outcome}`;
  });
}

const failed: SceneOf = up(
  "FAILED",
  {
    checkpoints: ok({ latest: { restored: { id: 1, externalPath: "s3://sp-1" } } } as never),
    exceptions: exceptions({ timestamp: NOW, stacktrace: "java.lang.Error: no such topic" }),
  },
  [],
);
const savepointAt = (path: string): SceneOf =>
  up("FINISHED", { savepoint: ok({ state: "COMPLETED", location: path }) }, []);
/** From a recorded stop to the objects of the next cluster. */
const nextCluster = [gone([]), gone([]), starting([])];
const runs = up("RUNNING", {}, []);

/** Parallelism 2 runs, deployed before there was a history, and is changed to 4, whose cluster has just been made. */
function changed(...changes: ResourceChange[]): Trace {
  const trace = new Trace(flinkDeployment(...changes, running()));
  trace.change(edited(withParallelism(4)));
  pass(trace, up("RUNNING", {}, []), savepointAt("s3://sp-1"), ...nextCluster);
  return trace;
}

describe("the history", () => {
  it("begins with the first deployment, as its spec was written", () => {
    const trace = new Trace(flinkDeployment());
    pass(trace, gone([]), gone([]));
    expect(trace.resource.status?.history).toBeUndefined();
    pass(trace, starting([]));
    expect(rows(trace)).toEqual(["1: 2, empty: Deployed"]);
    const deployedAt = trace.now;
    pass(trace, runs);
    const [entry] = entries(trace);
    expect(entry).toEqual({
      revision: 1,
      generation: 1,
      startTime: new Date(deployedAt - 2000).toISOString().replace(".000", ""),
      image: "flink:2.3",
      flinkVersion: "v2_3",
      restoredFrom: "empty",
      outcome: "Stable",
      outcomeTime: new Date(trace.now).toISOString().replace(".000", ""),
      stableTime: new Date(trace.now).toISOString().replace(".000", ""),
      spec: JSON.stringify(trace.resource.spec),
    });
  });

  it("says which savepoint a first deployment started from", () => {
    const trace = new Trace(flinkDeployment(withJob({ initialSavepointPath: "s3://old" })));
    pass(trace, ...nextCluster);
    expect(rows(trace)).toEqual(["1: 2, s3://old: Deployed"]);
  });

  it("has what ran before it, and each change with the savepoint that it started from", () => {
    const trace = changed();
    expect(rows(trace)).toEqual(["1: 2, empty: Stable", "2: 4, s3://sp-1: Deployed"]);
    expect(entries(trace)[0]?.startTime).toBe(new Date(STARTED).toISOString().replace(".000", ""));
    pass(trace, runs);
    expect(rows(trace)).toEqual(["1: 2, empty: Stable", "2: 4, s3://sp-1: Stable"]);
    expect(entries(trace).map(({ generation }) => generation)).toEqual([1, 2]);
  });

  it("has what ran before it also when the cluster goes in the same pass", () => {
    const trace = new Trace(flinkDeployment(withUpgradeMode("last-state"), running()));
    trace.change(edited(withParallelism(4)));
    pass(trace, up("RUNNING"), gone(), gone(), starting());
    expect(rows(trace)).toEqual(["1: 2, empty: Stable", "2: 4, latest state: Deployed"]);
  });

  it("has the spec that was deployed, not the one that the user has written meanwhile", () => {
    const trace = new Trace(flinkDeployment());
    pass(trace, gone([]), gone([]));
    trace.change(edited(withParallelism(8), withUpgradeMode("last-state")));
    pass(trace, starting([]));
    expect(rows(trace)).toEqual(["1: 2, empty: Deployed"]);
    expect(isSameSpec(specOf(entries(trace)[0]!) ?? {}, flinkSpec())).toBe(true);
    expect(entries(trace)[0]?.generation).toBe(1);
  });

  it("does not have a spec whose objects the API server refused", () => {
    const trace = new Trace(flinkDeployment(running()));
    trace.change(edited(withParallelism(4)));
    const refused: SceneOf = () => ({
      ...gone([])(trace.resource),
      failure: { action: "create-cluster", reason: "Invalid", message: "spec.template is invalid" },
    });
    pass(trace, runs, savepointAt("s3://sp-1"), gone([]), refused, ...nextCluster, runs);
    expect(rows(trace)).toEqual(["1: 2, empty: Stable"]);
    expect(trace.resource.status?.lifecycleState).toBe("ROLLED_BACK");
  });
});

describe("the last entry", () => {
  it("gives way to the stable one when its job fails before it ran", () => {
    const trace = changed();
    pass(trace, failed);
    expect(rows(trace)).toEqual(["1: 2, empty: Stable", "2: 4, s3://sp-1: RolledBack"]);
    expect(entries(trace)[1]?.message).toContain("no such topic");
    expect(entries(trace)[1]?.stableTime).toBeUndefined();
    pass(trace, ...nextCluster);
    expect(rows(trace).at(-1)).toBe("3: 2, s3://sp-1: Deployed");
    pass(trace, runs);
    expect(rows(trace)).toEqual([
      "1: 2, empty: Stable",
      "2: 4, s3://sp-1: RolledBack",
      "3: 2, s3://sp-1: Stable",
    ]);
    const [first, , third] = entries(trace);
    expect(third).toMatchObject({ generation: 1, spec: first?.spec });
  });

  it("stays the stable one when a JobManager is lost after a rollback", () => {
    const trace = changed();
    pass(trace, failed, ...nextCluster, runs, gone(), gone(), starting(), up("RUNNING"));
    expect(trace.resource.status?.lifecycleState).toBe("ROLLED_BACK");
    expect(rows(trace).slice(1)).toEqual(["2: 4, s3://sp-1: RolledBack", "3: 2, s3://sp-1: Stable"]);
  });

  it("is a new one when a spec that was rolled back is tried again", () => {
    const trace = changed();
    pass(trace, failed, ...nextCluster, runs);
    trace.change(edited(withSpec({ restartNonce: 1 })));
    pass(trace, runs, savepointAt("s3://sp-2"), ...nextCluster, runs);
    expect(rows(trace).at(-1)).toBe("4: 4, s3://sp-2: Stable");
  });

  it("failed when its job did and nothing is rolled back; a corrected one comes after it", () => {
    const trace = changed(withConfiguration({ "kubernetes.operator.deployment.rollback.enabled": "false" }));
    pass(trace, failed);
    expect(entries(trace)[1]).toMatchObject({
      outcome: "Failed",
      message: expect.stringContaining("no such topic"),
    });
    trace.change(edited(withParallelism(5)));
    pass(trace, failed, ...nextCluster, runs);
    expect(rows(trace).slice(1)).toEqual(["2: 4, s3://sp-1: Failed", "3: 5, s3://sp-1: Stable"]);
    expect(entries(trace)[2]?.message).toBeUndefined();
  });

  it("was stable once, also when it fails later", () => {
    const trace = changed();
    pass(trace, runs, failed);
    const [, entry] = entries(trace);
    expect(entry).toMatchObject({ outcome: "Failed", outcomeTime: expect.any(String) });
    expect(entry?.stableTime).toBeDefined();
    expect(entry?.stableTime).not.toBe(entry?.outcomeTime);
  });

  it("is suspended with its state, and goes on when it is resumed", () => {
    const trace = changed();
    trace.change(edited(withJobState("suspended")));
    pass(trace, runs, runs, savepointAt("s3://sp-2"), gone([]));
    expect(entries(trace).at(-1)).toMatchObject({
      outcome: "Suspended",
      message: "its state is in s3://sp-2",
    });
    trace.change(edited(withJobState("running")));
    pass(trace, gone([]), ...nextCluster);
    expect(rows(trace).at(-1)).toBe("2: 4, s3://sp-1: Deployed");
    pass(trace, runs);
    expect(rows(trace)).toEqual(["1: 2, empty: Stable", "2: 4, s3://sp-1: Stable"]);
  });

  it.each<[string, ResourceChange, string]>([
    ["the HA metadata", withUpgradeMode("last-state"), "its state is in Flink's HA metadata"],
    ["nothing", withUpgradeMode("stateless"), "it keeps no state"],
  ])("is suspended with %s, whatever it was started from", (_what, mode, message) => {
    const old = { restore: "savepoint", job: { upgradeSavepointPath: "s3://old" } } as const;
    const trace = new Trace(flinkDeployment(mode, running(old)));
    trace.change(edited(withJobState("suspended")));
    pass(trace, up("RUNNING"), gone());
    expect(entries(trace).at(-1)).toMatchObject({ outcome: "Suspended", message });
  });

  it.each<[string, (trace: Trace) => void]>([
    ["the JobManager was lost", (trace) => pass(trace, gone(), gone(), starting(), up("RUNNING"))],
    ["Flink could not be reached", (trace) => pass(trace, starting(), runs)],
    [
      "restartNonce changed",
      (trace) => {
        trace.change(edited(withSpec({ restartNonce: 7 })));
        pass(trace, runs, savepointAt("s3://sp-2"), ...nextCluster, runs);
      },
    ],
    [
      "what only the operator reads changed",
      (trace) => {
        trace.change(edited(withConfiguration({ "kubernetes.operator.savepoint.history.max.count": "3" })));
        pass(trace, runs, runs);
      },
    ],
  ])("stays when %s", (_what, happens) => {
    const trace = changed();
    pass(trace, runs);
    const before = entries(trace);
    happens(trace);
    expect(trace.resource.status?.lifecycleState).toBe("STABLE");
    expect(entries(trace)).toEqual(before);
  });

  it("is a new one when the user starts from another savepoint", () => {
    const trace = changed();
    pass(trace, runs);
    trace.change(edited(withJob({ initialSavepointPath: "s3://mine", savepointRedeployNonce: 1 })));
    pass(trace, runs, ...nextCluster, runs);
    expect(rows(trace).at(-1)).toBe("3: 4, s3://mine: Stable");
  });

  it("stays as it is while the resource is deleted", () => {
    const trace = changed();
    pass(trace, runs, failed);
    const before = entries(trace);
    trace.change(deleted());
    pass(trace, failed, gone(HA));
    expect(trace.resource.status?.lifecycleState).toBe("DELETING");
    expect(entries(trace)).toEqual(before);
  });
});

describe("the history is bounded", () => {
  /** Changes the parallelism to each of these, and each of them runs. */
  function change(trace: Trace, ...parallelisms: number[]): void {
    for (const [nth, parallelism] of parallelisms.entries()) {
      trace.change(edited(withParallelism(parallelism)));
      pass(trace, runs, savepointAt(`s3://sp-${nth}`), ...nextCluster, runs);
    }
  }

  it.each<[string, ResourceChange, number[]]>([
    ["five", () => {}, [4, 5, 6, 7, 8]],
    ["as many as asked for", withConfiguration({ "sluice.history.max.count": "2" }), [7, 8]],
    ["none", withConfiguration({ "sluice.history.max.count": "0" }), []],
  ])("to %s entries", (_what, limit, revisions) => {
    const trace = new Trace(flinkDeployment(limit, running()));
    change(trace, 3, 4, 5, 6, 7, 8, 9);
    expect(entries(trace).map(({ revision }) => revision)).toEqual(revisions);
  });

  it("and goes when it is switched off", () => {
    const trace = changed();
    trace.change(edited(withConfiguration({ "sluice.history.max.count": 0 })));
    pass(trace, runs);
    expect(trace.resource.status).not.toHaveProperty("history");
  });

  it("in size: the oldest specs go first, their entries stay", () => {
    const large = (length: number): ResourceChange =>
      withSpec({ logConfiguration: { "log4j-console.properties": "x".repeat(length) } });
    const trace = new Trace(flinkDeployment(large(40_000), running()));
    change(trace, 3, 4, 5);
    expect(rows(trace).map((row) => row.replace(/, .*:/, ""))).toEqual([
      "1: ? Stable",
      "2: ? Stable",
      "3: 4 Stable",
      "4: 5 Stable",
    ]);
    trace.change(large(120_000));
    change(trace, 6);
    pass(trace, gone(), gone(), starting(), up("RUNNING"));
    expect(
      rows(trace)
        .map((row) => row.replace(/, .*:/, ""))
        .slice(2),
    ).toEqual(["3: ? Stable", "4: ? Stable", "5: ? Stable"]);
  });

  it("in size, also where a spec that is too large alone is rolled back, and to one", () => {
    const large = withSpec({ logConfiguration: { "log4j-console.properties": "x".repeat(120_000) } });
    const trace = changed(large);
    pass(trace, failed, ...nextCluster, runs, gone(), gone(), starting(), up("RUNNING"));
    expect(rows(trace).map((row) => row.replace(/, .*:/, ""))).toEqual([
      "1: ? Stable",
      "2: ? RolledBack",
      "3: ? Stable",
    ]);
  });
});

it("is not written again and again where the API server drops it", () => {
  const trace = new Trace(flinkDeployment(withImage("one")));
  const forget: ResourceChange = ({ status }) => void delete status?.history;
  for (const scene of [...nextCluster, runs, runs]) {
    pass(trace, scene);
    trace.change(forget);
  }
  const before = structuredClone(trace.resource.status);
  const { status } = trace.pass(runs(trace.resource));
  expect(sameJson(status, before)).toBe(true);
});
