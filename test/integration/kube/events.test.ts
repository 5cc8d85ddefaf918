import { describe, expect, test } from "vitest";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import { eventName } from "../../../src/kube/event-name.ts";
import { type EventInput, EventRecorder } from "../../../src/kube/event-recorder.ts";
import { CONFIG_MAPS, EVENTS } from "../../../src/kube/resource-type.ts";
import { FaultProxy } from "../../../testbed/fault-proxy.ts";
import { apiTestbed } from "../../support/api-testbed.ts";
import { clientFor, configMap } from "./support.ts";

async function fresh(): Promise<{ client: KubeClient; namespace: string; target: KubeObject }> {
  const api = apiTestbed();
  const client = clientFor(api);
  const namespace = await api.freshNamespace("events");
  return { client, namespace, target: await client.create(CONFIG_MAPS, configMap(namespace, "a")) };
}

const event: EventInput = {
  type: "Warning",
  reason: "Missing",
  message: "gone",
  component: "JobManagerDeployment",
};

async function recorded(client: KubeClient, namespace: string): Promise<KubeObject[]> {
  return (await client.list(EVENTS, { namespace })).items;
}

describe("an event", () => {
  test("is what kubectl shows on the object", async () => {
    const { client, namespace, target } = await fresh();
    await new EventRecorder(client, { now: () => new Date("2026-01-02T03:04:05.678Z") }).record(target, {
      ...event,
      annotations: { "task-name": "map" },
    });
    const [written] = await recorded(client, namespace);
    expect(written).toMatchObject({
      metadata: { name: eventName(event, target), namespace, annotations: { "task-name": "map" } },
      involvedObject: { apiVersion: "v1", kind: "ConfigMap", namespace, name: "a", uid: target.metadata.uid },
      type: "Warning",
      reason: "Missing",
      message: "gone",
      count: 1,
      source: { component: "JobManagerDeployment" },
      firstTimestamp: "2026-01-02T03:04:05Z",
      lastTimestamp: "2026-01-02T03:04:05Z",
    });
    const described = await apiTestbed().kubectl(["describe", "configmap", "a", "-n", namespace]);
    expect(described).toMatch(/Warning\s+Missing\s.*JobManagerDeployment\s+gone/);
  });

  test("that repeats is counted, also at once, after a restart, and with another message under one key", async () => {
    const { client, namespace, target } = await fresh();
    const keyed = { ...event, key: "k" };
    const first = new EventRecorder(client);
    await Promise.all([1, 2, 3].map(() => first.record(target, keyed)));
    await new EventRecorder(client).record(target, { ...keyed, message: "still gone" });
    const events = await recorded(client, namespace);
    expect(events.map(({ count, message }) => [count, message])).toEqual([[4, "still gone"]]);
  });

  test("that the server has forgotten is made again", async () => {
    const { client, namespace, target } = await fresh();
    const recorder = new EventRecorder(client);
    await recorder.record(target, event);
    await client.delete(EVENTS, namespace, eventName(event, target));
    await recorder.record(target, event);
    expect((await recorded(client, namespace)).map(({ count }) => count)).toEqual([1]);
  });

  test("of a long message is cut", async () => {
    const { client, namespace, target } = await fresh();
    await new EventRecorder(client).record(target, { ...event, message: "ä".repeat(2000) });
    const [written] = await recorded(client, namespace);
    expect(Buffer.byteLength(String(written?.["message"]))).toBeLessThanOrEqual(1024);
  });

  test("of an object that has too many is dropped, those of others are not", async () => {
    const { client, namespace, target } = await fresh();
    const other = await client.create(CONFIG_MAPS, configMap(namespace, "b"));
    const recorder = new EventRecorder(client, { burst: 3 });
    for (let nth = 0; nth < 6; nth++) await recorder.record(target, { ...event, message: String(nth) });
    await recorder.record(other, event);
    const events = await recorded(client, namespace);
    expect(new Set(events.map(({ message }) => message))).toEqual(new Set(["0", "1", "2", "gone"]));
  });
});

describe("a recorder that cannot write", () => {
  test("without the right says nothing", async () => {
    const { namespace, target } = await fresh();
    const api = apiTestbed();
    const token = (await api.kubectl(["create", "token", "default", "-n", namespace])).trim();
    const errors: unknown[] = [];
    await new EventRecorder(clientFor({ ...api, token }), { onError: (error) => errors.push(error) }).record(
      target,
      event,
    );
    expect(errors).toEqual([]);
  });

  test("for another reason tells it, and its caller goes on", async () => {
    const { target } = await fresh();
    const proxy = await FaultProxy.start(apiTestbed());
    proxy.inject({ fault: { kind: "drop" }, times: 100 });
    const errors: unknown[] = [];
    const client = clientFor({ url: proxy.url, caPem: undefined, token: undefined });
    await new EventRecorder(client, { onError: (error) => errors.push(error) }).record(target, event);
    expect(errors).toHaveLength(1);
    await proxy.close();
  });
});
