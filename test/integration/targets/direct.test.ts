/** Jobs without an operator, in a namespace of a real API server, with a Flink that answers by script. */
import { describe, expect, test } from "vitest";
import { startJob } from "../../../src/targets/start.ts";
import { jobState } from "../../../src/targets/status.ts";
import { stopJob } from "../../../src/targets/stop.ts";
import { Refusal } from "../../../src/targets/target.ts";
import { withImage, withParallelism } from "../../../testbed/gen/flink-deployment.ts";
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
