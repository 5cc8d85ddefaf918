/**
 * A FlinkDeployment without a job: a session cluster (2.10). Its phases are those of an application, without the ones
 * that a job makes: submitting, running, and stopping, which here means that its jobs are being stopped.
 *
 *            record             create              change: jobs would be lost            jobs stopped
 *   (new) ──────────► submitting ──────► running ─────────────────────────────► stopping ─────────────► submitting
 *                         ▲                 │ change: HA brings the jobs back; or the cluster is lost        │
 *                         └─────────────────┴───────────────────────────────────────────────────────────────┘
 *
 * A rollback (2.10, 2.11) goes back to the last spec whose JobManager took jobs: ROLLING_BACK while the cluster that
 * failed is taken down (stopping) and the stable one created (submitting), ROLLED_BACK from then on.
 */
import type { FlinkDeploymentSpec } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import { getBoolean } from "../../flink/configuration.ts";
import { isHaActive } from "../../flink/high-availability.ts";
import { BLOCK_ON_SESSION_JOBS, BLOCK_ON_UNMANAGED_JOBS, JM_RECOVERY } from "../../flink/options.ts";
import {
  complain,
  emit,
  observeConfiguration,
  type Pass,
  record,
  recordedSpec,
  requeue,
  stall,
  waitFor,
} from "../pass.ts";
import { type Phase, phaseOf } from "../phase.ts";
import { keepsJobs, stoppingJobs, unstoppedJobs } from "../session-cluster.ts";
import type { DiffType } from "../spec-diff.ts";
import { errorMessage, isError } from "../status-error.ts";
import { isTerminal } from "../upgrade-mode.ts";
import type { Health } from "./conditions.ts";
import { clusterCreated, completeCluster, isNameTaken, stateNobodyKnows, submitCluster } from "./deploy.ts";
import { bringClusterInPlace } from "./in-place.ts";
import { markStable, observeClusterInfo } from "./observe-job.ts";
import { MISSING_JOB_MANAGER, observeJobManager } from "./observe-job-manager.ts";
import { rollBackCluster, rollBackRefusedCluster, workOnStableSpec } from "./roll-back.ts";
import { canScaleInPlace, keepTaskManagers, scaleInPlace } from "./task-managers.ts";
import { tearDown } from "./tear-down.ts";

/** By what is deployed: a job that is added to the spec is refused, and changes nothing. */
export function isSession(pass: Pass): boolean {
  return (recordedSpec(pass)?.spec ?? pass.spec).job === undefined;
}

export function observeSession(pass: Pass): void {
  const { status, flink } = pass;
  const { state } = status.reconciliationStatus;
  const phase = phaseOf(status);
  // What failed is on its way out.
  if ((phase !== "running" && phase !== "stopping") || state === "ROLLING_BACK") return;
  observeJobManager(pass);
  observeClusterInfo(pass);
  // Nobody can stop the jobs any more: what to do is decided anew.
  const ended = phase === "stopping" && status.jobManagerDeploymentStatus === "MISSING";
  if (ended) status.reconciliationStatus.state = "DEPLOYED";
  if (status.jobManagerDeploymentStatus !== "READY") return;
  if (flink.jobs?.ok === false) return waitFor(pass, "FlinkUnreachable", flink.jobs.failure.message);
  if (state === "DEPLOYED") markStable(pass);
  // Why it was rolled back holds until the user changes the spec.
  const holds = isError(status.error, "ReconciliationException") && state === "ROLLED_BACK";
  if (!holds && !isError(status.error, "ValidationException")) delete status.error;
}

/** Writes the attempt down; the next pass takes the old cluster down and creates the new one. HA metadata is kept. */
function recordCluster(pass: Pass): void {
  pass.status.jobManagerDeploymentStatus = "MISSING";
  record(pass, pass.spec, { jobState: "running", upgradeMode: "stateless", state: "UPGRADING" });
  waitFor(pass, "Submitting", "starting the cluster");
  requeue(pass, 0);
}

function firstCluster(pass: Pass): void {
  const obstacle = stateNobodyKnows(pass, "Delete");
  if (obstacle !== undefined) return stall(pass, obstacle.reason, obstacle.message);
  if (tearDown(pass)) recordCluster(pass);
}

function continueCluster(pass: Pass, specChanged: boolean): void {
  const rollsBack = (): boolean => rollBackRefusedCluster(pass, (spec) => losesJobs(pass, spec));
  const found = completeCluster(pass, rollsBack);
  if (found === "complete") return clusterCreated(pass);
  if (found === "incomplete" || !tearDown(pass) || isNameTaken(pass)) return;
  if (specChanged && holdingJobs(pass).length === 0) recordCluster(pass);
  else if (!rollsBack()) submitCluster(pass);
}

/** The cluster that failed goes first: it was made for the same generation as the stable one that comes. */
function replaceFailed(pass: Pass, specChanged: boolean): void {
  if (!tearDown(pass)) return;
  // The user's edit waits for jobs, and only the stable cluster brings them back.
  if (specChanged && holdingJobs(pass).length > 0) workOnStableSpec(pass);
  recordCluster(pass);
}

/** Whether a cluster of `spec` would not go on with jobs that nobody has stopped. */
function losesJobs(pass: Pass, spec: FlinkDeploymentSpec): boolean {
  if (keepsJobs({ ...pass.resource, spec }, pass.options.defaults)) return false;
  return unstoppedJobs(pass.observed.sessionJobs ?? [], false).length > 0;
}

/** The JobManager is gone or cannot run: no job starts, and none comes to an end. */
function isDown({ status }: Pass): boolean {
  return status.jobManagerDeploymentStatus === "MISSING" || status.jobManagerDeploymentStatus === "ERROR";
}

/** The jobs that a change has to wait for. */
function holdingJobs(pass: Pass): readonly FlinkSessionJob[] {
  const { sessionJobs = [] } = pass.observed;
  const keeps = keepsJobs(pass.resource, pass.options.defaults);
  // Without HA, what a JobManager knew of its jobs is lost with it.
  if (isDown(pass) && (keeps || !isHaActive(observeConfiguration(pass)))) return [];
  return keeps ? stoppingJobs(sessionJobs) : unstoppedJobs(sessionJobs, !isDown(pass));
}

function inWords(jobs: readonly FlinkSessionJob[]): string {
  const which = jobs.map(({ metadata, status }) => {
    const problem = status?.conditions?.find(({ type, status: is }) => type === "Stalled" && is === "True");
    return problem === undefined ? metadata.name : `${metadata.name} (${problem.message})`;
  });
  return which.length === 0 ? "none" : which.join(", ");
}

function changeCluster(pass: Pass, phase: Phase): void {
  const jobs = holdingJobs(pass);
  // Which jobs there are counts only after they could have seen that the cluster is about to go.
  if (jobs.length === 0 && (phase === "stopping" || isDown(pass))) return recordCluster(pass);
  if (pass.status.jobManagerDeploymentStatus === "MISSING") {
    // Only the version that wrote the HA metadata brings the jobs back, to be stopped then.
    pass.spec = recordedSpec(pass)?.spec ?? pass.spec;
    pass.generation = pass.status.observedGeneration ?? pass.generation;
    return recoverCluster(pass);
  }
  // The jobs see it by the state: they stop, or at least begin nothing new.
  pass.status.reconciliationStatus.state = "UPGRADING";
  const next = isDown(pass)
    ? `The JobManager cannot run, and only Flink ${recordedSpec(pass)?.spec.flinkVersion} with HA brings them back: ` +
      "change both back first, or set upgradeMode stateless on jobs whose state may be lost"
    : "A job that cannot be stopped holds it up no more when it is deleted";
  const message = `the change waits for session jobs to be stopped with their state: ${inWords(jobs)}. ${next}`;
  waitFor(pass, "SessionJobsStopping", message);
  keepTaskManagers(pass);
  if (phase !== "stopping") requeue(pass, 0);
}

function recoverCluster(pass: Pass): void {
  if (!getBoolean(observeConfiguration(pass), JM_RECOVERY)) {
    const message = `${MISSING_JOB_MANAGER}, and recovery is switched off (${JM_RECOVERY.key})`;
    return stall(pass, "Missing", message);
  }
  if (!tearDown(pass)) return;
  const message = "Recovering lost deployment";
  emit(pass, { type: "Warning", reason: "RecoverDeployment", message, component: "JobManagerDeployment" });
  recordCluster(pass);
}

/** Objects that change in place come first; a lost JobManager does not wait for them. */
function scaleCluster(pass: Pass): void {
  if (bringClusterInPlace(pass)) scaleInPlace(pass);
  else if (pass.status.jobManagerDeploymentStatus === "MISSING") recoverCluster(pass);
}

/** `change`: what the wanted spec is to the recorded one. */
export function reconcileSession(pass: Pass, phase: Phase, change: DiffType): void {
  const { status } = pass;
  if (phase === "new") return firstCluster(pass);
  if (phase === "submitting") return continueCluster(pass, change !== "IGNORE");
  if (status.reconciliationStatus.state === "ROLLING_BACK") return replaceFailed(pass, change !== "IGNORE");
  if (change === "SCALE" && canScaleInPlace(pass)) return scaleCluster(pass);
  if (change !== "IGNORE") return changeCluster(pass, phase);
  if (phase === "stopping") {
    // The change that the jobs were to be stopped for was taken back.
    status.reconciliationStatus.state = "DEPLOYED";
    requeue(pass, 0);
  }
  status.observedGeneration = pass.generation;
  if (rollBackCluster(pass, (spec) => losesJobs(pass, spec))) return;
  if (status.jobManagerDeploymentStatus === "MISSING") recoverCluster(pass);
  else keepTaskManagers(pass);
}

/** The jobs that keep the cluster from being deleted; what is to be done about them is said. */
export function isHeldByJobs(pass: Pass): boolean {
  const config = observeConfiguration(pass);
  if (!getBoolean(config, BLOCK_ON_SESSION_JOBS)) return false;
  const { sessionJobs = [] } = pass.observed;
  if (sessionJobs.length > 0) {
    const names = sessionJobs.map(({ metadata }) => metadata.name);
    const message = `The session jobs [${names.join(", ")}] should be deleted first`;
    held(pass, message, BLOCK_ON_SESSION_JOBS.key);
    const going = sessionJobs.every(({ metadata }) => metadata.deletionTimestamp !== undefined);
    // They are on their way, and say themselves what keeps them.
    if (going) pass.stalled = undefined;
    return true;
  }
  if (!getBoolean(config, BLOCK_ON_UNMANAGED_JOBS) || pass.flink.jobs?.ok !== true) return false;
  const running = pass.flink.jobs.value.filter(({ state }) => !isTerminal(state));
  if (running.length === 0) return false;
  const names = running.map(({ jobId, name }) => `${jobId} ${name}`);
  held(
    pass,
    `Jobs run that no FlinkSessionJob manages: ${names.join(", ")}. Cancel them`,
    BLOCK_ON_UNMANAGED_JOBS.key,
  );
  return true;
}

function held(pass: Pass, message: string, option: string): void {
  complain(pass, { reason: "CleanupFailed", message, component: "Operator" });
  stall(pass, "CleanupFailed", `${message}, or set ${option}: false on this resource`);
  waitFor(pass, "Deleting", message);
}

const RUNNING_REASONS = {
  READY: "JobManagerReady",
  DEPLOYED_NOT_READY: "DeployedNotReady",
  DEPLOYING: "JobManagerIsDeploying",
  MISSING: "JobManagerDeploymentMissing",
  ERROR: "Error",
} as const;

/** In the place of a job's state, the JobManager's. */
export function sessionHealth({ status }: Pass): Health {
  const { jobManagerDeploymentStatus, reconciliationStatus, error } = status;
  const reason = RUNNING_REASONS[jobManagerDeploymentStatus];
  const up = jobManagerDeploymentStatus === "READY";
  const message = up ? "the session cluster takes jobs" : `the JobManager is ${jobManagerDeploymentStatus}`;
  const running = { status: up ? "True" : "False", reason, message } as const;
  if (up && reconciliationStatus.state === "DEPLOYED") return { running, ready: running };
  return { running, ready: { status: "False", reason, message: errorMessage(error) ?? message } };
}
