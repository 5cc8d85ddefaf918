/** The JobManager Deployment: of a native cluster as Flink's own client makes it (2.21), of a standalone one (2.22). */
import type { ContainerPort, EnvVar } from "kubernetes-types/core/v1.d.ts";
import type { PodTemplate } from "../api/flink-deployment.ts";
import type { KubeObject, OwnerReference } from "../api/kube-object.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { BLOB_PORT, JM_OWNER_REFERENCE, JM_REPLICAS, JM_RPC_PORT } from "../flink/kubernetes-options.ts";
import { REST_PORT } from "../flink/options.ts";
import { metricsPorts } from "./metrics-port.ts";
import { JOB_MANAGER_PROCESS, POD_IP_VARIABLE } from "./flink-process.ts";
import { componentSelector } from "./labels.ts";
import { artifacts, configuredMounts, type Mounted } from "./mounts.ts";
import { processDeployment } from "./process-deployment.ts";
import { readMapList, readNumber, readPort } from "./read-option.ts";
import type { ClusterBase } from "./rendered-cluster.ts";

interface JobManagerInputs extends ClusterBase {
  readonly template: PodTemplate | undefined;
  readonly args: readonly string[];
  /** Besides what every JobManager has. */
  readonly mounted: readonly Mounted[];
}

/** The option's keys are matched without regard to case. */
function ownerReferences(config: FlinkConfiguration): OwnerReference[] {
  return readMapList(config, JM_OWNER_REFERENCE).map((map) => {
    const entries = Object.entries(map).map(([key, value]) => [key.toLowerCase(), value] as const);
    const { apiversion = "", kind = "", name = "", uid = "", ...flags } = Object.fromEntries(entries);
    const { blockownerdeletion: block, controller } = flags;
    return {
      apiVersion: apiversion,
      kind,
      name,
      uid,
      ...(block === undefined ? {} : { blockOwnerDeletion: block.toLowerCase() === "true" }),
      ...(controller === undefined ? {} : { controller: controller.toLowerCase() === "true" }),
    };
  });
}

function ports(config: FlinkConfiguration): ContainerPort[] {
  return [
    { name: "rest", containerPort: readPort(config, REST_PORT) },
    { name: "jobmanager-rpc", containerPort: readPort(config, JM_RPC_PORT) },
    { name: "blobserver", containerPort: readPort(config, BLOB_PORT) },
  ];
}

const POD_IP: EnvVar = {
  name: POD_IP_VARIABLE,
  valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "status.podIP" } },
};

export function jobManagerDeployment(inputs: JobManagerInputs): KubeObject {
  const { id, namespace, mode, version, config, template, args } = inputs;
  return processDeployment(
    {
      name: id,
      namespace,
      replicas: readNumber(config, JM_REPLICAS),
      selector: componentSelector(id, mode, "jobmanager"),
      ownerReferences: ownerReferences(config),
    },
    {
      process: JOB_MANAGER_PROCESS,
      version,
      config,
      template,
      args,
      ports: [...ports(config), ...metricsPorts(inputs)],
      env: [POD_IP],
      mounted: [artifacts(config), ...configuredMounts(inputs), ...inputs.mounted],
    },
  );
}
