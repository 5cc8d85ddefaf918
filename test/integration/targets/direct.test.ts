/** Jobs without an operator, in a namespace of a real API server, with a Flink that answers by script. */
import { describe, expect, test } from "vitest";
import { CONFIG_MAPS, FLINK_DEPLOYMENTS } from "../../../src/kube/resource-type.ts";
import { forkJob } from "../../../src/targets/fork.ts";
import { startJob } from "../../../src/targets/start.ts";
import { jobState } from "../../../src/targets/status.ts";
import { stopJob } from "../../../src/targets/stop.ts";
import { Refusal } from "../../../src/targets/target.ts";
import { withImage, withJob, withParallelism } from "../../../testbed/gen/flink-deployment.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { Stage } from "./stage.ts";

const PLAIN = { savepointDirectory: undefined, drain: false };

async function refusal(work: Promise<unknown>): Promise<Refusal> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Refusal) return error;
  throw error instanceof Error ? error : new Error("it was not refused");
}

describe("start", () => {
  test("makes the cluster and the record, and does nothing the second time", async () => {
    const stage = await Stage.open();
    const wishes = { spec: stage.spec(), from: undefined, update: false };
    expect(await startJob("job", wishes, stage.command())).toMatchObject({
      kind: "started",
      from: undefined,
    });
    const { uid } = stage.cluster();
    expect(await stage.record()).toMatchObject({ "savepoint-path": "null" });
    expect(await startJob("job", wishes, stage.command())).toMatchObject({ kind: "unchanged" });
    expect(stage.cluster().uid).toBe(uid);
    const other = { ...wishes, spec: stage.spec(withParallelism(3)) };
    expect((await refusal(startJob("job", other, stage.command()))).message).toMatch(
      /another spec.*job\.parallelism : 2 -> 3/,
    );
    expect(await jobState("job", stage.command())).toMatchObject({ ready: true, jobState: "RUNNING" });
  });

  test("goes on from where the job was stopped, and nothing is left in between", async () => {
    const stage = await Stage.open();
    const wishes = { spec: stage.spec(), from: undefined, update: false };
    await startJob("job", wishes, stage.command());
    const { jobId } = stage.cluster().start;
    const stopped = await stopJob("job", PLAIN, stage.command());
    expect(stopped).toMatchObject({ kind: "stopped", isSavepoint: true });
    expect(stopped.path).toMatch(/^hdfs:\/\/nowhere\/savepoints\/savepoint-/);
    expect(await stage.objects()).toEqual([]);
    expect(await stage.record()).toMatchObject({
      "savepoint-path": stopped.path,
      image: "flink:2.3",
      "flink-version": "v2_3",
      "job-id": jobId,
      "savepoint-time": expect.stringMatching(/^\d{4}-/),
      "savepoint-size": expect.stringMatching(/^\d+$/),
    });
    await startJob("job", { ...wishes, spec: stage.spec(withImage("job:2")) }, stage.command());
    expect(stage.starts.map(({ from }) => from)).toEqual([undefined, stopped.path]);
  });
});

describe("update", () => {
  test("changes what runs, from a savepoint; the second one at a time is told who is at work", async () => {
    const stage = await Stage.open();
    const wishes = { spec: stage.spec(), from: undefined, update: true };
    await startJob("job", wishes, stage.command());
    const { cluster } = stage.cluster();
    cluster.snapshots = { takes: "until-told" };
    const changed = { ...wishes, spec: stage.spec(withParallelism(3)) };
    const first = startJob("job", changed, stage.command(60_000));
    await waitFor("the savepoint", () => stage.lines.some((line) => /stopping the job/.test(line)), {
      deadline: 20_000,
    });
    const second = await refusal(startJob("job", changed, stage.command()));
    expect(second).toMatchObject({
      kind: "locked",
      message: expect.stringMatching(/\/\d+_[0-9a-f]{8} holds Lease/),
    });
    cluster.endSnapshots();
    expect(await first).toMatchObject({ kind: "updated", from: expect.stringMatching(/savepoint-/) });
    expect(stage.starts.length).toBe(2);
    expect(stage.starts[1]?.from).toMatch(/savepoint-/);
  }, 120_000);
});

describe("fork", () => {
  test("gives the second job a savepoint of the first, which runs on", async () => {
    const stage = await Stage.open();
    const spec = stage.spec(withJob({ args: ["--output", "s3://out/a"] }));
    await startJob("job", { spec, from: undefined, update: false }, stage.command());
    const { uid } = stage.cluster();
    const wishes = { source: "job", name: "second", spec, latestCheckpoint: false };
    const forked = await forkJob(wishes, stage.command());
    expect(forked).toMatchObject({ kind: "started", from: expect.stringMatching(/savepoint-/) });
    expect(stage.lines).toContainEqual(expect.stringMatching(/^warning: .*--output/));
    expect(stage.cluster().uid).toBe(uid);
    expect(stage.starts.map(({ name, from }) => [name, from === undefined])).toEqual([
      ["job", true],
      ["second", false],
    ]);
    expect(await forkJob(wishes, stage.command())).toMatchObject({ kind: "unchanged" });
  });

  test("from the newest checkpoint takes no savepoint", async () => {
    const stage = await Stage.open();
    await startJob("job", { spec: stage.spec(), from: undefined, update: false }, stage.command());
    const { cluster, start } = stage.cluster();
    const wishes = { source: "job", name: "second", spec: stage.spec(), latestCheckpoint: true };
    expect((await refusal(forkJob(wishes, stage.command()))).message).toMatch(/no checkpoint yet/);
    const job = cluster.job(start.jobId);
    const path = job && cluster.checkpoint(job);
    expect(await forkJob(wishes, stage.command())).toMatchObject({ from: path });
  });
});

describe("a job of somebody else", () => {
  test("is left alone: a FlinkDeployment, and a cluster that the record does not know", async () => {
    const stage = await Stage.open();
    const wishes = { spec: stage.spec(), from: undefined, update: false };
    await stage.client.create(FLINK_DEPLOYMENTS, {
      apiVersion: "flink.apache.org/v1beta1",
      kind: "FlinkDeployment",
      metadata: { name: "operated", namespace: stage.namespace },
      spec: {},
    });
    for (const work of [
      () => startJob("operated", wishes, stage.command()),
      () => stopJob("operated", PLAIN, stage.command()),
    ]) {
      expect((await refusal(work())).message).toMatch(/there is a FlinkDeployment operated/);
    }
    await startJob("job", wishes, stage.command());
    const { uid } = stage.cluster();
    await stage.client.delete(CONFIG_MAPS, stage.namespace, "sluice-job");
    expect((await refusal(stopJob("job", PLAIN, stage.command()))).message).toMatch(/does not say what with/);
    const from = { kind: "savepoint", path: "hdfs://nowhere/old" } as const;
    for (const work of [wishes, { ...wishes, from }]) {
      expect((await refusal(startJob("job", work, stage.command()))).message).toMatch(
        /does not say what with/,
      );
    }
    expect(await stage.record()).toBeUndefined();
    expect((await refusal(jobState("nobody", stage.command()))).kind).toBe("not-found");
    expect(stage.cluster().uid).toBe(uid);
  });
});

describe("stop", () => {
  test("of a job that is not there is done", async () => {
    const stage = await Stage.open();
    expect(await stopJob("job", PLAIN, stage.command())).toMatchObject({ kind: "nothing-there" });
    expect(await stage.record()).toBeUndefined();
  });

  test("that is not complete in time deletes nothing; the next start uses the savepoint that came after it", async () => {
    const stage = await Stage.open();
    const wishes = { spec: stage.spec(), from: undefined, update: false };
    await startJob("job", wishes, stage.command());
    const before = await stage.record();
    const { cluster, uid } = stage.cluster();
    cluster.snapshots = { takes: "until-told" };
    const late = await refusal(stopJob("job", PLAIN, stage.command(3000)));
    expect(late.kind).toBe("timed-out");
    expect(stage.cluster().uid).toBe(uid);
    expect((await stage.record())?.["savepoint-path"]).toBe(before?.["savepoint-path"]);
    cluster.endSnapshots();
    await startJob("job", wishes, stage.command());
    expect(stage.starts.map(({ from }) => from)).toEqual([
      undefined,
      expect.stringMatching(/^hdfs:\/\/nowhere\/savepoints\/savepoint-/),
    ]);
  });

  test("whose savepoint fails leaves the job running", async () => {
    const stage = await Stage.open();
    await startJob("job", { spec: stage.spec(), from: undefined, update: false }, stage.command());
    const { cluster, uid } = stage.cluster();
    cluster.snapshots = { outcome: "fail" };
    const failed = await refusal(stopJob("job", PLAIN, stage.command()));
    expect(failed).toMatchObject({ kind: "act", message: expect.stringMatching(/goes on running/) });
    expect(stage.cluster().uid).toBe(uid);
    expect(await jobState("job", stage.command())).toMatchObject({ jobState: "RUNNING" });
  });
});
