/** What Flink's client adds to a configuration, and takes out of it, on the way to the cluster (2.21, 2.22). */
import { type FlinkConfiguration, type Option, withoutOption } from "../flink/configuration.ts";
import { isHaActive } from "../flink/high-availability.ts";
import {
  BLOB_PORT,
  EXECUTION_TARGET,
  HA_JM_PORT,
  JM_REPLICAS,
  JM_RPC_ADDRESS,
  JM_RPC_PORT,
  REST_BIND_PORT,
  TM_RPC_PORT,
} from "../flink/kubernetes-options.ts";
import { InvalidClusterError } from "./invalid-cluster.ts";
import { readNumber, readPort, readText } from "./read-option.ts";

/** Of native clusters, which Flink's client starts. */
const ENTRYPOINTS: Readonly<Record<string, string>> = {
  "kubernetes-application": "KubernetesApplicationClusterEntrypoint",
  "kubernetes-session": "KubernetesSessionClusterEntrypoint",
};

/** Addresses of the machine the client runs on; in a pod Flink finds its own. */
const CLIENT_ONLY: readonly Option[] = [
  { key: "kubernetes.config.file" },
  { key: "$internal.deployment.config-dir" },
  { key: "rest.bind-address", aliases: ["web.address", "jobmanager.web.address"] },
  { key: "jobmanager.bind-host" },
  { key: "taskmanager.bind-host" },
  { key: "taskmanager.host" },
];

/** 45 characters: names that Flink derives from it have to stay within Kubernetes' 63. */
const LONGEST_CLUSTER_ID = 45;

function refuseImpossible(config: FlinkConfiguration, id: string): void {
  if (id.length > LONGEST_CLUSTER_ID) {
    throw new InvalidClusterError(
      "metadata.name",
      `the name ${id} has ${id.length} characters; a Flink cluster's name has at most ${LONGEST_CLUSTER_ID}`,
    );
  }
  const replicas = readNumber(config, JM_REPLICAS);
  if (!Number.isInteger(replicas) || replicas < 1) {
    throw new InvalidClusterError(JM_REPLICAS.key, `${JM_REPLICAS.key} must be 1 or more, is ${replicas}`);
  }
  if (replicas > 1 && !isHaActive(config)) {
    throw new InvalidClusterError(
      JM_REPLICAS.key,
      `${replicas} JobManagers need high availability: set high-availability.type and high-availability.storageDir`,
    );
  }
}

/**
 * The configuration as the cluster's processes read it.
 * @throws InvalidClusterError for a port that is no fixed one, a name too long, or standby JobManagers without HA.
 */
export function clusterSideConfiguration(
  deploy: FlinkConfiguration,
  id: string,
  namespace: string,
): Record<string, string> {
  refuseImpossible(deploy, id);
  const config: Record<string, string> = { ...deploy };
  // Services and container ports name these, so "any free one" will not do.
  const fixPort = (option: Option, port: number): void => {
    if (readPort(config, option) === 0) config[option.key] = String(port);
  };
  fixPort(BLOB_PORT, 6124);
  fixPort(TM_RPC_PORT, 6122);
  fixPort(REST_BIND_PORT, 8081);
  if (isHaActive(config)) fixPort(HA_JM_PORT, readPort(config, JM_RPC_PORT));
  else config[JM_RPC_ADDRESS.key] = `${id}.${namespace}`;
  const entrypoint = ENTRYPOINTS[readText(config, EXECUTION_TARGET)];
  if (entrypoint !== undefined) {
    config["internal.cluster.execution-mode"] = "NORMAL";
    config["kubernetes.internal.jobmanager.entrypoint.class"] =
      `org.apache.flink.kubernetes.entrypoint.${entrypoint}`;
  }
  return CLIENT_ONLY.reduce<Record<string, string>>(withoutOption, config);
}
