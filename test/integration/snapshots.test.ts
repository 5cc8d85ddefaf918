/** The operator with the rights that it is installed with, on a real API server and a scripted Flink: snapshots. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FlinkDeployment } from "../../src/api/flink-deployment.ts";
import type { FlinkStateSnapshot, FlinkStateSnapshotSpec } from "../../src/api/flink-state-snapshot.ts";
import type { KubeObject } from "../../src/api/kube-object.ts";
import { parseRecordedSpec } from "../../src/reconcile/last-reconciled-spec.ts";
import { flinkDeployment } from "../../testbed/gen/flink-deployment.ts";
import { waitFor } from "../../testbed/lib/wait.ts";
import { type ApiForTests, apiTestbed } from "../support/api-testbed.ts";
import { installRights, kubeconfigOf, ownFolder, startOperator } from "../support/operator.ts";
import { bringUpJob, type ScriptedFlink, startScriptedFlink } from "../support/scripted-flink.ts";

const deadline = 30_000;
let api: ApiForTests;
let flink: ScriptedFlink;
let cluster: ScriptedFlink["cluster"];
let namespace: string;
let folder: string;
let removeFolder: () => Promise<void>;
let stopOperator: () => Promise<void>;

async function kubectl(...args: string[]): Promise<string> {
  return api.kubectl(["-n", namespace, ...args]);
}

async function get<T extends KubeObject>(kind: string, name: string): Promise<T | undefined> {
  const text = await kubectl("get", kind, name, "--ignore-not-found", "-o", "json");
  return text.trim() === "" ? undefined : (JSON.parse(text) as T);
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
  return flink.handle.requests.filter((one) => one.startsWith("POST") && one.endsWith(`/${what}`)).length;
}

function operate(kubeconfig: string): () => Promise<void> {
  const configFile = join(folder, "operator.yaml");
  return startOperator({ kubeconfig, namespace, configFile, flinkClients: flink.clients });
}

beforeAll(async () => {
  api = apiTestbed();
  flink = await startScriptedFlink("snapshots");
  ({ cluster } = flink);
  namespace = await api.freshNamespace("snapshots");
  [folder, removeFolder] = await ownFolder();
  const configuration = {
    "kubernetes.operator.observer.progress-check.interval": "100 ms",
    "kubernetes.operator.reconcile.interval": "1 s",
  };
  await writeFile(join(folder, "operator.yaml"), stringify(configuration));
  await installRights(api);
  const account = { namespace: "sluice-system", name: "sluice-operator" };
  stopOperator = operate(await kubeconfigOf(api, folder, account));
  await kubectl("create", "serviceaccount", "flink");
  const manifest = { ...flinkDeployment(), metadata: { name: "job", namespace } };
  await api.kubectl(["apply", "-f", "-"], stringify(manifest));
  await bringUpJob(api, namespace, cluster);
});

afterAll(async () => {
  await stopOperator();
  await flink.close();
  await removeFolder();
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
    stopOperator = operate(join(folder, "kubeconfig"));
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
    flink.handle.fail({
      fault: { kind: "error", status: 400, errors: ["bad request"] },
      method: "POST",
      path: /savepoints$/,
    });
    await snapshot("refused", { savepoint: {}, backoffLimit: 0 });
    const refused = (await untilState("refused", "FAILED")).status;
    expect(refused?.error).toContain('"httpResponseCode":400');
    flink.handle.heal();
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
  await bringUpJob(api, namespace, cluster);
  expect((await job()).status?.jobStatus?.savepointInfo?.savepointHistory ?? []).toEqual([]);
  expect(await snapshotsBy("UPGRADE")).toHaveLength(1);
});
