import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import { flink, job, refused, unreachable } from "../../../testbed/gen/flink-answers.ts";
import {
  deleted,
  edited,
  flinkDeployment,
  type ResourceChange,
  withConfiguration,
  withFlinkVersion,
} from "../../../testbed/gen/flink-deployment.ts";
import {
  cluster,
  nothing,
  type ObjectChange,
  scaledToZero,
  terminating,
} from "../../../testbed/gen/kube-objects.ts";
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
import { askedOf } from "../../../testbed/gen/observed.ts";
import type { FlinkAnswers } from "../decision.ts";
import { jobWithExceptions, nextQuestions, type Question } from "./questions.ts";

/** All that is asked of a cluster that is available, in the order of asking. */
function asked(
  resource: FlinkDeployment,
  answers: FlinkAnswers,
  changes?: readonly ObjectChange[],
  defaults: Record<string, string> = {},
): string[] {
  return Object.keys(askedOf(resource, cluster(resource, changes), answers, defaults));
}

const HEALTH = "kubernetes.operator.cluster.health-check.enabled";
const AGE = "kubernetes.operator.job.upgrade.last-state.max.allowed.checkpoint.age";

describe("what Flink is asked", () => {
  it.each<[string, ResourceChange[], FlinkAnswers, Question[]]>([
    ["nothing of a new resource, whatever stands there", [], flink([]), []],
    ["nothing before the cluster's objects are complete", [submitting()], flink([]), []],
    [
      "who is there, of a JobManager that just came up",
      [deploying()],
      flink([job("RUNNING")]),
      ["config", "jobs", "exceptions"],
    ],
    ["jobs and exceptions of a running job", [running()], flink([job("RUNNING")]), ["jobs", "exceptions"]],
    [
      "also checkpoints where their age decides",
      [running(), edited(withConfiguration({ [AGE]: "1 min" }))],
      flink([job("RUNNING")]),
      ["jobs", "checkpoints", "exceptions"],
    ],
    [
      "checkpoints and metrics where the job's health is checked",
      [running(), edited(withConfiguration({ [HEALTH]: "true" }))],
      flink([job("RESTARTING")]),
      ["jobs", "checkpoints", "exceptions", "metrics"],
    ],
    [
      "no metrics of a job that has ended",
      [running(), edited(withConfiguration({ [HEALTH]: "true" }))],
      flink([job("FAILED")]),
      ["jobs", "checkpoints", "exceptions"],
    ],
    [
      "checkpoints and exceptions of a job that has just ended",
      [running()],
      flink([job("FINISHED")]),
      ["jobs", "checkpoints", "exceptions"],
    ],
    [
      "nothing more of a job that is known to have ended",
      [running({ jobState: "FAILED" })],
      flink([job("FAILED")]),
      ["jobs"],
    ],
    [
      "applications, where there is no job in Flink 2.3",
      [deploying()],
      flink([]),
      ["config", "jobs", "applications", "exceptions"],
    ],
    ["none in older Flink", [withFlinkVersion("v2_2"), deploying()], flink([]), ["config", "jobs"]],
    [
      "none in older Flink that is to become a newer one",
      [withFlinkVersion("v1_20"), deploying(), edited(withFlinkVersion("v2_3"))],
      flink([]),
      ["config", "jobs"],
    ],
    ["no more than jobs where those are not told", [running()], { jobs: unreachable() }, ["jobs"]],
    ["nor where Flink refuses", [running()], { jobs: refused(503) }, ["jobs"]],
    [
      "the savepoint of a stop",
      [stoppingWithSavepoint()],
      flink([job("RUNNING")]),
      ["jobs", "savepoint", "exceptions"],
    ],
    [
      "and the last checkpoint if the job ended",
      [stoppingWithSavepoint()],
      flink([job("FINISHED")]),
      ["jobs", "savepoint", "checkpoints", "exceptions"],
    ],
    ["no savepoint of a cancellation", [cancelling()], flink([job("CANCELLING")]), ["jobs", "exceptions"]],
    ["whether the job has ended, of a stopped one", [stopped()], flink([job("FINISHED")]), ["jobs"]],
    ["the same of a suspended one", [suspended({ jobManager: "READY" })], flink([job("FINISHED")]), ["jobs"]],
    ["the same during a deletion", [running(), deleted()], flink([job("RUNNING")]), ["jobs", "exceptions"]],
  ])("%s", (_, changes, answers, expected) => {
    expect(asked(flinkDeployment(...changes), answers)).toEqual(expected);
  });

  it.each<[string, ObjectChange[]]>([
    ["is not available", []],
    ["is being deleted", [terminating()]],
    ["is scaled to zero", [scaledToZero()]],
  ])("nothing while the JobManager %s", (_, changes) => {
    expect(asked(flinkDeployment(running()), flink([job("RUNNING")]), changes)).toEqual([]);
  });

  it("nothing without a JobManager", () => {
    expect(nextQuestions(flinkDeployment(running()), nothing(), {})).toEqual([]);
  });

  it("counts the operator's defaults as configuration", () => {
    const resource = flinkDeployment(running());
    expect(asked(resource, flink([job("RUNNING")]), undefined, { [AGE]: "1 min" })).toContain("checkpoints");
  });
});

describe("the rounds of questions", () => {
  it("end, and ask nothing twice, whatever the answers", () => {
    const answer = fc.constantFrom<FlinkAnswers>(
      flink([]),
      flink([job("RUNNING")]),
      flink([job("FAILED")]),
      flink([job("RUNNING", { jobId: "other" })]),
      { ...flink([]), jobs: unreachable() },
    );
    const phase = fc.constantFrom(
      submitting,
      deploying,
      running,
      stoppingWithSavepoint,
      cancelling,
      stopped,
      suspended,
    );
    fc.assert(
      fc.property(phase, fc.array(answer, { minLength: 1 }), (recorded, scripts) => {
        const resource = flinkDeployment(recorded());
        let answers: FlinkAnswers = {};
        const seen: Question[] = [];
        for (let round = 0; round < 10; round++) {
          const questions = nextQuestions(resource, cluster(resource), answers);
          if (questions.length === 0) break;
          const script = scripts[round % scripts.length]!;
          for (const question of questions) answers = { ...answers, [question]: script[question] };
          seen.push(...questions);
        }
        expect(nextQuestions(resource, cluster(resource), answers)).toEqual([]);
        expect(new Set(seen).size).toBe(seen.length);
      }),
    );
  });
});

describe("whose exceptions are asked for", () => {
  const driver = job("FAILED", { jobId: "driver", name: "(application driver)" });
  it.each<[string, FlinkAnswers, string]>([
    ["the own job's", flink([job("RUNNING")]), JOB_ID],
    ["the own job's beside others", flink([driver, job("RUNNING")]), JOB_ID],
    ["those of main(), where there is no job of its own", flink([driver]), "driver"],
    ["the own job's while nothing has failed", flink([]), JOB_ID],
    ["the own job's before jobs are known", {}, JOB_ID],
    ["the own job's while Flink does not answer", { jobs: unreachable() }, JOB_ID],
  ])("%s", (_, answers, expected) => {
    expect(jobWithExceptions(flinkDeployment(running()), answers)).toBe(expected);
  });
});
