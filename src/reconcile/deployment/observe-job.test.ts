import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CheckpointReference, JobException } from "../../flink/rest-answers.ts";
import {
  checkpointAt,
  checkpoints,
  exceptions,
  flink,
  job,
  ok,
  refused,
  unreachable,
} from "../../../testbed/gen/flink-answers.ts";
import {
  flinkDeployment,
  NOW,
  type ResourceChange,
  withConfiguration,
  withFlinkVersion,
} from "../../../testbed/gen/flink-deployment.ts";
import { cluster } from "../../../testbed/gen/kube-objects.ts";
import { deploying, JOB_ID, running, STARTED } from "../../../testbed/gen/recorded-status.ts";
import { type SceneOf, up } from "../../../testbed/gen/steps.ts";
import { condition, decideOnce, message, type Outcome, play, Trace } from "../../../testbed/gen/trace.ts";
import type { FlinkAnswers } from "../decision.ts";
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";
import { headline, newestReference } from "./observe-job.ts";

describe("the newest path to restore from", () => {
  const at = (id: number): CheckpointReference => ({ id, externalPath: `s3://${id}` });
  it.each<[string, Parameters<typeof checkpoints>[0], string | undefined]>([
    ["none", {}, undefined],
    ["the only checkpoint", { completed: at(3) }, "s3://3"],
    ["a savepoint after the last checkpoint", { completed: at(3), savepoint: at(4) }, "s3://4"],
    ["a checkpoint after the last savepoint", { completed: at(5), savepoint: at(4) }, "s3://5"],
    ["what it was restored from, while there is no newer one", { restored: at(2) }, "s3://2"],
    ["a checkpoint after the restore", { restored: at(2), completed: at(3) }, "s3://3"],
    [
      "what it was restored from, if that is newer than what it still lists",
      { restored: at(9), completed: at(3) },
      "s3://9",
    ],
    ["none, of one without a path", { completed: { id: 7 } }, undefined],
  ])("%s", (_, latest, expected) => {
    const answer = checkpoints(latest);
    expect(answer.ok && newestReference(answer.value)?.externalPath).toBe(expected);
  });

  it("is the one with the highest id, in any order", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(), { minLength: 3, maxLength: 3 }), ([a = 0, b = 0, c = 0]) => {
        const answer = checkpoints({ completed: at(a), savepoint: at(b), restored: at(c) });
        expect(answer.ok && newestReference(answer.value)?.externalPath).toBe(`s3://${Math.max(a, b, c)}`);
      }),
    );
  });
});

/** A pass over a job that Flink says is in a terminal state since long ago. */
function terminal(
  state: "FAILED" | "CANCELED" | "FINISHED",
  answers: FlinkAnswers,
  ...changes: ResourceChange[]
): Outcome {
  const resource = flinkDeployment(...changes);
  return decideOnce(resource, {
    cluster: cluster(resource),
    flink: flink([job(state, { endTime: STARTED })], answers),
  });
}

const before = running({ job: { upgradeSavepointPath: "s3://old" } });
const IN_MEMORY = "<checkpoint-not-externally-addressable>";
const NO_INTERVAL = withConfiguration({ "execution.checkpointing.interval": null });

describe("a job that ended is recorded together with where its state is", () => {
  it.each<[string, FlinkAnswers, ResourceChange[], string | undefined]>([
    [
      "nowhere, if there was none and it started empty: what is recorded is out of date",
      { checkpoints: checkpoints({}) },
      [before],
      undefined,
    ],
    [
      "where it was to be restored from, if it failed before it was: Flink has no checkpoint of such a job",
      { checkpoints: checkpoints({}) },
      [running({ restore: "savepoint", job: { upgradeSavepointPath: "s3://old" } })],
      "s3://old",
    ],
    [
      "unknown as before, if it failed as HA metadata was gone",
      { checkpoints: checkpoints({}) },
      [running({ restore: "last-state", job: { upgradeSavepointPath: LAST_STATE_MARKER } })],
      LAST_STATE_MARKER,
    ],
    [
      "unknown, if only the job's end is remembered",
      { checkpoints: refused(404) },
      [running()],
      LAST_STATE_MARKER,
    ],
    [
      "unknown, even if only its code says that there are checkpoints, as it was restored from one",
      { checkpoints: refused(404) },
      [NO_INTERVAL, before],
      LAST_STATE_MARKER,
    ],
    [
      "unknown, also of one whose stop is under way",
      { checkpoints: refused(404) },
      [running({ stable: false })],
      LAST_STATE_MARKER,
    ],
    ["nowhere, without checkpoints", { checkpoints: refused(404) }, [NO_INTERVAL, running()], undefined],
    [
      "nowhere, though there is still a checkpoint: Flink removes those of a job that finished",
      { checkpoints: checkpointAt("s3://chk-6") },
      [before],
      undefined,
    ],
    [
      "nowhere, if its checkpoints were in the JobManager's memory",
      { checkpoints: checkpointAt(IN_MEMORY) },
      [before],
      undefined,
    ],
    [
      "nowhere, if it was restored from one in the JobManager's memory",
      { checkpoints: checkpoints({ restored: { id: 5, externalPath: IN_MEMORY } }) },
      [running({ restore: "last-state", job: { upgradeSavepointPath: LAST_STATE_MARKER } })],
      undefined,
    ],
    [
      "its savepoint, which stays",
      {
        checkpoints: checkpoints({
          completed: { id: 6, externalPath: "s3://chk-6" },
          savepoint: { id: 7, externalPath: "s3://savepoint-7" },
        }),
      },
      [before],
      "s3://savepoint-7",
    ],
    [
      "where it was to start from, if main() failed before there was a job",
      { checkpoints: refused(404) },
      [deploying({ restore: "savepoint", job: { upgradeSavepointPath: "s3://old" } })],
      "s3://old",
    ],
  ])("%s", (_, answers, changes, path) => {
    const outcome = terminal("FINISHED", answers, ...changes);
    expect(outcome.jobState).toBe("FINISHED");
    expect(outcome.status.jobStatus?.upgradeSavepointPath).toBe(path);
  });

  it.each<["FAILED" | "CANCELED" | "FINISHED", string, string | undefined]>([
    ["FINISHED", "nowhere: it is done, and a new start begins at the beginning", undefined],
    ["CANCELED", "unknown: what is older must not be taken for it", LAST_STATE_MARKER],
    ["FAILED", "unknown: what is older must not be taken for it", LAST_STATE_MARKER],
  ])("if Flink discarded the last checkpoint of one that is %s, %s", (state, _, path) => {
    const latest = {
      restored: { id: 2, externalPath: "s3://savepoint" },
      completed: { id: 6, externalPath: "s3://chk-6", discarded: true },
    };
    const outcome = terminal(state, { checkpoints: checkpoints(latest) }, before);
    expect(outcome.jobState).toBe(state);
    expect(outcome.status.jobStatus?.upgradeSavepointPath).toBe(path);
    expect(outcome.events.includes("CheckpointNotFound")).toBe(state !== "FINISHED");
  });

  it.each<[string, FlinkAnswers]>([
    ["while Flink does not answer", { checkpoints: unreachable() }],
    ["while Flink has trouble", { checkpoints: refused(500) }],
    [
      "while the answer is no answer",
      { checkpoints: { ok: false, failure: { kind: "garbage", message: "<html>" } } },
    ],
  ])("and not before that is known: %s", (_, answers) => {
    const outcome = terminal("FAILED", answers, before);
    expect(outcome).toMatchObject({ jobState: "RUNNING", lifecycle: "STABLE", events: [], actions: [] });
    expect(outcome.conditions).toEqual(["Reconciling: ReadingCheckpoints"]);
    expect(outcome.status.jobStatus?.upgradeSavepointPath).toBe("s3://old");
  });

  it.each(["FAILED", "CANCELED"] as const)(
    "where it was to start from, if it was %s before it was restored",
    (state) => {
      const details = { restore: "savepoint", job: { upgradeSavepointPath: "s3://old" } } as const;
      for (const status of [deploying(details), running(details)]) {
        const outcome = terminal(state, { checkpoints: checkpoints({}) }, status);
        expect(outcome.status.jobStatus?.upgradeSavepointPath).toBe("s3://old");
      }
    },
  );

  it("and a job that finished before anybody saw it run is as good as one that ran", () => {
    const outcome = terminal("FINISHED", { checkpoints: checkpoints({}) }, deploying());
    expect(outcome).toMatchObject({ lifecycle: "STABLE", conditions: ["Ready: Finished"] });
    const { lastReconciledSpec, lastStableSpec } = outcome.status.reconciliationStatus ?? {};
    expect(lastStableSpec).toBe(lastReconciledSpec);
  });

  it("but not one that failed", () => {
    const outcome = terminal("FAILED", { checkpoints: checkpoints({}) }, deploying());
    expect(outcome.status.reconciliationStatus?.lastStableSpec).toBeUndefined();
  });

  it("and anew if Flink says that it ended otherwise", () => {
    const outcome = terminal(
      "FAILED",
      { checkpoints: checkpointAt("s3://chk-6") },
      running({ jobState: "FINISHED" }),
    );
    expect(outcome).toMatchObject({ jobState: "FAILED", lifecycle: "FAILED" });
  });

  it("and not while Flink may answer out of its cache", () => {
    const trace = new Trace(flinkDeployment(running()));
    const over: SceneOf = (resource) => ({
      cluster: cluster(resource),
      flink: flink([job("FINISHED", { endTime: NOW })], { checkpoints: checkpointAt("s3://chk-6") }),
    });
    play(trace, [
      {
        when: "just ended",
        scene: over,
        gives: { jobState: "RUNNING", conditions: ["Reconciling: ReadingCheckpoints"] },
      },
      { when: "a while ago", after: 4000, scene: over, gives: { jobState: "FINISHED", lifecycle: "STABLE" } },
    ]);
  });

  it.each(["FAILED", "CANCELED"] as const)("its newest checkpoint, if it is %s", (state) => {
    const outcome = terminal(state, { checkpoints: checkpointAt("s3://chk-6") }, before);
    expect(outcome.status.jobStatus?.upgradeSavepointPath).toBe("s3://chk-6");
  });

  it.each<[string, "FAILED" | "FINISHED", FlinkAnswers, string | undefined]>([
    ["stays if it went no further", "FAILED", { checkpoints: checkpoints({}) }, "s3://sp"],
    [
      "counts no more if Flink lost what came after",
      "FAILED",
      { checkpoints: checkpointAt(IN_MEMORY) },
      undefined,
    ],
    [
      "counts no more if it finished, which removes all it left",
      "FINISHED",
      { checkpoints: refused(404) },
      undefined,
    ],
  ])("and where it was started from %s", (_, state, answers, startedFrom) => {
    const noted: ResourceChange = ({ status }) =>
      Object.assign(status!.jobStatus!, { recoveryInfo: { jobId: JOB_ID, startedFrom: "s3://sp" } });
    const old = running({ restore: "last-state", job: { upgradeSavepointPath: "s3://old" } });
    const outcome = terminal(state, answers, old, noted);
    expect(outcome.status.jobStatus?.recoveryInfo?.startedFrom).toBe(startedFrom);
  });

  it("and what was in the memory of the JobManager of one that failed is said to be lost", () => {
    const outcome = terminal("FAILED", { checkpoints: checkpointAt(IN_MEMORY) }, before);
    expect(outcome.events).toContain("CheckpointNotFound");
    expect(message(outcome, "CheckpointNotFound")).toContain("execution.checkpointing.dir");
    expect(outcome.status.jobStatus?.upgradeSavepointPath).toBe(LAST_STATE_MARKER);
  });

  it.each<[string, number, string | undefined]>([
    ["tasks that Flink knows ran without checkpoints", 2, "s3://old"],
    ["a JobManager that knows no tasks remembers only that the job ended", 0, LAST_STATE_MARKER],
  ])("and %s", (_, total, path) => {
    const tasks = { total, running: 0, finished: total, failed: 0, canceled: 0 };
    const resource = flinkDeployment(before);
    const outcome = decideOnce(resource, {
      cluster: cluster(resource),
      flink: flink([job("FINISHED", { endTime: STARTED, tasks })], { checkpoints: refused(404) }),
    });
    expect(outcome).toMatchObject({ jobState: "FINISHED", conditions: ["Ready: Finished"] });
    expect(outcome.status.jobStatus?.upgradeSavepointPath).toBe(path);
  });
});

describe("a job that failed", () => {
  const cause =
    "org.apache.flink.JobException: Recovery is suppressed\n\tat A\nCaused by: java.io.IOException: disk\n\tat B";

  it("is said with its exception, once, and stays", () => {
    const trace = new Trace(flinkDeployment(running()));
    const failed: SceneOf = (resource) => ({
      cluster: cluster(resource),
      flink: flink([job("FAILED", { endTime: STARTED })], {
        checkpoints: checkpointAt("s3://chk-6"),
        exceptions: exceptions({ timestamp: NOW, stacktrace: cause }),
      }),
    });
    const text =
      "org.apache.flink.JobException: Recovery is suppressed -> Caused by: java.io.IOException: disk";
    const first = play(trace, [
      {
        when: "failed",
        scene: failed,
        gives: {
          events: ["JobStatusChanged", "Error", "JobException"],
          lifecycle: "FAILED",
          error: text,
          conditions: ["Stalled: JobFailed"],
        },
      },
    ]);
    expect(JSON.parse(first.status.error ?? "")).toMatchObject({
      type: "org.apache.flink.util.FlinkException",
    });
    const again = play(trace, [
      {
        when: "still",
        scene: failed,
        gives: {
          events: [],
          actions: [],
          lifecycle: "FAILED",
          error: text,
          conditions: ["Stalled: JobFailed"],
        },
      },
    ]);
    expect(again.status).toEqual(first.status);
  });

  it("without a cause says that Flink gives none", () => {
    expect(terminal("FAILED", { checkpoints: checkpointAt("s3://a") }, running()).error).toBe(
      "the job failed; Flink gives no cause",
    );
  });
});

describe("Flink 2.3, whose main() failed before there was a job", () => {
  const driver = job("FAILED", { jobId: "driver", name: "(application driver)" });
  const application = { id: "a", name: "example", state: "FAILED" };
  const failed =
    (answers: FlinkAnswers = {}): SceneOf =>
    (resource) => ({
      cluster: cluster(resource),
      flink: flink([driver], { applications: ok([application]), ...answers }),
    });
  const cause = exceptions({
    timestamp: NOW,
    stacktrace: "java.lang.IllegalArgumentException: no input\n\tat Main",
  });

  it("is a failed job, with the cause of main()", () => {
    const trace = new Trace(flinkDeployment(deploying({ jobManager: "DEPLOYED_NOT_READY" })));
    const text = "java.lang.IllegalArgumentException: no input";
    const first = play(trace, [
      {
        when: "seen",
        scene: failed({ exceptions: cause }),
        gives: {
          actions: [],
          jobState: "FAILED",
          lifecycle: "FAILED",
          error: text,
          conditions: ["Stalled: JobFailed"],
        },
      },
    ]);
    const second = play(trace, [
      {
        when: "still",
        scene: failed({ exceptions: cause }),
        gives: { actions: [], events: ["JobException"], error: text },
      },
      {
        when: "and nothing is forgotten while Flink gives no answer",
        scene: failed({ exceptions: unreachable() }),
        gives: {
          actions: [],
          events: [],
          error: text,
          lifecycle: "FAILED",
          conditions: ["Stalled: JobFailed"],
        },
      },
    ]);
    expect(second.status).toEqual(first.status);
  });

  it("is not concluded from an application that runs", () => {
    const outcome = new Trace(flinkDeployment(deploying({ jobManager: "DEPLOYED_NOT_READY" }))).pass({
      ...failed({ applications: ok([{ ...application, state: "RUNNING" }]) })(flinkDeployment()),
    });
    expect(outcome).toMatchObject({ jobState: "RECONCILING", conditions: ["Reconciling: JobStarting"] });
  });

  it("is not concluded while the job itself is there", () => {
    const resource = flinkDeployment(running());
    const outcome = decideOnce(resource, {
      cluster: cluster(resource),
      flink: flink([driver, job("RUNNING")], { applications: ok([application]) }),
    });
    expect(outcome).toMatchObject({ jobState: "RUNNING", conditions: ["Ready: Running"] });
  });

  it("is nothing that an older Flink is asked about", () => {
    const resource = flinkDeployment(withFlinkVersion("v1_20"), deploying());
    const outcome = decideOnce(resource, { ...failed()(resource) });
    expect(outcome).toMatchObject({ jobState: "RECONCILING", conditions: ["Reconciling: JobStarting"] });
  });
});

describe("a job that is between states", () => {
  it.each(["INITIALIZING", "CREATED", "FAILING", "RESTARTING", "RECONCILING"] as const)(
    "%s is passed on, and is not ready",
    (state) => {
      const resource = flinkDeployment(running());
      const outcome = decideOnce(resource, up(state)(resource));
      expect(outcome).toMatchObject({ actions: [], jobState: state, lifecycle: "STABLE" });
      expect(outcome.conditions).toEqual(["Reconciling: JobNotRunning"]);
      expect(condition(outcome, "Reconciling")?.message).toBe(`the job is ${state}`);
      expect(condition(outcome, "Running")).toMatchObject({ status: "False" });
    },
  );

  it("says why it restarts", () => {
    const resource = flinkDeployment(running());
    const stacktrace = "java.io.IOException: lost node\n\tat A";
    const outcome = decideOnce(
      resource,
      up("RESTARTING", { exceptions: exceptions({ timestamp: NOW, stacktrace }) })(resource),
    );
    expect(condition(outcome, "Ready")?.message).toBe(
      "the job is RESTARTING: java.io.IOException: lost node",
    );
  });

  it("is RECONCILING while the REST API does not answer", () => {
    const resource = flinkDeployment(running());
    const outcome = decideOnce(resource, {
      cluster: cluster(resource),
      flink: { jobs: unreachable("no route") },
    });
    expect(outcome).toMatchObject({ actions: [], jobState: "RECONCILING", jobManager: "READY" });
    expect(condition(outcome, "Ready")).toMatchObject({ reason: "FlinkUnreachable", message: "no route" });
  });
});

describe("exceptions become events", () => {
  const one = (seconds: number, fields: Partial<JobException> = {}): JobException => ({
    timestamp: NOW + seconds * 1000,
    stacktrace: `java.lang.Exception: ${seconds}\n\tat A`,
    ...fields,
  });
  const pass = (history: JobException[], until = 0): Outcome => {
    const resource = flinkDeployment(running());
    return decideOnce(resource, {
      ...up("RUNNING", { exceptions: exceptions(...history) })(resource),
      exceptionsReportedUntil: until,
    });
  };

  it("oldest first, and up to the newest they are reported", () => {
    const outcome = pass([one(3), one(2), one(1)]);
    expect(outcome.decision.events.map(({ message: text }) => text.split("\n")[0])).toEqual([
      "java.lang.Exception: 1",
      "java.lang.Exception: 2",
      "java.lang.Exception: 3",
    ]);
    expect(outcome.decision.exceptionsReportedUntil).toBe(NOW + 3000);
  });

  it("only new ones", () => {
    const outcome = pass([one(3), one(2), one(1)], NOW + 2000);
    expect(outcome.events).toEqual(["JobException"]);
    expect(pass([one(3)], NOW + 3000).events).toEqual([]);
  });

  it("at most the ten newest", () => {
    const outcome = pass(Array.from({ length: 15 }, (_, index) => one(15 - index)));
    expect(outcome.events).toHaveLength(10);
    expect(outcome.decision.events[0]?.message).toContain("Exception: 6");
    expect(outcome.decision.exceptionsReportedUntil).toBe(NOW + 15_000);
  });

  it("with five lines of the stack, time and place", () => {
    const stacktrace = Array.from({ length: 8 }, (_, index) => `line ${index}`).join("\n");
    const [event] = pass([
      one(1, { stacktrace, taskName: "Map (1/2)", endpoint: "host:1", taskManagerId: "tm-1" }),
    ]).decision.events;
    expect(event).toMatchObject({
      type: "Warning",
      component: "Job",
      message: "line 0\nline 1\nline 2\nline 3\nline 4\n... (3 more lines)",
      annotations: {
        "exception-timestamp": "2026-03-01T12:00:01.000Z",
        "task-name": "Map (1/2)",
        endpoint: "host:1",
        "tm-id": "tm-1",
      },
    });
  });
});

describe("the headline of an exception", () => {
  it.each<[string, Parameters<typeof headline>[0], string | undefined]>([
    ["none", undefined, undefined],
    ["none of an empty history", { history: [] }, undefined],
    [
      "the root exception, where there is no history",
      { rootException: "a.B: x\n\tat C", history: [] },
      "a.B: x",
    ],
    [
      "at most three causes",
      {
        history: [
          {
            timestamp: 1,
            stacktrace: ["a", "Caused by: b", "Caused by: c", "Caused by: d", "Caused by: e"].join("\n"),
          },
        ],
      },
      "a -> Caused by: b -> Caused by: c -> Caused by: d",
    ],
  ])("%s", (_, given, expected) => {
    expect(headline(given)).toBe(expected);
  });
});
