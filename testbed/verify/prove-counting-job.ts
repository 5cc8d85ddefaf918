/**
 * Runs the counting job on a local cluster of processes and does to it what the tests of an operator do: SIGKILL of the
 * TaskManager, a stop with a savepoint, restores with more and with less parallelism, a start without state, and a
 * restore of a state that is too old, which the checker has to notice. Exits with 1 at the first thing that is not so.
 *
 *     node testbed/verify/prove-counting-job.ts 1.20|2.2|2.3 [OUTPUT-URI FOLDER-OF-IT [FLINK-OPTION=VALUE…]]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { flinkHome, startFlink, type LocalFlink, type Version } from "../flink-rest/local-flink.ts";
import { run } from "../lib/exec.ts";
import { repository } from "../lib/paths.ts";
import { signal, start } from "../lib/processes.ts";
import { step } from "../lib/progress.ts";
import { waitFor } from "../lib/wait.ts";
import { problems, verifyCounting, type CountingResult } from "./counting.ts";

const minute = 60_000;
const [version = "2.3", uri, folderOfUri, ...options] = process.argv.slice(2);
const scratch = await mkdtemp(path.join(tmpdir(), "prove-counting-"));
const home = await flinkHome(version as Version);
const jar = (
  await run(path.join(repository, "testbed/images/counting-job.sh"), [], { deadline: 10 * minute })
).trim();
const output = {
  uri: uri ?? `file://${scratch}/output`,
  folder: folderOfUri ?? path.join(scratch, "output"),
};
const environment = {
  FLINK_CONF_DIR: path.join(scratch, "conf"),
  FLINK_LOG_DIR: path.join(scratch, "flink-log"),
  FLINK_PID_DIR: scratch,
};

function flinkCommand(...args: readonly string[]): Promise<string> {
  return run(path.join(home, "bin/flink"), args, { env: environment, deadline: 2 * minute });
}

/** Starts the job and answers its id. */
async function startJob(
  parallelism: number,
  savepoint: string | undefined,
  ...args: readonly string[]
): Promise<string> {
  const from = savepoint === undefined ? [] : ["-s", savepoint];
  const job = ["--output", output.uri, "--rate", "400", "--keys", "6", ...args];
  const text = await flinkCommand("run", "-d", "-p", String(parallelism), ...from, jar, ...job);
  const id = /JobID ([0-9a-f]{32})/.exec(text)?.[1];
  if (id === undefined) throw new Error(`no job id in:\n${text}`);
  return id;
}

/** Stops the job with a savepoint and answers the savepoint's path. */
async function stopJob(id: string): Promise<string> {
  const savepoint = /Path: (\S+)/.exec(await flinkCommand("stop", id))?.[1];
  if (savepoint === undefined) throw new Error("no savepoint");
  return savepoint;
}

function highest({ splits }: CountingResult): number {
  return Math.max(-1, ...splits.map(({ maxSequence }) => maxSequence));
}

function completeSplits({ splits }: CountingResult, count: number): number {
  return splits.filter(({ maxSequence }) => maxSequence === count - 1).length;
}

/** Waits until the job has committed records above the highest ones that there are now. */
async function progress(): Promise<void> {
  const before = await verifyCounting(output.folder);
  await waitFor(
    "new records in the output",
    async () => highest(await verifyCounting(output.folder)) > highest(before) + 20,
    { deadline: minute, interval: 300 },
  );
}

async function expectOutput(what: string, holds: (result: CountingResult) => boolean): Promise<void> {
  const result = await verifyCounting(output.folder);
  const found = problems(result);
  const summary = `${result.records} records, ${result.freshStarts} starts without state, ${found.length} problems`;
  if (!holds(result)) throw new Error(`not so: ${what}: ${summary}\n${found.slice(0, 10).join("\n")}`);
  console.log(`ok  ${what}: ${summary}`);
}

const exact = (starts: number) => (result: CountingResult) =>
  problems(result).length === 0 && result.freshStarts === starts;

async function killTaskManager(): Promise<void> {
  signal(scratch, "taskmanager", "SIGKILL");
  start({
    name: "taskmanager",
    command: path.join(home, "bin/taskmanager.sh"),
    args: ["start-foreground"],
    env: environment,
    dir: scratch,
    lifetime: "parent",
  });
}

async function refuses(what: string, words: string, work: () => Promise<unknown>): Promise<void> {
  const message = await work().then(
    () => "nothing was thrown",
    (error: unknown) => String(error),
  );
  if (!message.includes(words)) throw new Error(`not so: ${what}: ${message}`);
  console.log(`ok  ${what}`);
}

async function prove(): Promise<void> {
  let job = await step("start", () => startJob(2, undefined, "--state-bytes", "1000"));
  await progress();
  await expectOutput("a first start loses nothing", exact(1));

  for (let round = 1; round <= 3; round++) {
    await step("SIGKILL of the TaskManager", async () => {
      await killTaskManager();
      await progress();
    });
    await expectOutput("a lost TaskManager loses nothing", exact(1));
  }

  const old = await step("stop with a savepoint", () => stopJob(job));
  job = await step("restore with more parallelism than keys", () => startJob(8, old));
  await progress();
  const newer = await step("stop with a savepoint", () => stopJob(job));
  job = await step("restore with less", () => startJob(1, newer));
  await progress();
  await expectOutput("changes of the parallelism lose nothing", exact(1));
  const last = await step("stop with a savepoint", () => stopJob(job));

  await refuses("a state with another operator's identity is refused", "allowNonRestoredState", () =>
    startJob(1, last, "--uid-suffix", "-2"),
  );

  job = await step("start without state", () =>
    startJob(2, undefined, "--fail-after", "50", "--fail-mode", "once"),
  );
  await waitFor("the second start", async () => (await verifyCounting(output.folder)).freshStarts === 2, {
    deadline: minute,
  });
  await step("stop", () => stopJob(job));
  await expectOutput("a start without state is seen as one, and as nothing else", exact(2));

  job = await step("a task that throws once", () =>
    startJob(2, last, "--fail-after", "50", "--fail-mode", "once"),
  );
  await progress();
  await step("stop", () => stopJob(job));
  await expectOutput("a restored job does not throw", exact(2));

  await step("a job with an end", () => startJob(4, undefined, "--count", "300"));
  await waitFor(
    "all its records",
    async () => completeSplits(await verifyCounting(output.folder), 300) === 6,
    {
      deadline: minute,
    },
  );
  await expectOutput("a job with an end writes all its records", exact(3));

  job = await step("restore of a state that is too old", () => startJob(2, old));
  await waitFor("double records", async () => (await verifyCounting(output.folder)).duplicates.length > 0, {
    deadline: minute,
    interval: 300,
  });
  await step("stop", () => stopJob(job));
  await expectOutput(
    "a restore of a state that is too old is noticed",
    ({ duplicates, missing, freshStarts }) =>
      duplicates.length > 0 && missing.length === 0 && freshStarts === 3,
  );
}

let flink: LocalFlink | undefined;
try {
  flink = await step(`Flink ${version}`, () =>
    startFlink({
      home,
      folder: scratch,
      configuration: {
        "execution.checkpointing.interval": "1 s",
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": "1000",
        "restart-strategy.fixed-delay.delay": "200 ms",
        "heartbeat.interval": "1 s",
        "heartbeat.timeout": "4 s",
        ...Object.fromEntries(
          options.map((option) => option.split(/=(.*)/s).slice(0, 2) as [string, string]),
        ),
      },
    }),
  );
  await refuses("main() throws with --fail", "because of --fail", () => startJob(1, undefined, "--fail"));
  await refuses("an unknown argument is refused", "unknown argument --speed", () =>
    startJob(1, undefined, "--speed", "1"),
  );
  await prove();
  await flink.stop();
  await rm(scratch, { recursive: true, force: true });
} catch (error) {
  await flink?.stop();
  console.error(`logs: ${scratch}`);
  throw error;
}
