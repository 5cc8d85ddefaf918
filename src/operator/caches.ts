/** What the operator watches, and what wakes what (2.3). */
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../api/flink-session-job.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { BY_SESSION, type Caches, sessionKey } from "../controller/gather.ts";
import type { KubeClient } from "../kube/client.ts";
import { Informer } from "../kube/informer.ts";
import {
  DEPLOYMENTS,
  FLINK_DEPLOYMENTS,
  FLINK_SESSION_JOBS,
  INGRESSES,
  POD_MONITORS,
  PODS,
  type ResourceType,
  SERVICE_MONITORS,
} from "../kube/resource-type.ts";
import { keyOf, type OnChange } from "../kube/store.ts";
import { monitorCache } from "./monitors.ts";
import { isNews } from "./news.ts";
import { type CacheSource, openSnapshotsOf, snapshotCache } from "./snapshots.ts";

const CLUSTERS = "type in (flink-native-kubernetes,flink-standalone-kubernetes)";

/** Puts a key into the queue of its kind. */
export interface Wake {
  readonly deployment: (key: string) => void;
  readonly sessionJob: (key: string) => void;
  readonly snapshot: (key: string) => void;
  /** The monitors of a FlinkDeployment. */
  readonly monitors: (key: string) => void;
}

export interface CacheOptions {
  /** Undefined: all. */
  readonly namespace: string | undefined;
  /** Which FlinkDeployments and FlinkSessionJobs; undefined: all. */
  readonly labelSelector?: string | undefined;
  /** Whether there are any. */
  readonly snapshots: boolean;
  /** Whether they are the operator's to make. */
  readonly ingresses: boolean;
  /** Whether there are PodMonitors and ServiceMonitors. */
  readonly monitors: boolean;
}

/** What a session job looks at. */
function asSession(deployment: FlinkDeployment | undefined): string {
  const { jobManagerDeploymentStatus, reconciliationStatus } = deployment?.status ?? {};
  return `${jobManagerDeploymentStatus} ${reconciliationStatus?.state}`;
}

/** A session cluster that waits for its jobs: to be stopped for a change, or to be deleted. */
function waitsForJobs(deployment: FlinkDeployment | undefined): boolean {
  const { metadata, status } = deployment ?? {};
  return metadata?.deletionTimestamp !== undefined || status?.reconciliationStatus?.state === "UPGRADING";
}

function ingressCache(client: KubeClient, { namespace, wake, onError }: CacheSource): Informer<KubeObject> {
  return new Informer<KubeObject>(client, INGRESSES, {
    namespace,
    labelSelector: "component=ingress",
    onError,
    onChange: (_key, object, previous) => {
      const { namespace: place = "default", ownerReferences = [] } = (object ?? previous)?.metadata ?? {};
      for (const { kind, name } of ownerReferences) if (kind === "FlinkDeployment") wake(`${place}/${name}`);
    },
  });
}

export function createCaches(
  client: KubeClient,
  { namespace, labelSelector, snapshots: withSnapshots, ingresses: withIngresses, monitors }: CacheOptions,
  wake: Wake,
  onError: (error: unknown) => void,
): Caches {
  const common = { namespace, onError };
  const ofCluster: OnChange<KubeObject> = (_key, object, previous) => {
    const { metadata } = object ?? previous ?? {};
    const cluster = metadata?.labels?.["app"];
    if (cluster !== undefined) wake.deployment(`${metadata?.namespace ?? "default"}/${cluster}`);
  };
  const follow = (type: ResourceType, selector: string): Informer<KubeObject> =>
    new Informer<KubeObject>(client, type, { ...common, labelSelector: selector, onChange: ofCluster });
  const snapshots = withSnapshots ? snapshotCache(client, { ...common, wake: wake.snapshot }) : undefined;
  // What its snapshots wait for shows in a job's status.
  const wakeSnapshots = (kind: "FlinkDeployment" | "FlinkSessionJob", key: string): void => {
    for (const snapshot of openSnapshotsOf(snapshots, kind, key)) wake.snapshot(snapshot);
  };
  const sessionJobs: Informer<FlinkSessionJob> = new Informer<FlinkSessionJob>(client, FLINK_SESSION_JOBS, {
    ...common,
    labelSelector,
    indexes: { [BY_SESSION]: (job) => [sessionKey(job)] },
    onChange: (key, object, previous) => {
      wakeSnapshots("FlinkSessionJob", key);
      if (isNews(object, previous)) wake.sessionJob(key);
      const job = object ?? previous;
      const cluster = job && resources.get(job.metadata.namespace, job.spec.deploymentName ?? "");
      if (cluster !== undefined && waitsForJobs(cluster)) wake.deployment(keyOf(cluster));
    },
  });
  const resources: Informer<FlinkDeployment> = new Informer<FlinkDeployment>(client, FLINK_DEPLOYMENTS, {
    ...common,
    labelSelector,
    onChange: (key, object, previous) => {
      wakeSnapshots("FlinkDeployment", key);
      const news = isNews(object, previous);
      if (news) wake.deployment(key);
      if (news) wake.monitors(key);
      if (!news && asSession(object) === asSession(previous)) return;
      for (const job of sessionJobs.byIndex(BY_SESSION, key)) wake.sessionJob(keyOf(job));
    },
  });
  return {
    resources,
    sessionJobs,
    snapshots,
    deployments: follow(DEPLOYMENTS, `${CLUSTERS},component in (jobmanager,taskmanager)`),
    pods: follow(PODS, CLUSTERS),
    ingresses: withIngresses ? ingressCache(client, { ...common, wake: wake.deployment }) : undefined,
    podMonitors: monitors
      ? monitorCache(client, POD_MONITORS, { ...common, wake: wake.monitors })
      : undefined,
    serviceMonitors: monitors
      ? monitorCache(client, SERVICE_MONITORS, { ...common, wake: wake.monitors })
      : undefined,
  };
}
