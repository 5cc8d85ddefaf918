/**
 * Tells receivers of changes of state, beside the passes: what is to be told goes into a bounded queue for each receiver, and the
 * pass goes on. While this process lives, each is sent at least once or counted as what became of it instead.
 */
import type { KubeObject } from "../api/kube-object.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { stateChange } from "./change.ts";
import { Delivery, type DeliveryOptions } from "./delivery.ts";
import { receiversOf } from "./receivers.ts";

const DEFAULTS = {
  limit: 1000,
  deadlineMs: 10_000,
  backoffMs: 1000,
  giveUpMs: 15 * 60_000,
};
/** Milliseconds that the end of the operator waits for what is left: the next leader must not wait for it. */
const LAST_MS = 2000;

type NotifierOptions = Pick<DeliveryOptions, "metrics" | "log"> & Partial<DeliveryOptions>;

export class Notifier {
  readonly #options: DeliveryOptions;
  readonly #deliveries = new Map<string, Delivery>();
  readonly #closing = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: NotifierOptions) {
    this.#options = { ...DEFAULTS, ...options };
  }

  /**
   * The receivers are those of this configuration from now on. Who stays keeps what waits; who is configured wrongly now goes on
   * as before.
   */
  configure(configuration: FlinkConfiguration): void {
    if (this.#isClosed) return;
    const { receivers, problems } = receiversOf(configuration);
    for (const { option, problem } of problems)
      this.#options.log.error({ option, problem }, "receiver of notifications is not as it should be");
    const names = new Set([
      ...receivers.map(({ name }) => name),
      ...problems.map(({ receiver }) => receiver),
    ]);
    for (const [name, delivery] of this.#deliveries) {
      if (names.has(name)) continue;
      this.#deliveries.delete(name);
      const closed = delivery.close(0).finally(() => this.#closing.delete(closed));
      this.#closing.add(closed);
    }
    for (const receiver of receivers) {
      const delivery = this.#deliveries.get(receiver.name);
      if (delivery === undefined) this.#deliveries.set(receiver.name, new Delivery(receiver, this.#options));
      else delivery.receiver = receiver;
    }
  }

  /** A status has been written. Returns at once and never throws. */
  written(before: KubeObject, after: KubeObject): void {
    if (this.#isClosed || this.#deliveries.size === 0) return;
    const change = stateChange(before, after, Date.now());
    if (change !== undefined) for (const delivery of this.#deliveries.values()) delivery.add(change);
  }

  /** Sends what is left, if that is quick. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const closed = [...this.#deliveries.values()].map((delivery) => delivery.close(LAST_MS));
    await Promise.all([...closed, ...this.#closing]);
  }
}
