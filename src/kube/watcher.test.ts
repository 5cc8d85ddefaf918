import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KubeObject } from "../api/kube-object.ts";
import { KubeApiError, type KubeErrorCode } from "./api-error.ts";
import type { WatchEvent } from "./watch-event.ts";
import {
  startWatcher,
  type Step,
  step,
  WATCHER_TIMES,
  type WatcherInput,
  type WatcherState,
} from "./watcher.ts";

const times = WATCHER_TIMES;
const error = (code: KubeErrorCode, status = 0): KubeApiError =>
  new KubeApiError("x", { status, reason: "", code });
const pod = (name: string, resourceVersion: string): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, resourceVersion },
});
const event = (type: WatchEvent["type"], object: KubeObject, at = 0): WatcherInput<KubeObject> => ({
  type: "event",
  event: { type, object },
  at,
});

const listing: WatcherState = { name: "listing", paged: true, failures: 0 };
const watching = { name: "watching", resourceVersion: "5", startedAt: 0, failures: 0, refusals: 0 } as const;
const page = (token?: string): WatcherInput<KubeObject> => ({
  type: "page",
  items: [pod("a", "1")],
  resourceVersion: "5",
  continue: token,
  at: 0,
});
const healthy = times.healthyMs;

describe("listing", () => {
  test("begins with the first page", () => {
    expect(startWatcher(times)).toEqual({
      state: listing,
      events: [{ type: "list-begin" }],
      effect: { type: "list", limit: 500, continue: undefined },
    });
  });

  test("goes on with the next page", () => {
    const next = step(listing, page("t"), times);
    expect(next.effect).toEqual({ type: "list", limit: 500, continue: "t" });
    expect(next.events.map(({ type }) => type)).toEqual(["list-page"]);
  });

  test("ends with a watch from the list's resourceVersion", () => {
    const next = step(listing, page(), times);
    expect(next.effect).toEqual({ type: "watch", resourceVersion: "5" });
    expect(next.events.map(({ type }) => type)).toEqual(["list-page", "list-end"]);
  });

  test("is begun again after a failure", () => {
    const waiting = step(listing, { type: "list-failed", error: error("network") }, times);
    expect(waiting.effect).toEqual({ type: "wait", ms: 500 });
    expect(step(waiting.state, { type: "waited", at: 0 }, times).events).toEqual([{ type: "list-begin" }]);
  });

  test("is done in one go when the server has dropped the pages' snapshot", () => {
    const waiting = step(listing, { type: "list-failed", error: error("expired", 410) }, times);
    expect(step(waiting.state, { type: "waited", at: 0 }, times).effect).toEqual({
      type: "list",
      limit: undefined,
      continue: undefined,
    });
  });
});

describe("watching", () => {
  test.each([
    ["ADDED", "put"],
    ["MODIFIED", "put"],
    ["DELETED", "delete"],
    ["BOOKMARK", "progress"],
  ] as const)("%s is told as %s and moves the place to resume at", (type, told) => {
    const next = step(watching, event(type, pod("a", "8")), times);
    expect(next.events.map((one) => one.type)).toEqual([told]);
    expect(next.state).toMatchObject({ resourceVersion: "8" });
    expect(next.effect).toBeUndefined();
  });

  test("an orderly end after a healthy time is followed by the next watch at once", () => {
    expect(step(watching, { type: "watch-ended", at: healthy }, times).effect).toEqual({
      type: "watch",
      resourceVersion: "5",
    });
  });

  test("an orderly end at once is followed by a pause: no busy loop", () => {
    expect(step(watching, { type: "watch-ended", at: 1 }, times).effect).toEqual({ type: "wait", ms: 500 });
  });

  test("a failure is followed by a pause and a watch from where it broke", () => {
    const waiting = step(watching, { type: "watch-failed", error: error("network"), at: 1 }, times);
    expect(waiting.events.map(({ type }) => type)).toEqual(["failure"]);
    expect(step(waiting.state, { type: "waited", at: 2 }, times).effect).toEqual({
      type: "watch",
      resourceVersion: "5",
    });
  });

  test("the pause doubles up to its limit and starts over after a healthy time", () => {
    const pauses: number[] = [];
    let state: WatcherState = watching;
    for (let round = 0; round < 7; round++) {
      const waiting: Step<KubeObject> = step(
        state,
        { type: "watch-failed", error: error("network"), at: 0 },
        times,
      );
      if (waiting.effect?.type === "wait") pauses.push(waiting.effect.ms);
      state = step(waiting.state, { type: "waited", at: 0 }, times).state;
    }
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    const after = step(state, { type: "watch-failed", error: error("network"), at: healthy }, times);
    expect(after.effect).toEqual({ type: "wait", ms: 500 });
  });

  test.each([
    ["in the answer", { type: "watch-failed", error: error("expired", 410), at: healthy }],
    ["as an event", { ...event("ERROR", pod("", ""), healthy), error: error("expired", 410) }],
  ] as [string, WatcherInput<KubeObject>][])(
    "a forgotten place (410, %s) leads to a new list",
    (_, input) => {
      const next = step(watching, input, times);
      expect(next.effect).toEqual({ type: "list", limit: 500, continue: undefined });
      expect(next.events.map(({ type }) => type)).toEqual(["failure", "list-begin"]);
    },
  );

  test("a place forgotten again and again is listed with pauses", () => {
    const input: WatcherInput<KubeObject> = { type: "watch-failed", error: error("expired", 410), at: 1 };
    const waiting = step({ ...watching, failures: 2 }, input, times);
    expect(waiting.effect).toEqual({ type: "wait", ms: 2000 });
    expect(step(waiting.state, { type: "waited", at: 0 }, times).effect?.type).toBe("list");
  });

  test.each([
    ["answers with errors", error("server-error", 500), "list"],
    ["cannot be reached", error("network"), "watch"],
    ["is too busy", error("too-many-requests", 429), "watch"],
  ] as const)("five watches in a row from a server that %s are followed by a %s", (_, failure, effect) => {
    let state: WatcherState = watching;
    let last: string | undefined;
    for (let round = 0; round < 5; round++) {
      const waiting: Step<KubeObject> = step(state, { type: "watch-failed", error: failure, at: 0 }, times);
      const next: Step<KubeObject> = step(waiting.state, { type: "waited", at: 0 }, times);
      state = next.state;
      last = next.effect?.type;
    }
    expect(last).toBe(effect);
  });
});

test("whatever happens, there is always one thing to do next or to wait for", () => {
  const inputs = fc.oneof(
    fc.constantFrom("expired", "network", "server-error", "forbidden").chain((code) =>
      fc.record({
        type: fc.constantFrom("list-failed", "watch-failed"),
        error: fc.constant(error(code, code === "network" ? 0 : 500)),
        at: fc.nat(100_000),
      }),
    ),
    fc.record({ type: fc.constant("watch-ended"), at: fc.nat(100_000) }),
    fc.record({ type: fc.constant("waited"), at: fc.nat(100_000) }),
    fc.constantFrom(page(), page("t"), event("ADDED", pod("a", "9")), event("BOOKMARK", pod("", "10"))),
  );
  fc.assert(
    fc.property(fc.array(inputs, { maxLength: 60 }), (sequence) => {
      let { state, effect } = startWatcher<KubeObject>(times);
      for (const input of sequence as WatcherInput<KubeObject>[]) {
        if (!answers(effect?.type ?? "stream", input.type)) continue;
        const next = step(state, input, times);
        state = next.state;
        // Only a watch that goes on needs nothing new.
        if (next.effect === undefined) expect(state.name).toBe("watching");
        effect = next.effect;
        if (effect?.type === "wait") expect(effect.ms).toBeLessThanOrEqual(times.backoffMaxMs);
      }
    }),
  );
});

/** Whether a runner that carries out this effect can come back with this input. */
function answers(effect: string, input: string): boolean {
  if (effect === "list") return input === "page" || input === "list-failed";
  if (effect === "wait") return input === "waited";
  return input === "event" || input.startsWith("watch-");
}
