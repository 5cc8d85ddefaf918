/**
 * Resources as releases of the Apache operator leave them (test/data/apache-operator): taken on without touching the job,
 * and what Sluice writes is what that operator would read (testbed/gen/apache-reader.ts).
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { lifecycleOf, readRecord, unreadable, wouldChange } from "../../../testbed/gen/apache-reader.ts";
import { checkpointAt, checkpoints, flink, ok } from "../../../testbed/gen/flink-answers.ts";
import {
  edited,
  flinkDeployment,
  NOW,
  type ResourceChange,
  withConfiguration,
  withImage,
  withJobState,
  withParallelism,
  withSpec,
  withUpgradeMode,
} from "../../../testbed/gen/flink-deployment.ts";
import { cluster } from "../../../testbed/gen/kube-objects.ts";
import { JOB_ID } from "../../../testbed/gen/recorded-status.ts";
import { bringUpSteps, gone, HA, ownJob, type SceneOf, starting, up } from "../../../testbed/gen/steps.ts";
import { action, type Outcome, play, Trace } from "../../../testbed/gen/trace.ts";
import type { FlinkDeployment, FlinkJobState } from "../../api/flink-deployment.ts";
import type { FlinkAnswers } from "../decision.ts";

const FOLDER = new URL("../../../test/data/apache-operator/", import.meta.url);

function left(name: string): FlinkDeployment {
  return parse(readFileSync(new URL(`${name}.yaml`, FOLDER), "utf8")) as FlinkDeployment;
}

const ended =
  (state: FlinkJobState, answers: FlinkAnswers = {}): SceneOf =>
  (resource) => ({
    cluster: cluster(resource, undefined, { configMaps: state === "FAILED" ? [] : HA }),
    flink: flink([{ ...ownJob(resource, state), endTime: NOW - 600_000 }], answers),
  });
const healthy = up("RUNNING", {
  metrics: ok({ numRestarts: 2, numberOfCompletedCheckpoints: 351 }),
  checkpoints: checkpoints({ completed: { id: 351, externalPath: "s3://c", completionTime: NOW } }),
});

/** What is there, and what it is called after it was looked at a few times. */
const RESTING: Readonly<Record<string, readonly [SceneOf, string, string]>> = {
  "1.0-running": [up("RUNNING"), "STABLE", "Ready: Running"],
  "1.0-suspended": [gone([]), "SUSPENDED", "Ready: Suspended"],
  "1.3-failed": [ended("FAILED", { checkpoints: checkpointAt("s3://a") }), "FAILED", "Stalled: JobFailed"],
  "1.5-finished": [ended("FINISHED"), "STABLE", "Ready: Finished"],
  "1.8-rolled-back": [up("RUNNING"), "ROLLED_BACK", "Stalled: RolledBack"],
  "1.8-templates": [up("RUNNING"), "STABLE", "Ready: Running"],
  "1.11-first-deployment": [up("RUNNING"), "STABLE", "Ready: Running"],
  "1.12-state-lost": [gone([]), "FAILED", "Stalled: RestoreFailed"],
  "1.13-suspended": [gone(), "SUSPENDED", "Ready: Suspended"],
  "1.15-autoscaled": [healthy, "STABLE", "Ready: Running"],
  "1.15-created-suspended": [gone([]), "CREATED", "Ready: Suspended"],
  "1.15-invalid": [up("RUNNING"), "STABLE", "Stalled: ValidationError"],
  "1.16-running": [up("RUNNING"), "STABLE", "Ready: Running"],
};

/** Left in the middle of something: where that goes. */
const UNDER_WAY = ["1.2-upgrading", "1.10-rolling-back", "1.14-cancelling"];

const NOTHING_TO_DO = new Set(["1.15-created-suspended"]);
const overrides = "flinkConfiguration.pipeline.jobvertex-parallelism-overrides";

/** The Apache operator makes of the status what Sluice makes of it. */
function readBack(resource: FlinkDeployment): void {
  expect(unreadable(resource.status)).toEqual([]);
  expect(lifecycleOf(resource)).toBe(resource.status?.lifecycleState);
  for (const text of [
    resource.status?.reconciliationStatus?.lastReconciledSpec,
    resource.status?.reconciliationStatus?.lastStableSpec,
  ]) {
    if (text === undefined) continue;
    const { spec } = readRecord(text)!;
    expect(spec["job"]).toMatchObject({ state: expect.stringMatching(/^(running|suspended)$/) });
    expect(spec["job"]).toMatchObject({
      upgradeMode: expect.stringMatching(/^(stateless|last-state|savepoint)$/),
    });
  }
}

describe("a resource that a release of the Apache operator left", () => {
  it("is one of those that are looked at here", () => {
    const files = readdirSync(FOLDER).map((file) => file.replace(".yaml", ""));
    expect(files.sort()).toEqual([...Object.keys(RESTING), ...UNDER_WAY].sort());
  });

  it.each(Object.entries(RESTING))(
    "%s is taken on, and its job is not touched",
    (name, [scene, lifecycle, verdict]) => {
      const trace = new Trace(left(name));
      const before = structuredClone(trace.resource.status);
      let outcome: Outcome | undefined;
      for (let pass = 0; pass < 5; pass++) {
        outcome = trace.pass(scene(trace.resource));
        expect(outcome.actions).toEqual([]);
      }
      expect(outcome).toMatchObject({ lifecycle, conditions: [verdict], events: [] });
      const { reconciliationStatus, jobStatus } = trace.resource.status!;
      expect(reconciliationStatus?.lastReconciledSpec).toBe(before?.reconciliationStatus?.lastReconciledSpec);
      expect(jobStatus?.jobId).toBe(before?.jobStatus?.jobId);
      readBack(trace.resource);
    },
  );

  it.each(Object.keys(RESTING).filter((name) => !NOTHING_TO_DO.has(name)))(
    "%s is no change to the Apache operator, should it come back",
    (name) => {
      const trace = new Trace(left(name));
      const before = wouldChange(trace.resource);
      const [scene] = RESTING[name]!;
      for (let pass = 0; pass < 3; pass++) trace.pass(scene(trace.resource));
      expect(wouldChange(trace.resource)).toEqual(before);
      if (name === "1.15-autoscaled") expect(before).toEqual([overrides]);
      else if (name !== "1.15-invalid") expect(before).toEqual([]);
    },
  );
});

describe("what a release of the Apache operator was in the middle of", () => {
  it("1.2: the job starts again from the savepoint, which is in the list of savepoints only", () => {
    const trace = new Trace(left("1.2-upgrading"));
    play(trace, [
      {
        when: "stopped",
        scene: gone([]),
        gives: { actions: [], jobState: "RECONCILING", lifecycle: "UPGRADING" },
      },
    ]);
    const created = play(trace, [bringUpSteps([])[0]!]);
    expect(action(created, "create-cluster").inputs).toMatchObject({
      restore: { kind: "savepoint", path: "s3://state/savepoints/savepoint-a00000-2" },
      spec: { job: { parallelism: 4 } },
    });
    play(trace, bringUpSteps([]).slice(1));
    readBack(trace.resource);
    expect(wouldChange(trace.resource)).toEqual([]);
  });

  it("1.10: the rollback goes on to the stable spec, with the newest state", () => {
    const trace = new Trace(left("1.10-rolling-back"));
    play(trace, [
      {
        when: "recorded",
        scene: gone(),
        gives: { actions: [], lifecycle: "ROLLING_BACK", jobState: "RECONCILING" },
      },
    ]);
    readBack(trace.resource);
    const created = trace.pass(gone()(trace.resource));
    expect(action(created, "create-cluster").inputs).toMatchObject({
      jobId: JOB_ID,
      restore: { kind: "last-state", marker: true },
      spec: { job: { parallelism: 2 } },
    });
    play(trace, [
      { when: "made", scene: starting(), gives: { actions: [], lifecycle: "ROLLED_BACK" } },
      {
        when: "up",
        scene: up("RUNNING"),
        gives: { actions: [], lifecycle: "ROLLED_BACK", jobState: "RUNNING" },
      },
    ]);
    readBack(trace.resource);
    expect(wouldChange(trace.resource)).toEqual([]);
  });

  it("1.14: the cancellation is followed to its last checkpoint", () => {
    const trace = new Trace(left("1.14-cancelling"));
    play(trace, [
      { when: "on its way", scene: up("CANCELLING"), gives: { actions: [], lifecycle: "UPGRADING" } },
      {
        when: "done",
        scene: ended("CANCELED", { checkpoints: checkpointAt("s3://state/checkpoints/chk-9") }),
        gives: { actions: [], jobState: "CANCELED", lifecycle: "UPGRADING" },
      },
    ]);
    readBack(trace.resource);
    expect(trace.resource.status?.jobStatus?.upgradeSavepointPath).toBe("s3://state/checkpoints/chk-9");
    play(trace, [{ when: "gone", scene: gone([]), gives: { jobState: "RECONCILING" } }]);
    expect(action(trace.pass(gone([])(trace.resource)), "create-cluster").inputs).toMatchObject({
      restore: { kind: "savepoint", path: "s3://state/checkpoints/chk-9" },
      spec: { job: { parallelism: 4 } },
    });
  });
});

describe("what a release of the Apache operator left, later changed", () => {
  it.each<[string, SceneOf, object]>([
    ["1.0-suspended", gone([]), { kind: "savepoint", path: "s3://state/savepoints/savepoint-a00000-1" }],
    ["1.13-suspended", gone(), { kind: "last-state", marker: true }],
  ])("%s: resumed, the job goes on from where it was", (name, scene, restore) => {
    const trace = new Trace(left(name));
    play(trace, [
      { when: "looked at", scene, gives: { lifecycle: "SUSPENDED" } },
      { when: "resumed", edit: edited(withJobState("running")), scene, gives: { lifecycle: "UPGRADING" } },
      { when: "recorded", scene, gives: { jobState: "RECONCILING" } },
    ]);
    readBack(trace.resource);
    expect(action(trace.pass(scene(trace.resource)), "create-cluster").inputs.restore).toEqual(restore);
  });

  it("1.15-autoscaled: a change keeps what the autoscaler chose, until it is switched off", () => {
    const trace = new Trace(left("1.15-autoscaled"));
    play(trace, [
      { when: "looked at", scene: healthy, gives: { events: [] } },
      {
        when: "changed",
        edit: edited(withImage("flink:2")),
        scene: healthy,
        gives: { lifecycle: "UPGRADING" },
      },
    ]);
    const { spec } = readRecord(trace.resource.status?.reconciliationStatus?.lastReconciledSpec)!;
    expect(spec["flinkConfiguration"]).toHaveProperty(["pipeline.jobvertex-parallelism-overrides"]);
    const off = new Trace(left("1.15-autoscaled"));
    play(off, [
      {
        when: "switched off",
        edit: edited(withConfiguration({ "job.autoscaler.enabled": "false" })),
        scene: healthy,
        gives: { lifecycle: "UPGRADING", events: ["Suspended", "SpecChanged"] },
      },
    ]);
  });

  it("1.8-templates: what is really edited in the template is a change", () => {
    const trace = new Trace(left("1.8-templates"));
    const gpu = (draft: FlinkDeployment): void => {
      const template = draft.spec.podTemplate as { spec: { containers: { resources: object }[] } };
      template.spec.containers[0]!.resources = { limits: { "nvidia.com/gpu": 2 } };
    };
    play(trace, [
      { when: "looked at", scene: up("RUNNING"), gives: { events: [] } },
      {
        when: "changed",
        edit: edited(gpu),
        scene: up("RUNNING"),
        gives: { actions: ["stop-with-savepoint"] },
      },
    ]);
  });
});

describe("what Sluice leaves is read by the Apache operator as it is meant", () => {
  const fresh = (trace: Trace): void => {
    for (const scene of [gone([]), gone([]), starting([]), up("RUNNING", {}, [])])
      trace.pass(scene(trace.resource));
  };
  const suspend = (trace: Trace): void => {
    trace.change(edited(withJobState("suspended")));
    const done = ok({ state: "COMPLETED" as const, location: "s3://sp" });
    for (const scene of [
      up("RUNNING", {}, []),
      up("FINISHED", { savepoint: done }, []),
      up("FINISHED", {}, []),
      gone([]),
    ])
      trace.pass(scene(trace.resource));
  };

  it.each<[string, ResourceChange[], (trace: Trace) => void, string]>([
    ["a first deployment", [], fresh, "STABLE"],
    [
      "one with templates",
      [withSpec({ podTemplate: { metadata: {}, spec: { containers: [] } } })],
      fresh,
      "STABLE",
    ],
    [
      "one without jobManager and taskManager memory of its own",
      [withSpec({ taskManager: null })],
      fresh,
      "STABLE",
    ],
    [
      "a suspension with a savepoint",
      [],
      (trace) => {
        fresh(trace);
        suspend(trace);
      },
      "SUSPENDED",
    ],
    [
      "a change",
      [withUpgradeMode("stateless")],
      (trace) => {
        fresh(trace);
        trace.change(edited(withParallelism(4)));
        for (const scene of [up("RUNNING", {}, []), gone([]), gone([]), starting([]), up("RUNNING", {}, [])])
          trace.pass(scene(trace.resource));
      },
      "STABLE",
    ],
    ["a deployment in the making", [], (trace) => void trace.pass(gone([])(trace.resource)), "UPGRADING"],
  ])("%s", (_, changes, flow, lifecycle) => {
    const trace = new Trace(flinkDeployment(...changes));
    flow(trace);
    expect(trace.resource.status?.lifecycleState).toBe(lifecycle);
    readBack(trace.resource);
    const changed = wouldChange(trace.resource).filter(
      (field) => field !== "job.state" || lifecycle !== "UPGRADING",
    );
    expect(changed).toEqual([]);
    expect(trace.resource.status?.observedGeneration).toBe(trace.resource.metadata.generation);
  });
});
