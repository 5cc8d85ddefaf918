/**
 * Back to the last spec that ran well (2.11). A change whose job fails, or whose JobManager cannot run, before it ever
 * ran is undone without being asked: the job goes on from the state it was stopped with. With
 * `kubernetes.operator.deployment.rollback.enabled: true` a job has to prove itself for longer (healthy.ts), and is
 * rolled back when it does not; with `false` nothing is rolled back.
 *
 * The record keeps the spec that failed (2.5), so that the next edit is told apart from it; what is deployed then is
 * `lastStableSpec` (`deployedSpec` in last-reconciled-spec.ts). States: DEPLOYED → ROLLING_BACK → ROLLED_BACK.
 */
import { type DefaultedSpec, modeOf } from "../../api/defaults.ts";
import type { UpgradeMode } from "../../api/flink-deployment.ts";
import { getDuration } from "../../flink/configuration.ts";
import { READINESS_TIMEOUT } from "../../flink/options.ts";
import { parseRecordedSpec, type RecordedSpec, writeRecordedSpec } from "../last-reconciled-spec.ts";
import {
  emit,
  lastReconciledSpec,
  observeConfiguration,
  type Pass,
  recordedSpec,
  requeue,
  stall,
  waitFor,
} from "../pass.ts";
import { errorMessage, isError, statusError } from "../status-error.ts";
import { diffSpecs } from "../spec-diff.ts";
import { chooseUpgrade } from "../upgrade-mode.ts";
import { strictness, unhealthy } from "./healthy.ts";
import { beginStop, recordStopped, upgradeFacts } from "./stop.ts";

function stableSpec(pass: Pass): RecordedSpec | undefined {
  return parseRecordedSpec(pass.status.reconciliationStatus.lastStableSpec);
}

/** From a rollback's decision on, as long as the user does not edit the spec. */
export function isRollback({ status }: Pass): boolean {
  const { state } = status.reconciliationStatus;
  return state === "ROLLING_BACK" || state === "ROLLED_BACK";
}

/** How the user wants state to be handled stays; the newest state is taken wherever it is. */
function rollbackSpec(pass: Pass, { spec }: RecordedSpec): DefaultedSpec {
  const upgradeMode = pass.spec.job?.upgradeMode === "stateless" ? "stateless" : "last-state";
  return { ...spec, ...(spec.job ? { job: { ...spec.job, state: "running", upgradeMode } } : {}) };
}

/** The pass works towards the last stable spec, not towards the user's. */
export function workOnStableSpec(pass: Pass): void {
  const stable = stableSpec(pass);
  if (stable === undefined) return;
  pass.spec = rollbackSpec(pass, stable);
  pass.onStableSpec = true;
}

/** The user's edit ends a rollback: from here on it is a change of what is deployed, like any other. */
export function leaveRollback(pass: Pass): void {
  const { reconciliationStatus } = pass.status;
  const deployed = recordedSpec(pass);
  if (reconciliationStatus.state !== "ROLLED_BACK" || deployed === undefined) return;
  reconciliationStatus.lastReconciledSpec = writeRecordedSpec(deployed);
  reconciliationStatus.state = "DEPLOYED";
  delete pass.status.error;
  requeue(pass, 0);
}

/** Says, as long as it is so, that something else runs than the user asked for. */
export function reportRollback(pass: Pass): void {
  const { error, observedGeneration } = pass.status;
  const told = isError(error, "ReconciliationException") ? errorMessage(error) : undefined;
  const message = told ?? `generation ${observedGeneration ?? "?"} was rolled back`;
  const what = recordedSpec(pass)?.spec.job === undefined ? "cluster" : "job";
  stall(
    pass,
    pass.status.reconciliationStatus.state === "ROLLED_BACK" ? "RolledBack" : "RollingBack",
    `${message.replace(/\.$/, "")}. The ${what} runs with the last stable spec; correct the spec, or change spec.restartNonce to try it again`,
  );
}

/** Why the deployed spec is to be given up; undefined when it is not. Only asked when the user changed nothing. */
function causeOfRollback(pass: Pass): string | undefined {
  const { reconciliationStatus, jobStatus, jobManagerDeploymentStatus, error } = pass.status;
  const how = strictness(pass);
  if (how === "off" || reconciliationStatus.state !== "DEPLOYED") return undefined;
  if (jobStatus.state === "FAILED") return errorMessage(error) ?? "the job failed";
  const timeout = getDuration(observeConfiguration(pass), READINESS_TIMEOUT) ?? 0;
  if (pass.now - (reconciliationStatus.reconciliationTimestamp ?? 0) <= timeout) return undefined;
  if (jobManagerDeploymentStatus === "ERROR") return errorMessage(error) ?? "the JobManager cannot run";
  // A JobManager that is only slow is given up where the user asked for it.
  if (how === "never-ran") return undefined;
  if (jobManagerDeploymentStatus !== "READY") return errorMessage(error) ?? "the JobManager does not come up";
  return unhealthy(pass);
}

/** Somewhere to go back to, that is not where the job is, and that its state belongs to. */
function canRollBack(pass: Pass): RecordedSpec | undefined {
  const stable = stableSpec(pass);
  const failed = lastReconciledSpec(pass)?.spec;
  if (stable === undefined || failed === undefined) return undefined;
  const { job } = stable.spec;
  if ((failed.job === undefined) !== (job === undefined) || job?.state === "suspended") return undefined;
  // Redeployed from a savepoint of the user's choice: the state that belongs to the stable spec was thrown away.
  if (failed.job?.savepointRedeployNonce !== job?.savepointRedeployNonce) return undefined;
  const running = { ...failed, ...(failed.job ? { job: { ...failed.job, state: "running" as const } } : {}) };
  return diffSpecs(stable.spec, running, modeOf(stable.spec)).type === "IGNORE" ? undefined : stable;
}

function begin(pass: Pass, cause: string): void {
  pass.onStableSpec = true;
  emit(pass, {
    type: "Warning",
    reason: "Rollback",
    message: `Rolling back failed deployment. ${cause}`,
    component: "JobManagerDeployment",
  });
  const message = `generation ${pass.status.observedGeneration ?? pass.generation} was rolled back: ${cause}`;
  pass.status.error = statusError("ReconciliationException", message);
}

/** True when the rollback has begun. Nothing is begun from which the state could not be restored. */
export function rollBack(pass: Pass): boolean {
  const stable = canRollBack(pass);
  const cause = stable && causeOfRollback(pass);
  if (stable === undefined || cause === undefined) return false;
  const { spec } = pass;
  pass.spec = rollbackSpec(pass, stable);
  const outcome = chooseUpgrade(upgradeFacts(pass));
  if (outcome.kind !== "go") {
    pass.spec = spec;
    return false;
  }
  begin(pass, cause);
  beginStop(pass, outcome.suspend, outcome.restore);
  return true;
}

/**
 * Why an attempt is to be given up whose objects the API server refuses, so that nothing ran: at once when it never can
 * succeed, else when it had its time.
 */
function causeOfRefusal(pass: Pass): string | undefined {
  const { failure } = pass.observed;
  const { state, reconciliationTimestamp = 0 } = pass.status.reconciliationStatus;
  if (failure?.action !== "create-cluster") return undefined;
  if (state !== "UPGRADING" || strictness(pass) === "off") return undefined;
  const timeout = getDuration(observeConfiguration(pass), READINESS_TIMEOUT) ?? 0;
  const waits = failure.reason !== "Invalid" && pass.now - reconciliationTimestamp <= timeout;
  return waits ? undefined : failure.message;
}

/** True when the rollback of a refused attempt has begun; it starts from the same state. */
export function rollBackAttempt(pass: Pass, restore: UpgradeMode): boolean {
  const stable = canRollBack(pass);
  const cause = stable && causeOfRefusal(pass);
  if (stable === undefined || cause === undefined) return false;
  pass.spec = rollbackSpec(pass, stable);
  begin(pass, cause);
  recordStopped(pass, restore);
  waitFor(pass, "RollingBack", "taking down what was made");
  return true;
}

/** Whether jobs would be lost with a session cluster of this spec. */
type LosesJobs = (spec: DefaultedSpec) => boolean;

/** A session cluster's: no job was begun in what failed, as its JobManager was never ready. */
function beginForCluster(pass: Pass, cause: string | undefined, losesJobs: LosesJobs): boolean {
  const stable = canRollBack(pass);
  if (stable === undefined || cause === undefined || losesJobs(stable.spec)) return false;
  pass.spec = stable.spec;
  begin(pass, cause);
  const { status } = pass;
  status.reconciliationStatus.state = "ROLLING_BACK";
  // Not MISSING, which says that the next attempt is recorded (phase.ts).
  status.jobManagerDeploymentStatus = "ERROR";
  waitFor(pass, "RollingBack", "taking the failed cluster down");
  requeue(pass, 0);
  return true;
}

/** True when the rollback of a session cluster has begun. */
export function rollBackCluster(pass: Pass, losesJobs: LosesJobs): boolean {
  return beginForCluster(pass, causeOfRollback(pass), losesJobs);
}

/** The same for one whose objects the API server refuses. */
export function rollBackRefusedCluster(pass: Pass, losesJobs: LosesJobs): boolean {
  return beginForCluster(pass, causeOfRefusal(pass), losesJobs);
}
