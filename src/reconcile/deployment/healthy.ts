/** When a job has shown that its spec works: what a rollback goes back to, and what it goes away from. */
import { getBoolean, getDuration, getOption, hasOption } from "../../flink/configuration.ts";
import { CHECKPOINTING_INTERVAL, HEALTHY_CHECKPOINT, HEALTHY_WINDOW, ROLLBACK } from "../../flink/options.ts";
import type { JobOverview } from "../../flink/rest-answers.ts";
import { effectiveConfiguration, observeConfiguration, type JobPass } from "../pass.ts";

export type Strictness = "off" | "never-ran" | "unhealthy";

/** A rollback may be asked for, forbidden, or neither; then only a change that never ran is undone. */
export function strictness(pass: JobPass): Strictness {
  const config = effectiveConfiguration(pass, pass.spec);
  if (!hasOption(config, ROLLBACK)) return "never-ran";
  return getBoolean(config, ROLLBACK) ? "unhealthy" : "off";
}

/**
 * Whether a RUNNING job has shown that its spec works. Without rollback RUNNING is enough, as it is for the Apache
 * operator. With it: no change of state for a while (a restart is one), and a completed checkpoint.
 */
export function isHealthy(pass: JobPass, job: JobOverview): boolean {
  if (strictness(pass) !== "unhealthy") return true;
  const config = observeConfiguration(pass);
  if (pass.now - job.lastModification < (getDuration(config, HEALTHY_WINDOW) ?? 0)) return false;
  if (!getBoolean(config, HEALTHY_CHECKPOINT) || getOption(config, CHECKPOINTING_INTERVAL) === undefined)
    return true;
  const { checkpoints } = pass.flink;
  return checkpoints?.ok === true && checkpoints.value.counts.completed > 0;
}

/** What speaks against a job that had its time to become healthy; a checkpoint that is merely not due yet does not. */
export function unhealthy(pass: JobPass): string | undefined {
  const { jobs, checkpoints } = pass.flink;
  if (jobs?.ok !== true) return undefined;
  const job = jobs.value.find(({ jobId }) => jobId === pass.status.jobStatus.jobId);
  if (job === undefined) return undefined;
  if (job.state !== "RUNNING") return `the job is ${job.state}`;
  const window = getDuration(observeConfiguration(pass), HEALTHY_WINDOW) ?? 0;
  if (pass.now - job.lastModification < window) return "the job keeps restarting";
  const failing = checkpoints?.ok === true && checkpoints.value.latest.failed;
  if (!failing || checkpoints.value.counts.completed > 0) return undefined;
  return `no checkpoint completes: ${failing.failureMessage ?? "Flink gives no cause"}`;
}
