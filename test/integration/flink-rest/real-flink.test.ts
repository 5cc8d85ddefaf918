/** What real Flink does where Sluice relies on it. The scripted cluster keeps the same rules. */
import { createReadStream, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FlinkAnswer, SavepointStatus } from "../../../src/flink/rest-answers.ts";
import {
  hasEndedAlready,
  isDisposedAlready,
  isDuplicateJob,
  isUnknownTrigger,
} from "../../../src/flink/rest-answers.ts";
import { FlinkRestClient } from "../../../src/flink-rest/client.ts";
import { createFlinkAgent, directTransport } from "../../../src/flink-rest/transport.ts";
import {
  buildScriptedJob,
  flinkHome,
  startFlink,
  type Version,
} from "../../../testbed/flink-rest/local-flink.ts";
import { checkpointing, newId, Stage } from "../../../testbed/flink-rest/stage.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";

const deadline = 45_000;
const remembers = 12_000;
const agent = createFlinkAgent();

function valueOf<T>(answer: FlinkAnswer<T>): T {
  if (!answer.ok) throw new Error(answer.failure.message);
  return answer.value;
}

interface Scene {
  readonly folder: string;
  readonly jar: string;
  readonly stage: Stage;
  readonly flink: FlinkRestClient;
}

async function open(version: Version): Promise<Scene> {
  const home = await flinkHome(version);
  const folder = await mkdtemp(join(tmpdir(), "sluice-real-flink-"));
  const [jar, local] = await Promise.all([
    buildScriptedJob(home, folder),
    startFlink({
      home,
      folder: join(folder, "cluster"),
      configuration: {
        "rest.async.store-duration": `${remembers} ms`,
        "rest.cache.checkpoint-statistics.timeout": "0 ms",
      },
    }),
  ]);
  const transport = directTransport(local.url, agent);
  return { folder, jar, stage: await Stage.open(local, jar), flink: new FlinkRestClient({ transport }) };
}

const versions: readonly Version[] = ["1.20", "2.3"];
const scenes = new Map<Version, Scene>();

beforeAll(async () => {
  await Promise.all(versions.map(async (version) => scenes.set(version, await open(version))));
});

afterAll(async () => {
  await agent.close();
  for (const { stage, folder } of scenes.values()) {
    await stage.flink.stop();
    await rm(folder, { recursive: true });
  }
});

/** What is to be held may be over before the next call on a busy machine: then it is arranged anew. */
const RACE = { retry: 2 };

describe.concurrent.each(versions)("Flink %s", (version) => {
  const scene = (): Scene => {
    const found = scenes.get(version);
    if (found === undefined) throw new Error(`Flink ${version} did not start`);
    return found;
  };

  async function running(name: string, configuration = checkpointing): Promise<string> {
    const { stage, flink } = scene();
    const jobId = await stage.submit(name, configuration);
    const checkpointed = async () => {
      const answer = await flink.jobCheckpoints(jobId);
      return answer.ok && answer.value.counts.completed > 0;
    };
    await waitFor(`a checkpoint of ${name}`, checkpointed, { deadline });
    return jobId;
  }

  async function stateOf(jobId: string): Promise<string | undefined> {
    return valueOf(await scene().flink.jobsOverview()).find((job) => job.jobId === jobId)?.state;
  }

  async function untilState(jobId: string, state: string): Promise<void> {
    await waitFor(`state ${state}`, async () => (await stateOf(jobId)) === state, { deadline });
  }

  async function ended(jobId: string, triggerId: string): Promise<SavepointStatus> {
    return waitFor(
      "the savepoint to end",
      async () => {
        const status = valueOf(await scene().flink.savepointStatus(jobId, triggerId));
        return status.state === "COMPLETED" && status;
      },
      { deadline },
    );
  }

  /** A folder of the test's own, so that it counts its own savepoints. */
  function target(name: string): { readonly targetDirectory: string; readonly taken: () => string[] } {
    const folder = join(scene().folder, "savepoints", name);
    return {
      targetDirectory: `file://${folder}`,
      taken: () => {
        try {
          return readdirSync(folder);
        } catch {
          return [];
        }
      },
    };
  }

  const options = { drain: false, formatType: "CANONICAL" };

  test("a stop asked for again with its id is one stop, while it lasts and after the job's end", async () => {
    const { stage, flink } = scene();
    const jobId = await running("once");
    const { targetDirectory, taken } = target("once");
    const request = { jobId, triggerId: newId(), targetDirectory, ...options };
    stage.order("once", "hold");
    for (let tries = 0; tries < 2; tries++) {
      expect(valueOf(await flink.stopWithSavepoint(request))).toEqual({ triggerId: request.triggerId });
      expect(valueOf(await flink.savepointStatus(jobId, request.triggerId))).toEqual({
        state: "IN_PROGRESS",
      });
    }
    stage.revoke("once", "hold");
    const status = await ended(jobId, request.triggerId);
    await untilState(jobId, "FINISHED");
    expect(taken().map((name) => `file:${targetDirectory.slice(7)}/${name}`)).toEqual([status.location]);

    expect(valueOf(await flink.stopWithSavepoint(request))).toEqual({ triggerId: request.triggerId });
    expect(valueOf(await flink.savepointStatus(jobId, request.triggerId))).toEqual(status);
    expect(taken().length).toBe(1);
    expect(valueOf(await flink.jobCheckpoints(jobId)).latest.savepoint?.externalPath).toBe(status.location);
    const late = await flink.cancelJob(jobId);
    expect(!late.ok && hasEndedAlready(late.failure)).toBe(true);
  });

  test("a savepoint that ended is forgotten after rest.async.store-duration, and its id then begins a new one", async () => {
    const { flink } = scene();
    const jobId = await running("forgotten");
    const { targetDirectory, taken } = target("forgotten");
    const request = { jobId, triggerId: newId(), targetDirectory, formatType: "CANONICAL" };
    await flink.triggerSavepoint(request);
    expect(await ended(jobId, request.triggerId)).toHaveProperty("location");
    expect(await stateOf(jobId)).toBe("RUNNING");
    await flink.triggerSavepoint(request);
    const forgotten = async () => {
      const answer = await flink.savepointStatus(jobId, request.triggerId);
      return !answer.ok && isUnknownTrigger(answer.failure);
    };
    await waitFor("Flink to forget", forgotten, { deadline });
    expect(taken().length).toBe(1);
    await flink.triggerSavepoint(request);
    await ended(jobId, request.triggerId);
    expect(taken().length).toBe(2);
    await flink.cancelJob(jobId);
  });

  test(
    "a second stop with another id fails the first one; with its own it ends the job or fails it",
    RACE,
    async () => {
      const { stage, flink } = scene();
      const jobId = await running("twice");
      const { targetDirectory, taken } = target("twice");
      const [first, second] = [newId(), newId()];
      stage.order("twice", "hold");
      await flink.stopWithSavepoint({ jobId, triggerId: first, targetDirectory, ...options });
      // Flink accepts before it acts.
      const begun = async () => valueOf(await flink.jobCheckpoints(jobId)).counts.inProgress > 0;
      await waitFor("the first savepoint to begin", begun, { deadline });
      await flink.stopWithSavepoint({ jobId, triggerId: second, targetDirectory, ...options });
      // The second aborts the first one's savepoint at once; then mostly the task fails before it has written another.
      expect((await ended(jobId, first)).failure).toContain("Checkpoint Coordinator is suspending");
      const before = taken();
      stage.revoke("twice", "hold");
      const { location } = await ended(jobId, second);
      await untilState(jobId, location === undefined ? "FAILED" : "FINISHED");
      const written = taken().filter((name) => !before.includes(name));
      expect(written.map((name) => `file:${targetDirectory.slice(7)}/${name}`)).toEqual(
        location === undefined ? [] : [location],
      );
    },
  );

  test("a checkpoint asked for again with its id is one checkpoint", async () => {
    const { flink } = scene();
    const jobId = await running("checkpointed");
    const request = { jobId, triggerId: newId(), checkpointType: "FULL" };
    const over = async () => {
      const status = valueOf(await flink.checkpointStatus(jobId, request.triggerId));
      return status.state === "COMPLETED" && status;
    };
    valueOf(await flink.triggerCheckpoint(request));
    expect(valueOf(await flink.triggerCheckpoint(request))).toEqual({ triggerId: request.triggerId });
    const { checkpointId = 0 } = await waitFor("the checkpoint", over, { deadline });
    valueOf(await flink.triggerCheckpoint(request));
    expect(await over()).toEqual({ state: "COMPLETED", checkpointId });
    const details = valueOf(await flink.checkpointDetails(jobId, checkpointId));
    expect(details.externalPath).toMatch(new RegExp(`chk-${checkpointId}$`));
    await flink.cancelJob(jobId);
  });

  test("a savepoint under way gives way to a stop and fails", RACE, async () => {
    const { stage, flink } = scene();
    const jobId = await running("overtaken");
    const { targetDirectory, taken } = target("overtaken");
    const [savepoint, stop] = [newId(), newId()];
    stage.order("overtaken", "hold");
    await flink.triggerSavepoint({ jobId, triggerId: savepoint, targetDirectory, formatType: "CANONICAL" });
    const begun = async () => valueOf(await flink.jobCheckpoints(jobId)).counts.inProgress > 0;
    await waitFor("the savepoint to begin", begun, { deadline });
    await flink.stopWithSavepoint({ jobId, triggerId: stop, targetDirectory, ...options });
    expect(await ended(jobId, savepoint)).toHaveProperty("failure");
    stage.revoke("overtaken", "hold");
    const { location } = await ended(jobId, stop);
    await untilState(jobId, "FINISHED");
    expect(taken().map((name) => `file:${targetDirectory.slice(7)}/${name}`)).toContain(location);
  });

  /**
   * A later savepoint may overtake that of the stop: tasks then pass over the older barrier, and the stop fails when its
   * time is up. Why nothing is asked of a job whose stop is recorded (`runsOn` in reconcile/snapshot/target.ts).
   */
  test("a savepoint asked for during a stop costs it at most a checkpoint's time, and nothing is lost", async () => {
    const { stage, flink } = scene();
    const jobId = await running("disturbed", {
      ...checkpointing,
      "execution.checkpointing.timeout": "10 s",
      "restart-strategy.type": "fixed-delay",
      "restart-strategy.fixed-delay.delay": "100 ms",
    });
    const { targetDirectory } = target("disturbed");
    const [stop, savepoint, checkpoint] = [newId(), newId(), newId()];
    stage.order("disturbed", "hold");
    await flink.stopWithSavepoint({ jobId, triggerId: stop, targetDirectory, ...options });
    const begun = async () => valueOf(await flink.jobCheckpoints(jobId)).counts.inProgress > 0;
    await waitFor("the stop to begin", begun, { deadline });
    await flink.triggerSavepoint({ jobId, triggerId: savepoint, targetDirectory, formatType: "CANONICAL" });
    await flink.triggerCheckpoint({ jobId, triggerId: checkpoint, checkpointType: "FULL" });
    stage.revoke("disturbed", "hold");
    const { failure, location } = await ended(jobId, stop);
    if (failure === undefined) {
      expect(location).toContain("savepoint-");
      return untilState(jobId, "FINISHED");
    }
    expect({ failure, location }).toEqual({
      failure: expect.stringContaining("expired before completing") as string,
      location: undefined,
    });
    const goesOn = async () => {
      const { latest } = valueOf(await flink.jobCheckpoints(jobId));
      const [from = 0, newest = 0] = [latest.restored?.id, latest.completed?.id];
      return from > 0 && newest > from;
    };
    await waitFor("the job to go on from its last checkpoint", goesOn, { deadline });
    expect(await stateOf(jobId)).toBe("RUNNING");
    await flink.cancelJob(jobId);
  });

  test("a savepoint is disposed of without its job, and a second time there is nothing left", async () => {
    const { flink } = scene();
    const jobId = await running("disposed");
    const { targetDirectory, taken } = target("disposed");
    const triggerId = newId();
    await flink.stopWithSavepoint({ jobId, triggerId, targetDirectory, ...options });
    const { location = "" } = await ended(jobId, triggerId);
    await untilState(jobId, "FINISHED");
    expect(taken().length).toBe(1);
    const disposed = async () => {
      const disposal = valueOf(await flink.disposeSavepoint(location)).triggerId;
      const over = async () => {
        const status = valueOf(await flink.disposalStatus(disposal));
        return status.state === "COMPLETED" && status;
      };
      return waitFor("the disposal", over, { deadline });
    };
    expect(await disposed()).toEqual({ state: "COMPLETED" });
    expect(taken()).toEqual([]);
    expect(isDisposedAlready(await disposed())).toBe(true);
  });

  test("a job whose savepoint fails runs on, and can be cancelled twice", async () => {
    const { flink } = scene();
    const jobId = await running("unwritable");
    const request = { jobId, triggerId: newId(), targetDirectory: "file:///dev/null/no", ...options };
    await flink.stopWithSavepoint(request);
    const { failure, location } = await ended(jobId, request.triggerId);
    expect({ failure, location }).toEqual({
      failure: expect.stringContaining("Failed to create savepoint directory") as string,
      location: undefined,
    });
    expect(await stateOf(jobId)).toBe("RUNNING");
    const before = valueOf(await flink.jobCheckpoints(jobId)).counts.completed;
    const goesOn = async () => valueOf(await flink.jobCheckpoints(jobId)).counts.completed > before;
    await waitFor("another checkpoint", goesOn, { deadline });
    expect((await flink.cancelJob(jobId)).ok).toBe(true);
    await untilState(jobId, "CANCELED");
    expect((await flink.cancelJob(jobId)).ok).toBe(true);
  });

  test("without the cache, the statistics of a cancelled job name the checkpoint that is on disk", async () => {
    const { stage, flink } = scene();
    const jobId = await running("canceled");
    const asked = { jobId, triggerId: newId(), checkpointType: "FULL" };
    await flink.triggerCheckpoint(asked);
    await waitFor(
      "the checkpoint",
      async () => valueOf(await flink.checkpointStatus(jobId, asked.triggerId)).checkpointId,
      { deadline },
    );
    await flink.cancelJob(jobId);
    await untilState(jobId, "CANCELED");
    const { completed } = valueOf(await flink.jobCheckpoints(jobId)).latest;
    const kept = readdirSync(join(stage.flink.folder, "checkpoints", jobId)).filter((name) =>
      name.startsWith("chk-"),
    );
    expect(kept).toEqual([`chk-${completed?.id}`]);
    expect(completed?.externalPath).toMatch(new RegExp(`/${kept[0]}$`));
  });

  test("a jar runs once under its id, however often it is asked for, also after the job's end", async () => {
    const { stage, flink, jar } = scene();
    const upload = { fileName: "sluice-ns.once.jar", content: createReadStream(jar), timeoutMs: deadline };
    const { jarId } = valueOf(await flink.uploadJar(upload));
    const jobId = newId();
    const request = {
      jobId,
      entryClass: "ScriptedJob",
      programArgsList: [stage.folderOf("jar")],
      parallelism: 1,
      claimMode: "NO_CLAIM",
      allowNonRestoredState: false,
      flinkConfiguration: { "pipeline.name": "a name of its own" },
    } as const;
    const refused = async () => {
      const answer = await flink.runJar(jarId, request, deadline);
      return !answer.ok && isDuplicateJob(answer.failure);
    };
    expect(valueOf(await flink.runJar(jarId, request, deadline))).toEqual({ jobId });
    expect(await refused()).toBe(true);
    await untilState(jobId, "RUNNING");
    await flink.cancelJob(jobId);
    await untilState(jobId, "CANCELED");
    expect(await refused()).toBe(true);
    const own = valueOf(await flink.jobsOverview()).filter((job) => job.jobId === jobId);
    expect(own.map(({ state }) => state)).toEqual(["CANCELED"]);
    expect((await flink.deleteJar(jarId)).ok).toBe(true);
    expect(valueOf(await flink.listJars()).map((stored) => stored.jarId)).not.toContain(jarId);
  });

  test("a job goes on from its savepoint, and says so", async () => {
    const { stage, flink } = scene();
    const jobId = await running("resumed");
    const request = {
      jobId,
      triggerId: newId(),
      targetDirectory: target("resumed").targetDirectory,
      ...options,
    };
    await flink.stopWithSavepoint(request);
    const { location } = await ended(jobId, request.triggerId);
    const next = await stage.submit("resumed", undefined, location);
    await untilState(next, "RUNNING");
    expect(valueOf(await flink.jobCheckpoints(next)).latest.restored?.externalPath).toBe(location);
    await flink.cancelJob(next);
  });
});
