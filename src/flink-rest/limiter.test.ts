import { expect, test } from "vitest";
import { Limiter } from "./limiter.ts";

const never = new AbortController().signal;

function gate(): { opened: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

test("no more than the limit run at a time, and all get their turn in order", async () => {
  const limiter = new Limiter(2);
  const gates = Array.from({ length: 5 }, gate);
  const begun: number[] = [];
  const runs = gates.map(({ opened }, index) =>
    limiter.run(never, async () => {
      begun.push(index);
      await opened;
    }),
  );
  expect(begun.length).toBeLessThanOrEqual(2);
  for (const [index, { open }] of gates.entries()) {
    open();
    await runs[index];
    expect(limiter.underWay).toBeLessThanOrEqual(2);
  }
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  expect(limiter.underWay).toBe(0);
});

test("one that gives up in line leaves its place to the next", async () => {
  const limiter = new Limiter(1);
  const first = gate();
  const running = limiter.run(never, () => first.opened);
  const impatient = new AbortController();
  const given = limiter.run(impatient.signal, () => Promise.resolve("ran"));
  const patient = limiter.run(never, () => Promise.resolve("ran"));
  impatient.abort(new Error("enough"));
  await expect(given).rejects.toThrow("enough");
  first.open();
  await running;
  expect(await patient).toBe("ran");
  expect(limiter.underWay).toBe(0);
});

test("work that fails frees its place", async () => {
  const limiter = new Limiter(1);
  await expect(limiter.run(never, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await limiter.run(never, () => Promise.resolve(1))).toBe(1);
});
