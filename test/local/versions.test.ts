/** The other update cases on this machine: another Flink version, another jar, a second job from the first one's state. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { LocalJob, localFlinkHome } from "../../testbed/local-job.ts";

let job: LocalJob;

beforeAll(async () => {
  job = await LocalJob.create({ flink: "2.2", name: "versions" });
});

let failed = false;
afterEach(({ task }) => {
  failed ||= task.result?.state === "fail";
});
afterAll(() => job.remove(failed));

test("Flink 2.2 becomes 2.3 with the job's state", async () => {
  await job.sluice("start");
  await job.provesNoLoss();
  const home = await localFlinkHome("2.3");
  const said = await job.sluice("update", "--flink-version", "v2_3", "--flink-home", home);
  expect(said).toMatch(/^versions updated from file:/);
  expect(await job.status()).toMatchObject({ ready: true, flinkVersion: "v2_3" });
  await job.provesNoLoss();
  await job.sluice("stop");
  expect(job.processes()).toEqual([]);
  await job.lostNothing();
});
