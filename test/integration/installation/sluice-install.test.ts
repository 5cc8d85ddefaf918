/** `sluice install`, `upgrade` and `uninstall` on a real API server. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiTestbed, startApi } from "../../../testbed/api.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { type Run, sluice } from "../cli/support.ts";
import { CHART, helm, objectsIn } from "./helm.ts";

const CRD = "flinkdeployments.flink.apache.org";

let api: ApiTestbed;
let kubectl: ApiTestbed["kubectl"];
beforeAll(async () => {
  api = await startApi();
  ({ kubectl } = api);
});
afterAll(() => api.stop());

const run = (args: readonly string[], stdin = ""): Promise<Run> =>
  sluice(api.kubeconfigPath, args, { stdin });

async function ok(...args: string[]): Promise<Run> {
  const ran = await run(args);
  expect(ran.stderr).not.toContain("error:");
  expect(ran.code).toBe(0);
  return ran;
}

async function there(...args: string[]): Promise<boolean> {
  return (await kubectl(["get", ...args, "--ignore-not-found", "-o", "name"])) !== "";
}

const inPlace = ["-n", "sluice-system"];

test("-o yaml prints the objects and asks no cluster", async () => {
  const { code, stdout } = await sluice("/nowhere", ["install", "-o", "yaml", "--set", "crds.install=false"]);
  expect(code).toBe(0);
  expect(objectsIn(stdout).map(({ kind }) => kind)).toContain("Deployment");
});

test("mistakes are named, all at once, before anything is done", async () => {
  const { code, stderr } = await run(["install", "--set", "replica=2,image.pullPolicy=never,a.b[0]=c"]);
  expect(code).toBe(1);
  for (const path of ["replica", "image.pullPolicy", "a"]) expect(stderr).toContain(`\n  ${path}: `);
  expect(await there("namespace", "sluice-system")).toBe(false);
  expect((await run(["install", "--set", "replicas"])).code).toBe(2);
});

test("a dry run changes nothing", async () => {
  const { stdout } = await ok("install", "--dry-run");
  expect(stdout).toContain("deployment.apps/sluice-operator created (dry run)");
  expect(await there("namespace", "sluice-system")).toBe(false);
});

test("upgrade and uninstall say when there is nothing", async () => {
  for (const command of ["upgrade", "uninstall"]) {
    const { code, stderr } = await run([command]);
    expect(code).toBe(4);
    expect(stderr).toContain("there is no installation sluice-operator in namespace sluice-system");
  }
});

test("install waits until the operator is ready, and says for what", async () => {
  const installing = run(["install", "--set", "podDisruptionBudget.create=false,replicas=2"]);
  // There is no node: the test is the kubelet.
  const selector = ["-l", "app.kubernetes.io/name=sluice-operator", "-o", "name"];
  const pods = async (): Promise<string[]> => {
    const found = (await kubectl(["get", "pods", ...inPlace, ...selector])).trim().split("\n");
    if (found.length < 2) throw new Error(`${found.length} pods`);
    return found;
  };
  const names = await waitFor("two pods", pods, { deadline: 90_000 });
  const condition = { type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" };
  const patch = JSON.stringify({ status: { phase: "Running", conditions: [condition] } });
  for (const name of names)
    await kubectl(["patch", name, ...inPlace, "--subresource=status", "--type=merge", "-p", patch]);
  const { code, stdout, stderr } = await installing;
  expect(stderr).toMatch(/[01] of 2 pods of Deployment sluice-operator ready/);
  expect(code).toBe(0);
  expect(stdout).toContain("namespace/sluice-system created");
  expect(stdout).toContain(`customresourcedefinition.apiextensions.k8s.io/${CRD} created`);
});

test("a second install is refused; an upgrade without values keeps them and changes nothing", async () => {
  const again = await run(["install"]);
  expect(again.code).toBe(1);
  expect(again.stderr).toContain("sluice upgrade");
  const { stdout } = await ok("upgrade", "--no-wait");
  expect(
    new Set(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split(" ")[1]),
    ),
  ).toEqual(new Set(["unchanged"]));
});

test("an upgrade prunes what is not wanted any more, and changes what is", async () => {
  await ok("upgrade", "--no-wait", "--reuse-values", "--set", "networkPolicy.create=true");
  expect(await there("networkpolicy", "sluice-operator", ...inPlace)).toBe(true);
  const server = await ok("upgrade", "--no-wait", "--set", "replicas=3", "--dry-run=server");
  expect(server.stdout).toContain("networkpolicy.networking.k8s.io/sluice-operator pruned (server dry run)");
  expect(await there("networkpolicy", "sluice-operator", ...inPlace)).toBe(true);
  const { stdout } = await ok("upgrade", "--no-wait", "--set", "replicas=3");
  expect(stdout).toContain("networkpolicy.networking.k8s.io/sluice-operator pruned");
  expect(stdout).toContain("deployment.apps/sluice-operator configured");
  expect(await there("networkpolicy", "sluice-operator", ...inPlace)).toBe(false);
});

test("what was begun and broken off is finished by the next upgrade", async () => {
  // As after a kill between record and deed: recorded, and not there.
  await ok("upgrade", "--no-wait", "--reuse-values", "--set", "networkPolicy.create=true");
  await kubectl(["delete", "deployment,networkpolicy", "sluice-operator", ...inPlace]);
  const { stdout } = await ok("upgrade", "--no-wait", "--set", "replicas=1");
  expect(stdout).toContain("deployment.apps/sluice-operator created");
});

test("what the webhook has written into its Secret and its configurations stays through an upgrade", async () => {
  const webhook = "webhook.create=true,webhook.failurePolicy=Ignore";
  await ok("upgrade", "--no-wait", "--set", webhook);
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
  const { stdout } = await ok(
    "upgrade",
    "--no-wait",
    "--reuse-values",
    "--set",
    "webhook.replicas=1,commonLabels.a=b",
  );
  expect(stdout).toContain(
    "validatingwebhookconfiguration.admissionregistration.k8s.io/sluice-operator-webhook configured",
  );
  const bundle = "jsonpath={.webhooks[0].clientConfig.caBundle}";
  expect(await kubectl(["get", ...configuration, "-o", bundle])).toBe(caBundle);
  expect(await kubectl(["get", ...secret, "-o", "jsonpath={.data.tls\\.crt}"])).toBe(caBundle);
  await ok("upgrade", "--no-wait", "--set", "replicas=1");
  expect(await there(...configuration)).toBe(false);
});

test("time-out: said, with the reason, and nothing is taken back", async () => {
  const { code, stderr } = await run(["upgrade", "--timeout", "1s"]);
  expect(code).toBe(3);
  expect(stderr).toContain("0 of 1 pods of Deployment sluice-operator ready");
  expect(await there("deployment", "sluice-operator", ...inPlace)).toBe(true);
});

test("objects of others are taken over only when that is wanted", async () => {
  const { run: helmRun, remove } = await helm(api.kubeconfigPath);
  await kubectl(["create", "namespace", "other"]);
  const values =
    "crds.install=false,rbac.aggregateRoles=false,rbac.operatorRole.name=x,rbac.operatorRoleBinding.name=x";
  const { code, stderr } = await helmRun([
    "install",
    "mine",
    CHART,
    "-n",
    "other",
    "--set",
    `fullnameOverride=sluice-operator,${values}`,
  ]);
  expect(stderr).not.toContain("Error");
  expect(code).toBe(0);
  remove();
  const refused = await run([
    "install",
    "-n",
    "other",
    "--set",
    "crds.install=false,rbac.aggregateRoles=false",
    "--no-wait",
  ]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(
    "deployment.apps/sluice-operator, which belongs to release mine of Helm in namespace other",
  );
  expect(refused.stderr).toContain("--take-ownership");
  // Nothing was recorded: the next one is an installation as well.
  await ok("install", "-n", "other", "--set", values, "--no-wait", "--take-ownership");
});

test("uninstall says what stays; it refuses what would never end, and goes on with --force", async () => {
  const resource = {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkDeployment",
    metadata: {
      name: "job",
      namespace: "default",
      finalizers: ["flinkdeployments.flink.apache.org/finalizer"],
    },
    spec: {},
  };
  await kubectl(["apply", "-f", "-"], JSON.stringify(resource));
  const dry = await ok("uninstall", "--dry-run");
  expect(dry.stderr).toContain("flinkdeployment.flink.apache.org/job in default");
  expect(dry.stdout).toContain("deployment.apps/sluice-operator deleted (dry run)");
  expect(await there("deployment", "sluice-operator", ...inPlace)).toBe(true);

  await kubectl(["delete", "flinkdeployment", "job", "-n", "default", "--wait=false"]);
  const refused = await run(["uninstall"]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("these are being deleted, which never ends without an operator");
  expect(await there("deployment", "sluice-operator", ...inPlace)).toBe(true);

  const { stdout, stderr } = await ok("uninstall", "--force");
  expect(stdout).toContain("deployment.apps/sluice-operator deleted");
  expect(stderr).toContain("serviceaccount/flink stays");
  for (const gone of [
    "deployment/sluice-operator",
    "secret/sluice-installation-sluice-operator",
    "configmap/sluice-operator-config",
  ])
    expect(await there(gone, ...inPlace), gone).toBe(false);
  expect(await there("crd", CRD)).toBe(true);
  expect(await there("serviceaccount", "flink", ...inPlace)).toBe(true);
});

test("installed again over what stayed; CRDs go only when nothing is left of their kinds", async () => {
  await ok("install", "--no-wait", "--set", "crds.keep=false");
  const refused = await run(["uninstall"]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("the CRDs would go");
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
  const gone = async (): Promise<boolean> => !(await there("flinkdeployment", "job", "-n", "default"));
  await waitFor("the resource is gone", gone, { deadline: 30_000 });
  await ok("uninstall");
  const without = async (): Promise<boolean> => !(await there("crd", CRD));
  await waitFor("the CRDs are gone", without, { deadline: 60_000 });
});
