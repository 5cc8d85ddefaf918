/** Jobs without an operator: another Flink version, and the example's Job with its rights. */
import { beforeAll, describe, expect, it } from "vitest";
import { DirectJob } from "../../testbed/direct-job.ts";
import { attachCluster, BUCKET, type Cluster, until } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";
import { Pipeline } from "./orchestration-job.ts";

let cluster: Cluster;
beforeAll(() => {
  if (!nodeMissing()) cluster = attachCluster();
});

describe.skipIf(nodeMissing())("a job without an operator", () => {
  it("goes from Flink 2.2 to 2.3, and updates that are killed are finished by the next ones", async () => {
    const direct = await DirectJob.create(cluster, { flink: "2.2" });
    await direct.run("start", "-f", direct.file);
    await direct.job.provesNoLoss();
    const version = ["--image", "sluice.test/flink:2.3", "--flink-version", "v2_3"];
    expect(await direct.run("update", "-f", direct.file, ...version)).toMatch(/^counting updated from s3:/);
    await direct.job.provesNoLoss();
    expect(JSON.parse(await direct.run("status", "counting", "-o", "json"))).toMatchObject({
      flinkVersion: "v2_3",
      ready: true,
    });
    for (const [index, line] of [/stopping the job with a savepoint/, /starting the cluster/].entries()) {
      const update = ["update", "-f", direct.file, ...version, "--parallelism", String(2 - index)];
      expect(await direct.kill(line, ...update)).toBe(true);
      await direct.run(...update);
      await direct.job.provesNoLoss();
    }
    await direct.run("stop", "counting");
    expect(await direct.objects()).toEqual([]);
    await direct.remove();
  });
});

describe.skipIf(nodeMissing())(
  "a job changed by a pipeline, with the rights of the example's Role alone",
  () => {
    it("is started by the first update, changed, stopped, started and forked", async () => {
      const direct = await DirectJob.create(cluster);
      const pipeline = new Pipeline(direct);
      await pipeline.install();
      expect(await pipeline.run(["update"])).toMatch(/counting started from scratch/);
      await direct.job.provesNoLoss();
      expect(await pipeline.run(["update"], { SLUICE_PARALLELISM: "2" })).toMatch(
        /counting updated from s3:/,
      );
      await direct.job.provesNoLoss();
      expect(await pipeline.run(["stop"])).toMatch(/counting stopped with savepoint s3:/);
      expect(
        (await direct.objects()).filter(
          (name) =>
            !/^(?:pod\/counting-update-|configmap\/counting-(?:job|flink-config|log-config)$)/.test(name),
        ),
      ).toEqual([]);
      await pipeline.run(["start"]);
      await direct.job.provesNoLoss();
      const output = `s3://${BUCKET}/${direct.job.namespace}/fork`;
      const forked = await pipeline.run(["fork", "counting", "second"], {
        SLUICE_ARGS: `--output\n${output}`,
      });
      expect(forked).toMatch(/second started from s3:/);
      await until("the second job's output", 240, async () => (await direct.output("fork")).records > 0);
      await direct.job.provesNoLoss();
      await pipeline.run(["stop"]);
      await pipeline.run(["stop", "second"]);
      await direct.remove();
    });
  },
);
