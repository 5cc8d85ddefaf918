/** A real job as processes of this machine: started, changed, broken in every part, stopped, and started again. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LocalJob } from "../../testbed/local-job.ts";
import { repository } from "../../testbed/lib/paths.ts";
import { waitFor } from "../../testbed/lib/wait.ts";

let job: LocalJob;

beforeAll(async () => {
  job = await LocalJob.create({ flink: "2.3" });
});

let failed = false;
afterEach(({ task }) => {
  failed ||= task.result?.state === "fail";
});
afterAll(() => job.remove(failed));

test("starts, and says what is otherwise than in a cluster", async () => {
  const { code, stdout, stderr } = await job.trySluice("start");
  expect(stderr).toContain("state.checkpoints.dir: file://");
  expect(stderr).toContain("no high availability");
  expect({ code, stdout }).toEqual({ code: 0, stdout: "counting started from scratch\n" });
  expect(
    job
      .processes()
      .map(({ role }) => role)
      .toSorted(),
  ).toEqual(["jobmanager", "supervisor", "taskmanager"]);
  await job.provesNoLoss();
  expect(await job.sluice("start")).toBe("counting runs already\n");
});

test("is planned as it is and with a change, and its logs are one", async () => {
  const file = join(repository, "examples/counting-job.yaml");
  expect(await job.trySluice("plan", "-f", file)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/counting is unchanged/),
  });
  expect(await job.trySluice("plan", "-f", file, "--parallelism", "2")).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/counting restarts, from the savepoint that is taken when it stops/),
  });
  const logs = await job.sluice("logs", "counting");
  expect(logs).toMatch(/^jobmanager \| .*INFO/m);
  expect(logs).toMatch(/^taskmanager \| .*INFO/m);
  expect(await job.sluice("logs", "counting", "--jobmanager", "--tail", "3")).toMatch(
    /^(jobmanager \| .*\n){3}$/,
  );
  expect(await job.trySluice("logs", "nobody")).toMatchObject({ code: 4 });
});

test("a killed TaskManager comes back", async () => {
  const before = job.leaders("taskmanager");
  job.kill("taskmanager");
  await job.runsAfter(before);
  await job.provesNoLoss();
});

test("a killed JobManager's job goes on from its newest checkpoint", async () => {
  const before = job.leaders("jobmanager");
  job.kill("jobmanager");
  await job.runsAfter(before);
  await job.provesNoLoss();
});

test("a killed supervisor is noticed by the next command", async () => {
  const before = job.leaders("supervisor");
  job.kill("supervisor");
  expect(await job.status()).toMatchObject({ ready: true, jobState: "RUNNING" });
  await waitFor(
    "another supervisor",
    () => job.processes("supervisor").some(({ pid }) => pid !== before[0]?.pid),
    {
      deadline: 30_000,
    },
  );
  const killed = job.leaders("taskmanager");
  job.kill("taskmanager");
  await job.runsAfter(killed);
  await job.provesNoLoss();
});

test("update changes the parallelism from a savepoint", async () => {
  const said = await job.sluice("update", "--parallelism", "2");
  expect(said).toMatch(/^counting updated from file:\S+\/savepoint-\S+\n$/);
  expect(await job.status()).toMatchObject({ ready: true, parallelism: 2 });
  await job.provesNoLoss();
});

test("stop leaves a savepoint and nothing that runs", async () => {
  const said = await job.sluice("stop");
  expect(said).toMatch(/^counting stopped with savepoint file:\S+\n$/);
  const uri = said.trim().replace(/^.* /, "");
  expect(existsSync(join(fileURLToPath(uri), "_metadata"))).toBe(true);
  expect(job.processes()).toEqual([]);
  const { data } = JSON.parse(readFileSync(join(job.jobFolder, "record.json"), "utf8")) as {
    data: Record<string, string>;
  };
  expect(data["savepoint-path"]).toBe(uri);
  expect(await job.status()).toMatchObject({ lifecycleState: "SUSPENDED" });
  await job.lostNothing();
});

test("the next start goes on from there", async () => {
  const said = await job.sluice("start", "--parallelism", "2");
  expect(said).toContain("counting started from file:");
  await job.provesNoLoss();
});

test("everything killed at once: the next command brings the job back", async () => {
  const before = job.leaders();
  for (const role of ["supervisor", "jobmanager", "taskmanager"] as const) job.kill(role);
  await job.status();
  await job.runsAfter(before);
  await job.provesNoLoss();
  await job.sluice("stop");
  expect(job.processes()).toEqual([]);
  await job.lostNothing();
});
