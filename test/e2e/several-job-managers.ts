/** Several JobManagers on a real Kubernetes with a real Flink: when the leader dies, another one goes on with the job. */
import { beforeAll, describe, expect, it } from "vitest";
import type { FlinkDeployment, FlinkDeploymentSpec } from "../../src/api/flink-deployment.ts";
import type { KubeObject } from "../../src/api/kube-object.ts";
import { attachCluster, type Cluster, Job, type JobOptions, until } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";

interface Leader {
  /** Of the leadership: another one for each time that somebody begins to lead. */
  readonly session: string;
  readonly pod: string;
}

/** What Flink writes of its leader into its own ConfigMap: `session,http://address:port`. */
async function leaderOf({ cluster, namespace, name }: Job): Promise<Leader | undefined> {
  const get = (...args: string[]): Promise<string> =>
    cluster.kubectl(["-n", namespace, "get", ...args, "-o", "json"]);
  const map = JSON.parse(await get("configmap", `${name}-cluster-config-map`)) as KubeObject;
  const { items } = JSON.parse(await get("pods", "-l", `app=${name},component=jobmanager`)) as {
    items: (KubeObject & { status?: { podIP?: string } })[];
  };
  const entries = Object.entries((map["data"] ?? {}) as Record<string, string>);
  const text = entries.find(([key]) => key.endsWith("leader.restserver"))?.[1] ?? "";
  const { session, address } = /^(?<session>[^,]+),\w+:\/\/(?<address>[^:]+):/.exec(text)?.groups ?? {};
  const pod = items.find(({ status }) => status?.podIP === address)?.metadata.name;
  return session === undefined || pod === undefined ? undefined : { session, pod };
}

/** Kills whoever leads, until that is another pod: the one that was killed starts again, and may win once more. */
export async function replaceLeader(job: Job): Promise<void> {
  const first = await until("a leader", 60, () => leaderOf(job));
  let killed: Leader | undefined;
  await until("another JobManager leads", 300, async () => {
    const now = await leaderOf(job);
    if (now === undefined || now.session === killed?.session) return false;
    if (now.pod !== first.pod) return true;
    killed = now;
    expect(await job.cluster.testbed.killPod(job.namespace, now.pod)).toBeGreaterThan(0);
    return false;
  });
}

/** Of Sluice's last start of the cluster, and of the objects that it made. */
async function startOf(job: Job, { status }: FlinkDeployment): Promise<unknown> {
  const uid = ["get", "deployment", job.name, "-o", "jsonpath={.metadata.uid}"];
  return {
    jobId: status?.jobStatus?.jobId,
    time: status?.reconciliationStatus?.reconciliationTimestamp,
    deployment: await job.cluster.kubectl(["-n", job.namespace, ...uid]),
  };
}

/** Called once for each mode and version, in a file of its own. */
export function severalJobManagers(
  flink: JobOptions["flink"],
  spec: Partial<FlinkDeploymentSpec> = {},
): void {
  let cluster: Cluster;
  let job: Job;
  beforeAll(() => {
    if (nodeMissing()) return;
    cluster = attachCluster();
  });

  describe.skipIf(nodeMissing())(`Flink ${flink}, ${spec.mode ?? "native"}, three JobManagers`, () => {
    it("run one job", async () => {
      const jobManager = { replicas: 3, resource: { memory: "1g", cpu: 0.1 } };
      job = await Job.create(cluster, { flink, upgradeMode: "savepoint", spec: { ...spec, jobManager } });
      await job.apply();
      await job.stable(300);
      await job.provesNoLoss();
    });

    it("go on with it when the one that leads is killed, and Sluice does nothing", async () => {
      const before = await startOf(job, await job.stable());
      await replaceLeader(job);
      await job.provesNoLoss();
      expect(await startOf(job, await job.stable())).toEqual(before);
      const events = await cluster.kubectl(["-n", job.namespace, "get", "events", "-o", "name"]);
      expect(events).not.toMatch(/recover|missing/i);
    });

    it("take a savepoint and are replaced when the job is changed: Sluice reaches the new leader", async () => {
      const before = (await job.get()).status?.jobStatus?.jobId;
      await job.patch({ job: { parallelism: 2 } });
      const { status } = await job.stable();
      expect(status?.jobStatus?.jobId).not.toBe(before);
      expect(status?.jobStatus?.upgradeSavepointPath).toMatch(/^s3:/);
      await job.provesNoLoss();
    });

    it("go, and leave nothing", async () => {
      await job.deleteLeavesNothing();
    });
  });
}
