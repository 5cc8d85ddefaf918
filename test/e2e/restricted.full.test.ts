/**
 * Under Pod Security's level `restricted`, with everything denied that is not allowed: the operator as it is installed,
 * and a job whose pod template says what the level asks for. The policies are enforced.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attachCluster, type Cluster, Job } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";
import { denyByDefault, podTemplate } from "../support/restricted.ts";

describe.skipIf(nodeMissing())("restricted namespaces", () => {
  let cluster: Cluster;
  let job: Job;

  beforeAll(async () => {
    cluster = attachCluster();
    job = await Job.create(cluster, { flink: "2.3", upgradeMode: "savepoint", spec: { podTemplate } });
    await cluster.testbed.enforcePolicies();
    await denyByDefault(cluster, job.namespace);
  });
  afterAll(async () => {
    await job?.deleteLeavesNothing();
  });

  it("holds the operator to it", async () => {
    const { kubectl } = cluster;
    const level = "jsonpath={.metadata.labels.pod-security\\.kubernetes\\.io/enforce}";
    expect(await kubectl(["get", "namespace", "sluice-system", "-o", level])).toBe("restricted");
    const policies = await kubectl(["-n", "sluice-system", "get", "networkpolicies", "-o", "name"]);
    expect(policies).toContain("deny-by-default");
    expect(policies).toContain("sluice-operator");
  });

  it("a pod that asks for more is refused", async () => {
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p" },
      spec: { containers: [{ name: "c", image: "x" }] },
    };
    const made = cluster.kubectl(["-n", job.namespace, "create", "-f", "-"], JSON.stringify(pod));
    await expect(made).rejects.toThrow(/violates PodSecurity "restricted/);
  });

  it("a job runs, and is changed without losing a record", async () => {
    await job.apply();
    await job.stable();
    await job.provesNoLoss();
    const { spec } = await job.get();
    await job.patch({ job: { ...spec.job, parallelism: 2 } });
    await job.stable();
    await job.provesNoLoss();
  });
});
