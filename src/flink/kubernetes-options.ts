/** The options of Flink's native Kubernetes integration that decide what its objects look like. */
import type { Option } from "./configuration.ts";

export const CLUSTER_ID: Option = { key: "kubernetes.cluster-id" };
export const NAMESPACE: Option = { key: "kubernetes.namespace", default: "default" };
export const IMAGE: Option = {
  key: "kubernetes.container.image.ref",
  aliases: ["kubernetes.container.image"],
};
export const IMAGE_PULL_POLICY: Option = {
  key: "kubernetes.container.image.pull-policy",
  default: "IfNotPresent",
};
export const IMAGE_PULL_SECRETS: Option = { key: "kubernetes.container.image.pull-secrets" };
export const SERVICE_ACCOUNT: Option = { key: "kubernetes.service-account" };
export const JM_SERVICE_ACCOUNT: Option = {
  key: "kubernetes.jobmanager.service-account",
  aliases: [SERVICE_ACCOUNT.key],
  default: "default",
};
export const TM_SERVICE_ACCOUNT: Option = {
  key: "kubernetes.taskmanager.service-account",
  aliases: [SERVICE_ACCOUNT.key],
  default: "default",
};
export const JM_CPU: Option = {
  key: "kubernetes.jobmanager.cpu.amount",
  aliases: ["kubernetes.jobmanager.cpu"],
  default: "1.0",
};
export const TM_CPU: Option = {
  key: "kubernetes.taskmanager.cpu.amount",
  aliases: ["kubernetes.taskmanager.cpu"],
};
export const JM_CPU_LIMIT_FACTOR: Option = { key: "kubernetes.jobmanager.cpu.limit-factor", default: "1.0" };
export const TM_CPU_LIMIT_FACTOR: Option = { key: "kubernetes.taskmanager.cpu.limit-factor", default: "1.0" };
export const JM_MEMORY_LIMIT_FACTOR: Option = {
  key: "kubernetes.jobmanager.memory.limit-factor",
  default: "1.0",
};
export const TM_MEMORY_LIMIT_FACTOR: Option = {
  key: "kubernetes.taskmanager.memory.limit-factor",
  default: "1.0",
};
export const JM_PROCESS_MEMORY: Option = { key: "jobmanager.memory.process.size" };
export const TM_PROCESS_MEMORY: Option = { key: "taskmanager.memory.process.size" };
export const JM_REPLICAS: Option = { key: "kubernetes.jobmanager.replicas", default: "1" };
/** Sluice's and the Apache operator's own: how many TaskManagers a standalone cluster has, and what it runs. */
export const TM_REPLICAS: Option = { key: "kubernetes.internal.taskmanager.replicas" };
export const STANDALONE_CLUSTER_MODE: Option = { key: "kubernetes.internal.cluster-mode" };
export const JM_LABELS: Option = { key: "kubernetes.jobmanager.labels" };
export const JM_ANNOTATIONS: Option = { key: "kubernetes.jobmanager.annotations" };
export const JM_NODE_SELECTOR: Option = { key: "kubernetes.jobmanager.node-selector" };
export const JM_TOLERATIONS: Option = { key: "kubernetes.jobmanager.tolerations" };
export const TM_LABELS: Option = { key: "kubernetes.taskmanager.labels" };
export const TM_ANNOTATIONS: Option = { key: "kubernetes.taskmanager.annotations" };
export const TM_NODE_SELECTOR: Option = { key: "kubernetes.taskmanager.node-selector" };
export const TM_TOLERATIONS: Option = { key: "kubernetes.taskmanager.tolerations" };
export const JM_OWNER_REFERENCE: Option = { key: "kubernetes.jobmanager.owner.reference" };
export const JM_ENTRYPOINT_ARGS: Option = { key: "kubernetes.jobmanager.entrypoint.args", default: "" };
export const ENTRY_PATH: Option = { key: "kubernetes.entry.path", default: "/docker-entrypoint.sh" };
export const CONF_DIR: Option = { key: "kubernetes.flink.conf.dir", default: "/opt/flink/conf" };
export const LOG_DIR: Option = { key: "kubernetes.flink.log.dir" };
export const ARTIFACTS_DIR: Option = { key: "user.artifacts.base-dir", default: "/opt/flink/artifacts" };
export const HOST_NETWORK: Option = { key: "kubernetes.hostnetwork.enabled", default: "false" };
export const SECRETS: Option = { key: "kubernetes.secrets" };
export const ENV_FROM_SECRETS: Option = { key: "kubernetes.env.secretKeyRef" };
export const VOLUME_CLAIMS: Option = { key: "kubernetes.persistent-volume-claims" };
export const VOLUME_CLAIMS_READ_ONLY: Option = {
  key: "kubernetes.persistent-volume-claim-read-only",
  default: "false",
};
export const HADOOP_CONFIG_MAP: Option = { key: "kubernetes.hadoop.conf.config-map.name" };
export const HADOOP_MOUNT_ENABLED: Option = {
  key: "kubernetes.decorator.hadoop-conf-mount.enabled",
  default: "true",
};
export const REST_SERVICE_TYPE: Option = {
  key: "kubernetes.rest-service.exposed.type",
  default: "ClusterIP",
};
export const REST_SERVICE_ANNOTATIONS: Option = { key: "kubernetes.rest-service.annotations" };
export const REST_SERVICE_LABELS: Option = { key: "kubernetes.rest-service.labels" };
export const INTERNAL_SERVICE_ANNOTATIONS: Option = { key: "kubernetes.internal-service.annotations" };
export const INTERNAL_SERVICE_LABELS: Option = { key: "kubernetes.internal-service.labels" };
/** Environment variables of a process: `containerized.master.env.NAME: value`. */
export const JM_ENV_PREFIX = "containerized.master.env.";
export const TM_ENV_PREFIX = "containerized.taskmanager.env.";

export const REST_BIND_PORT: Option = {
  key: "rest.bind-port",
  aliases: ["rest.port", "web.port", "jobmanager.web.port"],
  default: "8081",
};
export const JM_RPC_PORT: Option = { key: "jobmanager.rpc.port", default: "6123" };
export const JM_RPC_ADDRESS: Option = { key: "jobmanager.rpc.address" };
export const BLOB_PORT: Option = { key: "blob.server.port", default: "0" };
export const TM_RPC_PORT: Option = { key: "taskmanager.rpc.port", default: "0" };
export const HA_CLUSTER_ID: Option = {
  key: "high-availability.cluster-id",
  aliases: ["high-availability.zookeeper.path.namespace", "recovery.zookeeper.path.namespace"],
};
export const HA_JM_PORT: Option = {
  key: "high-availability.jobmanager.port",
  aliases: ["recovery.jobmanager.port"],
  default: "0",
};
export const EXECUTION_TARGET: Option = { key: "execution.target" };
