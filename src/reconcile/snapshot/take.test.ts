import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FlinkJobState } from "../../api/flink-deployment.ts";
import type { FlinkStateSnapshot } from "../../api/flink-state-snapshot.ts";
import type { FlinkAnswers } from "../decision.ts";
import { parseRecordedSpec } from "../last-reconciled-spec.ts";
import { ok, refused, unknownTrigger, unreachable } from "../../../testbed/gen/flink-answers.ts";
import {
  deleted,
  edited,
  flinkDeployment,
  NOW,
  type ResourceChange,
  withConfiguration,
  withFlinkVersion,
  withImage,
  withJob,
  withJobState,
  withUpgradeMode,
} from "../../../testbed/gen/flink-deployment.ts";
import type { Scene } from "../../../testbed/gen/observed.ts";
import {
  cancelling,
  deploying,
  JOB_ID,
  running,
  stopped,
  stoppingWithSavepoint,
  submitting,
  suspended,
} from "../../../testbed/gen/recorded-status.ts";
import { is, made, SAVEPOINTS } from "../../../testbed/gen/snapshot.ts";
import { up } from "../../../testbed/gen/steps.ts";
import { action, message, type Outcome, play, Trace } from "../../../testbed/gen/trace.ts";

const HOUR = 3_600_000;
const born: ResourceChange = ({ metadata }) =>
  void (metadata.creationTimestamp = new Date(NOW).toISOString());
const option = (name: string, value: string): ResourceChange =>
  withConfiguration({ [`kubernetes.operator.${name}`]: value });
const legacy = option("snapshot.resource.enabled", "false");

/** A deployed job that runs, and what its user changes then. */
function job(...changes: ResourceChange[]): Trace {
  return new Trace(flinkDeployment(born, ...changes, running()));
}

function infos({ resource }: Trace) {
  return resource.status?.jobStatus ?? {};
}

function handledNonce({ resource }: Trace): number | undefined {
  const { lastReconciledSpec } = resource.status?.reconciliationStatus ?? {};
  return parseRecordedSpec(lastReconciledSpec)?.spec.job?.savepointTriggerNonce;
}

/** A world in which what is created is there in the next pass. */
class Shelf {
  readonly trace: Trace;
  snapshots: FlinkStateSnapshot[];

  constructor(trace: Trace, snapshots: FlinkStateSnapshot[] = []) {
    this.trace = trace;
    this.snapshots = snapshots;
  }

  pass(scene: Scene = {}, after?: number): Outcome {
    const there = up("RUNNING")(this.trace.resource);
    const outcome = this.trace.pass({ snapshots: this.snapshots, ...there, ...scene }, after);
    const creationTimestamp = new Date(this.trace.now).toISOString();
    for (const one of outcome.decision.actions) {
      if (one.type === "create-snapshot") {
        const { metadata } = one.snapshot;
        this.snapshots = [
          ...this.snapshots,
          { ...one.snapshot, metadata: { ...metadata, uid: metadata.name, creationTimestamp } },
        ];
      }
      if (one.type === "delete-snapshot") {
        this.snapshots = this.snapshots.filter(({ metadata }) => metadata.uid !== one.uid);
      }
    }
    return outcome;
  }
}

describe("a nonce", () => {
  it("becomes one FlinkStateSnapshot, is recorded as handled, and the job stays as it is", () => {
    const shelf = new Shelf(job(withJob({ savepointTriggerNonce: 1 })));
    shelf.trace.change(edited(withJob({ savepointTriggerNonce: 2 })));
    const first = shelf.pass();
    expect(first).toMatchObject({
      actions: ["create-snapshot"],
      lifecycle: "STABLE",
      conditions: ["Ready: Running"],
    });
    const time = shelf.trace.now;
    expect(action(first, "create-snapshot").snapshot).toEqual({
      apiVersion: "flink.apache.org/v1beta1",
      kind: "FlinkStateSnapshot",
      metadata: {
        name: `job-savepoint-manual-${time}`,
        namespace: "default",
        labels: {
          "snapshot.type": "SAVEPOINT",
          "snapshot.trigger-type": "MANUAL",
          "snapshot.state": "TRIGGER_PENDING",
          "job-reference.kind": "FlinkDeployment",
          "job-reference.name": "job",
        },
      },
      spec: {
        jobReference: { kind: "FlinkDeployment", name: "job" },
        savepoint: { path: SAVEPOINTS, formatType: "CANONICAL", disposeOnDelete: false },
      },
    });
    expect(handledNonce(shelf.trace)).toBe(2);
    expect(infos(shelf.trace).savepointInfo).toMatchObject({ triggerType: "MANUAL", triggerTimestamp: time });
    expect(shelf.pass()).toMatchObject({ actions: [], lifecycle: "STABLE" });
    expect(infos(shelf.trace).savepointInfo).not.toHaveProperty("triggerType");
    expect(shelf.pass(undefined, HOUR).actions).toEqual([]);
  });

  it("whose object is not there yet makes the same object again", () => {
    const trace = job(withJob({ savepointTriggerNonce: 1 }));
    trace.change(edited(withJob({ savepointTriggerNonce: 2 })));
    const [first, again] = [new Shelf(trace).pass(), new Shelf(trace).pass()];
    expect(action(again, "create-snapshot")).toEqual(action(first, "create-snapshot"));
  });

  it("of the first deployment asks for nothing", () => {
    expect(new Shelf(job(withJob({ savepointTriggerNonce: 1 }))).pass().actions).toEqual([]);
  });

  it("for a checkpoint does the same", () => {
    const shelf = new Shelf(job());
    shelf.trace.change(edited(withJob({ checkpointTriggerNonce: 1 })));
    const { snapshot } = action(shelf.pass(), "create-snapshot");
    expect(snapshot.metadata.name).toBe(`job-checkpoint-manual-${shelf.trace.now}`);
    expect(snapshot.spec).toEqual({ jobReference: { kind: "FlinkDeployment", name: "job" }, checkpoint: {} });
    expect(shelf.pass().actions).toEqual([]);
  });

  it("for a checkpoint of a Flink that takes none says so, once", () => {
    const shelf = new Shelf(job(withFlinkVersion("v1_16")));
    shelf.trace.change(edited(withJob({ checkpointTriggerNonce: 1 })));
    expect(shelf.pass()).toMatchObject({ actions: [], events: ["CheckpointError"] });
    expect(shelf.pass()).toMatchObject({ actions: [], events: [] });
  });

  it.each<[string, ResourceChange, Scene | undefined]>([
    ["does not run", () => undefined, up("RESTARTING")(job().resource)],
    ["does not answer", () => undefined, { flink: { jobs: unreachable() } }],
    ["is about to be changed", withImage("flink:new"), undefined],
    ["is about to be suspended", withJobState("suspended"), undefined],
  ])("waits while the job %s", (_, change, scene) => {
    const shelf = new Shelf(job());
    shelf.trace.change(edited(withJob({ savepointTriggerNonce: 1 }), change));
    const outcome = shelf.pass(scene);
    expect(outcome.actions).not.toContain("create-snapshot");
    expect(handledNonce(shelf.trace)).toBeUndefined();
  });

  it("of a suspended job waits until it is resumed", () => {
    const trace = new Trace(flinkDeployment(born, withJobState("suspended"), suspended()));
    trace.change(edited(withJob({ savepointTriggerNonce: 1 })));
    expect(trace.pass({ snapshots: [] }).actions).toEqual([]);
    expect(handledNonce(trace)).toBeUndefined();
  });

  it("that cannot become an object says so, and does not make the job look bad", () => {
    const shelf = new Shelf(job());
    shelf.trace.change(edited(withJob({ savepointTriggerNonce: 1 })));
    shelf.pass();
    shelf.snapshots = [];
    const failure = { action: "create-snapshot", reason: "Forbidden", message: "exceeded quota" } as const;
    const outcome = shelf.pass({ failure });
    expect(outcome).toMatchObject({
      events: ["SnapshotError"],
      conditions: ["Ready: Running"],
      error: undefined,
    });
    expect(outcome.actions).toEqual(["create-snapshot"]);
    expect(message(outcome, "SnapshotError")).toContain("exceeded quota");
    expect(outcome.decision.requeueAfter).toBe(60_000);
  });
});

describe("a schedule", () => {
  const hourly = option("periodic.savepoint.interval", "1 h");

  it("asks again and again, counted from the last time", () => {
    const shelf = new Shelf(job(hourly));
    expect(shelf.pass(undefined, HOUR - 1)).toMatchObject({ actions: [], decision: { requeueAfter: 1 } });
    for (let round = 1; round <= 3; round++) {
      const { snapshot } = action(shelf.pass(undefined, round === 1 ? 1 : HOUR), "create-snapshot");
      expect(snapshot.metadata.name).toBe(`job-savepoint-periodic-${shelf.trace.now}`);
      expect(snapshot.metadata.labels?.["snapshot.trigger-type"]).toBe("PERIODIC");
      expect(shelf.pass(undefined, 0).actions).toEqual([]);
    }
  });

  it("counts from the newest periodic object that another operator has made", () => {
    const other = made("PERIODIC", 0, ({ metadata }) => {
      metadata.creationTimestamp = new Date(NOW + HOUR / 2).toISOString();
    });
    const shelf = new Shelf(job(hourly), [other]);
    expect(shelf.pass(undefined, HOUR).actions).toEqual([]);
    expect(shelf.pass(undefined, HOUR / 2).actions).toEqual(["create-snapshot"]);
  });

  it("goes on for the deployed spec while the user's is invalid", () => {
    const shelf = new Shelf(job(hourly));
    shelf.trace.change(edited(withJob({ parallelism: 0, savepointTriggerNonce: 1 })));
    const outcome = shelf.pass(undefined, HOUR);
    expect(outcome.conditions).toEqual(["Stalled: ValidationError"]);
    expect(action(outcome, "create-snapshot").snapshot.metadata.name).toContain("-periodic-");
  });

  it("cleans up behind itself", () => {
    const old = [3, 2, 1].map((hours) => made("PERIODIC", hours * HOUR));
    const shelf = new Shelf(job(option("savepoint.history.max.count", "2")), [
      ...old,
      made("MANUAL", 9 * HOUR),
    ]);
    const outcome = shelf.pass();
    expect(action(outcome, "delete-snapshot")).toEqual({
      type: "delete-snapshot",
      name: old[0]?.metadata.name,
      uid: old[0]?.metadata.uid,
    });
    expect(shelf.pass().actions).toEqual([]);
    const kept = new Shelf(job(option("savepoint.cleanup.enabled", "false")), old);
    expect(kept.pass(undefined, 99 * HOUR).actions).toEqual([]);
  });

  it("keeps no more than the operator allows", () => {
    const old = [3, 2, 1].map((hours) => made("PERIODIC", hours * HOUR));
    const defaults = { "kubernetes.operator.savepoint.history.max.count.threshold": "1" };
    const trace = new Trace(flinkDeployment(born, option("savepoint.history.max.count", "9"), running()), {
      defaults,
    });
    expect(new Shelf(trace, old).pass().actions).toEqual(["delete-snapshot", "delete-snapshot"]);
    const own = job(option("savepoint.history.max.count.threshold", "1"));
    expect(new Shelf(own, old).pass().actions).toEqual([]);
  });
});

describe("the savepoint of an upgrade", () => {
  const stopped = (location: string, trace: Trace): Scene =>
    up("FINISHED", { savepoint: ok({ state: "COMPLETED", location }) }, [])(trace.resource);

  it("becomes a FlinkStateSnapshot that exists already, and the upgrade does not wait for it", () => {
    const shelf = new Shelf(job(option("savepoint.dispose-on-delete", "true")));
    shelf.trace.change(edited(withImage("flink:new")));
    expect(shelf.pass().actions).toEqual(["stop-with-savepoint"]);
    const done = shelf.pass(stopped("s3://sp", shelf.trace));
    expect(done.actions).toEqual(["create-snapshot"]);
    expect(infos(shelf.trace)).toMatchObject({ upgradeSavepointPath: "s3://sp", state: "FINISHED" });
    const { snapshot } = action(done, "create-snapshot");
    expect(snapshot.metadata.name).toBe(`job-savepoint-upgrade-${shelf.trace.now}`);
    expect(snapshot.metadata.labels?.["snapshot.trigger-type"]).toBe("UPGRADE");
    expect(snapshot.spec.savepoint).toEqual({
      path: "s3://sp",
      formatType: "CANONICAL",
      disposeOnDelete: true,
      alreadyExists: true,
    });
    expect(infos(shelf.trace).savepointInfo?.savepointHistory).toEqual([]);
    const failure = { action: "create-snapshot", reason: "Forbidden", message: "exceeded quota" } as const;
    shelf.snapshots = [];
    const next = shelf.pass({ ...stopped("s3://sp", shelf.trace), failure });
    expect(next.actions).toEqual(["delete-job-manager", "create-snapshot"]);
    expect(next.events).toEqual(["SnapshotError"]);
    shelf.pass(stopped("s3://sp", shelf.trace));
    expect(infos(shelf.trace).savepointInfo).not.toHaveProperty("triggerType");
  });

  it("stays in the status where there are no objects", () => {
    const trace = job(legacy);
    trace.change(edited(withImage("flink:new")));
    trace.pass({ ...up("RUNNING")(trace.resource), snapshots: [] });
    expect(trace.pass({ ...stopped("s3://sp", trace), snapshots: [] }).actions).toEqual([]);
    expect(infos(trace).savepointInfo?.savepointHistory).toMatchObject([{ location: "s3://sp" }]);
  });

  it.each<["savepoint" | "last-state"]>([["savepoint"], ["last-state"]])(
    "takes the place of a savepoint that nobody has begun, which comes after a %s upgrade",
    (upgradeMode) => {
      const shelf = new Shelf(job(withUpgradeMode(upgradeMode)));
      shelf.trace.change(edited(withJob({ savepointTriggerNonce: 1 })));
      shelf.pass();
      shelf.snapshots = [];
      expect(handledNonce(shelf.trace)).toBe(1);
      shelf.trace.change(edited(withImage("flink:new")));
      shelf.pass();
      expect(handledNonce(shelf.trace)).toBeUndefined();
      expect(infos(shelf.trace).savepointInfo?.triggerType).not.toBe("MANUAL");
    },
  );

  it("puts a periodic one off that nobody has begun", () => {
    const shelf = new Shelf(job(option("periodic.savepoint.interval", "1 h")));
    shelf.pass(undefined, HOUR);
    expect(infos(shelf.trace).savepointInfo?.lastPeriodicSavepointTimestamp).toBe(NOW + HOUR);
    shelf.snapshots = [];
    shelf.trace.change(edited(withImage("flink:new")));
    shelf.pass();
    expect(infos(shelf.trace).savepointInfo?.lastPeriodicSavepointTimestamp).toBe(0);
  });

  it("does not take the place of one that an object has taken over", () => {
    const shelf = new Shelf(job());
    shelf.trace.change(edited(withJob({ savepointTriggerNonce: 1 })));
    shelf.pass();
    shelf.trace.change(edited(withImage("flink:new")));
    shelf.pass();
    expect(handledNonce(shelf.trace)).toBe(1);
  });
});

describe("without FlinkStateSnapshots", () => {
  const asking = { triggerId: "a".repeat(32), triggerTimestamp: NOW, triggerType: "MANUAL" as const };

  function asked(...changes: ResourceChange[]): Trace {
    const trace = job(legacy, ...changes);
    trace.change(edited(withJob({ savepointTriggerNonce: 7 })));
    expect(pass(trace).actions).toEqual(["trigger-savepoint"]);
    return trace;
  }

  function pass(
    trace: Trace,
    answers: FlinkAnswers = {},
    more: Partial<Scene> = {},
    after?: number,
  ): Outcome {
    return trace.pass({ ...up("RUNNING", answers)(trace.resource), snapshots: [], ...more }, after);
  }

  it("Flink is asked, and the status keeps the result", () => {
    const trace = asked(option("savepoint.format.type", "NATIVE"));
    const { triggerId } = infos(trace).savepointInfo ?? {};
    expect(infos(trace).savepointInfo).toMatchObject({ triggerType: "MANUAL", triggerTimestamp: trace.now });
    expect(triggerId).toMatch(/^e/);
    expect(pass(trace, { savepoint: ok({ state: "IN_PROGRESS" }) })).toMatchObject({
      actions: [],
      conditions: ["Ready: Running"],
      decision: { requeueAfter: 5000 },
    });
    expect(pass(trace, { savepoint: ok({ state: "COMPLETED", location: "s3://sp" }) }).actions).toEqual([]);
    const lastSavepoint = {
      timeStamp: trace.now,
      location: "s3://sp",
      triggerType: "MANUAL",
      formatType: "NATIVE",
      triggerNonce: 7,
    };
    expect(infos(trace).savepointInfo).toEqual({
      lastSavepoint,
      savepointHistory: [lastSavepoint],
      lastPeriodicSavepointTimestamp: 0,
    });
    expect(pass(trace).actions).toEqual([]);
  });

  it("checkpoints are of the type that is asked for", () => {
    const trace = job(
      legacy,
      option("checkpoint.type", "INCREMENTAL"),
      option("periodic.checkpoint.interval", "1 h"),
    );
    const first = pass(trace, {}, {}, HOUR);
    expect(action(first, "trigger-checkpoint")).toMatchObject({
      jobId: JOB_ID,
      checkpointType: "INCREMENTAL",
    });
    expect(pass(trace, { checkpoint: ok({ state: "COMPLETED", checkpointId: 7 }) }).actions).toEqual([]);
    expect(infos(trace).checkpointInfo).toEqual({
      lastCheckpoint: { timeStamp: trace.now, triggerType: "PERIODIC", formatType: "INCREMENTAL" },
      lastPeriodicCheckpointTimestamp: NOW + HOUR,
    });
    expect(pass(trace, {}, {}, HOUR).actions).toEqual(["trigger-checkpoint"]);
  });

  it("a request that was lost is the same request again, and Flink's silence is waited out", () => {
    const trace = asked();
    const { triggerId } = infos(trace).savepointInfo ?? {};
    expect(pass(trace, { savepoint: unreachable() }).actions).toEqual([]);
    const lost = { savepoint: unknownTrigger("savepoint") };
    const restarting = up("RESTARTING", lost)(trace.resource);
    expect(trace.pass({ ...restarting, snapshots: [] }).actions).toEqual([]);
    const again = pass(trace, lost);
    expect(action(again, "trigger-savepoint").triggerId).toBe(triggerId);
  });

  it.each<[string, FlinkAnswers, Partial<Scene>]>([
    ["fails", { savepoint: ok({ state: "COMPLETED", failure: "disk full" }) }, {}],
    [
      "is refused",
      { savepoint: unknownTrigger("savepoint") },
      { failure: { action: "trigger-savepoint", reason: "http", message: "HTTP 400: disk full" } },
    ],
  ])(
    "a savepoint that %s is tried again with another id until the grace period is over",
    (_, answers, more) => {
      const trace = asked();
      const { triggerId, triggerTimestamp } = infos(trace).savepointInfo ?? {};
      const failed = pass(trace, answers, more);
      expect(failed).toMatchObject({
        actions: [],
        events: ["SavepointError"],
        conditions: ["Ready: Running"],
      });
      expect(message(failed, "SavepointError")).toContain("disk full");
      expect(action(pass(trace), "trigger-savepoint").triggerId).not.toBe(triggerId);
      expect(infos(trace).savepointInfo?.triggerTimestamp).toBe(triggerTimestamp);
      expect(pass(trace, answers, more, 60_000).events).toEqual(["SavepointError"]);
      expect(infos(trace).savepointInfo).not.toHaveProperty("triggerType");
      expect(pass(trace).actions).toEqual([]);
    },
  );

  it("a savepoint that failed with its job is tried again when that runs", () => {
    const trace = asked();
    const restarting = up("RESTARTING", { savepoint: ok({ state: "COMPLETED", failure: "the job failed" }) });
    trace.pass({ ...restarting(trace.resource), snapshots: [] }, HOUR);
    expect(pass(trace).actions).toEqual(["trigger-savepoint"]);
  });

  it("a savepoint that a lost JobManager took along is given up after the grace period", () => {
    const trace = asked();
    const outcome = pass(trace, { savepoint: unknownTrigger("savepoint") }, {}, 60_000);
    expect(outcome).toMatchObject({ actions: [], events: ["SavepointError"] });
    expect(pass(trace).actions).toEqual([]);
  });

  it.each<["savepoint" | "last-state", string]>([
    ["savepoint", "stop-with-savepoint"],
    ["last-state", "cancel-job"],
  ])("a savepoint in progress does not delay a %s upgrade, nor pass for its state", (upgradeMode, stop) => {
    const trace = asked(
      withUpgradeMode(upgradeMode),
      option("job.upgrade.last-state.job-cancel.enabled", "true"),
    );
    trace.change(edited(withImage("flink:new")));
    const outcome = pass(trace, { savepoint: ok({ state: "IN_PROGRESS" }) });
    expect(outcome.actions).toEqual([stop]);
    expect(outcome.events).toContain("SavepointError");
    expect(handledNonce(trace)).toBeUndefined();
    if (stop === "cancel-job") expect(infos(trace).savepointInfo).not.toHaveProperty("triggerId");
    else expect(infos(trace).savepointInfo).toMatchObject({ triggerType: "UPGRADE" });
  });

  it("what another operator has begun is followed", () => {
    const trace = new Trace(flinkDeployment(born, legacy, running({ job: { savepointInfo: asking } })));
    pass(trace, { savepoint: ok({ state: "COMPLETED", location: "s3://sp" }) });
    expect(infos(trace).savepointInfo?.lastSavepoint?.location).toBe("s3://sp");
  });

  it("what was asked for when objects were switched on goes on as it was", () => {
    const trace = asked();
    trace.change(edited(option("snapshot.resource.enabled", "true")));
    expect(pass(trace, { savepoint: ok({ state: "COMPLETED", location: "s3://sp" }) }).actions).toEqual([]);
    expect(infos(trace).savepointInfo?.lastSavepoint?.location).toBe("s3://sp");
  });

  it("what waits for an object when objects are switched off is asked of Flink", () => {
    const shelf = new Shelf(job());
    shelf.trace.change(edited(withJob({ savepointTriggerNonce: 1 })));
    shelf.pass();
    shelf.trace.change(edited(legacy));
    shelf.snapshots = [];
    expect(shelf.pass().actions).toEqual(["trigger-savepoint"]);
  });
});

describe("the history in the status", () => {
  const at = (location: string, age: number) => ({
    location,
    timeStamp: NOW - age,
    triggerType: "PERIODIC" as const,
  });
  const history = [at("s3://1", 3 * HOUR), at("s3://2", 2 * HOUR), at("s3://3", HOUR)];

  function historyAfter(trace: Trace, scene: Partial<Scene>): [string[], (string | undefined)[] | undefined] {
    const outcome = trace.pass({ ...up("RUNNING")(trace.resource), ...scene });
    const paths = infos(trace).savepointInfo?.savepointHistory?.map(({ location }) => location);
    return [outcome.decision.actions.map((one) => ("path" in one ? one.path : one.type)), paths];
  }

  it("is cut to what is to be kept: first the savepoint goes, then its entry", () => {
    const changes = [legacy, option("savepoint.history.max.count", "1")];
    const savepointInfo = { savepointHistory: history, lastSavepoint: at("s3://3", HOUR) };
    const trace = new Trace(flinkDeployment(born, ...changes, running({ job: { savepointInfo } })));
    expect(historyAfter(trace, {})).toEqual([["s3://1"], ["s3://1", "s3://2", "s3://3"]]);
    expect(historyAfter(trace, { disposed: ["s3://1"] })).toEqual([["s3://2"], ["s3://2", "s3://3"]]);
    expect(historyAfter(trace, { disposed: ["s3://2"] })).toEqual([[], ["s3://3"]]);
  });

  it("keeps what the job would restart from, and only forgets where cleaning is switched off", () => {
    const job = { savepointInfo: { savepointHistory: history }, upgradeSavepointPath: "s3://1" };
    const limit = option("savepoint.history.max.count", "1");
    const trace = new Trace(flinkDeployment(born, legacy, limit, running({ job })));
    expect(historyAfter(trace, {})[0]).toEqual(["s3://2"]);
    const off = option("savepoint.cleanup.enabled", "false");
    const forgets = new Trace(flinkDeployment(born, legacy, limit, off, running({ job })));
    expect(historyAfter(forgets, {})).toEqual([[], ["s3://1", "s3://3"]]);
  });

  it("counts the completed objects that nobody asked for by hand", () => {
    const failed = made("PERIODIC", 2 * HOUR, is({ state: "FAILED" }));
    const snapshots = [made("PERIODIC", HOUR), failed, made("MANUAL", HOUR), made("MANUAL", 2 * HOUR)];
    const limit = option("savepoint.history.max.count", "3");
    const trace = new Trace(
      flinkDeployment(born, limit, running({ job: { savepointInfo: { savepointHistory: history } } })),
    );
    expect(historyAfter(trace, { snapshots })[0]).toEqual(["s3://1"]);
  });

  it("waits with the next try after a disposal that is refused, and the job does not look bad for it", () => {
    const limit = option("savepoint.history.max.count", "1");
    const trace = new Trace(
      flinkDeployment(
        born,
        legacy,
        limit,
        running({ job: { savepointInfo: { savepointHistory: history } } }),
      ),
    );
    const failure = { action: "dispose-savepoint", reason: "http", message: "no" } as const;
    const outcome = trace.pass({ ...up("RUNNING")(trace.resource), failure });
    expect(outcome).toMatchObject({
      actions: ["dispose-savepoint"],
      conditions: ["Ready: Running"],
      error: undefined,
    });
    expect(outcome.decision.requeueAfter).toBe(60_000);
  });
});

describe("whatever is recorded", () => {
  const phases = [submitting, deploying, running, stoppingWithSavepoint, cancelling, stopped, suspended];
  const jobState = fc.constantFrom<FlinkJobState>(
    "RUNNING",
    "RESTARTING",
    "RECONCILING",
    "FAILED",
    "FINISHED",
  );
  const situation = fc.record({
    phase: fc.constantFrom(...phases),
    jobState,
    flinkSays: fc.option(jobState),
    resources: fc.boolean(),
    changes: fc.subarray([
      legacy,
      withImage("flink:new"),
      withJobState("suspended"),
      withJob({ parallelism: -1 }),
    ]),
    deleted: fc.boolean(),
  });

  it("a snapshot is begun only for a job that is deployed, runs, and is to stay as it is", () => {
    fc.assert(
      fc.property(situation, (one) => {
        const trace = new Trace(flinkDeployment(born, one.phase({ jobState: one.jobState })));
        const nonces = withJob({ savepointTriggerNonce: 1, checkpointTriggerNonce: 1 });
        trace.change(edited(nonces, ...one.changes));
        if (one.deleted) trace.change(deleted());
        const scene = one.flinkSays === null ? {} : up(one.flinkSays)(trace.resource);
        const { actions } = trace.pass({ ...scene, ...(one.resources ? { snapshots: [] } : {}) });
        const begins = actions.filter((type) => /^(create-snapshot|trigger-)/.test(type));
        const isQuiet = one.changes.every((change) => change === legacy) && !one.deleted;
        const runs = (one.phase === running || one.phase === deploying) && one.flinkSays === "RUNNING";
        expect(begins).toHaveLength(isQuiet && runs ? 2 : 0);
        if (begins.length > 0) expect(actions).toEqual(begins);
      }),
      { numRuns: 300 },
    );
  });

  it("the finalizer goes last, and the savepoint of a deletion is not forgotten", () => {
    const lastSavepoint = { location: "s3://sp", timeStamp: NOW, triggerType: "UPGRADE" as const };
    const savepointInfo = { lastSavepoint, triggerType: "UPGRADE" as const, triggerTimestamp: NOW };
    const trace = new Trace(flinkDeployment(born, suspended({ job: { savepointInfo } }), deleted()));
    expect(trace.pass({ snapshots: [] }).actions).toEqual(["create-snapshot", "remove-finalizer"]);
  });
});

it("an answer that is not about the request changes nothing", () => {
  const trace = job(legacy);
  trace.change(edited(withJob({ savepointTriggerNonce: 1 })));
  play(trace, [
    { when: "asked", scene: up("RUNNING"), gives: { actions: ["trigger-savepoint"] } },
    { when: "500", scene: up("RUNNING", { savepoint: refused(500) }), gives: { actions: [], events: [] } },
  ]);
});
