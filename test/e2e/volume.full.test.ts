/** HA storage and checkpoints on a volume of Flink's pods, which the operator does not see: no record lost, none double. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { attachCluster, type Cluster, Job, until } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";

let cluster: Cluster;
let job: Job;
/** On this machine, which is the node. */
let folder: string;

beforeAll(() => {
  if (nodeMissing()) return;
  cluster = attachCluster();
  folder = mkdtempSync(join(tmpdir(), "sluice-volume-"));
  // Flink's user has to write there.
  chmodSync(folder, 0o777);
});

afterAll(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

const MOUNTED = "/flink-state";

async function apply(): Promise<void> {
  const manifest = job.manifest();
  const { spec } = manifest;
  spec.flinkConfiguration = {
    ...(spec.flinkConfiguration as object),
    "high-availability.storageDir": `file://${MOUNTED}/ha`,
    "state.checkpoints.dir": `file://${MOUNTED}/checkpoints`,
    "state.savepoints.dir": `file://${MOUNTED}/savepoints`,
  };
  spec.podTemplate = {
    spec: {
      containers: [{ name: "flink-main-container", volumeMounts: [{ name: "state", mountPath: MOUNTED }] }],
      volumes: [{ name: "state", hostPath: { path: folder, type: "Directory" } }],
    },
  };
  await cluster.kubectl(["apply", "-f", "-"], stringify(manifest));
}

async function jobId(): Promise<string> {
  return (await job.get()).status?.jobStatus?.jobId ?? "";
}

/** As Flink's pods name it. */
function newestCheckpoint(id: string): string {
  const checkpoints = join(folder, "checkpoints", id);
  const newest = readdirSync(checkpoints)
    .filter((name) => name.startsWith("chk-") && existsSync(join(checkpoints, name, "_metadata")))
    .map((name) => Number(name.slice("chk-".length)))
    .reduce((one, other) => Math.max(one, other));
  return `file://${MOUNTED}/checkpoints/${id}/chk-${newest}`;
}

describe.skipIf(nodeMissing())("a job with HA and checkpoints on a volume", () => {
  it("runs", async () => {
    job = await Job.create(cluster, { flink: "2.3", upgradeMode: "last-state" });
    await apply();
    await job.stable(240);
    await job.provesNoLoss();
  });

  it("comes back when its JobManager Deployment is deleted", async () => {
    const before = await jobId();
    await cluster.kubectl(["-n", job.namespace, "delete", "deployment", job.name]);
    await job.stable();
    expect(await jobId()).toBe(before);
    await job.provesNoLoss();
  });

  it("is changed from its last state", async () => {
    await job.patch({ job: { parallelism: 2 } });
    await job.stable();
    await job.provesNoLoss();
  });

  it("whose HA metadata is gone too says what cannot be seen, and goes on from where it is told", async () => {
    const before = await jobId();
    const everything = ["delete", "deployments,configmaps", "-l", `app=${job.name}`, "--wait=false"];
    await cluster.kubectl(["-n", job.namespace, ...everything]);
    const message = await until("a person is asked", 180, async () => {
      const { status } = await job.get();
      const stalled = status?.conditions?.find(({ type }) => type === "Stalled");
      return stalled?.status === "True" && stalled.reason === "RestoreFailed" && stalled.message;
    });
    expect(message).toContain(`${MOUNTED}/checkpoints/${before} is not visible from here`);
    expect(message).toContain("spec.job.initialSavepointPath");
    const pods = await cluster.kubectl(["-n", job.namespace, "get", "pods", "-o", "name"]);
    expect(pods.trim()).toBe("");
    await job.patch({ job: { initialSavepointPath: newestCheckpoint(before), savepointRedeployNonce: 1 } });
    await job.stable();
    await job.provesNoLoss();
  });

  it("is deleted and leaves nothing", async () => {
    await job.deleteLeavesNothing();
  });
});
