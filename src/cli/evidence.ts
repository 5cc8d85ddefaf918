/** Gathers what `sluice doctor` looks at. What cannot be had is left out: a diagnosis of less is better than none. */
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { KubeObject } from "../api/kube-object.ts";
import type { FlinkRestClient } from "../flink-rest/client.ts";
import { KubeApiError } from "../kube/api-error.ts";
import { objectPath } from "../kube/request.ts";
import { DEPLOYMENTS, FLINK_DEPLOYMENTS, PODS } from "../kube/resource-type.ts";
import { flinkClients } from "../controller/flink-clients.ts";
import { deployedRestPort } from "../reconcile/deployment/rest-port.ts";
import type { Evidence, EventFact, Examined, LogTail } from "../reconcile/diagnosis/evidence.ts";
import { withoutSecrets } from "../reconcile/diagnosis/without-secrets.ts";
import { taskManagerDeploymentName } from "../resources/names.ts";
import { MAIN_CONTAINER } from "../resources/pod-template.ts";
import type { Cluster } from "./cluster.ts";
import { countOf, eventsOf, timeOf } from "./job-events.ts";

/** Lines of each log: exceptions of a job that fails again and again are near the end. */
const TAIL_LINES = "400";
const MAX_LOGS = 8;

/** Undefined where there is no such log, or no right to it. */
async function logTail(
  { client, namespace }: Cluster,
  pod: KubeObject,
  previous: boolean,
): Promise<LogTail | undefined> {
  const { name, labels } = pod.metadata;
  const query = {
    container: MAIN_CONTAINER,
    tailLines: TAIL_LINES,
    ...(previous ? { previous: "true" } : {}),
  };
  try {
    const text = await client.getText(objectPath(PODS, namespace, name, "log"), query);
    return text === "" ? undefined : { pod: name, component: labels?.["component"] ?? "pod", previous, text };
  } catch (error) {
    if (error instanceof KubeApiError) return undefined;
    throw error;
  }
}

interface Restarts {
  containerStatuses?: { name: string; restartCount?: number }[];
}

function isJobManager({ metadata }: KubeObject): boolean {
  return metadata.labels?.["component"] === "jobmanager";
}

/** Of JobManagers first; of a container that was restarted, what it said before as well. */
async function logsOf(cluster: Cluster, pods: readonly KubeObject[]): Promise<LogTail[]> {
  const ordered = pods
    .toSorted((a, b) => Number(isJobManager(b)) - Number(isJobManager(a)))
    .slice(0, MAX_LOGS);
  const tails = ordered.flatMap((pod) => {
    const { containerStatuses = [] } = (pod["status"] ?? {}) as Restarts;
    const restarted = containerStatuses.some(({ restartCount = 0 }) => restartCount > 0);
    return [logTail(cluster, pod, false), ...(restarted ? [logTail(cluster, pod, true)] : [])];
  });
  return (await Promise.all(tails)).filter((tail) => tail !== undefined);
}

async function askFlink(flink: FlinkRestClient, jobId: string): Promise<Evidence["flink"]> {
  const [config, jobs] = await Promise.all([flink.config(), flink.jobsOverview()]);
  if (!jobs.ok) return { config, jobs };
  const taskManagers = await flink.taskManagers();
  // Flink 2.3 lists a failed job of another id where main() failed before it had one.
  const failed = jobs.value.find(({ state }) => state === "FAILED")?.jobId;
  const id = jobs.value.some((job) => job.jobId === jobId) ? jobId : failed;
  if (id === undefined) return { config, jobs, taskManagers };
  const [exceptions, checkpoints, checkpointConfig, pressure] = await Promise.all([
    flink.jobExceptions(id),
    flink.jobCheckpoints(id),
    flink.checkpointConfig(id),
    flink.jobPressure(id),
  ]);
  return { config, jobs, taskManagers, exceptions, checkpoints, checkpointConfig, pressure };
}

/** The resource whose cluster runs the job; null for a session job without one. */
async function clusterOf(
  { client, namespace }: Cluster,
  resource: Examined,
): Promise<FlinkDeployment | null> {
  if (resource.kind === "FlinkDeployment") return resource as unknown as FlinkDeployment;
  const name = resource.spec.deploymentName ?? "";
  return (
    (name === "" ? undefined : await client.get<FlinkDeployment>(FLINK_DEPLOYMENTS, namespace, name)) ?? null
  );
}

/** What cannot be had, for want of a right or in time, is named and left out. */
class Looks {
  readonly unseen: string[] = [];

  async orElse<T>(what: string, nothing: T, look: Promise<T>): Promise<T> {
    try {
      return await look;
    } catch (error) {
      if (!(error instanceof KubeApiError)) throw error;
      this.unseen.push(`${what}: ${error.message}`);
      return nothing;
    }
  }
}

async function objectsOf(
  looks: Looks,
  { client, namespace }: Cluster,
  name: string,
): Promise<Pick<Evidence, "deployments" | "pods">> {
  const names = [name, taskManagerDeploymentName(name)];
  const [pods, ...deployments] = await Promise.all([
    looks.orElse(
      "pods",
      [],
      client.list<KubeObject>(PODS, { namespace, labelSelector: `app=${name}` }).then(({ items }) => items),
    ),
    ...names.map((one) => looks.orElse("deployments", undefined, client.get(DEPLOYMENTS, namespace, one))),
  ]);
  return { pods, deployments: deployments.filter((one) => one !== undefined) };
}

async function factsOf(looks: Looks, cluster: Cluster, objects: readonly KubeObject[]): Promise<EventFact[]> {
  const found = objects.map((object) => looks.orElse("events", [], eventsOf(cluster, object)));
  return (await Promise.all(found)).flat().map((event) => {
    const { involvedObject, type = "", reason = "", message = "" } = event;
    const times = countOf(event) > 1 ? ` (${countOf(event)} times)` : "";
    const { kind = "", name = "" } = involvedObject ?? {};
    return { kind, name, type, reason, message: `${message}${times}`, time: timeOf(event) };
  });
}

export async function gatherEvidence(cluster: Cluster, resource: Examined): Promise<Evidence> {
  const { client, namespace } = cluster;
  const looks = new Looks();
  const owner = await looks.orElse("session cluster", null, clusterOf(cluster, resource));
  const name = owner?.metadata.name ?? resource.metadata.name;
  const isJobOfSession = resource.kind === "FlinkSessionJob";
  const clients = flinkClients(client, cluster.flinkRest);
  try {
    const jobId = resource.status?.jobStatus?.jobId ?? "";
    const [objects, events, flink] = await Promise.all([
      objectsOf(looks, cluster, name),
      factsOf(looks, cluster, [resource, ...(isJobOfSession && owner !== null ? [owner] : [])]),
      owner === null ? {} : askFlink(clients.clientFor(namespace, name, deployedRestPort(owner, {})), jobId),
    ]);
    const logs = await logsOf(cluster, objects.pods);
    const session = isJobOfSession ? { session: owner } : {};
    const { unseen } = looks;
    return withoutSecrets({ now: Date.now(), resource, ...session, ...objects, events, logs, unseen, flink });
  } finally {
    await clients.close();
  }
}
