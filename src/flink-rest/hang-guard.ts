/**
 * JobManagers that accept a call and never answer it. The first call finds out, and pays with its whole deadline. From
 * then on calls fail at once, with what the first one found, so that nobody waits for that JobManager again; in the
 * background it is asked the same thing, more and more seldom, until it answers.
 *
 *     answering ── a GET has no answer in time ──► silent ── an answer, or a plain refusal ──► answering
 *
 * Only GETs are kept away from it: whatever is to be done to a job is tried in earnest.
 */
import { type Clock, systemClock } from "../kube/clock.ts";
import { Limiter } from "./limiter.ts";
import { type FlinkRequest, type FlinkTransport, TransportError } from "./transport.ts";

export interface HangGuardOptions {
  /** Milliseconds until a silent JobManager is asked again, at first; doubled each time. Default 2 s. */
  readonly firstMs?: number;
  /** Milliseconds, at most. Default 30 s. */
  readonly mostMs?: number;
  /** JobManagers asked at a time in the background. Default 32. */
  readonly concurrency?: number;
  /** A JobManager that was silent answers again; its key. */
  readonly onAnswer?: (key: string) => void;
  readonly clock?: Clock;
  /** 0 to 1. */
  readonly random?: () => number;
}

interface Known {
  /** What calls fail with; undefined while it answers. */
  error: TransportError | undefined;
  /** Times in a row without an answer. */
  failures: number;
  /** When somebody last wanted something of it, or it last answered after a silence. */
  at: number;
  /** What to ask it in the background. */
  ask: () => Promise<unknown>;
  asking: boolean;
  /** Takes back the next time. */
  cancel: () => void;
}

/** Milliseconds. Nobody wants anything of it any more: its resource is gone, and it is not asked again. */
const FORGOTTEN_MS = 120_000;
/** Milliseconds. One that falls silent again this soon has not recovered: it is asked as seldom as before. */
const RELAPSE_MS = 60_000;
const NEVER = new AbortController().signal;

export class HangGuard {
  readonly #options: HangGuardOptions;
  readonly #clock: Clock;
  readonly #limiter: Limiter;
  readonly #known = new Map<string, Known>();
  #closed = false;

  constructor(options: HangGuardOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#limiter = new Limiter(options.concurrency ?? 32);
  }

  /** JobManagers that are silent now. */
  get silent(): number {
    return [...this.#known.values()].filter(({ error }) => error !== undefined).length;
  }

  /** `key` names the JobManager, whichever transport leads to it. */
  guarded(key: string, transport: FlinkTransport): FlinkTransport {
    return async (request) => {
      if (request.method !== "GET") return transport(request);
      const known = this.#known.get(key);
      if (known?.error !== undefined) {
        known.at = this.#clock.now();
        throw known.error;
      }
      try {
        return await transport(request);
      } catch (error) {
        if (isSilence(error)) this.#fallsSilent(key, error, { transport, request });
        throw error;
      }
    };
  }

  /** Something about the JobManager changed: a silent one is asked now. */
  changed(key: string): void {
    const known = this.#known.get(key);
    if (known?.error === undefined || known.asking) return;
    known.cancel();
    void this.#ask(key, known);
  }

  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#known.values()) cancel();
    this.#known.clear();
  }

  #fallsSilent(
    key: string,
    error: TransportError,
    { transport, request }: { transport: FlinkTransport; request: FlinkRequest },
  ): void {
    const before = this.#known.get(key);
    // Two calls of one pass find out together.
    if (this.#closed || before?.error !== undefined) return;
    const now = this.#clock.now();
    const relapse = before !== undefined && now - before.at < RELAPSE_MS;
    const known: Known = {
      error,
      failures: relapse ? before.failures : 0,
      at: now,
      ask: () => transport(request),
      asking: false,
      cancel: () => undefined,
    };
    this.#known.set(key, known);
    this.#later(key, known);
  }

  #later(key: string, known: Known): void {
    const { firstMs = 2000, mostMs = 30_000, random = Math.random } = this.#options;
    const ms = Math.min(firstMs * 2 ** Math.min(known.failures, 20), mostMs);
    known.failures++;
    known.cancel = this.#clock.after(ms * (0.75 + random() / 2), () => void this.#ask(key, known));
  }

  async #ask(key: string, known: Known): Promise<void> {
    if (this.#clock.now() - known.at > FORGOTTEN_MS) {
      this.#known.delete(key);
      return;
    }
    known.asking = true;
    const silent = await this.#limiter.run(NEVER, known.ask).then(() => false, isSilence);
    known.asking = false;
    if (this.#closed) return;
    if (silent) return this.#later(key, known);
    known.error = undefined;
    known.at = this.#clock.now();
    this.#options.onAnswer?.(key);
  }
}

function isSilence(error: unknown): error is TransportError {
  return error instanceof TransportError && error.kind === "timeout";
}
