/** Which namespaces the operator watches, while it runs, with rights in some of them only. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { FlinkDeployment } from "../../../src/api/flink-deployment.ts";
import { FlinkRestClient } from "../../../src/flink-rest/client.ts";
import type { FlinkClients } from "../../../src/controller/flink-clients.ts";
import { flinkDeployment } from "../../../testbed/gen/flink-deployment.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { type ApiForTests, apiTestbed } from "../../support/api-testbed.ts";
import { freePort, installRights, kubeconfigOf, ownFolder, startOperator } from "../../support/operator.ts";

const deadline = 30_000;
const ACCOUNT = "operator";
let api: ApiForTests;
let folder: string;
let removeFolder: () => Promise<void>;
/** The account is in the first. */
let namespaces: [string, string, string];
let port: number;
let stopOperator: () => Promise<void>;

/** No JobManager answers: what is looked at here is made before one is needed. */
const silent = (): FlinkRestClient =>
  new FlinkRestClient({ transport: () => Promise.reject(new Error("there is no Flink")) });
const flinkClients: FlinkClients = {
  clientFor: silent,
  jarClientFor: silent,
  changed: () => {},
  close: () => Promise.resolve(),
};

async function grant(namespace: string): Promise<void> {
  const subject = `--serviceaccount=${namespaces[0]}:${ACCOUNT}`;
  await api.kubectl([
    "-n",
    namespace,
    "create",
    "rolebinding",
    "operator",
    "--clusterrole=sluice-operator",
    subject,
  ]);
}

async function create(namespace: string, name: string, labels: Record<string, string> = {}): Promise<void> {
  const { metadata: _, status: __, ...rest } = flinkDeployment();
  await api.kubectl(["create", "-f", "-"], stringify({ ...rest, metadata: { name, namespace, labels } }));
}

async function get(namespace: string, name: string): Promise<FlinkDeployment> {
  return JSON.parse(
    await api.kubectl(["-n", namespace, "get", "flinkdep", name, "-o", "json"]),
  ) as FlinkDeployment;
}

async function untilMade(namespace: string, name: string): Promise<void> {
  const asked = ["-n", namespace, "get", "deployment", name, "-o", "name"];
  await waitFor(`the Deployment of ${name}`, () => api.kubectl(asked), { deadline });
}

async function expectUntouched(namespace: string, name: string): Promise<void> {
  const { metadata, status } = await get(namespace, name);
  expect({ finalizers: metadata.finalizers, status }).toEqual({});
}

async function configure(...watched: string[]): Promise<void> {
  const configuration = {
    "kubernetes.operator.watched.namespaces": watched.join(","),
    "kubernetes.operator.dynamic.namespaces.enabled": "true",
    "kubernetes.operator.dynamic.config.check.interval": "100 ms",
  };
  await writeFile(join(folder, "operator.yaml"), stringify(configuration));
}

async function ask(path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(5000) });
  return { status: response.status, text: await response.text() };
}

async function untilReady(): Promise<string> {
  const { text } = await waitFor(
    "the operator to be ready",
    async () => {
      const answer = await ask("/readyz");
      return answer.status === 200 && answer;
    },
    { deadline },
  );
  return text;
}

beforeEach(async () => {
  api = apiTestbed();
  [folder, removeFolder] = await ownFolder();
  const fresh = (): Promise<string> => api.freshNamespace("watched");
  namespaces = [await fresh(), await fresh(), await fresh()];
  await installRights(api);
  await api.kubectl(["-n", namespaces[0], "create", "serviceaccount", ACCOUNT]);
  for (const namespace of namespaces)
    await api.kubectl(["-n", namespace, "create", "serviceaccount", "flink"]);
  port = await freePort();
});

afterEach(async () => {
  await stopOperator();
  await removeFolder();
});

async function start(env: Record<string, string> = {}): Promise<void> {
  const kubeconfig = await kubeconfigOf(api, folder, { namespace: namespaces[0], name: ACCOUNT });
  const configFile = join(folder, "operator.yaml");
  stopOperator = startOperator({ kubeconfig, configFile, healthPort: port, flinkClients, env });
}

test("one without rights stops no other; they are added and removed at run time", async () => {
  const [first, second, third] = namespaces;
  await grant(first);
  await grant(second);
  for (const namespace of namespaces) await create(namespace, "job");
  await configure(first, third);
  await start();
  await untilMade(first, "job");
  expect(await untilReady()).toMatch(new RegExp(`^ok\n${third}: .*flinkdeployments.* is forbidden`));
  const { text } = await ask("/metrics");
  expect(text).toContain(`sluice_watched_namespace{namespace="${first}"} 1`);
  expect(text).toContain(`sluice_watched_namespace{namespace="${third}"} 0`);
  await expectUntouched(second, "job");
  await expectUntouched(third, "job");

  // Rights that come later are noticed.
  await grant(third);
  await untilMade(third, "job");

  // One goes, another comes, the third stays.
  await configure(second, third);
  await untilMade(second, "job");
  const left = await get(first, "job");
  await create(first, "late");
  await create(third, "late");
  await untilMade(third, "late");
  await expectUntouched(first, "late");
  expect((await get(first, "job")).metadata.resourceVersion).toBe(left.metadata.resourceVersion);
  expect(await untilReady()).toBe("ok\n");
  expect((await ask("/metrics")).text).not.toContain(`namespace="${first}"`);

  // What names no namespace changes nothing.
  await configure(second, "Not A Namespace");
  await create(second, "late");
  await untilMade(second, "late");
  await configure(first, second, third);
  await untilMade(first, "late");
});

test("the environment goes before the configuration, and resources are chosen by label", async () => {
  const [first, second] = namespaces;
  await grant(first);
  await grant(second);
  const configuration = {
    "kubernetes.operator.watched.namespaces": second,
    "kubernetes.operator.label.selector": "team in (blue, green)",
  };
  await writeFile(join(folder, "operator.yaml"), stringify(configuration));
  await create(first, "red", { team: "red" });
  await create(first, "blue", { team: "blue" });
  await create(second, "green", { team: "green" });
  await start({ WATCH_NAMESPACES: first });
  await untilMade(first, "blue");
  await api.kubectl(["-n", first, "label", "flinkdep", "red", "--overwrite", "team=green"]);
  await untilMade(first, "red");
  await expectUntouched(second, "green");
});
