/** A standalone session cluster with two jobs on a real Kubernetes with a real Flink: no record lost, none double. */
import { beforeAll, describe, expect, it } from "vitest";
import type { FlinkDeployment } from "../../src/api/flink-deployment.ts";
import { until } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";
import { SessionJobs } from "./session-jobs.ts";

const JOBS = ["one", "two"] as const;

function lastStart({ status }: FlinkDeployment): number | undefined {
  return status?.reconciliationStatus?.reconciliationTimestamp;
}

/** Called once for each version, in a file of its own: one with HA, which brings the jobs back, and one without. */
export function standaloneSession(flink: "2.3" | "1.20", ha: boolean): void {
  let jobs: SessionJobs;
  beforeAll(async () => {
    if (nodeMissing()) return;
    jobs = await SessionJobs.create(flink);
  });

  async function allWell(): Promise<void> {
    for (const name of JOBS) await jobs.stable(name);
    for (const name of JOBS) await jobs.provesNoLoss(name);
  }

  /** With HA a new cluster goes on with the jobs that it finds; without, they were stopped, and start again. */
  async function expectJobs(before: readonly (string | undefined)[]): Promise<void> {
    const after = await Promise.all(JOBS.map((name) => jobs.jobId(name)));
    for (const [index, id] of after.entries()) expect(id === before[index]).toBe(ha);
  }

  async function taskManagers(): Promise<string[]> {
    const selector = `app=${jobs.session.name},component=taskmanager`;
    return (await jobs.kubectl("get", "pods", "-l", selector, "-o", "name")).trim().split("\n");
  }

  describe.skipIf(nodeMissing())(
    `Flink ${flink}, a standalone session cluster ${ha ? "with" : "without"} HA`,
    () => {
      it("runs two jobs", async () => {
        const { taskManager } = jobs.session.manifest().spec;
        await jobs.applyCluster(
          { mode: "standalone", taskManager: { ...taskManager, replicas: 2 } },
          {
            "taskmanager.numberOfTaskSlots": "1",
            "kubernetes.operator.deployment.readiness.timeout": "20 s",
            ...(ha ? {} : { "high-availability.type": "NONE" }),
          },
        );
        for (const name of JOBS) await jobs.apply(name);
        const { status } = await jobs.clusterStable();
        expect(status?.taskManager).toEqual({
          labelSelector: `component=taskmanager,app=${jobs.session.name}`,
          replicas: 2,
        });
        await allWell();
      });

      it("survives its TaskManagers", async () => {
        await jobs.session.killPods("taskmanager");
        await allWell();
      });

      it("is scaled by kubectl, and neither it nor its jobs start anew for it", async () => {
        const before = await jobs.clusterStable();
        const ids = await Promise.all(JOBS.map((name) => jobs.jobId(name)));
        const jobManager = await jobs.kubectl("get", "pods", "-l", "component=jobmanager", "-o", "name");
        await jobs.kubectl("scale", `flinkdep/${jobs.session.name}`, "--replicas=3");
        await until("three TaskManagers", 60, async () => (await taskManagers()).length === 3);
        const after = await jobs.clusterStable();
        expect(after.status?.taskManager?.replicas).toBe(3);
        expect(lastStart(after)).toBeGreaterThan(lastStart(before) ?? 0);
        expect(await jobs.kubectl("get", "pods", "-l", "component=jobmanager", "-o", "name")).toBe(
          jobManager,
        );
        expect(await Promise.all(JOBS.map((name) => jobs.jobId(name)))).toEqual(ids);
        // The third slot is there to be used.
        await jobs.patch("one", { parallelism: 2 });
        await allWell();
      });

      it("gets a deleted TaskManager Deployment back", async () => {
        await jobs.kubectl("delete", "deployment", `${jobs.session.name}-taskmanager`);
        await until("three TaskManagers", 90, async () => (await taskManagers()).length === 3);
        await allWell();
      });

      it("is changed, and its jobs go on", async () => {
        const ids = await Promise.all(JOBS.map((name) => jobs.jobId(name)));
        await jobs.session.patch({ flinkConfiguration: { "web.refresh-interval": "2500" } });
        const { status } = await jobs.clusterStable();
        expect(status?.history?.map(({ outcome }) => outcome)).toEqual(["Stable", "Stable", "Stable"]);
        await allWell();
        await expectJobs(ids);
      });

      it("gives way to the last stable one when it cannot run, and its jobs go on", async () => {
        const ids = await Promise.all(JOBS.map((name) => jobs.jobId(name)));
        await jobs.session.patch({ image: "sluice.test/flink:none" });
        const { status } = await jobs.session.state("ROLLED_BACK", 240);
        expect(status?.error).toContain("was rolled back");
        await allWell();
        await expectJobs(ids);
        expect((await jobs.session.get()).status?.history?.at(-2)?.outcome).toBe("RolledBack");
      });

      it("is rolled back by hand", async () => {
        await jobs.session.sluice("rollback", jobs.session.name);
        const { spec } = await jobs.clusterStable();
        expect(spec.image).toBe(`sluice.test/flink:${flink}`);
        expect(await jobs.session.sluice("history", jobs.session.name)).toMatch(/RolledBack[\s\S]*Stable\n$/);
        await allWell();
      });

      it("goes in any order, and leaves nothing", async () => {
        await jobs.goesInAnyOrder(...JOBS);
      });
    },
  );
}
