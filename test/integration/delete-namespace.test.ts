/** A namespace with everything in it is deleted while no Flink answers: it ends, on a real API server. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import type { FlinkDeployment } from "../../src/api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../src/api/flink-session-job.ts";
import type { FlinkStateSnapshot } from "../../src/api/flink-state-snapshot.ts";
import type { KubeObject } from "../../src/api/kube-object.ts";
import { FlinkRestClient } from "../../src/flink-rest/client.ts";
import { createFlinkAgent, directTransport } from "../../src/flink-rest/transport.ts";
import { SAVEPOINT_ON_DELETION } from "../../src/flink/options.ts";
import { ScriptedCluster } from "../../testbed/flink-rest/scripted-cluster.ts";
import { FlinkRestServer } from "../../testbed/flink-rest/server.ts";
import { flinkDeployment, withConfiguration } from "../../testbed/gen/flink-deployment.ts";
import { haConfigMap } from "../../testbed/gen/kube-objects.ts";
import { sessionCluster } from "../../testbed/gen/session.ts";
import { waitFor } from "../../testbed/lib/wait.ts";
import { type ApiForTests, apiTestbed } from "../support/api-testbed.ts";
import { installRights, kubeconfigOf, ownFolder, startOperator } from "../support/operator.ts";

const ON_DELETION = withConfiguration({ [SAVEPOINT_ON_DELETION.key]: "true" });
const SESSION = "session";

const application = new ScriptedCluster({ version: "2.3" });
const session = new ScriptedCluster({ version: "2.3" });
const agent = createFlinkAgent();
let api: ApiForTests;
let server: FlinkRestServer;
let stopOperator: () => Promise<void>;
let removeFolder: () => Promise<void>;
let namespace: string;

async function kubectl(...args: string[]): Promise<string> {
  return api.kubectl(["-n", namespace, ...args]);
}

async function apply(object: KubeObject): Promise<void> {
  await api.kubectl(["-n", namespace, "apply", "-f", "-"], stringify(object));
}

/** In this namespace, and new. */
function fresh(resource: FlinkDeployment, name: string): FlinkDeployment {
  return { ...resource, metadata: { name, namespace } };
}

function sessionJob(name: string): FlinkSessionJob {
  return {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkSessionJob",
    metadata: { name, namespace },
    spec: {
      deploymentName: SESSION,
      flinkConfiguration: { [SAVEPOINT_ON_DELETION.key]: "true" },
      job: { entryClass: "Main", parallelism: 1, upgradeMode: "savepoint" },
    },
  };
}

function snapshot(
  name: string,
  kind: "FlinkDeployment" | "FlinkSessionJob",
  job: string,
): FlinkStateSnapshot {
  return {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkStateSnapshot",
    metadata: { name, namespace },
    spec: { jobReference: { kind, name: job }, savepoint: { disposeOnDelete: true } },
  };
}

/** By the name of the cluster. */
async function operate(urls: Readonly<Record<string, string>>): Promise<void> {
  const [folder, remove] = await ownFolder();
  removeFolder = remove;
  const configuration = {
    "kubernetes.operator.observer.progress-check.interval": "100 ms",
    "kubernetes.operator.reconcile.interval": "1 s",
  };
  const configFile = join(folder, "operator.yaml");
  await writeFile(configFile, stringify(configuration));
  await installRights(api);
  const account = { namespace: "sluice-system", name: "sluice-operator" };
  const clientFor = (_: string, name: string): FlinkRestClient =>
    new FlinkRestClient({ transport: directTransport(urls[name] ?? "", agent) });
  stopOperator = startOperator({
    kubeconfig: await kubeconfigOf(api, folder, account),
    namespace,
    configFile,
    flinkClients: {
      clientFor,
      jarClientFor: clientFor,
      changed: () => {},
      close: () => Promise.resolve(),
    },
  });
}

/** The kubelet that this testbed does not have. `start`: what the JobManager's process would do. */
async function bringUpJobManager(cluster: string, start: () => Promise<void>): Promise<void> {
  const selector = ["-l", `app=${cluster},component=jobmanager`, "-o", "name"];
  const pod = await waitFor(
    "the JobManager's pod",
    async () => (await kubectl("get", "pod", ...selector)).trim() || undefined,
    { deadline: 30_000 },
  );
  await start();
  const status = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
  await kubectl("patch", pod, "--subresource=status", "--type=merge", "-p", JSON.stringify({ status }));
  await kubectl("wait", "--for=condition=Ready", `flinkdep/${cluster}`, "--timeout=30s");
}

async function completed(name: string): Promise<void> {
  await kubectl("wait", "--for=jsonpath={.status.state}=COMPLETED", `flinksnp/${name}`, "--timeout=30s");
}

beforeAll(async () => {
  api = apiTestbed();
  server = await FlinkRestServer.start();
  namespace = await api.freshNamespace("delete");
  await operate({
    job: server.add("delete", "job", application).url,
    [SESSION]: server.add("delete", SESSION, session).url,
  });
  await kubectl("create", "serviceaccount", "flink");
  await apply(fresh(flinkDeployment(ON_DELETION), "job"));
  await apply(fresh(sessionCluster(), SESSION));
  await bringUpJobManager("job", async () => {
    const found = JSON.parse(await kubectl("get", "flinkdep", "job", "-o", "json")) as FlinkDeployment;
    application.addJob({ jobId: found.status?.jobStatus?.jobId ?? "" });
    // What Flink would leave for the next JobManager.
    const { metadata, ...metadataOfJob } = haConfigMap({ checkpoint: true });
    await apply({ ...metadataOfJob, metadata: { ...metadata, namespace } });
  });
  await bringUpJobManager(SESSION, () => Promise.resolve());
  for (const name of ["one", "two"]) await apply(sessionJob(name));
  await kubectl(
    "wait",
    "--for=condition=Ready",
    "flinksessionjob/one",
    "flinksessionjob/two",
    "--timeout=30s",
  );
  await apply(snapshot("of-job", "FlinkDeployment", "job"));
  await apply(snapshot("of-session-job", "FlinkSessionJob", "one"));
  await completed("of-job");
  await completed("of-session-job");
});

afterAll(async () => {
  await stopOperator();
  await agent.close();
  await removeFolder();
});

async function left(): Promise<string> {
  const kinds = "flinkdep,flinksessionjob,flinksnp,deployments,pods,configmaps";
  return api.kubectl(["-n", namespace, "get", kinds, "-o", "yaml"]);
}

test("a namespace with jobs that want savepoints and with savepoints to be disposed of goes though no Flink answers", async () => {
  await server.close();
  await api.kubectl(["delete", "namespace", namespace, "--wait=false"]);
  const gone = async (): Promise<boolean> =>
    (await api.kubectl(["get", "namespace", namespace, "--ignore-not-found", "-o", "name"])).trim() === "";
  await waitFor("the namespace to go", gone, { deadline: 50_000 }).catch(async (error: unknown) => {
    throw new Error(`${String(error)}\n${await left()}`, { cause: error });
  });
  expect([...application.disposed, ...session.disposed]).toEqual([]);
});
