import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { KernelLock } from "./lock.ts";

const folder = (): string => mkdtempSync(join(tmpdir(), "sluice-lock-"));

test("one has it, and says who it is", async () => {
  const place = folder();
  const first = new KernelLock(place, "passes", "sluice update");
  const second = new KernelLock(place, "passes", "sluice stop");
  expect(await first.tryAcquire()).toBe(true);
  expect(await first.tryAcquire()).toBe(true);
  expect(await second.tryAcquire()).toBe(false);
  expect(await second.holder()).toEqual({ pid: process.pid, what: "sluice update" });
  await first.release();
  expect(await second.acquire(1000, () => true)).toBeUndefined();
  await second.release();
  expect(await first.holder()).toBeUndefined();
});

test("other purposes and other jobs are other locks", async () => {
  const place = folder();
  const locks = [
    new KernelLock(place, "passes", "a"),
    new KernelLock(place, "supervisor", "b"),
    new KernelLock(folder(), "passes", "c"),
  ];
  expect(await Promise.all(locks.map((lock) => lock.tryAcquire()))).toEqual([true, true, true]);
  await Promise.all(locks.map((lock) => lock.release()));
});

test("who waits gets it when its holder is done, and gives up on another one", async () => {
  const place = folder();
  const held = new KernelLock(place, "passes", "supervisor");
  const waiting = new KernelLock(place, "passes", "sluice stop");
  await held.tryAcquire();
  expect(await waiting.acquire(10_000, ({ what }) => what !== "supervisor")).toMatchObject({
    what: "supervisor",
  });
  expect(await waiting.acquire(30, () => true)).toMatchObject({ what: "supervisor" });
  const got = waiting.acquire(10_000, () => true);
  await held.release();
  expect(await got).toBeUndefined();
  await waiting.release();
});

test("a killed process does not keep it", async () => {
  const place = folder();
  const code =
    `import { KernelLock } from ${JSON.stringify(join(import.meta.dirname, "lock.ts"))};` +
    `await new KernelLock(${JSON.stringify(place)}, "passes", "child").tryAcquire();` +
    `console.log("held"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  const lock = new KernelLock(place, "passes", "test");
  expect(await lock.tryAcquire()).toBe(false);
  expect(await lock.holder()).toEqual({ pid: child.pid, what: "child" });
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(await lock.acquire(5000, () => true)).toBeUndefined();
  await lock.release();
});
