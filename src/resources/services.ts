/** The Services of a cluster: the REST API and web interface, and the JobManager's own address. */
import type { Mode } from "../api/defaults.ts";
import type { KubeObject } from "../api/kube-object.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import {
  BLOB_PORT,
  INTERNAL_SERVICE_ANNOTATIONS,
  INTERNAL_SERVICE_LABELS,
  JM_RPC_PORT,
  REST_BIND_PORT,
  REST_SERVICE_ANNOTATIONS,
  REST_SERVICE_LABELS,
  REST_SERVICE_TYPE,
} from "../flink/kubernetes-options.ts";
import { REST_PORT } from "../flink/options.ts";
import { commonLabels, componentSelector } from "./labels.ts";
import { nonEmpty } from "./non-empty.ts";
import { readMap, readPort, readWord } from "./read-option.ts";

interface Cluster {
  readonly id: string;
  readonly namespace: string;
  readonly mode: Mode;
  /** As the cluster's processes read it. */
  readonly config: FlinkConfiguration;
}

const EXPOSED_TYPES = ["ClusterIP", "NodePort", "LoadBalancer", "Headless_ClusterIP"] as const;

function service(
  { id, namespace, mode }: Cluster,
  name: string,
  labels: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>>,
  spec: object,
): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name,
      namespace,
      labels: { ...labels, ...commonLabels(id, mode) },
      ...nonEmpty("annotations", annotations),
    },
    spec: { ...spec, selector: componentSelector(id, mode, "jobmanager") },
  };
}

export function restService(cluster: Cluster): KubeObject {
  const { id, config } = cluster;
  const exposed = readWord(config, REST_SERVICE_TYPE, EXPOSED_TYPES);
  const headless = exposed === "Headless_ClusterIP";
  const port = {
    name: "rest",
    port: readPort(config, REST_PORT),
    targetPort: readPort(config, REST_BIND_PORT),
  };
  return service(
    cluster,
    `${id}-rest`,
    readMap(config, REST_SERVICE_LABELS),
    readMap(config, REST_SERVICE_ANNOTATIONS),
    { type: headless ? "ClusterIP" : exposed, ...(headless ? { clusterIP: "None" } : {}), ports: [port] },
  );
}

/** Headless: TaskManagers reach the one JobManager by its name. */
export function internalService(cluster: Cluster): KubeObject {
  const { id, config } = cluster;
  return service(
    cluster,
    id,
    readMap(config, INTERNAL_SERVICE_LABELS),
    readMap(config, INTERNAL_SERVICE_ANNOTATIONS),
    {
      clusterIP: "None",
      ports: [
        { name: "jobmanager-rpc", port: readPort(config, JM_RPC_PORT) },
        { name: "blobserver", port: readPort(config, BLOB_PORT) },
      ],
    },
  );
}
