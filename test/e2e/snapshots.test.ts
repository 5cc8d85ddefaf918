/** Savepoints and checkpoints on demand and by schedule, with a real Flink and state on S3: taken, restored from, disposed of. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { beforeAll, describe, expect, it } from "vitest";
import type { FlinkStateSnapshot, FlinkStateSnapshotSpec } from "../../src/api/flink-state-snapshot.ts";
import { BUCKET, type Cluster, attachCluster, Job, until } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";

let cluster: Cluster;
let job: Job;
beforeAll(async () => {
  if (nodeMissing()) return;
  cluster = attachCluster();
  job = await Job.create(cluster, { upgradeMode: "savepoint" });
  await job.apply();
  await job.stable(240);
  // Flink calls a job RUNNING before its tasks are; a savepoint would have to be tried again.
  await job.provesNoLoss();
});

async function kubectl(...args: string[]): Promise<string> {
  return cluster.kubectl(["-n", job.namespace, ...args]);
}

async function create(name: string, spec: FlinkStateSnapshotSpec): Promise<void> {
  const manifest: FlinkStateSnapshot = {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkStateSnapshot",
    metadata: { name, namespace: job.namespace },
    spec: { jobReference: { kind: "FlinkDeployment", name: job.name }, ...spec },
  };
  await cluster.kubectl(["apply", "-f", "-"], stringify(manifest));
}

async function snapshots(selector: string): Promise<FlinkStateSnapshot[]> {
  const text = await kubectl("get", "flinksnp", "-l", selector, "-o", "json");
  return (JSON.parse(text) as { items: FlinkStateSnapshot[] }).items;
}

/** The first completed one. */
async function completed(selector: string, seconds = 180): Promise<FlinkStateSnapshot & { path: string }> {
  try {
    return await until(`a completed snapshot with ${selector}`, seconds, async () => {
      const found = (await snapshots(selector)).find(({ status }) => status?.state === "COMPLETED");
      return found && { ...found, path: found.status?.path ?? "" };
    });
  } catch (error) {
    const all = await kubectl("get", "flinksnp", "-o", "yaml");
    throw new Error(`${String(error)}\n${all}\n${await job.explain()}`, { cause: error });
  }
}

async function completedByName(name: string): Promise<string> {
  return until(`snapshot ${name} completed`, 180, async () => {
    const text = await kubectl("get", "flinksnp", name, "-o", "jsonpath={.status.state} {.status.path}");
    const [state, path] = text.split(" ");
    return state === "COMPLETED" && path;
  });
}

/** The S3 server of the testbed keeps objects as files. */
function isStored(path: string): boolean {
  const key = path.replace(`s3://${BUCKET}/`, "");
  return existsSync(join(cluster.testbed.s3.bucketDir(BUCKET), key, "_metadata"));
}

describe.skipIf(nodeMissing())("a running job", () => {
  let manual: string;

  it("gets a savepoint by a nonce, and runs on", async () => {
    const before = (await job.get()).status?.jobStatus?.jobId;
    await job.patch({ job: { savepointTriggerNonce: 1 } });
    const found = await completed("snapshot.type=SAVEPOINT,snapshot.trigger-type=MANUAL");
    manual = found.path;
    expect(found.metadata.name).toMatch(/^counting-savepoint-manual-\d+$/);
    expect(manual).toContain(`s3://${BUCKET}/${job.namespace}/savepoints/savepoint-`);
    expect(isStored(manual)).toBe(true);
    expect((await job.stable()).status?.jobStatus?.jobId).toBe(before);
    expect(await snapshots("snapshot.trigger-type=MANUAL")).toHaveLength(1);
  });

  it("gets savepoints by a schedule, of which only the newest are kept, and runs on", async () => {
    const before = (await job.get()).status?.jobStatus?.jobId;
    const option = (name: string, value: string) => ({ [`kubernetes.operator.${name}`]: value });
    await job.patch({
      flinkConfiguration: {
        ...option("periodic.savepoint.interval", "4 s"),
        ...option("savepoint.history.max.count", "1"),
      },
    });
    const first = await completed("snapshot.trigger-type=PERIODIC");
    expect(isStored(first.path)).toBe(true);
    await until("the first periodic snapshot replaced by a newer one", 90, async () => {
      const names = (await snapshots("snapshot.trigger-type=PERIODIC")).map(({ metadata }) => metadata.name);
      return names.length > 0 && !names.includes(first.metadata.name);
    });
    // Nobody asked for the files to go with the object.
    expect(isStored(first.path)).toBe(true);
    await job.patch({ flinkConfiguration: option("periodic.savepoint.interval", "") });
    expect((await job.stable()).status?.jobStatus?.jobId).toBe(before);
  });

  it("gets a checkpoint", async () => {
    await create("checkpoint", { checkpoint: {} });
    expect(await completedByName("checkpoint")).toMatch(/\/chk-\d+$/);
    await kubectl("delete", "flinksnp", "checkpoint", "--timeout=60s");
  });

  it("loses the files of a savepoint with its object", async () => {
    await create("mine", { savepoint: {} });
    const path = await completedByName("mine");
    expect(isStored(path)).toBe(true);
    await kubectl("delete", "flinksnp", "mine", "--timeout=60s");
    expect(isStored(path)).toBe(false);
  });

  it("says what is wrong with a savepoint that cannot be taken, and runs on", async () => {
    await create("nowhere", { savepoint: { path: "nowhere://savepoints" }, backoffLimit: 0 });
    const error = await until("the failure", 120, async () => {
      const text = await kubectl(
        "get",
        "flinksnp",
        "nowhere",
        "-o",
        "jsonpath={.status.state} {.status.error}",
      );
      return text.startsWith("FAILED ") && text;
    });
    expect(error).toMatch(/savepoint/i);
    await kubectl("delete", "flinksnp", "nowhere", "--timeout=60s");
    await job.stable();
  });

  it("has the savepoint of an upgrade as an object, too", async () => {
    await job.patch({ job: { parallelism: 2 } });
    const { status } = await job.stable();
    const found = await completed("snapshot.trigger-type=UPGRADE");
    expect(found.path).toBe(status?.jobStatus?.upgradeSavepointPath);
    expect(found.spec.savepoint).toMatchObject({ alreadyExists: true, disposeOnDelete: false });
    await job.provesNoLoss();
  });

  it("has a twin, which begins with its savepoint and nothing before", async () => {
    const { starts } = await job.result();
    const twin = await Job.create(cluster, { upgradeMode: "savepoint" });
    const manifest = twin.manifest();
    const spec = { ...manifest.spec, job: { ...manifest.spec.job, initialSavepointPath: manual } };
    await cluster.kubectl(["apply", "-f", "-"], stringify({ ...manifest, spec }));
    await twin.stable(240);
    const result = await until("the twin's output", 180, async () => {
      const found = await twin.result();
      return found.records > 0 && found;
    });
    expect(result.starts).toEqual(starts);
    expect(result.missing.every(({ from }) => from === 0)).toBe(true);
    expect([result.duplicates, result.countBreaks, result.damaged]).toEqual([[], [], []]);
    await twin.deleteLeavesNothing();
  });

  it("is deleted with its namespace, and a savepoint that nobody can dispose of any more holds nothing up", async () => {
    await create("last", { savepoint: {} });
    const path = await completedByName("last");
    await job.deleteLeavesNothing();
    await cluster.kubectl(["wait", "--for=delete", `namespace/${job.namespace}`, "--timeout=120s"]);
    expect(isStored(path)).toBe(true);
  });
});
