/** What is done for a job whose spec did not change: lost JobManagers, failed and unhealthy jobs, JobManagers of ended jobs (2.9). */
import { getBoolean, getDuration } from "../../flink/configuration.ts";
import { hasHaMetadata, isHaConfigMap, isKubernetesHaActive } from "../../flink/high-availability.ts";
import { HA_TYPE, JM_RECOVERY, JM_SHUTDOWN_TTL, RESTART_FAILED } from "../../flink/options.ts";
import type { UpgradeMode } from "../../api/flink-deployment.ts";
import {
  emit,
  hasOwnCluster,
  type JobPass,
  observeConfiguration,
  ownDeployment,
  ownTaskManagers,
  type Pass,
  recordedSpec,
  requeue,
  stall,
  waitFor,
} from "../pass.ts";
import type { RecordedSpec } from "../last-reconciled-spec.ts";
import { isTerminal, LAST_STATE_MARKER } from "../upgrade-mode.ts";
import { recordAttempt } from "./deploy.ts";
import { stillFailed } from "./observe-job.ts";
import { MISSING_JOB_MANAGER } from "./observe-job-manager.ts";
import {
  adoptRetained,
  awaitLook,
  lookForRetained,
  mayHaveLeftCheckpoint,
  needsPerson,
  restoreRetained,
} from "./retained.ts";
import { tearDown } from "./tear-down.ts";
import { neverSeen, recordStopped, upgradeFacts } from "./stop.ts";
import { keepTaskManagers } from "./task-managers.ts";

/** How the deployed spec can be started again without losing state; undefined when it cannot. */
function resubmitMode(pass: Pass): UpgradeMode | undefined {
  const recorded = recordedSpec(pass)?.spec.job;
  const wanted = pass.spec.job?.upgradeMode ?? "stateless";
  const ha = isKubernetesHaActive(observeConfiguration(pass));
  if (ha && hasHaMetadata(pass.cluster.configMaps.filter(isHaConfigMap))) return "last-state";
  const never = recorded?.upgradeMode !== "last-state" && neverSeen(pass);
  if (never && !mayHaveLeftCheckpoint(pass)) return recorded?.upgradeMode;
  if (wanted === "stateless" && recorded?.upgradeMode === "stateless") return "stateless";
  return undefined;
}

function recoverLostJobManager(pass: Pass): void {
  const recorded = recordedSpec(pass);
  if (recorded === undefined) return;
  if (!getBoolean(observeConfiguration(pass), JM_RECOVERY)) {
    return stall(
      pass,
      "Missing",
      `${MISSING_JOB_MANAGER}, and recovery is switched off (${JM_RECOVERY.key})`,
    );
  }
  if (!tearDown(pass)) return;
  const mode = resubmitMode(pass);
  if (mode === undefined && !restoreRetained(pass, "the JobManager is lost")) return;
  emit(pass, {
    type: "Warning",
    reason: "RecoverDeployment",
    message: "Recovering lost deployment",
    component: "Job",
  });
  pass.generation = pass.status.observedGeneration ?? pass.generation;
  recordAttempt(pass, recorded.spec, mode ?? "savepoint");
}

/** Records that the deployed spec, not one that is still waiting, is stopped and to be started again. */
function restartDeployedSpec(pass: JobPass, { spec }: RecordedSpec, restore: UpgradeMode): void {
  if (spec.job === undefined) return;
  pass.spec = { ...spec, job: { ...spec.job, state: "running" } };
  pass.generation = pass.status.observedGeneration ?? pass.generation;
  recordStopped(pass, restore);
}

/** From its last checkpoint. */
export function restartEndedJob(pass: JobPass): void {
  const recorded = recordedSpec(pass);
  if (recorded?.spec.job === undefined) return;
  const { state = "ended", upgradeSavepointPath: path } = pass.status.jobStatus;
  // How the user wants changes to be made; the recorded mode is how the job was started.
  const stateless = pass.spec.job?.upgradeMode === "stateless";
  if (!stateless && path === LAST_STATE_MARKER) return restartFromRetained(pass, state);
  const from = stateless || path === undefined ? "from an empty state" : `from ${path}`;
  restart(pass, state, from, stateless ? "stateless" : "savepoint");
}

function restart(pass: JobPass, state: string, from: string, restore: UpgradeMode): void {
  const recorded = recordedSpec(pass);
  if (recorded?.spec.job === undefined) return;
  emit(pass, {
    type: "Normal",
    reason: "Submit",
    message: `Restarting the job, which is ${state}, ${from}`,
    component: "Job",
  });
  restartDeployedSpec(pass, recorded, restore);
  waitFor(pass, "Restarting", `the job was ${state} and starts again`);
}

/**
 * Flink does not know the job's last checkpoint. A cluster of its own goes when there is one; then it is looked for again. A
 * session job that ended writes no more.
 */
function restartFromRetained(pass: JobPass, state: string): void {
  const look = lookForRetained(pass);
  if (look.kind === "open") return awaitLook(pass, look);
  if (look.kind === "nowhere") return needsPerson(pass, `the job is ${state}`, look.why);
  const isLookedForAgain = hasOwnCluster(pass);
  if (isLookedForAgain) pass.status.jobStatus.upgradeSavepointPath = look.path;
  else adoptRetained(pass, look);
  restart(pass, state, "from its newest retained checkpoint", isLookedForAgain ? "last-state" : "savepoint");
}

/** Its JobManager goes, and the newest checkpoint stays: a new cluster starts from there. */
function restartUnhealthyJob(pass: Pass, why: string): void {
  const recorded = recordedSpec(pass);
  if (recorded?.spec.job === undefined) return;
  const mode = resubmitMode(pass);
  if (mode === undefined) {
    const next = `To have such jobs restarted, switch Kubernetes HA on (${HA_TYPE.key})`;
    return stall(pass, "Unhealthy", `${why}. Without HA metadata a restart would lose state. ${next}`);
  }
  const { haInBoth, flinkVersionChanged } = upgradeFacts(pass);
  // A change waits that could not read the HA metadata: it has to take the job's state along another way.
  if (mode === "last-state" && (!haInBoth || flinkVersionChanged)) return;
  emit(pass, { type: "Warning", reason: "RestartUnhealthyJob", message: why, component: "Job" });
  restartDeployedSpec(pass, recorded, mode);
  waitFor(pass, "RestartingUnhealthyJob", why);
  requeue(pass, 0);
}

/** A job that should run and was cancelled behind Sluice's back, or failed where restarts are asked for. */
export function isToBeRestarted(pass: JobPass): boolean {
  const { state } = pass.status.jobStatus;
  return (
    state === "CANCELED" || (state === "FAILED" && getBoolean(observeConfiguration(pass), RESTART_FAILED))
  );
}

/** Only in a quiet pass: nothing else was decided. */
export function recover(pass: Pass): void {
  const { jobStatus, jobManagerDeploymentStatus } = pass.status;
  if (isToBeRestarted(pass)) restartEndedJob(pass);
  else if (isTerminal(jobStatus.state)) {
    if (jobStatus.state === "FAILED" && pass.stalled === undefined) stillFailed(pass);
    const ttl = getDuration(observeConfiguration(pass), JM_SHUTDOWN_TTL) ?? 86_400_000;
    const since = pass.now - Number(jobStatus.updateTime ?? pass.now);
    const hasCluster = ownDeployment(pass) !== undefined || ownTaskManagers(pass) !== undefined;
    if (!hasCluster) return;
    if (since < ttl) return requeue(pass, ttl - since);
    tearDown(pass);
    // The job has reached its end; that its JobManager goes changes nothing for whoever waits for it.
    pass.progress = undefined;
  } else if (jobManagerDeploymentStatus === "MISSING") recoverLostJobManager(pass);
  else if (pass.unhealthy !== undefined) restartUnhealthyJob(pass, pass.unhealthy);
  else keepTaskManagers(pass);
}
