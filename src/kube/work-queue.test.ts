import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ManualClock, settled } from "./test-support/manual-clock.ts";
import { WorkQueue, type WorkQueueOptions } from "./work-queue.ts";

/** A queue whose passes end when the test says so. */
class Bench {
  readonly clock = new ManualClock();
  readonly started: string[] = [];
  readonly errors: unknown[] = [];
  readonly queue: WorkQueue;
  #open: { key: string; resolve: () => void; reject: (error: Error) => void }[] = [];

  constructor(options: Partial<WorkQueueOptions> = {}) {
    this.queue = new WorkQueue({
      concurrency: 2,
      handle: (key) => {
        this.started.push(key);
        expect(this.running).not.toContain(key);
        return new Promise((resolve, reject) => this.#open.push({ key, resolve, reject }));
      },
      onError: (_, error) => this.errors.push(error),
      clock: this.clock,
      random: () => 0.5,
      ...options,
    });
  }

  get running(): string[] {
    return this.#open.map(({ key }) => key);
  }

  async end(key: string, error?: Error): Promise<void> {
    const pass = this.#open.find((one) => one.key === key);
    this.#open = this.#open.filter((one) => one !== pass);
    if (error === undefined) pass?.resolve();
    else pass?.reject(error);
    await settled();
  }
}

function added(...keys: string[]): Bench {
  const bench = new Bench();
  for (const key of keys) bench.queue.add(key);
  return bench;
}

describe("adding", () => {
  test("a key is handled at once, up to the number of workers", () => {
    const { queue, running } = added("a", "b", "c");
    expect(running).toEqual(["a", "b"]);
    expect([queue.length, queue.active]).toEqual([1, 2]);
  });

  test("waiting keys come in their order, each once", async () => {
    const bench = added("a", "b", "d", "c", "d");
    await bench.end("a");
    await bench.end("b");
    expect(bench.started).toEqual(["a", "b", "d", "c"]);
  });

  test("a key added while it is handled is handled once more afterwards", async () => {
    const bench = added("a");
    bench.queue.add("a");
    bench.queue.add("a");
    expect(bench.running).toEqual(["a"]);
    await bench.end("a");
    await bench.end("a");
    expect(bench.started).toEqual(["a", "a"]);
  });
});

describe("delays", () => {
  test("the earliest wins, in whatever order they are asked for", async () => {
    for (const delays of [
      [500, 200, 900],
      [200, 900, 500],
    ]) {
      const { queue, clock, started } = new Bench();
      for (const ms of delays) queue.addAfter("a", ms);
      await clock.advance(199);
      expect(started).toEqual([]);
      await clock.advance(1000);
      expect(started).toEqual(["a"]);
    }
  });

  test("a pass clears the delay that was waiting, and may set its own", async () => {
    const bench = new Bench();
    bench.queue.addAfter("a", 500);
    bench.queue.add("a");
    bench.queue.addAfter("a", 2000);
    await bench.end("a");
    await bench.clock.advance(1999);
    expect(bench.started).toEqual(["a"]);
    await bench.clock.advance(1);
    expect(bench.started).toEqual(["a", "a"]);
  });
});

describe("back-off", () => {
  test("a pass that throws is tried again later and later, and the error is told", async () => {
    const bench = new Bench({ backoffBaseMs: 100, backoffMaxMs: 350 });
    bench.queue.add("a");
    for (const delay of [100, 200, 350, 350]) {
      await bench.end("a", new Error("x"));
      await bench.clock.advance(delay - 1);
      expect(bench.running).toEqual([]);
      await bench.clock.advance(1);
      expect(bench.running).toEqual(["a"]);
    }
    expect(bench.errors).toHaveLength(4);
  });

  test("a pass that succeeds starts the back-off over", async () => {
    const bench = new Bench({ backoffBaseMs: 100 });
    bench.queue.add("a");
    await bench.end("a", new Error("x"));
    await bench.clock.advance(100);
    await bench.end("a");
    bench.queue.add("a");
    await bench.end("a", new Error("x"));
    await bench.clock.advance(100);
    expect(bench.started).toEqual(["a", "a", "a", "a"]);
  });

  test("a pass that asks for a retry itself keeps its back-off", async () => {
    const clock = new ManualClock();
    const at: number[] = [];
    const queue: WorkQueue = new WorkQueue({
      concurrency: 1,
      clock,
      random: () => 0.5,
      backoffBaseMs: 100,
      handle: async (key) => {
        at.push(clock.now());
        queue.retry(key);
      },
    });
    queue.add("a");
    await clock.advance(700);
    expect(at).toEqual([0, 100, 300, 700]);
    await queue.stop();
  });

  test("one key's failures slow no other", async () => {
    const bench = new Bench();
    bench.queue.add("a");
    await bench.end("a", new Error("x"));
    bench.queue.add("b");
    expect(bench.running).toEqual(["b"]);
  });
});

describe("ending", () => {
  test("drain waits for what is ready and what runs, not for delays", async () => {
    const bench = new Bench({ concurrency: 1 });
    bench.queue.add("a");
    bench.queue.add("b");
    bench.queue.addAfter("c", 1000);
    let drained = false;
    const draining = bench.queue.drain().then(() => (drained = true));
    await bench.end("a");
    expect(drained).toBe(false);
    await bench.end("b");
    await draining;
    expect(bench.started).toEqual(["a", "b"]);
  });

  test("stop starts nothing more, waits for the passes and leaves no timer", async () => {
    const bench = new Bench({ concurrency: 1 });
    bench.queue.add("a");
    bench.queue.add("b");
    bench.queue.addAfter("c", 1000);
    bench.queue.add("a");
    const stopping = bench.queue.stop();
    await bench.end("a", new Error("x"));
    await stopping;
    bench.queue.add("d");
    await bench.clock.advance(5000);
    expect(bench.started).toEqual(["a"]);
    expect(bench.clock.timers).toBe(0);
  });
});

test("every key added is handled after its last addition, and never twice at once", async () => {
  const key = fc.constantFrom("a", "b", "c");
  const happening = fc.oneof(
    key.map((of) => ({ type: "add" as const, of })),
    fc.tuple(key, fc.nat(300)).map(([of, ms]) => ({ type: "after" as const, of, ms })),
    fc.tuple(key, fc.boolean()).map(([of, fails]) => ({ type: "end" as const, of, fails })),
    fc.nat(300).map((ms) => ({ type: "time" as const, ms })),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { maxLength: 40 }), async (happenings) => {
      const bench = new Bench({ backoffBaseMs: 50, backoffMaxMs: 200 });
      const lastAdded = new Map<string, number>();
      for (const one of happenings) {
        if (one.type === "add") {
          lastAdded.set(one.of, bench.started.length);
          bench.queue.add(one.of);
        } else if (one.type === "after") bench.queue.addAfter(one.of, one.ms);
        else if (one.type === "end") await bench.end(one.of, one.fails ? new Error("x") : undefined);
        else await bench.clock.advance(one.ms);
      }
      for (let round = 0; round < 100 && (bench.running.length > 0 || bench.clock.timers > 0); round++) {
        for (const running of bench.running) await bench.end(running);
        await bench.clock.advance(400);
      }
      for (const [of, at] of lastAdded) expect(bench.started.slice(at)).toContain(of);
      expect([bench.queue.length, bench.queue.active, bench.queue.delayed]).toEqual([0, 0, 0]);
    }),
    { numRuns: 200 },
  );
});

test("an observer is told how long keys wait and are worked on, and how often", async () => {
  const told: string[] = [];
  const bench = new Bench({
    concurrency: 1,
    observer: {
      added: () => told.push("added"),
      retried: () => told.push("retried"),
      taken: (ms) => told.push(`taken after ${ms}`),
      done: (ms) => told.push(`done after ${ms}`),
    },
  });
  bench.queue.add("a");
  bench.queue.add("b");
  bench.queue.add("b");
  await bench.clock.advance(300);
  expect(bench.queue.runningFor()).toEqual([300]);
  await bench.end("a");
  await bench.clock.advance(50);
  await bench.end("b", new Error("no"));
  expect(told).toEqual([
    "added",
    "taken after 0",
    "added",
    "done after 300",
    "taken after 300",
    "retried",
    "done after 50",
  ]);
  expect(bench.queue.runningFor()).toEqual([]);
});
