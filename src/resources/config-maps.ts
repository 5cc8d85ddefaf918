/** The ConfigMaps of a native cluster: Flink's configuration with its log files, and the TaskManagers' pod template. */
import { stringify } from "yaml";
import type { FlinkVersion, PodTemplate } from "../api/flink-deployment.ts";
import type { KubeObject } from "../api/kube-object.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { configurationFile, configurationFileName } from "./flink-configuration-file.ts";
import { commonLabels } from "./labels.ts";

export const POD_TEMPLATE_FILE = "taskmanager-pod-template.yaml";

function configMap(id: string, namespace: string, name: string, data: Record<string, string>): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace, labels: commonLabels(id) },
    data,
  };
}

export function flinkConfigMap(
  id: string,
  namespace: string,
  config: FlinkConfiguration,
  version: FlinkVersion,
  logFiles: Readonly<Record<string, string>>,
): KubeObject {
  return configMap(id, namespace, `flink-config-${id}`, {
    ...logFiles,
    [configurationFileName(version)]: configurationFile(config, version),
  });
}

export function podTemplateConfigMap(id: string, namespace: string, template: PodTemplate): KubeObject {
  // YAML readers disagree about what unquoted text is ("on", "0o17"); the JobManager's depends on its Flink.
  const text = stringify(template, {
    version: "1.1",
    defaultKeyType: "PLAIN",
    defaultStringType: "QUOTE_DOUBLE",
    lineWidth: 0,
    aliasDuplicateObjects: false,
  });
  return configMap(id, namespace, `pod-template-${id}`, { [POD_TEMPLATE_FILE]: text });
}
