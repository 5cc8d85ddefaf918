/** Mistakes in a job file, on a real cluster: what runs goes on, and status and events name the field and the remedy. */
import { beforeAll, describe, expect, it } from "vitest";
import { type Cluster, installOperator, Job, until } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";

let cluster: Cluster;
let job: Job;
beforeAll(async () => {
  if (nodeMissing()) return;
  cluster = await installOperator();
});

function condition(found: Awaited<ReturnType<Job["get"]>>, type: string) {
  return found.status?.conditions?.find((one) => one.type === type);
}

async function stalled(seconds = 120) {
  return until("Stalled", seconds, async () => {
    const found = await job.get();
    const current = condition(found, "Stalled");
    return current?.status === "True" && current.observedGeneration === found.metadata.generation && found;
  });
}

async function events(): Promise<string> {
  const columns = "custom-columns=TYPE:.type,REASON:.reason,MESSAGE:.message";
  return cluster.kubectl(["-n", job.namespace, "get", "events", "--no-headers", "-o", columns]);
}

describe.skipIf(nodeMissing())("a running job whose spec becomes invalid", () => {
  it("runs before", async () => {
    job = await Job.create(cluster, { flink: "2.3", upgradeMode: "savepoint" });
    await job.apply();
    await job.stable(240);
  });

  it.each([
    ["parallelism 0", { job: { parallelism: 0 } }, "spec.job.parallelism"],
    ["a forbidden key", { flinkConfiguration: { "kubernetes.cluster-id": "x" } }, "kubernetes.cluster-id"],
    [
      "wrong memory",
      { taskManager: { resource: { memory: "1 gygabyte" } } },
      "spec.taskManager.resource.memory",
    ],
    ["too little memory", { jobManager: { resource: { memory: "64m" } } }, "jobManager"],
    ["another mode", { mode: "standalone" }, "spec.mode"],
  ])("goes on with %s, and says so", async (_what, spec, field) => {
    const before = await job.get();
    await job.patch(spec);
    const found = await stalled();
    expect(condition(found, "Stalled")?.reason).toBe("ValidationError");
    expect(found.status?.error).toContain(field);
    expect(await events()).toContain("ValidationError");
    expect(found.status?.jobStatus?.state).toBe("RUNNING");
    expect(found.status?.jobStatus?.jobId).toBe(before.status?.jobStatus?.jobId);
    await cluster.kubectl(
      ["-n", job.namespace, "replace", "-f", "-"],
      JSON.stringify({ ...found, spec: before.spec }),
    );
    const mended = await job.stable();
    expect(mended.status?.jobStatus?.jobId).toBe(before.status?.jobStatus?.jobId);
    expect(mended.status?.error).toBeUndefined();
  });

  it("goes through a main() that throws, says why, and comes back with its state", async () => {
    await job.provesNoLoss();
    const { spec } = await job.get();
    await job.patch({ job: { args: [...(spec.job?.args ?? []), "--fail"] } });
    const found = await job.state("FAILED", 240);
    expect(found.status?.error).toMatch(/Exception|Error/);
    expect(condition(found, "Stalled")?.status).toBe("True");
    await job.patch({ job: { args: spec.job?.args ?? [] } });
    await job.stable(240);
    await job.provesNoLoss();
  });

  it("goes through an image that does not exist, says why, and comes back with its state", async () => {
    const { spec } = await job.get();
    await job.patch({ image: "sluice.test/flink:missing" });
    const found = await stalled(240);
    expect(found.status?.error).toMatch(/ErrImageNeverPull|ImagePull/);
    expect(found.status?.jobManagerDeploymentStatus).toBe("ERROR");
    await job.patch({ image: spec.image });
    await job.stable(240);
    await job.provesNoLoss();
    await job.deleteLeavesNothing();
  });
});
