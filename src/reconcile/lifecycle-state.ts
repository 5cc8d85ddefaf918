/** `status.lifecycleState`, recomputed on each write. Order and texts are the Apache operator's (specification 1.10). */
import type { FlinkDeploymentStatus, LifecycleState } from "../api/flink-deployment.ts";
import { parseRecordedSpec, sameRecord } from "./last-reconciled-spec.ts";

export const MANUAL_RESTORE = "Manual restore required.";
export const HA_METADATA_GONE = "HA metadata is not available";
const POSSIBLY_FINISHED =
  "It is possible that the job has finished or terminally failed, or the configmaps have been deleted.";

const TERMINAL_MESSAGES = [MANUAL_RESTORE, POSSIBLY_FINISHED, HA_METADATA_GONE];

export function lifecycleState(status: FlinkDeploymentStatus): LifecycleState {
  const { lifecycleState: current, error = "", jobManagerDeploymentStatus: jobManager = "MISSING" } = status;
  if (current === "DELETING" || current === "DELETED") return current;
  const reconciliation = status.reconciliationStatus ?? {};
  const recorded = parseRecordedSpec(reconciliation.lastReconciledSpec);
  if (recorded === undefined) return error === "" ? "CREATED" : "FAILED";
  if (reconciliation.state === "UPGRADING") return "UPGRADING";
  if (reconciliation.state === "ROLLING_BACK") return "ROLLING_BACK";
  if (recorded.spec.job?.state === "suspended") return "SUSPENDED";
  if (status.jobStatus?.state === "FAILED") return "FAILED";
  const lost = jobManager === "MISSING" || jobManager === "ERROR";
  if (lost && TERMINAL_MESSAGES.some((text) => error.includes(text))) return "FAILED";
  if (reconciliation.state === "ROLLED_BACK") return "ROLLED_BACK";
  return sameRecord(reconciliation.lastReconciledSpec, reconciliation.lastStableSpec) ? "STABLE" : "DEPLOYED";
}
