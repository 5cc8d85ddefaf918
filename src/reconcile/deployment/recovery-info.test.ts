/** What is noted when a job is started, and what recovery makes of it. */
import { describe, expect, it } from "vitest";
import { flinkDeployment, NOW, type ResourceChange } from "../../../testbed/gen/flink-deployment.ts";
import { haConfigMap } from "../../../testbed/gen/kube-objects.ts";
import { JOB_ID, running } from "../../../testbed/gen/recorded-status.ts";
import { bringUpSteps, gone, type SceneOf } from "../../../testbed/gen/steps.ts";
import { action, play, Trace } from "../../../testbed/gen/trace.ts";
import type { RetainedAnswer } from "../decision.ts";
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";

const DIRECTORY = `s3://state/checkpoints/${JOB_ID}`;
const CHECKPOINT = `${DIRECTORY}/chk-57`;
const [create] = bringUpSteps([]);
const FOUND: RetainedAnswer = { kind: "found", path: CHECKPOINT, checkpointId: 57, completed: NOW };

function holding(scene: SceneOf, retained: RetainedAnswer = FOUND): SceneOf {
  return (resource) => ({ ...scene(resource), retained });
}

describe("what was noted when a job was started", () => {
  const none: RetainedAnswer = { kind: "none" };
  const marked = { restore: "last-state", job: { upgradeSavepointPath: LAST_STATE_MARKER } } as const;
  const noted = (recoveryInfo: object): ResourceChange[] => [
    running(marked),
    ({ status }) => Object.assign(status!.jobStatus!, { recoveryInfo }),
  ];

  it("is where it was started from, and where its checkpoints are", () => {
    const trace = new Trace(flinkDeployment(running()));
    trace.pass(holding(gone([]))(trace.resource));
    const { jobId, recoveryInfo } = trace.resource.status?.jobStatus ?? {};
    expect(recoveryInfo).toEqual({
      jobId,
      startedFrom: CHECKPOINT,
      checkpointDirectories: [`s3://state/checkpoints/${jobId}`],
    });
  });

  it("is where it starts again when HA metadata restored it since, and it made no checkpoint of its own", () => {
    const trace = new Trace(flinkDeployment(...noted({ jobId: JOB_ID, startedFrom: "s3://sp" })));
    const outcome = trace.pass(holding(gone([]), none)(trace.resource));
    expect(outcome).toMatchObject({ conditions: ["Reconciling: Submitting"] });
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual({
      kind: "savepoint",
      path: "s3://sp",
    });
  });

  it("says nothing of another job", () => {
    const trace = new Trace(flinkDeployment(...noted({ jobId: "0".repeat(32), startedFrom: "s3://sp" })));
    const outcome = trace.pass(holding(gone([]), none)(trace.resource));
    expect(outcome.conditions).toEqual(["Stalled: RestoreFailed"]);
  });

  it("counts also when the configuration has another directory by now", () => {
    const directories = [`s3://old/${JOB_ID}`, "s3://older/all"];
    const trace = new Trace(flinkDeployment(...noted({ jobId: JOB_ID, checkpointDirectories: directories })));
    trace.pass(holding(gone([]))(trace.resource));
    expect(trace.asked[0]?.places).toEqual([
      { directory: directories[0], shared: false, access: {} },
      { directory: directories[1], shared: true, access: {} },
    ]);
  });

  it("has every directory that a job had which HA metadata restores with another one", () => {
    const recoveryInfo = { jobId: JOB_ID, startedFrom: "s3://sp", checkpointDirectories: ["s3://old/all"] };
    const trace = new Trace(flinkDeployment(...noted(recoveryInfo)));
    trace.pass(gone([haConfigMap({ checkpoint: true })])(trace.resource));
    expect(trace.resource.status?.jobStatus).toMatchObject({
      upgradeSavepointPath: LAST_STATE_MARKER,
      recoveryInfo: { ...recoveryInfo, checkpointDirectories: ["s3://old/all", DIRECTORY] },
    });
  });
});
