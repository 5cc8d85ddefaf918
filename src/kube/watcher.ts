/**
 * Follows the objects of one type: list, watch, and back to the list when the server has forgotten our place.
 *
 *   listing ──page──▶ listing ──last page──▶ watching ──ended, failed──▶ waiting ──▶ watching
 *      ▲                 │                      │ 410, or refused again and again      │
 *      └──── waiting ◀───┴── failed             └────────────▶ waiting ────────────────┴──▶ listing
 *
 * A pure step: inputs say what happened, effects what to do next, events what to tell the store. The store compares a
 * finished list with what it holds, so that deletions which no watch delivered are not missed.
 *
 * Guarantees: events of one watch come in the server's order; every `list-end` is followed only by events of a watch
 * from that list's resourceVersion; a watch resumes at the last resourceVersion that was seen, bookmarks included.
 */
import type { KubeObject } from "../api/kube-object.ts";
import type { KubeApiError } from "./api-error.ts";
import type { WatchEvent } from "./watch-event.ts";

export type WatcherState =
  | {
      readonly name: "listing";
      /** False after the server has dropped a list in the middle: then everything in one answer. */
      readonly paged: boolean;
      readonly failures: number;
    }
  | {
      readonly name: "watching";
      readonly resourceVersion: string;
      readonly startedAt: number;
      readonly failures: number;
      readonly refusals: number;
    }
  | {
      readonly name: "waiting";
      readonly failures: number;
      /** Undefined: list again. */
      readonly resourceVersion: string | undefined;
      readonly paged: boolean;
      readonly refusals: number;
    };

export type WatcherInput<T extends KubeObject> =
  | {
      readonly type: "page";
      readonly items: readonly T[];
      readonly resourceVersion: string;
      readonly continue: string | undefined;
      readonly at: number;
    }
  | { readonly type: "list-failed"; readonly error: KubeApiError }
  | {
      readonly type: "event";
      readonly event: WatchEvent<T>;
      readonly error?: KubeApiError;
      readonly at: number;
    }
  | { readonly type: "watch-open" }
  | { readonly type: "watch-ended"; readonly at: number }
  | { readonly type: "watch-failed"; readonly error: KubeApiError; readonly at: number }
  | { readonly type: "waited"; readonly at: number };

export type WatcherEvent<T extends KubeObject> =
  | { readonly type: "list-begin" }
  | { readonly type: "list-page"; readonly items: readonly T[]; readonly resourceVersion: string }
  | { readonly type: "list-end"; readonly resourceVersion: string }
  | { readonly type: "put"; readonly object: T }
  | { readonly type: "delete"; readonly object: T }
  | { readonly type: "progress"; readonly resourceVersion: string }
  /** The watch works: what failed before is over. */
  | { readonly type: "connected" }
  | { readonly type: "failure"; readonly error: KubeApiError };

export type WatcherEffect =
  | { readonly type: "list"; readonly limit: number | undefined; readonly continue: string | undefined }
  | { readonly type: "watch"; readonly resourceVersion: string }
  /** The runner shortens this by a random part. */
  | { readonly type: "wait"; readonly ms: number };

export interface Step<T extends KubeObject> {
  readonly state: WatcherState;
  readonly events: readonly WatcherEvent<T>[];
  /** Undefined: go on with what is under way. */
  readonly effect: WatcherEffect | undefined;
}

export interface WatcherTimes {
  readonly pageSize: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** A watch that lasted this long ends the back-off. */
  readonly healthyMs: number;
}

export const WATCHER_TIMES: WatcherTimes = {
  pageSize: 500,
  backoffBaseMs: 500,
  // The most that a recovered API server goes unnoticed.
  backoffMaxMs: 10_000,
  healthyMs: 10_000,
};

/** A server which answers this many watches in a row with an error does not know our resourceVersion: list again. */
const MAX_REFUSALS = 5;

export function startWatcher<T extends KubeObject>(times: WatcherTimes): Step<T> {
  return list(0, true, times);
}

export function step<T extends KubeObject>(
  state: WatcherState,
  input: WatcherInput<T>,
  times: WatcherTimes,
): Step<T> {
  switch (state.name) {
    case "listing":
      return stepListing(state, input, times);
    case "watching":
      return stepWatching(state, input, times);
    case "waiting":
      return stepWaiting(state, input, times);
  }
}

function stepListing<T extends KubeObject>(
  state: WatcherState & { name: "listing" },
  input: WatcherInput<T>,
  times: WatcherTimes,
): Step<T> {
  if (input.type === "page") {
    const { items, resourceVersion } = input;
    const page: WatcherEvent<T> = { type: "list-page", items, resourceVersion };
    if (input.continue !== undefined) {
      return {
        state,
        events: [page],
        effect: { type: "list", limit: times.pageSize, continue: input.continue },
      };
    }
    const watching = watch<T>({ resourceVersion, failures: state.failures, refusals: 0 }, input.at);
    return { ...watching, events: [page, { type: "list-end", resourceVersion }] };
  }
  if (input.type === "list-failed") {
    const expired = input.error.code === "expired";
    return wait<T>(
      {
        failures: state.failures + 1,
        resourceVersion: undefined,
        paged: state.paged && !expired,
        refusals: 0,
      },
      [{ type: "failure", error: input.error }],
      times,
    );
  }
  return unexpected(state);
}

function stepWatching<T extends KubeObject>(
  state: WatcherState & { name: "watching" },
  input: WatcherInput<T>,
  times: WatcherTimes,
): Step<T> {
  switch (input.type) {
    case "watch-open":
      return { state, events: [{ type: "connected" }], effect: undefined };
    case "event":
      return watchEvent(state, input, times);
    case "watch-ended": {
      const next = { ...state, failures: failuresAfter(state, input.at, times), paged: true };
      return next.failures === 0 ? watch(next, input.at) : wait(next, [], times);
    }
    case "watch-failed":
      return watchFailed(state, input.error, input.at, times);
    case "page":
    case "list-failed":
    case "waited":
      return unexpected(state);
  }
}

function watchEvent<T extends KubeObject>(
  state: WatcherState & { name: "watching" },
  { event, error, at }: WatcherInput<T> & { type: "event" },
  times: WatcherTimes,
): Step<T> {
  if (error !== undefined) return watchFailed(state, error, at, times);
  const resourceVersion = event.object.metadata.resourceVersion ?? state.resourceVersion;
  const next = { ...state, resourceVersion, refusals: 0 };
  return { state: next, events: [tell(event, resourceVersion)], effect: undefined };
}

function tell<T extends KubeObject>(
  { type, object }: WatchEvent<T>,
  resourceVersion: string,
): WatcherEvent<T> {
  if (type === "BOOKMARK") return { type: "progress", resourceVersion };
  return type === "DELETED" ? { type: "delete", object } : { type: "put", object };
}

function watchFailed<T extends KubeObject>(
  state: WatcherState & { name: "watching" },
  error: KubeApiError,
  at: number,
  times: WatcherTimes,
): Step<T> {
  const failures = failuresAfter(state, at, times);
  const events: WatcherEvent<T>[] = [{ type: "failure", error }];
  const refused = error.status > 0 && error.code !== "too-many-requests";
  const refusals = refused ? state.refusals + 1 : state.refusals;
  if (error.code === "expired" && failures === 0) {
    const relisting = list<T>(0, true, times);
    return { ...relisting, events: [...events, ...relisting.events] };
  }
  const lost = error.code === "expired" || refusals >= MAX_REFUSALS;
  return wait<T>(
    {
      failures: Math.max(failures, 1),
      resourceVersion: lost ? undefined : state.resourceVersion,
      paged: true,
      refusals: lost ? 0 : refusals,
    },
    events,
    times,
  );
}

function stepWaiting<T extends KubeObject>(
  state: WatcherState & { name: "waiting" },
  input: WatcherInput<T>,
  times: WatcherTimes,
): Step<T> {
  if (input.type !== "waited") return unexpected(state);
  const { resourceVersion, failures, paged, refusals } = state;
  return resourceVersion === undefined
    ? list(failures, paged, times)
    : watch({ resourceVersion, failures, refusals }, input.at);
}

function list<T extends KubeObject>(failures: number, paged: boolean, { pageSize }: WatcherTimes): Step<T> {
  return {
    state: { name: "listing", paged, failures },
    events: [{ type: "list-begin" }],
    effect: { type: "list", limit: paged ? pageSize : undefined, continue: undefined },
  };
}

function watch<T extends KubeObject>(
  { resourceVersion, failures, refusals }: { resourceVersion: string; failures: number; refusals: number },
  startedAt: number,
): Step<T> {
  return {
    state: { name: "watching", resourceVersion, startedAt, failures, refusals },
    events: [],
    effect: { type: "watch", resourceVersion },
  };
}

function wait<T extends KubeObject>(
  next: { failures: number; resourceVersion: string | undefined; paged: boolean; refusals: number },
  events: readonly WatcherEvent<T>[],
  { backoffBaseMs, backoffMaxMs }: WatcherTimes,
): Step<T> {
  const { failures, resourceVersion, paged, refusals } = next;
  const ms = Math.min(backoffBaseMs * 2 ** Math.min(failures - 1, 30), backoffMaxMs);
  return {
    state: { name: "waiting", failures, resourceVersion, paged, refusals },
    events,
    effect: { type: "wait", ms },
  };
}

/** A watch that ends at once, again and again, counts as failing even if it ends in peace: no busy loop. */
function failuresAfter(
  state: { startedAt: number; failures: number },
  at: number,
  times: WatcherTimes,
): number {
  return at - state.startedAt >= times.healthyMs ? 0 : state.failures + 1;
}

function unexpected<T extends KubeObject>(state: WatcherState): Step<T> {
  // Only one effect is ever under way, so this cannot be; to go on unchanged is the safe answer.
  return { state, events: [], effect: undefined };
}
