/** Where objects of an installation are in the API server's paths; asked once for each kind. */
import type { ResourceType } from "../../kube/resource-type.ts";
import { typeOf } from "../apply.ts";
import type { Cluster } from "../cluster.ts";

export type TypeOf = (object: {
  readonly apiVersion: string;
  readonly kind: string;
}) => Promise<ResourceType>;

export function typesOf(cluster: Cluster): TypeOf {
  const known = new Map<string, ResourceType>();
  return async (object) => {
    const key = `${object.apiVersion}/${object.kind}`;
    const type = known.get(key) ?? (await typeOf(cluster, object));
    known.set(key, type);
    return type;
  };
}
