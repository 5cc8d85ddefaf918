/** Jobs without an operator on a real Kubernetes with a real Flink: every flow, no record lost, none double. */
import { beforeAll, describe, expect, it } from "vitest";
import { DirectJob } from "../../testbed/direct-job.ts";
import { attachCluster, BUCKET, type Cluster, until } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";

let cluster: Cluster;
beforeAll(() => {
  if (!nodeMissing()) cluster = attachCluster();
});

const SAVEPOINT = /^s3:\/\/.*\/savepoint-/;

describe.skipIf(nodeMissing())("a job without an operator", () => {
  let direct: DirectJob;

  it("is started from scratch, and starting it again changes nothing", async () => {
    direct = await DirectJob.create(cluster);
    expect(await direct.run("start", "-f", direct.file)).toBe("counting started from scratch");
    await direct.job.provesNoLoss();
    expect(await direct.run("start", "-f", direct.file)).toBe("counting runs already");
    expect(await direct.run("status", "counting")).toMatch(/counting +STABLE +RUNNING +true/);
    const other = await direct.try("start", "-f", direct.file, "--parallelism", "2");
    expect(other).toMatchObject({ code: 1, stderr: expect.stringMatching(/job\.parallelism : 1 -> 2/) });
  });

  it("is planned as it is and with a change, and its logs are there", async () => {
    expect(await direct.try("plan", "-f", direct.file)).toMatchObject({ code: 0 });
    expect(await direct.try("plan", "-f", direct.file, "--parallelism", "2")).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/counting restarts, from the savepoint that is taken when it stops/),
    });
    expect(await direct.run("logs", "counting", "--jobmanager")).toMatch(/^counting-\S+ \| .*INFO/m);
  });

  it("is updated, and an update that is killed is finished by the next one", async () => {
    // In test-full it is killed at other points, too.
    const update = ["update", "-f", direct.file, "--parallelism", "2"];
    expect(await direct.kill(/taking the old cluster down|JobManager/, ...update)).toBe(true);
    await direct.run(...update);
    await direct.job.provesNoLoss();
  });

  it("is stopped with a savepoint, and nothing is left but the record", async () => {
    const said = await direct.run("stop", "counting");
    const record = await direct.record();
    expect(record["savepoint-path"]).toMatch(SAVEPOINT);
    expect(said).toBe(`counting stopped with savepoint ${record["savepoint-path"]}`);
    expect(record).toMatchObject({ image: "sluice.test/flink:2.3", "flink-version": "v2_3" });
    expect(Number(record["savepoint-size"])).toBeGreaterThan(0);
    expect(await direct.objects()).toEqual([]);
    expect(await direct.run("stop", "counting")).toBe(said);
  });

  it("is started from there", async () => {
    const { "savepoint-path": path } = await direct.record();
    expect(await direct.run("start", "-f", direct.file)).toBe(`counting started from ${path}`);
    await direct.job.provesNoLoss();
  });

  it("is not stopped in time: nothing is deleted, and the savepoint that Flink completes later is used", async () => {
    const before = (await direct.record())["savepoint-path"];
    const late = await direct.try("stop", "counting", "--timeout", "1ms");
    expect(late.code, late.stderr).toBe(3);
    expect((await direct.record())["savepoint-path"]).toBe(before);
    expect(await direct.objects()).toContain("deployment.apps/counting");
    const started = await direct.run("start", "-f", direct.file);
    expect(started).toMatch(/^counting (?:started|updated) from s3:/);
    expect(started).not.toContain(String(before));
    await direct.job.provesNoLoss();
  });

  it("goes on when the bucket for the savepoint is not there, and nothing is deleted", async () => {
    const before = await direct.objects();
    const stop = ["stop", "counting", "--savepoint-dir", "s3://not-there/savepoints", "--timeout", "5min"];
    const failed = await direct.try(...stop);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringMatching(/goes on running/) });
    expect((await direct.objects()).filter((name) => before.includes(name))).toEqual(before);
    await direct.job.provesNoLoss();
  });

  it("has savepoints taken, and runs on", async () => {
    expect(await direct.run("savepoint", "counting")).toMatch(SAVEPOINT);
    await direct.job.provesNoLoss();
  });

  it("gives a second job its state, and is not touched", async () => {
    const output = `s3://${BUCKET}/${direct.job.namespace}/fork`;
    const same = await direct.try("fork", "counting", "counting", "-f", direct.file);
    expect(same.code).toBe(1);
    const args = ["--output", output, "--rate", "200"].map((text) => `--arg=${text}`);
    const said = await direct.run("fork", "counting", "second", "-f", direct.file, ...args);
    expect(said).toMatch(/^second started from s3:.*\/savepoint-/);
    await until("the second job's output", 240, async () => (await direct.output("fork")).records > 0);
    const fork = await direct.output("fork");
    // It goes on where the state was taken: each key lacks its beginning, and no more.
    expect(fork).toMatchObject({ duplicates: [], countBreaks: [], damaged: [] });
    expect(fork.missing.every(({ from }) => from === 0)).toBe(true);
    await direct.job.provesNoLoss();
  });

  it("and the second are stopped side by side", async () => {
    await Promise.all([direct.run("stop", "counting"), direct.run("stop", "second")]);
    expect(await direct.objects()).toEqual([]);
    await direct.remove();
  });
});
