/** Carries out what the watcher's state machine asks for, until it is told to stop. */
import type { KubeObject } from "../api/kube-object.ts";
import { errorFromNetwork, errorFromStatus, type KubeApiError } from "./api-error.ts";
import type { KubeClient } from "./client.ts";
import { type Clock, pause } from "./clock.ts";
import { listRequest, type Selectors } from "./request.ts";
import type { ResourceType } from "./resource-type.ts";
import {
  startWatcher,
  step,
  type WatcherEffect,
  type WatcherEvent,
  type WatcherInput,
  type WatcherState,
  type WatcherTimes,
} from "./watcher.ts";

export interface WatchRunnerOptions extends WatcherTimes {
  /** After this the server ends the watch; up to a tenth less is asked for, so that watches do not end together. */
  readonly watchSeconds: number;
  /**
   * Without a byte for so long, the connection is taken for dead. Most types have a bookmark every two minutes at the
   * latest; the others pay one reconnection. (A peer that has vanished altogether is noticed earlier, connector.ts.)
   */
  readonly idleMs: number;
  /** Until an answer must have begun. */
  readonly headersMs: number;
  readonly clock: Clock;
}

export interface Watched {
  readonly client: KubeClient;
  readonly type: ResourceType;
  readonly selectors: Selectors;
}

/** Resolves once the signal is aborted. `emit` must not throw. */
export async function runWatcher<T extends KubeObject>(
  watched: Watched,
  options: WatchRunnerOptions,
  emit: (event: WatcherEvent<T>) => void,
  signal: AbortSignal,
): Promise<void> {
  const runner = new Runner<T>(watched, options, emit, signal);
  await runner.run();
}

class Runner<T extends KubeObject> {
  readonly #watched: Watched;
  readonly #options: WatchRunnerOptions;
  readonly #emit: (event: WatcherEvent<T>) => void;
  readonly #signal: AbortSignal;
  #state: WatcherState;
  #effect: WatcherEffect | undefined;

  constructor(
    watched: Watched,
    options: WatchRunnerOptions,
    emit: (event: WatcherEvent<T>) => void,
    signal: AbortSignal,
  ) {
    this.#watched = watched;
    this.#options = options;
    this.#emit = emit;
    this.#signal = signal;
    const first = startWatcher<T>(options);
    this.#state = first.state;
    this.#effect = first.effect;
    for (const event of first.events) emit(event);
  }

  async run(): Promise<void> {
    while (!this.#signal.aborted && this.#effect !== undefined) {
      const effect = this.#effect;
      this.#effect = undefined;
      const input = await this.#perform(effect);
      if (input !== undefined && !this.#signal.aborted) this.#take(input);
    }
  }

  #take(input: WatcherInput<T>): void {
    const next = step(this.#state, input, this.#options);
    this.#state = next.state;
    this.#effect = next.effect;
    for (const event of next.events) this.#emit(event);
  }

  /** Undefined: the machine has already moved on. */
  async #perform(effect: WatcherEffect): Promise<WatcherInput<T> | undefined> {
    switch (effect.type) {
      case "list":
        return this.#list(effect);
      case "watch":
        return this.#watch(effect.resourceVersion);
      case "wait":
        await pause(this.#options.clock, effect.ms * (0.5 + Math.random() / 2), this.#signal);
        return { type: "waited", at: this.#now() };
    }
  }

  async #list({ limit, continue: token }: WatcherEffect & { type: "list" }): Promise<WatcherInput<T>> {
    const { client, type, selectors } = this.#watched;
    try {
      const page = await client.listPage<T>(
        type,
        { ...selectors, limit, continue: token },
        { signal: this.#signal },
      );
      return { type: "page", ...page, at: this.#now() };
    } catch (error) {
      return { type: "list-failed", error: this.#explain(error) };
    }
  }

  async #watch(resourceVersion: string): Promise<WatcherInput<T> | undefined> {
    const { client, type, selectors } = this.#watched;
    const { watchSeconds, idleMs, headersMs } = this.#options;
    const timeoutSeconds = Math.max(1, Math.round(watchSeconds * (1 - Math.random() / 10)));
    const onOpen = (): void => this.#take({ type: "watch-open" });
    const times = { timeoutSeconds, idleMs, headersMs };
    const params = { ...selectors, ...times, resourceVersion, signal: this.#signal, onOpen };
    try {
      for await (const event of client.watch<T>(type, params)) {
        const at = this.#now();
        if (event.type === "ERROR")
          this.#take({ type: "event", event, error: this.#status(event.object), at });
        else this.#take({ type: "event", event, at });
        // Leaving the loop also lets go of the connection.
        if (this.#effect !== undefined || this.#signal.aborted) return undefined;
      }
      return { type: "watch-ended", at: this.#now() };
    } catch (error) {
      return { type: "watch-failed", error: this.#explain(error), at: this.#now() };
    }
  }

  #explain(error: unknown): KubeApiError {
    return errorFromNetwork(this.#call(), error);
  }

  #status(object: unknown): KubeApiError {
    return errorFromStatus(this.#call(), object);
  }

  #call(): { method: string; path: string } {
    return listRequest(this.#watched.type, this.#watched.selectors);
  }

  #now(): number {
    return this.#options.clock.now();
  }
}
