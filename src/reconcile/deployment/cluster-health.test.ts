/** Jobs that Flink keeps restarting, or that complete no checkpoint: what is recorded of them, and what is done (2.28, 2.9). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkpointAt, flink, ok, refused, unreachable } from "../../../testbed/gen/flink-answers.ts";
import {
  edited,
  flinkDeployment,
  NOW,
  type ResourceChange,
  withConfiguration,
  withFlinkVersion,
  withoutHa,
  withParallelism,
  withSpec,
  withUpgradeMode,
} from "../../../testbed/gen/flink-deployment.ts";
import { cluster, haConfigMap } from "../../../testbed/gen/kube-objects.ts";
import { running, STARTED } from "../../../testbed/gen/recorded-status.ts";
import {
  bringUpSteps,
  gone,
  HA,
  ownJob,
  recordedJob,
  type SceneOf,
  starting,
  tearDownSteps,
} from "../../../testbed/gen/steps.ts";
import { action, condition, message, play, Trace } from "../../../testbed/gen/trace.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import type { FlinkAnswers } from "../decision.ts";
import { type ClusterHealth, evaluateHealth, type HealthFacts, parseHealth } from "./cluster-health.ts";

const MINUTE = 60_000;
const RULES = { restartsWindow: 2 * MINUTE, restartsThreshold: 64, progressWindow: 20 * MINUTE };

const RECORD: ClusterHealth = {
  timeStamp: NOW,
  numRestarts: 10,
  numRestartsEvaluationTimeStamp: NOW,
  numCompletedCheckpoints: 5,
  numCompletedCheckpointsIncreasedTimeStamp: NOW,
  healthResult: { healthy: true, error: null },
};

function facts(after: number, fields: Partial<HealthFacts> = {}): HealthFacts {
  return {
    now: NOW + after,
    restarts: RECORD.numRestarts,
    completedCheckpoints: RECORD.numCompletedCheckpoints,
    lastCheckpoint: NOW + after,
    startTime: STARTED,
    ...fields,
  };
}

const RESTARTS = "Restart count hit threshold: 64";
const PROGRESS = "Cluster is not able to complete checkpoints";

describe("the verdict over a job", () => {
  it.each<[string, HealthFacts, string | null]>([
    ["nothing new", facts(MINUTE), null],
    ["as many restarts as are allowed", facts(MINUTE, { restarts: 74 }), null],
    ["one more", facts(MINUTE, { restarts: 75 }), RESTARTS],
    ["one more, at the very end of the window", facts(2 * MINUTE, { restarts: 75 }), RESTARTS],
    ["as many per window, over a longer time", facts(4 * MINUTE, { restarts: 138 }), null],
    ["more per window, over a longer time", facts(4 * MINUTE, { restarts: 139 }), RESTARTS],
    ["fewer restarts: another JobManager counts", facts(MINUTE, { restarts: 0 }), null],
    ["no checkpoint for the window", facts(20 * MINUTE, { lastCheckpoint: NOW }), null],
    ["no checkpoint for longer", facts(20 * MINUTE + 1, { lastCheckpoint: NOW }), PROGRESS],
    ["no checkpoint that anybody knows of", facts(20 * MINUTE + 1, { lastCheckpoint: undefined }), PROGRESS],
    [
      "none since a JobManager took the job on, just now",
      facts(30 * MINUTE, { lastCheckpoint: undefined, startTime: NOW + 25 * MINUTE }),
      null,
    ],
    ["both", facts(20 * MINUTE + 1, { lastCheckpoint: NOW, restarts: 5000 }), `${RESTARTS}; ${PROGRESS}`],
  ])("%s", (_, now, error) => {
    expect(evaluateHealth(RECORD, now, RULES).healthResult).toEqual({ healthy: error === null, error });
  });

  it("says nothing of checkpoints that are not looked at", () => {
    const now = facts(60 * MINUTE, { lastCheckpoint: NOW });
    expect(evaluateHealth(RECORD, now, { ...RULES, progressWindow: undefined })).toBe(RECORD);
  });

  it("over a job that is looked at for the first time is good, and counts from there", () => {
    const first = evaluateHealth(undefined, facts(0, { restarts: 1000, lastCheckpoint: undefined }), RULES);
    expect(first).toEqual({ ...RECORD, numRestarts: 1000 });
    const later = facts(MINUTE, { restarts: 1065, lastCheckpoint: undefined });
    expect(evaluateHealth(first, later, RULES).healthResult.error).toBe(RESTARTS);
  });
});

describe("what is recorded", () => {
  it("does not change while a job makes checkpoints and now and then restarts within the window", () => {
    for (let minute = 0; minute <= 60; minute++) {
      const now = facts(minute * MINUTE, { completedCheckpoints: 5 + 6 * minute });
      expect(evaluateHealth(RECORD, now, RULES)).toBe(RECORD);
    }
    expect(evaluateHealth(RECORD, facts(MINUTE, { restarts: 12 }), RULES)).toBe(RECORD);
  });

  it.each<[string, HealthFacts, Partial<ClusterHealth>]>([
    [
      "restarts after a quiet time",
      facts(60 * MINUTE, { restarts: 20 }),
      { numRestarts: 20, numRestartsEvaluationTimeStamp: NOW + 60 * MINUTE },
    ],
    [
      "another JobManager's count",
      facts(MINUTE, { restarts: 0 }),
      { numRestarts: 0, numRestartsEvaluationTimeStamp: NOW + MINUTE },
    ],
    [
      "a new verdict, with the checkpoints that go with it",
      facts(MINUTE, { restarts: 1000, completedCheckpoints: 9, lastCheckpoint: NOW + 7 }),
      { numRestarts: 10, numCompletedCheckpoints: 9, numCompletedCheckpointsIncreasedTimeStamp: NOW + 7 },
    ],
  ])("changes with %s", (_, now, expected) => {
    expect(evaluateHealth(RECORD, now, RULES)).toMatchObject({ ...expected, timeStamp: now.now });
  });

  it("is written in the Apache operator's format and read back as it was", () => {
    const text = JSON.stringify(evaluateHealth(undefined, facts(0), RULES));
    expect(text).toBe(
      `{"timeStamp":${NOW},"numRestarts":10,"numRestartsEvaluationTimeStamp":${NOW},"numCompletedCheckpoints":5,` +
        `"numCompletedCheckpointsIncreasedTimeStamp":${NOW},"healthResult":{"healthy":true,"error":null}}`,
    );
    expect(parseHealth(text)).toEqual(RECORD);
  });

  it.each([undefined, "", "{", "null", "7", `{"timeStamp":1,"numRestarts":3,"healthy":true}`])(
    "counts as nothing when it is %s",
    (text) => expect(parseHealth(text)).toBeUndefined(),
  );

  it("at a steady rate of restarts ends with the same verdict as counting every one of them", () => {
    const pace = fc.record({
      perMinute: fc.integer({ min: 0, max: 200 }),
      every: fc.integer({ min: 1, max: 110 }),
    });
    fc.assert(
      fc.property(pace, ({ perMinute, every }) => {
        let record: ClusterHealth | undefined;
        let hit = false;
        for (let second = 0; second <= 600; second += every) {
          const restarts = Math.floor((second * perMinute) / 60);
          record = evaluateHealth(record, facts(second * 1000, { restarts }), RULES);
          hit ||= !record.healthResult.healthy;
        }
        if (perMinute * 2 > RULES.restartsThreshold + 8) expect(hit).toBe(true);
        if (perMinute * 2 < RULES.restartsThreshold) expect(hit).toBe(false);
      }),
    );
  });
});

const HEALTH = "kubernetes.operator.cluster.health-check";
const checked = (options: Record<string, string> = {}): ResourceChange =>
  withConfiguration({
    [`${HEALTH}.enabled`]: "true",
    ...Object.fromEntries(Object.entries(options).map(([key, value]) => [`${HEALTH}.${key}`, value])),
  });

function metrics(restarts: number, completed = 5): FlinkAnswers {
  return { metrics: ok({ numRestarts: restarts, numberOfCompletedCheckpoints: completed }) };
}

function up(answers: FlinkAnswers, configMaps: readonly KubeObject[] = HA): SceneOf {
  return (resource) => ({
    cluster: cluster(resource, undefined, { configMaps }),
    flink: flink([ownJob(resource, "RUNNING")], answers),
  });
}

const sick = (configMaps?: readonly KubeObject[]): SceneOf => up(metrics(1000), configMaps);
const well: SceneOf = up(metrics(0));
const health = ({ resource }: Trace): ClusterHealth | undefined =>
  parseHealth(resource.status?.clusterInfo?.["ClusterHealthInfo"]);

describe("a job that restarts more often than is allowed", () => {
  const seenWell = { when: "well", scene: well, gives: { conditions: ["Ready: Running"] } };

  it.each(["savepoint", "last-state", "stateless"] as const)(
    "with HA and upgradeMode %s starts again from its newest checkpoint",
    (upgradeMode) => {
      const trace = new Trace(flinkDeployment(checked(), withUpgradeMode(upgradeMode), running()));
      const decided = play(trace, [
        seenWell,
        {
          when: "sick",
          scene: sick(),
          gives: {
            actions: [],
            events: ["RestartUnhealthyJob"],
            lifecycle: "UPGRADING",
            conditions: ["Reconciling: RestartingUnhealthyJob"],
          },
        },
      ]);
      expect(message(decided, "RestartUnhealthyJob")).toBe(RESTARTS);
      expect(decided.decision.requeueAfter).toBe(0);
      expect(recordedJob(trace)).toMatchObject({ state: "suspended", upgradeMode: "last-state" });
      const created = play(trace, [
        ...tearDownSteps(),
        { when: "gone", scene: gone(), gives: { jobState: "RECONCILING" } },
        bringUpSteps()[0]!,
      ]);
      expect(action(created, "create-cluster").inputs).toMatchObject({
        generation: 1,
        restore: { kind: "last-state", marker: true },
        spec: { job: { upgradeMode } },
      });
      expect(health(trace)).toBeUndefined();
      play(trace, [
        { when: "made", scene: starting(), gives: { lifecycle: "DEPLOYED" } },
        { when: "up", scene: well, gives: { lifecycle: "STABLE", conditions: ["Ready: Running"] } },
      ]);
    },
  );

  it("before its first checkpoint starts again from where it had started", () => {
    const path = { upgradeSavepointPath: "s3://sp" };
    const trace = new Trace(flinkDeployment(checked(), running({ restore: "savepoint", job: path })));
    const empty = [haConfigMap()];
    play(trace, [
      seenWell,
      { when: "sick", scene: sick(empty), gives: { events: ["RestartUnhealthyJob"] } },
      { when: "gone", scene: gone(empty), gives: { jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [bringUpSteps(empty)[0]!]), "create-cluster").inputs.restore).toEqual({
      kind: "savepoint",
      path: "s3://sp",
    });
  });

  it("and stateless, without HA, starts again empty", () => {
    const trace = new Trace(flinkDeployment(checked(), withoutHa(), withUpgradeMode("stateless"), running()));
    play(trace, [
      seenWell,
      { when: "sick", scene: sick([]), gives: { events: ["RestartUnhealthyJob"], lifecycle: "UPGRADING" } },
    ]);
    expect(recordedJob(trace).upgradeMode).toBe("stateless");
  });

  it.each<[string, ResourceChange[], KubeObject[]]>([
    ["without HA", [withoutHa()], []],
    ["with HA metadata gone", [], []],
    ["without HA, stateless, started from a savepoint", [withoutHa(), withUpgradeMode("stateless")], []],
  ])("%s is left alone, and that is said", (_, changes, configMaps) => {
    const trace = new Trace(flinkDeployment(checked(), ...changes, running({ restore: "savepoint" })));
    const left = play(trace, [
      seenWell,
      {
        when: "sick",
        scene: sick(configMaps),
        gives: { actions: [], events: [], lifecycle: "STABLE", conditions: ["Stalled: Unhealthy"] },
      },
    ]);
    expect(condition(left, "Ready")).toMatchObject({ status: "False", reason: "Unhealthy" });
    expect(condition(left, "Ready")?.message).toContain(RESTARTS);
    const before = trace.resource.status;
    play(trace, [{ when: "still", scene: sick(configMaps), gives: { actions: [], events: [] } }]);
    expect(trace.resource.status).toEqual(before);
    play(trace, [
      {
        when: "well again",
        scene: up({ ...metrics(1000), checkpoints: checkpointAt("s3://a", NOW + 60 * MINUTE) }, configMaps),
        after: 60 * MINUTE,
        gives: { conditions: ["Ready: Running"] },
      },
    ]);
  });

  it.each<[string, ResourceChange]>([
    ["switches HA off", withoutHa()],
    ["needs another Flink", withFlinkVersion("v2_4")],
  ])("is not restarted while a change waits that %s and could not read its HA metadata", (_, change) => {
    const trace = new Trace(flinkDeployment(checked(), running()));
    play(trace, [
      seenWell,
      {
        when: "the savepoint for the change is asked for",
        edit: edited(change),
        scene: well,
        gives: { actions: ["stop-with-savepoint"] },
      },
      {
        when: "and fails",
        scene: up({ ...metrics(0), savepoint: ok({ state: "COMPLETED", failure: "disk full" }) }),
        gives: { events: ["SavepointError"] },
      },
      { when: "sick", scene: sick(), gives: { actions: [], events: [], jobState: "RUNNING" } },
    ]);
  });

  it("goes on with a change that waits when that can read the HA metadata", () => {
    const trace = new Trace(flinkDeployment(checked(), running()));
    play(trace, [
      seenWell,
      { when: "changed", edit: edited(withParallelism(4)), scene: well, gives: {} },
      {
        when: "the savepoint fails",
        scene: up({ ...metrics(0), savepoint: ok({ state: "COMPLETED", failure: "disk full" }) }),
        gives: { events: ["SavepointError"] },
      },
      { when: "sick", scene: sick(), gives: { events: ["RestartUnhealthyJob"] } },
      { when: "gone", scene: gone(), gives: { jobState: "RECONCILING" } },
    ]);
    expect(recordedJob(trace)).toMatchObject({ parallelism: 4, upgradeMode: "last-state" });
  });
});

describe("a job that completes no checkpoint", () => {
  const done = (time: number): FlinkAnswers => ({ ...metrics(0), checkpoints: checkpointAt("s3://a", time) });
  const restarted = ["RestartUnhealthyJob"];

  it.each<[string, ResourceChange[], number, string[]]>([
    ["within twice Flink's checkpoint timeout is well", [checked()], 20 * MINUTE, []],
    ["for longer is restarted", [checked()], 20 * MINUTE + 1, restarted],
    [
      "has as much longer as failures are tolerated",
      [checked(), withConfiguration({ "execution.checkpointing.tolerable-failed-checkpoints": 3 })],
      50 * MINUTE,
      [],
    ],
    [
      "and no more",
      [checked(), withConfiguration({ "execution.checkpointing.tolerable-failed-checkpoints": 3 })],
      50 * MINUTE + 1,
      restarted,
    ],
    [
      "has twice its interval, where that is longer",
      [checked(), withConfiguration({ "execution.checkpointing.interval": "1 h" })],
      120 * MINUTE,
      [],
    ],
    [
      "has the user's window, where that is longer",
      [checked({ "checkpoint-progress.window": "1 h" })],
      60 * MINUTE,
      [],
    ],
    ["and not where it is shorter", [checked({ "checkpoint-progress.window": "1 min" })], 20 * MINUTE, []],
    [
      "is not looked at where that is off",
      [checked({ "checkpoint-progress.enabled": "false" })],
      600 * MINUTE,
      [],
    ],
    [
      "nor where there is no interval",
      [checked(), withConfiguration({ "execution.checkpointing.interval": null })],
      600 * MINUTE,
      [],
    ],
    [
      "but for a last-state job, which has one by default",
      [
        checked(),
        withUpgradeMode("last-state"),
        withConfiguration({ "execution.checkpointing.interval": null }),
      ],
      20 * MINUTE + 1,
      restarted,
    ],
    [
      "or where there is a window",
      [
        checked({ "checkpoint-progress.window": "30 min" }),
        withConfiguration({ "execution.checkpointing.interval": null }),
      ],
      30 * MINUTE + 1,
      restarted,
    ],
  ])("%s", (_, changes, after, events) => {
    const trace = new Trace(flinkDeployment(...changes, running()));
    play(trace, [
      { when: "first seen", scene: up(done(NOW)), after: 0, gives: { events: [] } },
      { when: "later", scene: up(done(NOW)), after, gives: { events } },
    ]);
  });

  it("is left alone while Flink does not tell", () => {
    const trace = new Trace(flinkDeployment(checked(), running()));
    play(trace, [
      { when: "first seen", scene: up(done(NOW)), after: 0, gives: {} },
      {
        when: "no statistics",
        scene: up({ ...metrics(0), checkpoints: refused(404) }),
        after: 600 * MINUTE,
        gives: { events: [] },
      },
    ]);
  });
});

describe("the record of a job's health", () => {
  it("is written once and not touched by quiet passes", () => {
    const trace = new Trace(flinkDeployment(checked(), running()));
    play(trace, [{ when: "first", scene: up(metrics(3, 5)), gives: {} }]);
    expect(health(trace)).toMatchObject({ numRestarts: 3, numCompletedCheckpoints: 5 });
    const before = trace.resource.status;
    for (let pass = 0; pass < 50; pass++) trace.pass(up(metrics(3, 5 + pass))(trace.resource), 15_000);
    expect(trace.resource.status).toEqual(before);
  });

  it.each<[string, FlinkAnswers]>([
    ["are not known yet", { metrics: ok({}) }],
    ["cannot be read", { metrics: unreachable() }],
  ])("waits while Flink's metrics %s", (_, answers) => {
    const trace = new Trace(flinkDeployment(checked(), running()));
    play(trace, [{ when: "first", scene: up(answers), gives: { conditions: ["Ready: Running"] } }]);
    expect(health(trace)).toBeUndefined();
  });

  it("takes restarts under their older name, and a job without checkpoints", () => {
    const trace = new Trace(flinkDeployment(checked(), running()));
    const old = { metrics: ok({ fullRestarts: 7 }), checkpoints: refused(404) };
    play(trace, [{ when: "first", scene: up(old), gives: {} }]);
    expect(health(trace)).toMatchObject({ numRestarts: 7, numCompletedCheckpoints: 0 });
  });

  it("goes when the check is switched off", () => {
    const trace = new Trace(flinkDeployment(checked(), running()));
    const off = edited(withConfiguration({ [`${HEALTH}.enabled`]: "false" }));
    play(trace, [
      { when: "on", scene: well, gives: {} },
      { when: "off", edit: off, scene: well, gives: { events: [] } },
    ]);
    expect(health(trace)).toBeUndefined();
    expect(trace.resource.status?.clusterInfo).not.toHaveProperty("ClusterHealthInfo");
  });

  it("of a failed job is not looked at", () => {
    const trace = new Trace(flinkDeployment(checked(), running()));
    const failed: SceneOf = (resource) => ({
      cluster: cluster(resource, undefined, { configMaps: HA }),
      flink: flink([{ ...ownJob(resource, "FAILED"), endTime: STARTED }], metrics(1000)),
    });
    play(trace, [
      { when: "well", scene: well, gives: {} },
      { when: "failed", scene: failed, gives: { jobState: "FAILED", lifecycle: "FAILED" } },
      { when: "still failed", scene: failed, gives: { events: [], actions: [] } },
    ]);
  });

  it("goes with a change of the spec", () => {
    const trace = new Trace(flinkDeployment(checked(), withUpgradeMode("stateless"), running()));
    play(trace, [
      { when: "well", scene: well, gives: {} },
      { when: "changed", edit: edited(withSpec({ restartNonce: 1 })), scene: well, gives: {} },
      { when: "gone", scene: gone([]), gives: { jobState: "RECONCILING" } },
    ]);
    expect(health(trace)).toBeUndefined();
  });
});
