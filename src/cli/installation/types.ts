/** Where objects of an installation are in the API server's paths; asked once for each kind. */
import type { KubeObject } from "../../api/kube-object.ts";
import { isKubeError } from "../../kube/client.ts";
import type { ResourceType } from "../../kube/resource-type.ts";
import { typeOf, UnknownKind } from "../apply.ts";
import type { Cluster } from "../cluster.ts";
import { UserError } from "../command.ts";

export type TypeOf = (object: {
  readonly apiVersion: string;
  readonly kind: string;
}) => Promise<ResourceType>;

/** Undefined when the cluster does not know the kind: its definition is gone, and with it all its objects. */
export async function knownType(
  typeOf: TypeOf,
  object: Parameters<TypeOf>[0],
): Promise<ResourceType | undefined> {
  try {
    return await typeOf(object);
  } catch (error) {
    if (error instanceof UnknownKind) return undefined;
    throw error;
  }
}

export function typesOf(cluster: Cluster): TypeOf {
  const known = new Map<string, ResourceType>();
  return async (object) => {
    const key = `${object.apiVersion}/${object.kind}`;
    const type = known.get(key) ?? (await typeOf(cluster, object));
    known.set(key, type);
    return type;
  };
}

interface CustomResourceDefinition extends KubeObject {
  readonly spec: { readonly group: string; readonly names: { readonly kind: string } };
}

function comesWith(objects: readonly KubeObject[], { apiVersion, kind }: KubeObject): boolean {
  return objects.some((one) => {
    if (one.kind !== "CustomResourceDefinition") return false;
    const { group, names } = (one as CustomResourceDefinition).spec;
    return apiVersion.startsWith(`${group}/`) && names.kind === kind;
  });
}

async function kindsOf({ client }: Cluster, apiVersion: string): Promise<readonly string[]> {
  try {
    const text = await client.getText(`/${apiVersion.includes("/") ? "apis" : "api"}/${apiVersion}`);
    const { resources = [] } = JSON.parse(text) as { resources?: readonly { readonly kind: string }[] };
    return resources.map(({ kind }) => kind);
  } catch (error) {
    if (isKubeError(error, "not-found")) return [];
    throw error;
  }
}

/** Asked before anything is changed. @throws UserError that names the kinds which the cluster does not know */
export async function checkKinds(cluster: Cluster, objects: readonly KubeObject[]): Promise<void> {
  const wanted = objects.filter((object) => !comesWith(objects, object));
  const missing = new Set<string>();
  for (const apiVersion of new Set(wanted.map((object) => object.apiVersion))) {
    const known = await kindsOf(cluster, apiVersion);
    for (const object of wanted)
      if (object.apiVersion === apiVersion && !known.includes(object.kind))
        missing.add(`${object.kind} (${apiVersion})`);
  }
  if (missing.size === 0) return;
  throw new UserError(
    `the cluster does not know ${[...missing].join(", ")}; nothing was changed`,
    "Install the CRDs first (monitoring.coreos.com: the Prometheus Operator's), or leave these objects out: podMonitor, serviceMonitor, prometheusRule, extraObjects.",
  );
}
