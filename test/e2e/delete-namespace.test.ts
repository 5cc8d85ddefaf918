/** A namespace is deleted while its job runs, on a real Kubernetes with a real Flink: it ends, whatever was asked for. */
import { beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { SAVEPOINT_ON_DELETION } from "../../src/flink/options.ts";
import { attachCluster, type Cluster, Job, until } from "../../testbed/scenario.ts";
import { problems } from "../../testbed/verify/counting.ts";
import { nodeMissing } from "../support/node-testbed.ts";

let cluster: Cluster;
beforeAll(() => {
  if (nodeMissing()) return;
  cluster = attachCluster();
});

async function isThere(namespace: string): Promise<boolean> {
  const args = ["get", "namespace", namespace, "--ignore-not-found", "-o", "name"];
  return (await cluster.kubectl(args)).trim() !== "";
}

describe.skipIf(nodeMissing())("the namespace of a running job", () => {
  it("goes within two minutes, also if a savepoint is wanted", async () => {
    const job = await Job.create(cluster, { upgradeMode: "savepoint" });
    const manifest = job.manifest();
    manifest.spec.flinkConfiguration = {
      ...(manifest.spec.flinkConfiguration as object),
      [SAVEPOINT_ON_DELETION.key]: "true",
    };
    await cluster.kubectl(["apply", "-f", "-"], stringify(manifest));
    await job.stable(240);
    await job.provesNoLoss();
    await cluster.kubectl(["delete", "namespace", job.namespace, "--wait=false"]);
    await until("the namespace gone", 120, async () => !(await isThere(job.namespace))).catch(
      async (error: unknown) => {
        throw new Error(`${String(error)}\n${await job.explain()}`, { cause: error });
      },
    );
    const result = await job.result();
    expect(problems(result)).toEqual([]);
    expect(result.freshStarts).toBe(1);
  });
});
