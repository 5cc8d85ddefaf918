/**
 * The namespaces that are watched, each with caches of its own: they may change while the operator runs, and one that
 * cannot be read, because rights are missing, keeps no other from being reconciled. A namespace is open, so that passes
 * act on it, from when all its caches are complete until it is not watched any more.
 */
import type { FlinkStateSnapshot } from "../api/flink-state-snapshot.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { type Caches, namespaceOf } from "../controller/gather.ts";
import type { KubeClient } from "../kube/client.ts";
import { aborted, pause, systemClock } from "../kube/clock.ts";
import type { Informer } from "../kube/informer.ts";
import { matchesLabels } from "../kube/label-selector.ts";
import { FLINK_DEPLOYMENTS } from "../kube/resource-type.ts";
import { keyOf } from "../kube/store.ts";
import type { Logger } from "../telemetry/log.ts";
import { createCaches, type Wake } from "./caches.ts";
import { hasMonitors } from "./monitors.ts";
import { hasSnapshots } from "./snapshots.ts";

export interface WatchOptions {
  readonly client: KubeClient;
  readonly wake: Wake;
  readonly log: Logger;
  readonly ingresses: boolean;
  /** Of the resources themselves. */
  readonly labelSelector: string | undefined;
}

export interface NamespaceState {
  /** Undefined: all of them. */
  readonly namespace: string | undefined;
  readonly isOpen: boolean;
  /** It is open, and what happens to its FlinkDeployments is seen at the moment. */
  readonly isFollowed: boolean;
  /** Why it cannot be read at the moment. */
  readonly problem: string | undefined;
}

/** Milliseconds until a namespace that could not be read is tried again. */
const ASK_AGAIN_MS = 5000;

function informersOf(caches: Caches): Informer<KubeObject>[] {
  return Object.values(caches).filter((cache) => cache !== undefined) as Informer<KubeObject>[];
}

class WatchedNamespace {
  readonly #namespace: string | undefined;
  readonly #options: WatchOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  /** Resolved as soon as it is open, or known why it is not. */
  readonly #settled = Promise.withResolvers<void>();
  #caches: Caches | undefined;
  #isOpen = false;
  #unreadable: string | undefined;

  constructor(namespace: string | undefined, options: WatchOptions) {
    this.#namespace = namespace;
    this.#options = options;
    this.#running = this.#open().finally(this.#settled.resolve);
  }

  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** Undefined as long as it is not open. */
  get caches(): Caches | undefined {
    return this.#isOpen ? this.#caches : undefined;
  }

  get state(): NamespaceState {
    const failing =
      this.#caches && informersOf(this.#caches).find(({ health }) => health.error !== undefined);
    const problem = this.#unreadable ?? failing?.health.error?.message;
    const isFollowed = this.#isOpen && this.#caches?.resources.health.error === undefined;
    return { namespace: this.#namespace, isOpen: this.#isOpen, isFollowed, problem };
  }

  /** A pass for everything in it. */
  wakeAll(): void {
    if (this.#isOpen) this.#wake();
  }

  /** From now on no pass acts on it; those that come find nothing, and forget what they knew. */
  async close(): Promise<void> {
    this.#isOpen = false;
    this.#stopping.abort();
    this.#wake();
    await this.#running;
    if (this.#caches !== undefined) await Promise.all(informersOf(this.#caches).map((one) => one.stop()));
  }

  #wake(): void {
    const { wake } = this.#options;
    for (const object of this.#caches?.resources.list() ?? []) {
      wake.deployment(keyOf(object));
      wake.monitors(keyOf(object));
    }
    for (const object of this.#caches?.sessionJobs.list() ?? []) wake.sessionJob(keyOf(object));
    for (const object of this.#caches?.snapshots?.list() ?? []) wake.snapshot(keyOf(object));
  }

  async #open(): Promise<void> {
    const { client, ingresses, labelSelector, wake, log } = this.#options;
    const { signal } = this.#stopping;
    const namespace = this.#namespace;
    if (!(await this.#becomesReadable())) return;
    const snapshots = await hasSnapshots(client, namespace, log, signal);
    const monitors = await hasMonitors(client, namespace, log, signal);
    if (signal.aborted) return;
    const failure = Promise.withResolvers<void>();
    const onError = (error: unknown): void => {
      log.warn({ namespace, error: String(error) }, "watch failed, trying again");
      failure.resolve();
      this.#settled.resolve();
    };
    const options = { namespace, labelSelector, snapshots, ingresses, monitors };
    const caches = createCaches(client, options, wake, onError);
    this.#caches = caches;
    for (const informer of informersOf(caches)) informer.start();
    const stopped = aborted(signal);
    const optional = [caches.ingresses, caches.podMonitors, caches.serviceMonitors];
    const needed = informersOf(caches).filter((informer) => !optional.includes(informer));
    await Promise.race([Promise.all(needed.map(({ synced }) => synced)), stopped]);
    // No job depends on its Ingress: what keeps it from being read is said where one is asked for.
    if (caches.ingresses !== undefined)
      await Promise.race([caches.ingresses.synced, failure.promise, stopped]);
    if (signal.aborted) return;
    this.#isOpen = true;
    const { resources, sessionJobs } = caches;
    const sizes = { deployments: resources.size, sessionJobs: sessionJobs.size };
    log.info({ namespace: namespace ?? "all", ...sizes, snapshots: caches.snapshots?.size }, "reconciling");
    this.wakeAll();
  }

  /** False when it is closed before. */
  async #becomesReadable(): Promise<boolean> {
    const { client, log } = this.#options;
    const { signal } = this.#stopping;
    const namespace = this.#namespace;
    while (!signal.aborted) {
      try {
        await client.listPage(FLINK_DEPLOYMENTS, { namespace, limit: 1 }, { signal });
        this.#unreadable = undefined;
        return true;
      } catch (error) {
        if (signal.aborted) return false;
        const problem = String(error);
        if (problem !== this.#unreadable)
          log.warn({ namespace, problem }, "namespace cannot be read, trying again");
        this.#unreadable = problem;
        this.#settled.resolve();
        await pause(systemClock, ASK_AGAIN_MS, signal);
      }
    }
    return false;
  }
}

/** In place of a name: every namespace. */
const EVERY = "";

export class WatchedNamespaces {
  readonly #options: WatchOptions;
  readonly #watched = new Map<string, WatchedNamespace>();
  readonly #closing = new Set<Promise<void>>();

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Undefined: all. What stays is not disturbed. */
  retarget(namespaces: readonly string[] | undefined): void {
    const wanted = new Set(namespaces ?? [EVERY]);
    for (const [name, watched] of this.#watched) {
      if (wanted.has(name)) continue;
      this.#watched.delete(name);
      this.#options.log.info({ namespace: name || "all" }, "namespace is not watched any more");
      const closed = watched.close().finally(() => this.#closing.delete(closed));
      this.#closing.add(closed);
    }
    for (const name of wanted) {
      if (this.#watched.has(name)) continue;
      this.#watched.set(name, new WatchedNamespace(name === EVERY ? undefined : name, this.#options));
    }
  }

  cachesFor(namespace: string): Caches | undefined {
    return (this.#watched.get(EVERY) ?? this.#watched.get(namespace))?.caches;
  }

  /** Whether passes may act on it at this moment. A snapshot is its job's. */
  isWatched(resource: KubeObject): boolean {
    const caches = this.cachesFor(namespaceOf(resource));
    const { labelSelector } = this.#options;
    if (caches === undefined) return false;
    if (labelSelector === undefined || matchesLabels(labelSelector, resource.metadata.labels)) return true;
    return resource.kind === "FlinkStateSnapshot" && hasJobOf(caches, resource as FlinkStateSnapshot);
  }

  wakeAll(): void {
    for (const watched of this.#watched.values()) watched.wakeAll();
  }

  /** Of all that are open. */
  get caches(): readonly Caches[] {
    return [...this.#watched.values()].flatMap(({ caches }) => caches ?? []);
  }

  get states(): readonly NamespaceState[] {
    return [...this.#watched.values()].map(({ state }) => state);
  }

  /** Each is open, or known why it is not. */
  async settled(): Promise<void> {
    await Promise.all([...this.#watched.values()].map(({ settled }) => settled));
  }

  async close(): Promise<void> {
    for (const watched of this.#watched.values()) this.#closing.add(watched.close());
    this.#watched.clear();
    await Promise.all(this.#closing);
  }
}

function hasJobOf({ resources, sessionJobs }: Caches, { metadata, spec }: FlinkStateSnapshot): boolean {
  const { kind, name = "" } = (spec ?? {}).jobReference ?? {};
  const jobs = kind === "FlinkSessionJob" ? sessionJobs : resources;
  return jobs.get(metadata.namespace, name) !== undefined;
}
