/** Gathers what `sluice doctor` looks at. What cannot be had is left out: a diagnosis of less is better than none. */
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { KubeObject } from "../api/kube-object.ts";
import type { FlinkRestClient } from "../flink-rest/client.ts";
import { KubeApiError } from "../kube/api-error.ts";
import { objectPath } from "../kube/request.ts";
import { DEPLOYMENTS, FLINK_DEPLOYMENTS, PODS } from "../kube/resource-type.ts";
import { flinkClients } from "../controller/flink-clients.ts";
import { deployedRestPort } from "../reconcile/deployment/rest-port.ts";
import type { Evidence, Examined, LogTail } from "../reconcile/diagnosis/evidence.ts";
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

export async function gatherEvidence(cluster: Cluster, resource: Examined): Promise<Evidence> {
  const { client, namespace } = cluster;
  const owner = await clusterOf(cluster, resource);
  const name = owner?.metadata.name ?? resource.metadata.name;
  const clients = flinkClients(client, cluster.flinkRest);
  try {
    const [deployments, pods, said] = await Promise.all([
      Promise.all(
        [name, taskManagerDeploymentName(name)].map((one) => client.get(DEPLOYMENTS, namespace, one)),
      ),
      client.list<KubeObject>(PODS, { namespace, labelSelector: `app=${name}` }),
      Promise.all(
        [resource, ...(owner === null || resource.kind === owner.kind ? [] : [owner])].map((one) =>
          eventsOf(cluster, one),
        ),
      ),
    ]);
    const flink =
      owner === null
        ? {}
        : await askFlink(
            clients.clientFor(namespace, name, deployedRestPort(owner, {})),
            resource.status?.jobStatus?.jobId ?? "",
          );
    return withoutSecrets({
      now: Date.now(),
      resource,
      ...(resource.kind === "FlinkSessionJob" ? { session: owner } : {}),
      deployments: deployments.filter((one) => one !== undefined),
      pods: pods.items,
      events: said.flat().map((event) => ({
        kind: event.involvedObject?.kind ?? "",
        name: event.involvedObject?.name ?? "",
        type: event.type ?? "",
        reason: event.reason ?? "",
        message: `${event.message ?? ""}${countOf(event) > 1 ? ` (${countOf(event)} times)` : ""}`,
        time: timeOf(event),
      })),
      logs: await logsOf(cluster, pods.items),
      flink,
    });
  } finally {
    await clients.close();
  }
}
