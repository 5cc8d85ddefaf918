import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import { loadKubeConfig } from "../../../src/kube/config.ts";
import { KubeClient } from "../../../src/kube/client.ts";
import { objectPath } from "../../../src/kube/request.ts";
import {
  CONFIG_MAPS,
  NAMESPACES,
  PODS,
  SERVICE_ACCOUNTS,
  SERVICES,
} from "../../../src/kube/resource-type.ts";
import { apiTestbed } from "../../support/api-testbed.ts";
import { clientFor, configMap, kubeError } from "./support.ts";

async function fresh(): Promise<{ client: KubeClient; namespace: string }> {
  const api = apiTestbed();
  return { client: clientFor(api), namespace: await api.freshNamespace("kube") };
}

function pod(namespace: string, name: string): KubeObject {
  const spec = { containers: [{ name: "main", image: "none" }] };
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace }, spec };
}

describe("reading", () => {
  test("an object that is not there is undefined, in a namespace that is not there too", async () => {
    const { client, namespace } = await fresh();
    expect(await client.get(PODS, namespace, "none")).toBeUndefined();
    expect(await client.get(PODS, "no-such-namespace", "none")).toBeUndefined();
    expect(await client.get(NAMESPACES, undefined, namespace)).toMatchObject({ kind: "Namespace" });
  });

  test("a list of more than a page has everything once, without managedFields, with apiVersion and kind", async () => {
    const { client, namespace } = await fresh();
    const count = 1100;
    await Promise.all(
      Array.from({ length: count }, (_, nth) => client.create(CONFIG_MAPS, configMap(namespace, `c-${nth}`))),
    );
    const { items, resourceVersion } = await client.list(CONFIG_MAPS, {
      namespace,
      labelSelector: "test=yes",
    });
    expect(new Set(items.map(({ metadata }) => metadata.name)).size).toBe(count);
    expect(items).toHaveLength(count);
    expect(resourceVersion).toMatch(/^\d+$/);
    for (const item of items) {
      expect([item.apiVersion, item.kind, item.metadata["managedFields"]]).toEqual([
        "v1",
        "ConfigMap",
        undefined,
      ]);
    }
  });

  test("text comes as it is", async () => {
    const { client } = await fresh();
    expect(await client.getText("/readyz", { verbose: "" })).toContain("[+]etcd ok");
  });

  test("an answer of a proxied service comes whatever its status", async () => {
    const { client, namespace } = await fresh();
    const service = { ...configMap(namespace, "s"), kind: "Service", spec: { ports: [{ port: 8081 }] } };
    await client.create(SERVICES, service);
    const path = `${objectPath(SERVICES, namespace, "s", "proxy")}/jobs/overview`;
    // Nobody stands behind the service.
    const { status, text } = await client.raw({ method: "GET", path, idempotent: true });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(text).toContain('"kind":"Status"');
  });
});

describe("writing", () => {
  test("a name that is taken, and an object that is wrong, are told apart", async () => {
    const { client, namespace } = await fresh();
    await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    expect(await kubeError(client.create(CONFIG_MAPS, configMap(namespace, "a")))).toMatchObject({
      status: 409,
      reason: "AlreadyExists",
      code: "already-exists",
    });
    expect(await kubeError(client.create(CONFIG_MAPS, configMap(namespace, "A_")))).toMatchObject({
      code: "invalid",
    });
  });

  test("server-side apply keeps what others own, and says so when both want a field", async () => {
    const { client, namespace } = await fresh();
    const mine = configMap(namespace, "a", { x: "1" });
    const applied = await client.apply(CONFIG_MAPS, mine, { fieldManager: "sluice" });
    expect(applied.metadata["managedFields"]).toBeUndefined();
    const theirs = { ...mine, data: { y: "2" } };
    expect(await client.apply(CONFIG_MAPS, theirs, { fieldManager: "other" })).toMatchObject({
      data: { x: "1", y: "2" },
    });
    const both = { ...mine, data: { y: "3" } };
    expect((await kubeError(client.apply(CONFIG_MAPS, both, { fieldManager: "sluice" }))).code).toBe(
      "conflict",
    );
    const dry = await client.apply(CONFIG_MAPS, both, { fieldManager: "sluice", force: true, dryRun: true });
    expect(dry["data"]).toEqual({ y: "3" });
    // What the last apply of a manager no longer names, and nobody else owns, goes.
    expect(await client.apply(CONFIG_MAPS, both, { fieldManager: "sluice", force: true })).toMatchObject({
      data: { y: "3" },
    });
    expect((await client.get(CONFIG_MAPS, namespace, "a"))?.["data"]).toEqual({ y: "3" });
  });

  test("a status is replaced only if nobody was quicker", async () => {
    const { client, namespace } = await fresh();
    const made = await client.create(PODS, pod(namespace, "a"));
    const written = await client.replaceStatus(PODS, {
      ...made,
      status: { phase: "Pending", message: "one" },
    });
    expect(written["status"]).toMatchObject({ message: "one" });
    const late = client.replaceStatus(PODS, { ...made, status: { phase: "Pending", message: "two" } });
    expect(await kubeError(late)).toMatchObject({
      status: 409,
      reason: "Conflict",
      code: "conflict",
      retryable: false,
    });
  });

  test("the status of a successor of the same name is not overwritten", async () => {
    const { client, namespace } = await fresh();
    const first = await client.create(PODS, pod(namespace, "a"));
    await client.delete(PODS, namespace, "a", { gracePeriodSeconds: 0 });
    await client.create(PODS, pod(namespace, "a"));
    const late = client.replaceStatus(PODS, { ...first, status: { phase: "Running" } });
    expect(await kubeError(late)).toMatchObject({ status: 409, reason: "Conflict", code: "conflict" });
  });

  test("a status without a resourceVersion is not written at all", async () => {
    const { client, namespace } = await fresh();
    expect(() => client.replaceStatus(PODS, pod(namespace, "a"))).toThrow(RangeError);
  });

  test("patches of each kind", async () => {
    const { client, namespace } = await fresh();
    await client.create(PODS, {
      ...pod(namespace, "a"),
      metadata: { name: "a", namespace, finalizers: ["a.b/c"] },
    });
    const patch = (body: unknown, kind: "merge" | "json" | "strategic"): Promise<KubeObject> =>
      client.patch(PODS, namespace, "a", body, { kind });
    expect(await patch({ metadata: { labels: { x: "1" } } }, "merge")).toMatchObject({
      metadata: { labels: { x: "1" } },
    });
    const add = [{ op: "add", path: "/metadata/labels/y", value: "2" }];
    expect(await patch(add, "json")).toMatchObject({ metadata: { labels: { x: "1", y: "2" } } });
    const strategic = { spec: { containers: [{ name: "main", image: "other" }] } };
    expect(await patch(strategic, "strategic")).toMatchObject({ spec: { containers: [{ image: "other" }] } });
    const gone = await patch({ metadata: { finalizers: null } }, "merge");
    expect(gone.metadata.finalizers).toBeUndefined();
  });
});

describe("deleting", () => {
  test("what is there is true, what is gone is false", async () => {
    const { client, namespace } = await fresh();
    await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    expect(await client.delete(CONFIG_MAPS, namespace, "a", { propagation: "Background" })).toBe(true);
    expect(await client.delete(CONFIG_MAPS, namespace, "a")).toBe(false);
  });

  test("another incarnation, or a changed object, is left alone and told", async () => {
    const { client, namespace } = await fresh();
    const { metadata } = await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    const other = client.delete(CONFIG_MAPS, namespace, "a", { uid: "00000000-0000-0000-0000-000000000000" });
    expect(await kubeError(other)).toMatchObject({ status: 409, code: "precondition-failed" });
    await client.apply(CONFIG_MAPS, configMap(namespace, "a", { x: "1" }), { fieldManager: "x" });
    const resourceVersion = metadata.resourceVersion;
    expect(await kubeError(client.delete(CONFIG_MAPS, namespace, "a", { resourceVersion }))).toMatchObject({
      code: "precondition-failed",
    });
    expect(await client.delete(CONFIG_MAPS, namespace, "a", { uid: metadata.uid })).toBe(true);
  });

  test("an object that finalizers hold is accepted as deleted and stays to be seen", async () => {
    const { client, namespace } = await fresh();
    const held = configMap(namespace, "a");
    await client.create(CONFIG_MAPS, { ...held, metadata: { ...held.metadata, finalizers: ["a.b/c"] } });
    expect(await client.delete(CONFIG_MAPS, namespace, "a")).toBe(true);
    expect((await client.get(CONFIG_MAPS, namespace, "a"))?.metadata.deletionTimestamp).toMatch(/^\d{4}-/);
  });
});

describe("being let in", () => {
  test("by the administrator's client certificate", async () => {
    const access = await loadKubeConfig({ kubeconfig: apiTestbed().kubeconfigPath, env: {} });
    const client = new KubeClient(access);
    expect((await client.get(NAMESPACES, undefined, "default"))?.kind).toBe("Namespace");
    await client.close();
  });

  test("by a service account's token, with its rights and no more", async () => {
    const { caPem, kubectl, freshNamespace, url } = apiTestbed();
    const namespace = await freshNamespace("kube");
    const folder = await mkdtemp(join(tmpdir(), "sluice-account-"));
    await writeFile(join(folder, "token"), await kubectl(["create", "token", "default", "-n", namespace]));
    await writeFile(join(folder, "ca.crt"), caPem);
    await writeFile(join(folder, "namespace"), namespace);
    const { hostname, port } = new URL(url);
    const env = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
    const client = new KubeClient(await loadKubeConfig({ env, serviceAccountFolder: folder }));
    expect(client.access.namespace).toBe(namespace);
    expect(await kubeError(client.list(SERVICE_ACCOUNTS, { namespace }))).toMatchObject({
      status: 403,
      code: "forbidden",
      message: expect.stringContaining(`system:serviceaccount:${namespace}:default`),
    });
    await client.close();
    await rm(folder, { recursive: true });
  });

  test("not with a wrong token, and the error does not show it", async () => {
    const client = clientFor({ ...apiTestbed(), token: "s3cret" });
    const error = await kubeError(client.get(NAMESPACES, undefined, "default"));
    expect(error.code).toBe("unauthorized");
    expect(`${error.stack} ${JSON.stringify(error)}`).not.toContain("s3cret");
  });

  test("not by a server with another authority's certificate", async () => {
    const client = clientFor({ ...apiTestbed(), caPem: undefined });
    expect(await kubeError(client.get(NAMESPACES, undefined, "default"))).toMatchObject({
      code: "tls",
      retryable: false,
    });
  });
});
