/** The port of Flink's Prometheus reporter, told to whoever looks for a port named `metrics`. */
import type { ContainerPort } from "kubernetes-types/core/v1.d.ts";
import type { PodTemplate } from "../api/flink-deployment.ts";
import { isPrometheusOn, prometheusPort } from "../flink/prometheus.ts";
import { MAIN_CONTAINER } from "./pod-template.ts";
import type { ClusterBase } from "./rendered-cluster.ts";

const NAME = "metrics";

/** None where the template has it already, or the name for something else. */
export function metricsPorts({
  assembled,
  template,
}: Pick<ClusterBase, "assembled"> & { readonly template: PodTemplate | undefined }): ContainerPort[] {
  if (!isPrometheusOn(assembled)) return [];
  const containerPort = prometheusPort(assembled);
  const containers = template?.spec?.containers ?? [];
  const own = containers.find(({ name }) => name === MAIN_CONTAINER)?.ports ?? [];
  const isTaken = own.some((port) => port.name === NAME || port.containerPort === containerPort);
  return containerPort === undefined || isTaken ? [] : [{ name: NAME, containerPort }];
}
