/**
 * Taking a cluster down, as steps that are read off what is still there: nothing waits and nothing is remembered.
 *
 * A JobManager that runs a job goes first (its Deployment scaled to zero): were the TaskManagers to go first, a job
 * with little patience would fail for good and Flink would delete its HA metadata. Then the Deployment goes, and the
 * garbage collector takes what it owns; what belongs to the resource itself, as the Apache operator makes standalone
 * clusters, goes last. "Gone" means no Deployment and no pod: only then can a second cluster not write beside the first.
 */
import type { KubeObject } from "../../api/kube-object.ts";
import { isHaConfigMap } from "../../flink/high-availability.ts";
import { type OwnedObjectName, ownedObjectNames } from "../../resources/names.ts";
import {
  isOwned,
  type JobPass,
  ownDeployment,
  ownTaskManagers,
  type Pass,
  podsOf,
  requeue,
  stall,
  waitFor,
} from "../pass.ts";
import { isTerminal } from "../upgrade-mode.ts";

/** Beyond its grace period by this much, a pod's node does not answer. */
const STUCK_MS = 60_000;

function replicas(deployment: KubeObject): number {
  return (deployment["spec"] as { replicas?: number } | undefined)?.replicas ?? 1;
}

/** Without pods, a Deployment that is still there after this is held by somebody. */
const HELD_MS = 300_000;

function isStuck({ metadata }: KubeObject, now: number, limit = STUCK_MS): boolean {
  const { deletionTimestamp } = metadata;
  return deletionTimestamp !== undefined && now - Date.parse(deletionTimestamp) > limit;
}

function clusterPods(pass: Pass): readonly KubeObject[] {
  return [...podsOf(pass.cluster, "jobmanager"), ...podsOf(pass.cluster, "taskmanager")].filter((pod) => {
    const phase = (pod["status"] as { phase?: string } | undefined)?.phase;
    return phase !== "Succeeded" && phase !== "Failed";
  });
}

/** Until they have ended: while they may run, they may write. */
export function waitForPods(pass: JobPass, pods: readonly KubeObject[]): void {
  const stuck = pods.filter((pod) => isStuck(pod, pass.now)).map(({ metadata }) => metadata.name);
  const names = pods.map(({ metadata }) => metadata.name).join(", ");
  if (stuck.length > 0) {
    stall(
      pass,
      "PodsStuckTerminating",
      `pods do not end: ${stuck.join(", ")}. Their node may be lost. If it certainly is, release them with ` +
        `"kubectl delete pod --force ${stuck.join(" ")}"; while they may run, starting a second cluster could write twice`,
    );
  }
  waitFor(pass, "ClusterShuttingDown", `waiting for pods to end: ${names}`);
}

function waitForDeployment(pass: Pass, deployment: KubeObject): void {
  const { name, finalizers = [] } = deployment.metadata;
  if (isStuck(deployment, pass.now, HELD_MS)) {
    const held = `Deployment ${name} is deleted and does not go; it has the finalizers ${finalizers.join(", ")}`;
    const next =
      "See whether the garbage collector of the cluster runs; whoever set another finalizer has to remove it";
    stall(pass, "DeploymentStuckTerminating", `${held}. ${next}`);
  }
  waitFor(pass, "ClusterShuttingDown", "waiting for the JobManager Deployment to go");
}

/** Flink's own word, in this pass: the recorded state may run ahead of it. */
function flinkSaysEnded(pass: Pass): boolean {
  const { jobs } = pass.flink;
  const job = jobs?.ok ? jobs.value.find(({ jobId }) => jobId === pass.status.jobStatus.jobId) : undefined;
  return job !== undefined && isTerminal(job.state);
}

/**
 * Objects that outlive the JobManager's Deployment: TaskManagers that have lost it, and what belongs to the resource.
 * A configuration that stayed would start the next cluster with the state of this one.
 */
function leftovers(pass: Pass): KubeObject[] {
  const { configMaps, services } = pass.cluster;
  const standalone = ownedObjectNames(pass.resource.metadata.name, { ...pass.spec, mode: "standalone" }, {});
  const names = new Set(standalone.map(({ kind, name }) => `${kind}/${name}`));
  const ofResource = [...services, ...configMaps].filter(
    (object) => names.has(`${object.kind}/${object.metadata.name}`) && isOwned(object, pass.resource),
  );
  return [ownTaskManagers(pass) ?? [], ofResource].flat();
}

/** Only where no JobManager is. */
function deleteLeftovers(pass: Pass): void {
  const objects = leftovers(pass).flatMap(({ kind, metadata: { name, uid = "", deletionTimestamp } }) =>
    deletionTimestamp === undefined ? [{ kind: kind as OwnedObjectName["kind"], name, uid }] : [],
  );
  if (objects.length > 0) pass.actions.push({ type: "delete-leftovers", objects });
  waitFor(pass, "ClusterShuttingDown", "deleting what is left of the cluster");
}

/** Whether nothing of the cluster is left: no Deployment, nothing of its own, and no pod that may still write. */
export function isGone(pass: Pass): boolean {
  if (ownDeployment(pass) !== undefined) return false;
  // A Deployment of this name that is somebody else's has pods of its own, which are nobody's business here.
  if (pass.cluster.deployment !== undefined) return true;
  return clusterPods(pass).length === 0 && leftovers(pass).length === 0;
}

/** True when nothing of the cluster is left. Otherwise the next step is among the actions, or something is awaited. */
export function tearDown(pass: Pass): boolean {
  if (isGone(pass)) return true;
  const deployment = ownDeployment(pass);
  const pods = clusterPods(pass);
  const jobManagers = pods.filter(({ metadata }) => metadata.labels?.["component"] === "jobmanager");
  if (deployment === undefined) {
    // Of a Deployment that somebody else deleted the JobManager may still run: here as well it goes first.
    const hasJobManager = jobManagers.some((pod) => !isStuck(pod, pass.now));
    if (!hasJobManager && leftovers(pass).length > 0) deleteLeftovers(pass);
    else waitForPods(pass, pods);
    return false;
  }
  const uid = deployment.metadata.uid ?? "";
  if (deployment.metadata.deletionTimestamp !== undefined) {
    if (pods.length > 0) waitForPods(pass, pods);
    else waitForDeployment(pass, deployment);
    return false;
  }
  const jobEnded = flinkSaysEnded(pass);
  if (!jobEnded && replicas(deployment) > 0) {
    pass.actions.push({ type: "scale-job-manager-to-zero", uid });
    waitFor(pass, "ClusterShuttingDown", "stopping the JobManager");
    return false;
  }
  if (!jobEnded && jobManagers.some((pod) => !isStuck(pod, pass.now))) {
    waitForPods(pass, jobManagers);
    return false;
  }
  pass.actions.push({ type: "delete-job-manager", uid });
  waitFor(pass, "ClusterShuttingDown", "deleting the cluster");
  return false;
}

/** True when there is no HA metadata left; otherwise its deletion is among the actions. Only after tearDown. */
export function deleteHaMetadata(pass: Pass, why: string): boolean {
  const names = pass.cluster.configMaps.filter(isHaConfigMap).map(({ metadata }) => metadata.name);
  if (names.length === 0) return true;
  pass.actions.push({ type: "delete-config-maps", names, why });
  waitFor(pass, "DeletingHaMetadata", why);
  requeue(pass, 0);
  return false;
}
