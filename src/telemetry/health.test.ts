import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { type Readiness, serveHealth } from "./health.ts";

let server: Server;
afterEach(() => void server.close());

const good: Readiness = { isReady: true, notes: ["leads"] };
const bad: Readiness = { isReady: false, notes: ["caches not complete", "a: forbidden"] };

async function serve(
  alive: Readiness,
  ready: Readiness,
  text = (): Promise<string> => Promise.resolve("up 1\n"),
) {
  server = await serveHealth(
    0,
    { alive: () => alive, ready: () => ready },
    { contentType: "text/plain; version=0.0.4", text },
  );
  const { port } = server.address() as AddressInfo;
  return async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(5000) });
    return {
      status: response.status,
      text: await response.text(),
      type: response.headers.get("content-type"),
    };
  };
}

it("answers by what it is told, with the reasons", async () => {
  const ask = await serve(good, bad);
  expect(await ask("/healthz")).toMatchObject({ status: 200, text: "ok\nleads\n" });
  expect(await ask("/readyz?verbose")).toMatchObject({
    status: 503,
    text: "caches not complete\na: forbidden\n",
  });
  expect(await ask("/")).toMatchObject({ status: 404 });
});

it("metrics, and an error in place of half of them", async () => {
  const ask = await serve(good, good);
  expect(await ask("/metrics")).toEqual({ status: 200, text: "up 1\n", type: "text/plain; version=0.0.4" });
  server.close();
  const failing = await serve(good, good, () => Promise.reject(new Error("no")));
  expect(await failing("/metrics")).toMatchObject({ status: 500, text: "" });
});
