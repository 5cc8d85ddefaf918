/** Jobs that come to an end: the result stays to be read, nothing starts them again, and a change runs them anew. */
import { describe, expect, it } from "vitest";
import { checkpointAt, checkpoints, flink, refused } from "../../../testbed/gen/flink-answers.ts";
import {
  edited,
  flinkDeployment,
  type ResourceChange,
  standalone,
  withImage,
  withoutHa,
  withSpec,
  withUpgradeMode,
} from "../../../testbed/gen/flink-deployment.ts";
import { cluster } from "../../../testbed/gen/kube-objects.ts";
import { running, STARTED } from "../../../testbed/gen/recorded-status.ts";
import { bringUpSteps, gone, ownJob, type SceneOf } from "../../../testbed/gen/steps.ts";
import { action, play, Trace } from "../../../testbed/gen/trace.ts";
import type { FlinkAnswers } from "../decision.ts";

/** It has just finished, with tasks that the JobManager remembers. */
function finished(answers: FlinkAnswers): SceneOf {
  const tasks = { total: 3, running: 0, finished: 3, failed: 0, canceled: 0 };
  return (resource) => ({
    cluster: cluster(resource),
    flink: flink([{ ...ownJob(resource, "FINISHED"), endTime: STARTED, tasks }], answers),
  });
}

const STATISTICS: readonly (readonly [string, FlinkAnswers])[] = [
  ["that took checkpoints on S3", { checkpoints: checkpointAt("s3://chk-6") }],
  [
    "whose checkpoints are removed",
    { checkpoints: checkpoints({ completed: { id: 6, externalPath: "s3://chk-6", discarded: true } }) },
  ],
  [
    "whose checkpoints were in the JobManager's memory",
    { checkpoints: checkpointAt("<checkpoint-not-externally-addressable>") },
  ],
  ["that took no checkpoint", { checkpoints: checkpoints({}) }],
  [
    "that took none as it is a batch job",
    { checkpoints: refused(404, "Checkpointing has not been enabled") },
  ],
];
const WHERE: readonly (readonly [string, ResourceChange])[] = [
  ["natively", () => undefined],
  ["natively without HA", withoutHa()],
  ["standalone", standalone()],
];
const MODES = ["stateless", "last-state", "savepoint"] as const;
const CHANGES: readonly (readonly [string, ResourceChange])[] = [
  ["another image", edited(withImage("flink:next"))],
  ["a new restartNonce", edited(withSpec({ restartNonce: 7 }))],
];

const [create] = bringUpSteps([]);

const CASES = STATISTICS.flatMap(([what, answers]) =>
  WHERE.flatMap(([where, place]) =>
    MODES.flatMap((mode) =>
      CHANGES.flatMap(([change, edit]) =>
        [false, true].map((removed) => ({ what, answers, where, place, mode, change, edit, removed })),
      ),
    ),
  ),
);

describe("a job that has finished", () => {
  it.each(CASES)(
    "$what, $where, $mode: runs again with $change; JobManager removed before: $removed",
    ({ answers, place, mode, edit, removed }) => {
      const trace = new Trace(flinkDeployment(withUpgradeMode(mode), place, running()));
      const { jobId } = trace.resource.status?.jobStatus ?? {};
      play(trace, [
        {
          when: "it has finished",
          scene: finished(answers),
          gives: {
            actions: [],
            events: ["JobStatusChanged"],
            jobState: "FINISHED",
            lifecycle: "STABLE",
            error: undefined,
            conditions: ["Ready: Finished"],
          },
        },
        {
          when: "it stays so, whatever becomes of its JobManager",
          scene: removed ? gone([]) : finished(answers),
          gives: {
            actions: [],
            events: [],
            jobState: "FINISHED",
            lifecycle: "STABLE",
            jobManager: removed ? "MISSING" : "READY",
            conditions: ["Ready: Finished"],
          },
        },
        {
          when: "it is changed",
          edit,
          scene: removed ? gone([]) : finished(answers),
          gives: { actions: [], events: ["SpecChanged"], lifecycle: "UPGRADING", error: undefined },
        },
        { when: "its old cluster is gone", scene: gone([]), gives: { jobState: "RECONCILING" } },
      ]);
      const created = play(trace, [create!]);
      const { inputs } = action(created, "create-cluster");
      expect(inputs.restore).toEqual({ kind: "none" });
      expect(inputs.jobId).not.toBe(jobId);
    },
  );
});
