/** Worked traces of rollbacks: a change that does not work gives way to the last spec that did. */
import { describe, expect, it } from "vitest";
import { checkpointAt, flink, job, ok } from "../../../testbed/gen/flink-answers.ts";
import {
  edited,
  flinkDeployment,
  NOW,
  type ResourceChange,
  withConfiguration,
  withJob,
  withParallelism,
  withUpgradeMode,
} from "../../../testbed/gen/flink-deployment.ts";
import { available, cluster } from "../../../testbed/gen/kube-objects.ts";
import { deploying, running, submitting } from "../../../testbed/gen/recorded-status.ts";
import {
  bringUpSteps,
  gone,
  HA,
  imagePullBackOff,
  type SceneOf,
  tearDownSteps,
  up,
} from "../../../testbed/gen/steps.ts";
import { action, message, play, type Step, Trace } from "../../../testbed/gen/trace.ts";
import { parseRecordedSpec } from "../last-reconciled-spec.ts";

const SAVED = "s3://state/savepoints/sp-1";
const MINUTE = 60_000;

/** Parallelism 2 ran; parallelism 4 has just been deployed from a savepoint. */
function deployedChange(...changes: ResourceChange[]): Trace {
  const resource = flinkDeployment(withUpgradeMode("savepoint"), withParallelism(2), ...changes, running());
  const stable = resource.status?.reconciliationStatus?.lastStableSpec ?? "";
  edited(withParallelism(4))(resource);
  deploying({ restore: "savepoint", stable: false, job: { upgradeSavepointPath: SAVED } })(resource);
  const recorded = resource.status?.reconciliationStatus;
  if (recorded) recorded.lastStableSpec = stable;
  const trace = new Trace(resource);
  if (recorded) recorded.reconciliationTimestamp = trace.now;
  return trace;
}

const failed: SceneOf = up(
  "FAILED",
  { checkpoints: ok({ latest: { restored: { id: 1, externalPath: SAVED } } } as never) },
  [],
);

function recorded(trace: Trace) {
  const { state, lastReconciledSpec, lastStableSpec } = trace.resource.status?.reconciliationStatus ?? {};
  return {
    state,
    last: parseRecordedSpec(lastReconciledSpec)?.spec.job?.parallelism,
    stable: parseRecordedSpec(lastStableSpec)?.spec.job?.parallelism,
  };
}

/** From the failed job to the stable spec's RUNNING one. */
const wholeWay: Step[] = [
  {
    when: "the job failed",
    scene: failed,
    gives: { actions: [], lifecycle: "ROLLING_BACK" },
  },
  ...tearDownSteps([]).slice(2),
  { when: "an attempt is recorded", scene: gone([]), gives: { actions: [], lifecycle: "ROLLING_BACK" } },
  {
    when: "the cluster is created",
    scene: gone([]),
    gives: { actions: ["create-cluster"], events: ["Submit"], lifecycle: "ROLLING_BACK" },
  },
];

const rolledBack: Step[] = [
  {
    when: "its objects are there",
    scene: bringUpSteps([])[1]?.scene ?? gone(),
    gives: { actions: [], lifecycle: "ROLLED_BACK" },
  },
  {
    when: "its job runs",
    scene: up("RUNNING", {}, []),
    gives: {
      actions: [],
      lifecycle: "ROLLED_BACK",
      jobState: "RUNNING",
      conditions: ["Stalled: RolledBack"],
    },
  },
];

describe("a change whose job fails before it ran", () => {
  it("goes back to the last stable spec, from the state that was saved", () => {
    const trace = deployedChange();
    const created = play(trace, wholeWay);
    const { inputs } = action(created, "create-cluster");
    expect(inputs.spec.job?.parallelism).toBe(2);
    expect(inputs.restore).toEqual({ kind: "savepoint", path: SAVED });
    expect(recorded(trace)).toEqual({ state: "ROLLING_BACK", last: 4, stable: 2 });
    const end = play(trace, rolledBack);
    expect(recorded(trace)).toEqual({ state: "ROLLED_BACK", last: 4, stable: 2 });
    expect(end.error).toMatch(/^generation 2 was rolled back: /);
    expect(end.status.observedGeneration).toBe(2);
    const again = play(trace, [
      { when: "nothing more is done", scene: up("RUNNING", {}, []), gives: { actions: [], events: [] } },
    ]);
    expect(again.error).toBe(end.error);
  });

  it("says what failed, once", () => {
    const trace = deployedChange();
    const exceptions = ok({ history: [{ timestamp: NOW, stacktrace: "java.lang.Error: no such topic" }] });
    const first = trace.pass(
      up("FAILED", {
        checkpoints: ok({ latest: { restored: { id: 1, externalPath: SAVED } } } as never),
        exceptions,
      })(trace.resource),
    );
    expect(first.events).toContain("Rollback");
    expect(message(first, "Rollback")).toContain("no such topic");
    expect(first.error).toContain("generation 2 was rolled back: java.lang.Error: no such topic");
  });

  it.each<[string, ResourceChange[], string]>([
    ["is left alone when rollback is switched off", [rollback("false")], "FAILED"],
    ["is rolled back when it is switched on", [rollback("true")], "ROLLING_BACK"],
  ])("%s", (_what, changes, lifecycle) => {
    const trace = deployedChange(...changes);
    expect(trace.pass(failed(trace.resource)).lifecycle).toBe(lifecycle);
  });

  it("is left alone when it was redeployed from a savepoint of the user's choice", () => {
    const trace = deployedChange();
    const { reconciliationStatus } = trace.resource.status ?? {};
    const record = JSON.parse(reconciliationStatus?.lastReconciledSpec ?? "{}");
    record.spec.job.savepointRedeployNonce = 7;
    if (reconciliationStatus) reconciliationStatus.lastReconciledSpec = JSON.stringify(record);
    trace.change(withJob({ savepointRedeployNonce: 7 }));
    expect(trace.pass(failed(trace.resource)).lifecycle).toBe("FAILED");
  });

  it("is left alone when nothing ran before", () => {
    const resource = flinkDeployment(deploying({ stable: false }));
    expect(new Trace(resource).pass(failed(resource)).lifecycle).toBe("FAILED");
  });

  it("is left alone when it is what ran before", () => {
    const resource = flinkDeployment(running({ jobState: "RECONCILING", stable: true }));
    expect(new Trace(resource).pass(failed(resource)).lifecycle).toBe("FAILED");
  });
});

function rollback(text: string): ResourceChange {
  return withConfiguration({ "kubernetes.operator.deployment.rollback.enabled": text });
}

describe("a change whose JobManager does not come up", () => {
  it("has its time, then gives way", () => {
    const trace = deployedChange(
      withConfiguration({ "kubernetes.operator.deployment.readiness.timeout": "2 min" }),
    );
    const neverStarted = imagePullBackOff();
    play(trace, [
      {
        when: "it may still come",
        scene: neverStarted,
        gives: { lifecycle: "DEPLOYED", jobManager: "ERROR" },
      },
      {
        when: "its time is over",
        scene: neverStarted,
        after: 2 * MINUTE,
        gives: { lifecycle: "ROLLING_BACK" },
      },
    ]);
    expect(recorded(trace)).toEqual({ state: "ROLLING_BACK", last: 4, stable: 2 });
    expect(trace.resource.status?.jobStatus?.upgradeSavepointPath).toBe(SAVED);
  });

  it.each([
    ["is waited for", undefined, "DEPLOYED"],
    ["is given up with rollback switched on", "true", "ROLLING_BACK"],
  ])("and is only slow %s", (_what, option, lifecycle) => {
    const trace = deployedChange(...(option === undefined ? [] : [rollback(option)]));
    const { scene = gone() } = bringUpSteps(HA)[1] ?? {};
    expect(trace.pass(scene(trace.resource), 10 * MINUTE).lifecycle).toBe(lifecycle);
  });

  it("stays when it may have run and its state is not known", () => {
    const trace = deployedChange(withConfiguration({ "high-availability.type": "NONE" }));
    const started = imagePullBackOff([], NOW);
    const end = trace.pass(started(trace.resource), 10 * MINUTE);
    expect(end.lifecycle).not.toBe("ROLLING_BACK");
  });
});

describe("an attempt that the API server refuses", () => {
  const refused =
    (reason: string): SceneOf =>
    () => ({
      ...gone([])(flinkDeployment()),
      failure: { action: "create-cluster", reason, message: "spec.template is invalid" },
    });

  function attempt(): Trace {
    const trace = deployedChange();
    const stable = trace.resource.status?.reconciliationStatus?.lastStableSpec ?? "";
    trace.change(submitting({ restore: "savepoint", job: { upgradeSavepointPath: SAVED } }));
    const { reconciliationStatus } = trace.resource.status ?? {};
    if (reconciliationStatus) {
      reconciliationStatus.lastStableSpec = stable;
      reconciliationStatus.reconciliationTimestamp = trace.now;
    }
    return trace;
  }

  it("gives way at once when it can never succeed", () => {
    const trace = attempt();
    play(trace, [{ when: "refused", scene: refused("Invalid"), gives: { lifecycle: "ROLLING_BACK" } }]);
    play(trace, [
      { when: "an attempt is recorded", scene: gone([]), gives: { actions: [] } },
      { when: "and made", scene: gone([]), gives: { actions: ["create-cluster"] } },
    ]);
    expect(recorded(trace)).toEqual({ state: "ROLLING_BACK", last: 4, stable: 2 });
  });

  it("has its time when it may succeed later", () => {
    const trace = attempt();
    play(trace, [
      {
        when: "refused",
        scene: refused("Forbidden"),
        gives: { actions: ["create-cluster"], lifecycle: "UPGRADING" },
      },
      {
        when: "refused for long",
        scene: refused("Forbidden"),
        after: 6 * MINUTE,
        gives: { lifecycle: "ROLLING_BACK" },
      },
    ]);
  });
});

describe("an edit of a spec that was rolled back", () => {
  function rolledBackTrace(): Trace {
    const trace = deployedChange();
    play(trace, [...wholeWay, ...rolledBack]);
    return trace;
  }

  it("is a change of what runs", () => {
    const trace = rolledBackTrace();
    play(trace, [
      {
        when: "corrected",
        edit: edited(withParallelism(3)),
        scene: up("RUNNING"),
        gives: { actions: ["stop-with-savepoint"], lifecycle: "UPGRADING", error: undefined },
      },
    ]);
    expect(recorded(trace)).toEqual({ state: "UPGRADING", last: 2, stable: 2 });
  });

  it("back to the stable spec changes nothing in the cluster", () => {
    const trace = rolledBackTrace();
    const end = play(trace, [
      {
        when: "taken back",
        edit: edited(withParallelism(2)),
        scene: up("RUNNING"),
        gives: { actions: [], lifecycle: "DEPLOYED", error: undefined, conditions: ["Ready: Running"] },
      },
      { when: "and that is stable", scene: up("RUNNING"), gives: { actions: [], lifecycle: "STABLE" } },
    ]);
    expect(end.status.observedGeneration).toBe(3);
    expect(recorded(trace)).toEqual({ state: "DEPLOYED", last: 2, stable: 2 });
  });

  it("that is invalid leaves it as it is", () => {
    const trace = rolledBackTrace();
    play(trace, [
      {
        when: "invalid",
        edit: edited(withParallelism(-1)),
        scene: up("RUNNING"),
        gives: { actions: [], lifecycle: "ROLLED_BACK" },
      },
    ]);
    expect(recorded(trace)).toEqual({ state: "ROLLED_BACK", last: 4, stable: 2 });
  });

  it("while it is rolled back is taken when the stable cluster stands", () => {
    const trace = deployedChange();
    play(trace, [
      ...wholeWay,
      {
        when: "edited before the cluster is seen",
        edit: edited(withParallelism(3)),
        scene: bringUpSteps([])[1]?.scene ?? gone(),
        gives: { actions: [], lifecycle: "ROLLED_BACK" },
      },
      {
        when: "then changed",
        scene: up("RUNNING"),
        gives: { actions: ["stop-with-savepoint"], lifecycle: "UPGRADING" },
      },
    ]);
  });

  it("before anything was made is deployed instead", () => {
    const trace = deployedChange();
    play(trace, [
      ...wholeWay.slice(0, -1),
      {
        when: "edited",
        edit: edited(withParallelism(3)),
        scene: gone([]),
        gives: { actions: [], lifecycle: "UPGRADING" },
      },
    ]);
    const created = play(trace, [{ when: "made", scene: gone([]), gives: { actions: ["create-cluster"] } }]);
    expect(action(created, "create-cluster").inputs.spec.job?.parallelism).toBe(3);
    expect(action(created, "create-cluster").inputs.restore).toEqual({ kind: "savepoint", path: SAVED });
  });

  it("does not matter to a JobManager that is lost: the stable one comes back", () => {
    const trace = rolledBackTrace();
    play(trace, [
      { when: "lost", scene: gone(HA), gives: { lifecycle: "ROLLING_BACK" } },
      { when: "made again", scene: gone(HA), gives: { actions: ["create-cluster"] } },
      { when: "there", scene: bringUpSteps(HA)[1]?.scene ?? gone(), gives: { lifecycle: "ROLLED_BACK" } },
    ]);
    expect(recorded(trace)).toEqual({ state: "ROLLED_BACK", last: 4, stable: 2 });
  });
});

describe("with rollback switched on, a job that runs", () => {
  function runs(since: number, completed: number, latest: object = {}): SceneOf {
    return (resource) => {
      const own = job("RUNNING", { jobId: resource.status?.jobStatus?.jobId ?? "", lastModification: since });
      const counts = { completed, failed: 1, inProgress: 0, restored: 0, total: completed };
      return {
        cluster: cluster(resource, [available()], { configMaps: HA }),
        flink: flink([own], { checkpoints: ok({ latest, counts, history: [] }) }),
      };
    };
  }

  it.each<[string, SceneOf, string]>([
    ["has just started: not stable yet", runs(NOW, 1), "DEPLOYED"],
    ["has run for a while and completed a checkpoint: stable", runs(NOW - MINUTE, 1), "STABLE"],
    ["has completed no checkpoint: not stable yet", runs(NOW - MINUTE, 0), "DEPLOYED"],
  ])("%s", (_what, scene, lifecycle) => {
    const trace = deployedChange(rollback("true"));
    expect(trace.pass(scene(trace.resource)).lifecycle).toBe(lifecycle);
  });

  const late = NOW + 6 * MINUTE;
  it.each<[string, SceneOf, string]>([
    ["keeps restarting: rolled back", runs(late - 1000, 1), "ROLLING_BACK"],
    [
      "completes no checkpoint: rolled back",
      runs(NOW, 0, { failed: checkpointAt("s3://state/checkpoints/chk-1") }),
      "ROLLING_BACK",
    ],
    ["makes its checkpoints rarely: left to it", runs(NOW, 0), "DEPLOYED"],
    ["is well: stable", runs(NOW, 3), "STABLE"],
  ])("and when its time is over %s", (_what, scene, lifecycle) => {
    const trace = deployedChange(rollback("true"));
    expect(trace.pass(scene(trace.resource), late - NOW).lifecycle).toBe(lifecycle);
  });

  it("and has no periodic checkpoints needs none", () => {
    const trace = deployedChange(rollback("true"), (resource) => {
      delete (resource.spec.flinkConfiguration as Record<string, unknown>)[
        "execution.checkpointing.interval"
      ];
    });
    expect(trace.pass(runs(NOW - MINUTE, 0)(trace.resource)).lifecycle).toBe("STABLE");
  });
});
