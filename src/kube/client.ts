/**
 * The Kubernetes calls that Sluice makes. Objects are raw JSON in both directions: what Sluice does not know survives.
 * `managedFields` is dropped on arrival; it is half of an object's size and of no use here.
 */
import type { KubeObject } from "../api/kube-object.ts";
import { KubeApiError } from "./api-error.ts";
import type { ClusterAccess } from "./cluster-access.ts";
import {
  type ApplyParams,
  applyRequest,
  createRequest,
  type DeleteParams,
  deleteRequest,
  getRequest,
  isPossibleName,
  type KubeRequest,
  listRequest,
  type PageParams,
  type PatchParams,
  patchRequest,
  replaceRequest,
  type Selectors,
  textRequest,
  watchRequest,
  type WriteParams,
} from "./request.ts";
import { apiVersionOf, type ResourceType } from "./resource-type.ts";
import {
  type CallOptions,
  type OpenAnswer,
  type OpenOptions,
  type RawResponse,
  type StreamOptions,
  Transport,
  type TransportOptions,
} from "./transport.ts";
import { type WatchEvent, watchEvents } from "./watch-event.ts";

export interface ObjectList<T extends KubeObject> {
  readonly items: T[];
  /** Where a watch goes on from. */
  readonly resourceVersion: string;
}

export interface Page<T extends KubeObject> extends ObjectList<T> {
  /** The token for the next page; undefined on the last. */
  readonly continue: string | undefined;
}

interface ListAnswer<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: T[];
}

export interface WatchOptions extends Selectors {
  readonly resourceVersion: string;
  /** After which the server ends the watch. */
  readonly timeoutSeconds: number;
  readonly idleMs: number;
  readonly headersMs: number;
  readonly signal: AbortSignal;
  readonly onOpen?: (() => void) | undefined;
}

const PAGE_SIZE = 500;

export class KubeClient {
  readonly access: ClusterAccess;
  readonly #transport: Transport;

  constructor(access: ClusterAccess, options: TransportOptions = {}) {
    this.access = access;
    this.#transport = new Transport(access, options);
  }

  /** Undefined when there is none. @throws KubeApiError */
  async get<T extends KubeObject>(
    type: ResourceType,
    namespace: string | undefined,
    name: string,
    options?: CallOptions,
  ): Promise<T | undefined> {
    if (!isPossibleName(name)) return undefined;
    try {
      return await this.#object<T>(getRequest(type, namespace, name), options);
    } catch (error) {
      if (isKubeError(error, "not-found")) return undefined;
      throw error;
    }
  }

  /** All objects, fetched in pages. The deadline is for each page. @throws KubeApiError */
  async list<T extends KubeObject>(
    type: ResourceType,
    selectors: Selectors = {},
    options?: CallOptions,
  ): Promise<ObjectList<T>> {
    let page = await this.listPage<T>(type, { ...selectors, limit: PAGE_SIZE }, options);
    const items = page.items;
    while (page.continue !== undefined) {
      try {
        page = await this.listPage<T>(
          type,
          { ...selectors, limit: PAGE_SIZE, continue: page.continue },
          options,
        );
      } catch (error) {
        // The snapshot that the pages come from was compacted away: everything again, at once.
        if (!isKubeError(error, "expired")) throw error;
        return this.listPage<T>(type, selectors, options);
      }
      for (const item of page.items) items.push(item);
    }
    return { items, resourceVersion: page.resourceVersion };
  }

  /** @throws KubeApiError, with code `expired` when the continue token is too old. */
  async listPage<T extends KubeObject>(
    type: ResourceType,
    params: PageParams,
    options?: CallOptions,
  ): Promise<Page<T>> {
    const request = listRequest(type, params);
    const { text } = await this.#transport.call(request, options);
    const body = parse(request, text) as ListAnswer<T>;
    const apiVersion = apiVersionOf(type);
    const items = body.items ?? [];
    for (const [index, item] of items.entries()) items[index] = arrived(item, apiVersion, type.kind);
    const next = body.metadata?.continue;
    return {
      items,
      resourceVersion: body.metadata?.resourceVersion ?? "",
      continue: next === "" ? undefined : next,
    };
  }

  /** Events from a resourceVersion on, until the server ends the watch. @throws KubeApiError, also while reading. */
  async *watch<T extends KubeObject>(
    type: ResourceType,
    options: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>, void> {
    const request = watchRequest(type, options);
    const apiVersion = apiVersionOf(type);
    for await (const event of watchEvents<T>(request, this.#transport.stream(request, options))) {
      if (event.type === "ERROR" || event.type === "BOOKMARK") yield event;
      else yield { type: event.type, object: arrived(event.object, apiVersion, type.kind) };
    }
  }

  /** @throws KubeApiError, with code `already-exists` when the name is taken. */
  create<T extends KubeObject>(
    type: ResourceType,
    object: T,
    params?: WriteParams,
    options?: CallOptions,
  ): Promise<T> {
    return this.#object<T>(createRequest(type, object, params), options);
  }

  /** Server-side apply. @throws KubeApiError, with code `conflict` when another manager owns a field and `force` is not set. */
  apply<T extends KubeObject>(
    type: ResourceType,
    object: T,
    params: ApplyParams,
    options?: CallOptions,
  ): Promise<T> {
    return this.#object<T>(applyRequest(type, object, params), options);
  }

  /**
   * Writes the whole status, if nobody has changed the object since its resourceVersion.
   * @throws KubeApiError, with code `conflict` (status 409) otherwise; RangeError when the object has no resourceVersion.
   */
  replaceStatus<T extends KubeObject>(type: ResourceType, object: T, options?: CallOptions): Promise<T> {
    if (object.metadata.resourceVersion === undefined || object.metadata.resourceVersion === "") {
      throw new RangeError(
        `The status of ${type.kind} ${object.metadata.name} cannot be replaced without a resourceVersion`,
      );
    }
    return this.#object<T>(replaceRequest(type, object, "status"), options);
  }

  /** PUT of the whole object, locked by its resourceVersion where it has one. @throws KubeApiError */
  replace<T extends KubeObject>(type: ResourceType, object: T, options?: CallOptions): Promise<T> {
    return this.#object<T>(replaceRequest(type, object), options);
  }

  /** @throws KubeApiError */
  patch<T extends KubeObject>(
    type: ResourceType,
    namespace: string | undefined,
    name: string,
    patch: unknown,
    params: PatchParams,
    options?: CallOptions,
  ): Promise<T> {
    return this.#object<T>(patchRequest(type, namespace, name, patch, params), options);
  }

  /**
   * True: the server has accepted the deletion (finalizers may hold the object for a while). False: it was gone.
   * @throws KubeApiError, with code `precondition-failed` when the object no longer has the uid or resourceVersion named.
   */
  async delete(
    type: ResourceType,
    namespace: string | undefined,
    name: string,
    params?: DeleteParams,
    options?: CallOptions,
  ): Promise<boolean> {
    try {
      await this.#transport.call(deleteRequest(type, namespace, name, params), options);
      return true;
    } catch (error) {
      if (isKubeError(error, "not-found")) return false;
      throw error;
    }
  }

  /** The text at a path, such as a pod's log (`objectPath(PODS, ns, name, "log")`). @throws KubeApiError */
  async getText(
    path: string,
    query?: Readonly<Record<string, string>>,
    options?: CallOptions,
  ): Promise<string> {
    return (await this.#transport.call(textRequest(path, query), options)).text;
  }

  /** The bytes at a path as they come, such as a followed log, until the server ends it. @throws KubeApiError, also while reading */
  streamText(
    path: string,
    query: Readonly<Record<string, string>>,
    options: StreamOptions,
  ): AsyncGenerator<Buffer, void> {
    return this.#transport.stream(textRequest(path, query), options);
  }

  /** Any request, tried once; the answer as a stream, whatever its status. @throws KubeApiError when none begins in time */
  open(request: KubeRequest, options: OpenOptions): Promise<OpenAnswer> {
    return this.#transport.open(request, options);
  }

  /**
   * Any request, tried once; the answer as it is, whatever its status: for what others answer, such as a service
   * behind the API server's proxy. @throws KubeApiError when there is no answer in time.
   */
  raw(request: KubeRequest, options?: CallOptions): Promise<RawResponse> {
    return this.#transport.send(request, options);
  }

  /** Ends what is under way and lets go of the connections. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  async #object<T extends KubeObject>(request: KubeRequest, options: CallOptions | undefined): Promise<T> {
    const { text } = await this.#transport.call(request, options);
    const object = parse(request, text) as T;
    return arrived(object, object.apiVersion, object.kind);
  }
}

export function isKubeError(error: unknown, code: KubeApiError["code"]): error is KubeApiError {
  return error instanceof KubeApiError && error.code === code;
}

/** Items of lists come without apiVersion and kind. */
function arrived<T extends KubeObject>(object: T, apiVersion: string, kind: string): T {
  const { managedFields: _, ...metadata } = object.metadata;
  return Object.assign({ apiVersion, kind }, object, { metadata });
}

function parse(request: KubeRequest, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new KubeApiError(`${request.method} ${request.path}: the answer is not JSON`, {
      status: 200,
      reason: "",
      code: "protocol",
      cause,
    });
  }
}
