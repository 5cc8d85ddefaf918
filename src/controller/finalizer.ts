/** Holding on to a resource, and letting it go. */
import type { KubeObject } from "../api/kube-object.ts";
import type { KubeClient } from "../kube/client.ts";
import type { ResourceType } from "../kube/resource-type.ts";

async function replace(client: KubeClient, type: ResourceType, resource: KubeObject, finalizers: string[]) {
  const { namespace, name, resourceVersion } = resource.metadata;
  // The resourceVersion makes it fail when somebody else changed the list meanwhile.
  const patch = { metadata: { finalizers, resourceVersion } };
  await client.patch(type, namespace, name, patch, { kind: "merge" });
}

/** @throws KubeApiError, a conflict when the resource has changed. */
export async function addFinalizer(
  client: KubeClient,
  type: ResourceType,
  resource: KubeObject,
  finalizer: string,
): Promise<void> {
  await replace(client, type, resource, [...(resource.metadata.finalizers ?? []), finalizer]);
}

/** @throws KubeApiError, a conflict when the resource has changed. */
export async function removeFinalizer(
  client: KubeClient,
  type: ResourceType,
  resource: KubeObject,
  finalizer: string,
): Promise<void> {
  const kept = (resource.metadata.finalizers ?? []).filter((one) => one !== finalizer);
  await replace(client, type, resource, kept);
}
