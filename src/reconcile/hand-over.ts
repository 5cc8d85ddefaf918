/** A resource that is made of a job without an operator, and is not the operator's yet (docs/adr/0016). */
import type { KubeObject } from "../api/kube-object.ts";

/** On the resource: it comes from the record of that name, which is still to go. */
export const ADOPTS_ANNOTATION = "sluice/adopts";

/** Without a version there is nothing to deploy, which keeps operators off on purpose until the hand-over adds it. */
export function isMadeForHandOver(resource: KubeObject): boolean {
  const { flinkVersion } = (resource["spec"] ?? {}) as { flinkVersion?: unknown };
  return resource.metadata?.annotations?.[ADOPTS_ANNOTATION] !== undefined && flinkVersion === undefined;
}
