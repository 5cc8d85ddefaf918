/** Deletion of the resource (2.24): the job is stopped as asked, the cluster and its HA metadata go, then the finalizer. */
import { getBoolean, getOption } from "../../flink/configuration.ts";
import { SAVEPOINT_ON_DELETION, SAVEPOINTS_DIR } from "../../flink/options.ts";
import {
  emit,
  isUnderWay,
  type JobPass,
  observeConfiguration,
  ownDeployment,
  type Pass,
  recordedSpec,
  requeue,
  stall,
  waitFor,
} from "../pass.ts";
import { errorMessage } from "../status-error.ts";
import { isTerminal } from "../upgrade-mode.ts";
import { neverStarted } from "./observe-job-manager.ts";
import { isHeldByJobs, isSession } from "./session.ts";
import { beginStop, followStop, neverSeen, savepointPause } from "./stop.ts";
import { keepTaskManagers } from "./task-managers.ts";
import { deleteHaMetadata, isGone, tearDown } from "./tear-down.ts";

/** Of the stop under way; still to be recorded. */
function completedSavepoint(pass: JobPass): string | undefined {
  const { savepoint } = pass.flink;
  return savepoint?.ok && savepoint.value.failure === undefined ? savepoint.value.location : undefined;
}

/** Whether a savepoint of the job, if it ever ran, is to come before the deletion. */
export function wantsSavepoint(pass: JobPass): boolean {
  const config = observeConfiguration(pass);
  const { state } = pass.status.jobStatus;
  if (!getBoolean(config, SAVEPOINT_ON_DELETION) || getOption(config, SAVEPOINTS_DIR) === undefined)
    return false;
  const shouldRun = recordedSpec(pass)?.spec.job?.state === "running";
  return shouldRun && (!isTerminal(state) || completedSavepoint(pass) !== undefined);
}

/** Why no savepoint is being taken now, if that is so. */
function savepointProblem(pass: JobPass, follow: () => void): string | undefined {
  const { status } = pass;
  if (isUnderWay(status)) follow();
  else if (savepointPause(pass) > 0) requeue(pass, savepointPause(pass));
  else if (status.jobStatus.state === "RUNNING" && pass.flink.jobs?.ok === true) {
    beginStop(pass, "SAVEPOINT", "savepoint");
  }
  // What is under way may have been lost with the JobManager; nobody knows while nobody answers.
  if (isUnderWay(status) && pass.flink.jobs?.ok === true) return undefined;
  return errorMessage(status.error) ?? `the job is ${status.jobStatus.state ?? "unknown"}`;
}

/** The savepoint that is wanted, one step on. `follow`: a stop under way. A failing one keeps the resource and says so. */
export function takeSavepoint(pass: JobPass, follow: () => void): void {
  const problem = savepointProblem(pass, follow);
  if (problem !== undefined) {
    const message = `deletion waits for a savepoint (${SAVEPOINT_ON_DELETION.key}: true): ${problem}. `;
    stall(pass, "SavepointOnDeletion", `${message}Set that option to false to delete without one`);
  }
  const location = completedSavepoint(pass);
  if (location !== undefined) {
    // The status goes with the resource; whoever asked for the savepoint wants to know where it is.
    const message = `Savepoint before the deletion: ${location}`;
    emit(pass, { type: "Normal", reason: "Cleanup", message, component: "Snapshot" });
  }
  waitFor(pass, "SavepointOnDeletion", "taking a savepoint before the deletion");
}

/** With the namespace everything goes that a savepoint needs, and nothing brings the JobManager back. */
function isTooLate(pass: Pass): boolean {
  return pass.observed.namespaceGoes === true && ownDeployment(pass) === undefined;
}

/** A resource goes without the savepoint that was asked for. */
export function goWithoutSavepoint(pass: JobPass, reason: string): void {
  const message = `No savepoint before the deletion: ${reason}`;
  emit(pass, { type: "Warning", reason: "CleanupFailed", message, component: "Job" });
}

/** True when the savepoint is taken, or none is wanted, or none can be taken any more. */
function savepointTaken(pass: Pass): boolean {
  if (!wantsSavepoint(pass) || neverStarted(pass) || neverSeen(pass)) return true;
  if (isTooLate(pass)) {
    if (isGone(pass)) goWithoutSavepoint(pass, "its namespace is being deleted, and the JobManager is gone");
    return true;
  }
  takeSavepoint(pass, () => followStop(pass));
  if (pass.observed.namespaceGoes !== true) keepTaskManagers(pass);
  return false;
}

/** A cluster of this name that is not the resource's own: nothing of it may be touched. */
function isForeign(pass: Pass): boolean {
  return pass.cluster.deployment !== undefined && ownDeployment(pass) === undefined;
}

export function beginDeletion(pass: JobPass): void {
  const { status, resource } = pass;
  // What is wrong with the job keeps nobody from deleting it.
  pass.stalled = undefined;
  if (status.lifecycleState === "DELETING") return;
  const message = `Cleaning up ${resource.kind}`;
  emit(pass, { type: "Normal", reason: "Cleanup", message, component: "Operator" });
  status.lifecycleState = "DELETING";
}

export function decideDeletion(pass: Pass): void {
  const { status } = pass;
  beginDeletion(pass);
  waitFor(pass, "Deleting", "taking the cluster down");
  if (!isForeign(pass)) {
    if (isSession(pass) && isHeldByJobs(pass)) return;
    if (!savepointTaken(pass) || !tearDown(pass)) return;
    status.jobManagerDeploymentStatus = "MISSING";
    if (!deleteHaMetadata(pass, "the resource is deleted")) return;
  }
  pass.actions.push({ type: "remove-finalizer" });
  pass.requeueAfter = undefined;
}
