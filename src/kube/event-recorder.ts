/**
 * Tells users what happened, as core/v1 Events on the object concerned. Best effort: an event that cannot be written
 * never fails the pass that it belongs to.
 */
import type { KubeObject } from "../api/kube-object.ts";
import { withoutCredentials } from "../flink/credentials.ts";
import { type KubeClient, isKubeError } from "./client.ts";
import { type Clock, systemClock } from "./clock.ts";
import { cutToBytes, eventName } from "./event-name.ts";
import { EVENTS } from "./resource-type.ts";

export interface EventInput {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  /** The part of the operator that speaks: `Operator`, `JobManagerDeployment`, `Job` or `Snapshot`. */
  readonly component: string;
  /** Events with one key are counted, not repeated; the message when absent. */
  readonly key?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

export interface EventRecorderOptions {
  /** Why an event was not written. Missing rights are not told: not everybody grants them. */
  readonly onError?: (error: unknown) => void;
  readonly clock?: Clock;
  /** The time of day. */
  readonly now?: () => Date;
  /** Events an object may have in a row, and milliseconds until it may have one more. */
  readonly burst?: number;
  readonly refillMs?: number;
}

const MAX_MESSAGE_BYTES = 1024;
/** A pass waits for its events, but not long. */
const DEADLINE_MS = 5000;
/** Names and objects remembered; the oldest is forgotten first, at the price of one more call for it. */
const MAX_REMEMBERED = 5000;

interface Bucket {
  tokens: number;
  at: number;
}

export class EventRecorder {
  readonly #client: KubeClient;
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #refillMs: number;
  /** By namespace and name: the count last written. */
  readonly #counts = new Map<string, number>();
  readonly #buckets = new Map<string, Bucket>();
  /** By namespace and name: what is under way, so that two of a kind do not count from the same number. */
  readonly #pending = new Map<string, Promise<void>>();

  constructor(client: KubeClient, options: EventRecorderOptions = {}) {
    this.#client = client;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#burst = options.burst ?? 30;
    this.#refillMs = options.refillMs ?? 30_000;
  }

  /** Resolves when the event is written, or was given up; never rejects. */
  async record(target: KubeObject, input: EventInput): Promise<void> {
    if (!this.#allowed(target.metadata.uid ?? target.metadata.name)) return;
    const namespace = target.metadata.namespace ?? "default";
    const event = { ...input, message: cutToBytes(withoutCredentials(input.message), MAX_MESSAGE_BYTES) };
    const name = eventName(input, target);
    const key = `${namespace}/${name}`;
    const writing = (this.#pending.get(key) ?? Promise.resolve()).then(() =>
      this.#write(key, { target, event, namespace, name }).catch((error: unknown) => this.#report(error)),
    );
    this.#pending.set(key, writing);
    await writing;
    if (this.#pending.get(key) === writing) this.#pending.delete(key);
  }

  async #write(key: string, what: Written): Promise<void> {
    let count = this.#counts.get(key);
    if (count === undefined) {
      if (await this.#create(key, what)) return;
      count = await this.#existingCount(what);
    }
    const { namespace, name, event } = what;
    const patch = { count: count + 1, lastTimestamp: this.#timestamp(), message: event.message };
    try {
      await this.#client.patch(
        EVENTS,
        namespace,
        name,
        patch,
        { kind: "merge" },
        { deadlineMs: DEADLINE_MS },
      );
      remember(this.#counts, key, count + 1);
    } catch (error) {
      this.#counts.delete(key);
      // The server forgets events after an hour.
      if (!isKubeError(error, "not-found")) throw error;
      await this.#create(key, what);
    }
  }

  /** False: it exists already. */
  async #create(key: string, what: Written): Promise<boolean> {
    try {
      await this.#client.create(
        EVENTS,
        eventObject(what, this.#timestamp()),
        {},
        { deadlineMs: DEADLINE_MS },
      );
      remember(this.#counts, key, 1);
      return true;
    } catch (error) {
      if (isKubeError(error, "already-exists")) return false;
      throw error;
    }
  }

  async #existingCount({ namespace, name }: Written): Promise<number> {
    const existing = await this.#client.get(EVENTS, namespace, name, { deadlineMs: DEADLINE_MS });
    return typeof existing?.["count"] === "number" ? existing["count"] : 0;
  }

  /** A bucket of tokens for each object: one that goes wrong all the time must not flood the cluster's events. */
  #allowed(object: string): boolean {
    const now = this.#clock.now();
    const bucket = this.#buckets.get(object) ?? { tokens: this.#burst, at: now };
    const tokens = Math.min(this.#burst, bucket.tokens + (now - bucket.at) / this.#refillMs);
    const allowed = tokens >= 1;
    remember(this.#buckets, object, { tokens: allowed ? tokens - 1 : tokens, at: now });
    return allowed;
  }

  #timestamp(): string {
    const now = this.#options.now?.() ?? new Date();
    return now.toISOString().replace(/\.\d+Z$/, "Z");
  }

  #report(error: unknown): void {
    // Missing rights, or a namespace that is being deleted.
    if (isKubeError(error, "forbidden")) return;
    this.#options.onError?.(error);
  }
}

interface Written {
  readonly target: KubeObject;
  readonly event: EventInput;
  readonly namespace: string;
  readonly name: string;
}

function eventObject({ target, event, namespace, name }: Written, timestamp: string): KubeObject {
  const { kind, apiVersion, metadata } = target;
  const place = metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: {
      name,
      namespace,
      ...(event.annotations === undefined ? {} : { annotations: { ...event.annotations } }),
    },
    involvedObject: { apiVersion, kind, ...place, name: metadata.name, uid: metadata.uid },
    type: event.type,
    reason: event.reason,
    message: event.message,
    source: { component: event.component },
    firstTimestamp: timestamp,
    lastTimestamp: timestamp,
    count: 1,
  };
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= MAX_REMEMBERED) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
