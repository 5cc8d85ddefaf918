/** What the tools that people wait with make of a resource. Each follows that tool's own documentation. */
import type { FlinkDeployment } from "../../src/api/flink-deployment.ts";
import type { Condition } from "../../src/api/kube-object.ts";

function conditionOf({ status }: FlinkDeployment, type: string): Condition | undefined {
  return status?.conditions?.find((one) => one.type === type);
}

/** kstatus, which Flux and `kpt live` wait with: its rules for resources that it has no rules of their own for. */
export function kstatus(resource: FlinkDeployment): "Terminating" | "InProgress" | "Failed" | "Current" {
  const { deletionTimestamp, generation } = resource.metadata;
  const { observedGeneration } = resource.status ?? {};
  if (deletionTimestamp !== undefined) return "Terminating";
  if (observedGeneration !== undefined && observedGeneration !== generation) return "InProgress";
  if (conditionOf(resource, "Reconciling")?.status === "True") return "InProgress";
  if (conditionOf(resource, "Stalled")?.status === "True") return "Failed";
  const ready = conditionOf(resource, "Ready");
  return ready === undefined || ready.status === "True" ? "Current" : "InProgress";
}

/** `kubectl wait --for=condition=Ready`: whether it returns. */
export function kubectlWaits(resource: FlinkDeployment): "returns" | "waits" {
  const { generation = 0 } = resource.metadata;
  const ready = conditionOf(resource, "Ready");
  const observed = ready?.observedGeneration ?? resource.status?.observedGeneration;
  if (observed !== undefined && observed < generation) return "waits";
  return ready?.status === "True" ? "returns" : "waits";
}

type ArgoHealth = "Healthy" | "Progressing" | "Degraded" | "Suspended";

function createdSuspended({ spec, status }: FlinkDeployment): boolean {
  const nothing = status?.reconciliationStatus?.lastReconciledSpec === undefined;
  return nothing && spec.job?.state === "suspended";
}

/** The check that comes with Argo CD. It knows no conditions, and calls whatever is deployed healthy. */
export function argoBuiltIn(resource: FlinkDeployment): ArgoHealth {
  const { jobManagerDeploymentStatus, reconciliationStatus } = resource.status ?? {};
  if (resource.metadata.deletionTimestamp !== undefined) return "Progressing";
  if (reconciliationStatus?.state === "DEPLOYED") return "Healthy";
  if (jobManagerDeploymentStatus === "ERROR") return "Degraded";
  return createdSuspended(resource) ? "Healthy" : "Progressing";
}

/** Stricter rules that were proposed for Argo CD: the generation first, then how far a change is, then the lifecycle. */
export function argoProposed(resource: FlinkDeployment): ArgoHealth {
  const { status, metadata } = resource;
  if (metadata.deletionTimestamp !== undefined || status === undefined) return "Progressing";
  if (status.observedGeneration !== metadata.generation) return "Progressing";
  const { lifecycleState, jobStatus, jobManagerDeploymentStatus } = status;
  if (lifecycleState === "FAILED" || lifecycleState === "ROLLED_BACK") return "Degraded";
  if (jobManagerDeploymentStatus === "ERROR") return "Degraded";
  if (lifecycleState === "SUSPENDED" || createdSuspended(resource)) return "Suspended";
  if (jobStatus?.state === "FINISHED" && lifecycleState !== "UPGRADING") return "Healthy";
  if (lifecycleState !== "STABLE") return "Progressing";
  return jobStatus?.state === "RESTARTING" ? "Degraded" : "Healthy";
}

/** The check in docs/health.md, by the conditions. */
export function argoByConditions(resource: FlinkDeployment): ArgoHealth {
  const { metadata, spec } = resource;
  const ready = conditionOf(resource, "Ready");
  if (metadata.deletionTimestamp !== undefined || ready?.observedGeneration !== metadata.generation)
    return "Progressing";
  if (conditionOf(resource, "Stalled")?.status === "True") return "Degraded";
  if (ready?.status !== "True") return "Progressing";
  return spec.job?.state === "suspended" ? "Suspended" : "Healthy";
}
