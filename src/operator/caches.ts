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
  PODS,
  type ResourceType,
} from "../kube/resource-type.ts";
import { keyOf, type OnChange } from "../kube/store.ts";
import type { Logger } from "../telemetry/log.ts";

const NATIVE = "type=flink-native-kubernetes";

/** Keys of resources that want a look. */
export interface Wake {
  readonly deployment: (key: string) => void;
  readonly sessionJob: (key: string) => void;
}

/** Not what Sluice writes itself: its own status comes back here as well. */
function isEdited(object: KubeObject | undefined, previous: KubeObject | undefined): boolean {
  const [after, before] = [object?.metadata, previous?.metadata];
  const same = after?.generation === before?.generation && after?.uid === before?.uid;
  return !same || after?.deletionTimestamp !== before?.deletionTimestamp;
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

export function createCaches(
  client: KubeClient,
  namespace: string | undefined,
  wake: Wake,
  log: Logger,
): Caches {
  const onError = (error: unknown): void => log.warn({ error: String(error) }, "watch failed, trying again");
  const common = { namespace, onError };
  const ofCluster: OnChange<KubeObject> = (_key, object, previous) => {
    const { metadata } = object ?? previous ?? {};
    const cluster = metadata?.labels?.["app"];
    if (cluster !== undefined) wake.deployment(`${metadata?.namespace ?? "default"}/${cluster}`);
  };
  const follow = (type: ResourceType, labelSelector: string): Informer<KubeObject> =>
    new Informer<KubeObject>(client, type, { ...common, labelSelector, onChange: ofCluster });
  const sessionJobs: Informer<FlinkSessionJob> = new Informer<FlinkSessionJob>(client, FLINK_SESSION_JOBS, {
    ...common,
    indexes: { [BY_SESSION]: (job) => [sessionKey(job)] },
    onChange: (key, object, previous) => {
      if (isEdited(object, previous)) wake.sessionJob(key);
      const job = object ?? previous;
      const cluster = job && resources.get(job.metadata.namespace, job.spec.deploymentName ?? "");
      if (cluster !== undefined && waitsForJobs(cluster)) wake.deployment(keyOf(cluster));
    },
  });
  const resources: Informer<FlinkDeployment> = new Informer<FlinkDeployment>(client, FLINK_DEPLOYMENTS, {
    ...common,
    onChange: (key, object, previous) => {
      const edited = isEdited(object, previous);
      if (edited) wake.deployment(key);
      if (!edited && asSession(object) === asSession(previous)) return;
      for (const job of sessionJobs.byIndex(BY_SESSION, key)) wake.sessionJob(keyOf(job));
    },
  });
  return {
    resources,
    sessionJobs,
    deployments: follow(DEPLOYMENTS, `${NATIVE},component=jobmanager`),
    pods: follow(PODS, NATIVE),
  };
}
