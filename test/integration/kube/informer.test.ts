import { describe, expect, onTestFinished, test } from "vitest";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import { Informer, type InformerOptions } from "../../../src/kube/informer.ts";
import { CONFIG_MAPS } from "../../../src/kube/resource-type.ts";
import { apiTestbed } from "../../support/api-testbed.ts";
import { clientFor, configMap, kubeError, sameAsServer, until } from "./support.ts";

async function started(
  options: InformerOptions<KubeObject> = {},
): Promise<{ client: KubeClient; namespace: string; informer: Informer<KubeObject>; changes: string[] }> {
  const api = apiTestbed();
  const client = clientFor(api);
  const namespace = await api.freshNamespace("kube");
  const changes: string[] = [];
  const informer = new Informer<KubeObject>(client, CONFIG_MAPS, {
    namespace,
    onChange: (key, object, previous) => {
      const what = object === undefined ? "gone" : previous === undefined ? "new" : "changed";
      changes.push(`${key.slice(key.indexOf("/") + 1)} ${what}`);
    },
    ...options,
  });
  onTestFinished(() => informer.stop());
  informer.start();
  await informer.synced;
  changes.length = 0;
  return { client, namespace, informer, changes };
}

function names(objects: readonly KubeObject[]): string[] {
  return objects.map(({ metadata }) => metadata.name);
}

describe("an informer", () => {
  test("has what was there, and follows what comes, changes and goes", async () => {
    const { client, namespace, informer, changes } = await started();
    const made = await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    await until("the new one is seen", () => informer.get(namespace, "a") !== undefined);
    expect(informer.get(namespace, "a")).toEqual(made);
    await client.apply(CONFIG_MAPS, configMap(namespace, "a", { x: "1" }), { fieldManager: "t" });
    await client.delete(CONFIG_MAPS, namespace, "a");
    await until("its end is seen", () => informer.get(namespace, "a") === undefined);
    expect(changes).toEqual(["a new", "a changed", "a gone"]);
    expect(await sameAsServer(informer, client, namespace)).toBe(true);
    expect(informer.health).toEqual({ synced: true, error: undefined });
  });

  test("lists in pages", async () => {
    const { client, namespace } = await started();
    await Promise.all(
      Array.from({ length: 7 }, (_, nth) => client.create(CONFIG_MAPS, configMap(namespace, `c-${nth}`))),
    );
    const informer = new Informer<KubeObject>(client, CONFIG_MAPS, { namespace, times: { pageSize: 3 } });
    informer.start();
    await informer.synced;
    expect(await sameAsServer(informer, client, namespace)).toBe(true);
    await informer.stop();
  });

  test("with a selector loses what no longer matches", async () => {
    const { client, namespace, informer } = await started({ labelSelector: "test=yes" });
    await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    await until("it is seen", () => informer.get(namespace, "a") !== undefined);
    const relabelled = await client.patch(
      CONFIG_MAPS,
      namespace,
      "a",
      { metadata: { labels: { test: "no" } } },
      { kind: "merge" },
    );
    informer.put(relabelled);
    await until("it is gone", () => informer.get(namespace, "a") === undefined);
    informer.put(relabelled);
    expect(informer.size).toBe(0);
  });

  test("of all namespaces finds by namespace, by filter and by index", async () => {
    const { client, namespace, informer } = await started({
      namespace: undefined,
      indexes: { value: (object) => Object.values((object["data"] ?? {}) as Record<string, string>) },
    });
    await client.create(CONFIG_MAPS, configMap(namespace, "a", { x: namespace }));
    await until("it is seen", () => informer.get(namespace, "a") !== undefined);
    expect(names(informer.byIndex("value", namespace))).toEqual(["a"]);
    expect(
      names(informer.list({ namespace, filter: ({ metadata }) => metadata.labels?.["test"] === "yes" })),
    ).toEqual(["a"]);
    expect(informer.list().length).toBeGreaterThan(informer.list({ namespace }).length);
  });

  test("shows an own write at once, and is never behind it", async () => {
    const { client, namespace, informer, changes } = await started();
    let object = await client.create(CONFIG_MAPS, configMap(namespace, "a", { x: "0" }));
    for (let nth = 1; nth <= 50; nth++) {
      informer.put(object);
      expect(informer.get(namespace, "a")).toMatchObject({ data: { x: String(nth - 1) } });
      object = await client.patch(
        CONFIG_MAPS,
        namespace,
        "a",
        { data: { x: String(nth) } },
        { kind: "merge" },
      );
      // What the watch brings meanwhile is not older than what was put.
      const seen = informer.get(namespace, "a")?.["data"] as Record<string, string>;
      expect(Number(seen["x"])).toBeGreaterThanOrEqual(nth - 1);
    }
    await until(
      "the last one is seen",
      () => informer.get(namespace, "a")?.metadata.resourceVersion === object.metadata.resourceVersion,
    );
    expect(changes).toHaveLength(51);
  });

  test("does not bring back what was deleted, when the answer of a write comes late", async () => {
    const { client, namespace, informer } = await started();
    const object = await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    await client.delete(CONFIG_MAPS, namespace, "a");
    await client.create(CONFIG_MAPS, configMap(namespace, "b"));
    await until("the watch is past both", () => informer.get(namespace, "b") !== undefined);
    informer.put(object);
    expect(informer.get(namespace, "a")).toBeUndefined();
  });

  test("goes on when its reader throws", async () => {
    const errors: unknown[] = [];
    const { client, namespace, informer } = await started({
      onChange: () => {
        throw new Error("reader");
      },
      onError: (error) => errors.push(error),
    });
    await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    await until("it is seen", () => informer.get(namespace, "a") !== undefined);
    expect(errors).toContainEqual(new Error("reader"));
  });

  test("that may not list says so, and begins when it may", async () => {
    const api = apiTestbed();
    const namespace = await api.freshNamespace("kube");
    const token = (await api.kubectl(["create", "token", "default", "-n", namespace])).trim();
    const informer = new Informer<KubeObject>(clientFor({ ...api, token }), CONFIG_MAPS, {
      namespace,
      times: { backoffMaxMs: 1000 },
    });
    onTestFinished(() => informer.stop());
    informer.start();
    await until("the refusal is known", () => informer.health.error?.code === "forbidden");
    await api.kubectl([
      "create",
      "rolebinding",
      "view",
      "--clusterrole=view",
      `--serviceaccount=${namespace}:default`,
      "-n",
      namespace,
    ]);
    await informer.synced;
    await until("the refusal is over", () => informer.health.error === undefined);
    expect(await sameAsServer(informer, clientFor(api), namespace)).toBe(true);
  });

  test("of a kind that does not exist keeps asking, and says why", async () => {
    const unknown = { group: "no.such", version: "v1", plural: "things", kind: "Thing", namespaced: true };
    const client = clientFor(apiTestbed());
    expect((await kubeError(client.list(unknown))).code).toBe("not-found");
    const informer = new Informer<KubeObject>(client, unknown);
    informer.start();
    await until("it is known", () => informer.health.error?.code === "not-found");
    await informer.stop();
  });
});
