import { expect, test } from "vitest";
import type { KubeObject } from "../api/kube-object.ts";
import type { KubeClient } from "../kube/client.ts";
import { FLINK_DEPLOYMENTS } from "../kube/resource-type.ts";
import { ManualClock } from "../kube/test-support/manual-clock.ts";
import { createLogger } from "../telemetry/log.ts";
import { Canaries } from "./canaries.ts";

const MINUTE = 60_000;

function stage() {
  const resource: KubeObject & { spec: { restartNonce?: number } } = {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkDeployment",
    metadata: { name: "c", namespace: "n", generation: 1, labels: { "flink.apache.org/canary": "true" } },
    spec: {},
  };
  const clock = new ManualClock();
  const passed: string[] = [];
  const server = { isAway: false };
  const client = {
    get: () => (server.isAway ? Promise.reject(new Error("away")) : Promise.resolve(resource)),
    patch: (_: unknown, __: unknown, ___: unknown, patch: { spec: { restartNonce: number } }) => {
      resource.spec = patch.spec;
      resource.metadata.generation = (resource.metadata.generation ?? 0) + 1;
      return Promise.resolve(structuredClone(resource));
    },
  } as unknown as KubeClient;
  const canaries = new Canaries({ client, configuration: () => ({}), log: createLogger("fatal"), clock });
  const pass = canaries.around(
    FLINK_DEPLOYMENTS,
    () => structuredClone(resource),
    (key) => {
      passed.push(key);
      return Promise.resolve({ kind: "retry" });
    },
  );
  return { resource, clock, passed, server, canaries, look: () => pass("n/c") };
}

test("a canary is deployed by nobody; its nonce is raised, and has to come back", async () => {
  const { canaries, clock, look, passed, resource } = stage();
  await look();
  await clock.advance(MINUTE);
  expect(resource.spec.restartNonce).toBe(1);
  await look();
  await clock.advance(MINUTE);
  expect([resource.spec.restartNonce, canaries.failing]).toEqual([2, []]);
  // The change of the second does not come back.
  await clock.advance(MINUTE);
  expect(canaries.failing).toEqual(["FlinkDeployment n/c"]);
  await look();
  await clock.advance(MINUTE);
  expect(canaries.failing).toEqual([]);
  expect(passed).toEqual([]);
});

test("without an API server nothing fails: a restart would not help", async () => {
  const { canaries, clock, look, server } = stage();
  await look();
  server.isAway = true;
  await clock.advance(10 * MINUTE);
  expect(canaries.failing).toEqual([]);
});

test.each<[string, (resource: KubeObject) => void]>([
  ["loses its label", ({ metadata }) => void delete metadata.labels],
  ["is deleted", ({ metadata }) => void (metadata.deletionTimestamp = "2026-01-01T00:00:00Z")],
])("one that %s is as any other, and fails no more", async (_, change) => {
  const { canaries, clock, look, passed, resource } = stage();
  await look();
  await clock.advance(2 * MINUTE);
  expect(canaries.failing).toHaveLength(1);
  change(resource);
  await look();
  expect([passed, canaries.failing]).toEqual([["n/c"], []]);
  await clock.advance(10 * MINUTE);
  expect(canaries.failing).toEqual([]);
  canaries.close();
});
