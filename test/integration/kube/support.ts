/** What the tests of the Kubernetes I/O share. */
import { onTestFinished } from "vitest";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import { KubeApiError } from "../../../src/kube/api-error.ts";
import { KubeClient } from "../../../src/kube/client.ts";
import type { ClusterAccess } from "../../../src/kube/cluster-access.ts";
import type { Informer } from "../../../src/kube/informer.ts";
import { CONFIG_MAPS, type ResourceType } from "../../../src/kube/resource-type.ts";
import { keyOf } from "../../../src/kube/store.ts";
import type { TransportOptions } from "../../../src/kube/transport.ts";

export interface Target {
  readonly url: string;
  readonly caPem: string | undefined;
  readonly token: string | undefined;
}

export function accessTo({ url, caPem, token }: Target): ClusterAccess {
  return {
    server: url,
    namespace: "default",
    description: "the testbed",
    proxyUrl: undefined,
    headers: () => Promise.resolve(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    tls: () =>
      Promise.resolve({
        ca: caPem,
        cert: undefined,
        key: undefined,
        servername: undefined,
        rejectUnauthorized: true,
      }),
    refresh: () => undefined,
  };
}

/** A client that is closed when the test is over. */
export function clientFor(target: Target, options?: TransportOptions): KubeClient {
  const client = new KubeClient(accessTo(target), options);
  onTestFinished(() => client.close());
  return client;
}

export function configMap(namespace: string, name: string, data: Record<string, string> = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace, labels: { test: "yes" } },
    data,
  };
}

export async function kubeError(work: Promise<unknown>): Promise<KubeApiError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof KubeApiError) return error;
  throw new Error(`not a KubeApiError: ${String(error)}`);
}

/** Waits until the condition holds. Throws after `seconds` with what it said last. */
export async function until(what: string, condition: () => unknown, seconds = 30): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    if ((await condition()) === true) return;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** `key@resourceVersion` of everything there is, in order. */
export function versions(objects: readonly KubeObject[]): string[] {
  return objects.map((object) => `${keyOf(object)}@${object.metadata.resourceVersion}`).toSorted();
}

/** Whether the informer holds exactly what a list says. */
export async function sameAsServer(
  informer: Informer<KubeObject>,
  client: KubeClient,
  namespace: string,
  type: ResourceType = CONFIG_MAPS,
): Promise<boolean> {
  const { items } = await client.list(type, { namespace });
  return versions(items).join() === versions(informer.list({ namespace })).join();
}
