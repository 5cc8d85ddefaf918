/**
 * From the Apache operator's chart to this one and back, in the order that docs/install.md gives, with the real Helm on a
 * real API server. The Apache chart is one of the test's own: with its objects' names and what its uninstallation leaves.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { customResourceDefinition } from "../../../src/api/crd.ts";
import { type FlinkDeployment, GENERATION_ANNOTATION } from "../../../src/api/flink-deployment.ts";
import { kinds } from "../../../src/api/kinds.ts";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import { renderCluster } from "../../../src/resources/cluster.ts";
import { type ApiTestbed, startApi } from "../../../testbed/api.ts";
import { repository } from "../../../testbed/lib/paths.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { kubeconfigOf, ownFolder, startOperator } from "../../support/operator.ts";
import { bringUpJob, type ScriptedFlink, startScriptedFlink } from "../../support/scripted-flink.ts";
import { CHART, helm, type HelmRun, OVERWRITE } from "./helm.ts";

const APACHE = "flink-kubernetes-operator";
const HERE = "flink";
const WEBHOOK = "flink-operator-flink-webhook-configuration";
/** What the documentation has the user run on them. */
const CRDS = kinds.map(({ plural }) => `crd/${plural}.flink.apache.org`);

let api: ApiTestbed;
let kubectl: ApiTestbed["kubectl"];
let run: HelmRun;
let flink: ScriptedFlink;
let folder: string;
const ends: (() => Promise<unknown> | void)[] = [];

/** As a user has them who began with a copy of the Apache chart's own: names and empty values included. */
const theirValues = {
  image: { repository: "ghcr.io/apache/flink-kubernetes-operator", tag: "latest", digest: "" },
  rbac: {
    operatorRole: { create: true, name: "flink-operator" },
    operatorRoleBinding: { create: true, name: "flink-operator-role-binding" },
    jobRole: { create: true, name: "flink" },
    jobRoleBinding: { create: true, name: "flink-role-binding" },
  },
  operatorServiceAccount: { create: true, name: "flink-operator" },
  jobServiceAccount: { create: true, annotations: { "helm.sh/resource-policy": "keep" }, name: "flink" },
  operatorPod: { priorityClassName: null, env: null, envFrom: null, webhook: { container: { env: null } } },
  podSecurityContext: { runAsUser: 9999, runAsGroup: 9999 },
  webhook: { create: true, keystore: { useDefaultPassword: true, passwordSecretRef: null } },
  defaultConfiguration: {
    "config.yaml": "kubernetes.operator.reconcile.interval: 15 s\n",
    "logback-operator.xml": null,
    "logback-console.xml": null,
  },
  metrics: { port: null },
};

/** Without what the Apache operator's CRDs have not. */
function theirCrd(crd: object): object {
  const copy = structuredClone(crd) as {
    spec: {
      versions: { schema: { openAPIV3Schema: { properties: Record<string, { properties?: object }> } } }[];
    };
  };
  for (const { schema } of copy.spec.versions) {
    const { status } = schema.openAPIV3Schema.properties;
    const { history: _, ...properties } = (status?.properties ?? {}) as Record<string, object>;
    if (status !== undefined) status.properties = properties;
  }
  return copy;
}

function theirObjects(): KubeObject[] {
  const rbac = "rbac.authorization.k8s.io/v1";
  const labels = { "app.kubernetes.io/name": APACHE };
  const rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }];
  const keep = { annotations: { "helm.sh/resource-policy": "keep" } };
  const account = (name: string): object[] => [{ kind: "ServiceAccount", name, namespace: HERE }];
  const apiGroup = "rbac.authorization.k8s.io";
  const spec = { serviceAccountName: "flink-operator", containers: [{ name: APACHE, image: "apache:dev" }] };
  const webhook = (kind: string, name: string): KubeObject => ({
    apiVersion: "admissionregistration.k8s.io/v1",
    kind,
    metadata: { name: WEBHOOK },
    webhooks: [
      {
        name,
        admissionReviewVersions: ["v1"],
        sideEffects: "None",
        failurePolicy: "Fail",
        clientConfig: { service: { name: "flink-operator-webhook-service", namespace: HERE, path: "/" } },
        rules: [
          {
            apiGroups: ["flink.apache.org"],
            apiVersions: ["*"],
            resources: ["flinkdeployments"],
            operations: ["CREATE", "UPDATE"],
          },
        ],
      },
    ],
  });
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "flink-operator", namespace: HERE } },
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "flink", namespace: HERE, ...keep } },
    { apiVersion: rbac, kind: "ClusterRole", metadata: { name: "flink-operator" }, rules },
    {
      apiVersion: rbac,
      kind: "ClusterRoleBinding",
      metadata: { name: "flink-operator-role-binding" },
      roleRef: { apiGroup, kind: "ClusterRole", name: "flink-operator" },
      subjects: account("flink-operator"),
    },
    { apiVersion: rbac, kind: "Role", metadata: { name: "flink", namespace: HERE, ...keep }, rules },
    {
      apiVersion: rbac,
      kind: "RoleBinding",
      metadata: { name: "flink-role-binding", namespace: HERE, ...keep },
      roleRef: { apiGroup, kind: "Role", name: "flink" },
      subjects: account("flink"),
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: APACHE, namespace: HERE },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec },
      },
    },
    webhook("ValidatingWebhookConfiguration", "validationwebhook.flink.apache.org"),
    webhook("MutatingWebhookConfiguration", "mutationwebhook.flink.apache.org"),
  ];
}

function theirChart(): string {
  const chart = join(folder, APACHE);
  mkdirSync(join(chart, "templates"), { recursive: true });
  writeFileSync(join(chart, "Chart.yaml"), stringify({ apiVersion: "v2", name: APACHE, version: "1.0.0" }));
  writeFileSync(
    join(chart, "templates/all.yaml"),
    theirObjects()
      .map((one) => stringify(one))
      .join("---\n"),
  );
  return chart;
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The block of the documentation that is laid over a user's values. */
function documented(): string {
  const page = readFileSync(join(repository, "docs/install.md"), "utf8");
  const [block] = [...page.matchAll(/```yaml\n\s*# sluice\.yaml\n([^`]*)```/g)].map(([, text]) => text);
  if (block === undefined) throw new Error("docs/install.md has no sluice.yaml");
  expect(Object.keys(parse(block) as object)).toContain("operatorServiceAccount");
  return block;
}

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args);
  if (code !== 0) throw new Error(`helm ${args.join(" ")}: ${stderr}`);
  return stdout;
}

async function names(what: string, ...where: string[]): Promise<string[]> {
  return (await kubectl(["get", what, ...where, "-o", "name"])).trim().split("\n");
}

async function job(): Promise<FlinkDeployment> {
  return JSON.parse(await kubectl(["get", "flinkdep", "job", "-n", HERE, "-o", "json"])) as FlinkDeployment;
}

async function jobManager(): Promise<KubeObject> {
  return JSON.parse(await kubectl(["get", "deployment", "job", "-n", HERE, "-o", "json"])) as KubeObject;
}

/** What Flink's client makes of the job, as the Apache operator has it. */
async function theirCluster({ apiVersion, kind, metadata, spec, status }: FlinkDeployment): Promise<void> {
  const { name, uid = "" } = metadata;
  const { deployment, owned } = renderCluster({
    owner: { name, namespace: HERE, uid },
    spec,
    generation: 1,
    jobId: status?.jobStatus?.jobId ?? "",
    restore: { kind: "none" },
    attemptId: "",
    defaults: {},
  });
  const annotations = { [GENERATION_ANNOTATION]: "1" };
  const ownerReferences = [{ apiVersion, kind, name, uid, blockOwnerDeletion: true, controller: false }];
  const theirs = { ...deployment, metadata: { ...deployment.metadata, annotations, ownerReferences } };
  await kubectl(["create", "-f", "-"], [...owned, theirs].map((one) => stringify(one)).join("---\n"));
}

beforeAll(async () => {
  api = await startApi();
  ends.push(() => api.stop());
  ({ kubectl } = api);
  folder = mkdtempSync(join(tmpdir(), "sluice-apache-"));
  ends.push(() => rmSync(folder, { recursive: true }));
  const { run: helmRun, remove } = await helm(api.kubeconfigPath);
  run = helmRun;
  ends.push(remove);
  flink = await startScriptedFlink("job");
  ends.push(() => flink.close());

  const recorded = join(repository, "test/data/apache-operator/1.16-running.yaml");
  const { metadata: _, status, ...left } = parse(readFileSync(recorded, "utf8")) as FlinkDeployment;
  await kubectl(["create", "namespace", HERE]);
  const crds = kinds.map((kind) => JSON.stringify(theirCrd(customResourceDefinition(kind))));
  await kubectl(["create", "-f", "-"], crds.join("\n"));
  const metadata = {
    name: "job",
    namespace: HERE,
    finalizers: ["flinkdeployments.flink.apache.org/finalizer"],
  };
  // Before their webhook is asked, which is nowhere.
  const create = (): Promise<string> => kubectl(["create", "-f", "-"], JSON.stringify({ ...left, metadata }));
  await waitFor("the CRDs to be served", create, { deadline: 60_000 });
  const written = { ...status, observedGeneration: 1 };
  const patch = JSON.stringify({ status: written });
  await kubectl([
    "patch",
    "flinkdep",
    "job",
    "-n",
    HERE,
    "--subresource=status",
    "--type=merge",
    "-p",
    patch,
  ]);
  await theirCluster(await job());
  await ok("install", APACHE, theirChart(), "--namespace", HERE);
});
afterAll(async () => {
  for (const end of ends.toReversed()) await end();
});

const install = (...more: string[]): Promise<Awaited<ReturnType<HelmRun>>> =>
  run([
    "install",
    "sluice-operator",
    CHART,
    "-n",
    "sluice-system",
    "--create-namespace",
    ...OVERWRITE,
    ...more,
  ]);

test("1. stopped: as long as its webhook's configuration is there, no spec can be changed", async () => {
  await kubectl(["-n", HERE, "scale", "deployment", APACHE, "--replicas=0"]);
  const touch = ["annotate", "flinkdep", "job", "-n", HERE, "a=b", "--overwrite"];
  await expect(kubectl(touch)).rejects.toThrow("failed calling webhook");
  const both = "validatingwebhookconfiguration,mutatingwebhookconfiguration";
  await kubectl(["delete", both, WEBHOOK]);
  const free = (): Promise<string> => kubectl(touch);
  await waitFor("the API server to ask nobody", free, { deadline: 30_000 });
});

let before: FlinkDeployment;
let jobManagerBefore: KubeObject;

test("2. a values file as it is, is refused by what does not fit, one after the other", async () => {
  const values = file("values.yaml", stringify(theirValues));
  const image = await install("--values", values);
  expect(image.stderr).toContain("image.repository: is the Apache operator's image");
  const named = ["--values", values, "--set", "image.repository=registry.example/sluice"];
  expect((await install(...named)).stderr).toMatch(/CustomResourceDefinition .* cannot be imported/);

  before = await job();
  jobManagerBefore = await jobManager();
  await kubectl(["label", ...CRDS, "app.kubernetes.io/managed-by=Helm"]);
  const owner = ["meta.helm.sh/release-name=sluice-operator", "meta.helm.sh/release-namespace=sluice-system"];
  await kubectl(["annotate", ...CRDS, ...owner]);
  // Taken over, it would go when the Apache release goes.
  const rest = await install(...named, "--set", "crds.install=false");
  expect(rest.stderr).toMatch(/ClusterRole "flink-operator".* cannot be imported/);
});

test("2. with what the documentation lays over it, the release goes beside; values mean the same", async () => {
  const over = file("sluice.yaml", documented());
  const { code, stdout, stderr } = await install("--values", join(folder, "values.yaml"), "--values", over);
  expect(stderr).not.toContain("Error");
  expect(code).toBe(0);
  expect(stdout).toContain("metrics.port");
  const place = ["-n", "sluice-system"];
  const config = "jsonpath={.data.config\\.yaml}";
  expect(await kubectl(["get", "configmap", "sluice-operator-config", ...place, "-o", config])).toBe(
    theirValues.defaultConfiguration["config.yaml"],
  );
  const user = "jsonpath={.spec.template.spec.securityContext.runAsUser}";
  expect(await kubectl(["get", "deployment", "sluice-operator", ...place, "-o", user])).toBe("9999");
  // Null in it stands in no upgrade's way.
  const again = ["--namespace", "sluice-system", "--reuse-values", "--dry-run"];
  await ok("upgrade", "sluice-operator", CHART, ...again);
});

test("2. the CRDs have what they had and more, and nothing of the resource has changed", async () => {
  const path = "{.spec.versions[0].schema.openAPIV3Schema.properties.status.properties.history.type}";
  const crd = ["get", "crd", "flinkdeployments.flink.apache.org", "-o", `jsonpath=${path}`];
  expect(await kubectl(crd)).toBe("array");
  const { spec, status, metadata } = await job();
  expect(metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  expect({ spec, status }).toEqual({ spec: before.spec, status: before.status });
});

test("3. the operator, with the rights of the release, takes the job on and does not touch it", async () => {
  const [own, remove] = await ownFolder();
  const kubeconfig = await kubeconfigOf(api, own, { namespace: "sluice-system", name: "sluice-operator" });
  const stop = startOperator({ kubeconfig, flinkClients: flink.clients });
  try {
    await bringUpJob({ ...api, kubectlPath: "" }, HERE, flink.cluster);
    const after = await job();
    const { lastReconciledSpec, lastStableSpec } = before.status?.reconciliationStatus ?? {};
    expect(after.metadata.generation).toBe(before.metadata.generation);
    expect(after.spec).toEqual(before.spec);
    expect(after.status?.reconciliationStatus).toMatchObject({ lastReconciledSpec, lastStableSpec });
    expect(after.status?.jobStatus?.jobId).toBe(before.status?.jobStatus?.jobId);
    expect(after.status).toMatchObject({ lifecycleState: "STABLE" });
    const { uid, generation } = (await jobManager()).metadata;
    expect({ uid, generation }).toEqual({
      uid: jobManagerBefore.metadata.uid,
      generation: jobManagerBefore.metadata.generation,
    });
    expect(flink.handle.requests.filter((one) => !one.startsWith("GET"))).toEqual([]);
    const reasons = "jsonpath={.items[?(@.involvedObject.kind=='FlinkDeployment')].reason}";
    expect(await kubectl(["get", "events", "-n", HERE, "-o", reasons])).not.toMatch(
      /Submit|SpecChanged|Suspended/,
    );
  } finally {
    await stop();
    await remove();
  }
});

test("back: the Apache release is as it was, its objects untouched", async () => {
  await ok("uninstall", "sluice-operator", "--namespace", "sluice-system");
  expect((await job()).metadata.deletionTimestamp).toBeUndefined();
  await ok("upgrade", APACHE, join(folder, APACHE), "--namespace", HERE, "--reuse-values", ...OVERWRITE);
  const replicas = "jsonpath={.spec.replicas}";
  expect(await kubectl(["get", "deployment", APACHE, "-n", HERE, "-o", replicas])).toBe("1");
  const all = await names("clusterrole,clusterrolebinding,validatingwebhookconfiguration");
  expect(all).toEqual(
    expect.arrayContaining([
      "clusterrole.rbac.authorization.k8s.io/flink-operator",
      "clusterrolebinding.rbac.authorization.k8s.io/flink-operator-role-binding",
      `validatingwebhookconfiguration.admissionregistration.k8s.io/${WEBHOOK}`,
    ]),
  );
  expect(all.filter((name) => name.includes("sluice"))).toEqual([]);
});

test("4. for good: the Apache release goes, and leaves what jobs and Sluice need", async () => {
  const files = ["--values", join(folder, "values.yaml"), "--values", join(folder, "sluice.yaml")];
  // The CRDs are there, and as they should be.
  expect((await install(...files, "--set", "crds.install=false")).stderr).not.toContain("Error");
  await ok("uninstall", APACHE, "--namespace", HERE);
  expect(await names("serviceaccount,role,rolebinding", "-n", HERE)).toEqual([
    "serviceaccount/default",
    "serviceaccount/flink",
    "role.rbac.authorization.k8s.io/flink",
    "rolebinding.rbac.authorization.k8s.io/flink-role-binding",
  ]);
  const rights = await names("clusterrole,clusterrolebinding");
  expect(rights).toContain("clusterrole.rbac.authorization.k8s.io/sluice-operator");
  expect(rights).toContain("clusterrolebinding.rbac.authorization.k8s.io/sluice-operator");
  expect(await names("crds")).toHaveLength(kinds.length);
  expect((await job()).spec).toEqual(before.spec);
});
