/** Applies one object as `kubectl apply` does, so that both can be used on the same object. */
import type { KubeObject } from "../api/kube-object.ts";
import { KubeApiError } from "../kube/api-error.ts";
import { isKubeError } from "../kube/client.ts";
import { type ResourceType, resourceTypeOf } from "../kube/resource-type.ts";
import { FIELD_MANAGER, type DryRun } from "./change.ts";
import type { Cluster } from "./cluster.ts";
import { UserError } from "./command.ts";
import { LAST_APPLIED, mergePatch, threeWayPatch } from "./merge.ts";

export interface Applied {
  readonly type: ResourceType;
  readonly resource: KubeObject;
  readonly verb: "created" | "configured" | "unchanged";
}

interface ResourceList {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
  }[];
}

/** Of a kind that the cluster does not have, there are no objects either. */
export class UnknownKind extends UserError {
  constructor({ apiVersion, kind }: Pick<KubeObject, "apiVersion" | "kind">) {
    super(
      `the cluster knows no kind ${kind} in ${apiVersion}`,
      "Install the CustomResourceDefinition that it belongs to, or choose another cluster with --context.",
    );
  }
}

/** Where objects of that kind are, by what the API server says. @throws UnknownKind */
export async function typeOf(
  { client }: Cluster,
  { apiVersion, kind }: Pick<KubeObject, "apiVersion" | "kind">,
): Promise<ResourceType> {
  const known = resourceTypeOf({ apiVersion, kind });
  if (known !== undefined) return known;
  const [group = "", version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  const missing = new UnknownKind({ apiVersion, kind });
  try {
    const text = await client.getText(group === "" ? `/api/${version}` : `/apis/${apiVersion}`);
    const { resources = [] } = JSON.parse(text) as ResourceList;
    const found = resources.find((one) => one.kind === kind && !one.name.includes("/"));
    if (found === undefined || version === undefined) throw missing;
    return { group, version, plural: found.name, kind, namespaced: found.namespaced };
  } catch (error) {
    throw error instanceof KubeApiError && error.code === "not-found" ? missing : error;
  }
}

export function lastAppliedOf({ metadata }: KubeObject): unknown {
  try {
    return JSON.parse(metadata.annotations?.[LAST_APPLIED] ?? "null");
  } catch {
    return undefined;
  }
}

function withSortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function escaped(letter: string): string {
  return `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** JSON as kubectl writes it, letter for letter: else each of the two would find the other's annotation changed. */
function asKubectlJson(value: unknown): string {
  return `${JSON.stringify(value, withSortedKeys).replaceAll(/[<>&\u2028\u2029]/g, escaped)}\n`;
}

/** With the annotation by which the next `apply` knows what this one has set. */
export function withLastApplied(object: KubeObject): KubeObject {
  const { [LAST_APPLIED]: _, ...annotations } = object.metadata.annotations ?? {};
  const bare = { ...object, metadata: { ...object.metadata, annotations } };
  return {
    ...bare,
    metadata: {
      ...bare.metadata,
      annotations: { ...annotations, [LAST_APPLIED]: asKubectlJson(bare) },
    },
  };
}

/** The status is the operator's. */
export function wantedOf(object: KubeObject, type: ResourceType, namespace: string): KubeObject {
  const { status: _, ...wanted } = object;
  const place = type.namespaced ? { namespace: object.metadata.namespace ?? namespace } : {};
  return { ...wanted, metadata: { ...object.metadata, ...place } };
}

/** The patch that `apply` would send; undefined when nothing but what apply itself notes down would change. */
export function applyPatch(live: KubeObject, wanted: KubeObject): Record<string, unknown> | undefined {
  const before = lastAppliedOf(live);
  if (threeWayPatch(before, live, wanted) === undefined) return undefined;
  return threeWayPatch(before, live, withLastApplied(wanted));
}

/** @throws UserError, KubeApiError */
export async function applyObject(cluster: Cluster, value: unknown, dryRun: DryRun): Promise<Applied> {
  const object = value as KubeObject;
  if (typeof object?.apiVersion !== "string" || typeof object.kind !== "string")
    throw new UserError("a document is no Kubernetes object", "Give it apiVersion, kind and metadata.name.");
  const type = await typeOf(cluster, object);
  const wanted = wantedOf(object, type, cluster.namespace);
  const { name, namespace } = wanted.metadata;
  const params = { fieldManager: FIELD_MANAGER, dryRun: dryRun === "server" };
  const live = await cluster.client.get(type, namespace, name);
  if (live === undefined) {
    if (dryRun === "client") return { type, resource: wanted, verb: "created" };
    try {
      const resource = await cluster.client.create(type, withLastApplied(wanted), params);
      return { type, resource, verb: "created" };
    } catch (error) {
      if (!isKubeError(error, "already-exists")) throw error;
      throw new UserError(`${name} was made by somebody else at the same time`, "Run the command again.");
    }
  }
  const patch = applyPatch(live, wanted);
  if (patch === undefined) return { type, resource: live, verb: "unchanged" };
  const resource =
    dryRun === "client"
      ? (mergePatch(live, patch) as KubeObject)
      : await cluster.client.patch(type, namespace, name, patch, { kind: "merge", ...params });
  return { type, resource, verb: "configured" };
}
