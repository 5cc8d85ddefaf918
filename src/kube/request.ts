/**
 * A verb and its parameters become an HTTP request as a value. Nothing here does I/O: every verb is tested without a
 * network. An unusable name is refused here, since an empty one would turn "delete this" into "delete all".
 */
import type { Readable } from "node:stream";
import type { KubeObject } from "../api/kube-object.ts";
import { apiVersionOf, type ResourceType } from "./resource-type.ts";

export interface KubeRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute, already encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is read once: such a request is never sent again. */
  readonly body?: string | Uint8Array | Readable;
  /** May be sent again when it is unknown whether the server has acted on it. */
  readonly idempotent: boolean;
}

export interface Selectors {
  /** Undefined: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface PageParams extends Selectors {
  /** Undefined: everything in one answer. */
  readonly limit?: number | undefined;
  /** The token of the page before. */
  readonly continue?: string | undefined;
}

export interface WatchParams extends Selectors {
  readonly resourceVersion: string;
  readonly timeoutSeconds: number;
}

export interface WriteParams {
  readonly fieldManager?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface ApplyParams extends WriteParams {
  readonly fieldManager: string;
  /** Take over fields that another manager owns. */
  readonly force?: boolean | undefined;
  readonly subresource?: string | undefined;
}

type PatchKind = "merge" | "json" | "strategic";

export interface PatchParams extends WriteParams {
  readonly kind: PatchKind;
  readonly subresource?: string | undefined;
}

export interface DeleteParams {
  /** Delete only this incarnation. */
  readonly uid?: string | undefined;
  /** Delete only if nobody has changed it since. */
  readonly resourceVersion?: string | undefined;
  readonly propagation?: "Foreground" | "Background" | "Orphan" | undefined;
  readonly gracePeriodSeconds?: number | undefined;
  readonly dryRun?: boolean | undefined;
}

const JSON_TYPE = { "content-type": "application/json" };

const PATCH_TYPES: Record<PatchKind, string> = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  strategic: "application/strategic-merge-patch+json",
};

export function getRequest(type: ResourceType, namespace: string | undefined, name: string): KubeRequest {
  return { method: "GET", path: objectPath(type, namespace, name), idempotent: true };
}

export function listRequest(type: ResourceType, params: PageParams = {}): KubeRequest {
  const query = queryOf({
    ...selectorQuery(params),
    limit: params.limit?.toString(),
    continue: params.continue,
  });
  return { method: "GET", path: collectionPath(type, params.namespace), query, idempotent: true };
}

export function watchRequest(type: ResourceType, params: WatchParams): KubeRequest {
  const query = queryOf({
    watch: "true",
    allowWatchBookmarks: "true",
    resourceVersion: params.resourceVersion,
    timeoutSeconds: String(params.timeoutSeconds),
    ...selectorQuery(params),
  });
  return { method: "GET", path: collectionPath(type, params.namespace), query, idempotent: true };
}

/** Not idempotent: sent twice, the second answers AlreadyExists for the caller's own object. */
export function createRequest(type: ResourceType, object: KubeObject, params: WriteParams = {}): KubeRequest {
  const namespace = type.namespaced ? required(object.metadata.namespace, "namespace", type) : undefined;
  return {
    method: "POST",
    path: collectionPath(type, namespace),
    query: writeQuery(params),
    headers: JSON_TYPE,
    body: JSON.stringify(object),
    idempotent: false,
  };
}

/** Server-side apply. JSON is YAML, so the object goes as it is. */
export function applyRequest(type: ResourceType, object: KubeObject, params: ApplyParams): KubeRequest {
  const { managedFields: _, ...metadata } = object.metadata;
  return {
    method: "PATCH",
    path: objectPath(type, object.metadata.namespace, object.metadata.name, params.subresource),
    query: { ...writeQuery(params), ...(params.force === true ? { force: "true" } : {}) },
    headers: { "content-type": "application/apply-patch+yaml" },
    body: JSON.stringify({ ...object, metadata }),
    idempotent: true,
  };
}

/** PUT; the object's resourceVersion is the lock, so a lost answer shows as a conflict and never writes twice. */
export function replaceRequest(type: ResourceType, object: KubeObject, subresource?: string): KubeRequest {
  return {
    method: "PUT",
    path: objectPath(type, object.metadata.namespace, object.metadata.name, subresource),
    headers: JSON_TYPE,
    body: JSON.stringify(object),
    idempotent: true,
  };
}

export function patchRequest(
  type: ResourceType,
  namespace: string | undefined,
  name: string,
  patch: unknown,
  params: PatchParams,
): KubeRequest {
  return {
    method: "PATCH",
    path: objectPath(type, namespace, name, params.subresource),
    query: writeQuery(params),
    headers: { "content-type": PATCH_TYPES[params.kind] },
    body: JSON.stringify(patch),
    // A JSON patch may append to a list, and a strategic one too.
    idempotent: params.kind === "merge",
  };
}

export function deleteRequest(
  type: ResourceType,
  namespace: string | undefined,
  name: string,
  params: DeleteParams = {},
): KubeRequest {
  const { uid, resourceVersion, propagation, gracePeriodSeconds, dryRun } = params;
  const preconditions =
    uid !== undefined || resourceVersion !== undefined ? { uid, resourceVersion } : undefined;
  return {
    method: "DELETE",
    path: objectPath(type, namespace, name),
    headers: JSON_TYPE,
    body: JSON.stringify({
      apiVersion: "v1",
      kind: "DeleteOptions",
      propagationPolicy: propagation,
      gracePeriodSeconds,
      preconditions,
      // With a body, the server does not read the query.
      dryRun: dryRun === true ? ["All"] : undefined,
    }),
    // Without a uid, a second attempt could hit a successor of the same name.
    idempotent: uid !== undefined,
  };
}

/** A GET of any path, such as pod logs. */
export function textRequest(path: string, query: Readonly<Record<string, string>> = {}): KubeRequest {
  return { method: "GET", path, query, headers: { accept: "*/*" }, idempotent: true };
}

/** The path of one object: also the base of its subresources, such as a pod's `log` or a service's `proxy`. */
export function objectPath(
  type: ResourceType,
  namespace: string | undefined,
  name: string,
  subresource?: string,
): string {
  const place = type.namespaced ? required(namespace, "namespace", type) : undefined;
  const base = `${collectionPath(type, place)}/${segment(required(name, "name", type))}`;
  return subresource === undefined ? base : `${base}/${segment(subresource)}`;
}

function collectionPath(type: ResourceType, namespace: string | undefined): string {
  const root = type.group === "" ? "/api" : "/apis";
  const inNamespace =
    type.namespaced && namespace !== undefined
      ? `/namespaces/${segment(required(namespace, "namespace", type))}`
      : "";
  return `${root}/${apiVersionOf(type)}${inNamespace}/${type.plural}`;
}

function required(value: string | undefined, what: string, type: ResourceType): string {
  if (value === undefined || value === "") throw new RangeError(`A ${type.kind} needs a ${what}`);
  return value;
}

/** Whether an object can be called so, which the server does not say of every name that it is asked for. */
export function isPossibleName(name: string): boolean {
  return name !== "." && name !== ".." && !/[/%]/.test(name);
}

function segment(value: string): string {
  if (value === "." || value === "..") throw new RangeError(`"${value}" cannot be part of a path`);
  return encodeURIComponent(value);
}

function selectorQuery({ labelSelector, fieldSelector }: Selectors): Record<string, string | undefined> {
  return { labelSelector, fieldSelector };
}

function writeQuery({ fieldManager, dryRun }: WriteParams): Record<string, string> {
  return queryOf({ fieldManager, dryRun: dryRun === true ? "All" : undefined });
}

function queryOf(entries: Record<string, string | undefined>): Record<string, string> {
  const query: Record<string, string> = {};
  for (const [key, value] of Object.entries(entries)) if (value !== undefined) query[key] = value;
  return query;
}
