/** A job whose HA metadata is gone, on a real cluster: it comes back from its newest retained checkpoint, and no record is lost. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { attachNode } from "../../testbed/node.ts";
import { BUCKET, type Cluster, Job, until } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";

let cluster: Cluster;
let job: Job;

beforeAll(() => {
  if (nodeMissing()) return;
  const testbed = attachNode();
  cluster = { testbed, kubectl: testbed.kubectl };
});

async function jobId(): Promise<string> {
  return (await job.get()).status?.jobStatus?.jobId ?? "";
}

/** Messages of the events that say what the job was restored from, oldest first. */
async function restores(): Promise<string[]> {
  const query = ["get", "events", "--field-selector", "reason=RestoringFromCheckpoint", "-o", "json"];
  const { items } = JSON.parse(await cluster.kubectl(["-n", job.namespace, ...query])) as {
    items: { message: string; metadata: { creationTimestamp: string } }[];
  };
  return items
    .toSorted((a, b) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp))
    .map(({ message }) => message);
}

/** The highest complete checkpoint in a job's folder of the bucket. */
function newestCheckpoint(id: string): number {
  const folder = join(cluster.testbed.s3.bucketDir(BUCKET), job.namespace, "checkpoints", id);
  const complete = readdirSync(folder).filter(
    (name) => name.startsWith("chk-") && existsSync(join(folder, name, "_metadata")),
  );
  return Math.max(...complete.map((name) => Number(name.slice("chk-".length))));
}

/** The job with another id, started from the newest checkpoint of `before`, as the newest event says. */
async function comesBackFrom(before: string, events: number): Promise<void> {
  const message = await until("the event that names the checkpoint", 180, async () => {
    const found = await restores();
    return found.length === events && found.at(-1);
  });
  const newest = newestCheckpoint(before);
  const folder = `s3://${BUCKET}/${job.namespace}/checkpoints/${before}`;
  expect(message).toContain(`retained checkpoint ${newest} of job ${before}`);
  expect(message.endsWith(`: ${folder}/chk-${newest}`), message).toBe(true);
  const { status } = await job.stable(240);
  expect(status?.jobStatus?.jobId).not.toBe(before);
  expect(status?.jobStatus?.upgradeSavepointPath).toBe(`${folder}/chk-${newest}`);
  expect(status?.error).toBeUndefined();
  await job.provesNoLoss();
}

describe.skipIf(nodeMissing())("a job with retained checkpoints", () => {
  it("is applied and makes checkpoints", async () => {
    job = await Job.create(cluster, { upgradeMode: "savepoint" });
    await job.apply();
    await job.stable(240);
    await job.provesNoLoss();
  });

  it("survives the deletion of its JobManager Deployment together with all its ConfigMaps", async () => {
    const before = await jobId();
    const everything = ["delete", "deployments,configmaps", "-l", `app=${job.name}`, "--wait=false"];
    await cluster.kubectl(["-n", job.namespace, ...everything]);
    await comesBackFrom(before, 1);
  });

  it("survives the deletion of its JobManager Deployment without any HA", async () => {
    const off = { "high-availability.type": null, "high-availability.storageDir": null };
    await job.patch({ flinkConfiguration: off });
    await job.stable();
    await job.provesNoLoss();
    const before = await jobId();
    await cluster.kubectl(["-n", job.namespace, "delete", "deployment", job.name, "--wait=false"]);
    await comesBackFrom(before, 2);
  });

  it("is deleted and leaves nothing", async () => {
    await job.deleteLeavesNothing();
  });
});
