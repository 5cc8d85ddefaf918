/** A job's life on a real Kubernetes with a real Flink and state on S3: after each event, no record lost, none double. */
import { beforeAll, describe, expect, it } from "vitest";
import { type Cluster, attachCluster, Job, killOperator, until } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";

/** Called once for each version, in a file of its own, so that they run beside each other. */
export function lifeCycle(flink: "2.3" | "1.20"): void {
  let cluster: Cluster;
  beforeAll(() => {
    if (nodeMissing()) return;
    cluster = attachCluster();
  });

  describe.skipIf(nodeMissing())(`Flink ${flink} with HA`, () => {
    let job: Job;

    it("is applied and becomes RUNNING and STABLE", async () => {
      job = await Job.create(cluster, { flink, upgradeMode: "savepoint" });
      await job.apply();
      await job.stable(240);
      await job.provesNoLoss();
    });

    it("changes its parallelism from a savepoint", async () => {
      const before = (await job.get()).status?.jobStatus?.jobId;
      await job.patch({ job: { parallelism: 2 } });
      const { status } = await job.stable();
      expect(status?.jobStatus?.jobId).not.toBe(before);
      expect(status?.jobStatus?.savepointInfo?.lastSavepoint?.location).toMatch(/^s3:/);
      await job.provesNoLoss();
    });

    it("changes its parallelism from the last state", async () => {
      const before = (await job.get()).status?.jobStatus?.jobId;
      await job.patch({ job: { upgradeMode: "last-state", parallelism: 1 } });
      const { status } = await job.stable();
      expect(status?.jobStatus?.jobId).toBe(before);
      await job.provesNoLoss();
    });

    it("is suspended and resumed", async () => {
      await job.patch({ job: { upgradeMode: "savepoint", state: "suspended" } });
      const { status } = await job.state("SUSPENDED");
      expect(status?.jobStatus?.upgradeSavepointPath).toMatch(/^s3:/);
      await until("the suspended cluster gone", 90, async () => {
        const pods = await cluster.kubectl(["-n", job.namespace, "get", "pods,deployments", "-o", "name"]);
        return pods.trim() === "";
      });
      await job.patch({ job: { state: "running" } });
      await job.stable();
      await job.provesNoLoss();
    });

    it("survives its JobManager pod", async () => {
      await job.killPods("jobmanager");
      await job.stable();
      await job.provesNoLoss();
    });

    it("survives its TaskManager pod", async () => {
      await job.killPods("taskmanager");
      await job.stable();
      await job.provesNoLoss();
    });

    it("survives the deletion of its JobManager Deployment", async () => {
      await cluster.kubectl(["-n", job.namespace, "delete", "deployment", job.name]);
      await job.stable();
      await job.provesNoLoss();
    });

    it("survives an operator killed in the middle of an upgrade", async () => {
      await job.patch({ job: { parallelism: 2 } });
      await job.state("UPGRADING");
      await killOperator(cluster);
      await job.stable();
      await job.provesNoLoss();
    });

    it("is deleted and leaves nothing", async () => {
      await job.deleteLeavesNothing();
    });
  });

  describe.skipIf(nodeMissing())(`Flink ${flink}, stateless`, () => {
    it("starts empty exactly once for each change", async () => {
      const job = await Job.create(cluster, { flink, upgradeMode: "stateless" });
      await job.apply();
      await job.stable(240);
      await until("the first output", 180, async () => (await job.result()).freshStarts === 1);
      await job.patch({ job: { parallelism: 2 } });
      await job.stable();
      await until("the second start's output", 180, async () => (await job.result()).freshStarts === 2);
      const { freshStarts } = await job.result();
      expect(freshStarts).toBe(2);
      await job.deleteLeavesNothing();
    });
  });
}
