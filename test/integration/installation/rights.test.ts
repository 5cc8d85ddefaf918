/** The rights of an installation, tried with the accounts' own tokens: what works, and what does not. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiTestbed, startApi } from "../../../testbed/api.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { KubeClient } from "../../../src/kube/client.ts";
import { loadKubeConfig } from "../../../src/kube/config.ts";
import { objectPath } from "../../../src/kube/request.ts";
import { PODS } from "../../../src/kube/resource-type.ts";
import { kubeconfigOf, ownFolder, startOperator } from "../../support/operator.ts";
import { sluice } from "../cli/support.ts";

let api: ApiTestbed;
let kubectl: ApiTestbed["kubectl"];
const folders: (() => Promise<void>)[] = [];

/** A namespaced installation in `home`, for `team`; and a cluster-wide one in `wide`. */
beforeAll(async () => {
  api = await startApi();
  ({ kubectl } = api);
  for (const name of ["home", "team", "stranger", "wide"]) await kubectl(["create", "namespace", name]);
  const install = async (namespace: string, values: string): Promise<void> => {
    const { code, stderr } = await sluice(api.kubeconfigPath, [
      "install",
      "-n",
      namespace,
      "--no-wait",
      "--set",
      values,
    ]);
    expect(stderr).not.toContain("error:");
    expect(code).toBe(0);
  };
  await install("wide", "crds.install=true");
  await install(
    "home",
    "fullnameOverride=small,crds.install=false,rbac.aggregateRoles=false,watchNamespaces={team}",
  );
  for (const namespace of ["home", "team", "stranger", "wide"])
    await kubectl(["-n", namespace, "create", "secret", "generic", "treasure", "--from-literal=key=value"]);
});
afterAll(async () => {
  for (const remove of folders) await remove();
  await api.stop();
});

type Account = readonly [namespace: string, name: string];

const clients = new Map<string, Promise<{ readonly client: KubeClient; readonly kubeconfig: string }>>();
function as([namespace, name]: Account): Promise<{
  readonly client: KubeClient;
  readonly kubeconfig: string;
}> {
  const key = `${namespace}-${name}`;
  const found =
    clients.get(key) ??
    (async () => {
      const [folder, remove] = await ownFolder();
      folders.push(remove);
      const kubeconfig = await kubeconfigOf(api, folder, { namespace, name });
      return { client: new KubeClient(await loadKubeConfig({ kubeconfig, env: {} })), kubeconfig };
    })();
  clients.set(key, found);
  return found;
}
afterAll(async () => {
  for (const one of clients.values()) await (await one).client.close();
});

/** A real request with the account's token. 201 for what a dry run would have made. */
async function status(
  account: Account,
  method: "GET" | "POST" | "DELETE",
  path: string,
  body?: object,
): Promise<number> {
  const { client } = await as(account);
  const json = { "content-type": "application/json" };
  const request = {
    method,
    path,
    idempotent: false,
    headers: json,
    ...(body ? { body: JSON.stringify(body) } : {}),
  };
  const once = method === "GET" ? request : { ...request, query: { dryRun: "All" } };
  // A server that has just taken a CRD says 429 for a while.
  const answer = async (): Promise<number> => {
    const { status: found } = await client.raw(once);
    if (found === 429) throw new Error("429");
    return found;
  };
  return waitFor("an answer", answer, { deadline: 30_000 });
}

const flink = (namespace: string | undefined, plural = "flinkdeployments"): string =>
  `/apis/flink.apache.org/v1beta1/${namespace === undefined ? "" : `namespaces/${namespace}/`}${plural}`;
const core = (namespace: string, rest: string): string => `/api/v1/namespaces/${namespace}/${rest}`;
const leases = (namespace: string, name: string): string =>
  `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${name}`;

const small: Account = ["home", "small"];
const wide: Account = ["wide", "sluice-operator"];
const job: Account = ["team", "flink"];

const configMap = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "made" } };

const attempts: [
  what: string,
  account: Account,
  method: "GET" | "POST",
  path: string,
  expected: number,
  body?: object,
][] = [
  ["resources of the watched namespace", small, "GET", flink("team"), 200],
  ["session jobs there", small, "GET", flink("team", "flinksessionjobs"), 200],
  ["snapshots there", small, "GET", flink("team", "flinkstatesnapshots"), 200],
  ["ConfigMaps there", small, "POST", core("team", "configmaps"), 201, configMap],
  ["the watched namespace itself", small, "GET", "/api/v1/namespaces/team", 200],
  ["resources of another namespace", small, "GET", flink("stranger"), 403],
  ["resources of all namespaces", small, "GET", flink(undefined), 403],
  ["ConfigMaps of another namespace", small, "GET", core("stranger", "configmaps"), 403],
  ["making a ConfigMap in another namespace", small, "POST", core("stranger", "configmaps"), 403, configMap],
  ["ConfigMaps of its own namespace", small, "GET", core("home", "configmaps"), 403],
  ["another namespace itself", small, "GET", "/api/v1/namespaces/stranger", 403],
  ["Secrets of the watched namespace", small, "GET", core("team", "secrets"), 403],
  ["one Secret there", small, "GET", core("team", "secrets/treasure"), 403],
  ["Secrets of its own namespace", small, "GET", core("home", "secrets"), 403],
  ["a Lease of another namespace", small, "GET", leases("team", "sluice-operator"), 403],
  ["its Lease, which is not there yet", small, "GET", leases("home", "sluice-operator"), 404],
  ["the log of a pod there, which is not there", small, "GET", core("team", "pods/none/log"), 404],
  ["the log of a pod of another namespace", small, "GET", core("stranger", "pods/none/log"), 403],
  ["CRDs", small, "GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", 403],
  [
    "making a pod",
    small,
    "POST",
    core("team", "pods"),
    403,
    { apiVersion: "v1", kind: "Pod", metadata: { name: "p" } },
  ],
  ["resources of all namespaces", wide, "GET", flink(undefined), 200],
  ["Secrets of all namespaces", wide, "GET", "/api/v1/secrets", 403],
  ["one Secret", wide, "GET", core("team", "secrets/treasure"), 403],
  ["one Secret of its own namespace", wide, "GET", core("wide", "secrets/treasure"), 403],
  ["roles", wide, "GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles", 403],
  ["nodes", wide, "GET", "/api/v1/nodes", 403],
  ["pods of its namespace", job, "GET", core("team", "pods"), 200],
  ["HA metadata", job, "POST", core("team", "configmaps"), 201, configMap],
  ["Secrets of its namespace", job, "GET", core("team", "secrets"), 403],
  ["pods of another namespace", job, "GET", core("stranger", "pods"), 403],
  ["Flink resources", job, "GET", flink("team"), 403],
];

test.each(attempts)("%s, as %j: %s %s: %i", async (_what, account, method, path, expected, body) => {
  expect(await status(account, method, path, body)).toBe(expected);
});

test.each([small, wide, job])("no rule of %s/%s is a wildcard or about Secrets", async (namespace, name) => {
  const review = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectRulesReview",
    spec: { namespace: "team" },
  };
  const { client } = await as([namespace, name]);
  const answer = await client.raw({
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(review),
    idempotent: true,
  });
  const { resourceRules } = (JSON.parse(answer.text) as { status: { resourceRules: object[] } }).status;
  expect(resourceRules.length).toBeGreaterThan(4);
  expect(JSON.stringify(resourceRules)).not.toMatch(/"\*"|"secrets"/);
});

test("with these rights the operator works in its namespace, and only there", async () => {
  const spec = {
    image: "flink:2.2",
    flinkVersion: "v2_2",
    serviceAccount: "flink",
    jobManager: { resource: { memory: "2048m", cpu: 1 } },
    taskManager: { resource: { memory: "2048m", cpu: 1 } },
    job: { jarURI: "local:///opt/flink/job.jar", parallelism: 1, upgradeMode: "stateless" },
  };
  const resource = { apiVersion: "flink.apache.org/v1beta1", kind: "FlinkDeployment", spec };
  for (const namespace of ["team", "stranger"])
    await kubectl(
      ["apply", "-f", "-"],
      JSON.stringify({ ...resource, metadata: { name: "job", namespace } }),
    );
  const { kubeconfig } = await as(small);
  const stop = startOperator({
    kubeconfig,
    env: { WATCH_NAMESPACES: "team" },
    leaderElection: { isAskedFor: true, namespace: "home" },
  });
  try {
    const made = (): Promise<string> => kubectl(["get", "deployment", "job", "-n", "team"]);
    await waitFor("the JobManager's Deployment", made, { deadline: 60_000 }).catch(async (error: unknown) => {
      throw new Error(await kubectl(["get", "flinkdeployment", "job", "-n", "team", "-o", "yaml"]), {
        cause: error,
      });
    });
    expect(await kubectl(["get", "deployments", "-n", "stranger", "-o", "name"])).toBe("");
  } finally {
    await stop();
  }
});

describe("people", () => {
  const can = async (role: string, verb: string, what: string): Promise<string> => {
    const [resource = "", sub] = what.split("/");
    const who = ["--as", `${role}@example`, "-n", "team"];
    const subresource = sub === undefined ? [] : ["--subresource", sub];
    // It exits with 1 for a no.
    const asked = kubectl(["auth", "can-i", verb, resource, ...who, ...subresource]);
    return (await asked.catch(() => "no")).trim();
  };
  beforeAll(async () => {
    for (const role of ["view", "edit", "admin"])
      await kubectl([
        "create",
        "rolebinding",
        role,
        "-n",
        "team",
        `--clusterrole=${role}`,
        `--user=${role}@example`,
      ]);
    // A controller adds them to Kubernetes' own roles.
    const added = async (): Promise<boolean> =>
      (await can("admin", "patch", "flinkdeployments.flink.apache.org/status")) === "yes";
    await waitFor("the roles are aggregated", added, { deadline: 60_000 });
  });

  test.each([
    ["view", "get", "yes"],
    ["view", "create", "no"],
    ["edit", "create", "yes"],
    ["edit", "delete", "yes"],
  ])("%s may %s FlinkDeployments: %s", async (role, verb, expected) => {
    expect(await can(role, verb, "flinkdeployments.flink.apache.org")).toBe(expected);
  });

  test("edit may scale, and leaves the status alone", async () => {
    expect(await can("edit", "update", "flinkdeployments.flink.apache.org/scale")).toBe("yes");
    expect(await can("edit", "patch", "flinkdeployments.flink.apache.org/status")).toBe("no");
  });
});

test("the pods of nobody are touched", async () => {
  const { client } = await as(small);
  const path = objectPath(PODS, "stranger", "none");
  expect((await client.raw({ method: "DELETE", path, idempotent: true })).status).toBe(403);
});
