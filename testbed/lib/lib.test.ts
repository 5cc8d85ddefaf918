import { createServer, type AddressInfo } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { apiServerArgs, controllerManagerArgs, flags, type ControlPlane } from "./control-plane.ts";
import { freePorts } from "./ports.ts";
import { assertAlive, identify, isAlive, ProcessEnded, recordedNames, start, stop } from "./processes.ts";
import { waitFor } from "./wait.ts";

const dir = mkdtempSync(join(tmpdir(), "sluice-testbed-test-"));
afterEach(async () => {
  for (const name of recordedNames(dir)) await stop(dir, name);
  rmSync(dir, { recursive: true, force: true });
});

const plane: ControlPlane = {
  pki: "/pki",
  etcdData: "/data",
  etcdPort: 1,
  etcdPeerPort: 2,
  apiPort: 3,
  bindAddress: "127.0.0.1",
  serviceRange: "10.96.0.0/16",
  controllers: ["a", "b"],
};

test("flags that are undefined are left out, and false ones are not", () => {
  expect(flags({ one: 1, two: undefined, three: false, "four-five": "x" })).toEqual([
    "--one=1",
    "--three=false",
    "--four-five=x",
  ]);
});

test("pods need a service account only where a controller makes one", () => {
  expect(apiServerArgs(plane)).not.toContain("--disable-admission-plugins=ServiceAccount");
  expect(apiServerArgs({ ...plane, controllers: [] })).toContain(
    "--disable-admission-plugins=ServiceAccount",
  );
  expect(controllerManagerArgs(plane)).toContain("--controllers=a,b");
});

test("free ports are free, different, and never those that outgoing connections take", async () => {
  const ports = await freePorts(20);
  expect(new Set(ports).size).toBe(20);
  for (const port of ports) expect(port).toBeLessThan(30_000);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(ports[0], "127.0.0.1", resolve));
  expect((server.address() as AddressInfo).port).toBe(ports[0]);
  server.close();
});

test("waiting ends with the answer, or names what was missing", async () => {
  let asked = 0;
  expect(
    await waitFor("three", () => (++asked === 3 ? "yes" : undefined), { deadline: 5_000, interval: 1 }),
  ).toBe("yes");
  await expect(
    waitFor("it", () => Promise.reject(new Error("refused")), { deadline: 5, interval: 1 }),
  ).rejects.toThrow("in vain for it: refused");
});

test("a process is found by its pid and its start, ended, and its end is told with its log", async () => {
  const sleeper = start({ name: "sleeper", command: "/bin/sleep", args: ["1000"], dir, lifetime: "parent" });
  expect(isAlive(sleeper)).toBe(true);
  expect(isAlive({ ...sleeper, startTime: "1" })).toBe(false);
  await stop(dir, "sleeper");
  expect(identify(sleeper.pid)).toBeUndefined();
  expect(recordedNames(dir)).toEqual([]);

  start({
    name: "failing",
    command: "/bin/sh",
    args: ["-c", "echo the reason; exit 3"],
    dir,
    lifetime: "parent",
  });
  const alive = (): void => assertAlive(dir, "failing");
  await expect(waitFor("ever", () => false, { deadline: 10_000, interval: 5, alive })).rejects.toThrow(
    ProcessEnded,
  );
  expect(alive).toThrow("the reason");
});
