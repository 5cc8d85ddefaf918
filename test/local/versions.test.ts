/** The other update cases on this machine: another Flink version, another jar, a second job from the first one's state. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { waitFor } from "../../testbed/lib/wait.ts";
import { verifyCounting } from "../../testbed/verify/counting.ts";
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
});

test("a savepoint is taken, and the job runs on", async () => {
  const path = (await job.sluice("savepoint")).trim();
  expect(existsSync(join(fileURLToPath(path), "_metadata"))).toBe(true);
  await job.provesNoLoss();
});

test("a second job goes on from the first one's state beside it", async () => {
  const second = await LocalJob.create({ flink: "2.3", name: "second", beside: job });
  expect(await second.sluice("fork", "versions", "second")).toMatch(/^second started from file:/);
  const fork = await waitFor(
    "the second job's output",
    async () => {
      const result = await verifyCounting(second.output);
      return result.records > 0 && result;
    },
    { deadline: 240_000 },
  );
  // It goes on where the state was taken: each key lacks its beginning, and no more.
  expect(fork).toMatchObject({ duplicates: [], countBreaks: [], damaged: [] });
  expect(fork.missing.every(({ from }) => from === 0)).toBe(true);
  await job.provesNoLoss();
  const listed = await job.sluice("list");
  expect(listed).toMatch(/^second .* RUNNING/m);
  expect(listed).toMatch(/^versions .* RUNNING/m);
  await Promise.all([job.sluice("stop"), second.sluice("stop")]);
  expect([...job.processes(), ...second.processes()]).toEqual([]);
  await job.lostNothing();
});
