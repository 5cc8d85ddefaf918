/** `make demo`: a real Flink job on this machine, changed, broken and healed, with every record counted. No root. */
import type { MarkedProcess } from "../src/targets/local/processes.ts";
import { LocalJob } from "./local-job.ts";
import { step } from "./lib/progress.ts";

const started = Date.now();

function say(what: string, text: string): void {
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(`${String(seconds).padStart(4)} s  ${what.padEnd(8)}${text}`);
}

/** A command as a user would type it, and what it prints. */
async function command(job: LocalJob, what: string, text: string, args: readonly string[]): Promise<void> {
  say(what, text);
  say("", `$ sluice ${args.join(" ")} --target local`);
  for (const line of (await job.sluice(...args)).trim().split("\n"))
    say("", line.replaceAll(job.folder, "…"));
}

async function proof(job: LocalJob): Promise<void> {
  const { records, splits } = await job.provesNoLoss();
  say("count", `${records} records of ${splits.length} keys in the output: none missing, none double`);
}

async function broken(job: LocalJob, text: string, role: "taskmanager" | "jobmanager"): Promise<void> {
  const killed: readonly MarkedProcess[] = job.leaders(role);
  say("break", `kill -9 ${killed.map(({ pid }) => pid).join(" ")}: ${text}`);
  job.kill(role);
  await job.runsAfter(killed);
  say(
    "heal",
    `process ${job
      .leaders(role)
      .map(({ pid }) => pid)
      .join(" ")} took its place; the job is RUNNING again`,
  );
}

async function story(job: LocalJob): Promise<void> {
  const file = "examples/counting-job.yaml";
  await command(job, "start", "the job file of the cluster, as processes of this machine", [
    "start",
    "-f",
    file,
  ]);
  await proof(job);
  const change = ["update", "-f", file, "--parallelism", "2"];
  await command(job, "change", "twice as parallel: stopped with a savepoint, started from it", change);
  await proof(job);
  await broken(job, "a TaskManager", "taskmanager");
  await proof(job);
  await broken(job, "the JobManager, and with it everything that knew of the job", "jobmanager");
  await proof(job);
  await command(job, "look", "what is there now", ["status"]);
  await command(job, "stop", "with a savepoint, from which the next start goes on", ["stop"]);
  const { records } = await job.lostNothing();
  say("count", `${records} records in the end: none missing, none double, and the job never began anew`);
  const left = job.processes();
  if (left.length > 0) throw new Error(`still running: ${left.map(({ pid }) => pid).join(", ")}`);
  say("", "no process is left");
}

const job = await step("the counting job and Flink 2.3", () => LocalJob.create({ flink: "2.3" }));
try {
  await story(job);
  say("done", `make demo-kubernetes shows the same on a real Kubernetes`);
} finally {
  job.remove();
}
