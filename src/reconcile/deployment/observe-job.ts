/** `status.jobStatus` from Flink's answers (2.8). A terminal state is recorded together with where its state is. */
import type { FlinkJobState } from "../../api/flink-deployment.ts";
import { getDuration, getOption } from "../../flink/configuration.ts";
import {
  CHECKPOINT_STATISTICS_CACHE,
  CHECKPOINTING_INTERVAL,
  CHECKPOINTS_DIR,
  EXTERNALIZED_RETENTION,
  WEB_REFRESH_INTERVAL,
} from "../../flink/options.ts";
import type {
  CheckpointReference,
  CheckpointStatistics,
  JobExceptions,
  JobOverview,
} from "../../flink/rest-answers.ts";
import {
  complain,
  emit,
  isUnderWay,
  type JobPass,
  observeConfiguration,
  type Pass,
  recordedSpec,
  requeue,
  stall,
  waitFor,
} from "../pass.ts";
import { sameRecord } from "../last-reconciled-spec.ts";
import { JOB_NOT_FOUND } from "../session-cluster.ts";
import { errorMessage, isError, statusError } from "../status-error.ts";
import { isTerminal, LAST_STATE_MARKER } from "../upgrade-mode.ts";
import { isHealthy } from "./healthy.ts";

/** Flink's own text where a checkpoint lives in the JobManager's memory only. */
const NOT_ADDRESSABLE = "<checkpoint-not-externally-addressable>";

/** The newest of what a job could be restored from; ids rise over checkpoints and savepoints alike. */
export function newestReference(statistics: CheckpointStatistics): CheckpointReference | undefined {
  const { completed, savepoint, restored } = statistics.latest;
  const candidates = [restored, completed, savepoint].filter((one) => one?.externalPath !== undefined);
  return candidates.reduce<(typeof candidates)[number]>((newest, one) => {
    return newest === undefined || (one !== undefined && one.id >= newest.id) ? one : newest;
  }, undefined);
}

/** Where a terminal job's state is, if that is known, and what is wrong with it. */
interface TerminalPath {
  readonly known: boolean;
  readonly path?: string | undefined;
  readonly problem?: string;
}

/**
 * What the statistics of a job that ended say. Flink removes every checkpoint of a job that FINISHED, sooner or later
 * and wherever it is: all is done, and a new start begins at the beginning; only a savepoint stays. Of one that did not
 * finish, what is older than a checkpoint that is lost must not be taken for its state.
 */
function pathIn(statistics: CheckpointStatistics, state: FlinkJobState): TerminalPath | undefined {
  const newest = newestReference(statistics);
  const path = newest?.externalPath;
  if (newest === undefined) return undefined;
  const inMemory = path === NOT_ADDRESSABLE;
  if (
    !inMemory &&
    newest.discarded !== true &&
    (state !== "FINISHED" || newest !== statistics.latest.completed)
  )
    return { known: true, path };
  if (state === "FINISHED") return { known: true };
  const problem = inMemory
    ? `the job's last checkpoint was in the JobManager's memory only: set ${CHECKPOINTS_DIR.key}`
    : `Flink discarded the job's last checkpoint: see ${EXTERNALIZED_RETENTION.key}`;
  return { known: true, path: LAST_STATE_MARKER, problem };
}

/** Milliseconds beyond the cache's time that the clocks of JobManager and Sluice may differ. */
const CLOCK_SLACK_MS = 2000;

/**
 * Flink answers checkpoint statistics out of a cache, also for a job that ended meanwhile, and may then name a
 * checkpoint that is not the last. Sluice's own clusters have that cache off; one that was taken over may not.
 */
function mayBeStale(pass: JobPass, { endTime, lastModification }: JobOverview): boolean {
  const config = observeConfiguration(pass);
  const cached =
    getDuration(config, CHECKPOINT_STATISTICS_CACHE) ?? getDuration(config, WEB_REFRESH_INTERVAL) ?? 0;
  return cached > 0 && pass.now - (endTime ?? lastModification) < cached + CLOCK_SLACK_MS;
}

/**
 * Where a terminal job's state is. `known: false` while Flink has not said; then the terminal state is not recorded
 * either, so that a crash in between asks again instead of taking silence for "no state".
 */
function terminalPath(pass: JobPass, job: JobOverview): TerminalPath {
  const { checkpoints } = pass.flink;
  if (mayBeStale(pass, job)) return { known: false };
  if (checkpoints === undefined) return { known: false };
  if (checkpoints.ok) return pathIn(checkpoints.value, job.state) ?? { known: true, path: startedFrom(pass) };
  if (checkpoints.failure.kind !== "http" || checkpoints.failure.status !== 404) return { known: false };
  return { known: true, path: pathWithoutStatistics(pass, job) };
}

/**
 * Checkpointing is off, as for every batch job, or main() failed before a job existed, or a restarted JobManager only
 * remembers that the job ended, and none of its tasks. In the last case the newest checkpoint is not known, and must not
 * be guessed.
 */
function pathWithoutStatistics(pass: JobPass, { tasks }: JobOverview): string | undefined {
  const { upgradeSavepointPath: before, startTime } = pass.status.jobStatus;
  const isRemembered = (tasks?.total ?? 0) > 0;
  const configured = getOption(observeConfiguration(pass), CHECKPOINTING_INTERVAL) !== undefined;
  const mayHaveState = startTime !== undefined && (before !== undefined || configured);
  return mayHaveState && !isRemembered ? LAST_STATE_MARKER : before;
}

/**
 * Of a job without any checkpoint. Flink gives empty statistics also for one that failed while it was restored: what it
 * was to be restored from is then still its state.
 */
function startedFrom(pass: JobPass): string | undefined {
  const stateful = recordedSpec(pass)?.spec.job?.upgradeMode !== "stateless";
  return stateful ? pass.status.jobStatus.upgradeSavepointPath : undefined;
}

export function changeState(pass: JobPass, state: FlinkJobState): void {
  const { jobStatus } = pass.status;
  const before = jobStatus.state;
  if (before === state) return;
  jobStatus.state = state;
  jobStatus.updateTime = String(pass.now);
  emit(pass, {
    type: "Normal",
    reason: "JobStatusChanged",
    message:
      before === undefined
        ? `Job status changed to ${state}`
        : `Job status changed from ${before} to ${state}`,
    component: "Job",
  });
}

/** Flink's exception in one line, without the frames. */
export function headline(exceptions: JobExceptions | undefined): string | undefined {
  const text = exceptions?.history[0]?.stacktrace ?? exceptions?.rootException;
  if (text === undefined) return undefined;
  const lines = text.split("\n").map((line) => line.trim());
  return [lines[0], ...lines.filter((line) => line.startsWith("Caused by:"))].slice(0, 4).join(" -> ");
}

const NO_CAUSE = "the job failed; Flink gives no cause";

function jobFailed(pass: JobPass): void {
  const { exceptions } = pass.flink;
  const cause = (exceptions?.ok ? headline(exceptions.value) : undefined) ?? NO_CAUSE;
  complain(pass, { reason: "Error", message: cause, component: "Job" });
  pass.status.error = statusError({ className: "org.apache.flink.util.FlinkException" }, cause);
  stall(pass, "JobFailed", cause);
}

/** Its exceptions are asked for once; what they said is in the error, unless something newer is. */
export function stillFailed(pass: JobPass): void {
  stall(pass, "JobFailed", errorMessage(pass.status.error) ?? "the job failed");
}

function foundTerminal(pass: JobPass, job: JobOverview): void {
  const { state } = job;
  const { jobStatus, reconciliationStatus } = pass.status;
  if (isTerminal(jobStatus.state) && jobStatus.state === state) {
    if (state === "FAILED") stillFailed(pass);
    return;
  }
  const { known, path, problem } = terminalPath(pass, job);
  if (!known) return waitFor(pass, "ReadingCheckpoints", `the job is ${state}; reading where its state is`);
  jobStatus.startTime = String(job.startTime);
  // It went on from there: that it left nothing else to restore does not say that it did nothing since.
  if (path !== jobStatus.upgradeSavepointPath || state === "FINISHED")
    delete jobStatus.recoveryInfo?.startedFrom;
  if (path === undefined) delete jobStatus.upgradeSavepointPath;
  else jobStatus.upgradeSavepointPath = path;
  if (problem !== undefined) {
    emit(pass, { type: "Warning", reason: "CheckpointNotFound", message: problem, component: "Job" });
  }
  changeState(pass, state);
  if (state === "FAILED") jobFailed(pass);
  if (state === "FINISHED" && reconciliationStatus.state === "DEPLOYED") markStable(pass);
}

export function markStable(pass: JobPass): void {
  const { reconciliationStatus } = pass.status;
  const { lastReconciledSpec } = reconciliationStatus;
  if (lastReconciledSpec !== undefined) reconciliationStatus.lastStableSpec = lastReconciledSpec;
}

function found(pass: JobPass, job: JobOverview): void {
  const { jobStatus } = pass.status;
  const state = job.state;
  jobStatus.jobName = job.name;
  if (isTerminal(state)) return foundTerminal(pass, job);
  // From now on it is certain that there was a job, and not only a main() that failed.
  jobStatus.startTime = String(job.startTime);
  // Asked to cancel, and Flink has not begun to: the request was lost with whoever sent it. stop.ts sends it again.
  if (jobStatus.state === "CANCELLING" && isUnderWay(pass.status)) return;
  changeState(pass, state);
  const settled = !isUnderWay(pass.status);
  if (state === "RUNNING" && settled) return provesItself(pass, job);
  if (settled) {
    const cause = pass.flink.exceptions?.ok ? headline(pass.flink.exceptions.value) : undefined;
    waitFor(pass, "JobNotRunning", `the job is ${state}${cause === undefined ? "" : `: ${cause}`}`);
  }
}

/** A spec that was rolled back to has done so before. */
function provesItself(pass: JobPass, job: JobOverview): void {
  const { state, lastReconciledSpec, lastStableSpec } = pass.status.reconciliationStatus;
  if (state !== "DEPLOYED" || sameRecord(lastReconciledSpec, lastStableSpec)) return;
  if (isHealthy(pass, job)) return markStable(pass);
  waitFor(pass, "Verifying", "the job runs; it counts as stable when it has proved itself");
}

/** Flink 2.3 and newer: main() may fail before a job exists; then only its application knows. */
function applicationFailed(pass: JobPass): boolean {
  const { applications } = pass.flink;
  if (applications?.ok !== true || !applications.value.some(({ state }) => state === "FAILED")) return false;
  const { error, jobStatus } = pass.status;
  const known = jobStatus.state === "FAILED" && error !== undefined && errorMessage(error) !== NO_CAUSE;
  changeState(pass, "FAILED");
  if (known) stillFailed(pass);
  else jobFailed(pass);
  return true;
}

/** Flink knows a job that was seen no more. */
export function reportNotFound(pass: JobPass): void {
  complain(pass, { reason: "Missing", message: JOB_NOT_FOUND, component: "Job" });
  pass.status.error = JOB_NOT_FOUND;
  changeState(pass, "RECONCILING");
}

/** Of a JobManager that runs main() itself. */
export function applicationNotFound(pass: JobPass): void {
  const { status } = pass;
  if (applicationFailed(pass)) return;
  if (isTerminal(status.jobStatus.state)) return;
  if (status.jobStatus.startTime === undefined || status.jobStatus.startTime === "") {
    return waitFor(pass, "JobStarting", "main() runs; Flink has no job yet");
  }
  reportNotFound(pass);
  waitFor(pass, "JobNotFound", "the JobManager does not know the job");
}

/** Only while the JobManager is ready. `notFound`: what it means when Flink does not list the job. */
export function observeJob<P extends JobPass>(pass: P, notFound: (pass: P) => void): void {
  const { status } = pass;
  const { jobs } = pass.flink;
  if (jobs === undefined) return;
  if (!jobs.ok) {
    if (status.jobStatus.state === "RUNNING") changeState(pass, "RECONCILING");
    return waitFor(pass, "FlinkUnreachable", jobs.failure.message);
  }
  const job = jobs.value.find(({ jobId }) => jobId === status.jobStatus.jobId);
  if (job === undefined) notFound(pass);
  else found(pass, job);
  reportExceptions(pass);
  const { lastReconciledSpec, lastStableSpec } = status.reconciliationStatus;
  const healthy = status.jobStatus.state === "RUNNING" && sameRecord(lastReconciledSpec, lastStableSpec);
  // What went wrong with a change holds as long as the change is not made.
  const pending = status.observedGeneration !== pass.resource.metadata.generation;
  if (!healthy || (pending && isError(status.error, "UpgradeFailureException"))) return;
  if (recordedSpec(pass)?.spec.job?.state === "running") delete status.error;
}

const MAX_EXCEPTIONS = 10;
const MAX_STACK_LINES = 5;

function exceptionText(stacktrace: string): string {
  const lines = stacktrace.trimEnd().split("\n");
  const shown = lines.slice(0, MAX_STACK_LINES).join("\n");
  return lines.length <= MAX_STACK_LINES
    ? shown
    : `${shown}\n... (${lines.length - MAX_STACK_LINES} more lines)`;
}

/** Newest first from Flink, oldest first as events (2.16). */
function reportExceptions(pass: JobPass): void {
  const { exceptions } = pass.flink;
  if (exceptions?.ok !== true) return;
  const fresh = exceptions.value.history
    .filter(({ timestamp }) => timestamp > pass.exceptionsReportedUntil)
    .sort((a, b) => a.timestamp - b.timestamp);
  for (const one of fresh.slice(-MAX_EXCEPTIONS)) {
    emit(pass, {
      type: "Warning",
      reason: "JobException",
      message: exceptionText(one.stacktrace),
      component: "Job",
      annotations: {
        "exception-timestamp": new Date(one.timestamp).toISOString(),
        ...(one.taskName === undefined ? {} : { "task-name": one.taskName }),
        ...(one.endpoint === undefined ? {} : { endpoint: one.endpoint }),
        ...(one.taskManagerId === undefined ? {} : { "tm-id": one.taskManagerId }),
      },
    });
  }
  pass.exceptionsReportedUntil = Math.max(
    pass.exceptionsReportedUntil,
    ...fresh.map(({ timestamp }) => timestamp),
  );
}

/** What the cluster is, for `status.clusterInfo`; written once per deployment, not with every heartbeat. */
export function observeClusterInfo(pass: Pass): void {
  const { config } = pass.flink;
  if (config?.ok !== true) return;
  const info = pass.status.clusterInfo;
  info["flink-version"] = config.value.flinkVersion;
  info["flink-revision"] = config.value.flinkRevision;
  requeue(pass, pass.options.reconcileInterval);
}
