/** Jobs that nobody saw run: what they left in the state storage goes before where they were to start. */
import { describe, expect, it } from "vitest";
import {
  edited,
  flinkDeployment,
  NOW,
  withJob,
  withoutHa,
  withParallelism,
} from "../../../testbed/gen/flink-deployment.ts";
import { deploying, JOB_ID, stopped, submitting } from "../../../testbed/gen/recorded-status.ts";
import { bringUpSteps, gone, HA, imagePullBackOff, type SceneOf, up } from "../../../testbed/gen/steps.ts";
import { action, play, Trace } from "../../../testbed/gen/trace.ts";
import type { RetainedAnswer } from "../decision.ts";

const CHECKPOINT = `s3://state/checkpoints/${JOB_ID}/chk-57`;
const CHECKPOINT_FOUND: RetainedAnswer = {
  kind: "found",
  path: CHECKPOINT,
  checkpointId: 57,
  completed: NOW - 12_000,
};
const [create] = bringUpSteps([]);

/** The scene, with this answer of the state storage. */
function holding(scene: SceneOf, retained: RetainedAnswer = CHECKPOINT_FOUND): SceneOf {
  return (resource) => ({ ...scene(resource), retained });
}

function restoredFrom(trace: Trace): unknown {
  return action(play(trace, [create!]), "create-cluster").inputs.restore;
}

const fromCheckpoint = { kind: "savepoint", path: CHECKPOINT };

describe("a job that nobody saw", () => {
  const unseen = (): Trace =>
    new Trace(flinkDeployment(deploying({ restore: "savepoint", job: { upgradeSavepointPath: "s3://sp" } })));
  const fallback = { kind: "savepoint", path: "s3://sp" };

  it("may have run nevertheless: a checkpoint that it left goes before where it was to start", () => {
    const trace = unseen();
    play(trace, [
      {
        when: "lost with its HA metadata",
        scene: holding(gone([])),
        gives: { events: ["Missing", "RestoringFromCheckpoint", "RecoverDeployment"] },
      },
    ]);
    expect(restoredFrom(trace)).toEqual(fromCheckpoint);
  });

  it("may have run before a change", () => {
    const trace = unseen();
    play(trace, [
      {
        when: "lost and changed",
        edit: edited(withParallelism(4)),
        scene: holding(gone([])),
        gives: { events: ["Missing", "RestoringFromCheckpoint", "SpecChanged"] },
      },
      { when: "recorded", scene: gone([]), gives: { jobState: "RECONCILING" } },
    ]);
    expect(restoredFrom(trace)).toEqual(fromCheckpoint);
  });

  it("may have run in an attempt of a while ago, which is then made again from there", () => {
    const trace = new Trace(
      flinkDeployment(submitting({ restore: "savepoint", job: { upgradeSavepointPath: "s3://sp" } })),
    );
    play(trace, [
      {
        when: "nothing of it is there",
        scene: holding(gone([])),
        gives: { actions: [], events: ["RestoringFromCheckpoint"] },
      },
    ]);
    expect(restoredFrom(trace)).toEqual(fromCheckpoint);
    // That one was recorded a moment ago.
    expect(trace.asked).toHaveLength(1);
  });

  it.each<[string, RetainedAnswer]>([
    ["that left nothing", { kind: "none" }],
    ["whose storage is unreachable", { kind: "unreadable", message: "timeout", mendable: false }],
    ["whose storage cannot be read", { kind: "unclear", message: "no credentials" }],
  ])("%s starts as it was to start: the look is a precaution only", (_, retained) => {
    const trace = unseen();
    play(trace, [
      {
        when: "lost",
        scene: holding(gone([]), retained),
        gives: { events: ["Missing", "RecoverDeployment"] },
      },
    ]);
    expect(restoredFrom(trace)).toEqual(fallback);
    const attempt = new Trace(
      flinkDeployment(submitting({ restore: "savepoint", job: { upgradeSavepointPath: "s3://sp" } })),
    );
    const outcome = play(attempt, [
      { when: "not there", scene: holding(gone([]), retained), gives: { actions: ["create-cluster"] } },
    ]);
    expect(action(outcome, "create-cluster").inputs.restore).toEqual(fallback);
  });

  it("is not asked about while its Deployment is there", () => {
    const trace = unseen();
    trace.pass({ ...holding(up("CREATED", {}, []))(trace.resource) });
    trace.change(edited(withParallelism(4)));
    trace.pass(holding(imagePullBackOff())(trace.resource));
    expect(trace.asked).toEqual([]);
  });
});

describe("a job that was given up as one that never ran, and came up before its cluster was gone", () => {
  /** Stopped for a change, to start again as it was to start. */
  const givenUp = (...changes: Parameters<typeof flinkDeployment>): Trace => {
    const trace = new Trace(
      flinkDeployment(
        ...changes,
        stopped({ restore: "savepoint", jobManager: "DEPLOYING", job: { upgradeSavepointPath: "s3://sp" } }),
      ),
    );
    trace.change(({ status }) => void delete status?.jobStatus?.startTime);
    return trace;
  };

  it.each([[true], [false]])("goes on from the checkpoint that it made (HA: %s)", (ha) => {
    const trace = givenUp(...(ha ? [] : [withoutHa()]));
    play(trace, [
      { when: "gone", scene: holding(gone([])), gives: { actions: [], events: ["RestoringFromCheckpoint"] } },
    ]);
    expect(restoredFrom(trace)).toEqual(fromCheckpoint);
  });

  it("goes on from its HA metadata where the storage cannot be read", () => {
    const trace = givenUp();
    const unclear: RetainedAnswer = { kind: "unclear", message: "no credentials" };
    play(trace, [
      {
        when: "gone",
        scene: holding(gone(), unclear),
        gives: { actions: [], events: [], jobState: "RECONCILING" },
      },
    ]);
    const [createWithHa] = bringUpSteps(HA);
    expect(action(play(trace, [createWithHa!]), "create-cluster").inputs).toMatchObject({
      jobId: JOB_ID,
      restore: { kind: "last-state", marker: true },
    });
  });

  it("starts as it was to start if it made none", () => {
    const trace = givenUp();
    play(trace, [{ when: "gone", scene: gone([]), gives: { actions: [], events: [] } }]);
    expect(restoredFrom(trace)).toEqual({ kind: "savepoint", path: "s3://sp" });
  });

  it("starts where the user says, if that was asked for", () => {
    const trace = new Trace(flinkDeployment(deploying({ restore: "savepoint" })));
    play(trace, [
      {
        when: "redeployed",
        edit: edited(withJob({ savepointRedeployNonce: 1, initialSavepointPath: "s3://chosen" })),
        scene: holding(gone()),
        gives: { events: ["Missing", "SpecChanged"] },
      },
      { when: "gone", scene: holding(gone()), gives: { events: [] } },
      { when: "HA metadata goes", scene: holding(gone()), gives: { actions: ["delete-config-maps"] } },
    ]);
    expect(restoredFrom(trace)).toEqual({ kind: "savepoint", path: "s3://chosen" });
    expect(trace.asked).toEqual([]);
  });

  it("is not looked for behind what it was stopped with", () => {
    const own = `s3://state/savepoints/savepoint-${JOB_ID.slice(0, 6)}-0`;
    const trace = new Trace(
      flinkDeployment(withoutHa(), stopped({ restore: "savepoint", job: { upgradeSavepointPath: own } })),
    );
    trace.change(({ status }) => void delete status?.jobStatus?.startTime);
    trace.pass(holding(gone([]))(trace.resource));
    expect(trace.asked).toEqual([]);
    expect(restoredFrom(trace)).toEqual({ kind: "savepoint", path: own });
  });
});
