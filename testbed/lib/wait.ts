/** Waiting for conditions, never for time. */
import { setTimeout as pause } from "node:timers/promises";

export interface WaitOptions {
  /** Milliseconds. */
  readonly deadline: number;
  /** Milliseconds between two looks. Default 100. */
  readonly interval?: number;
  /** Gives up at once when this throws, for example because the process that is waited for has ended. */
  readonly alive?: () => void;
}

/**
 * Asks until the answer is neither undefined nor false. A question that throws counts as "not yet"; its last error is
 * named when the deadline passes.
 */
export async function waitFor<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  { deadline, interval = 100, alive }: WaitOptions,
): Promise<T> {
  const end = performance.now() + deadline;
  let why = "";
  for (;;) {
    alive?.();
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      why = "";
    } catch (error) {
      why = `: ${error instanceof Error ? error.message : "not an Error"}`;
    }
    if (performance.now() > end) break;
    await pause(interval);
  }
  throw new Error(`waited ${Math.round(deadline / 1000)} s in vain for ${what}${why}`);
}
