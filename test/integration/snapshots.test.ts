/** The operator with the rights that it is installed with, on a real API server and a scripted Flink: snapshots. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FlinkDeployment } from "../../src/api/flink-deployment.ts";
import type { FlinkStateSnapshot, FlinkStateSnapshotSpec } from "../../src/api/flink-state-snapshot.ts";
import type { KubeObject } from "../../src/api/kube-object.ts";
import { FlinkRestClient } from "../../src/flink-rest/client.ts";
import { createFlinkAgent, directTransport } from "../../src/flink-rest/transport.ts";
import { runOperator } from "../../src/operator/run.ts";
import { parseRecordedSpec } from "../../src/reconcile/last-reconciled-spec.ts";
import { ScriptedCluster } from "../../testbed/flink-rest/scripted-cluster.ts";
import { FlinkRestServer, type Handle } from "../../testbed/flink-rest/server.ts";
import { flinkDeployment } from "../../testbed/gen/flink-deployment.ts";
import { waitFor } from "../../testbed/lib/wait.ts";
import { type ApiForTests, apiTestbed } from "../support/api-testbed.ts";

const deadline = 30_000;
const agent = createFlinkAgent();
const cluster = new ScriptedCluster({ version: "2.3" });
let api: ApiForTests;
let server: FlinkRestServer;
let flink: Handle;
let namespace: string;
let folder: string;
let stopOperator: () => Promise<void>;

async function kubectl(...args: string[]): Promise<string> {
  return api.kubectl(["-n", namespace, ...args]);
}

async function get<T extends KubeObject>(kind: string, name: string): Promise<T | undefined> {
  const text = await kubectl("get", kind, name, "--ignore-not-found", "-o", "json");
  return text.trim() === "" ? undefined : (JSON.parse(text) as T);
}

/** What an installation gives the operator's account, and a kubeconfig of that account. */
async function operatorKubeconfig(): Promise<string> {
  const manifests = join(import.meta.dirname, "../../deploy/operator");
  const installed = parseAllDocuments(readFileSync(join(manifests, "operator.yaml"), "utf8"))
    .map((document) => document.toJS() as KubeObject)
    .filter(({ kind }) => kind !== "Deployment");
  await api.kubectl(["apply", "-f", "-"], installed.map((one) => stringify(one)).join("---\n"));
  await api.kubectl(["apply", "-f", join(manifests, "rbac.yaml")]);
  const token = (await api.kubectl(["-n", "sluice-system", "create", "token", "sluice-operator"])).trim();
  const ca = Buffer.from(api.caPem).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "operator",
    clusters: [{ name: "api", cluster: { server: api.url, "certificate-authority-data": ca } }],
    users: [{ name: "operator", user: { token } }],
    contexts: [{ name: "operator", context: { cluster: "api", user: "operator" } }],
  };
  const file = join(folder, "kubeconfig");
  await writeFile(file, stringify(config));
  return file;
}

function startOperator(kubeconfig: string): () => Promise<void> {
  const stop = new AbortController();
  const running = runOperator(
    {
      kubeconfig,
      context: undefined,
      namespace,
      configFile: join(folder, "operator.yaml"),
      flinkRest: undefined,
      healthPort: 0,
      workers: 2,
      logLevel: "fatal",
      leaderElection: undefined,
      env: {},
      flinkClients: {
        clientFor: () => new FlinkRestClient({ transport: directTransport(flink.url, agent) }),
        jarClientFor: () => new FlinkRestClient({ transport: directTransport(flink.url, agent) }),
        changed: () => {},
        close: () => Promise.resolve(),
      },
    },
    stop.signal,
  );
  return async () => {
    stop.abort();
    await running;
  };
}

async function snapshot(name: string, spec: FlinkStateSnapshotSpec): Promise<void> {
  const jobReference = { kind: "FlinkDeployment" as const, name: "job" };
  const manifest: FlinkStateSnapshot = {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkStateSnapshot",
    metadata: { name, namespace },
    spec: { jobReference, ...spec },
  };
  await api.kubectl(["apply", "-f", "-"], stringify(manifest));
}

async function untilState(name: string, state: string): Promise<FlinkStateSnapshot> {
  return waitFor(
    `snapshot ${name} ${state}`,
    async () => {
      const found = await get<FlinkStateSnapshot>("flinksnp", name);
      return found?.status?.state === state && found.metadata.labels?.["snapshot.state"] === state && found;
    },
    { deadline },
  );
}

async function snapshotsBy(trigger: string): Promise<FlinkStateSnapshot[]> {
  const text = await kubectl("get", "flinksnp", "-l", `snapshot.trigger-type=${trigger}`, "-o", "json");
  return (JSON.parse(text) as { items: FlinkStateSnapshot[] }).items;
}

async function firstBy(trigger: string): Promise<FlinkStateSnapshot> {
  return waitFor(`a snapshot by ${trigger}`, async () => (await snapshotsBy(trigger))[0], { deadline });
}

async function eventsOn(name: string): Promise<string[]> {
  const selector = `involvedObject.name=${name},involvedObject.kind=FlinkStateSnapshot`;
  const text = await kubectl("get", "events", "--field-selector", selector, "-o", "json");
  return (JSON.parse(text) as { items: { reason: string; message: string }[] }).items.map(
    ({ reason, message }) => `${reason}: ${message}`,
  );
}

async function job(): Promise<FlinkDeployment> {
  const found = await get<FlinkDeployment>("flinkdep", "job");
  if (found === undefined) throw new Error("the job is gone");
  return found;
}

function triggered(what: "savepoints" | "checkpoints"): number {
  return flink.requests.filter((one) => one.startsWith("POST") && one.endsWith(`/${what}`)).length;
}

/** The kubelet that this testbed does not have, and the job that a JobManager would start. */
async function bringUp(): Promise<void> {
  const selector = ["-l", "app=job,component=jobmanager", "-o", "name"];
  const pod = await waitFor(
    "the JobManager's pod",
    async () => (await kubectl("get", "pod", ...selector)).trim() || undefined,
    {
      deadline,
    },
  );
  const { jobId = "" } = (await job()).status?.jobStatus ?? {};
  cluster.addJob({ jobId });
  const status = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
  await kubectl("patch", pod, "--subresource=status", "--type=merge", "-p", JSON.stringify({ status }));
  await kubectl("wait", "--for=condition=Ready", "flinkdep/job", "--timeout=30s");
}

beforeAll(async () => {
  api = apiTestbed();
  server = await FlinkRestServer.start();
  flink = server.add("scripted", "snapshots", cluster);
  namespace = await api.freshNamespace("snapshots");
  folder = await mkdtemp(join(tmpdir(), "sluice-snapshots-"));
  const configuration = {
    "kubernetes.operator.observer.progress-check.interval": "100 ms",
    "kubernetes.operator.reconcile.interval": "1 s",
  };
  await writeFile(join(folder, "operator.yaml"), stringify(configuration));
  stopOperator = startOperator(await operatorKubeconfig());
  await kubectl("create", "serviceaccount", "flink");
  const manifest = { ...flinkDeployment(), metadata: { name: "job", namespace } };
  await api.kubectl(["apply", "-f", "-"], stringify(manifest));
  await bringUp();
});

afterAll(async () => {
  await stopOperator();
  await agent.close();
  await server.close();
  await rm(folder, { recursive: true });
});

describe("a savepoint", () => {
  test("that is asked for by a nonce is taken once, and the job stays stable", async () => {
    await kubectl(
      "patch",
      "flinkdep",
      "job",
      "--type=merge",
      "-p",
      '{"spec":{"job":{"savepointTriggerNonce":1}}}',
    );
    const found = await firstBy("MANUAL");
    const { metadata, status, spec } = await untilState(found.metadata.name, "COMPLETED");
    expect(metadata.name).toMatch(/^job-savepoint-manual-\d{13}$/);
    expect(metadata.finalizers).toEqual(["flinkstatesnapshots.flink.apache.org/finalizer"]);
    expect(metadata.labels).toMatchObject({ "snapshot.type": "SAVEPOINT", "job-reference.name": "job" });
    expect(status?.path).toContain(spec.savepoint?.path);
    const { lastReconciledSpec } = (await job()).status?.reconciliationStatus ?? {};
    expect(parseRecordedSpec(lastReconciledSpec)?.spec.job?.savepointTriggerNonce).toBe(1);
    expect((await job()).status?.lifecycleState).toBe("STABLE");
    expect(await snapshotsBy("MANUAL")).toHaveLength(1);
    expect(triggered("savepoints")).toBe(1);
  });

  test("that a user makes is disposed of with its object", async () => {
    await snapshot("mine", { savepoint: {} });
    const { status } = await untilState("mine", "COMPLETED");
    await kubectl("delete", "flinksnp", "mine", "--timeout=30s");
    expect(cluster.disposed).toEqual([status?.path]);
    await snapshot("kept", { savepoint: { disposeOnDelete: false } });
    await untilState("kept", "COMPLETED");
    await kubectl("delete", "flinksnp", "kept", "--timeout=30s");
    expect(cluster.disposed).toHaveLength(1);
  });

  test("in progress is followed by the next operator, and not asked for again", async () => {
    cluster.snapshots = { takes: "until-told" };
    const before = triggered("savepoints");
    await snapshot("long", { savepoint: {} });
    await untilState("long", "IN_PROGRESS");
    await stopOperator();
    stopOperator = startOperator(join(folder, "kubeconfig"));
    cluster.endSnapshots();
    cluster.snapshots = {};
    await untilState("long", "COMPLETED");
    expect(triggered("savepoints")).toBe(before + 1);
  });

  test("that Flink refuses or cannot take fails, says why, and counts", async () => {
    cluster.snapshots = { outcome: "fail" };
    await snapshot("failing", { savepoint: {}, backoffLimit: 0 });
    const { status } = await untilState("failing", "FAILED");
    expect(status?.failures).toBe(1);
    expect(status?.error).toContain("Failed to create savepoint directory");
    expect((await eventsOn("failing")).join()).toContain("SavepointError: The savepoint failed");
    flink.fail({
      fault: { kind: "error", status: 400, errors: ["bad request"] },
      method: "POST",
      path: /savepoints$/,
    });
    await snapshot("refused", { savepoint: {}, backoffLimit: 0 });
    const refused = (await untilState("refused", "FAILED")).status;
    expect(refused?.error).toContain('"httpResponseCode":400');
    flink.heal();
    cluster.snapshots = {};
  });

  test("of a job that does not exist is invalid until it does, and goes without anybody's help", async () => {
    const jobReference = { kind: "FlinkDeployment" as const, name: "nobody" };
    await snapshot("early", { savepoint: {}, jobReference });
    const invalid = async () => (await eventsOn("early")).join().includes("ValidationError");
    await waitFor("the event", invalid, { deadline });
    await kubectl("delete", "flinksnp", "early", "--timeout=30s");
    await snapshot("left", { savepoint: { alreadyExists: true, path: "s3://old" }, jobReference });
    await untilState("left", "COMPLETED");
    await kubectl("delete", "flinksnp", "left", "--timeout=30s");
    expect((await eventsOn("left")).join()).toContain(
      "CleanupFailed: The savepoint s3://old stays where it is",
    );
  });
});

test("a checkpoint is taken", async () => {
  await snapshot("checkpoint", { checkpoint: {} });
  expect((await untilState("checkpoint", "COMPLETED")).status?.path).toMatch(/chk-\d+$/);
});

test("the savepoint of an upgrade is there as an object, and an upgrade does not wait for a savepoint", async () => {
  cluster.snapshots = { takes: "until-told" };
  await snapshot("overtaken", { savepoint: {} });
  await untilState("overtaken", "IN_PROGRESS");
  await kubectl("patch", "flinkdep", "job", "--type=merge", "-p", '{"spec":{"restartNonce":1}}');
  await untilState("overtaken", "ABANDONED");
  cluster.endSnapshots();
  cluster.snapshots = {};
  const found = await firstBy("UPGRADE");
  const { status } = await untilState(found.metadata.name, "COMPLETED");
  expect(status?.path).toBe((await job()).status?.jobStatus?.upgradeSavepointPath);
  await bringUp();
  expect((await job()).status?.jobStatus?.savepointInfo?.savepointHistory ?? []).toEqual([]);
  expect(await snapshotsBy("UPGRADE")).toHaveLength(1);
});
