import { expect, onTestFinished, test } from "vitest";
import { KubeClient } from "../kube/client.ts";
import { localServer } from "../kube/test-support/local-server.ts";
import { createLogger } from "../telemetry/log.ts";
import { hasSnapshots } from "./snapshots.ts";

const log = createLogger("silent");

/** An API server that answers with these statuses, and from then on with the last of them. */
async function apiServer(...statuses: number[]): Promise<KubeClient> {
  const server = await localServer((_, response, nth) => {
    const code = statuses[Math.min(nth, statuses.length) - 1] ?? 500;
    response
      .writeHead(code)
      .end(JSON.stringify(code === 200 ? { metadata: {}, items: [] } : { kind: "Status", code }));
  });
  const client = new KubeClient(server.access);
  onTestFinished(async () => {
    await client.close();
    await server.close();
  });
  return client;
}

test.each([
  ["there are some", [200], true],
  ["their CRD is missing", [404], false],
  ["they may not be read", [403], false],
  ["the API server says so only later", [422, 200], true],
])("%s", async (_, statuses, expected) => {
  const client = await apiServer(...statuses);
  expect(await hasSnapshots(client, "default", log, new AbortController().signal)).toBe(expected);
});

test("an end does not wait for the API server", async () => {
  const client = await apiServer(422);
  const stop = new AbortController();
  const asked = hasSnapshots(client, undefined, log, stop.signal);
  stop.abort();
  expect(await asked).toBe(false);
});
