/** Names of what belongs to a native cluster besides its JobManager Deployment. Flink looks these up by name. */
import type { DefaultedSpec } from "../api/defaults.ts";
import { type FlinkConfiguration, flattenConfiguration } from "../flink/configuration.ts";
import { isKubernetesHaActive } from "../flink/high-availability.ts";

export interface OwnedObjectName {
  readonly kind: "Service" | "ConfigMap";
  readonly name: string;
}

export function ownedObjectNames(
  clusterId: string,
  spec: Pick<DefaultedSpec, "flinkConfiguration">,
  defaults: FlinkConfiguration,
): readonly OwnedObjectName[] {
  const ha = isKubernetesHaActive({ ...defaults, ...flattenConfiguration(spec.flinkConfiguration) });
  return [
    { kind: "Service", name: `${clusterId}-rest` },
    // With HA the TaskManagers find the leader in a ConfigMap.
    ...(ha ? [] : [{ kind: "Service" as const, name: clusterId }]),
    { kind: "ConfigMap", name: `flink-config-${clusterId}` },
    { kind: "ConfigMap", name: `pod-template-${clusterId}` },
  ];
}
