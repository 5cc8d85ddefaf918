/** The chart says what `sluice install` does: every object, over a table of values files and over random ones. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { installationObjects } from "../../../src/installation/objects.ts";
import { readValues, ROOT, type ValueSchema } from "../../../src/installation/read-values.ts";
import { VERSION } from "../../../src/version.ts";
import { repository } from "../../../testbed/lib/paths.ts";
import { byKey, CHART, type HelmRun, helm, keyOf, objectsIn, withValues } from "./helm.ts";

const release = { name: "flinks", namespace: "operators", version: VERSION, service: "Helm" };

let run: HelmRun;
let remove: () => void;
beforeAll(async () => {
  ({ run, remove } = await helm());
});
afterAll(() => remove());

function template(values: object, name = release.name): ReturnType<HelmRun> {
  return withValues(values, (file) =>
    run(["template", name, CHART, "--namespace", release.namespace, "--values", file]),
  );
}

async function rendered(values: object, name?: string): Promise<ReturnType<typeof byKey>> {
  const { code, stdout, stderr } = await template(values, name);
  if (code !== 0) throw new Error(stderr);
  return byKey(objectsIn(stdout));
}

function own(values: object, name = release.name): ReturnType<typeof byKey> {
  const read = readValues([values as Record<string, unknown>]);
  expect(read.findings).toEqual([]);
  return byKey(installationObjects(read.values, { ...release, name }));
}

const few = { crds: { install: false } };
const apache = parse(
  readFileSync(join(repository, "test/data/installation/apache-values.yaml"), "utf8"),
) as object;
const extra = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "extra", namespace: "operators" } };

const table: Record<string, object> = {
  "as it is": {},
  "CRDs that go with the release": { crds: { keep: false } },
  namespaces: { ...few, watchNamespaces: ["a", "b"] },
  "namespaces, jobs elsewhere": {
    ...few,
    watchNamespaces: ["a"],
    jobServiceAccount: { namespaces: ["c", "d"] },
  },
  "several replicas": { ...few, replicas: 3, podDisruptionBudget: { maxUnavailable: "50%" } },
  "no rights": { ...few, rbac: { create: false } },
  "no roles": {
    ...few,
    rbac: {
      aggregateRoles: false,
      operatorRole: { create: false, name: "theirs" },
      operatorRoleBinding: { create: false },
      jobRole: { create: false },
    },
  },
  "no accounts": {
    ...few,
    operatorServiceAccount: { create: false },
    jobServiceAccount: { create: false, name: "other" },
  },
  "accounts of their own": {
    ...few,
    operatorServiceAccount: { create: false, name: "x", annotations: { a: "b" } },
  },
  "by digest": { ...few, image: { digest: `sha256:${"0".repeat(64)}`, pullPolicy: "Always" } },
  names: { ...few, nameOverride: "flink" },
  "a full name that is too long": { ...few, fullnameOverride: "x".repeat(62) + "-yz" },
  labels: {
    ...few,
    commonLabels: { team: "a", "app.kubernetes.io/name": "other" },
    operatorPod: { labels: { pod: "1" } },
  },
  monitors: {
    ...few,
    podMonitor: { create: true, labels: { release: "prometheus" }, interval: "30s" },
    serviceMonitor: { create: true },
  },
  "monitors with intervals": { ...few, serviceMonitor: { create: true, interval: "1m", labels: { a: "b" } } },
  "monitors of operator and webhook": {
    ...few,
    podMonitor: { create: true, labels: { release: "prometheus" } },
    serviceMonitor: { create: true, interval: "15s" },
    webhook: { create: true },
  },
  "alerts and dashboards": {
    ...few,
    prometheusRule: { create: true, labels: { release: "prometheus" } },
    grafanaDashboards: { create: true },
  },
  "dashboards in a folder, where the sidecar looks": {
    ...few,
    grafanaDashboards: {
      create: true,
      namespace: "monitoring",
      label: "dashboards",
      labelValue: "yes",
      annotations: { grafana_folder: "Flink" },
    },
  },
  "network policy": { ...few, networkPolicy: { create: true } },
  "narrow network policy": {
    ...few,
    operatorHealth: { port: 9000 },
    networkPolicy: {
      create: true,
      ingressFrom: [{ namespaceSelector: { matchLabels: { name: "monitoring" } } }],
      egress: [{ ports: [{ port: 443 }] }, { to: [{ ipBlock: { cidr: "10.0.0.0/8" } }] }],
    },
  },
  "no configuration": { ...few, defaultConfiguration: { create: false } },
  "configuration of Flink 1": { ...few, defaultConfiguration: { "flink-conf.yaml": 'a: b\n# c: "d"\n' } },
  webhook: { ...few, webhook: { create: true } },
  "webhook with certificates of its own": {
    ...few,
    watchNamespaces: ["a", "b"],
    networkPolicy: { create: true, ingressFrom: [{ podSelector: {} }] },
    defaultConfiguration: { create: false },
    webhook: {
      create: true,
      replicas: 1,
      failurePolicy: "Ignore",
      mutator: { create: false },
      certificates: { secretName: "theirs", annotations: { "cert-manager.io/inject-ca-from": "a/b" } },
      serviceLabels: { a: "b" },
    },
  },
  "a text that ends with its line": {
    ...few,
    commonLabels: { "example.com/d": 'x: "y"\n' },
    webhook: { create: true },
    podMonitor: { create: true },
    serviceMonitor: { create: true },
    prometheusRule: { create: true },
    grafanaDashboards: { create: true },
  },
  "extra objects": { ...few, extraObjects: [extra] },
  "what null takes away": {
    ...few,
    podSecurityContext: null,
    operatorSecurityContext: { capabilities: null },
    operatorPod: { resources: { limits: null }, env: null, topologySpreadConstraints: null },
    jobServiceAccount: { annotations: null },
    commonLabels: null,
    watchNamespaces: null,
  },
  "of a parent chart": { ...few, global: { a: 1 }, enabled: true },
  "a values file of the Apache operator": { ...few, ...apache },
};

describe("the same objects", () => {
  test.each(Object.entries(table))("%s", async (_name, values) => {
    expect(await rendered(values)).toEqual(own(values));
  });

  test.each(["sluice", "my-sluice-operator", "a".repeat(53)])("of release %s", async (name) => {
    expect(await rendered(few, name)).toEqual(own(few, name));
  });

  test("of any values", { timeout: 600_000 }, async () => {
    const { extraObjects: _, ...properties } = ROOT.properties ?? {};
    const any = valuesOf({ ...ROOT, properties });
    await fc.assert(
      fc.asyncProperty(any, async (values) => {
        const all = { ...(values as object), ...few };
        const read = readValues([all]);
        fc.pre(read.findings.length === 0);
        // Two names that are the same: the API server refuses it.
        const keys = installationObjects(read.values, release).map(keyOf);
        fc.pre(new Set(keys).size === keys.length);
        expect(await rendered(all)).toEqual(own(all));
      }),
      { numRuns: 60 },
    );
  });
});

/** Values of the right type, here and there. */
function valuesOf(schema: ValueSchema): fc.Arbitrary<unknown> {
  const text = fc.constantFrom("", "a", "team-b", "10.5", "yes", 'x: "y"\n', "{{ .Values }}", "a: b # c");
  const name = fc.constantFrom("a", "b-c", "example.com/d");
  const open = fc.dictionary(name, fc.oneof(text, fc.integer(), fc.boolean(), fc.array(text)), {
    maxKeys: 3,
  });
  if (schema.properties !== undefined) {
    const children = Object.entries(schema.properties).map(([key, child]) => [key, valuesOf(child)]);
    return fc.record(Object.fromEntries(children) as Record<string, fc.Arbitrary<unknown>>, {
      requiredKeys: [],
    });
  }
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema["x-kubernetes-int-or-string"])
    return fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant("25%"));
  if (schema.uniqueItems) return fc.uniqueArray(fc.constantFrom("a", "b", "c"), { maxLength: 3 });
  if (schema.type === "boolean") return fc.boolean();
  if (schema.type === "integer") return fc.integer({ min: 0, max: 70_000 });
  if (schema.type === "string") return text;
  if (schema.type === "array") return fc.array(open, { maxLength: 2 });
  return schema.additionalProperties === undefined ? open : fc.dictionary(name, text, { maxKeys: 3 });
}

const refused: [name: string, values: object, words: string][] = [
  ["a misspelt name", { watchNamespace: ["a"] }, "watchNamespace"],
  ["a misspelt name below", { image: { repo: "a" } }, "repo"],
  ["text for a list", { watchNamespaces: "a" }, "watchNamespaces"],
  ["text for a number", { replicas: "2" }, "replicas"],
  ["a number for a text", { image: { tag: 1.2 } }, "tag"],
  ["no such policy", { image: { pullPolicy: "Sometimes" } }, "pullPolicy"],
  ["a number for a label", { commonLabels: { a: 1 } }, "commonLabels"],
  ["a namespace twice", { watchNamespaces: ["a", "a"] }, "watchNamespaces"],
  [
    "two configurations",
    { defaultConfiguration: { "config.yaml": "a: b", "flink-conf.yaml": "a: b" } },
    "keep one of the two",
  ],
  [
    "the Apache operator's image",
    { image: { repository: "ghcr.io/apache/flink-kubernetes-operator" } },
    "Apache operator's image",
  ],
  ["no name", { fullnameOverride: "A b" }, "fullnameOverride"],
  ["no object", { extraObjects: [extra, { kind: "ConfigMap", metadata: {} }] }, "extraObjects[1]"],
];

test.each(refused)("refused by both: %s", async (_name, values, words) => {
  const { code, stderr } = await template(values);
  expect(code).not.toBe(0);
  expect(stderr).toContain(words);
  const { findings } = readValues([values as Record<string, unknown>]);
  expect(findings).not.toEqual([]);
  expect(JSON.stringify(findings)).toContain(words);
});

test("lint --strict has nothing to say", async () => {
  for (const values of [{}, apache]) {
    const { code, stdout } = await withValues(values, (file) =>
      run(["lint", "--strict", CHART, "--values", file]),
    );
    expect(stdout).not.toMatch(/\[(WARNING|ERROR)\]/);
    expect(code).toBe(0);
  }
});

test("a namespaced installation without CRDs and roles for people makes nothing outside of namespaces", () => {
  const objects = Object.values(own({ ...few, watchNamespaces: ["a"], rbac: { aggregateRoles: false } }));
  expect(objects.map(({ metadata }) => metadata.namespace)).not.toContain(undefined);
  expect(objects.filter(({ kind }) => kind.startsWith("Cluster"))).toEqual([]);
});

test("no right is a wildcard, and none is about Secrets but the webhook's about its own", () => {
  const webhook = Object.values(own({ ...few, webhook: { create: true } }));
  const secrets = webhook.flatMap(
    (object) => (object["rules"] ?? []) as { resources: string[]; resourceNames?: string[] }[],
  );
  expect(secrets.filter(({ resources }) => resources.includes("secrets"))).toEqual([
    {
      apiGroups: [""],
      resources: ["secrets"],
      resourceNames: ["flinks-sluice-webhook-certificates"],
      verbs: ["get", "update"],
    },
  ]);
  const rules = Object.values(own(few)).flatMap((object) => (object["rules"] ?? []) as object[]);
  expect(rules.length).toBeGreaterThan(10);
  expect(JSON.stringify(rules)).not.toMatch(/"\*"|secrets/);
});
