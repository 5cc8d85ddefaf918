/** Commands that are cut off in the middle, by Ctrl-C and by SIGKILL. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { LocalJob } from "../../testbed/local-job.ts";
import { waitFor } from "../../testbed/lib/wait.ts";

let job: LocalJob;

beforeAll(async () => {
  job = await LocalJob.create({ flink: "2.3", name: "interrupted" });
});

let failed = false;
afterEach(({ task }) => {
  failed ||= task.result?.state === "fail";
});
afterAll(() => job.remove(failed));

test("Ctrl-C in the foreground stops with a savepoint", async () => {
  const attached = job.begin("start", "--attach");
  await attached.says("in the foreground");
  await job.provesNoLoss();
  attached.signal("SIGINT");
  const { code, text } = await attached.ended;
  expect(text).toMatch(/interrupted stopped with savepoint file:/);
  expect(code).toBe(0);
  expect(job.processes()).toEqual([]);
  await job.lostNothing();
});

test("a second Ctrl-C stops at once, and the newest checkpoint is where it goes on", async () => {
  const attached = job.begin("start", "--attach");
  await attached.says("in the foreground");
  await job.provesNoLoss();
  attached.signal("SIGINT");
  await attached.says("Ctrl-C again stops at once");
  attached.signal("SIGINT");
  const { code, text } = await attached.ended;
  expect(text).toMatch(/interrupted stopped/);
  expect(code).toBe(0);
  expect(job.processes()).toEqual([]);
  const said = await job.sluice("start");
  expect(said).toMatch(/interrupted started from file:/);
  await job.provesNoLoss();
});

test("an update whose command is killed is finished all the same", async () => {
  const update = job.begin("update", "--parallelism", "2");
  await update.says("stopping the job with a savepoint");
  update.signal("SIGKILL");
  await update.ended;
  await waitFor(
    "the update",
    async () => {
      const { ready, parallelism } = await job.status();
      return ready && parallelism === 2;
    },
    { deadline: 180_000, interval: 500 },
  );
  await job.provesNoLoss();
});

test("an update of which nothing is left alive is finished by the next command", async () => {
  const update = job.begin("update", "--parallelism", "1");
  await update.says("starting the cluster");
  update.signal("SIGKILL");
  for (const { pid } of job.processes()) process.kill(pid, "SIGKILL");
  await update.ended;
  await job.sluice("update", "--parallelism", "1");
  expect(await job.status()).toMatchObject({ ready: true, parallelism: 1 });
  await job.provesNoLoss();
});

test("two commands at once: one says who is at it", async () => {
  const first = job.begin("update", "--parallelism", "2");
  await first.says("stopping the job with a savepoint");
  const second = await job.trySluice("stop");
  expect(second.code).toBe(5);
  expect(second.stderr).toMatch(/another command works on interrupted: sluice update, process \d+/);
  expect((await first.ended).code).toBe(0);
  // A job that Flink calls RUNNING may still be starting its tasks, and then refuses a savepoint.
  await job.provesNoLoss();
  await job.sluice("stop");
  expect(job.processes()).toEqual([]);
  await job.lostNothing();
});
