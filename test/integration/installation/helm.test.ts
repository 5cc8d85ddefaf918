/** The chart with the real Helm on a real API server: install, upgrade, rollback, uninstall, and over what is there. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiTestbed, startApi } from "../../../testbed/api.ts";
import { repository } from "../../../testbed/lib/paths.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { CHART, type HelmRun, helm } from "./helm.ts";

const CRD = "flinkdeployments.flink.apache.org";

let api: ApiTestbed;
let run: HelmRun;
let removeHelm: () => void;
let kubectl: ApiTestbed["kubectl"];

beforeAll(async () => {
  // One of its own: the CRDs come and go here.
  api = await startApi();
  ({ kubectl } = api);
  ({ run, remove: removeHelm } = await helm(api.kubeconfigPath));
});
afterAll(async () => {
  removeHelm();
  await api.stop();
});

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args);
  if (code !== 0) throw new Error(`helm ${args.join(" ")}: ${stderr}`);
  return stdout;
}

async function refusal(...args: string[]): Promise<string> {
  const { code, stderr } = await run(args);
  expect(code).not.toBe(0);
  return stderr;
}

async function there(...args: string[]): Promise<boolean> {
  return (await kubectl(["get", ...args, "--ignore-not-found", "-o", "name"])) !== "";
}

/** The chart as an earlier version may have been: without a field. */
function olderChart(): { readonly chart: string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "sluice-chart-"));
  const chart = join(folder, "sluice");
  cpSync(CHART, chart, { recursive: true });
  const file = join(chart, "files/crds", `${CRD}.json`);
  const crd = JSON.parse(readFileSync(file, "utf8")) as {
    spec: { versions: { schema: { openAPIV3Schema: { properties: { spec: { properties: object } } } } }[] };
  };
  for (const { schema } of crd.spec.versions) {
    const { spec } = schema.openAPIV3Schema.properties;
    const { imagePullPolicy: _, ...properties } = spec.properties as Record<string, object>;
    spec.properties = properties;
  }
  writeFileSync(file, JSON.stringify(crd));
  return { chart, remove: () => rmSync(folder, { recursive: true }) };
}

async function knowsField(name: string): Promise<boolean> {
  const path = `{.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.${name}.type}`;
  return (await kubectl(["get", "crd", CRD, "-o", `jsonpath=${path}`])) !== "";
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

describe("the life of a release", () => {
  const place = ["--namespace", "sluice-system"];
  const inPlace = ["-n", "sluice-system"];

  test("install: an older version, under restricted Pod Security", async () => {
    await kubectl(["create", "namespace", "sluice-system"]);
    const enforce = "pod-security.kubernetes.io/enforce=restricted";
    await kubectl(["label", "namespace", "sluice-system", enforce]);
    const { chart, remove } = olderChart();
    const notes = await ok(
      "install",
      "sluice-operator",
      chart,
      ...place,
      "--set",
      "jvmArgs.operator=-Xmx1g",
    ).finally(remove);
    expect(notes).toContain(
      "runs as Deployment sluice-operator in namespace sluice-system, for Flink resources in all namespaces.",
    );
    expect(notes).toMatch(/without effect.*\n {2}jvmArgs\.operator\n/);
    expect(await knowsField("image")).toBe(true);
    expect(await knowsField("imagePullPolicy")).toBe(false);
    const pods = async (): Promise<boolean> =>
      there("pods", ...inPlace, "-l", "app.kubernetes.io/name=sluice-operator");
    await waitFor("the operator's pod, which Pod Security lets pass", pods, { deadline: 60_000 });
    expect(await there("pdb", "sluice-operator", ...inPlace)).toBe(false);
  });

  test("upgrade: CRDs too", async () => {
    await ok("upgrade", "sluice-operator", CHART, ...place, "--set", "replicas=2");
    expect(await knowsField("imagePullPolicy")).toBe(true);
    expect(await there("pdb", "sluice-operator", ...inPlace)).toBe(true);
    const replicas = await kubectl([
      "get",
      "deployment",
      "sluice-operator",
      ...inPlace,
      "-o",
      "jsonpath={.spec.replicas}",
    ]);
    expect(replicas).toBe("2");
  });

  test("what the webhook has written into its Secret and its configurations stays through an upgrade", async () => {
    const webhook = "webhook.create=true,webhook.failurePolicy=Ignore";
    await ok("upgrade", "sluice-operator", CHART, ...place, "--set", webhook);
    const caBundle = Buffer.from(api.caPem).toString("base64");
    const secret = ["secret", "sluice-operator-webhook-certificates", ...inPlace];
    await kubectl([
      "patch",
      ...secret,
      "--type=merge",
      "-p",
      JSON.stringify({ data: { "tls.crt": caBundle } }),
    ]);
    const configuration = ["validatingwebhookconfiguration", "sluice-operator-webhook"];
    const patch = [{ op: "add", path: "/webhooks/0/clientConfig/caBundle", value: caBundle }];
    await kubectl(["patch", ...configuration, "--type=json", "-p", JSON.stringify(patch)]);
    await ok("upgrade", "sluice-operator", CHART, ...place, "--set", `${webhook},commonLabels.a=b`);
    const bundle = "jsonpath={.webhooks[0].clientConfig.caBundle}{.metadata.labels.a}";
    expect(await kubectl(["get", ...configuration, "-o", bundle])).toBe(`${caBundle}b`);
    expect(await kubectl(["get", ...secret, "-o", "jsonpath={.data.tls\\.crt}"])).toBe(caBundle);
    await ok("upgrade", "sluice-operator", CHART, ...place, "--set", "replicas=2");
    expect(await there(...configuration)).toBe(false);
  });

  test("a mistake changes nothing", async () => {
    const words = await refusal("upgrade", "sluice-operator", CHART, ...place, "--set", "replica=3");
    expect(words).toContain("replica");
    expect(await ok("history", "sluice-operator", ...place, "-o", "json")).not.toContain("failed");
  });

  test("rollback", async () => {
    await ok("rollback", "sluice-operator", "1", ...place);
    expect(await there("pdb", "sluice-operator", ...inPlace)).toBe(false);
    expect(await knowsField("imagePullPolicy")).toBe(false);
  });

  test("uninstall leaves CRDs, resources, and what running jobs need", async () => {
    await kubectl(["apply", "-f", "-"], JSON.stringify(job));
    await ok("uninstall", "sluice-operator", ...place);
    expect(await there("flinkdeployment", "job", "-n", "default")).toBe(true);
    for (const kept of [
      "serviceaccount/flink",
      "role/sluice-operator-job",
      "rolebinding/sluice-operator-job",
    ])
      expect(await there(kept, ...inPlace), kept).toBe(true);
    for (const gone of [
      "deployment/sluice-operator",
      "serviceaccount/sluice-operator",
      "role/sluice-operator-own",
    ])
      expect(await there(gone, ...inPlace), gone).toBe(false);
    expect(await there("clusterrole/sluice-operator")).toBe(false);
  });

  test("installed again over what stayed", async () => {
    await ok("install", "sluice-operator", CHART, ...place);
    expect(await knowsField("imagePullPolicy")).toBe(true);
    await ok("uninstall", "sluice-operator", ...place);
  });
});

describe("over the CRDs and the account of another operator", () => {
  const place = ["--namespace", "flink"];

  beforeAll(async () => {
    await kubectl(["create", "namespace", "flink"]);
    // As `crds/` of a chart leaves them: nobody's. And an account which another release has left behind.
    await kubectl(["delete", "crd", "--all", "--wait=false"]);
    await kubectl([
      "patch",
      "flinkdeployment",
      "job",
      "-n",
      "default",
      "--type=merge",
      "-p",
      '{"metadata":{"finalizers":null}}',
    ]);
    const gone = async (): Promise<boolean> => (await kubectl(["get", "crd", "-o", "name"])).trim() === "";
    await waitFor("the CRDs are gone", gone, { deadline: 60_000 });
    await kubectl(["create", "-f", join(repository, "deploy/crds")]);
    await kubectl(["create", "serviceaccount", "flink", "-n", "flink"]);
    await kubectl(["label", "serviceaccount", "flink", "-n", "flink", "app.kubernetes.io/managed-by=Helm"]);
    const owner = [
      "meta.helm.sh/release-name=flink-kubernetes-operator",
      "meta.helm.sh/release-namespace=flink",
    ];
    await kubectl(["annotate", "serviceaccount", "flink", "-n", "flink", ...owner]);
  });

  test("they are not taken over in silence", async () => {
    const words = await refusal("install", "sluice-operator", CHART, ...place);
    expect(words).toContain("invalid ownership metadata");
  });

  test("left out, the release goes beside them", async () => {
    const without = "crds.install=false,jobServiceAccount.create=false";
    const notes = await ok("install", "sluice-operator", CHART, ...place, "--set", without);
    expect(notes).toContain("CRDs are not part of this release");
    // Jobs that run with that account have their rights by a role of this release as well.
    const subject = await kubectl([
      "get",
      "rolebinding",
      "sluice-operator-job",
      "-n",
      "flink",
      "-o",
      "jsonpath={.subjects[0].name}",
    ]);
    expect(subject).toBe("flink");
    await ok("uninstall", "sluice-operator", ...place);
  });

  test("taken over with --take-ownership, and up to date then", async () => {
    await kubectl(["delete", "role,rolebinding", "sluice-operator-job", "-n", "flink"]);
    await ok("install", "sluice-operator", CHART, ...place, "--take-ownership");
    const owner = await kubectl([
      "get",
      "crd",
      CRD,
      "-o",
      "jsonpath={.metadata.annotations.meta\\.helm\\.sh/release-name}",
    ]);
    expect(owner).toBe("sluice-operator");
    await ok("uninstall", "sluice-operator", ...place);
    expect(await there("crd", CRD)).toBe(true);
  });
});

test("CRDs that are not to be kept go with the release", async () => {
  await kubectl(["create", "namespace", "gone"]);
  const args = ["--namespace", "gone", "--take-ownership", "--set", "crds.keep=false"];
  await ok("install", "sluice-operator", CHART, ...args);
  await ok("uninstall", "sluice-operator", "--namespace", "gone");
  const gone = async (): Promise<boolean> => !(await there("crd", CRD));
  await waitFor("the CRDs are gone", gone, { deadline: 60_000 });
});
