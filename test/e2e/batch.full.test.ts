/** Jobs that come to an end, on a real Kubernetes with a real Flink: their result stays, and a change runs them anew. */
import { beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type { FlinkDeployment, FlinkDeploymentSpec } from "../../src/api/flink-deployment.ts";
import { attachCluster, BUCKET, type Cluster, Job, until } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";

const KEYS = 8;
const RECORDS_OF_A_KEY = 50;
const TTL = "kubernetes.operator.jm-deployment.shutdown-ttl";

let cluster: Cluster;
beforeAll(() => {
  if (nodeMissing()) return;
  cluster = attachCluster();
});

/** FINISHED with the newest spec, and Ready says so. */
async function finished(job: Job): Promise<FlinkDeployment> {
  try {
    return await until(`${job.namespace} FINISHED`, 240, async () => {
      const found = await job.get();
      const { generation } = found.metadata;
      const { observedGeneration, lifecycleState, jobStatus, conditions = [] } = found.status ?? {};
      const ready = conditions.find(({ type }) => type === "Ready");
      const current = observedGeneration === generation && ready?.observedGeneration === generation;
      const done = jobStatus?.state === "FINISHED" && lifecycleState === "STABLE";
      return current && done && ready?.status === "True" && ready.reason === "Finished" && found;
    });
  } catch (error) {
    throw new Error(`${String(error)}\n${await job.explain()}`, { cause: error });
  }
}

/** Each run has written each of its records once, and there were so many runs. */
async function hasRun(job: Job, times: number, areCountsOrdered: boolean): Promise<void> {
  const { records, missing, duplicates, countBreaks, damaged, freshStarts } = await job.result();
  expect({ records, missing, duplicates, damaged, freshStarts }).toEqual({
    records: KEYS * RECORDS_OF_A_KEY * times,
    missing: [],
    duplicates: [],
    damaged: [],
    freshStarts: times,
  });
  if (areCountsOrdered) expect(countBreaks).toEqual([]);
}

async function left(job: Job): Promise<string> {
  const kinds = "deployments,pods,services";
  return (await cluster.kubectl(["-n", job.namespace, "get", kinds, "-o", "name"])).trim();
}

async function warnings(job: Job): Promise<string> {
  const args = ["get", "events", "--field-selector", "type=Warning", "-o", "jsonpath={.items[*].reason}"];
  return cluster.kubectl(["-n", job.namespace, ...args]);
}

interface Kind {
  readonly name: string;
  readonly spec: Partial<FlinkDeploymentSpec>;
  readonly configuration: Readonly<Record<string, string>>;
  /** In batch mode records of a key may come in any order. */
  readonly areCountsOrdered: boolean;
}

const KINDS: readonly Kind[] = [
  {
    name: "native, its checkpoints in the JobManager's memory",
    spec: { mode: "native" },
    configuration: { "execution.checkpointing.storage": "jobmanager" },
    areCountsOrdered: true,
  },
  {
    name: "standalone, in batch mode and without HA",
    spec: { mode: "standalone" },
    configuration: { "execution.runtime-mode": "BATCH", "high-availability.type": "NONE" },
    areCountsOrdered: false,
  },
];

describe.skipIf(nodeMissing()).each(KINDS)("a bounded job, $name", (kind) => {
  const { areCountsOrdered } = kind;
  let job: Job;
  let firstId: string | undefined;

  it("finishes, and stays so with its result to be read", async () => {
    job = await Job.create(cluster, { upgradeMode: "savepoint" });
    const { spec, ...manifest } = job.manifest();
    const output = ["--output", `s3://${BUCKET}/${job.namespace}/output`, "--rate", "200"];
    const bounded = {
      ...manifest,
      spec: {
        ...spec,
        ...kind.spec,
        flinkConfiguration: { ...(spec.flinkConfiguration as object), ...kind.configuration },
        job: {
          ...spec.job,
          args: [...output, "--keys", String(KEYS), "--count", String(RECORDS_OF_A_KEY)],
        },
      },
    };
    await cluster.kubectl(["apply", "-f", "-"], stringify(bounded));
    const { status } = await finished(job);
    firstId = status?.jobStatus?.jobId;
    expect(status?.jobManagerDeploymentStatus).toBe("READY");
    expect(status?.jobStatus?.upgradeSavepointPath).toBeUndefined();
    expect(status?.error).toBeUndefined();
    await hasRun(job, 1, areCountsOrdered);
    expect(await left(job)).toContain(`deployment.apps/${job.name}`);
  });

  it("runs again when it is changed, though it left no checkpoint", async () => {
    await job.patch({ restartNonce: 1 });
    const { status } = await finished(job);
    expect(status?.jobStatus?.jobId).not.toBe(firstId);
    await hasRun(job, 2, areCountsOrdered);
  });

  it("loses its JobManager after the time that is asked for, and nothing else changes", async () => {
    const before = await job.get();
    await job.patch({ flinkConfiguration: { [TTL]: "1 s" } });
    await until("nothing of the cluster left", 120, async () => (await left(job)) === "");
    const { status } = await until("the JobManager known to be gone", 30, async () => {
      const found = await job.get();
      return found.status?.jobManagerDeploymentStatus === "MISSING" && found;
    });
    expect(status?.jobStatus).toEqual(before.status?.jobStatus);
    expect(status?.lifecycleState).toBe("STABLE");
    expect(status?.conditions?.find(({ type }) => type === "Ready")).toMatchObject({
      status: "True",
      reason: "Finished",
    });
    await hasRun(job, 2, areCountsOrdered);
  });

  it("runs again when it is changed after that, and its result is seen though its JobManager goes at once", async () => {
    await job.patch({ restartNonce: 2 });
    await finished(job);
    await hasRun(job, 3, areCountsOrdered);
    await until("nothing of the cluster left", 120, async () => (await left(job)) === "");
    const reasons = (await warnings(job)).split(" ");
    expect(reasons.filter((reason) => /CheckpointNotFound|UpgradeFailed|RestoreFailed/.test(reason))).toEqual(
      [],
    );
  });

  it("is deleted and leaves nothing", async () => {
    await job.deleteLeavesNothing();
  });
});
