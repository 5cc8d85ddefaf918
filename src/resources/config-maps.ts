/** The ConfigMaps of a cluster: Flink's configuration with its log files, and (native) the TaskManagers' pod template. */
import { stringify } from "yaml";
import type { Mode } from "../api/defaults.ts";
import type { FlinkVersion, PodTemplate } from "../api/flink-deployment.ts";
import type { KubeObject } from "../api/kube-object.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { configurationFile, configurationFileName } from "./flink-configuration-file.ts";
import { commonLabels } from "./labels.ts";
import { flinkConfigMapName } from "./names.ts";

export const POD_TEMPLATE_FILE = "taskmanager-pod-template.yaml";

interface Cluster {
  readonly id: string;
  readonly namespace: string;
  readonly mode: Mode;
  readonly version: FlinkVersion;
  /** As the cluster's processes read it. */
  readonly config: FlinkConfiguration;
}

function configMap({ id, namespace, mode }: Cluster, name: string, data: Record<string, string>): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace, labels: commonLabels(id, mode) },
    data,
  };
}

export function flinkConfigMap(cluster: Cluster, logFiles: Readonly<Record<string, string>>): KubeObject {
  return configMap(cluster, flinkConfigMapName(cluster.id), {
    ...logFiles,
    [configurationFileName(cluster.version)]: configurationFile(cluster.config, cluster.version),
  });
}

export function podTemplateConfigMap(cluster: Cluster, template: PodTemplate): KubeObject {
  // YAML readers disagree about what unquoted text is ("on", "0o17"); the JobManager's depends on its Flink.
  const text = stringify(template, {
    version: "1.1",
    defaultKeyType: "PLAIN",
    defaultStringType: "QUOTE_DOUBLE",
    lineWidth: 0,
    aliasDuplicateObjects: false,
  });
  return configMap(cluster, `pod-template-${cluster.id}`, { [POD_TEMPLATE_FILE]: text });
}
