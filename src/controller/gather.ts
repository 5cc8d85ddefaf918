/**
 * Gathering: everything a decision needs, at one moment. From the caches in the steady state; from the API server
 * itself as soon as anything is to be done, because a cache may lag behind and a lagging cache must never delete,
 * create or restore. Flink's answers are asked for one round at a time, each depending on those before.
 */
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../api/flink-session-job.ts";
import type { KubeObject } from "../api/kube-object.ts";
import type { FlinkRestClient } from "../flink-rest/client.ts";
import type { KubeClient } from "../kube/client.ts";
import type { Informer } from "../kube/informer.ts";
import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  FLINK_DEPLOYMENTS,
  FLINK_SESSION_JOBS,
  PODS,
  SERVICES,
} from "../kube/resource-type.ts";
import type { FlinkAnswers, ObservedCluster } from "../reconcile/decision.ts";
import { isSessionCluster } from "../reconcile/session-cluster.ts";
import type { Question } from "../reconcile/deployment/questions.ts";

export interface Caches {
  readonly resources: Informer<FlinkDeployment>;
  /** With the index BY_SESSION. */
  readonly sessionJobs: Informer<FlinkSessionJob>;
  readonly deployments: Informer<KubeObject>;
  readonly pods: Informer<KubeObject>;
}

/** Session jobs by the key of the FlinkDeployment that they name. */
export const BY_SESSION = "session";

export function sessionKey({ metadata, spec }: FlinkSessionJob): string {
  return `${metadata.namespace ?? "default"}/${spec.deploymentName ?? ""}`;
}

export interface Gathered {
  readonly resource: FlinkDeployment;
  readonly cluster: ObservedCluster;
  readonly sessionJobs: readonly FlinkSessionJob[];
}

export function gatherFromCache(caches: Caches, namespace: string, name: string): Gathered | undefined {
  const resource = caches.resources.get(namespace, name);
  if (resource === undefined) return undefined;
  const pods = caches.pods.list({ namespace, filter: (pod) => pod.metadata.labels?.["app"] === name });
  return {
    resource,
    cluster: { deployment: caches.deployments.get(namespace, name), pods, services: [], configMaps: [] },
    sessionJobs: caches.sessionJobs.byIndex(BY_SESSION, `${namespace}/${name}`),
  };
}

export async function gatherLive(
  client: KubeClient,
  namespace: string,
  name: string,
): Promise<Gathered | undefined> {
  const selector = { namespace, labelSelector: `app=${name}` };
  const [resource, deployment, pods, services, configMaps] = await Promise.all([
    client.get<FlinkDeployment>(FLINK_DEPLOYMENTS, namespace, name),
    client.get<KubeObject>(DEPLOYMENTS, namespace, name),
    client.list<KubeObject>(PODS, selector),
    client.list<KubeObject>(SERVICES, selector),
    client.list<KubeObject>(CONFIG_MAPS, selector),
  ]);
  if (resource === undefined) return undefined;
  return {
    resource,
    cluster: { deployment, pods: pods.items, services: services.items, configMaps: configMaps.items },
    sessionJobs: isSessionCluster(resource) ? await liveSessionJobs(client, namespace, name) : [],
  };
}

async function liveSessionJobs(
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
  const triggerId = status?.jobStatus?.savepointInfo?.triggerId ?? "";
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
      return { savepoint: await flink.savepointStatus(jobId, triggerId) };
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
