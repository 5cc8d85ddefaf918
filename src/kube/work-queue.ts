/**
 * Keys that want a look. Level-triggered: a key says "look at this object", never what happened to it, so that any
 * number of events collapses into one pass.
 *
 * Guarantees: a key is never handled by two workers at once; a key added while it is being handled is handled again
 * afterwards; of several delays for a key the earliest wins, and the pass that it leads to clears the others.
 */
import { type Clock, systemClock } from "./clock.ts";

/** Told what happens in a queue, for metrics. Times are milliseconds. */
export interface QueueObserver {
  readonly added: () => void;
  /** Added after a back-off. */
  readonly retried: () => void;
  /** A worker has taken a key, which waited this long. */
  readonly taken: (waitedMs: number) => void;
  readonly done: (workedMs: number) => void;
}

export interface WorkQueueOptions {
  /** Keys handled at the same time. */
  readonly concurrency: number;
  /**
   * One pass. When it throws, the error goes to `onError` and the key is tried again after its back-off; when it
   * returns, the back-off starts over, unless it called `retry` itself.
   */
  readonly handle: (key: string) => Promise<void>;
  readonly onError?: (key: string, error: unknown) => void;
  readonly observer?: QueueObserver;
  /** The first retry comes after about this. */
  readonly backoffBaseMs?: number;
  readonly backoffMaxMs?: number;
  readonly clock?: Clock;
  /** 0 to 1. */
  readonly random?: () => number;
}

interface Delayed {
  readonly dueAt: number;
  readonly cancel: () => void;
}

interface Run {
  readonly since: number;
  again: boolean;
  retried: boolean;
}

export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  /** When they arrived, in that order. */
  readonly #ready = new Map<string, number>();
  readonly #running = new Map<string, Run>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  #idleWaiters: (() => void)[] = [];
  #stopped = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
  }

  /** Keys that wait for a worker now, without those being handled and those delayed. */
  get length(): number {
    return this.#ready.size;
  }

  get active(): number {
    return this.#running.size;
  }

  get delayed(): number {
    return this.#delayed.size;
  }

  /** Of each key that is being handled, for how many milliseconds it has been. */
  runningFor(): number[] {
    const now = this.#clock.now();
    return [...this.#running.values()].map(({ since }) => now - since);
  }

  add(key: string): void {
    if (this.#stopped) return;
    const running = this.#running.get(key);
    if (running !== undefined) running.again = true;
    else this.#makeReady(key);
    this.#work();
  }

  /** Adds the key after `ms`, or earlier if somebody asked for earlier. */
  addAfter(key: string, ms: number): void {
    if (this.#stopped) return;
    const dueAt = this.#clock.now() + Math.max(ms, 0);
    const earlier = this.#delayed.get(key);
    if (earlier !== undefined) {
      if (earlier.dueAt <= dueAt) return;
      earlier.cancel();
    }
    const cancel = this.#clock.after(ms, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { dueAt, cancel });
  }

  /** Adds the key after its back-off, which doubles each time until `forget` or a pass that succeeds. */
  retry(key: string): void {
    const { backoffBaseMs = 250, backoffMaxMs = 60_000 } = this.#options;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const running = this.#running.get(key);
    if (running !== undefined) running.retried = true;
    this.#options.observer?.retried();
    const ms = Math.min(backoffBaseMs * 2 ** Math.min(failures, 30), backoffMaxMs);
    this.addAfter(key, ms * (0.75 + this.#random() / 2));
  }

  /** The key's back-off starts over. Forget a key when its object is gone. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** Resolves when nothing is ready and nothing is being handled; delayed keys are not waited for. */
  drain(): Promise<void> {
    if (this.#ready.size === 0 && this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Starts nothing any more; resolves when what is being handled has ended. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.#ready.clear();
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    return this.drain();
  }

  #makeReady(key: string): void {
    if (this.#ready.has(key)) return;
    this.#ready.set(key, this.#clock.now());
    this.#options.observer?.added();
  }

  #work(): void {
    for (const [key, since] of this.#ready) {
      if (this.#running.size >= this.#options.concurrency) return;
      this.#ready.delete(key);
      this.#options.observer?.taken(this.#clock.now() - since);
      void this.#pass(key);
    }
  }

  async #pass(key: string): Promise<void> {
    const run: Run = { since: this.#clock.now(), again: false, retried: false };
    this.#running.set(key, run);
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
    try {
      await this.#options.handle(key);
      if (!run.retried) this.forget(key);
    } catch (error) {
      this.#report(key, error);
      if (!run.retried) this.retry(key);
    }
    this.#running.delete(key);
    this.#options.observer?.done(this.#clock.now() - run.since);
    if (run.again && !this.#stopped) this.#makeReady(key);
    this.#work();
    if (this.#ready.size > 0 || this.#running.size > 0) return;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const resolve of waiters) resolve();
  }

  #report(key: string, error: unknown): void {
    try {
      this.#options.onError?.(key, error);
    } catch {
      // A logger that fails must not cost a worker.
    }
  }
}
