/**
 * The shell around the decisions for one kind of resource: gather, decide, write the status, act, come again. It has no
 * opinion of its own. At most one pass per resource runs at a time (the queue's promise), and a status is written
 * only on top of the version it was decided from: whoever lost that race looks again.
 */
import type { KubeObject } from "../api/kube-object.ts";
import { type KubeClient, isKubeError } from "../kube/client.ts";
import type { EventRecorder } from "../kube/event-recorder.ts";
import type { ResourceType } from "../kube/resource-type.ts";
import type { ActionFailure, EventRecord } from "../reconcile/decision.ts";
import { sameJson } from "../reconcile/last-reconciled-spec.ts";
import type { Logger } from "../telemetry/log.ts";

/** What a pass leaves to its caller: when to come again. `retry` asks for the queue's back-off. */
export type PassOutcome =
  | { readonly kind: "again"; readonly after: number }
  | { readonly kind: "retry" }
  | { readonly kind: "on-change" };

/** Told what passes do, for metrics. */
export interface PassObserver {
  /** A status has been written, in place of the one that `before` has. */
  readonly written: (key: string, before: KubeObject, after: KubeObject) => void;
  readonly acted: (action: string, seconds: number, failed: boolean) => void;
  /** The resource is gone, or not this operator's any more. */
  readonly gone: (key: string) => void;
}

/** What controllers are made with. */
export interface ShellDependencies {
  readonly client: KubeClient;
  readonly events: EventRecorder;
  readonly log: Logger;
  /** Whether the resource is this operator's to act on, at this moment. */
  readonly isWatched: (resource: KubeObject) => boolean;
  /** Of the passes over resources of a kind. */
  readonly observerFor?: ((kind: string) => PassObserver) | undefined;
}

/** The way out of a pass. */
export interface PassOutlet<R extends KubeObject> {
  readonly log: Logger;
  /** Writes the status of `resource` on top of the version that it was read as. Undefined when somebody else wrote first. */
  readonly write: (resource: R) => Promise<R | undefined>;
  /** Tells people. Never rejects. */
  readonly tell: (resource: R, event: EventRecord) => Promise<void>;
  /** Whether passes may act on it, at this moment; always, unless given. */
  readonly isWatched?: (resource: R) => boolean;
  readonly observer?: PassObserver | undefined;
}

/** To the API server: the status of a custom resource, and Events. `keep` takes the answer of an own write. */
export function apiServer<R extends KubeObject>(
  { client, events, log, isWatched, observerFor }: ShellDependencies,
  type: ResourceType,
  keep: (resource: R) => void,
): PassOutlet<R> {
  return {
    log,
    isWatched,
    observer: observerFor?.(type.kind),
    tell: (resource, event) => events.record(resource, event),
    write: async (resource) => {
      try {
        const written = await client.replaceStatus<R>(type, resource);
        keep(written);
        return written;
      } catch (error) {
        if (isKubeError(error, "conflict")) return undefined;
        throw error;
      }
    },
  };
}

interface AnyAction {
  readonly type: string;
}

interface AnyDecision {
  readonly actions: readonly AnyAction[];
  readonly status: object;
  readonly events: readonly EventRecord[];
  /** Milliseconds. */
  readonly requeueAfter: number | undefined;
  /** Something else has to be asked before it can go on. */
  readonly question?: unknown;
}

type ActionOf<D extends AnyDecision> = D["actions"][number];
type FailureOf<D extends AnyDecision> = ActionFailure<ActionOf<D>["type"]>;

export interface Decided<R extends KubeObject, D extends AnyDecision> {
  readonly decision: D;
  /** Carries out one of its actions. `resource` has the status that was decided. Failures are values. */
  readonly execute: (action: ActionOf<D>, resource: R) => Promise<FailureOf<D> | undefined>;
}

/** What differs from kind to kind. `G` is everything that a decision is made from. */
export interface PassParts<R extends KubeObject, G extends { readonly resource: R }, D extends AnyDecision> {
  /** From caches where there are some: enough to tell whether anything is to be done. `live` unless given. */
  readonly fromCache?: (namespace: string, name: string) => G | undefined | Promise<G | undefined>;
  /** From the API server: enough to act on. */
  readonly live: (namespace: string, name: string) => Promise<G | undefined>;
  readonly decide: (key: string, gathered: G) => Promise<Decided<R, D>>;
  /** From what the caches hold; `decide` unless given. */
  readonly decideCached?: (key: string, gathered: G) => Promise<Decided<R, D>>;
  /** Whether a pass goes on when this action has failed; the decision alone then says when to come again. */
  readonly isOptional: (action: ActionOf<D>) => boolean;
  /** A pass has ended; with the last failure among its actions. */
  readonly ended: (key: string, decision: D, failure: FailureOf<D> | undefined) => void;
  /** The resource is gone. */
  readonly forget: (key: string) => void;
  readonly written?: (key: string, before: R, status: D["status"]) => void;
}

export class PassShell<R extends KubeObject, G extends { readonly resource: R }, D extends AnyDecision> {
  readonly #outlet: PassOutlet<R>;
  readonly #parts: PassParts<R, G, D>;

  constructor(outlet: PassOutlet<R>, parts: PassParts<R, G, D>) {
    this.#outlet = outlet;
    this.#parts = parts;
  }

  /** One pass over the resource `namespace/name`. Throws only what the queue should retry and log. */
  async pass(key: string): Promise<PassOutcome> {
    const [namespace = "", name = ""] = key.split("/");
    const { fromCache, decide, decideCached = decide, live: look } = this.#parts;
    if (fromCache !== undefined) {
      const cached = await fromCache(namespace, name);
      if (cached === undefined || !this.#isWatched(cached.resource)) return this.#gone(key);
      const { decision } = await decideCached(key, cached);
      if (isQuiet(decision, cached.resource)) return this.#end(key, decision, undefined);
    }
    const live = await look(namespace, name);
    if (live === undefined) return fromCache === undefined ? this.#gone(key) : { kind: "on-change" };
    return this.#carryOut(key, live.resource, await decide(key, live));
  }

  #isWatched(resource: R): boolean {
    return this.#outlet.isWatched?.(resource) !== false;
  }

  #gone(key: string): PassOutcome {
    this.#parts.forget(key);
    this.#outlet.observer?.gone(key);
    return { kind: "on-change" };
  }

  #end(key: string, decision: D, failure: FailureOf<D> | undefined): PassOutcome {
    this.#parts.ended(key, decision, failure);
    const { requeueAfter } = decision;
    return requeueAfter === undefined ? { kind: "on-change" } : { kind: "again", after: requeueAfter };
  }

  async #carryOut(key: string, resource: R, decided: Decided<R, D>): Promise<PassOutcome> {
    const { decision } = decided;
    if (!this.#isWatched(resource)) return { kind: "on-change" };
    const written = await this.#writeStatus(key, resource, decision);
    if (written === undefined) return { kind: "again", after: 0 };
    // Told beside the actions, not before them: an event must not cost downtime.
    const told = Promise.all(decision.events.map((event) => this.#outlet.tell(written, event)));
    const outcome = await this.#act(key, written, decided);
    await told;
    return outcome;
  }

  async #act(key: string, written: R, { decision, execute }: Decided<R, D>): Promise<PassOutcome> {
    const { log, observer } = this.#outlet;
    let last: FailureOf<D> | undefined;
    for (const action of decision.actions) {
      if (!this.#isWatched(written)) return { kind: "on-change" };
      log.info({ key, action: action.type }, "action");
      const started = performance.now();
      const failure = await execute(action, written);
      observer?.acted(action.type, (performance.now() - started) / 1000, failure !== undefined);
      if (failure === undefined) continue;
      last = failure;
      log.warn({ key, ...failure }, "action failed");
      if (this.#parts.isOptional(action)) continue;
      this.#end(key, decision, failure);
      return { kind: "retry" };
    }
    return this.#end(key, decision, last);
  }

  /** Undefined when somebody else wrote first. */
  async #writeStatus(key: string, resource: R, { status }: D): Promise<R | undefined> {
    if (sameJson(resource["status"], status)) return resource;
    const written = await this.#outlet.write({ ...resource, status });
    if (written === undefined) return undefined;
    this.#parts.written?.(key, resource, status);
    this.#outlet.observer?.written(key, resource, written);
    return written;
  }
}

function isQuiet({ actions, events, question, status }: AnyDecision, resource: KubeObject): boolean {
  const nothing = actions.length === 0 && events.length === 0 && question === undefined;
  return nothing && sameJson(resource["status"], status);
}
