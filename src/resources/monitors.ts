/**
 * What tells a Prometheus of the Prometheus Operator's to ask the cluster's processes: a PodMonitor, or a Service and a
 * ServiceMonitor. They belong to the resource and not to one cluster of it, and nothing of a job depends on them.
 */
import { type DefaultedSpec, modeOf } from "../api/defaults.ts";
import { API_VERSION } from "../api/flink-deployment.ts";
import type { KubeObject, OwnerReference } from "../api/kube-object.ts";
import { type FlinkConfiguration, flattenConfiguration } from "../flink/configuration.ts";
import { MONITOR, MONITOR_LABELS } from "../flink/options.ts";
import { PROMETHEUS_PORT, prometheusPort } from "../flink/prometheus.ts";
import type { ClusterInputs } from "./cluster-inputs.ts";
import { noteOn, type Patch, patchFor } from "./in-place.ts";
import { commonLabels } from "./labels.ts";
import { MAIN_CONTAINER } from "./pod-template.ts";
import { readMap, readWord } from "./read-option.ts";

/** On all of them; its value is the resource's name. */
export const MONITOR_LABEL = "sluice/monitors";

export const MONITORING_API = "monitoring.coreos.com/v1";

export interface MonitorInputs {
  readonly owner: ClusterInputs["owner"];
  readonly spec: Pick<DefaultedSpec, "mode" | "flinkConfiguration" | "flinkVersion">;
  readonly defaults: FlinkConfiguration;
  /** Of a record: the JobManager's Deployment, with which they go. */
  readonly ownerReference?: OwnerReference;
}

/** What a series has besides Flink's own labels: whose it is. */
const WHOSE = [
  { sourceLabels: ["__meta_kubernetes_pod_label_app"], targetLabel: "flink_deployment" },
  { sourceLabels: ["__meta_kubernetes_pod_label_component"], targetLabel: "component" },
];

/**
 * TaskManager pods that Flink makes name no port, so the address is the pod's with the port put to it. Each container of
 * a pod is a target; only Flink's is asked.
 */
function podRelabelings(port: number): object[] {
  return [
    {
      sourceLabels: ["__meta_kubernetes_pod_container_name"],
      regex: MAIN_CONTAINER,
      action: "keep",
    },
    {
      sourceLabels: ["__meta_kubernetes_pod_ip"],
      regex: "([^:]+)",
      replacement: `$1:${port}`,
      targetLabel: "__address__",
    },
    {
      sourceLabels: ["__meta_kubernetes_pod_ip"],
      regex: "(.*:.*)",
      replacement: `[$1]:${port}`,
      targetLabel: "__address__",
    },
    ...WHOSE,
  ];
}

function podMonitor(metadata: KubeObject["metadata"], matchLabels: object, port: number): KubeObject {
  return {
    apiVersion: MONITORING_API,
    kind: "PodMonitor",
    metadata,
    spec: {
      selector: { matchLabels },
      podMetricsEndpoints: [{ path: "/", relabelings: podRelabelings(port) }],
    },
  };
}

function serviceAndMonitor(
  metadata: KubeObject["metadata"],
  selector: object,
  port: number,
  own: Readonly<Record<string, string>>,
): KubeObject[] {
  const service = {
    apiVersion: "v1",
    kind: "Service",
    // Not the cluster's own label: what has it is taken for a part of the cluster.
    metadata: { ...metadata, name: `${metadata.name}-metrics`, labels: own },
    spec: {
      clusterIP: "None",
      // A JobManager that is not ready is the one that somebody wants to look at.
      publishNotReadyAddresses: true,
      ports: [{ name: "metrics", port, targetPort: port }],
      selector,
    },
  };
  const monitor = {
    apiVersion: MONITORING_API,
    kind: "ServiceMonitor",
    metadata,
    spec: {
      selector: { matchLabels: own },
      endpoints: [{ port: "metrics", path: "/", relabelings: WHOSE }],
    },
  };
  return [service, monitor];
}

/** Flink never sees them: they are read alike whatever its version, as defaults for clusters of several versions have to be. */
function labelsOf(config: FlinkConfiguration): Readonly<Record<string, string>> {
  const { "$internal.flink.version": _, ...ofAnyVersion } = config;
  return readMap(ofAnyVersion, MONITOR_LABELS);
}

/**
 * Nothing unless the configuration asks for it.
 * @throws InvalidClusterError for options that cannot be read
 */
export function renderMonitors({ owner, spec, defaults, ownerReference }: MonitorInputs): KubeObject[] {
  const own = flattenConfiguration(spec.flinkConfiguration);
  const config = { ...defaults, ...own, "$internal.flink.version": spec.flinkVersion ?? "" };
  const kind = readWord(config, MONITOR, ["none", "pod", "service"]);
  if (kind === "none") return [];
  const { name, namespace, uid, isRecord = false } = owner;
  const ofResource = { apiVersion: API_VERSION, kind: "FlinkDeployment", name, uid, controller: true };
  const ours = { [MONITOR_LABEL]: name };
  const reference = ownerReference ?? (uid === "" || isRecord ? undefined : ofResource);
  const metadata = {
    name,
    namespace,
    labels: { ...labelsOf(config), ...ours },
    ...(reference === undefined ? {} : { ownerReferences: [reference] }),
  };
  const selector = commonLabels(name, modeOf(spec));
  const port = prometheusPort(config) ?? PROMETHEUS_PORT;
  if (kind === "pod") return [podMonitor(metadata, selector, port)];
  return serviceAndMonitor(metadata, selector, port, ours);
}

export type MonitorStep =
  | { readonly type: "create"; readonly object: KubeObject }
  /** By a JSON merge patch. */
  | { readonly type: "patch"; readonly found: KubeObject; readonly patch: Patch }
  | { readonly type: "delete"; readonly found: KubeObject }
  /** Its name is somebody else's. */
  | { readonly type: "leave"; readonly found: KubeObject };

function isSame(one: KubeObject, other: KubeObject): boolean {
  return one.kind === other.kind && one.metadata.name === other.metadata.name;
}

/** What is to be done. `found`: those with the label, and those with a wanted name, whoever made them. */
export function monitorSteps(
  wanted: readonly KubeObject[],
  found: readonly KubeObject[],
  name: string,
): MonitorStep[] {
  const isOurs = ({ metadata }: KubeObject): boolean => metadata.labels?.[MONITOR_LABEL] === name;
  const leftover = found.filter((one) => isOurs(one) && !wanted.some((other) => isSame(one, other)));
  return [
    ...leftover.map((one): MonitorStep => ({ type: "delete", found: one })),
    ...wanted.flatMap((object): MonitorStep[] => {
      const there = found.find((one) => isSame(one, object));
      const { kind, metadata, spec } = object;
      // With the owner: of a resource or cluster that was there before, it would go with that one.
      const { labels, ownerReferences } = metadata;
      const owned = ownerReferences === undefined ? {} : { ownerReferences };
      const wanted = { metadata: { labels, ...owned }, spec };
      if (there === undefined) {
        const noted = { ...metadata, annotations: noteOn(wanted) };
        return [{ type: "create", object: { ...object, metadata: noted } }];
      }
      if (!isOurs(there)) return [{ type: "leave", found: there }];
      const patch = patchFor(there, { kind, wanted }, undefined);
      return patch === undefined ? [] : [{ type: "patch", found: there, patch }];
    }),
  ];
}
