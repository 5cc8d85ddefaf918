/** Standalone clusters on a real Kubernetes with a real Flink and state on S3: no record lost, none double. */
import { stringify } from "yaml";
import { beforeAll, describe, expect, it } from "vitest";
import { type Cluster, attachCluster, Job, until } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";

/** Name and uid of each object, one a line. */
async function objects(job: Job, kind: string, selector: string): Promise<string[]> {
  const columns = "custom-columns=NAME:.metadata.name,UID:.metadata.uid";
  const args = ["get", kind, "-l", `app=${job.name},${selector}`, "--no-headers", "-o", columns];
  const text = await job.cluster.kubectl(["-n", job.namespace, ...args]);
  return text.split("\n").filter((line) => line !== "");
}

/** Rescales as soon as a slot comes, and not after the minutes that save a production job from many restarts. */
const AT_ONCE = {
  "jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling": "1 s",
  "jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout": "1 s",
  "jobmanager.adaptive-scheduler.rescale-trigger.max-delay": "5 s",
};

/** Called once for each version, in a file of its own. */
export function standalone(flink: "2.3" | "1.20"): void {
  let cluster: Cluster;
  beforeAll(() => {
    if (nodeMissing()) return;
    cluster = attachCluster();
  });

  describe.skipIf(nodeMissing())(`Flink ${flink}, standalone with HA`, () => {
    let job: Job;

    it("is applied and becomes RUNNING and STABLE", async () => {
      job = await Job.create(cluster, { flink, upgradeMode: "savepoint", spec: { mode: "standalone" } });
      await job.apply();
      await job.stable(240);
      expect(await objects(job, "deployments", "component in (jobmanager,taskmanager)")).toHaveLength(2);
      await job.provesNoLoss();
    });

    it("changes its parallelism, and with it its TaskManagers, from a savepoint", async () => {
      const before = (await job.get()).status?.jobStatus?.jobId;
      await job.patch({ job: { parallelism: 3 } });
      const { status } = await job.stable();
      expect(status?.jobStatus?.jobId).not.toBe(before);
      expect(status?.jobStatus?.savepointInfo?.lastSavepoint?.location).toMatch(/^s3:/);
      expect(status?.taskManager).toEqual({
        labelSelector: `component=taskmanager,app=${job.name}`,
        replicas: 2,
      });
      await job.provesNoLoss();
    });

    it("changes it back from the last state", async () => {
      const before = (await job.get()).status?.jobStatus?.jobId;
      await job.patch({ job: { upgradeMode: "last-state", parallelism: 1 } });
      const { status } = await job.stable();
      expect(status?.jobStatus?.jobId).toBe(before);
      await job.provesNoLoss();
    });

    it("survives its JobManager pod", async () => {
      await job.killPods("jobmanager");
      await job.stable();
      await job.provesNoLoss();
    });

    it("gets a deleted TaskManager Deployment back, and is not deployed anew for it", async () => {
      const { status } = await job.get();
      const [jobManager, workers] = await Promise.all([
        objects(job, "deployments", "component=jobmanager"),
        objects(job, "deployments", "component=taskmanager"),
      ]);
      await cluster.kubectl(["-n", job.namespace, "delete", "deployment", `${job.name}-taskmanager`]);
      await until("another TaskManager Deployment", 60, async () => {
        const now = await objects(job, "deployments", "component=taskmanager");
        return now.length === 1 && now[0] !== workers[0];
      });
      const after = await job.stable();
      expect(after.status?.jobStatus?.jobId).toBe(status?.jobStatus?.jobId);
      expect(await objects(job, "deployments", "component=jobmanager")).toEqual(jobManager);
      await job.provesNoLoss();
    });

    it("is suspended and resumed", async () => {
      await job.patch({ job: { upgradeMode: "savepoint", state: "suspended" } });
      const { status } = await job.state("SUSPENDED");
      expect(status?.jobStatus?.upgradeSavepointPath).toMatch(/^s3:/);
      await until("the suspended cluster gone", 90, async () => {
        const left = await cluster.kubectl(["-n", job.namespace, "get", "pods,deployments", "-o", "name"]);
        return left.trim() === "";
      });
      await job.patch({ job: { state: "running" } });
      await job.stable();
      await job.provesNoLoss();
    });

    it("is deleted and leaves nothing", async () => {
      await job.deleteLeavesNothing();
    });
  });
}

/** In reactive mode. */
export function reactive(): void {
  let cluster: Cluster;
  beforeAll(() => {
    if (nodeMissing()) return;
    cluster = attachCluster();
  });

  describe.skipIf(nodeMissing())("Flink 2.3, reactive", () => {
    it("takes the slots of another TaskManager when it is scaled, and is not deployed anew for it", async () => {
      const job = await Job.create(cluster, { flink: "2.3", upgradeMode: "savepoint" });
      const manifest = job.manifest();
      const { spec } = manifest;
      spec.mode = "standalone";
      spec.taskManager = { ...spec.taskManager, replicas: 1 };
      spec.flinkConfiguration = {
        ...(spec.flinkConfiguration as object),
        ...AT_ONCE,
        "scheduler-mode": "reactive",
      };
      await cluster.kubectl(["apply", "-f", "-"], stringify(manifest));
      const before = await job.stable(240);
      const jobManager = await objects(job, "pods", "component=jobmanager");
      await job.provesNoLoss();

      await cluster.kubectl(["-n", job.namespace, "scale", `flinkdep/${job.name}`, "--replicas=2"]);
      await until("tasks of all four slots", 180, async () => {
        const selector = `app=${job.name},component=taskmanager`;
        // Refused as long as one of the pods has not started.
        const args = ["-n", job.namespace, "logs", "-l", selector, "--tail=-1"];
        const logs = await cluster.kubectl(args).catch(() => "");
        return /\(4\/4\)#\d+ .*switched from INITIALIZING to RUNNING/.test(logs);
      });
      const { status } = await job.stable();
      expect(status?.taskManager?.replicas).toBe(2);
      expect(status?.jobStatus?.jobId).toBe(before.status?.jobStatus?.jobId);
      expect(await objects(job, "pods", "component=taskmanager")).toHaveLength(2);
      expect(await objects(job, "pods", "component=jobmanager")).toEqual(jobManager);
      await job.provesNoLoss();
      await job.deleteLeavesNothing();
    });
  });
}
