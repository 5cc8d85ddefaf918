/** The TaskManager Deployment of a standalone cluster (2.22). */
import type { PodTemplate } from "../api/flink-deployment.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { TM_REPLICAS, TM_RPC_PORT } from "../flink/kubernetes-options.ts";
import { taskManagerProcess } from "./flink-process.ts";
import { componentSelector } from "./labels.ts";
import { metricsPorts } from "./metrics-port.ts";
import { configuredMounts } from "./mounts.ts";
import { taskManagerDeploymentName } from "./names.ts";
import { processDeployment } from "./process-deployment.ts";
import { readNumber, readPort } from "./read-option.ts";
import type { ClusterBase } from "./rendered-cluster.ts";
import { scaleAnnotation } from "./task-manager-count.ts";

export function taskManagerDeployment(cluster: ClusterBase, template: PodTemplate | undefined): KubeObject {
  const { id, namespace, version, config } = cluster;
  return processDeployment(
    {
      name: taskManagerDeploymentName(id),
      namespace,
      replicas: readNumber(config, TM_REPLICAS),
      selector: componentSelector(id, "standalone", "taskmanager"),
      annotations: scaleAnnotation(cluster.spec),
    },
    {
      process: taskManagerProcess(config),
      version,
      config,
      template,
      args: ["taskmanager"],
      ports: [
        { name: "taskmanager-rpc", containerPort: readPort(config, TM_RPC_PORT) },
        ...metricsPorts({ ...cluster, template }),
      ],
      env: [],
      mounted: configuredMounts(cluster),
    },
  );
}
