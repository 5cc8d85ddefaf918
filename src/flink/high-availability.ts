/** Flink's Kubernetes high availability: is it on, and what do its ConfigMaps say. */
import type { KubeObject } from "../api/kube-object.ts";
import { type FlinkConfiguration, getOption } from "./configuration.ts";
import { HA_TYPE } from "./options.ts";

const FACTORY = "org.apache.flink.kubernetes.highavailability.KubernetesHaServicesFactory";

export function isKubernetesHaActive(config: FlinkConfiguration): boolean {
  const type = getOption(config, HA_TYPE)?.trim() ?? "";
  return type.toLowerCase() === "kubernetes" || type === FACTORY;
}

/** Whether there is high availability of any kind: Kubernetes, ZooKeeper, or a factory of the user's. */
export function isHaActive(config: FlinkConfiguration): boolean {
  const type = getOption(config, HA_TYPE)?.trim().toLowerCase() ?? "none";
  return type !== "none" && type !== "standalone";
}

/** Whether the ConfigMap is one of Flink's HA maps (and not one of the client's, the autoscaler's or the user's). */
export function isHaConfigMap(map: KubeObject): boolean {
  const { name, labels } = map.metadata;
  return (
    labels?.["configmap-type"] === "high-availability" ||
    (labels?.["type"] === "flink-native-kubernetes" &&
      labels["component"] !== "autoscaler" &&
      (name.endsWith("-config-map") || name.endsWith("-jobmanager-leader")))
  );
}

/** Whether these maps hold a job's metadata, so that a restart finds its checkpoints. */
export function hasHaMetadata(maps: readonly KubeObject[]): boolean {
  return maps.some(({ metadata: { name, labels, deletionTimestamp } }) => {
    if (deletionTimestamp !== undefined || labels?.["component"] === "autoscaler") return false;
    return (
      (name.endsWith("-config-map") && !name.endsWith("-cluster-config-map")) ||
      name.endsWith("-jobmanager-leader")
    );
  });
}

function dataKeys(map: KubeObject): string[] {
  return Object.keys((map["data"] as Record<string, string> | undefined) ?? {});
}

/** Whether at least one completed checkpoint is recorded. */
export function hasHaCheckpoint(maps: readonly KubeObject[]): boolean {
  return maps.some(
    (map) => hasHaMetadata([map]) && dataKeys(map).some((key) => key.startsWith("checkpointID-")),
  );
}

/** Flink 1.x's job graphs, 2.0's execution plans, and 2.3's applications (what runs main(), with its arguments). */
const PROGRAM_KEYS = ["jobGraph-", "executionPlan-", "application-"];

/** The programs kept in a map; removed before a redeployment so that the new graph and parallelism take effect. */
export function jobGraphKeys(map: KubeObject): string[] {
  return dataKeys(map).filter((key) => PROGRAM_KEYS.some((prefix) => key.startsWith(prefix)));
}

/** The ConfigMap in which the JobManagers of a cluster agree on who leads. */
export function leaderMapName(cluster: string): string {
  return `${cluster}-cluster-config-map`;
}

/** Host of the JobManager that leads: Flink writes `<session>,http://<host>:<port>`. */
export function leaderHost(map: KubeObject | undefined): string | undefined {
  const data = (map?.["data"] as Record<string, string> | undefined) ?? {};
  const entry = Object.entries(data).find(([key]) => key.endsWith("leader.restserver"))?.[1] ?? "";
  const { host } = /^[^,]+,\w+:\/\/\[?(?<host>[^\]/]+?)\]?:\d+$/.exec(entry)?.groups ?? {};
  return host;
}
