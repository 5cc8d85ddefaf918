/** A session cluster with two jobs in the model, and what brings them to rest. */
import type { FlinkDeployment, UpgradeMode } from "../../src/api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../src/api/flink-session-job.ts";
import { SessionWorld } from "./session-world.ts";

const STATE = {
  "state.checkpoints.dir": "s3://checkpoints",
  "state.savepoints.dir": "s3://savepoints",
  "execution.checkpointing.interval": "10 s",
};
const HA = { "high-availability.type": "kubernetes", "high-availability.storageDir": "s3://ha" };

function cluster(ha: boolean): FlinkDeployment {
  return {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkDeployment",
    metadata: { name: "session", namespace: "default" },
    spec: {
      image: "flink",
      flinkVersion: "v2_2",
      serviceAccount: "flink",
      flinkConfiguration: { ...STATE, ...(ha ? HA : {}) },
      jobManager: { resource: { memory: "1g" } },
      taskManager: { resource: { memory: "1g" } },
    },
  };
}

function sessionJob(name: string, upgradeMode: UpgradeMode, digit: string): FlinkSessionJob {
  return {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkSessionJob",
    metadata: {
      name,
      namespace: "default",
      uid: `${digit.repeat(8)}-0000-4000-8000-000000000000`,
      generation: 1,
      finalizers: ["flinksessionjobs.flink.apache.org/finalizer"],
    },
    spec: {
      deploymentName: "session",
      job: { jarURI: "https://example.com/job.jar", parallelism: 1, upgradeMode },
    },
  };
}

/** A cluster with the jobs `a` and `b`. */
export function worldOf(ha: boolean, upgradeMode: UpgradeMode): SessionWorld {
  return new SessionWorld(cluster(ha), [
    sessionJob("a", upgradeMode, "a"),
    sessionJob("b", upgradeMode, "b"),
  ]);
}

export function isReady(resource: {
  status?: { conditions?: readonly { type: string; status: string }[] };
}): boolean {
  return (
    resource.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true
  );
}

/** True when everything is at rest, and as it is wanted. */
export function settle(world: SessionWorld): boolean {
  return world.settle(() => [world.world.resource, ...world.resources.values()].every(isReady));
}
