/** What `sluice install`, `upgrade` and `uninstall` do and Helm does not, on a real API server. The rest: life.test.ts. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { applyCrds, deleteCrds } from "../../../testbed/lib/crds.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { type ApiForTests, apiTestbed } from "../../support/api-testbed.ts";
import { type Run, sluice } from "../cli/support.ts";
import { helm, objectsIn } from "./helm.ts";
import { done, withHelm } from "./ways.ts";

const NAME = "alone";
const OPERATOR = "alone-sluice";

let api: ApiForTests;
let kubectl: ApiForTests["kubectl"];
/** Not there yet: `install` makes it. */
let namespace: string;
let watched: string;
beforeAll(async () => {
  api = apiTestbed();
  ({ kubectl } = api);
  watched = await api.freshNamespace("watched");
  namespace = `${watched}-operator`;
});
afterAll(async () => {
  await kubectl(["delete", "namespace", namespace, "--ignore-not-found", "--wait=false"]);
});

/** The CRDs are there already, and nothing outside of these namespaces is touched. */
const set = (values = ""): string[] => [
  "--set",
  `crds.install=false,rbac.aggregateRoles=false,jobServiceAccount.create=false,watchNamespaces={${watched}}`,
  ...(values === "" ? [] : ["--set", values]),
];

const run = (command: string, ...args: string[]): Promise<Run> =>
  sluice(api.kubeconfigPath, [command, NAME, "-n", namespace, ...args]);

async function ok(command: string, ...args: string[]): Promise<Run> {
  const ran = await run(command, ...args);
  expect(ran.stderr).not.toContain("error:");
  expect(ran.code).toBe(0);
  return ran;
}

async function there(what: string, place = namespace): Promise<boolean> {
  return (await kubectl(["get", what, "-n", place, "--ignore-not-found", "-o", "name"])) !== "";
}

const deployment = `deployment/${OPERATOR}`;
const policy = `networkpolicy/${OPERATOR}`;

test("-o yaml prints the objects and asks no cluster", async () => {
  const { code, stdout } = await sluice("/nowhere", ["install", "-o", "yaml", "--set", "crds.install=false"]);
  expect(code).toBe(0);
  expect(objectsIn(stdout).map(({ kind }) => kind)).toContain("Deployment");
});

test("mistakes are named, all at once, before anything is done", async () => {
  const { code, stderr } = await run("install", "--set", "replica=2,image.pullPolicy=never,a.b[0]=c");
  expect(code).toBe(1);
  for (const path of ["replica", "image.pullPolicy", "a"]) expect(stderr).toContain(`\n  ${path}: `);
  expect(await there(`namespace/${namespace}`)).toBe(false);
  expect((await run("install", "--set", "replicas")).code).toBe(2);
});

test("a dry run changes nothing", async () => {
  const { stdout } = await ok("install", "--dry-run", ...set());
  expect(stdout).toContain(`deployment.apps/${OPERATOR} created (dry run)`);
  expect(await there(`namespace/${namespace}`)).toBe(false);
});

test("upgrade and uninstall say when there is nothing", async () => {
  for (const command of ["upgrade", "uninstall"]) {
    const { code, stderr } = await run(command);
    expect(code).toBe(4);
    expect(stderr).toContain(`there is no installation ${NAME} in namespace ${namespace}`);
  }
});

test("install waits until the operator is ready, and says for what", async () => {
  const awaited = Promise.withResolvers<void>();
  const args = ["install", NAME, "-n", namespace, ...set("podDisruptionBudget.create=false,replicas=2")];
  const seen = (text: string): void => {
    if (text.includes(`0 of 2 pods of Deployment ${OPERATOR} ready`)) awaited.resolve();
  };
  const installing = sluice(api.kubeconfigPath, args, { seen });
  await Promise.race([awaited.promise, installing]);
  // There is no node: the test is the kubelet.
  const selector = ["-l", `app.kubernetes.io/name=${OPERATOR}`, "-o", "name"];
  const pods = async (): Promise<string[]> => {
    const found = (await kubectl(["get", "pods", "-n", namespace, ...selector])).trim().split("\n");
    if (found.length < 2) throw new Error(`${found.length} pods`);
    return found;
  };
  const names = await waitFor("two pods", pods, { deadline: 90_000 });
  const condition = { type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" };
  const patch = JSON.stringify({ status: { phase: "Running", conditions: [condition] } });
  const change = ["--subresource=status", "--type=merge", "-p", patch];
  for (const name of names) await kubectl(["patch", name, "-n", namespace, ...change]);
  const { code, stdout, stderr } = await installing;
  expect(stderr).toContain(`0 of 2 pods of Deployment ${OPERATOR} ready`);
  expect(code).toBe(0);
  expect(stdout).toContain(`namespace/${namespace} created`);
});

test("a second install is refused; an upgrade without values keeps them and changes nothing", async () => {
  const again = await run("install");
  expect(again.code).toBe(1);
  expect(again.stderr).toContain("sluice upgrade");
  const { stdout } = await ok("upgrade", "--no-wait");
  const lines = stdout.trim().split("\n");
  expect(new Set(lines.map((line) => line.split(" ")[1]))).toEqual(new Set(["unchanged"]));
});

test("an upgrade prunes what is not wanted any more, and changes what is", async () => {
  await ok("upgrade", "--no-wait", "--reuse-values", "--set", "networkPolicy.create=true");
  expect(await there(policy)).toBe(true);
  const server = await ok("upgrade", "--no-wait", ...set("replicas=3"), "--dry-run=server");
  expect(server.stdout).toContain(`networkpolicy.networking.k8s.io/${OPERATOR} pruned (server dry run)`);
  expect(await there(policy)).toBe(true);
  const { stdout } = await ok("upgrade", "--no-wait", ...set("replicas=3"));
  expect(stdout).toContain(`networkpolicy.networking.k8s.io/${OPERATOR} pruned`);
  expect(stdout).toContain(`deployment.apps/${OPERATOR} configured`);
  expect(await there(policy)).toBe(false);
});

test("what is of a kind that is gone by now keeps no upgrade from pruning the rest", async () => {
  const group = `${watched}.example.com`;
  const crd = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `things.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "things", kind: "Thing" },
      versions: [
        { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } },
      ],
    },
  };
  const thing = { apiVersion: `${group}/v1`, kind: "Thing", metadata: { name: "one" } };
  const folder = mkdtempSync(join(tmpdir(), "sluice-things-"));
  try {
    writeFileSync(join(folder, "crd.json"), JSON.stringify(crd));
    await applyCrds(kubectl, folder);
    const values = join(folder, "..", `${watched}-values.json`);
    writeFileSync(values, JSON.stringify({ extraObjects: [thing] }));
    await ok("upgrade", "--no-wait", ...set(), "--values", values);
    rmSync(values);
    expect(await there(`things.${group}/one`)).toBe(true);
    await deleteCrds(kubectl, folder);
    await ok("upgrade", "--no-wait", ...set());
  } finally {
    await deleteCrds(kubectl, folder);
    rmSync(folder, { recursive: true });
  }
});

test("what was begun and broken off is finished by the next upgrade", async () => {
  // As after a kill between record and deed: recorded, and not there.
  await ok("upgrade", "--no-wait", "--reuse-values", "--set", "networkPolicy.create=true");
  await kubectl(["delete", deployment, policy, "-n", namespace]);
  const { stdout } = await ok("upgrade", "--no-wait", ...set("replicas=1"));
  expect(stdout).toContain(`deployment.apps/${OPERATOR} created`);
});

test("time-out: said, with the reason, and nothing is taken back", async () => {
  const { code, stderr } = await run("upgrade", "--timeout", "1s");
  expect(code).toBe(3);
  expect(stderr).toContain(`0 of 1 pods of Deployment ${OPERATOR} ready`);
  expect(await there(deployment)).toBe(true);
});

test("objects of others are taken over only when that is wanted", async () => {
  const { run: helmRun, remove } = await helm(api.kubeconfigPath);
  const other = await api.freshNamespace("other");
  const inOther = (...args: string[]): Promise<Run> =>
    sluice(api.kubeconfigPath, ["install", NAME, "-n", other, "--no-wait", ...set(), ...args]);
  const mine = { name: "mine", namespace: other };
  await done(
    withHelm(helmRun).install(mine, ...set(`rbac.create=false,fullnameOverride=${OPERATOR}`)),
  ).finally(remove);
  const refused = await inOther("--set", "rbac.create=false");
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(
    `deployment.apps/${OPERATOR}, which belongs to release mine of Helm in namespace ${other}`,
  );
  expect(refused.stderr).toContain("--take-ownership");
  // Nothing was recorded: the next one is an installation as well.
  const taken = await inOther("--set", "rbac.create=false", "--take-ownership");
  expect(taken.stderr).not.toContain("error:");
  expect(taken.code).toBe(0);
});

test("uninstall says what stays; it refuses what would never end, and goes on with --force", async () => {
  const resource = {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkDeployment",
    metadata: {
      name: "job",
      namespace: watched,
      finalizers: ["flinkdeployments.flink.apache.org/finalizer"],
    },
    spec: {},
  };
  await kubectl(["apply", "-f", "-"], JSON.stringify(resource));
  const dry = await ok("uninstall", "--dry-run");
  expect(dry.stderr).toContain(`flinkdeployment.flink.apache.org/job in ${watched}`);
  expect(dry.stdout).toContain(`deployment.apps/${OPERATOR} deleted (dry run)`);
  expect(await there(deployment)).toBe(true);

  await kubectl(["delete", "flinkdeployment", "job", "-n", watched, "--wait=false"]);
  const refused = await run("uninstall");
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("these are being deleted, which never ends without an operator");
  expect(await there(deployment)).toBe(true);

  const { stdout } = await ok("uninstall", "--force");
  expect(stdout).toContain(`deployment.apps/${OPERATOR} deleted`);
  for (const gone of [deployment, `secret/sluice-installation-${NAME}`, `configmap/${OPERATOR}-config`])
    expect(await there(gone), gone).toBe(false);
  const free = ["patch", "flinkdeployment", "job", "--type=merge", "-p", '{"metadata":{"finalizers":null}}'];
  await kubectl([...free, "-n", watched]);
});
