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
  component,
  emit,
  hasOwnCluster,
  type JobPass,
  lastReconciledSpec,
  observeConfiguration,
  type Pass,
  recordedSpec,
  requeue,
  stall,
  waitFor,
} from "../pass.ts";
import { errorMessage, isError, statusError } from "../status-error.ts";
import { concernsFlink, diffSpecs, type FieldChange, withInPlaceChanges } from "../spec-diff.ts";
import { chooseUpgrade, type UpgradeFacts } from "../upgrade-mode.ts";
import { type Strictness, strictness, unhealthy } from "./healthy.ts";
import { beginStop, recordStopped } from "./stop.ts";

function stableSpec(pass: JobPass): RecordedSpec | undefined {
  return parseRecordedSpec(pass.status.reconciliationStatus.lastStableSpec);
}

/** From a rollback's decision on, as long as the user does not edit the spec. */
export function isRollback({ status }: JobPass): boolean {
  const { state } = status.reconciliationStatus;
  return state === "ROLLING_BACK" || state === "ROLLED_BACK";
}

/** How the user wants state to be handled stays; the newest state is taken wherever it is. */
function rollbackSpec(pass: JobPass, { spec }: RecordedSpec): DefaultedSpec {
  const upgradeMode = pass.spec.job?.upgradeMode === "stateless" ? "stateless" : "last-state";
  return { ...spec, ...(spec.job ? { job: { ...spec.job, state: "running", upgradeMode } } : {}) };
}

/** The pass works towards the last stable spec, not towards the user's, of which it takes what changes in place. */
export function workOnStableSpec(pass: JobPass, changes: readonly FieldChange[] = []): void {
  const stable = stableSpec(pass);
  if (stable === undefined) return;
  pass.spec = withInPlaceChanges(rollbackSpec(pass, stable), changes);
  pass.onStableSpec = true;
}

/** The user's edit ends a rollback: from here on it is a change of what is deployed, like any other. */
export function leaveRollback(pass: JobPass): void {
  const { reconciliationStatus } = pass.status;
  const deployed = recordedSpec(pass);
  if (reconciliationStatus.state !== "ROLLED_BACK" || deployed === undefined) return;
  reconciliationStatus.lastReconciledSpec = writeRecordedSpec(deployed);
  reconciliationStatus.state = "DEPLOYED";
  delete pass.status.error;
  requeue(pass, 0);
}

/** Says, as long as it is so, that something else runs than the user asked for. */
export function reportRollback(pass: JobPass): void {
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

function hadItsTime(pass: JobPass): boolean {
  const timeout = getDuration(observeConfiguration(pass), READINESS_TIMEOUT) ?? 0;
  return pass.now - (pass.status.reconciliationStatus.reconciliationTimestamp ?? 0) > timeout;
}

/** What a JobManager of the job's own that had its time says against the spec. */
function causeInCluster({ status }: Pass, how: Strictness): string | undefined {
  const { jobManagerDeploymentStatus, error } = status;
  if (jobManagerDeploymentStatus === "ERROR") return errorMessage(error) ?? "the JobManager cannot run";
  // A JobManager that is only slow is given up where the user asked for it.
  if (how === "never-ran" || jobManagerDeploymentStatus === "READY") return undefined;
  return errorMessage(error) ?? "the JobManager does not come up";
}

/** Why the deployed spec is to be given up; undefined when it is not. Only asked when the user changed nothing. */
function causeOfRollback(pass: JobPass): string | undefined {
  const { reconciliationStatus, jobStatus, error } = pass.status;
  const how = strictness(pass);
  if (how === "off" || reconciliationStatus.state !== "DEPLOYED") return undefined;
  if (jobStatus.state === "FAILED") return errorMessage(error) ?? "the job failed";
  if (!hadItsTime(pass)) return undefined;
  const cause = hasOwnCluster(pass) ? causeInCluster(pass, how) : undefined;
  return cause ?? (how === "never-ran" ? undefined : unhealthy(pass));
}

/** Somewhere to go back to, that is not where the job is, and that its state belongs to. */
function canRollBack(pass: JobPass): RecordedSpec | undefined {
  const stable = stableSpec(pass);
  const failed = lastReconciledSpec(pass)?.spec;
  if (stable === undefined || failed === undefined) return undefined;
  const { job } = stable.spec;
  if ((failed.job === undefined) !== (job === undefined) || job?.state === "suspended") return undefined;
  // Redeployed from a savepoint of the user's choice: the state that belongs to the stable spec was thrown away.
  if (failed.job?.savepointRedeployNonce !== job?.savepointRedeployNonce) return undefined;
  const running = { ...failed, ...(failed.job ? { job: { ...failed.job, state: "running" as const } } : {}) };
  return concernsFlink(diffSpecs(stable.spec, running, modeOf(stable.spec))) ? stable : undefined;
}

function begin(pass: JobPass, cause: string): void {
  pass.onStableSpec = true;
  emit(pass, {
    type: "Warning",
    reason: "Rollback",
    message: `Rolling back failed deployment. ${cause}`,
    component: component(pass),
  });
  const message = `generation ${pass.status.observedGeneration ?? pass.generation} was rolled back: ${cause}`;
  pass.status.error = statusError("ReconciliationException", message);
}

/**
 * True when the rollback has begun. Nothing is begun from which the state could not be restored. `facts`: for the stop,
 * of the pass as it is then.
 */
export function rollBack(pass: JobPass, facts: () => UpgradeFacts): boolean {
  const stable = canRollBack(pass);
  const cause = stable && causeOfRollback(pass);
  if (stable === undefined || cause === undefined) return false;
  const { spec } = pass;
  pass.spec = rollbackSpec(pass, stable);
  const outcome = chooseUpgrade(facts());
  if (outcome.kind !== "go") {
    pass.spec = spec;
    return false;
  }
  begin(pass, cause);
  beginStop(pass, outcome.suspend, outcome.restore);
  return true;
}

/** Why an attempt cannot be carried out, so that nothing ran. */
export interface Refusal {
  readonly message: string;
  /** It never can. */
  readonly forGood: boolean;
}

/** By the API server. */
function refusedObjects({ failure }: JobPass): Refusal | undefined {
  if (failure?.action !== "create-cluster") return undefined;
  return { message: failure.message, forGood: failure.reason === "Invalid" };
}

/** Why an attempt that is refused is to be given up: at once when it never can succeed, else when it had its time. */
function causeOfRefusal(pass: JobPass, refusal: Refusal | undefined): string | undefined {
  if (refusal === undefined || strictness(pass) === "off") return undefined;
  if (pass.status.reconciliationStatus.state !== "UPGRADING") return undefined;
  return refusal.forGood || hadItsTime(pass) ? refusal.message : undefined;
}

/** True when the rollback of a refused attempt has begun; it starts from the same state. */
export function rollBackAttempt(
  pass: JobPass,
  restore: UpgradeMode,
  refusal: Refusal | undefined = refusedObjects(pass),
): boolean {
  const stable = canRollBack(pass);
  const cause = stable && causeOfRefusal(pass, refusal);
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
  return beginForCluster(pass, causeOfRefusal(pass, refusedObjects(pass)), losesJobs);
}
