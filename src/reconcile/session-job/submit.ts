/**
 * From a recorded intent to a running job (2.25). An attempt with its job id is written down first; the next look at
 * the session cluster shows whether it may go ahead, which is written down as well. From then on its request may have
 * been sent: Flink runs an id once, so that asking is repeated until the job is listed, or until it is certain that it
 * never will be.
 */
import type { DefaultedSpec } from "../../api/defaults.ts";
import type { UpgradeMode } from "../../api/flink-deployment.ts";
import { flattenConfiguration, getDuration } from "../../flink/configuration.ts";
import { isAtLeast } from "../../flink/flink-version.ts";
import { JOB_SUBMISSION_TIMEOUT } from "../../flink/options.ts";
import { sessionJobConfiguration } from "../../resources/configuration.ts";
import type { JarRunRequest } from "../../flink/jar-run.ts";
import { adoptSavepoint, ranUnseen, suspendInstead } from "../deployment/deploy.ts";
import { noteRecovery, restoreRetained } from "../deployment/retained.ts";
import { rollBackAttempt } from "../deployment/roll-back.ts";
import { recordStopped } from "../deployment/stop.ts";
import {
  amendRecord,
  complain,
  effectiveConfiguration,
  emit,
  record,
  recordDeployed,
  recordedSpec,
  requeue,
  stall,
  waitFor,
} from "../pass.ts";
import { JOB_NOT_FOUND } from "../session-cluster.ts";
import { errorMessage, isError, statusError } from "../status-error.ts";
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";
import {
  awaitSession,
  cancelStrays,
  jobSpec,
  newJobId,
  noJobRuns,
  nothingWrites,
  ownJob,
  type SessionJobPass,
} from "./pass.ts";

/** Writes the attempt down; the next pass goes ahead with it. Only when no job of the resource runs. */
function recordAttempt(pass: SessionJobPass, restore: UpgradeMode): void {
  const { jobStatus } = pass.status;
  if (restore === "stateless") delete jobStatus.upgradeSavepointPath;
  else adoptSavepoint(pass);
  jobStatus.jobId = newJobId(pass);
  noteRecovery(pass, pass.spec, false);
  jobStatus.state = "INITIALIZING";
  delete jobStatus.startTime;
  record(pass, pass.spec, { jobState: "suspended", upgradeMode: restore, state: "UPGRADING" });
  waitFor(pass, "Submitting", "submitting the job");
  requeue(pass, 0);
}

export function firstAttempt(pass: SessionJobPass): void {
  if (pass.sessionState !== "ready") return void awaitSession(pass);
  const { initialSavepointPath: path = "" } = jobSpec(pass);
  if (path !== "") pass.status.jobStatus.upgradeSavepointPath = path;
  recordAttempt(pass, path === "" ? "stateless" : "savepoint");
}

/** How the state was saved. A user who asks for none gets out of a restore that cannot succeed. */
function restoreMode(pass: SessionJobPass): UpgradeMode {
  const mode = recordedSpec(pass)?.spec.job?.upgradeMode ?? "stateless";
  if (mode === "stateless") return mode;
  const hopeless = pass.status.jobStatus.upgradeSavepointPath === LAST_STATE_MARKER;
  return hopeless && jobSpec(pass).upgradeMode === "stateless" ? "stateless" : "savepoint";
}

/** Records the attempt for the newest spec, if it is to run. */
export function attemptNewest(pass: SessionJobPass): void {
  const restore = restoreMode(pass);
  if (jobSpec(pass).state === "suspended") return suspendInstead(pass, restore);
  const isUnknown =
    restore === "savepoint" && pass.status.jobStatus.upgradeSavepointPath === LAST_STATE_MARKER;
  if (isUnknown && !(nothingWrites(pass) && restoreRetained(pass, "the job was stopped"))) return;
  recordAttempt(pass, restore);
}

/** Stopped for a change: the next attempt, once nothing of the last one runs. */
export function continueStopped(pass: SessionJobPass): void {
  if (!noJobRuns(pass)) return;
  if (pass.sessionState !== "ready" && jobSpec(pass).state !== "suspended") return void awaitSession(pass);
  attemptNewest(pass);
}

/** An attempt is announced, and nothing was asked of Flink yet. */
export function goAhead(pass: SessionJobPass, specChanged: boolean): void {
  if (!noJobRuns(pass)) return;
  if (pass.sessionState === "leaving") {
    pass.status.jobStatus.state = "FINISHED";
    return void awaitSession(pass);
  }
  if (specChanged || jobSpec(pass).state === "suspended") return attemptNewest(pass);
  if (pass.sessionState !== "ready") return void awaitSession(pass);
  pass.status.jobStatus.state = "RECONCILING";
  // Its time begins now: until here it may have waited for its cluster.
  pass.status.reconciliationStatus.reconciliationTimestamp = pass.now;
  submit(pass);
}

function submitted(pass: SessionJobPass): void {
  amendRecord(pass, { jobState: "running" });
  recordDeployed(pass);
  pass.status.jobStatus.state = "RECONCILING";
  waitFor(pass, "JobStarting", "the job is submitted");
  requeue(pass, 0);
}

/** The recorded attempt as Flink is to run it. */
function runRequest(pass: SessionJobPass, spec: DefaultedSpec): JarRunRequest {
  const { jobId = "", upgradeSavepointPath: path } = pass.status.jobStatus;
  const { entryClass, args = [], parallelism = 0, allowNonRestoredState, upgradeMode } = spec.job ?? {};
  const { flinkVersion } = pass;
  const since = (major: number, minor: number): boolean =>
    flinkVersion === undefined || isAtLeast(flinkVersion, major, minor);
  const claim = since(1, 20) ? { claimMode: "NO_CLAIM" as const } : { restoreMode: "NO_CLAIM" as const };
  const configuration = sessionJobConfiguration(
    pass.resource.metadata.name,
    jobSpec(pass),
    flattenConfiguration(spec.flinkConfiguration),
    pass.options.defaults,
  );
  return {
    jobId,
    ...(entryClass === undefined ? {} : { entryClass }),
    ...(args.length === 0 ? {} : { programArgsList: args }),
    ...(parallelism > 0 ? { parallelism } : {}),
    ...(upgradeMode === "stateless" || path === undefined ? {} : { savepointPath: path, ...claim }),
    ...(allowNonRestoredState === undefined ? {} : { allowNonRestoredState }),
    ...(since(1, 17) ? { flinkConfiguration: configuration } : {}),
  };
}

function submit(pass: SessionJobPass): void {
  const spec = recordedSpec(pass)?.spec ?? pass.spec;
  if (pass.submission === undefined) {
    emit(pass, { type: "Normal", reason: "Submit", message: "Starting deployment", component: "Job" });
  }
  pass.actions.push({
    type: "submit-job",
    request: runRequest(pass, spec),
    jarURI: spec.job?.jarURI,
    configuration: effectiveConfiguration(pass, spec),
    timeout: getDuration(pass.operator, JOB_SUBMISSION_TIMEOUT) ?? 600_000,
  });
  waitFor(pass, "Submitting", "bringing the jar to the session cluster");
}

/** Kept in the status, so that it is said until the job is there; after a rollback, that says why. */
function saySubmissionFailed(pass: SessionJobPass): void {
  const { submission, status, onStableSpec } = pass;
  if (submission?.state === "failed") {
    complain(pass, { reason: "Error", message: submission.message, component: "Job" });
    if (onStableSpec) return stall(pass, "SubmissionFailed", submission.message);
    status.error = statusError("ReconciliationException", submission.message);
  }
  if (!onStableSpec && isError(status.error, "ReconciliationException")) {
    stall(pass, "SubmissionFailed", errorMessage(status.error) ?? "the job could not be submitted");
  }
}

/**
 * The attempt's job ran, and was lost with its JobManager before anybody saw it: what it left goes first, also before what
 * it was to start from.
 */
function goOnFromWhatItLeft(pass: SessionJobPass): void {
  if (!nothingWrites(pass) || !restoreRetained(pass, "the job is lost", JOB_NOT_FOUND)) return;
  recordStopped(pass, "savepoint");
  waitFor(pass, "Restarting", "the job ran unseen, and starts again");
}

/** Flink answered, so that a job that is not listed is lost if it ever was there. */
function mayHaveRun(pass: SessionJobPass, instead: Instead | undefined): boolean {
  const { submission, flink } = pass;
  if (flink.jobs === undefined || submission?.state === "under-way") return false;
  return instead?.withoutState !== true && ranUnseen(pass, restoreMode(pass));
}

/** What is wanted by now, other than the recorded attempt. */
export interface Instead {
  /** What the attempt's job has done counts for nothing. */
  readonly withoutState: boolean;
  readonly begin: () => void;
}

/**
 * An attempt is recorded: bring its job about, or recognise that it is there. `instead` waits until it is certain that there
 * is no such job and never will be: it could appear beside the next attempt's.
 */
export function continueAttempt(pass: SessionJobPass, instead: Instead | undefined): void {
  const { submission } = pass;
  const { jobs } = pass.flink;
  if (jobs?.ok === false) return waitFor(pass, "FlinkUnreachable", jobs.failure.message);
  if (ownJob(pass) !== undefined || submission?.state === "done") return submitted(pass);
  if (mayHaveRun(pass, instead)) return goOnFromWhatItLeft(pass);
  if (submission?.state === "failed" && submission.refused) {
    if (instead !== undefined) {
      if (noJobRuns(pass)) instead.begin();
      return;
    }
    const refusal = { message: submission.message, forGood: false };
    if (rollBackAttempt(pass, restoreMode(pass), refusal)) return;
  }
  saySubmissionFailed(pass);
  if (submission?.state === "under-way") return waitFor(pass, "Submitting", "submitting the job");
  askToRun(pass);
}

/** When its time has come. Also in a cluster that is about to go: the job may be there already, unseen. */
function askToRun(pass: SessionJobPass): void {
  const { submission, sessionState } = pass;
  if (sessionState !== "ready" && sessionState !== "leaving") return void awaitSession(pass);
  if (!cancelStrays(pass)) return;
  const pause = submission?.state === "failed" ? submission.retryAt - pass.now : 0;
  if (pause > 0) requeue(pass, pause);
  else submit(pass);
}
