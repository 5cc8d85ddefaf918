/**
 * Gathering: everything a decision needs, at one moment. From the caches in the steady state; from the API server
 * itself as soon as anything is to be done, because a cache may lag behind and a lagging cache must never delete,
 * create or restore. Flink's answers are asked for one round at a time, each depending on those before.
 */
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { FlinkStateSnapshot } from "../api/flink-state-snapshot.ts";
import type { KubeObject } from "../api/kube-object.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import type { FlinkRestClient } from "../flink-rest/client.ts";
import type { KubeClient } from "../kube/client.ts";
import type { Informer } from "../kube/informer.ts";
import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  FLINK_DEPLOYMENTS,
  FLINK_STATE_SNAPSHOTS,
  PODS,
  SERVICES,
} from "../kube/resource-type.ts";
import type { FlinkAnswers, ObservedCluster } from "../reconcile/decision.ts";
import { HEALTH_METRICS } from "../reconcile/deployment/cluster-health.ts";
import { taskManagerDeploymentName } from "../resources/names.ts";
import { selectorOf } from "../reconcile/snapshot/resource.ts";
import { jobWithExceptions, nextQuestions, type Question } from "../reconcile/deployment/questions.ts";

export interface Caches {
  readonly resources: Informer<FlinkDeployment>;
  readonly deployments: Informer<KubeObject>;
  readonly pods: Informer<KubeObject>;
  /** Undefined where FlinkStateSnapshot is not installed. */
  readonly snapshots: Informer<FlinkStateSnapshot> | undefined;
}

export interface Gathered {
  readonly resource: FlinkDeployment;
  readonly cluster: ObservedCluster;
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

/** Behind on snapshots is no reason not to go on with their job: where they cannot be listed, the cache has to do. */
async function liveSnapshots(
  client: KubeClient,
  cache: Caches["snapshots"],
  namespace: string,
  name: string,
): Promise<readonly FlinkStateSnapshot[] | undefined> {
  if (cache === undefined) return undefined;
  const labelSelector = selectorOf({ kind: "FlinkDeployment", name });
  try {
    const { items } = await client.list<FlinkStateSnapshot>(FLINK_STATE_SNAPSHOTS, {
      namespace,
      labelSelector,
    });
    return items.filter((one) => namedJob(one).includes(jobKey("FlinkDeployment", namespace, name)));
  } catch {
    return cache.byIndex(BY_JOB, jobKey("FlinkDeployment", namespace, name));
  }
}

export function gatherFromCache(caches: Caches, namespace: string, name: string): Gathered | undefined {
  const resource = caches.resources.get(namespace, name);
  if (resource === undefined) return undefined;
  const pods = caches.pods.list({ namespace, filter: (pod) => pod.metadata.labels?.["app"] === name });
  return {
    resource,
    cluster: {
      deployment: caches.deployments.get(namespace, name),
      taskManagers: caches.deployments.get(namespace, taskManagerDeploymentName(name)),
      pods,
      services: [],
      configMaps: [],
    },
    snapshots: caches.snapshots?.byIndex(BY_JOB, jobKey("FlinkDeployment", namespace, name)),
  };
}

export async function gatherLive(
  client: KubeClient,
  caches: Pick<Caches, "snapshots">,
  namespace: string,
  name: string,
): Promise<Gathered | undefined> {
  const selector = { namespace, labelSelector: `app=${name}` };
  const [resource, deployment, taskManagers, pods, services, configMaps, snapshots] = await Promise.all([
    client.get<FlinkDeployment>(FLINK_DEPLOYMENTS, namespace, name),
    client.get<KubeObject>(DEPLOYMENTS, namespace, name),
    client.get<KubeObject>(DEPLOYMENTS, namespace, taskManagerDeploymentName(name)),
    client.list<KubeObject>(PODS, selector),
    client.list<KubeObject>(SERVICES, selector),
    client.list<KubeObject>(CONFIG_MAPS, selector),
    liveSnapshots(client, caches.snapshots, namespace, name),
  ]);
  if (resource === undefined) return undefined;
  return {
    resource,
    cluster: {
      deployment,
      taskManagers,
      pods: pods.items,
      services: services.items,
      configMaps: configMaps.items,
    },
    snapshots,
  };
}

async function ask(
  flink: FlinkRestClient,
  question: Question,
  resource: FlinkDeployment,
  known: FlinkAnswers,
): Promise<FlinkAnswers> {
  const jobId = resource.status?.jobStatus?.jobId ?? "";
  const { savepointInfo, checkpointInfo } = resource.status?.jobStatus ?? {};
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
      return { exceptions: await flink.jobExceptions(jobWithExceptions(resource, known)) };
    case "savepoint":
      return { savepoint: await flink.savepointStatus(jobId, savepointInfo?.triggerId ?? "") };
    case "checkpoint":
      return { checkpoint: await flink.checkpointStatus(jobId, checkpointInfo?.triggerId ?? "") };
    case "metrics":
      return { metrics: await flink.jobMetrics(jobId, HEALTH_METRICS) };
  }
}

/** Rounds end because each question is asked once. */
export async function askFlink(
  flink: FlinkRestClient,
  { resource, cluster }: Gathered,
  defaults: FlinkConfiguration,
): Promise<FlinkAnswers> {
  let answers: FlinkAnswers = {};
  for (;;) {
    const questions = nextQuestions(resource, cluster, answers, defaults);
    if (questions.length === 0) return answers;
    const found = await Promise.all(questions.map((question) => ask(flink, question, resource, answers)));
    answers = Object.assign({}, answers, ...found) as FlinkAnswers;
  }
}
