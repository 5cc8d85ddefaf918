/** What one receiver is still to be told, and who tells it: in order, one at a time, so that who hangs holds up himself alone. */
import { Agent } from "undici";
import { pause, systemClock } from "../kube/clock.ts";
import { RereadingFile } from "../kube/rereading-file.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics/metrics.ts";
import type { Reason, StateChange } from "./change.ts";
import { messageFor } from "./message.ts";
import { parseAddress, type Receiver, reasonFor } from "./receivers.ts";
import { type Outcome, send } from "./send.ts";

export interface DeliveryOptions {
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Notifications that may wait. */
  readonly limit: number;
  /** Milliseconds for one request. */
  readonly deadlineMs: number;
  /** Milliseconds before the first retry; doubled up to a minute. */
  readonly backoffMs: number;
  /** Milliseconds for which one notification is tried. */
  readonly giveUpMs: number;
}

interface Waiting {
  readonly change: StateChange;
  readonly reason: Reason;
  /** Of the monotonic clock, milliseconds. */
  readonly since: number;
}

const MOST_BACKOFF_MS = 60_000;

/** What became of a notification. */
type Result = "sent" | "rejected" | "expired" | "dropped";
const RESULTS: readonly Result[] = ["sent", "rejected", "expired", "dropped"];

export class Delivery {
  receiver: Receiver;
  readonly #options: DeliveryOptions;
  readonly #agent = new Agent({
    connections: 1,
    keepAliveTimeout: 30_000,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  /** Aborted: one attempt more for each. */
  readonly #hurry = new AbortController();
  readonly #end = new AbortController();
  readonly #waiting: Waiting[] = [];
  #file: RereadingFile | undefined;
  #working: Promise<void> | undefined;
  #isFailing = false;

  constructor(receiver: Receiver, options: DeliveryOptions) {
    this.receiver = receiver;
    this.#options = options;
    // From 0 on, so that the first one is an increase, too.
    for (const result of RESULTS) this.#record.notifications.inc({ receiver: receiver.name, result }, 0);
    this.#record.notificationRetries.inc({ receiver: receiver.name }, 0);
    this.#measure();
  }

  get #record(): Metrics["record"] {
    return this.#options.metrics.record;
  }

  add(change: StateChange): void {
    const reason = reasonFor(this.receiver, change);
    if (reason === undefined) return;
    // The first may be under way: the one after it goes.
    if (this.#waiting.length >= this.#options.limit) {
      this.#waiting.splice(1, 1);
      this.#ended("dropped", "too many are waiting");
    }
    this.#waiting.push({ change, reason, since: performance.now() });
    this.#measure();
    this.#working ??= this.#work();
  }

  /** What is not sent within `waitMs` is dropped. */
  async close(waitMs: number): Promise<void> {
    this.#hurry.abort();
    const last = setTimeout(() => this.#end.abort(), waitMs);
    await this.#working;
    clearTimeout(last);
    this.#end.abort();
    for (const _ of this.#waiting.splice(0)) this.#ended("dropped", "the operator ends");
    this.#record.notificationsWaiting.remove({ receiver: this.receiver.name });
    await this.#agent.destroy();
  }

  async #work(): Promise<void> {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#end.signal.aborted || !(await this.#tell(next))) break;
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      this.#measure();
    }
    // At once, not when the promise is looked at: what is added from now on needs somebody to tell it.
    this.#working = undefined;
  }

  /** False: there is no time left. */
  async #tell({ change, reason, since }: Waiting): Promise<boolean> {
    const { backoffMs, giveUpMs } = this.#options;
    for (let retries = 0; ; retries++) {
      const isLast = this.#hurry.signal.aborted;
      const outcome = await this.#send(change, reason);
      if (outcome.kind === "sent") return this.#ended("sent");
      if (outcome.kind === "rejected") return this.#ended("rejected", outcome.why);
      if (isLast) return false;
      const backoff = Math.min(backoffMs * 2 ** retries, MOST_BACKOFF_MS) * (0.5 + Math.random() / 2);
      const wait = Math.max(backoff, outcome.afterMs ?? 0);
      if (performance.now() - since + wait > giveUpMs) return this.#ended("expired", outcome.why);
      this.#record.notificationRetries.inc({ receiver: this.receiver.name });
      this.#complain(outcome.why);
      await pause(systemClock, wait, this.#hurry.signal);
    }
  }

  async #send(change: StateChange, reason: Reason): Promise<Outcome> {
    const url = await this.#address();
    if (typeof url === "string") return { kind: "failed", why: url };
    const { deadlineMs } = this.#options;
    const message = messageFor(change, reason, this.receiver.format);
    return send(url, message, { dispatcher: this.#agent, deadlineMs, signal: this.#end.signal });
  }

  /** In words, why there is none. */
  async #address(): Promise<URL | string> {
    const { address } = this.receiver;
    if ("url" in address) return parseAddress(address.url) ?? "url is no address";
    if (this.#file?.path !== address.file) this.#file = new RereadingFile(address.file);
    try {
      return parseAddress(await this.#file.read()) ?? `${address.file} holds no address`;
    } catch (error) {
      return `${address.file} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown"})`;
    }
  }

  #ended(result: Result, why?: string): true {
    const receiver = this.receiver.name;
    this.#record.notifications.inc({ receiver, result });
    if (result !== "sent") this.#options.log.warn({ receiver, result, why }, "notification given up");
    else if (this.#isFailing) this.#options.log.info({ receiver }, "notifications arrive again");
    if (result === "sent") this.#isFailing = false;
    return true;
  }

  /** Once for each time that it begins to fail. */
  #complain(why: string): void {
    if (!this.#isFailing)
      this.#options.log.warn({ receiver: this.receiver.name, why }, "notification not sent, trying again");
    this.#isFailing = true;
  }

  #measure(): void {
    this.#record.notificationsWaiting.set({ receiver: this.receiver.name }, this.#waiting.length);
  }
}
