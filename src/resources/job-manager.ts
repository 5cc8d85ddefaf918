/** The JobManager Deployment of a native cluster, as Flink's own client makes it (2.21). */
import type { PodTemplate } from "../api/flink-deployment.ts";
import type { KubeObject, OwnerReference } from "../api/kube-object.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { JM_ANNOTATIONS, JM_LABELS, JM_OWNER_REFERENCE, JM_REPLICAS } from "../flink/kubernetes-options.ts";
import { type JobManagerPod, jobManagerPodSpec } from "./job-manager-pod.ts";
import { jobManagerSelector } from "./labels.ts";
import { nonEmpty } from "./non-empty.ts";
import { readMap, readMapList, readNumber } from "./read-option.ts";

export interface JobManagerInputs extends JobManagerPod {
  readonly namespace: string;
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

export function jobManagerDeployment(inputs: JobManagerInputs): KubeObject {
  const { id, namespace, config, template } = inputs;
  const selector = jobManagerSelector(id);
  const labels = { ...readMap(config, JM_LABELS), ...selector };
  const annotations = readMap(config, JM_ANNOTATIONS);
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: id,
      namespace,
      labels,
      ...nonEmpty("annotations", annotations),
      ...nonEmpty("ownerReferences", ownerReferences(config)),
    },
    spec: {
      replicas: readNumber(config, JM_REPLICAS),
      selector: { matchLabels: selector },
      template: {
        metadata: podMetadata(template, labels, annotations),
        spec: jobManagerPodSpec(inputs),
      },
    },
  };
}
