/** The Services of a cluster: the REST API and web interface, and the JobManager's own address. */
import type { Mode } from "../api/defaults.ts";
import type { KubeObject } from "../api/kube-object.ts";
import type { FlinkConfiguration, Option } from "../flink/configuration.ts";
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

type ClusterMetadata = Pick<Cluster, "id" | "mode" | "config">;

interface ServiceMetadata {
  readonly labels: Record<string, string>;
  readonly annotations?: Record<string, string>;
}

function metadataBy(
  { id, mode, config }: ClusterMetadata,
  labels: Option,
  annotations: Option,
): ServiceMetadata {
  return {
    labels: { ...readMap(config, labels), ...commonLabels(id, mode) },
    ...nonEmpty("annotations", readMap(config, annotations)),
  };
}

/** Labels and annotations, which Flink does not look at, by the Service's name. */
export function serviceMetadata(cluster: ClusterMetadata): ReadonlyMap<string, ServiceMetadata> {
  return new Map([
    [`${cluster.id}-rest`, metadataBy(cluster, REST_SERVICE_LABELS, REST_SERVICE_ANNOTATIONS)],
    [cluster.id, metadataBy(cluster, INTERNAL_SERVICE_LABELS, INTERNAL_SERVICE_ANNOTATIONS)],
  ]);
}

function service(cluster: Cluster, name: string, spec: object): KubeObject {
  const { id, namespace, mode } = cluster;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, ...serviceMetadata(cluster).get(name) },
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
  return service(cluster, `${id}-rest`, {
    type: headless ? "ClusterIP" : exposed,
    ...(headless ? { clusterIP: "None" } : {}),
    ports: [port],
  });
}

/** Headless: TaskManagers reach the one JobManager by its name. */
export function internalService(cluster: Cluster): KubeObject {
  const { id, config } = cluster;
  return service(cluster, id, {
    clusterIP: "None",
    ports: [
      { name: "jobmanager-rpc", port: readPort(config, JM_RPC_PORT) },
      { name: "blobserver", port: readPort(config, BLOB_PORT) },
    ],
  });
}
