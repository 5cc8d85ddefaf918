/**
 * Gathering: everything a decision needs, at one moment. From the caches in the steady state; from the API server
 * itself as soon as anything is to be done, because a cache may lag behind and a lagging cache must never delete,
 * create or restore. Flink's answers are asked for one round at a time, each depending on those before.
 */
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../api/flink-session-job.ts";
import type { FlinkStateSnapshot } from "../api/flink-state-snapshot.ts";
import type { KubeObject } from "../api/kube-object.ts";
import type { FlinkRestClient } from "../flink-rest/client.ts";
import { isKubeError, type KubeClient } from "../kube/client.ts";
import type { Informer } from "../kube/informer.ts";
import { selectorFor } from "../kube/label-selector.ts";
import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  FLINK_DEPLOYMENTS,
  FLINK_SESSION_JOBS,
  FLINK_STATE_SNAPSHOTS,
  INGRESSES,
  NAMESPACES,
  PODS,
  type ResourceType,
  SERVICES,
} from "../kube/resource-type.ts";
import type { FlinkAnswers, ObservedCluster } from "../reconcile/decision.ts";
import { HEALTH_METRICS } from "../reconcile/deployment/cluster-health.ts";
import type { Question } from "../reconcile/deployment/questions.ts";
import { isSessionCluster } from "../reconcile/session-cluster.ts";
import { selectorOf, type SnapshotOwner } from "../reconcile/snapshot/resource.ts";
import { taskManagerDeploymentName } from "../resources/names.ts";

export interface Caches {
  readonly resources: Informer<FlinkDeployment>;
  /** With the index BY_SESSION. */
  readonly sessionJobs: Informer<FlinkSessionJob>;
  readonly deployments: Informer<KubeObject>;
  readonly pods: Informer<KubeObject>;
  /** Undefined where the operator leaves them to others. */
  readonly ingresses: Informer<KubeObject> | undefined;
  /** Both undefined where the Prometheus Operator's CRDs are not installed, or may not be read. */
  readonly podMonitors?: Informer<KubeObject> | undefined;
  readonly serviceMonitors?: Informer<KubeObject> | undefined;
  /** Undefined where FlinkStateSnapshot is not installed. */
  readonly snapshots: Informer<FlinkStateSnapshot> | undefined;
}

/** The caches that hold a namespace; undefined for one that the operator does not watch, or cannot read yet. */
export type CachesFor = (namespace: string) => Caches | undefined;

export function namespaceOf({ metadata }: KubeObject): string {
  return metadata.namespace ?? "default";
}

/** Session jobs by the key of the FlinkDeployment that they name. */
export const BY_SESSION = "session";

export function sessionKey({ metadata, spec }: FlinkSessionJob): string {
  return `${metadata.namespace ?? "default"}/${spec.deploymentName ?? ""}`;
}

export interface Gathered {
  readonly resource: FlinkDeployment;
  readonly cluster: ObservedCluster;
  readonly namespaceGoes?: boolean;
  readonly sessionJobs: readonly FlinkSessionJob[];
  readonly snapshots: readonly FlinkStateSnapshot[] | undefined;
}

/** The index of the snapshots' cache: by the job that they name. */
export const BY_JOB = "job";

export function jobKey(kind: string, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

export function namedJob({ metadata, spec }: FlinkStateSnapshot): readonly string[] {
  const { kind, name } = (spec ?? {}).jobReference ?? {};
  return kind === undefined || name === undefined ? [] : [jobKey(kind, metadata.namespace ?? "", name)];
}

type JobKind = SnapshotOwner["kind"];

export function cachedSnapshots(
  cache: Caches["snapshots"],
  kind: JobKind,
  namespace: string,
  name: string,
): readonly FlinkStateSnapshot[] | undefined {
  return cache?.byIndex(BY_JOB, jobKey(kind, namespace, name));
}

/** Behind on snapshots is no reason not to go on with their job: where they cannot be listed, the cache has to do. */
export async function liveSnapshots(
  client: KubeClient,
  cache: Caches["snapshots"],
  kind: JobKind,
  namespace: string,
  name: string,
): Promise<readonly FlinkStateSnapshot[] | undefined> {
  if (cache === undefined) return undefined;
  const labelSelector = selectorOf({ kind, name });
  try {
    const { items } = await client.list<FlinkStateSnapshot>(FLINK_STATE_SNAPSHOTS, {
      namespace,
      labelSelector,
    });
    return items.filter((one) => namedJob(one).includes(jobKey(kind, namespace, name)));
  } catch {
    return cachedSnapshots(cache, kind, namespace, name);
  }
}

/** Whether the namespace goes too, of a resource that goes. Who may not read namespaces does not know of any that do. */
async function namespaceGoes(client: KubeClient, { metadata }: FlinkDeployment): Promise<boolean> {
  if (metadata.deletionTimestamp === undefined) return false;
  try {
    const namespace = await client.get<KubeObject>(NAMESPACES, undefined, metadata.namespace ?? "default");
    return namespace?.metadata.deletionTimestamp !== undefined;
  } catch (error) {
    if (isKubeError(error, "forbidden")) return false;
    throw error;
  }
}

export async function gatherFromCache(
  client: KubeClient,
  caches: Caches | undefined,
  namespace: string,
  name: string,
): Promise<Gathered | undefined> {
  const resource = caches?.resources.get(namespace, name);
  if (caches === undefined || resource === undefined) return undefined;
  const pods = caches.pods.list({ namespace, filter: (pod) => pod.metadata.labels?.["app"] === name });
  return {
    resource,
    cluster: {
      deployment: caches.deployments.get(namespace, name),
      taskManagers: caches.deployments.get(namespace, taskManagerDeploymentName(name)),
      pods,
      ingress: caches.ingresses?.get(namespace, name),
      services: [],
      configMaps: [],
    },
    namespaceGoes: await namespaceGoes(client, resource),
    snapshots: cachedSnapshots(caches.snapshots, "FlinkDeployment", namespace, name),
    sessionJobs: caches.sessionJobs.byIndex(BY_SESSION, `${namespace}/${name}`),
  };
}

/** As with snapshots: a job does not wait for its Ingress to be readable. */
async function liveIngress(
  client: KubeClient,
  cache: Caches["ingresses"],
  namespace: string,
  name: string,
): Promise<KubeObject | undefined> {
  try {
    return await client.get<KubeObject>(INGRESSES, namespace, name);
  } catch {
    return cache?.get(namespace, name);
  }
}

/** Objects with these labels. A name that can be no label's value, as a user may have put it into a spec, has none. */
export async function listLabelled(
  client: KubeClient,
  type: ResourceType,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): Promise<readonly KubeObject[]> {
  const labelSelector = selectorFor(labels);
  if (labelSelector === undefined) return [];
  return (await client.list<KubeObject>(type, { namespace, labelSelector })).items;
}

/** What is there of the cluster `name`, from the API server. */
export async function gatherCluster(
  client: KubeClient,
  namespace: string,
  name: string,
  ingresses?: Caches["ingresses"],
): Promise<ObservedCluster> {
  const list = (type: ResourceType): Promise<readonly KubeObject[]> =>
    listLabelled(client, type, namespace, { app: name });
  const [deployment, taskManagers, pods, services, configMaps, ingress] = await Promise.all([
    client.get<KubeObject>(DEPLOYMENTS, namespace, name),
    client.get<KubeObject>(DEPLOYMENTS, namespace, taskManagerDeploymentName(name)),
    list(PODS),
    list(SERVICES),
    list(CONFIG_MAPS),
    liveIngress(client, ingresses, namespace, name),
  ]);
  return {
    deployment,
    taskManagers,
    pods,
    services,
    ingress,
    configMaps,
  };
}

export async function gatherLive(
  client: KubeClient,
  caches: Pick<Caches, "snapshots" | "ingresses"> | undefined,
  namespace: string,
  name: string,
): Promise<Gathered | undefined> {
  const [resource, cluster, snapshots] = await Promise.all([
    client.get<FlinkDeployment>(FLINK_DEPLOYMENTS, namespace, name),
    gatherCluster(client, namespace, name, caches?.ingresses),
    liveSnapshots(client, caches?.snapshots, "FlinkDeployment", namespace, name),
  ]);
  if (resource === undefined) return undefined;
  return {
    resource,
    cluster,
    namespaceGoes: await namespaceGoes(client, resource),
    snapshots,
    sessionJobs: isSessionCluster(resource) ? await liveSessionJobs(client, namespace, name) : [],
  };
}

export async function liveSessionJobs(
  client: KubeClient,
  namespace: string,
  name: string,
): Promise<readonly FlinkSessionJob[]> {
  const { items } = await client.list<FlinkSessionJob>(FLINK_SESSION_JOBS, { namespace });
  return items.filter(({ spec }) => spec.deploymentName === name);
}

async function ask(
  flink: FlinkRestClient,
  question: Question,
  { status }: FlinkDeployment | FlinkSessionJob,
  jobWithExceptions: string,
): Promise<FlinkAnswers> {
  const jobId = status?.jobStatus?.jobId ?? "";
  const { savepointInfo, checkpointInfo } = status?.jobStatus ?? {};
  switch (question) {
    case "config":
      return { config: await flink.config() };
    case "jobs":
      return { jobs: await flink.jobsOverview() };
    case "applications":
      return { applications: await flink.applicationsOverview() };
    case "checkpoints":
      return { checkpoints: await flink.jobCheckpoints(jobId) };
    case "exceptions":
      return { exceptions: await flink.jobExceptions(jobWithExceptions) };
    case "savepoint":
      return { savepoint: await flink.savepointStatus(jobId, savepointInfo?.triggerId ?? "") };
    case "checkpoint":
      return { checkpoint: await flink.checkpointStatus(jobId, checkpointInfo?.triggerId ?? "") };
    case "metrics":
      return { metrics: await flink.jobMetrics(jobId, HEALTH_METRICS) };
  }
}

/**
 * Rounds end because each question is asked once. `next`: what to ask, given what is known; `failing`: the job whose
 * exceptions tell what is wrong.
 */
export async function askFlink(
  flink: FlinkRestClient,
  resource: FlinkDeployment | FlinkSessionJob,
  next: (known: FlinkAnswers) => readonly Question[],
  failing: (known: FlinkAnswers) => string,
): Promise<FlinkAnswers> {
  let answers: FlinkAnswers = {};
  for (;;) {
    const questions = next(answers);
    if (questions.length === 0) return answers;
    const job = failing(answers);
    const found = await Promise.all(questions.map((question) => ask(flink, question, resource, job)));
    answers = Object.assign({}, answers, ...found) as FlinkAnswers;
  }
}
