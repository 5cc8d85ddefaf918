/** FlinkStateSnapshots in the process: whether there are any, their cache, and which of them a change concerns. */
import { setTimeout } from "node:timers/promises";
import type { FlinkStateSnapshot } from "../api/flink-state-snapshot.ts";
import { BY_JOB, namedJob } from "../controller/gather.ts";
import { type KubeClient, isKubeError } from "../kube/client.ts";
import { Informer } from "../kube/informer.ts";
import { FLINK_STATE_SNAPSHOTS } from "../kube/resource-type.ts";
import { keyOf } from "../kube/store.ts";
import { isOpen } from "../reconcile/snapshot/decide.ts";
import type { Logger } from "../telemetry/log.ts";
import { isNews } from "./news.ts";

const ASK_AGAIN_MS = 2000;

/**
 * False where their CRD is not installed, or they may not be read: jobs then keep their snapshots in their own status.
 * Looked up once, at the start; waits for an API server that does not answer.
 */
export async function hasSnapshots(
  client: KubeClient,
  namespace: string | undefined,
  log: Logger,
  signal: AbortSignal,
): Promise<boolean> {
  while (!signal.aborted) {
    try {
      await client.listPage(FLINK_STATE_SNAPSHOTS, { namespace, limit: 1 });
      return true;
    } catch (error) {
      const text = String(error);
      if (isKubeError(error, "not-found") || isKubeError(error, "forbidden")) {
        log.warn({ error: text }, "no FlinkStateSnapshots: install the CRD, grant the rights, restart");
        return false;
      }
      log.warn({ error: text }, "the API server does not say which kinds there are, asking again");
      await setTimeout(ASK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  return false;
}

/** Where a cache's objects are, and whom their changes concern. */
export interface CacheSource {
  readonly namespace: string | undefined;
  readonly wake: (key: string) => void;
  readonly onError: (error: unknown) => void;
}

export function snapshotCache(
  client: KubeClient,
  { namespace, wake, onError }: CacheSource,
): Informer<FlinkStateSnapshot> {
  return new Informer<FlinkStateSnapshot>(client, FLINK_STATE_SNAPSHOTS, {
    namespace,
    indexes: { [BY_JOB]: namedJob },
    onChange: (key, object, previous) => {
      if (isNews(object, previous)) wake(key);
    },
    onError,
  });
}

/** Keys of the snapshots that a change of their job may concern. `job`: its namespace and name. */
export function openSnapshotsOf(
  cache: Informer<FlinkStateSnapshot> | undefined,
  kind: "FlinkDeployment" | "FlinkSessionJob",
  job: string,
): readonly string[] {
  return (cache?.byIndex(BY_JOB, `${kind}/${job}`) ?? []).filter(isOpen).map(keyOf);
}
