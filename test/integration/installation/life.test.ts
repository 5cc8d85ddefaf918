/**
 * The life of an installation on a real API server, by the real Helm and by `sluice install`: over what is there, beside
 * others, with monitoring, upgraded, away and back again. What only one of them does is at the end, and in
 * sluice-install.test.ts.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { customResourceDefinition } from "../../../src/api/crd.ts";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import { kinds } from "../../../src/api/kinds.ts";
import { type ApiTestbed, startApi } from "../../../testbed/api.ts";
import { builtPrograms } from "../../../testbed/lib/builds.ts";
import { applyCrds, deleteCrds } from "../../../testbed/lib/crds.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { CHART, helm, OVERWRITE } from "./helm.ts";
import { done, refused, type Way, withHelm, withSluice } from "./ways.ts";

/** The smallest. */
const SNAPSHOTS = "flinkstatesnapshots.flink.apache.org";

let api: ApiTestbed;
let kubectl: ApiTestbed["kubectl"];
let ways: Readonly<Record<string, Way>>;
let removeHelm: () => void;
/** The Prometheus Operator's own. */
let monitoringCrds: string;

beforeAll(async () => {
  // One of its own: the CRDs come and go here.
  api = await startApi();
  ({ kubectl } = api);
  const { run, remove } = await helm(api.kubeconfigPath);
  removeHelm = remove;
  ways = { Helm: withHelm(run), "sluice install": withSluice(api.kubeconfigPath) };
  monitoringCrds = await builtPrograms("prometheus-operator-crds");
});
afterAll(async () => {
  removeHelm();
  await api.stop();
});

async function there(...args: string[]): Promise<boolean> {
  return (await kubectl(["get", ...args, "--ignore-not-found", "-o", "name"])) !== "";
}

interface Crd {
  readonly spec: {
    readonly versions: readonly {
      schema: { openAPIV3Schema: { properties: { spec: { properties: object } } } };
    }[];
  };
}

/** As an earlier version may have it: without a field of the spec. */
function without<T extends object>(crd: T, field: string): T {
  const older = structuredClone(crd) as T & Crd;
  for (const { schema } of older.spec.versions) {
    const { spec } = schema.openAPIV3Schema.properties;
    const { [field]: _, ...properties } = spec.properties as Record<string, object>;
    spec.properties = properties;
  }
  return older;
}

async function knows(crd: string, field: string): Promise<boolean> {
  const path = `{.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.${field}.type}`;
  return (await kubectl(["get", "crd", crd, "-o", `jsonpath=${path}`])) !== "";
}

async function crdsServed(): Promise<void> {
  // A CRD that is new has no conditions yet, which kubectl takes for an error.
  const wait = ["wait", "--for=condition=Established", "crds", "--all", "--timeout=60s"];
  await waitFor("the CRDs are served", () => kubectl(wait), { deadline: 60_000 });
}

/** As `crds/` of another chart has left them: nobody's, and one of an earlier version. Those that are there lose their owner. */
async function leaveCrds(): Promise<void> {
  const crds = kinds.map(customResourceDefinition);
  const older = crds.map((crd) => (crd.metadata.name === SNAPSHOTS ? without(crd, "backoffLimit") : crd));
  if (await there("crd", SNAPSHOTS)) {
    await kubectl(["label", "crds", "--all", "app.kubernetes.io/managed-by-"]);
    const names = ["meta.helm.sh/release-name", "meta.helm.sh/release-namespace", "helm.sh/resource-policy"];
    await kubectl(["annotate", "crds", "--all", ...names.map((name) => `${name}-`)]);
    const smallest = older.find(({ metadata }) => metadata.name === SNAPSHOTS);
    await kubectl(["replace", "-f", "-"], JSON.stringify(smallest));
  } else await kubectl(["create", "-f", "-"], older.map((one) => JSON.stringify(one)).join("\n"));
  await crdsServed();
}

async function crdsGone(): Promise<void> {
  const gone = async (): Promise<boolean> =>
    !(await kubectl(["get", "crds", "-o", "name"])).includes("flink");
  await waitFor("Flink's CRDs are gone", gone, { deadline: 60_000 });
}

const job = {
  apiVersion: "flink.apache.org/v1beta1",
  kind: "FlinkDeployment",
  metadata: {
    name: "job",
    namespace: "default",
    finalizers: ["flinkdeployments.flink.apache.org/finalizer"],
  },
  spec: { image: "flink:2.2", flinkVersion: "v2_2" },
};
describe.each(["Helm", "sluice install"])("%s", (how) => {
  let way: Way;
  const namespace = how.replace(" ", "-").toLowerCase();
  const inPlace = ["-n", namespace];
  const release = { name: "sluice-operator", namespace };
  const other = { name: "other-sluice", namespace };
  /** Beside the release that has the CRDs. */
  const beside = ["--set", "crds.install=false,rbac.aggregateRoles=false,jobServiceAccount.create=false"];

  beforeAll(async () => {
    way = ways[how] as Way;
    await kubectl(["create", "namespace", namespace]);
    const enforce = "pod-security.kubernetes.io/enforce=restricted";
    await kubectl(["label", "namespace", namespace, enforce]);
    await leaveCrds();
  });

  test("CRDs of nobody are not taken over in silence", async () => {
    const words = await refused(way.install(release));
    expect(words).toMatch(/invalid ownership metadata|belongs to nobody that it names/);
    expect(words).toContain(".flink.apache.org");
    expect(await there("deployment", ...inPlace)).toBe(false);
  });

  test("they are taken over when that is wanted, and up to date then", async () => {
    expect(await knows(SNAPSHOTS, "backoffLimit")).toBe(false);
    const overwrite = how === "Helm" ? OVERWRITE : [];
    await done(way.install(release, "--take-ownership", ...overwrite));
    expect(await knows(SNAPSHOTS, "backoffLimit")).toBe(true);
    const by = "jsonpath={.items[*].metadata.labels.app\\.kubernetes\\.io/managed-by}";
    expect(await kubectl(["get", "crds", "-o", by])).toBe(kinds.map(() => way.tool).join(" "));
  });

  test("restricted Pod Security lets the pods pass, those of a second release beside it too", async () => {
    const values = "webhook.create=true,webhook.failurePolicy=Ignore,webhook.replicas=1";
    await done(way.install(other, ...beside, "--set", values));
    for (const name of ["sluice-operator", "other-sluice", "other-sluice-webhook"]) {
      const pods = (): Promise<boolean> => there("pods", ...inPlace, "-l", `app.kubernetes.io/name=${name}`);
      await waitFor(`the pod of ${name}`, pods, { deadline: 60_000 });
    }
  });

  test("what the webhook has written into its Secret and its configurations stays through an upgrade", async () => {
    const caBundle = Buffer.from(api.caPem).toString("base64");
    const secret = ["secret", "other-sluice-webhook-certificates", ...inPlace];
    const data = JSON.stringify({ data: { "tls.crt": caBundle } });
    await kubectl(["patch", ...secret, "--type=merge", "-p", data]);
    const configuration = ["validatingwebhookconfiguration", "other-sluice-webhook"];
    const patch = [{ op: "add", path: "/webhooks/0/clientConfig/caBundle", value: caBundle }];
    await kubectl(["patch", ...configuration, "--type=json", "-p", JSON.stringify(patch)]);

    const values = "webhook.create=true,webhook.failurePolicy=Ignore,commonLabels.a=b";
    await done(way.upgrade(other, ...beside, "--set", values));
    const bundle = "jsonpath={.webhooks[0].clientConfig.caBundle}{.metadata.labels.a}";
    expect(await kubectl(["get", ...configuration, "-o", bundle])).toBe(`${caBundle}b`);
    expect(await kubectl(["get", ...secret, "-o", "jsonpath={.data.tls\\.crt}"])).toBe(caBundle);

    await done(way.upgrade(other, ...beside));
    expect(await there(...configuration)).toBe(false);
  });

  test("a mistake changes nothing", async () => {
    const before = await kubectl(["get", "deployment", "other-sluice", ...inPlace, "-o", "yaml"]);
    const words = await refused(way.upgrade(other, ...beside, "--set", "replica=3,logLevel=debug"));
    expect(words).toContain("replica");
    expect(await kubectl(["get", "deployment", "other-sluice", ...inPlace, "-o", "yaml"])).toBe(before);
  });

  const monitoring = [
    ...beside,
    "--set",
    "webhook.create=true,webhook.failurePolicy=Ignore,grafanaDashboards.create=true",
    "--set",
    "podMonitor.create=true,podMonitor.interval=30s,serviceMonitor.create=true,prometheusRule.create=true",
  ];

  test("without the Prometheus Operator's CRDs its objects are refused by kind, and nothing is made", async () => {
    const words = await refused(way.upgrade(other, ...monitoring));
    for (const kind of ["PodMonitor", "ServiceMonitor", "PrometheusRule"]) expect(words).toContain(kind);
    expect(words).toMatch(/CRDs (?:are installed )?first/);
    expect(await there("service,configmap", ...inPlace, "-l", "grafana_dashboard=1")).toBe(false);
    expect(await there("service", "other-sluice-metrics", ...inPlace)).toBe(false);
  });

  test("with them the API server takes monitors, alerts and dashboards, and they go as they came", async () => {
    await applyCrds(kubectl, monitoringCrds);
    await done(way.upgrade(other, ...monitoring));
    const all = "podmonitor,servicemonitor,prometheusrule";
    expect((await kubectl(["get", all, ...inPlace, "-o", "name"])).trim().split("\n").toSorted()).toEqual([
      "podmonitor.monitoring.coreos.com/other-sluice",
      "podmonitor.monitoring.coreos.com/other-sluice-webhook",
      "prometheusrule.monitoring.coreos.com/other-sluice",
      "servicemonitor.monitoring.coreos.com/other-sluice",
      "servicemonitor.monitoring.coreos.com/other-sluice-webhook",
    ]);
    // What no schema knows is dropped: a field that is misspelt would be gone.
    const rule = "jsonpath={.spec.groups[*].rules[?(@.alert=='SluiceNotLeading')]}";
    const alert = JSON.parse(
      await kubectl(["get", "prometheusrule", "other-sluice", ...inPlace, "-o", rule]),
    ) as object;
    expect(alert).toMatchObject({
      expr: "absent(sluice_leader == 1)",
      for: "2m",
      labels: { severity: "critical" },
    });
    const dashboards = await kubectl([
      "get",
      "configmap",
      ...inPlace,
      "-l",
      "grafana_dashboard=1",
      "-o",
      "json",
    ]);
    const { items } = JSON.parse(dashboards) as { items: { data: Record<string, string> }[] };
    const titles = items.flatMap(({ data }) =>
      Object.values(data).map((text) => (JSON.parse(text) as { title: string }).title),
    );
    expect(titles).toContain("Flink / Job");
    expect(titles).toHaveLength(7);

    await done(way.upgrade(other, ...beside));
    expect(await there(`${all},configmap`, ...inPlace, "-l", "grafana_dashboard=1")).toBe(false);
    expect(await kubectl(["get", all, ...inPlace, "-o", "name"])).toBe("");
    await deleteCrds(kubectl, monitoringCrds);
  });

  test("uninstall leaves CRDs, resources, and what running jobs need", async () => {
    await done(way.uninstall(other));
    await kubectl(["apply", "-f", "-"], JSON.stringify(job));
    await done(way.uninstall(release));
    expect(await there("flinkdeployment", "job", "-n", "default")).toBe(true);
    const kept = ["serviceaccount/flink", "role/sluice-operator-job", "rolebinding/sluice-operator-job"];
    for (const one of kept) expect(await there(one, ...inPlace), one).toBe(true);
    const gone = ["deployment", "serviceaccount", "configmap"].map((kind) =>
      there(kind, ...inPlace, "-l", "app.kubernetes.io/name=sluice-operator"),
    );
    // The account `flink` has the label as well.
    expect(await Promise.all(gone)).toEqual([false, true, false]);
    expect(await there("role/sluice-operator-own", ...inPlace)).toBe(false);
    expect(await there("clusterrole/sluice-operator")).toBe(false);
  });
});

test("sluice install, over what stayed: CRDs go only when nothing is left of their kinds", async () => {
  const way = ways["sluice install"] as Way;
  const release = { name: "sluice-operator", namespace: "sluice-install" };
  await done(way.install(release, "--set", "crds.keep=false"));
  expect(await refused(way.uninstall(release))).toContain("the CRDs would go");
  const patch = '{"metadata":{"finalizers":null}}';
  await kubectl(["patch", "flinkdeployment", "job", "-n", "default", "--type=merge", "-p", patch]);
  await kubectl(["delete", "flinkdeployment", "job", "-n", "default"]);
  await done(way.uninstall(release));
  await crdsGone();
});

describe("Helm alone", () => {
  const release = { name: "sluice-operator", namespace: "away" };
  const inPlace = ["-n", "away"];
  let folder: string;
  /** With one CRD, which is enough here, in two versions. */
  let older: Way;
  let newer: Way;
  let removeOwn: () => void;

  function chart(name: string, change: (crd: KubeObject) => KubeObject): string {
    const copy = join(folder, name);
    cpSync(CHART, copy, { recursive: true });
    const crds = join(copy, "files/crds");
    for (const file of readdirSync(crds)) if (!file.startsWith(SNAPSHOTS)) rmSync(join(crds, file));
    const file = join(crds, `${SNAPSHOTS}.json`);
    writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, "utf8")) as KubeObject)));
    return copy;
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "sluice-chart-"));
    const { run, remove } = await helm(api.kubeconfigPath);
    removeOwn = remove;
    older = withHelm(
      run,
      chart("older", (crd) => without(crd, "backoffLimit")),
    );
    newer = withHelm(
      run,
      chart("newer", (crd) => crd),
    );
  });
  afterAll(() => {
    removeOwn();
    rmSync(folder, { recursive: true });
  });

  test("notes say what runs where, and which values have no effect", async () => {
    const notes = await done(
      older.install(release, "--create-namespace", "--set", "jvmArgs.operator=-Xmx1g"),
    );
    expect(notes).toContain(
      "runs as Deployment sluice-operator in namespace away, for Flink resources in all namespaces.",
    );
    expect(notes).toMatch(/without effect.*\n {2}jvmArgs\.operator\n/);
    expect(await knows(SNAPSHOTS, "backoffLimit")).toBe(false);
    expect(await there("pdb", "sluice-operator", ...inPlace)).toBe(false);
  });

  test("an upgrade brings CRDs up to date", async () => {
    await done(newer.upgrade(release, "--set", "replicas=2"));
    expect(await knows(SNAPSHOTS, "backoffLimit")).toBe(true);
    expect(await there("pdb", "sluice-operator", ...inPlace)).toBe(true);
  });

  test("a rollback takes them back as well", async () => {
    const { run, remove } = await helm(api.kubeconfigPath);
    await done(run(["rollback", "sluice-operator", "1", "--namespace", "away"])).finally(remove);
    expect(await there("pdb", "sluice-operator", ...inPlace)).toBe(false);
    expect(await knows(SNAPSHOTS, "backoffLimit")).toBe(false);
    await done(newer.uninstall(release));
    expect(await there("crd", SNAPSHOTS)).toBe(true);
  });

  test("installed again over what stayed; CRDs that are not to be kept go with the release", async () => {
    await done(newer.install(release, "--set", "crds.keep=false"));
    expect(await knows(SNAPSHOTS, "backoffLimit")).toBe(true);
    await done(newer.uninstall(release));
    await crdsGone();
  });
});
