/** When a snapshot is due: a nonce that changed, or a schedule (2.18). */
import { nextFireTime } from "../../flink/cron.ts";
import { parseDuration } from "../../flink/duration.ts";
import type { TriggerType } from "./resource.ts";

/**
 * When the schedule, a duration or a Quartz cron expression, asks for the snapshot after the one at `last`, epoch
 * milliseconds. Undefined when it asks for none: it is empty, zero or unreadable.
 */
export function nextPeriodic(schedule: string | undefined, last: number): number | undefined {
  const text = schedule?.trim() ?? "";
  if (text === "") return undefined;
  const interval = parseDuration(text);
  if (interval === undefined) return nextFireTime(text, last);
  return interval > 0 ? last + interval : undefined;
}

export interface TriggerFacts {
  readonly nonce: number | undefined;
  /** The nonce that was last acted on. */
  readonly handledNonce: number | undefined;
  readonly schedule: string | undefined;
  /** Of the last periodic snapshot, or of the moment from which the schedule counts. Epoch milliseconds. */
  readonly lastPeriodic: number;
  /** Epoch milliseconds. */
  readonly now: number;
}

export interface TriggerDecision {
  readonly due?: Exclude<TriggerType, "UPGRADE">;
  /** Milliseconds until the next periodic one. */
  readonly nextIn?: number;
}

export function decideTrigger(facts: TriggerFacts): TriggerDecision {
  const { nonce, handledNonce, schedule, lastPeriodic, now } = facts;
  const next = nextPeriodic(schedule, lastPeriodic);
  const nextIn = next === undefined ? {} : { nextIn: Math.max(0, next - now) };
  if (nonce !== undefined && nonce !== handledNonce) return { due: "MANUAL", ...nextIn };
  return next !== undefined && next <= now ? { due: "PERIODIC", ...nextIn } : nextIn;
}
