/**
 * From a running job to a stopped one whose state is known (2.6 B). A stop that takes time is recorded as
 * `reconciliationStatus.state: UPGRADING` with `lastReconciledSpec.job.state: running`, plus what is awaited:
 * a savepoint by `savepointInfo.triggerId`, or a cancellation by `jobStatus.state: CANCELLING`. Both are recorded
 * before they are asked for and may be asked for again.
 */
import type { SavepointInfo, UpgradeMode } from "../../api/flink-deployment.ts";
import { getBoolean, getDuration, getOption } from "../../flink/configuration.ts";
import { hasHaMetadata, isHaConfigMap, isKubernetesHaActive } from "../../flink/high-availability.ts";
import {
  DRAIN_ON_SAVEPOINT,
  LAST_STATE_FALLBACK,
  LAST_STATE_JOB_CANCEL,
  LAST_STATE_MAX_CHECKPOINT_AGE,
  SAVEPOINTS_DIR,
} from "../../flink/options.ts";
import type { JobOverview } from "../../flink/rest-answers.ts";
import {
  amendRecord,
  clearError,
  complain,
  effectiveConfiguration,
  emit,
  hasOwnCluster,
  type JobPass,
  observeConfiguration,
  ownDeployment,
  type Pass,
  reconciliationState,
  record,
  recordedSpec,
  requeue,
  stall,
  waitFor,
} from "../pass.ts";
import { savepointFormat } from "../snapshot/take.ts";
import { isError, statusError } from "../status-error.ts";
import { chooseUpgrade, isTerminal, type SuspendMode, type UpgradeFacts } from "../upgrade-mode.ts";
import { neverStarted } from "./observe-job-manager.ts";
import { markStable } from "./observe-job.ts";
import {
  adoptRetained,
  awaitLook,
  lookForRetained,
  mayHaveLeftCheckpoint,
  withNextStep,
} from "./retained.ts";
import { isGone } from "./tear-down.ts";
import { keepsSnapshotResources, putOffSavepoint } from "./snapshots.ts";

/** Milliseconds between a savepoint that failed and the next try. */
const SAVEPOINT_RETRY_MS = 30_000;
/** The same while the tasks of the job start: a matter of seconds. */
const STARTING_RETRY_MS = 2000;

/** By the words of a savepoint's failure: Flink calls a job RUNNING before its tasks are. */
export function tasksWereStarting(message: string | undefined): boolean {
  return /not all required tasks are currently running|is not being executed at the moment/i.test(
    message ?? "",
  );
}

/**
 * With HA a job leaves metadata as soon as it runs. No metadata, and no sight of the job since it was submitted: it
 * never ran. Without HA nothing can be concluded: it may have run while Sluice did not look.
 */
export function neverSeen(pass: Pass): boolean {
  const { startTime } = pass.status.jobStatus;
  if (startTime !== undefined && startTime !== "") return false;
  if (!isKubernetesHaActive(observeConfiguration(pass))) return false;
  return !hasHaMetadata(pass.cluster.configMaps.filter(isHaConfigMap));
}

/** Without its JobManager, what it left in the state storage has the last word. */
function neverRan(pass: Pass): boolean {
  return neverSeen(pass) && (ownDeployment(pass) !== undefined || !mayHaveLeftCheckpoint(pass));
}

function checkpointAges(
  pass: JobPass,
): Pick<UpgradeFacts, "jobAge" | "completedCheckpointAge" | "pendingCheckpointAge"> {
  const statistics = pass.flink.checkpoints?.ok ? pass.flink.checkpoints.value : undefined;
  const age = (time: number | undefined): number | undefined =>
    time === undefined ? undefined : pass.now - time;
  const startTime = Number(pass.status.jobStatus.startTime);
  return {
    jobAge: startTime > 0 ? pass.now - startTime : undefined,
    completedCheckpointAge: age(statistics?.latest.completed?.completionTime),
    pendingCheckpointAge: age(statistics?.pendingSince),
  };
}

/** What the job itself tells; nothing of the cluster that it runs in. */
export function jobFacts(
  pass: JobPass,
): Omit<
  UpgradeFacts,
  | "flinkVersionChanged"
  | "haMetadata"
  | "haInBoth"
  | "neverStarted"
  | "jobManagerMissing"
  | "jobManagerFailed"
> {
  const { jobStatus } = pass.status;
  const wanted = effectiveConfiguration(pass, pass.spec);
  return {
    upgradeMode: pass.spec.job?.upgradeMode ?? "stateless",
    jobState: jobStatus.state,
    deployedMode: recordedSpec(pass)?.spec.job?.upgradeMode ?? "stateless",
    restReachable: pass.flink.jobs?.ok === true,
    lastPath: jobStatus.upgradeSavepointPath,
    savepointDirectory: getOption(observeConfiguration(pass), SAVEPOINTS_DIR) !== undefined,
    lastStateFallback: getBoolean(wanted, LAST_STATE_FALLBACK),
    jobCancelEnabled: getBoolean(wanted, LAST_STATE_JOB_CANCEL),
    maxCheckpointAge: getDuration(wanted, LAST_STATE_MAX_CHECKPOINT_AGE),
    ...checkpointAges(pass),
  };
}

export function upgradeFacts(pass: Pass): UpgradeFacts {
  const { status } = pass;
  const recorded = recordedSpec(pass);
  const deployed = observeConfiguration(pass);
  const wanted = effectiveConfiguration(pass, pass.spec);
  const facts = jobFacts(pass);
  return {
    ...facts,
    flinkVersionChanged: recorded !== undefined && recorded.spec.flinkVersion !== pass.spec.flinkVersion,
    restReachable: status.jobManagerDeploymentStatus === "READY" && facts.restReachable,
    haMetadata:
      isKubernetesHaActive(deployed) && hasHaMetadata(pass.cluster.configMaps.filter(isHaConfigMap)),
    haInBoth: isKubernetesHaActive(deployed) && isKubernetesHaActive(wanted),
    neverStarted: neverStarted(pass) || neverRan(pass),
    jobManagerMissing: status.jobManagerDeploymentStatus === "MISSING",
    jobManagerFailed: status.jobManagerDeploymentStatus === "ERROR",
  };
}

/** The job is stopped, or will be by taking its cluster down: what comes next is written down as one change. */
export function recordStopped(pass: JobPass, restore: UpgradeMode): void {
  const { status, spec } = pass;
  delete status.jobStatus.savepointInfo.triggerId;
  if (!isTerminal(status.jobStatus.state)) status.jobStatus.state = "FINISHED";
  if (spec.job?.state === "suspended") {
    record(pass, spec, { jobState: "suspended", upgradeMode: restore, state: "DEPLOYED" });
    amendRecord(pass, { firstDeployment: false });
    markStable(pass);
    if (hasOwnCluster(pass)) waitFor(pass, "Suspending", "taking the old cluster down");
  } else {
    record(pass, spec, { jobState: "suspended", upgradeMode: restore, state: "UPGRADING" });
    // After a deployment that never started, the next one is still the first.
    amendRecord(pass, { firstDeployment: false });
  }
  requeue(pass, 0);
}

function beginSavepoint(pass: JobPass): void {
  const { jobStatus, reconciliationStatus } = pass.status;
  const info = jobStatus.savepointInfo;
  info.triggerId = pass.options.entropy;
  info.triggerTimestamp = pass.now;
  info.triggerType = "UPGRADE";
  info.formatType = savepointFormat(observeConfiguration(pass));
  reconciliationStatus.state = reconciliationState(pass, "UPGRADING");
  amendRecord(pass, { upgradeMode: "savepoint", firstDeployment: false });
  clearError(pass);
  askForSavepoint(pass);
}

function askForSavepoint(pass: JobPass): void {
  const config = observeConfiguration(pass);
  pass.actions.push({
    type: "stop-with-savepoint",
    jobId: pass.status.jobStatus.jobId ?? "",
    triggerId: pass.status.jobStatus.savepointInfo.triggerId ?? "",
    targetDirectory: getOption(config, SAVEPOINTS_DIR) ?? "",
    drain: getBoolean(config, DRAIN_ON_SAVEPOINT),
    formatType: savepointFormat(config),
  });
  waitFor(pass, "SavepointInProgress", "stopping the job with a savepoint");
}

function beginCancel(pass: JobPass): void {
  pass.status.jobStatus.state = "CANCELLING";
  pass.status.jobStatus.updateTime = String(pass.now);
  pass.status.reconciliationStatus.state = reconciliationState(pass, "UPGRADING");
  amendRecord(pass, { upgradeMode: "savepoint", firstDeployment: false });
  pass.actions.push({ type: "cancel-job", jobId: pass.status.jobStatus.jobId ?? "", bestEffort: false });
  waitFor(pass, "Cancelling", "cancelling the job; its last checkpoint is kept");
}

/** Carries out the chosen way to stop. */
export function beginStop(pass: JobPass, suspend: SuspendMode, restore: UpgradeMode): void {
  putOffSavepoint(pass);
  if (suspend !== "NOOP") {
    emit(pass, {
      type: "Normal",
      reason: "Suspended",
      message: "Suspending existing deployment.",
      component: "Job",
    });
  }
  if (suspend === "SAVEPOINT") return beginSavepoint(pass);
  if (suspend === "CANCEL") return beginCancel(pass);
  if (suspend === "STATELESS" && pass.flink.jobs?.ok === true) {
    pass.actions.push({ type: "cancel-job", jobId: pass.status.jobStatus.jobId ?? "", bestEffort: true });
  }
  if (suspend === "STATELESS") delete pass.status.jobStatus.upgradeSavepointPath;
  recordStopped(pass, restore);
  waitFor(pass, "Suspending", "taking the old cluster down");
  requeue(pass, 0);
}

/** Milliseconds until the next try after a savepoint that failed; 0 when none did. */
export function savepointPause(pass: JobPass): number {
  const { triggerId = "", triggerTimestamp = 0 } = pass.status.jobStatus.savepointInfo;
  const failed = triggerId === "" && isError(pass.status.error, "UpgradeFailureException");
  const isShort = tasksWereStarting(pass.status.error);
  const pause = isShort ? STARTING_RETRY_MS : SAVEPOINT_RETRY_MS;
  return failed ? Math.max(0, triggerTimestamp + pause - pass.now) : 0;
}

function upgradeFailed(pass: JobPass, message: string): void {
  complain(pass, { reason: "UpgradeFailed", message, component: "Job" });
  pass.status.error = statusError("UpgradeFailureException", message);
  stall(pass, "UpgradeFailed", message);
}

/**
 * Nobody knows the job's last state but the state storage. What is left of its cluster goes only when there is something
 * to go back to, which is then looked for again (deploy.ts), as it may write until it is gone.
 */
function stopForRetained(pass: JobPass, problem: string): void {
  const look = lookForRetained(pass);
  if (look.kind === "open") return awaitLook(pass, look);
  if (look.kind === "nowhere") return upgradeFailed(pass, withNextStep(problem, look.why));
  // Of a session job the state is unknown only when it has ended.
  const gone = !hasOwnCluster(pass) || isGone(pass);
  if (gone) adoptRetained(pass, look);
  else pass.status.jobStatus.upgradeSavepointPath = look.path;
  recordStopped(pass, gone ? "savepoint" : "last-state");
  waitFor(pass, "Suspending", "taking the old cluster down");
}

/** Decides how to stop for a change of the spec. True when nothing else may be done in this pass. */
export function stopForChange(pass: JobPass, facts: UpgradeFacts): boolean {
  const outcome = chooseUpgrade(facts);
  if (outcome.kind === "fail") {
    stopForRetained(pass, outcome.message);
    return true;
  }
  if (outcome.kind === "wait") {
    waitFor(pass, "UpgradePending", `the change waits for ${outcome.reason}`);
    return !outcome.otherActions;
  }
  const pause = outcome.suspend === "SAVEPOINT" ? savepointPause(pass) : 0;
  if (pause > 0) {
    waitFor(pass, "SavepointFailed", "the savepoint failed; the job runs on, and the next try is soon");
    requeue(pass, pause);
    return false;
  }
  beginStop(pass, outcome.suspend, outcome.restore);
  return true;
}

/** Writes a completed savepoint down: for a FlinkStateSnapshot that is to be made, or in the status's own history. */
function keepInHistory(pass: JobPass, location: string): void {
  const info: SavepointInfo = pass.status.jobStatus.savepointInfo;
  const savepoint = {
    timeStamp: pass.now,
    location,
    triggerType: "UPGRADE" as const,
    formatType: info.formatType ?? "CANONICAL",
  };
  info.lastSavepoint = savepoint;
  if (keepsSnapshotResources(pass)) return;
  delete info.triggerType;
  info.savepointHistory = [...(info.savepointHistory ?? []), savepoint];
}

function savepointFailed(pass: JobPass, message: string): void {
  const { status } = pass;
  emit(pass, { type: "Warning", reason: "SavepointError", message, component: "Job" });
  status.error = statusError("UpgradeFailureException", message);
  delete status.jobStatus.savepointInfo.triggerId;
  status.jobStatus.savepointInfo.triggerTimestamp = pass.now;
  status.reconciliationStatus.state = "DEPLOYED";
  waitFor(pass, "SavepointFailed", message);
}

function followSavepoint(pass: JobPass, job: JobOverview | undefined, facts: UpgradeFacts): void {
  const { jobStatus } = pass.status;
  const { savepoint } = pass.flink;
  const ended = savepoint?.ok && savepoint.value.state === "COMPLETED" ? savepoint.value : undefined;
  // A location beside a failure: the job failed after the savepoint, and may have gone on since.
  if (ended?.location !== undefined && ended.failure === undefined) {
    jobStatus.upgradeSavepointPath = ended.location;
    keepInHistory(pass, ended.location);
    jobStatus.state = "FINISHED";
    return recordStopped(pass, "savepoint");
  }
  if (isTerminal(jobStatus.state)) return stoppedByItself(pass, facts);
  if (ended) return savepointFailed(pass, ended.failure ?? "the savepoint failed; Flink gives no cause");
  const unknownToFlink = savepoint?.ok === false && savepoint.failure.status === 404;
  if (pass.failure?.action === "stop-with-savepoint" && pass.failure.reason === "http") {
    return savepointFailed(pass, `Flink refused the savepoint: ${pass.failure.message}`);
  }
  if (unknownToFlink && job?.state === "RUNNING") return askForSavepoint(pass);
  waitFor(pass, "SavepointInProgress", "stopping the job with a savepoint");
}

/** The job ended while a stop was under way; observation has recorded where its state is, if anybody knows. */
function stoppedByItself(pass: JobPass, facts: UpgradeFacts): void {
  const outcome = chooseUpgrade({ ...facts, upgradeMode: "savepoint" });
  if (outcome.kind === "go") return recordStopped(pass, outcome.restore);
  if (outcome.kind === "fail") return stopForRetained(pass, outcome.message);
  waitFor(pass, "UpgradePending", `the job ended while it was stopped; waiting for ${outcome.reason}`);
}

/** Nothing will come of the stop: what to do is decided anew, from what is left. */
export function giveUpStop(pass: JobPass): void {
  delete pass.status.jobStatus.savepointInfo.triggerId;
  pass.status.reconciliationStatus.state = "DEPLOYED";
  requeue(pass, 0);
}

/** A stop is under way, in a cluster of the job's own. */
export function followStop(pass: Pass): void {
  if (ownDeployment(pass) === undefined || pass.status.jobManagerDeploymentStatus === "ERROR") {
    // Whoever deleted the JobManager ended the stop as well, and one that cannot run may need the very change that
    // waits for it.
    return giveUpStop(pass);
  }
  followStopOf(pass, upgradeFacts(pass));
}

/** A stop is under way, in a cluster that is there. */
export function followStopOf(pass: JobPass, facts: UpgradeFacts): void {
  const { status } = pass;
  const { jobs } = pass.flink;
  const job = jobs?.ok ? jobs.value.find(({ jobId }) => jobId === status.jobStatus.jobId) : undefined;
  const { triggerId } = status.jobStatus.savepointInfo;
  if (triggerId !== undefined && triggerId !== "") return followSavepoint(pass, job, facts);
  if (isTerminal(status.jobStatus.state)) return stoppedByItself(pass, facts);
  if (status.jobStatus.state === "CANCELLING") {
    if (job !== undefined && job.state !== "CANCELLING" && !isTerminal(job.state)) {
      pass.actions.push({ type: "cancel-job", jobId: job.jobId, bestEffort: false });
    }
    return waitFor(pass, "Cancelling", "cancelling the job; its last checkpoint is kept");
  }
  // Nothing is awaited: the stop was given up.
  giveUpStop(pass);
}
