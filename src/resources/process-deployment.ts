/** The Deployment that keeps a number of one kind of Flink process. */
import type { PodTemplate } from "../api/flink-deployment.ts";
import type { KubeObject, OwnerReference } from "../api/kube-object.ts";
import { type FlinkPod, flinkPodSpec } from "./flink-pod.ts";
import { nonEmpty } from "./non-empty.ts";
import { readMap } from "./read-option.ts";

export interface ProcessDeployment {
  readonly name: string;
  readonly namespace: string;
  readonly replicas: number;
  /** Labels by which the Deployment knows its pods; it and they have them all. */
  readonly selector: Readonly<Record<string, string>>;
  readonly ownerReferences?: OwnerReference[];
  /** Of the Deployment alone, and not of its pods: a change of them restarts none. */
  readonly annotations?: Readonly<Record<string, string>>;
}

function podMetadata(
  template: PodTemplate | undefined,
  labels: Record<string, string>,
  annotations: Readonly<Record<string, string>>,
): object {
  const own = template?.metadata;
  return {
    ...own,
    labels: { ...own?.labels, ...labels },
    ...nonEmpty("annotations", { ...own?.annotations, ...annotations }),
  };
}

export function processDeployment(deployment: ProcessDeployment, pod: FlinkPod): KubeObject {
  const { name, namespace, replicas, selector, ownerReferences = [] } = deployment;
  const labels = { ...readMap(pod.config, pod.process.labels), ...selector };
  const annotations = readMap(pod.config, pod.process.annotations);
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name,
      namespace,
      labels,
      ...nonEmpty("annotations", { ...annotations, ...deployment.annotations }),
      ...nonEmpty("ownerReferences", ownerReferences),
    },
    spec: {
      replicas,
      selector: { matchLabels: selector },
      template: {
        metadata: podMetadata(pod.template, labels, annotations),
        spec: flinkPodSpec(pod),
      },
    },
  };
}
