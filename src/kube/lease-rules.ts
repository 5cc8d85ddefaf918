/**
 * Who may hold a lease, by client-go's rules. Pure. Clocks of different machines are never compared: a holder is taken
 * for dead when its record has not changed for the record's own duration, by our clock.
 */
import type { KubeObject } from "../api/kube-object.ts";

export interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  /** RFC 3339 with microseconds. */
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export interface Lease extends KubeObject {
  spec?: LeaseSpec;
}

/** A record, and since when (our monotonic clock) it has been the same. */
export interface Observation {
  readonly spec: LeaseSpec;
  readonly since: number;
}

export function observe(spec: LeaseSpec, before: Observation | undefined, now: number): Observation {
  return before !== undefined && sameRecord(spec, before.spec) ? before : { spec, since: now };
}

/** Whether somebody else holds the lease and may still be alive. */
export function heldByOther({ spec, since }: Observation, identity: string, now: number): boolean {
  const holder = spec.holderIdentity ?? "";
  if (holder === "" || holder === identity) return false;
  return now < since + (spec.leaseDurationSeconds ?? 0) * 1000;
}

/**
 * Whether a lease still says what its holder wrote: that it has it, and has had it since. One that another held in between
 * counts as lost, also when it is free again.
 */
export function isSameTerm(mine: LeaseSpec, found: LeaseSpec | undefined): boolean {
  return (
    found?.holderIdentity === mine.holderIdentity &&
    found?.acquireTime === mine.acquireTime &&
    found?.leaseTransitions === mine.leaseTransitions
  );
}

/** The record of `identity` taking or renewing. `at` is the time of day. */
export function heldBy(
  identity: string,
  before: LeaseSpec | undefined,
  at: Date,
  leaseDurationMs: number,
): LeaseSpec {
  const mine = before?.holderIdentity === identity;
  const transitions = before?.leaseTransitions ?? 0;
  return {
    ...before,
    holderIdentity: identity,
    leaseDurationSeconds: Math.max(1, Math.ceil(leaseDurationMs / 1000)),
    acquireTime: mine ? (before.acquireTime ?? microTime(at)) : microTime(at),
    renewTime: microTime(at),
    leaseTransitions: before === undefined ? 0 : transitions + (mine ? 0 : 1),
  };
}

/** The record of a holder that steps down: free for the next one at once. */
export function released(before: LeaseSpec, at: Date): LeaseSpec {
  const now = microTime(at);
  return { ...before, holderIdentity: "", leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
}

/** @throws RangeError for durations with which two could lead at once. */
export function checkDurations(
  leaseDurationMs: number,
  renewDeadlineMs: number,
  retryPeriodMs: number,
): void {
  if (leaseDurationMs <= renewDeadlineMs) {
    throw new RangeError("The lease duration must be longer than the renew deadline");
  }
  if (renewDeadlineMs <= retryPeriodMs * 1.2) {
    throw new RangeError("The renew deadline must be longer than 1.2 retry periods");
  }
}

/** Kubernetes wants exactly six digits of a second. */
function microTime(at: Date): string {
  return at.toISOString().replace(/(\.\d{3})Z$/, "$1000Z");
}

function sameRecord(a: LeaseSpec, b: LeaseSpec): boolean {
  return (
    a.holderIdentity === b.holderIdentity &&
    a.leaseDurationSeconds === b.leaseDurationSeconds &&
    a.acquireTime === b.acquireTime &&
    a.renewTime === b.renewTime &&
    a.leaseTransitions === b.leaseTransitions
  );
}
