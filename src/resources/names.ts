/** Names of what belongs to a cluster besides its JobManager Deployment. Flink looks some of these up by name. */
import { type DefaultedSpec, modeOf } from "../api/defaults.ts";
import { type FlinkConfiguration, flattenConfiguration } from "../flink/configuration.ts";
import { isHaActive } from "../flink/high-availability.ts";
import { secretValues } from "../flink/secret-values.ts";
import { taskManagerTemplate } from "./pod-template.ts";

export interface OwnedObjectName {
  readonly kind: "Service" | "ConfigMap" | "Deployment";
  readonly name: string;
}

/** Of a standalone cluster. */
export function taskManagerDeploymentName(clusterId: string): string {
  return `${clusterId}-taskmanager`;
}

/** Of Flink's configuration and log files. */
export function flinkConfigMapName(clusterId: string): string {
  return `flink-config-${clusterId}`;
}

/** The same objects, by name, that renderCluster returns as owned. */
export function ownedObjectNames(
  clusterId: string,
  spec: Pick<DefaultedSpec, "mode" | "flinkConfiguration" | "podTemplate" | "taskManager">,
  defaults: FlinkConfiguration,
): readonly OwnedObjectName[] {
  const config = { ...defaults, ...flattenConfiguration(spec.flinkConfiguration) };
  const rest = { kind: "Service", name: `${clusterId}-rest` } as const;
  const internal = { kind: "Service", name: clusterId } as const;
  const configuration = { kind: "ConfigMap", name: flinkConfigMapName(clusterId) } as const;
  if (modeOf(spec) === "standalone") {
    const name = taskManagerDeploymentName(clusterId);
    return [rest, internal, configuration, { kind: "Deployment", name }];
  }
  const hasTemplate = taskManagerTemplate(spec, config) !== undefined || secretValues(config).length > 0;
  return [
    rest,
    // With HA the TaskManagers find the leader in a ConfigMap.
    ...(isHaActive(config) ? [] : [internal]),
    configuration,
    ...(hasTemplate ? [{ kind: "ConfigMap" as const, name: `pod-template-${clusterId}` }] : []),
  ];
}
