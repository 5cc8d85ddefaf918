/**
 * From a recorded intent to a running cluster (2.12). The attempt is written down first: which spec, which job id,
 * where its state comes from. Creating the objects is then the same request however often it is repeated: names are
 * fixed, and the Deployment carries the generation of the attempt, by which a later pass knows its own work.
 */
import type { UpgradeMode } from "../../api/flink-deployment.ts";
import { ATTEMPT_ANNOTATION, GENERATION_ANNOTATION } from "../../api/flink-deployment.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { type DefaultedSpec, modeOf, withSpecDefaults } from "../../api/defaults.ts";
import {
  hasHaCheckpoint,
  hasHaMetadata,
  isHaConfigMap,
  jobGraphKeys,
} from "../../flink/high-availability.ts";
import { ownedObjectNames } from "../../resources/names.ts";
import type { ClusterInputs } from "../../resources/native-cluster.ts";
import {
  amendRecord,
  clearError,
  emit,
  type JobPass,
  ownDeployment,
  ownerOf,
  type Pass,
  record,
  recordDeployed,
  recordedSpec,
  requeue,
  stall,
  waitFor,
} from "../pass.ts";
import { isTerminal, LAST_STATE_MARKER } from "../upgrade-mode.ts";
import { forgetHealth } from "./cluster-health.ts";
import { warnOfIngress } from "./in-place.ts";
import { markStable } from "./observe-job.ts";
import { mayHaveLeftCheckpoint, noteRecovery, restoreRetained } from "./retained.ts";
import { rollBackAttempt } from "./roll-back.ts";
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
  forgetHealth(pass);
  if (restore === "stateless") delete jobStatus.upgradeSavepointPath;
  noteRecovery(pass, spec, keepsJob);
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
  const { state } = pass.status.reconciliationStatus;
  if (state === "UPGRADING" && jobManagerDeploymentStatus === "MISSING" && attempted(pass) !== undefined)
    return continueAttempt(pass, false);
  if (!tearDown(pass)) return;
  pass.status.jobManagerDeploymentStatus = "MISSING";
  const restore = restoreMode(pass);
  if (pass.spec.job?.state === "suspended") return suspendInstead(pass, restore);
  const unseen = restore === "savepoint" && neverObserved(pass);
  const usable = restore === "last-state" ? haRestores(pass) : !(unseen && mayHaveLeftCheckpoint(pass));
  if (!usable && !restoreRetained(pass, NOTHING_THERE)) return;
  const known = unseen && hasRun(pass) ? "last-state" : restore;
  recordAttempt(pass, pass.spec, usable ? known : "savepoint");
}

/** It was given up as one that never ran; until its cluster was gone, it may have come up and made checkpoints. */
function neverObserved({ status }: Pass): boolean {
  return (status.jobStatus.startTime ?? "") === "";
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
  const readable = haRestores(pass) && recorded?.flinkVersion === pass.spec.flinkVersion;
  const hopeless = mode === "last-state" && !readable;
  return hopeless && pass.spec.job?.upgradeMode === "stateless" ? "stateless" : mode;
}

const NOTHING_THERE = "there is none to restore the stopped job from";

/** The marker stands for a checkpoint: metadata without one is another life's, and Flink would fail on it. */
function haRestores(pass: Pass): boolean {
  const marked = pass.status.jobStatus.upgradeSavepointPath === LAST_STATE_MARKER;
  return marked ? hasHaCheckpoint(haMaps(pass)) : hasHaMetadata(haMaps(pass));
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

/** What is being deployed. */
function attemptSpec(pass: Pass): DefaultedSpec {
  return recordedSpec(pass)?.spec ?? pass.spec;
}

export function clusterInputs(pass: Pass): ClusterInputs {
  const { status, options } = pass;
  const recorded = attemptSpec(pass);
  const restore = recorded.job?.upgradeMode ?? "stateless";
  const upgradeMode = pass.spec.job?.upgradeMode ?? restore;
  return {
    owner: ownerOf(pass),
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

/** The Apache operator makes the objects of a standalone cluster the resource's own. */
function isComplete(pass: Pass, inputs: ClusterInputs): boolean {
  const { services, configMaps, taskManagers } = pass.cluster;
  const owners = new Set([ownDeployment(pass)?.metadata.uid, pass.resource.metadata.uid]);
  const owned = [...services, ...configMaps, taskManagers ?? []]
    .flat()
    .filter(({ metadata }) => (metadata.ownerReferences ?? []).some(({ uid }) => owners.has(uid)));
  const names = new Set(owned.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
  return ownedObjectNames(inputs.owner.name, withSpecDefaults(inputs.spec), inputs.defaults).every(
    ({ kind, name }) => names.has(`${kind}/${name}`),
  );
}

/** The objects of the recorded attempt are there. */
export function clusterCreated(pass: Pass): void {
  recordDeployed(pass);
  pass.status.jobManagerDeploymentStatus = "DEPLOYING";
  waitFor(pass, "JobManagerIsDeploying", "the JobManager starts");
}

function deployed(pass: Pass): void {
  amendRecord(pass, { jobState: "running" });
  clusterCreated(pass);
  pass.status.jobStatus.state = "RECONCILING";
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

/**
 * The Deployment of this very attempt, by the generation that it carries, and by the attempt's id: a request that was long
 * on its way may have made that of an earlier one, which would start from older state.
 */
function attempted(pass: Pass): KubeObject | undefined {
  const deployment = ownDeployment(pass);
  if (deployment === undefined || deployment.metadata.deletionTimestamp !== undefined) return undefined;
  const { [GENERATION_ANNOTATION]: generation, [ATTEMPT_ANNOTATION]: attempt = attemptId(pass) } =
    deployment.metadata.annotations ?? {};
  const isOwn = generation === String(pass.status.observedGeneration) && attempt === attemptId(pass);
  return isOwn ? deployment : undefined;
}

/**
 * Whether the attempt's cluster is there; the next step to complete it is then among the actions. `giveUp`: one that is
 * not complete yet may be given up instead; true when it is.
 */
export function completeCluster(
  pass: Pass,
  giveUp: () => boolean = () => false,
): "complete" | "incomplete" | undefined {
  const deployment = attempted(pass);
  if (deployment === undefined) return undefined;
  const inputs = clusterInputs(pass);
  if (isComplete(pass, inputs)) return "complete";
  if (giveUp()) return "incomplete";
  pass.actions.push({ type: "create-cluster", inputs, existing: deployment });
  waitFor(pass, "Submitting", "completing the cluster's objects");
  requeue(pass, 0);
  return "incomplete";
}

/** The attempt's cluster came up, ran and was lost before anybody looked: its own job left a checkpoint. */
function hasRun(pass: Pass): boolean {
  const { jobId } = pass.status.jobStatus;
  const own = haMaps(pass).filter(({ metadata }) => jobId !== undefined && metadata.name.includes(jobId));
  return hasHaCheckpoint(own);
}

export function nameTaken(pass: Pass, { metadata: { name } }: KubeObject): void {
  const message = `a Deployment named ${name} exists and belongs to somebody else; rename one of the two`;
  stall(pass, "NameTaken", message);
}

/** After tearDown: what still has the name of one of the cluster's Deployments is somebody else's. */
export function isNameTaken(pass: Pass): boolean {
  const { deployment, taskManagers } = pass.cluster;
  const taken = deployment ?? (modeOf(pass.spec) === "standalone" ? taskManagers : undefined);
  if (taken !== undefined) nameTaken(pass, taken);
  return taken !== undefined;
}

/** Milliseconds within which no JobManager starts, runs a job and completes a checkpoint. */
const UNSEEN_MS = 3000;

/** Whether this attempt's job may have run and left a checkpoint, although nobody ever saw it. */
export function ranUnseen(pass: JobPass, restore: UpgradeMode): boolean {
  if (restore === "last-state") return false;
  const since = pass.now - (pass.status.reconciliationStatus.reconciliationTimestamp ?? 0);
  return since > UNSEEN_MS && mayHaveLeftCheckpoint(pass);
}

/** The attempt once more, from what its job left in the state storage. */
function attemptRetained(pass: Pass, lost: string): void {
  if (!restoreRetained(pass, lost)) return;
  if (pass.spec.job?.state === "suspended") return suspendInstead(pass, "savepoint");
  pass.generation = pass.status.observedGeneration ?? pass.generation;
  recordAttempt(pass, attemptSpec(pass), "savepoint");
}

/** An attempt is recorded: bring its objects about, or recognise that they are there. */
export function continueAttempt(pass: Pass, specChanged: boolean): void {
  const found = completeCluster(pass, () => rollBackAttempt(pass, restoreMode(pass)));
  if (found === "complete") return deployed(pass);
  if (found === "incomplete" || !tearDown(pass) || isNameTaken(pass)) return;
  const restore = hasRun(pass) ? "last-state" : restoreMode(pass);
  if (ranUnseen(pass, restore)) return attemptRetained(pass, "the cluster is lost");
  if (pass.spec.job?.state === "suspended") return suspendInstead(pass, restore);
  const attempt = attemptSpec(pass);
  const readable = restore !== "last-state" || attempt.flinkVersion === pass.spec.flinkVersion;
  if (specChanged && readable) return recordAttempt(pass, pass.spec, restore);
  if (rollBackAttempt(pass, restore)) return;
  if (restore === attempt.job?.upgradeMode) return createCluster(pass, restore);
  pass.generation = pass.status.observedGeneration ?? pass.generation;
  recordAttempt(pass, attempt, restore);
}

function createCluster(pass: Pass, restore: UpgradeMode): void {
  if (restore === "last-state" && !haRestores(pass)) return attemptRetained(pass, NOTHING_THERE);
  if (restore === "last-state" && !removeJobGraphs(pass)) return;
  if (restore !== "last-state" && !deleteHaMetadata(pass, "the job starts from another state")) return;
  submitCluster(pass);
}

/** Asks for the recorded attempt's cluster. */
export function submitCluster(pass: Pass): void {
  if (pass.failure?.action !== "create-cluster") {
    clearError(pass);
    emit(pass, {
      type: "Normal",
      reason: "Submit",
      message: "Starting deployment",
      component: "JobManagerDeployment",
    });
    warnOfIngress(pass);
  }
  pass.actions.push({ type: "create-cluster", inputs: clusterInputs(pass), existing: undefined });
  waitFor(pass, "Submitting", "creating the cluster's objects");
  requeue(pass, 0);
}
