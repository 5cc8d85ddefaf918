/** What is done for a job whose spec did not change: lost JobManagers, failed jobs, JobManagers of ended jobs (2.9). */
import { getBoolean, getDuration } from "../../flink/configuration.ts";
import { hasHaMetadata, isHaConfigMap, isKubernetesHaActive } from "../../flink/high-availability.ts";
import { JM_RECOVERY, JM_SHUTDOWN_TTL, RESTART_FAILED } from "../../flink/options.ts";
import type { UpgradeMode } from "../../api/flink-deployment.ts";
import {
  complain,
  emit,
  type JobPass,
  observeConfiguration,
  ownDeployment,
  type Pass,
  recordedSpec,
  stall,
  waitFor,
} from "../pass.ts";
import { HA_METADATA_GONE } from "../lifecycle-state.ts";
import { statusError } from "../status-error.ts";
import { isTerminal, LAST_STATE_MARKER } from "../upgrade-mode.ts";
import { recordAttempt } from "./deploy.ts";
import { stillFailed } from "./observe-job.ts";
import { MISSING_JOB_MANAGER } from "./observe-job-manager.ts";
import { tearDown } from "./tear-down.ts";
import { neverSeen, recordStopped } from "./stop.ts";

/** How the deployed spec can be started again without losing state; undefined when it cannot. */
function resubmitMode(pass: Pass): UpgradeMode | undefined {
  const recorded = recordedSpec(pass)?.spec.job;
  const wanted = pass.spec.job?.upgradeMode ?? "stateless";
  const ha = isKubernetesHaActive(observeConfiguration(pass));
  if (ha && hasHaMetadata(pass.cluster.configMaps.filter(isHaConfigMap))) return "last-state";
  if (recorded?.upgradeMode !== "last-state" && neverSeen(pass)) return recorded?.upgradeMode;
  if (wanted === "stateless" && recorded?.upgradeMode === "stateless") return "stateless";
  return undefined;
}

/** The newest state is not known, and a guess could lose some: a person must say where to start. */
export function needsPerson(pass: JobPass, lost: string): void {
  const message =
    `${HA_METADATA_GONE}: ${lost} and the newest checkpoint is not known. Manual restore required. ` +
    "Set spec.job.initialSavepointPath to a savepoint or retained checkpoint and change spec.job.savepointRedeployNonce.";
  complain(pass, { reason: "RestoreFailed", message, component: "Job" });
  pass.status.error = statusError("UpgradeFailureException", message);
  stall(pass, "RestoreFailed", message);
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
  const mode = resubmitMode(pass);
  if (mode === undefined) return needsPerson(pass, "the JobManager is lost");
  if (!tearDown(pass)) return;
  emit(pass, {
    type: "Warning",
    reason: "RecoverDeployment",
    message: "Recovering lost deployment",
    component: "Job",
  });
  pass.generation = pass.status.observedGeneration ?? pass.generation;
  recordAttempt(pass, recorded.spec, mode);
}

/** From its last checkpoint; the deployed spec, not one that is still waiting. */
export function restartEndedJob(pass: JobPass): void {
  const recorded = recordedSpec(pass);
  if (recorded?.spec.job === undefined) return;
  const { state = "ended", upgradeSavepointPath: path } = pass.status.jobStatus;
  // How the user wants changes to be made; the recorded mode is how the job was started.
  const stateless = pass.spec.job?.upgradeMode === "stateless";
  if (!stateless && path === LAST_STATE_MARKER) return needsPerson(pass, `the job is ${state}`);
  const from = stateless || path === undefined ? "from an empty state" : `from ${path}`;
  emit(pass, {
    type: "Normal",
    reason: "Submit",
    message: `Restarting the job, which is ${state}, ${from}`,
    component: "Job",
  });
  pass.spec = { ...recorded.spec, job: { ...recorded.spec.job, state: "running" } };
  pass.generation = pass.status.observedGeneration ?? pass.generation;
  recordStopped(pass, stateless ? "stateless" : "savepoint");
  waitFor(pass, "Restarting", `the job was ${state} and starts again`);
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
    if (ownDeployment(pass) !== undefined && since > ttl) tearDown(pass);
  } else if (jobManagerDeploymentStatus === "MISSING") recoverLostJobManager(pass);
}
