/** The informer and the calls through a proxy that misbehaves: after each fault nothing is lost, stuck or leaked. */
import { describe, expect, onTestFinished, test } from "vitest";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import { Informer } from "../../../src/kube/informer.ts";
import { CONFIG_MAPS } from "../../../src/kube/resource-type.ts";
import { FaultProxy, type Fault } from "../../../testbed/fault-proxy.ts";
import { apiTestbed } from "../../support/api-testbed.ts";
import { clientFor, configMap, kubeError, sameAsServer, until } from "./support.ts";

/** The defaults, fifty times as fast. */
const times = {
  pageSize: 5,
  watchSeconds: 20,
  idleMs: 1500,
  headersMs: 1500,
  backoffBaseMs: 20,
  backoffMaxMs: 300,
  healthyMs: 200,
};
const connections = 4;

const isWatch = ({ url }: { url: string }): boolean => url.includes("watch=true");
const isLaterPage = ({ url }: { url: string }): boolean => url.includes("continue=");
const isList = ({ url }: { url: string }): boolean => url.includes("limit=") && !url.includes("watch=true");
const isCall = ({ url }: { url: string }): boolean => url.includes("/mine");
const isPost = ({ method }: { method: string }): boolean => method === "POST";
const status = (code: number, reason: string, headers: Record<string, string> = {}): Fault => ({
  kind: "answer",
  status: code,
  headers,
  body: JSON.stringify({ kind: "Status", status: "Failure", code, reason, message: reason }),
});
const errorEvent = (code: number, reason: string): Fault => ({
  kind: "answer",
  status: 200,
  body: `${JSON.stringify({ type: "ERROR", object: { kind: "Status", code, reason, message: reason } })}\n`,
});

interface Stage {
  readonly proxy: FaultProxy;
  /** Through the proxy. */
  readonly client: KubeClient;
  /** Past it. */
  readonly direct: KubeClient;
  readonly namespace: string;
  readonly changes: string[];
  readonly informer: Informer<KubeObject>;
  readonly agrees: () => Promise<boolean>;
}

async function stage({ before }: { before?: (proxy: FaultProxy) => void } = {}): Promise<Stage> {
  const api = apiTestbed();
  const proxy = await FaultProxy.start(api);
  onTestFinished(() => proxy.close());
  const direct = clientFor(api);
  const client = clientFor(
    { url: proxy.url, caPem: undefined, token: undefined },
    { connections, deadlineMs: 10_000 },
  );
  const namespace = await api.freshNamespace("fault");
  await Promise.all(
    Array.from({ length: 12 }, (_, nth) => direct.create(CONFIG_MAPS, configMap(namespace, `c-${nth}`))),
  );
  const changes: string[] = [];
  const informer = new Informer<KubeObject>(client, CONFIG_MAPS, {
    namespace,
    times,
    onChange: (key, object) => changes.push(`${key.split("/")[1]}${object === undefined ? " gone" : ""}`),
  });
  onTestFinished(() => informer.stop());
  before?.(proxy);
  informer.start();
  await informer.synced;
  const agrees = (): Promise<boolean> => sameAsServer(informer, direct, namespace);
  return { proxy, client, direct, namespace, changes, informer, agrees };
}

/** Objects come, change and go until told to end. */
function churn({ direct, namespace }: Stage): { end: () => Promise<void> } {
  const ending = new AbortController();
  const work = (async () => {
    for (let nth = 0; !ending.signal.aborted; nth++) {
      await direct.apply(CONFIG_MAPS, configMap(namespace, `churn-${nth % 7}`, { nth: String(nth) }), {
        fieldManager: "churn",
      });
      if (nth % 3 === 0) await direct.delete(CONFIG_MAPS, namespace, `churn-${(nth + 4) % 7}`);
    }
  })();
  return {
    end: async () => {
      ending.abort();
      await work;
    },
  };
}

/** Still following: a change made now is seen. */
async function follows({ direct, namespace, informer }: Stage): Promise<void> {
  const made = await direct.create(CONFIG_MAPS, configMap(namespace, `probe-${Date.now()}`));
  await until("a change is seen", () => informer.get(namespace, made.metadata.name) !== undefined);
}

function refuse(proxy: FaultProxy, fault: Fault, times: number): void {
  proxy.inject({ fault, match: isWatch, times });
  proxy.dropConnections();
}

describe("a watch", () => {
  test.each<[string, (proxy: FaultProxy) => void]>([
    ["is reset", (proxy) => proxy.dropConnections()],
    ["is half-closed", (proxy) => proxy.halfCloseWatches()],
    ["breaks in the middle of an event", (proxy) => proxy.cutWatchesInNextEvent()],
    ["is reset and refused with 500 for a while", (proxy) => refuse(proxy, status(500, "InternalError"), 3)],
    ["is reset and refused with 500 for long", (proxy) => refuse(proxy, status(500, "InternalError"), 8)],
    [
      "is reset and told to wait",
      (proxy) => refuse(proxy, status(429, "TooManyRequests", { "retry-after": "1" }), 3),
    ],
    ["is reset and its place is forgotten (410)", (proxy) => refuse(proxy, status(410, "Expired"), 1)],
    [
      "is reset and its place is forgotten (an event)",
      (proxy) => refuse(proxy, errorEvent(410, "Expired"), 1),
    ],
    ["is reset and fails with an event", (proxy) => refuse(proxy, errorEvent(500, "InternalError"), 2)],
    ["is reset and accepted without an answer", (proxy) => refuse(proxy, { kind: "stall" }, 1)],
    ["is reset and reset again", (proxy) => refuse(proxy, { kind: "drop" }, 4)],
    [
      "is reset and answered with nonsense",
      (proxy) => refuse(proxy, { kind: "answer", status: 200, body: "<html>\n" }, 2),
    ],
  ])("that %s loses nothing", async (_, fault) => {
    const here = await stage();
    const work = churn(here);
    for (let round = 0; round < 2; round++) {
      await until("there is a watch", () => here.proxy.openWatches === 1);
      fault(here.proxy);
      await until("the fault has happened", () => here.proxy.pendingFaults === 0);
      await until("there is a watch again", () => here.proxy.openWatches === 1);
    }
    await work.end();
    await until("the informer has what the server has", here.agrees);
    await follows(here);
    expect(here.informer.health).toEqual({ synced: true, error: undefined });
  });

  test("whose place is forgotten while objects go tells that they are gone", async () => {
    const here = await stage();
    here.proxy.inject({ fault: status(503, "ServiceUnavailable"), match: isWatch, times: 1000 });
    here.proxy.dropConnections();
    await until("the watch is broken", () => here.informer.health.error !== undefined);
    await here.direct.delete(CONFIG_MAPS, here.namespace, "c-3");
    await here.direct.delete(CONFIG_MAPS, here.namespace, "c-5");
    await here.direct.create(CONFIG_MAPS, configMap(here.namespace, "c-5", { again: "yes" }));
    here.changes.length = 0;
    here.proxy.heal();
    here.proxy.inject({ fault: status(410, "Expired"), match: isWatch });
    await until("the informer has what the server has", here.agrees);
    expect(here.changes.toSorted()).toEqual(["c-3 gone", "c-5"]);
  });

  test("through a network that stops for longer than every deadline goes on when it is back", async () => {
    const here = await stage();
    here.proxy.freeze();
    await here.direct.delete(CONFIG_MAPS, here.namespace, "c-1");
    await here.direct.create(CONFIG_MAPS, configMap(here.namespace, "meanwhile"));
    await until("the stall is noticed", () => here.informer.health.error?.code === "timeout");
    await until("several tries have failed", () => here.proxy.requests.filter(isWatch).length > 3);
    here.proxy.thaw();
    await until("the informer has what the server has", here.agrees);
    expect(here.changes).toContain("c-1 gone");
    await follows(here);
  });
});

describe("a first list", () => {
  test.each<[string, Fault, number]>([
    ["that is told to wait", status(429, "TooManyRequests", { "retry-after": "1" }), 2],
    ["that fails", status(500, "InternalError"), 9],
    ["whose connections break", { kind: "drop" }, 9],
  ])("%s is there in the end", async (_, fault, times) => {
    const here = await stage({ before: (proxy) => proxy.inject({ fault, match: isList, times }) });
    expect(await here.agrees()).toBe(true);
    expect(here.proxy.pendingFaults).toBe(0);
  });

  test("whose pages are dropped in the middle is fetched in one go", async () => {
    const here = await stage({
      before: (proxy) => proxy.inject({ fault: status(410, "Expired"), match: isLaterPage }),
    });
    expect(await here.agrees()).toBe(true);
    const lists = here.proxy.requests.filter(({ url }) => url.includes("/configmaps") && !isWatch({ url }));
    expect(lists.map(({ url }) => url.replace(/^[^?]*/, "").replace(/continue=.*/, "continue"))).toEqual([
      "?limit=5",
      "?limit=5&continue",
      "",
    ]);
  });
});

describe("a call", () => {
  test.each<[string, Fault]>([
    ["busy", status(429, "TooManyRequests", { "retry-after": "0" })],
    ["failing", status(500, "InternalError")],
    ["gone for a moment", { kind: "drop" }],
    ["silent", { kind: "stall" }],
  ])("that reads from a server that is %s gets its answer", async (_, fault) => {
    const { proxy, client, direct, namespace } = await stage();
    await direct.create(CONFIG_MAPS, configMap(namespace, "mine"));
    proxy.inject({ fault, match: isCall, times: fault.kind === "stall" ? 1 : 3 });
    expect((await client.get(CONFIG_MAPS, namespace, "mine", { deadlineMs: 5000 }))?.metadata.name).toBe(
      "mine",
    );
    expect(proxy.pendingFaults).toBe(0);
  });

  test("that creates and loses its answer fails, is not sent twice, and has happened", async () => {
    const { proxy, client, direct, namespace } = await stage();
    proxy.inject({ fault: { kind: "lose-answer" }, match: isPost });
    expect(await kubeError(client.create(CONFIG_MAPS, configMap(namespace, "mine")))).toMatchObject({
      code: "network",
      retryable: true,
    });
    expect(proxy.requests.filter(isPost)).toHaveLength(1);
    expect(await direct.get(CONFIG_MAPS, namespace, "mine")).toBeDefined();
  });

  test("that applies and loses its answer is sent again, to the same end", async () => {
    const { proxy, client, namespace } = await stage();
    proxy.inject({ fault: { kind: "lose-answer" }, match: isCall });
    const mine = configMap(namespace, "mine", { x: "1" });
    expect(await client.apply(CONFIG_MAPS, mine, { fieldManager: "t" })).toMatchObject({ data: { x: "1" } });
  });

  test("that replaces and loses its answer shows a conflict, and has written once", async () => {
    const { proxy, client, direct, namespace } = await stage();
    const made = await direct.create(CONFIG_MAPS, configMap(namespace, "mine"));
    proxy.inject({ fault: { kind: "lose-answer" }, match: isCall });
    const replacing = client.replace(CONFIG_MAPS, { ...made, data: { x: "1" } });
    expect((await kubeError(replacing)).code).toBe("conflict");
    expect(await direct.get(CONFIG_MAPS, namespace, "mine")).toMatchObject({ data: { x: "1" } });
  });

  test("that deletes one incarnation and loses its answer finds it gone", async () => {
    const { proxy, client, direct, namespace } = await stage();
    const { metadata } = await direct.create(CONFIG_MAPS, configMap(namespace, "mine"));
    proxy.inject({ fault: { kind: "lose-answer" }, match: isCall });
    expect(await client.delete(CONFIG_MAPS, namespace, "mine", { uid: metadata.uid })).toBe(false);
  });

  test("over a kept-alive connection that has died meanwhile gets its answer", async () => {
    const { proxy, client, namespace } = await stage();
    await client.get(CONFIG_MAPS, namespace, "c-1");
    proxy.dropConnections();
    expect(await client.get(CONFIG_MAPS, namespace, "c-1")).toBeDefined();
  });
});

test("after many faults there are no more connections than calls and watches need, and none after closing", async () => {
  const here = await stage();
  const work = churn(here);
  for (let round = 0; round < 15; round++) {
    await until("there is a watch", () => here.proxy.openWatches === 1);
    const calls = Array.from({ length: 10 }, () => here.client.get(CONFIG_MAPS, here.namespace, "c-1"));
    if (round % 3 === 0) here.proxy.dropConnections();
    else if (round % 3 === 1) here.proxy.halfCloseWatches();
    else here.proxy.cutWatchesInNextEvent();
    await Promise.all(calls);
    expect(here.proxy.openConnections).toBeLessThanOrEqual(connections + 2);
  }
  await work.end();
  await until("the informer has what the server has", here.agrees);
  await until("connections are few", () => here.proxy.openConnections <= connections + 1);
  await here.informer.stop();
  await until("the watch's connection is gone", () => here.proxy.openWatches === 0);
  await here.client.close();
  await until("all are gone", () => here.proxy.openConnections === 0);
});
