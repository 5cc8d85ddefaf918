/** Mistakes in a job file, on a real cluster: what runs goes on, and status and events name the field and the remedy. */
import { beforeAll, describe, expect, it } from "vitest";
import { type Cluster, attachCluster, Job, TESTED, until } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";

let cluster: Cluster;
let job: Job;
beforeAll(() => {
  if (nodeMissing()) return;
  cluster = attachCluster();
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
    job = await Job.create(cluster, { upgradeMode: "savepoint" });
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
    ["another mode", { mode: TESTED.mode === "native" ? "standalone" : "native" }, "spec.mode"],
  ])("goes on with %s, and says so", async (_what, spec, field) => {
    const before = await job.get();
    await job.patch(spec);
    const found = await stalled();
    expect(condition(found, "Stalled")?.reason).toBe("ValidationError");
    expect(found.status?.error).toContain(field);
    await until("the event", 30, async () => (await events()).includes("ValidationError"));
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

  it("goes on with its last good spec when a change does not work, and says why", async () => {
    await job.patch({ flinkConfiguration: { "kubernetes.operator.deployment.readiness.timeout": "15 s" } });
    await job.stable();
    await job.provesNoLoss();
  });

  it.each([
    ["main() throws", { job: { args: ["--fail"] } }, /Exception|Error/],
    ["the jar is not in the image", { job: { jarURI: "local:///opt/flink/none.jar" } }, /none\.jar/],
    ["the image does not exist", { image: "sluice.test/flink:missing" }, /ErrImageNeverPull|not present/],
  ])("when %s", async (_what, spec, cause) => {
    const before = await job.get();
    const generation = await job.patch(spec);
    const back = await until("ROLLED_BACK and RUNNING", 240, async () => {
      const found = await job.get();
      const { lifecycleState, jobStatus } = found.status ?? {};
      return lifecycleState === "ROLLED_BACK" && jobStatus?.state === "RUNNING" && found;
    });
    expect(back.status?.error).toContain(`generation ${generation} was rolled back`);
    expect(back.status?.error).toMatch(cause);
    expect(condition(back, "Stalled")).toMatchObject({ status: "True", reason: "RolledBack" });
    await until("the event", 30, async () => (await events()).includes("Rolling back failed deployment"));
    await job.provesNoLoss();
    await cluster.kubectl(
      ["-n", job.namespace, "replace", "-f", "-"],
      JSON.stringify({ ...(await job.get()), spec: before.spec }),
    );
    const mended = await job.stable();
    expect(mended.status?.jobStatus?.jobId).toBe(back.status?.jobStatus?.jobId);
    expect(mended.status?.error).toBeUndefined();
  });

  it("goes back by hand to what ran before, with its state", async () => {
    await job.patch({ job: { parallelism: 2 } });
    await job.stable();
    await job.provesNoLoss();
    expect(await job.sluice("history", job.name)).toMatch(/REVISION.*OUTCOME\n(.*\n)*.*Stable/);
    await job.sluice("rollback", job.name);
    const { spec } = await job.stable();
    expect(spec.job?.parallelism).toBe(1);
  });

  it("leaves nothing behind", async () => {
    await job.provesNoLoss();
    await job.deleteLeavesNothing();
  });
});

describe.skipIf(nodeMissing())("a first deployment whose pods cannot run", () => {
  const init = (container: object): Record<string, unknown> => ({
    jobManager: {
      podTemplate: {
        spec: { initContainers: [{ name: "prepare", image: "sluice.test/flink:1.20", ...container }] },
      },
    },
  });
  const never = { imagePullPolicy: "Never" };

  it("is applied", async () => {
    job = await Job.create(cluster, { flink: "1.20", upgradeMode: "savepoint" });
    await job.apply();
    await job.patch({ flinkConfiguration: { "kubernetes.operator.deployment.readiness.timeout": "15 s" } });
  });

  it.each([
    [
      "crash",
      init({
        ...never,
        command: ["sh", "-c", "echo no such license >&2; exit 3"],
        terminationMessagePolicy: "FallbackToLogsOnError",
      }),
      /CrashLoopBackOff.*exit code 3: no such license/,
    ],
    [
      "need more memory than their limit",
      init({ ...never, command: ["tail", "/dev/zero"], resources: { limits: { memory: "32Mi" } } }),
      /OOMKilled/,
    ],
    [
      "fit on no node",
      { jobManager: { podTemplate: { spec: { initContainers: null, nodeSelector: { disk: "none" } } } } },
      /Unschedulable/,
    ],
  ])("says so when they %s", async (_what, spec, cause) => {
    await job.patch(spec);
    const found = await until("the cause in status and condition", 120, async () => {
      const now = await job.get();
      return cause.test(`${condition(now, "Stalled")?.reason} ${condition(now, "Stalled")?.message}`) && now;
    });
    expect(found.status?.jobManagerDeploymentStatus).toBe("ERROR");
    expect(found.status?.error).toMatch(new RegExp(cause.source.split(".*").at(-1) ?? ""));
    const reason = new RegExp(cause.source.split(".*")[0] ?? "");
    await until("the event", 30, async () => reason.test(await events()));
  });

  it("and runs as soon as they can", async () => {
    await job.patch({ jobManager: { podTemplate: null } });
    await job.stable();
    await job.provesNoLoss();
    await job.deleteLeavesNothing();
  });
});
