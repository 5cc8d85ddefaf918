import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FlinkRestClient } from "../../src/flink-rest/client.ts";
import { createFlinkAgent, directTransport } from "../../src/flink-rest/transport.ts";
import type { FlinkAnswer } from "../../src/flink/rest-answers.ts";
import { isDisposedAlready, isUnknownDisposal, isUnknownTrigger } from "../../src/flink/rest-answers.ts";
import { versions } from "./local-flink.ts";
import { JOB, loadRecording, type Situation } from "./recordings.ts";
import { ScriptedCluster, type ClusterScript } from "./scripted-cluster.ts";
import { FlinkRestServer } from "./server.ts";
import type { Json } from "./templates.ts";

const jobId = "abcdef00".repeat(4);
const first = "1".repeat(32);
const second = "2".repeat(32);
const stop = {
  jobId,
  triggerId: first,
  targetDirectory: "s3://b/savepoints",
  drain: false,
  formatType: "CANONICAL",
};

let server: FlinkRestServer;
let now = 0;
const agent = createFlinkAgent();

beforeAll(async () => {
  server = await FlinkRestServer.start();
});
afterAll(async () => {
  await agent.close();
  await server.close();
});
beforeEach(() => {
  now = 1_800_000_000_000;
});

function start(script: Partial<ClusterScript> = {}): { cluster: ScriptedCluster; flink: FlinkRestClient } {
  const cluster = new ScriptedCluster({ version: "2.3", now: () => now, ...script });
  const { url } = server.add("scripted", "one", cluster);
  return { cluster, flink: new FlinkRestClient({ transport: directTransport(url, agent) }) };
}

function valueOf<T>(answer: FlinkAnswer<T>): T {
  if (!answer.ok) throw new Error(answer.failure.message);
  return answer.value;
}

describe("a stop with savepoint", () => {
  test("lasts as long as the script says, once, however often it is asked for", async () => {
    const { cluster, flink } = start({ snapshots: { takes: 5000 } });
    const job = cluster.addJob({ jobId });
    for (let tries = 0; tries < 3; tries++) {
      expect(valueOf(await flink.stopWithSavepoint(stop))).toEqual({ triggerId: first });
    }
    expect(valueOf(await flink.savepointStatus(jobId, first)).state).toBe("IN_PROGRESS");
    expect(valueOf(await flink.jobCheckpoints(jobId))).toMatchObject({
      pendingSince: now,
      counts: { inProgress: 1 },
    });
    now += 5000;
    const { location } = valueOf(await flink.savepointStatus(jobId, first));
    expect(location).toMatch(/^s3:\/\/b\/savepoints\/savepoint-abcdef-/);
    expect(job.state).toBe("FINISHED");
    expect(valueOf(await flink.jobCheckpoints(jobId))).toMatchObject({
      latest: { savepoint: { externalPath: location } },
      counts: { total: 1, completed: 1 },
    });
  });

  test("fails together with another one, and the job with them", async () => {
    const { cluster, flink } = start({ snapshots: { takes: "until-told" } });
    const job = cluster.addJob({ jobId });
    await flink.stopWithSavepoint(stop);
    await flink.stopWithSavepoint({ ...stop, triggerId: second });
    for (const trigger of [first, second]) {
      expect(valueOf(await flink.savepointStatus(jobId, trigger)).failure).toBeDefined();
    }
    expect(job.state).toBe("FAILED");
  });

  test.each([
    ["fail", "RUNNING", undefined],
    ["break", "FAILED", expect.stringMatching(/^s3:\/\/b\/savepoints\/savepoint-/)],
  ] as const)("that is to %s leaves the job %s", async (outcome, state, location) => {
    const { cluster, flink } = start({ snapshots: { outcome } });
    const job = cluster.addJob({ jobId });
    await flink.stopWithSavepoint(stop);
    const status = valueOf(await flink.savepointStatus(jobId, first));
    expect(status.failure).toBeDefined();
    expect(status.location).toEqual(location);
    expect(job.state).toBe(state);
  });

  test("is forgotten after a while, and when the JobManager is replaced", async () => {
    const { cluster, flink } = start();
    cluster.addJob({ jobId });
    await flink.stopWithSavepoint(stop);
    now += 299_999;
    expect((await flink.savepointStatus(jobId, first)).ok).toBe(true);
    now += 1;
    const late = await flink.savepointStatus(jobId, first);
    expect(!late.ok && isUnknownTrigger(late.failure)).toBe(true);
    const again = start();
    again.cluster.addJob({ jobId });
    await again.flink.triggerSavepoint(stop);
    again.cluster.restart();
    const lost = await again.flink.savepointStatus(jobId, first);
    expect(!lost.ok && isUnknownTrigger(lost.failure)).toBe(true);
  });

  test("of an ended job is accepted and fails", async () => {
    const { cluster, flink } = start();
    cluster.addJob({ jobId, state: "FAILED" });
    valueOf(await flink.stopWithSavepoint(stop));
    const { failure } = valueOf(await flink.savepointStatus(jobId, first));
    expect(failure).toContain(`Could not find Flink job (${jobId})`);
  });
});

test("a savepoint is disposed of once", async () => {
  const { cluster, flink } = start();
  const dispose = async () => {
    const { triggerId } = valueOf(await flink.disposeSavepoint("s3://b/savepoint"));
    return valueOf(await flink.disposalStatus(triggerId));
  };
  expect(await dispose()).toEqual({ state: "COMPLETED" });
  expect(isDisposedAlready(await dispose())).toBe(true);
  expect(cluster.disposed).toEqual(["s3://b/savepoint"]);
  const unknown = await flink.disposalStatus(first);
  expect(!unknown.ok && isUnknownDisposal(unknown.failure)).toBe(true);
});

test("checkpoints asked for get a number and a place, and replace the older ones", async () => {
  const { cluster, flink } = start();
  const job = cluster.addJob({ jobId, restoredFrom: "s3://b/old" });
  cluster.checkpoint(job);
  await flink.triggerCheckpoint({ jobId, triggerId: first, checkpointType: "FULL" });
  expect(valueOf(await flink.checkpointStatus(jobId, first))).toEqual({
    state: "COMPLETED",
    checkpointId: 2,
  });
  expect(valueOf(await flink.checkpointDetails(jobId, 2)).externalPath).toContain("/chk-2");
  const { latest, history } = valueOf(await flink.jobCheckpoints(jobId));
  expect(latest.restored?.externalPath).toBe("s3://b/old");
  expect(history.map(({ id, discarded }) => [id, discarded])).toEqual([
    [2, false],
    [1, true],
  ]);
});

test("statistics may be as old as Flink's cache lets them be", async () => {
  const { cluster, flink } = start({ statisticsCache: 3000 });
  const job = cluster.addJob({ jobId });
  cluster.checkpoint(job);
  await flink.jobCheckpoints(jobId);
  cluster.checkpoint(job);
  await flink.cancelJob(jobId);
  expect(valueOf(await flink.jobsOverview())[0]?.state).toBe("CANCELED");
  expect(valueOf(await flink.jobCheckpoints(jobId)).latest.completed?.id).toBe(1);
  now += 3000;
  expect(valueOf(await flink.jobCheckpoints(jobId)).latest.completed?.id).toBe(2);
});

test("cancelling ends what is under way; an exception is told", async () => {
  const { cluster, flink } = start({ snapshots: { takes: "until-told" } });
  const job = cluster.addJob({ jobId });
  await flink.stopWithSavepoint(stop);
  expect((await flink.cancelJob(jobId)).ok).toBe(true);
  expect(valueOf(await flink.savepointStatus(jobId, first)).failure).toBeDefined();
  expect((await flink.cancelJob(jobId)).ok, "once more").toBe(true);
  job.fail("java.lang.Error", "broken", "FAILED");
  expect(await flink.cancelJob(jobId)).toMatchObject({ failure: { status: 409 } });
  expect(valueOf(await flink.jobExceptions(jobId)).history).toMatchObject([{ timestamp: now }]);
});

test("many clusters in one process, each found by its Host header", async () => {
  const made: string[] = [];
  server.onUnknown = (namespace, id) => {
    made.push(`${namespace}/${id}`);
    const cluster = new ScriptedCluster({ version: "2.3" });
    cluster.addJob({ jobId, name: id });
    return cluster;
  };
  const fleet = createFlinkAgent({
    connect: { lookup: (_, __, done) => done(null, [{ address: "127.0.0.1", family: 4 }]) },
  });
  const names = Array.from({ length: 500 }, (_, index) => `job-${index}`);
  const found = await Promise.all(
    names.map(async (name) => {
      const transport = directTransport(`http://${name}-rest.team:${server.port}`, fleet);
      return valueOf(await new FlinkRestClient({ transport }).jobsOverview())[0]?.name;
    }),
  );
  expect(found).toEqual(names);
  expect(made.length).toBe(500);
  await fleet.close();
});

/** Which of its kinds of checkpoint a job had by then is up to chance. */
function withoutChance(value: unknown): unknown {
  const { latest, history: _, ...rest } = value as { latest?: Json; history?: Json[] };
  return latest === undefined ? value : { ...rest, latest: latest["completed"] };
}

/** The fields at every level, whatever their values. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shape(value[0])];
  if (typeof value !== "object" || value === null) return "value";
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([key, child]) => [key, shape(child)]),
  );
}

describe.each(versions)("Flink %s: a scripted answer has the fields of the recorded one", (version) => {
  test.each([
    ["running", "RUNNING"],
    ["canceled", "CANCELED"],
    ["finished", "FINISHED"],
    ["restarting", "RESTARTING"],
  ] as [Situation, "RUNNING"][])("%s", (situation, state) => {
    const cluster = new ScriptedCluster({ version });
    const job = cluster.addJob({ jobId: JOB });
    for (let n = 0; n < 3; n++) cluster.checkpoint(job);
    if (state === ("RESTARTING" as string)) job.fail("java.lang.Error", "broken", state);
    else job.become(state);
    const paths = [
      "/jobs/overview",
      `/jobs/${JOB}/checkpoints`,
      `/jobs/${JOB}/checkpoints/config`,
      "/applications/overview",
    ];
    for (const path of [...paths, `/jobs/${JOB}/execution-result`]) {
      const { status, body } = cluster.answer({
        method: "GET",
        path,
        query: new URLSearchParams(),
        body: undefined,
      });
      const expected = loadRecording(version, situation)[`GET ${path}`];
      expect([status, path, shape(withoutChance(body))]).toEqual([
        expected?.status,
        path,
        shape(withoutChance(expected?.body)),
      ]);
    }
  });

  test("a failed and a restored checkpoint, and a savepoint", () => {
    const cluster = new ScriptedCluster({ version });
    const job = cluster.addJob({ jobId: JOB, restoredFrom: "file:/x" });
    job.end(job.begin(true, "file:/x"), "COMPLETED");
    job.end(job.begin(false, "file:/x"), "FAILED");
    const { latest } = job.statistics() as { latest: Record<string, unknown> };
    for (const [kind, situation] of [
      ["failed", "stop-twice"],
      ["restored", "restored"],
      ["savepoint", "stop-completed"],
    ] as const) {
      const { body } = loadRecording(version, situation)[`GET /jobs/${JOB}/checkpoints`] ?? {};
      const expected = (body as { latest: Record<string, unknown> }).latest[kind];
      expect(shape(latest[kind]), kind).toEqual(shape(expected));
    }
  });
});
