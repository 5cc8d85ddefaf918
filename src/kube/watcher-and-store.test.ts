/** The watcher and the store against a model of the API server that fails in every way at every moment. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { KubeObject } from "../api/kube-object.ts";
import { KubeApiError } from "./api-error.ts";
import { keyOf, Store } from "./store.ts";
import {
  startWatcher,
  step,
  WATCHER_TIMES,
  type WatcherEffect,
  type WatcherEvent,
  type WatcherInput,
  type WatcherState,
} from "./watcher.ts";
import type { WatchEvent } from "./watch-event.ts";

const times = { ...WATCHER_TIMES, pageSize: 1 };
const failure = (code: "expired" | "network"): KubeApiError =>
  new KubeApiError("x", { status: code === "expired" ? 410 : 0, reason: "", code });

/** Objects with their history; the history before `compacted` is forgotten. */
class ModelServer {
  readonly objects = new Map<string, KubeObject>();
  readonly #history: { version: number; event: WatchEvent }[] = [];
  readonly #snapshots = new Map<string, { rest: KubeObject[]; version: number }>();
  version = 10;
  #compacted = 0;

  put(name: string): KubeObject {
    this.version++;
    const before = this.objects.get(name);
    const uid = before?.metadata.uid ?? `${name}-${this.version}`;
    const metadata = { name, uid, resourceVersion: String(this.version) };
    const object: KubeObject = { apiVersion: "v1", kind: "Pod", metadata };
    this.objects.set(name, object);
    this.#history.push({ version: this.version, event: { type: before ? "MODIFIED" : "ADDED", object } });
    return object;
  }

  remove(name: string): void {
    const before = this.objects.get(name);
    if (before === undefined) return;
    this.version++;
    this.objects.delete(name);
    const object = { ...before, metadata: { ...before.metadata, resourceVersion: String(this.version) } };
    this.#history.push({ version: this.version, event: { type: "DELETED", object } });
  }

  compact(): void {
    this.#compacted = this.version;
    this.#snapshots.clear();
  }

  list(limit: number | undefined, token: string | undefined): WatcherInput<KubeObject> {
    const snapshot = token === undefined ? this.#now() : this.#snapshots.get(token);
    if (snapshot === undefined) return { type: "list-failed", error: failure("expired") };
    const items = snapshot.rest.slice(0, limit);
    const rest = snapshot.rest.slice(items.length);
    const next = rest.length === 0 ? undefined : `${snapshot.version}-${rest.length}`;
    if (next !== undefined) this.#snapshots.set(next, { rest, version: snapshot.version });
    return { type: "page", items, resourceVersion: String(snapshot.version), continue: next, at: 0 };
  }

  /** The first event after this version; a bookmark when there is none; undefined: forgotten. */
  after(version: number): WatchEvent | undefined {
    if (version < this.#compacted) return undefined;
    const bookmark = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "", resourceVersion: String(this.version) },
    };
    return (
      this.#history.find((entry) => entry.version > version)?.event ?? { type: "BOOKMARK", object: bookmark }
    );
  }

  #now(): { rest: KubeObject[]; version: number } {
    return { rest: [...this.objects.values()], version: this.version };
  }
}

class Subject {
  readonly server = new ModelServer();
  /** What a reader of `onChange` believes. */
  readonly mirror = new Map<string, KubeObject>();
  readonly store = new Store<KubeObject>((key, object, previous) => {
    expect(this.mirror.get(key)).toBe(previous);
    // Nothing is told as gone that is there.
    if (object === undefined)
      expect(this.server.objects.get(key)?.metadata.uid).not.toBe(previous?.metadata.uid);
    if (object === undefined) this.mirror.delete(key);
    else this.mirror.set(key, object);
    if (object !== undefined && previous !== undefined) {
      expect(Number(object.metadata.resourceVersion)).toBeGreaterThan(
        Number(previous.metadata.resourceVersion),
      );
    }
  });
  #state: WatcherState;
  #effect: WatcherEffect | undefined;
  #place = 0;
  /** Answers to own writes that have not arrived yet. */
  readonly late: KubeObject[] = [];

  constructor() {
    const first = startWatcher<KubeObject>(times);
    this.#state = first.state;
    this.#effect = first.effect;
    this.#tell(first.events);
  }

  get settled(): boolean {
    return (
      this.#state.name === "watching" && this.#effect === undefined && this.#place === this.server.version
    );
  }

  go(fault: "none" | "break" | "end"): void {
    const input = this.#input(fault);
    const next = step(this.#state, input, times);
    this.#state = next.state;
    this.#effect = next.effect;
    if (this.#effect?.type === "watch") this.#place = Number(this.#effect.resourceVersion);
    this.#tell(next.events);
    if (this.#effect?.type === "watch") this.#effect = undefined;
  }

  #input(fault: "none" | "break" | "end"): WatcherInput<KubeObject> {
    if (this.#effect?.type === "wait") return { type: "waited", at: 0 };
    if (this.#effect?.type === "list") {
      if (fault === "break") return { type: "list-failed", error: failure("network") };
      return this.server.list(this.#effect.limit, this.#effect.continue);
    }
    if (fault === "break") return { type: "watch-failed", error: failure("network"), at: 0 };
    if (fault === "end") return { type: "watch-ended", at: 1e9 };
    const event = this.server.after(this.#place);
    // Both soon after the start and long after it.
    if (event === undefined) {
      return { type: "watch-failed", error: failure("expired"), at: this.#place % 2 === 0 ? 1e9 : 1 };
    }
    this.#place = Number(event.object.metadata.resourceVersion);
    return { type: "event", event, at: 0 };
  }

  #tell(events: readonly WatcherEvent<KubeObject>[]): void {
    for (const event of events) {
      if (event.type === "list-begin") this.store.beginList();
      else if (event.type === "list-page") this.store.addPage(event.items, event.resourceVersion);
      else if (event.type === "list-end") this.store.endList(event.resourceVersion);
      else if (event.type === "put") this.store.put(event.object);
      else if (event.type === "delete") this.store.delete(event.object);
      else if (event.type === "progress") this.store.advance(event.resourceVersion);
    }
  }
}

function sorted(objects: Iterable<KubeObject>): KubeObject[] {
  return [...objects].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

const names = fc.constantFrom("a", "b", "c", "d", "e");
const happening = fc.oneof(
  { weight: 3, arbitrary: names.map((name) => ({ type: "put" as const, name })) },
  { weight: 2, arbitrary: names.map((name) => ({ type: "remove" as const, name })) },
  { weight: 2, arbitrary: names.map((name) => ({ type: "own-write" as const, name })) },
  { weight: 2, arbitrary: fc.constant({ type: "own-answer" as const }) },
  { weight: 1, arbitrary: fc.constant({ type: "compact" as const }) },
  {
    weight: 8,
    arbitrary: fc
      .constantFrom("none", "none", "none", "break", "end")
      .map((fault) => ({ type: "go" as const, fault })),
  },
);

test("after any faults the store is the server's, its readers know every change, and it never goes back", () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 80 }), (happenings) => {
      const subject = new Subject();
      const { server, store, late } = subject;
      for (const one of happenings) {
        if (one.type === "put") server.put(one.name);
        else if (one.type === "remove") server.remove(one.name);
        else if (one.type === "own-write") late.push(server.put(one.name));
        else if (one.type === "own-answer") late.splice(0, 1).forEach((object) => store.putOwn(object));
        else if (one.type === "compact") server.compact();
        else subject.go(one.fault);
      }
      for (const object of late.splice(0)) store.putOwn(object);
      for (let round = 0; !subject.settled && round < 300; round++) subject.go("none");
      const expected = sorted(server.objects.values());
      expect(sorted(store.list())).toEqual(expected);
      expect(sorted(subject.mirror.values())).toEqual(expected);
    }),
    { numRuns: 2000 },
  );
});
