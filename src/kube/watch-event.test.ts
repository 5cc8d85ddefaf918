import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { WatchEvent } from "./watch-event.ts";
import { watchEvents } from "./watch-event.ts";

const call = { method: "GET", path: "/x" };

async function* chunked(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const cut of [...cuts, bytes.length].toSorted((a, b) => a - b)) {
    const to = Math.min(Math.max(cut, from), bytes.length);
    if (to > from) yield bytes.subarray(from, to);
    from = to;
    await Promise.resolve();
  }
}

async function read(text: string, cuts: readonly number[] = []): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const event of watchEvents(call, chunked(Buffer.from(text), cuts))) events.push(event);
  return events;
}

const event = fc.record({
  type: fc.constantFrom("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"),
  object: fc.record({ kind: fc.string(), metadata: fc.record({ name: fc.string({ unit: "grapheme" }) }) }),
});

test("events arrive whole, wherever the network cuts the bytes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { maxLength: 8 }),
      fc.array(fc.nat(2000), { maxLength: 20 }),
      async (events, cuts) => {
        const text = events.map((one) => `${JSON.stringify(one)}\n`).join("");
        expect(await read(text, cuts)).toEqual(events);
      },
    ),
    { numRuns: 200 },
  );
});

describe("what is not a watch", () => {
  const whole = JSON.stringify({ type: "ADDED", object: { kind: "Pod" } });

  test.each([
    [
      "an answer that ends in the middle of an event",
      `${whole}\n${whole.slice(0, 20)}`,
      /in the middle of an event/,
    ],
    [
      "an event without its line end, which may be a part of a longer one",
      whole,
      /in the middle of an event/,
    ],
    ["a line that is not JSON", "<html>\n", /not JSON/],
    ["an unknown type", '{"type":"SYNC","object":{}}\n', /not an event/],
    ["a line without an object", '{"type":"ADDED"}\n', /not an event/],
    ["null", "null\n", /not an event/],
    ["a line without an end", "x".repeat(17 * 1024 * 1024), /too long/],
  ])("%s is an error", async (_, text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });

  test("empty lines are nothing", async () => {
    expect(await read(`\n\n${whole}\n\n`)).toHaveLength(1);
  });
});
