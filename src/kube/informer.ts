/** The objects of one type, kept up to date in memory. Reading it costs no call. */
import type { KubeObject } from "../api/kube-object.ts";
import type { KubeApiError } from "./api-error.ts";
import type { KubeClient } from "./client.ts";
import { systemClock } from "./clock.ts";
import { matchesLabels } from "./label-selector.ts";
import type { ResourceType } from "./resource-type.ts";
import { type Indexes, keyFor, type OnChange, Store } from "./store.ts";
import { runWatcher, type WatchRunnerOptions } from "./watch-runner.ts";
import { WATCHER_TIMES, type WatcherEvent } from "./watcher.ts";

export interface InformerOptions<T extends KubeObject> {
  /** Undefined: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** Named ways to find objects, for `byIndex`. */
  readonly indexes?: Indexes<T>;
  /** After each change of the store, also those of the first list. What it throws goes to `onError`. */
  readonly onChange?: OnChange<T>;
  /** A list or watch failed (it is tried again by itself), or `onChange` threw. */
  readonly onError?: (error: unknown) => void;
  /** Times to use instead of the defaults; for tests. */
  readonly times?: Partial<WatchRunnerOptions>;
}

export interface InformerHealth {
  readonly synced: boolean;
  /** Why there is no working list or watch at the moment; undefined when there is one. */
  readonly error: KubeApiError | undefined;
}

const DEFAULTS: WatchRunnerOptions = {
  ...WATCHER_TIMES,
  watchSeconds: 290,
  idleMs: 150_000,
  headersMs: 30_000,
  clock: systemClock,
};

/**
 * Expected flow: `start()`, wait for `synced`, read; `put()` the answer of each own write; `stop()`.
 * Guarantees: every change ends in `onChange` at least once as a state, not each in between; deletions that no watch
 * delivered are found by the next list; the store never goes back behind an own write that was put.
 * Objects are shared with every reader: do not change them.
 */
export class Informer<T extends KubeObject> {
  /** Resolved after the first complete list; never, when stopped before. */
  readonly synced: Promise<void>;
  readonly #client: KubeClient;
  readonly #type: ResourceType;
  readonly #options: InformerOptions<T>;
  readonly #store: Store<T>;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #markSynced: () => void = () => undefined;
  #isSynced = false;
  #error: KubeApiError | undefined;

  constructor(client: KubeClient, type: ResourceType, options: InformerOptions<T> = {}) {
    this.#client = client;
    this.#type = type;
    this.#options = options;
    this.#store = new Store<T>((...change) => this.#changed(...change), options.indexes);
    this.synced = new Promise((resolve) => (this.#markSynced = resolve));
  }

  start(): void {
    if (this.#running !== undefined || this.#stopping.signal.aborted) return;
    const { namespace, labelSelector, times } = this.#options;
    this.#running = runWatcher<T>(
      { client: this.#client, type: this.#type, selectors: { namespace, labelSelector } },
      { ...DEFAULTS, ...times },
      (event) => this.#take(event),
      this.#stopping.signal,
    );
  }

  /** Ends the watch. What was seen stays readable. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  get health(): InformerHealth {
    return { synced: this.#isSynced, error: this.#error };
  }

  get size(): number {
    return this.#store.size;
  }

  get(namespace: string | undefined, name: string): T | undefined {
    return this.#store.get(keyFor(namespace, name));
  }

  list({ namespace, filter }: { namespace?: string | undefined; filter?: (object: T) => boolean } = {}): T[] {
    const objects = this.#store.list(namespace);
    return filter === undefined ? objects : objects.filter(filter);
  }

  /** @throws RangeError for an index that was not declared. */
  byIndex(index: string, value: string): T[] {
    return this.#store.byIndex(index, value);
  }

  /** Takes the answer of an own write, so that the next read is not behind it. */
  put(object: T): void {
    const { namespace, labelSelector } = this.#options;
    if (namespace !== undefined && namespace !== object.metadata.namespace) return;
    // The watch will tell that it no longer belongs here.
    if (labelSelector !== undefined && !matchesLabels(labelSelector, object.metadata.labels)) return;
    this.#store.putOwn(object);
  }

  #take(event: WatcherEvent<T>): void {
    if (event.type === "failure") {
      this.#error = event.error;
      this.#options.onError?.(event.error);
      return;
    }
    switch (event.type) {
      case "list-begin":
        return this.#store.beginList();
      case "list-page":
        return this.#store.addPage(event.items, event.resourceVersion);
      case "list-end":
        this.#store.endList(event.resourceVersion);
        this.#isSynced = true;
        return this.#markSynced();
      case "connected":
        this.#error = undefined;
        return;
      case "put":
        return this.#store.put(event.object);
      case "delete":
        return this.#store.delete(event.object);
      case "progress":
        return this.#store.advance(event.resourceVersion);
    }
  }

  #changed(...change: Parameters<OnChange<T>>): void {
    try {
      this.#options.onChange?.(...change);
    } catch (error) {
      this.#options.onError?.(error);
    }
  }
}
