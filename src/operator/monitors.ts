/** PodMonitors and ServiceMonitors in the process: whether there are any, and their caches. */
import { type KubeClient, isKubeError } from "../kube/client.ts";
import { Informer } from "../kube/informer.ts";
import { POD_MONITORS, type ResourceType, SERVICE_MONITORS } from "../kube/resource-type.ts";
import type { KubeObject } from "../api/kube-object.ts";
import type { Logger } from "../telemetry/log.ts";
import type { CacheSource } from "./snapshots.ts";

/**
 * False where their CRDs are not installed, or they may not be read, and also when the API server does not say: nothing of a
 * job depends on them. Looked up once, at the start.
 */
export async function hasMonitors(
  client: KubeClient,
  namespace: string | undefined,
  log: Logger,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    for (const type of [POD_MONITORS, SERVICE_MONITORS])
      await client.listPage(type, { namespace, limit: 1 }, { signal });
    return true;
  } catch (error) {
    const isUsual = isKubeError(error, "not-found") || isKubeError(error, "forbidden");
    const level = isUsual ? "info" : "warn";
    log[level]({ namespace, error: String(error) }, "no PodMonitors and ServiceMonitors: none will be made");
    return false;
  }
}

export function monitorCache(
  client: KubeClient,
  type: ResourceType,
  { namespace, wake, onError }: CacheSource,
): Informer<KubeObject> {
  // Those of others too: one that has a name that is wanted is left alone, and said so.
  return new Informer<KubeObject>(client, type, { namespace, onError, onChange: (key) => wake(key) });
}
