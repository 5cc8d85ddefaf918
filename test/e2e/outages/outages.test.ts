/** Outages of the API server around a running job: nothing is lost, and nobody has to restart Sluice. */
import { beforeAll, describe, expect, it } from "vitest";
import { type Cluster, attachCluster, Job } from "../../../testbed/scenario.ts";
import { nodeMissing } from "../../support/node-testbed.ts";

let cluster: Cluster;
let job: Job;

async function restarts(): Promise<string> {
  const path = "jsonpath={.items[*].status.containerStatuses[*].restartCount}";
  return cluster.kubectl(["-n", "sluice-system", "get", "pods", "-o", path]);
}

beforeAll(async () => {
  if (nodeMissing()) return;
  cluster = attachCluster();
  job = await Job.create(cluster, { flink: "2.3", upgradeMode: "savepoint" });
  await job.apply();
  await job.stable(240);
});

describe.skipIf(nodeMissing())("the API server", () => {
  it("restarts, and the next change is carried out", async () => {
    const before = await restarts();
    await cluster.testbed.restartApiServer();
    await job.patch({ job: { parallelism: 2 } });
    await job.stable(240);
    await job.provesNoLoss();
    expect(await restarts()).toBe(before);
  });

  it("stalls for 60 s in the middle of an upgrade, which then ends as asked", async () => {
    const before = await restarts();
    await job.patch({ job: { parallelism: 1 } });
    await job.state("UPGRADING");
    await cluster.testbed.stallApi(60);
    await job.stable(300);
    await job.provesNoLoss();
    // The stall is longer than the lease: the operator loses it, and takes it again by itself.
    expect(await restarts()).toBe(before);
    await job.deleteLeavesNothing();
  });
});
