/** Carries out actions on objects that no job depends on. */
import type { ObjectMeta } from "../api/kube-object.ts";
import type { KubeClient } from "../kube/client.ts";
import { CONFIG_MAPS, INGRESSES, SERVICES } from "../kube/resource-type.ts";
import type { InPlaceAction } from "../reconcile/decision.ts";

const TYPES = { Ingress: INGRESSES, Service: SERVICES, ConfigMap: CONFIG_MAPS };

export async function runInPlaceAction(
  action: InPlaceAction,
  client: KubeClient,
  { namespace = "default", name }: ObjectMeta,
): Promise<undefined> {
  switch (action.type) {
    case "create-ingress":
      await client.create(INGRESSES, action.ingress);
      return;
    case "delete-ingress":
      await client.delete(INGRESSES, namespace, name, { uid: action.uid });
      return;
    case "patch-object": {
      const { kind, uid, patch } = action;
      const one = { ...patch, metadata: { ...patch.metadata, uid } };
      await client.patch(TYPES[kind], namespace, action.name, one, { kind: "merge" });
    }
  }
}
