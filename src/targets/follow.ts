/** Makes passes over one job until its decision has settled, or the time is up; says on the way what is awaited. */
import { setTimeout as pause } from "node:timers/promises";
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { PassOutcome } from "../controller/pass-shell.ts";
import type { PassResult, TargetPasses } from "./passes.ts";
import { Refusal } from "./target.ts";
import { isStopping, type Verdict } from "./verdict.ts";

/** Milliseconds between two looks at most: nothing wakes a command but time. */
const LONGEST_PAUSE_MS = 1000;
/** Passes in a row that may throw: an API server that restarts, a network that is gone for a moment. */
const MOST_ERRORS = 10;
const BACKOFF_MS = 200;
const BACKOFF_MAX_MS = 5000;

export interface Following {
  readonly passes: TargetPasses;
  readonly judge: (resource: FlinkDeployment) => Verdict;
  /** For the stop, and anew for what comes after it. */
  readonly timeoutMs: number;
  /** Ends the following; what is under way stays as it is. */
  readonly signal: AbortSignal;
  /** What is awaited, whenever that changes. */
  readonly progress: (message: string) => void;
  readonly time: Time;
}

/** The time of day, and waiting. */
export interface Time {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

export const systemTime: Time = {
  now: Date.now,
  sleep: (milliseconds, signal) => pause(milliseconds, undefined, { signal }).catch(() => undefined),
};

export type Followed =
  | { readonly kind: "done" | "timed-out" | "interrupted"; readonly resource: FlinkDeployment }
  | { readonly kind: "failed"; readonly message: string; readonly resource: FlinkDeployment };

/** A call that failed is worth another try; what only a person can mend is not. */
function isPermanent(error: unknown): boolean {
  return error instanceof Refusal || (error as { code?: string } | undefined)?.code === "forbidden";
}

class Patience {
  #errors = 0;

  /** Milliseconds until the next pass. */
  after(outcome: PassOutcome): number {
    if (outcome.kind === "retry") return this.#backoff();
    this.#errors = 0;
    return outcome.kind === "again" ? Math.min(outcome.after, LONGEST_PAUSE_MS) : LONGEST_PAUSE_MS;
  }

  /** @throws the error when the budget is used up, or when it is no use */
  afterError(error: unknown): number {
    if (isPermanent(error) || this.#errors >= MOST_ERRORS) throw error;
    return this.#backoff();
  }

  #backoff(): number {
    return Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** this.#errors++);
  }
}

/** Milliseconds until what is still awaited is said once more. */
const SAY_AGAIN_MS = 15_000;

/** Says what is awaited when that changes, and now and then for how long. */
function speaker(progress: (message: string) => void, { now }: Time): (message: string) => void {
  let said = "";
  let since = 0;
  let next = 0;
  return (message) => {
    if (message !== said) {
      said = message;
      since = now();
      progress(message);
    } else if (now() >= next) progress(`${message} (${Math.round((now() - since) / 1000)} s)`);
    else return;
    next = now() + SAY_AGAIN_MS;
  };
}

/** @throws Refusal, and what a call threw too often */
export async function follow(name: string, following: Following): Promise<Followed> {
  const { passes, judge, timeoutMs, signal, progress, time } = following;
  const patience = new Patience();
  let deadline = time.now() + timeoutMs;
  let wasStopping = false;
  let last: PassResult | undefined;
  const speak = speaker(progress, time);
  for (;;) {
    let wait: number;
    try {
      const result = await passes.pass(name);
      if (result === undefined) throw new Refusal("not-found", `the record of ${name} is gone`);
      last = result;
      wait = patience.after(result.outcome);
    } catch (error) {
      wait = patience.afterError(error);
    }
    if (last !== undefined) {
      const { resource } = last;
      const verdict = judge(resource);
      if (verdict.kind === "done") return { kind: "done", resource };
      // In the pass that replaces what failed, the status still speaks of it.
      if (verdict.kind === "failed" && wait > 0) return { ...verdict, resource };
      speak(verdict.message);
      if (wasStopping && !isStopping(resource)) deadline = time.now() + timeoutMs;
      wasStopping = isStopping(resource);
      if (signal.aborted) return { kind: "interrupted", resource };
      if (time.now() >= deadline) return { kind: "timed-out", resource };
    } else if (signal.aborted || time.now() >= deadline) {
      throw new Refusal("timed-out", `nothing could be found out about ${name} in time`);
    }
    await time.sleep(Math.min(wait, Math.max(0, deadline - time.now())), signal);
  }
}
