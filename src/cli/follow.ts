/** Each change of the objects of some types, until Ctrl-C. */
import type { KubeObject } from "../api/kube-object.ts";
import type { KubeClient } from "../kube/client.ts";
import { Informer } from "../kube/informer.ts";
import type { ResourceType } from "../kube/resource-type.ts";

export interface Followed {
  readonly types: readonly ResourceType[];
  /** Undefined: all. */
  readonly namespace: string | undefined;
  readonly labelSelector?: string | undefined;
}

/** `shown`: what the caller has seen already. Ends only by an error that no further try mends. */
export function follow(
  client: KubeClient,
  { types, namespace, labelSelector }: Followed,
  shown: readonly KubeObject[],
  show: (object: KubeObject, type: ResourceType) => Promise<void>,
): Promise<never> {
  const versions = new Map(shown.map(({ metadata }) => [metadata.uid, metadata.resourceVersion]));
  const { promise, reject } = Promise.withResolvers<never>();
  for (const type of types) {
    new Informer<KubeObject>(client, type, {
      namespace,
      labelSelector,
      onChange: (_key, object) => {
        const { uid, resourceVersion } = object?.metadata ?? {};
        if (object === undefined || versions.get(uid) === resourceVersion) return;
        versions.set(uid, resourceVersion);
        show(object, type).catch(reject);
      },
      onError: (error) => {
        if ((error as { retryable?: boolean }).retryable === false) reject(error);
      },
    }).start();
  }
  return promise;
}
