/** The client against what real Flink answered, in every situation and version that was recorded. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { versions } from "../../testbed/flink-rest/local-flink.ts";
import {
  APPLICATION,
  JOB,
  OTHER_TRIGGER,
  type Situation,
  TRIGGER,
  UNKNOWN,
} from "../../testbed/flink-rest/recordings.ts";
import { replayedCluster } from "../../testbed/flink-rest/replayed-cluster.ts";
import { FlinkRestServer } from "../../testbed/flink-rest/server.ts";
import type { FlinkAnswer, FlinkFailure } from "../flink/rest-answers.ts";
import {
  hasEndedAlready,
  isCheckpointingDisabled,
  isDisposedAlready,
  isUnknownDisposal,
  isUnknownJob,
  isUnknownTrigger,
  isUnreachable,
} from "../flink/rest-answers.ts";
import { FlinkRestClient } from "./client.ts";
import { createFlinkAgent, directTransport } from "./transport.ts";

let server: FlinkRestServer;
const agent = createFlinkAgent();

beforeAll(async () => {
  server = await FlinkRestServer.start();
});
afterAll(async () => {
  await agent.close();
  await server.close();
});

function valueOf<T>(answer: FlinkAnswer<T>): T {
  if (!answer.ok) throw new Error(answer.failure.message);
  return answer.value;
}

function failureOf(answer: FlinkAnswer<unknown>): FlinkFailure {
  if (answer.ok) throw new Error(`an answer where a failure was expected: ${JSON.stringify(answer.value)}`);
  return answer.failure;
}

const SAVEPOINT = "file:/flink/savepoints/savepoint-000000-00000000000e";
const stop = { targetDirectory: "file:/flink/savepoints", drain: false, formatType: "CANONICAL" };

describe.each(versions)("Flink %s", (version) => {
  function flinkIn(situation: Situation): FlinkRestClient {
    const { url } = server.add(version, situation, replayedCluster(version, situation));
    return new FlinkRestClient({ transport: directTransport(url, agent) });
  }

  async function stateIn(situation: Situation): Promise<string | undefined> {
    return valueOf(await flinkIn(situation).jobsOverview())[0]?.state;
  }

  test.each([
    ["running", "RUNNING"],
    ["savepoint-in-progress", "RUNNING"],
    ["savepoint-completed", "RUNNING"],
    ["savepoint-failed", "RUNNING"],
    ["stop-in-progress", "RUNNING"],
    ["stop-completed", "FINISHED"],
    ["stop-failed", "RUNNING"],
    ["stop-broken", "FAILED"],
    ["stop-twice", "FAILED"],
    ["finished", "FINISHED"],
    ["canceled", "CANCELED"],
    ["failed", "FAILED"],
    ["restarting", "RESTARTING"],
    ["adaptive", "RUNNING"],
    ["driver-failed", "FAILED"],
  ] as const)("the job is, in situation %s, %s", async (situation, state) => {
    expect(await stateIn(situation)).toBe(state);
  });

  test("a running job is described", async () => {
    const flink = flinkIn("running");
    const config = valueOf(await flink.config());
    expect(config.flinkVersion).toMatch(new RegExp(`^${version.replace(".", "\\.")}\\.\\d+$`));
    expect(config.flinkRevision).not.toBe("");
    expect(config.refreshInterval).toBe(3000);
    const [job] = valueOf(await flink.jobsOverview());
    expect(job).toMatchObject({ jobId: JOB, name: "running", tasks: { total: 1, running: 1 } });
    expect(job?.startTime).toBeGreaterThan(1.6e12);
    expect(job).not.toHaveProperty("endTime");
    expect(valueOf(await flink.taskManagers())).toMatchObject([{ slots: 8, freeSlots: 7 }]);
    expect(valueOf(await flink.jobExecutionResult(JOB))).toEqual({ state: "IN_PROGRESS" });
    expect(valueOf(await flink.jobExceptions(JOB)).history).toEqual([]);
    const metrics = ["numRestarts", "fullRestarts", "numberOfCompletedCheckpoints"];
    expect(valueOf(await flink.jobMetrics(JOB, metrics))).toMatchObject({ numRestarts: 0 });
    expect(valueOf(await flink.checkpointConfig(JOB))).toEqual({
      interval: 1000,
      timeout: 600_000,
      minPause: 0,
      tolerableFailures: 0,
      retained: true,
    });
  });

  test("its checkpoints are told with their paths", async () => {
    const { latest, counts, history, ...rest } = valueOf(await flinkIn("running").jobCheckpoints(JOB));
    expect(latest.completed).toMatchObject({
      status: "COMPLETED",
      isSavepoint: false,
      discarded: false,
      externalPath: `file:/flink/checkpoints/${JOB}/chk-${latest.completed?.id}`,
    });
    expect(latest.completed?.completionTime).toBeGreaterThanOrEqual(
      latest.completed?.triggerTime ?? Infinity,
    );
    expect(counts.completed).toBeGreaterThan(0);
    expect(history[0]?.id).toBe(latest.completed?.id);
    expect(rest).toEqual({});
  });

  test("a savepoint in progress shows in its status and in the statistics", async () => {
    const flink = flinkIn("savepoint-in-progress");
    expect(valueOf(await flink.savepointStatus(JOB, TRIGGER))).toEqual({ state: "IN_PROGRESS" });
    const { pendingSince, counts, history } = valueOf(await flink.jobCheckpoints(JOB));
    expect(counts.inProgress).toBe(1);
    expect(history[0]).toMatchObject({ status: "IN_PROGRESS", isSavepoint: true });
    expect(history[0]).not.toHaveProperty("completionTime");
    expect(pendingSince).toBe(history[0]?.triggerTime);
  });

  test("asking again with the same id is answered like the first time, in progress and when it is over", async () => {
    for (const situation of ["savepoint-in-progress", "savepoint-completed"] as const) {
      const answer = await flinkIn(situation).triggerSavepoint({
        jobId: JOB,
        triggerId: TRIGGER,
        formatType: "CANONICAL",
      });
      expect(valueOf(answer)).toEqual({ triggerId: TRIGGER });
    }
    const again = await flinkIn("stop-in-progress").stopWithSavepoint({
      jobId: JOB,
      triggerId: TRIGGER,
      ...stop,
    });
    expect(valueOf(again)).toEqual({ triggerId: TRIGGER });
  });

  test("a completed savepoint has a place, and the job remembers it", async () => {
    const flink = flinkIn("savepoint-completed");
    expect(valueOf(await flink.savepointStatus(JOB, TRIGGER))).toEqual({
      state: "COMPLETED",
      location: SAVEPOINT,
    });
    const { savepoint } = valueOf(await flink.jobCheckpoints(JOB)).latest;
    expect(savepoint).toMatchObject({ externalPath: SAVEPOINT, isSavepoint: true });
  });

  test.each(["savepoint-failed", "stop-failed"] as const)(
    "%s has a cause, and no place",
    async (situation) => {
      const trigger = situation === "stop-failed" ? OTHER_TRIGGER : TRIGGER;
      const status = valueOf(await flinkIn(situation).savepointStatus(JOB, trigger));
      expect(status).not.toHaveProperty("location");
      expect(status.rootCauses?.[0]).toBe("java.nio.file.FileAlreadyExistsException: /dev/null");
      expect(status.failure).toMatch(
        /IO-problem detected\. -> IOException: Failed to create savepoint directory/,
      );
    },
  );

  test("the savepoint of a job that was stopped is known after the job's end", async () => {
    const flink = flinkIn("stop-completed");
    expect(valueOf(await flink.savepointStatus(JOB, TRIGGER))).toEqual({
      state: "COMPLETED",
      location: SAVEPOINT,
    });
    expect(valueOf(await flink.jobCheckpoints(JOB)).latest.savepoint?.externalPath).toBe(SAVEPOINT);
    expect(valueOf(await flink.jobExecutionResult(JOB))).toEqual({ state: "COMPLETED", status: "SUCCEEDED" });
    const [job] = valueOf(await flink.jobsOverview());
    expect(job?.endTime).toBeGreaterThan(job?.startTime ?? Infinity);
  });

  test("a stop of an ended job is accepted, and fails as of an unknown job", async () => {
    const flink = flinkIn("stop-completed");
    valueOf(await flink.stopWithSavepoint({ jobId: JOB, triggerId: OTHER_TRIGGER, ...stop }));
    const { failure, location } = valueOf(await flink.savepointStatus(JOB, OTHER_TRIGGER));
    expect(failure).toContain("FlinkJobNotFoundException: Could not find Flink job");
    expect(location).toBeUndefined();
  });

  test("a job that fails between its savepoint and its stop gives both the failure and the place", async () => {
    const status = valueOf(await flinkIn("stop-broken").savepointStatus(JOB, TRIGGER));
    expect(status.location).toBe(SAVEPOINT);
    expect(status.failure).toContain("StopWithSavepointStoppingException");
  });

  test("two stops with different ids fail each other and the job", async () => {
    const flink = flinkIn("stop-twice");
    for (const trigger of [TRIGGER, OTHER_TRIGGER]) {
      const status = valueOf(await flink.savepointStatus(JOB, trigger));
      expect(status.location).toBeUndefined();
      expect(status.failure).toMatch(/CheckpointException: /);
    }
  });

  test("cancelling: accepted twice, too late for what has ended otherwise, and 404 for the unknown", async () => {
    expect(await flinkIn("canceled").cancelJob(JOB)).toEqual({ ok: true, value: undefined });
    for (const situation of ["finished", "failed", "stop-completed"] as const) {
      const failure = failureOf(await flinkIn(situation).cancelJob(JOB));
      expect(failure).toMatchObject({ kind: "http", status: 409 });
      expect(hasEndedAlready(failure)).toBe(true);
      expect(failure.message).toMatch(/already reached another terminal state \((FINISHED|FAILED)\)/);
    }
    const failure = failureOf(await flinkIn("unknown").cancelJob(UNKNOWN));
    expect(failure).toMatchObject({ kind: "http", status: 404 });
    expect(isUnknownJob(failure)).toBe(true);
  });

  test("a failed job says why", async () => {
    const flink = flinkIn("failed");
    const { history } = valueOf(await flink.jobExceptions(JOB));
    expect(history[0]?.stacktrace).toContain("ordered to fail");
    expect(history[0]?.timestamp).toBeGreaterThan(1.6e12);
    const result = valueOf(await flink.jobExecutionResult(JOB));
    expect(result).toMatchObject({ state: "COMPLETED", status: "FAILED" });
    expect(result.failure).toMatch(/JobException: .* -> IllegalStateException: ordered to fail$/);
    expect(result.rootCauses?.[0]).toBe("java.lang.IllegalStateException: ordered to fail");
  });

  test("a restarting job names the task and the TaskManager that failed", async () => {
    const { history } = valueOf(await flinkIn("restarting").jobExceptions(JOB));
    const [found] = history[0]?.concurrent ?? history;
    expect(found).toMatchObject({ stacktrace: expect.stringContaining("ordered to fail") as string });
    expect(found?.taskName).toContain("obey");
    expect(found?.endpoint).toBe("localhost:6122");
  });

  test("a job restored from a savepoint names it", async () => {
    const { latest } = valueOf(await flinkIn("restored").jobCheckpoints(JOB));
    expect(latest.restored).toMatchObject({ externalPath: SAVEPOINT, isSavepoint: true });
  });

  test("a checkpoint that was asked for", async () => {
    const flink = flinkIn("checkpoint-triggered");
    const wanted = { jobId: JOB, triggerId: OTHER_TRIGGER, checkpointType: "FULL" };
    expect(valueOf(await flink.triggerCheckpoint(wanted))).toEqual({ triggerId: OTHER_TRIGGER });
    const { checkpointId = 0, state } = valueOf(await flink.checkpointStatus(JOB, OTHER_TRIGGER));
    expect(state).toBe("COMPLETED");
    const details = valueOf(await flink.checkpointDetails(JOB, checkpointId));
    expect(details).toMatchObject({ id: checkpointId, status: "COMPLETED" });
    expect(details.externalPath).toContain(`chk-${checkpointId}`);
  });

  test("a disposal ends, and fails for what is gone", async () => {
    const flink = flinkIn("disposed");
    expect(valueOf(await flink.disposeSavepoint(SAVEPOINT)).triggerId).toMatch(/^[0-9a-f]{32}$/);
    const done = valueOf(await flink.disposalStatus(TRIGGER));
    expect(done).toEqual({ state: "COMPLETED" });
    const again = valueOf(await flink.disposalStatus(OTHER_TRIGGER));
    expect(again.failure).toContain("Could not dispose savepoint");
    expect([isDisposedAlready(done), isDisposedAlready(again)]).toEqual([false, true]);
    const unknown = failureOf(await flink.disposalStatus(UNKNOWN));
    expect([isUnknownDisposal(unknown), isUnknownTrigger(unknown)]).toEqual([true, false]);
  });

  test("a job without checkpoints", async () => {
    for (const situation of ["no-checkpoints", "no-checkpoints-canceled"] as const) {
      const { latest, counts } = valueOf(await flinkIn(situation).jobCheckpoints(JOB));
      expect({ latest, total: counts.total }).toEqual({ latest: {}, total: 0 });
    }
    expect(valueOf(await flinkIn("no-checkpoints").checkpointConfig(JOB))).not.toHaveProperty("interval");
  });

  test("an unknown job is told from an unknown request, a bad one, and a job without checkpoints", async () => {
    const unknown = flinkIn("unknown");
    for (const answer of [
      await unknown.jobCheckpoints(UNKNOWN),
      await unknown.checkpointConfig(UNKNOWN),
      await unknown.jobExceptions(UNKNOWN),
      await unknown.jobExecutionResult(UNKNOWN),
      await unknown.getResourceRequirements(UNKNOWN),
    ]) {
      expect(isUnknownJob(failureOf(answer)), failureOf(answer).message).toBe(true);
    }
    expect(valueOf(await unknown.jobMetrics(UNKNOWN, ["numRestarts"]))).toEqual({});
    const running = flinkIn("running");
    for (const answer of [
      await running.savepointStatus(JOB, UNKNOWN),
      await running.checkpointStatus(JOB, UNKNOWN),
      await unknown.savepointStatus(UNKNOWN, UNKNOWN),
    ]) {
      const failure = failureOf(answer);
      expect(failure.status).toBe(404);
      expect([isUnknownTrigger(failure), isUnknownJob(failure)], failure.message).toEqual([true, false]);
    }
    const bad = failureOf(await running.stopWithSavepoint({ jobId: JOB, triggerId: "too short", ...stop }));
    expect(bad).toMatchObject({ kind: "http", status: 400 });
    const disabled = failureOf(await flinkIn("driver-failed").jobCheckpoints(JOB));
    expect([isCheckpointingDisabled(disabled), isUnknownJob(disabled)], disabled.message).toEqual([
      true,
      false,
    ]);
    expect(isUnreachable(disabled)).toBe(false);
  });

  test("the parallelism of the adaptive scheduler can be read and set, that of the default one not", async () => {
    const adaptive = flinkIn("adaptive");
    const [vertex = "", bounds] =
      Object.entries(valueOf(await adaptive.getResourceRequirements(JOB)))[0] ?? [];
    expect(bounds).toEqual({ lowerBound: 1, upperBound: 1 });
    const wanted = { [vertex]: { lowerBound: 1, upperBound: 2 } };
    expect((await adaptive.putResourceRequirements(JOB, wanted)).ok).toBe(true);
    const failure = failureOf(await flinkIn("running").getResourceRequirements(JOB));
    expect(failure).toMatchObject({ kind: "http", status: 500 });
    expect(failure.message).toContain("The DefaultScheduler does not support changing the parallelism");
  });

  test("a main() that throws leaves a job named (application driver)", async () => {
    const flink = flinkIn("driver-failed");
    expect(valueOf(await flink.jobsOverview())).toMatchObject([
      { jobId: JOB, name: "(application driver)", state: "FAILED" },
    ]);
    const { history, rootException } = valueOf(await flink.jobExceptions(JOB));
    expect(history[0]?.stacktrace ?? rootException).toContain("ordered to throw in main()");
    expect(valueOf(await flink.jobExecutionResult(JOB)).failure).toMatch(
      /The main method caused an error: ordered to throw in main\(\)/,
    );
  });

  test("applications are known from 2.3 on", async () => {
    const flink = flinkIn("driver-failed");
    const applications = valueOf(await flink.applicationsOverview());
    const expected = version === "2.3" ? [{ id: APPLICATION, name: "ScriptedJob", state: "FAILED" }] : [];
    expect(applications).toEqual(expected);
  });
});

test("Flink 2.3 says why an application failed that left no job behind", async () => {
  const { url } = server.add("own", "application", replayedCluster("2.3", "application-failed"));
  const flink = new FlinkRestClient({ transport: directTransport(url, agent) });
  expect(valueOf(await flink.jobsOverview())).toEqual([]);
  expect(valueOf(await flink.applicationsOverview())).toMatchObject([{ id: APPLICATION, state: "FAILED" }]);
  const { history } = valueOf(await flink.applicationExceptions(APPLICATION));
  expect(history[0]?.stacktrace).toContain("ordered to throw in main()");
});
