/**
 * From a recorded intent to a running cluster (2.12). The attempt is written down first: which spec, which job id,
 * where its state comes from. Creating the objects is then the same request however often it is repeated: names are
 * fixed, and the Deployment carries the generation of the attempt, by which a later pass knows its own work.
 */
import type { UpgradeMode } from "../../api/flink-deployment.ts";
import { GENERATION_ANNOTATION } from "../../api/flink-deployment.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { type DefaultedSpec, withSpecDefaults } from "../../api/defaults.ts";
import {
  hasHaCheckpoint,
  hasHaMetadata,
  isHaConfigMap,
  jobGraphKeys,
} from "../../flink/high-availability.ts";
import { ownedObjectNames } from "../../resources/names.ts";
import type { ClusterInputs } from "../../resources/native-cluster.ts";
import { HA_METADATA_GONE } from "../lifecycle-state.ts";
import {
  amendRecord,
  complain,
  emit,
  type JobPass,
  ownDeployment,
  type Pass,
  record,
  recordedSpec,
  requeue,
  stall,
  waitFor,
} from "../pass.ts";
import { statusError } from "../status-error.ts";
import { isTerminal, LAST_STATE_MARKER } from "../upgrade-mode.ts";
import { markStable } from "./observe-job.ts";
import { deleteHaMetadata, tearDown } from "./tear-down.ts";

/** Writes the attempt down; the next pass creates the cluster. Only when nothing of an old cluster is left. */
export function recordAttempt(pass: Pass, spec: DefaultedSpec, restore: UpgradeMode): void {
  const { jobStatus } = pass.status;
  const keepsJob = restore === "last-state" && jobStatus.jobId !== undefined;
  if (!keepsJob) jobStatus.jobId = pass.options.entropy;
  if (restore === "savepoint") adoptSavepoint(pass);
  jobStatus.state = "RECONCILING";
  delete jobStatus.startTime;
  pass.status.jobManagerDeploymentStatus = "MISSING";
  if (restore === "stateless") delete jobStatus.upgradeSavepointPath;
  if (restore === "last-state" && hasHaCheckpoint(haMaps(pass)))
    jobStatus.upgradeSavepointPath = LAST_STATE_MARKER;
  record(pass, spec, { jobState: "suspended", upgradeMode: restore, state: "UPGRADING" });
  waitFor(pass, "Submitting", "starting the cluster");
  requeue(pass, 0);
}

/**
 * Older releases of the Apache operator kept the path of the last savepoint here only. One that is older than the job
 * was another job's: what came after it is missing there, or was thrown away on purpose.
 */
export function adoptSavepoint(pass: JobPass): void {
  const { jobStatus } = pass.status;
  const { location, timeStamp = 0 } = jobStatus.savepointInfo.lastSavepoint ?? {};
  const isOwn = jobStatus.startTime !== undefined && timeStamp >= Number(jobStatus.startTime);
  if (location !== undefined && isOwn) jobStatus.upgradeSavepointPath ??= location;
}

function haMaps(pass: Pass): ReturnType<Pass["cluster"]["configMaps"]["filter"]> {
  return pass.cluster.configMaps.filter(isHaConfigMap);
}

/** State that is there before anything was deployed: an earlier cluster's of this name, or of a status that got lost. */
export function stateNobodyKnows(
  pass: Pass,
  next = "Set spec.job.initialSavepointPath to the state to start from, or delete",
): { reason: string; message: string } | undefined {
  const deployment = ownDeployment(pass);
  if (deployment !== undefined && deployment.metadata.deletionTimestamp === undefined) {
    const { name } = deployment.metadata;
    return {
      reason: "ClusterExists",
      message: `Deployment ${name} runs, and the status does not say what with. ${next} it to start empty`,
    };
  }
  if (!hasHaCheckpoint(haMaps(pass))) return undefined;
  const names = haMaps(pass).map(({ metadata }) => metadata.name);
  return {
    reason: "HaMetadataExists",
    message:
      `an earlier cluster of this name left HA metadata with checkpoints (ConfigMaps ${names.join(", ")}). ` +
      `${next} these ConfigMaps to start empty`,
  };
}

/** The attempt of a fresh resource. State that is there already is not thrown away unasked. */
export function firstAttempt(pass: Pass): void {
  const { upgradeMode, initialSavepointPath: path = "" } = pass.spec.job ?? {};
  const obstacle = upgradeMode === "stateless" || path !== "" ? undefined : stateNobodyKnows(pass);
  if (obstacle !== undefined) return stall(pass, obstacle.reason, obstacle.message);
  if (!tearDown(pass)) return;
  if (path !== "") pass.status.jobStatus.upgradeSavepointPath = path;
  recordAttempt(pass, pass.spec, path === "" ? "stateless" : "savepoint");
}

/** Stopped for a change: takes down what is left of the old cluster, then records the attempt for the newest spec. */
export function continueStopped(pass: Pass): void {
  // The attempt of an Apache operator that went before it could write down that its cluster is made.
  const { jobManagerDeploymentStatus } = pass.status;
  if (jobManagerDeploymentStatus === "MISSING" && attempted(pass) !== undefined)
    return continueAttempt(pass, false);
  if (!tearDown(pass)) return;
  pass.status.jobManagerDeploymentStatus = "MISSING";
  const restore = restoreMode(pass);
  if (pass.spec.job?.state === "suspended") return suspendInstead(pass, restore);
  if (restore === "last-state" && !requireHaMetadata(pass)) return;
  recordAttempt(pass, pass.spec, restore);
}

/** The user changed their mind between the stop and the start. */
export function suspendInstead(pass: JobPass, restore: UpgradeMode): void {
  record(pass, pass.spec, { jobState: "suspended", upgradeMode: restore, state: "DEPLOYED" });
  if (!isTerminal(pass.status.jobStatus.state)) pass.status.jobStatus.state = "FINISHED";
  markStable(pass);
  requeue(pass, 0);
}

/** How the state was saved. A user who asks for none gets out of a restore that cannot succeed. */
function restoreMode(pass: Pass): UpgradeMode {
  const recorded = recordedSpec(pass)?.spec;
  const mode = recorded?.job?.upgradeMode ?? "stateless";
  const readable = hasHaMetadata(haMaps(pass)) && recorded?.flinkVersion === pass.spec.flinkVersion;
  const hopeless = mode === "last-state" && !readable;
  return hopeless && pass.spec.job?.upgradeMode === "stateless" ? "stateless" : mode;
}

function requireHaMetadata(pass: Pass): boolean {
  if (hasHaMetadata(haMaps(pass))) return true;
  const message = `${HA_METADATA_GONE} to restore the job from. Manual restore required.`;
  const next =
    "Set spec.job.initialSavepointPath to a savepoint or retained checkpoint and change spec.job.savepointRedeployNonce.";
  complain(pass, { reason: "RestoreFailed", message: `${message} ${next}`, component: "Job" });
  pass.status.error = statusError("UpgradeFailureException", `${message} ${next}`);
  stall(pass, "RestoreFailed", `${message} ${next}`);
  return false;
}

function restoreFrom(pass: Pass, restore: UpgradeMode): ClusterInputs["restore"] {
  const path = pass.status.jobStatus.upgradeSavepointPath;
  if (restore === "stateless") return { kind: "none" };
  if (restore === "savepoint") return path === undefined ? { kind: "none" } : { kind: "savepoint", path };
  // The marker says that there was a checkpoint: if it is gone, Flink has to fail.
  if (path === LAST_STATE_MARKER || hasHaCheckpoint(haMaps(pass)))
    return { kind: "last-state", marker: true };
  // No checkpoint yet: the state is still where that cluster itself was started from.
  return path === undefined ? { kind: "last-state", marker: false } : { kind: "savepoint", path };
}

/** One per attempt, and the same in every pass of the attempt. */
function attemptId(pass: Pass): string {
  const { jobId = "" } = pass.status.jobStatus;
  const time = (pass.status.reconciliationStatus.reconciliationTimestamp ?? 0).toString(16).padStart(12, "0");
  return `${jobId.slice(0, 8)}-${jobId.slice(8, 12)}-${jobId.slice(12, 16)}-${jobId.slice(16, 20)}-${time.slice(-12)}`;
}

export function clusterInputs(pass: Pass): ClusterInputs {
  const { resource, status, options } = pass;
  const recorded = recordedSpec(pass)?.spec ?? pass.spec;
  const restore = recorded.job?.upgradeMode ?? "stateless";
  const upgradeMode = pass.spec.job?.upgradeMode ?? restore;
  return {
    owner: {
      name: resource.metadata.name,
      namespace: resource.metadata.namespace ?? "default",
      uid: resource.metadata.uid ?? "",
    },
    spec: {
      ...recorded,
      ...(recorded.job ? { job: { ...recorded.job, state: "running", upgradeMode } } : {}),
    },
    generation: status.observedGeneration ?? pass.generation,
    ...(status.jobStatus.jobId === undefined ? {} : { jobId: status.jobStatus.jobId }),
    restore: restoreFrom(pass, restore),
    attemptId: attemptId(pass),
    defaults: options.defaults,
    ...(options.logConfiguration === undefined ? {} : { logConfiguration: options.logConfiguration }),
  };
}

function isComplete(pass: Pass, inputs: ClusterInputs): boolean {
  const uid = ownDeployment(pass)?.metadata.uid;
  const owned = [...pass.cluster.services, ...pass.cluster.configMaps].filter((object) =>
    (object.metadata.ownerReferences ?? []).some((reference) => reference.uid === uid),
  );
  const names = new Set(owned.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
  return ownedObjectNames(inputs.owner.name, withSpecDefaults(inputs.spec), inputs.defaults).every(
    ({ kind, name }) => names.has(`${kind}/${name}`),
  );
}

function deployed(pass: Pass): void {
  amendRecord(pass, { jobState: "running" });
  const { status } = pass;
  delete status.error;
  status.reconciliationStatus.state = "DEPLOYED";
  status.jobManagerDeploymentStatus = "DEPLOYING";
  status.jobStatus.state = "RECONCILING";
  waitFor(pass, "JobManagerIsDeploying", "the JobManager starts");
}

/** True when stale job graphs are gone; they would bring the old parallelism back. */
function removeJobGraphs(pass: Pass): boolean {
  const stale = haMaps(pass).filter((map) => jobGraphKeys(map).length > 0);
  for (const map of stale) {
    pass.actions.push({ type: "remove-job-graphs", configMap: map.metadata.name, keys: jobGraphKeys(map) });
  }
  if (stale.length > 0) requeue(pass, 0);
  return stale.length === 0;
}

/** The Deployment of this very attempt, by the generation that it carries. */
function attempted(pass: Pass): KubeObject | undefined {
  const deployment = ownDeployment(pass);
  if (deployment === undefined || deployment.metadata.deletionTimestamp !== undefined) return undefined;
  const generation = deployment.metadata.annotations?.[GENERATION_ANNOTATION];
  return generation === String(pass.status.observedGeneration) ? deployment : undefined;
}

/** Whether the attempt's cluster is there; the next step to complete it is then among the actions. */
export function completeCluster(pass: Pass): "complete" | "incomplete" | undefined {
  const deployment = attempted(pass);
  if (deployment === undefined) return undefined;
  const inputs = clusterInputs(pass);
  if (isComplete(pass, inputs)) return "complete";
  pass.actions.push({ type: "create-cluster", inputs, existing: deployment });
  waitFor(pass, "Submitting", "completing the cluster's objects");
  requeue(pass, 0);
  return "incomplete";
}

/** After tearDown: what still stands there is somebody else's. */
export function isNameTaken(pass: Pass): boolean {
  if (pass.cluster.deployment === undefined) return false;
  const { name } = pass.cluster.deployment.metadata;
  stall(
    pass,
    "NameTaken",
    `a Deployment named ${name} exists and belongs to somebody else; rename one of the two`,
  );
  return true;
}

/** The attempt's cluster came up, ran and was lost before anybody looked: its own job left a checkpoint. */
function hasRun(pass: Pass): boolean {
  const { jobId } = pass.status.jobStatus;
  const own = haMaps(pass).filter(({ metadata }) => jobId !== undefined && metadata.name.includes(jobId));
  return hasHaCheckpoint(own);
}

/** An attempt is recorded: bring its objects about, or recognise that they are there. */
export function continueAttempt(pass: Pass, specChanged: boolean): void {
  const found = completeCluster(pass);
  if (found === "complete") return deployed(pass);
  if (found === "incomplete" || !tearDown(pass) || isNameTaken(pass)) return;
  const restore = hasRun(pass) ? "last-state" : restoreMode(pass);
  if (pass.spec.job?.state === "suspended") return suspendInstead(pass, restore);
  const attempt = recordedSpec(pass)?.spec ?? pass.spec;
  const readable = restore !== "last-state" || attempt.flinkVersion === pass.spec.flinkVersion;
  if (specChanged && readable) return recordAttempt(pass, pass.spec, restore);
  if (restore === attempt.job?.upgradeMode) return createCluster(pass, restore);
  pass.generation = pass.status.observedGeneration ?? pass.generation;
  recordAttempt(pass, attempt, restore);
}

function createCluster(pass: Pass, restore: UpgradeMode): void {
  if (restore === "last-state" && (!requireHaMetadata(pass) || !removeJobGraphs(pass))) return;
  if (restore !== "last-state" && !deleteHaMetadata(pass, "the job starts from another state")) return;
  submitCluster(pass);
}

/** Asks for the recorded attempt's cluster. */
export function submitCluster(pass: Pass): void {
  if (pass.failure === undefined) {
    delete pass.status.error;
    emit(pass, {
      type: "Normal",
      reason: "Submit",
      message: "Starting deployment",
      component: "JobManagerDeployment",
    });
  }
  pass.actions.push({ type: "create-cluster", inputs: clusterInputs(pass), existing: undefined });
  waitFor(pass, "Submitting", "creating the cluster's objects");
  requeue(pass, 0);
}
