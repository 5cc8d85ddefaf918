/** A resource that stands for no job: it shows that the operator sees changes (2.34). */
import type { KubeObject } from "../api/kube-object.ts";

const CANARY_LABEL = "flink.apache.org/canary";

export function isCanary({ metadata }: KubeObject): boolean {
  return metadata?.labels?.[CANARY_LABEL] === "true";
}
