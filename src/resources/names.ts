/** Names of what belongs to a native cluster besides its JobManager Deployment. Flink looks these up by name. */
import type { DefaultedSpec } from "../api/defaults.ts";
import { type FlinkConfiguration, flattenConfiguration } from "../flink/configuration.ts";
import { isHaActive } from "../flink/high-availability.ts";
import { taskManagerTemplate } from "./pod-template.ts";

export interface OwnedObjectName {
  readonly kind: "Service" | "ConfigMap";
  readonly name: string;
}

/** The same objects, by name, that renderNativeCluster returns as owned. */
export function ownedObjectNames(
  clusterId: string,
  spec: Pick<DefaultedSpec, "flinkConfiguration" | "podTemplate" | "taskManager">,
  defaults: FlinkConfiguration,
): readonly OwnedObjectName[] {
  const config = { ...defaults, ...flattenConfiguration(spec.flinkConfiguration) };
  const hasTemplate = taskManagerTemplate(spec, config) !== undefined;
  return [
    { kind: "Service", name: `${clusterId}-rest` },
    // With HA the TaskManagers find the leader in a ConfigMap.
    ...(isHaActive(config) ? [] : [{ kind: "Service" as const, name: clusterId }]),
    { kind: "ConfigMap", name: `flink-config-${clusterId}` },
    ...(hasTemplate ? [{ kind: "ConfigMap" as const, name: `pod-template-${clusterId}` }] : []),
  ];
}
