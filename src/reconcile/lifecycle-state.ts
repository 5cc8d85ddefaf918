/** `status.lifecycleState`, recomputed on each write. Order and texts are the Apache operator's (specification 1.10). */
import type { FlinkDeploymentStatus, LifecycleState } from "../api/flink-deployment.ts";
import { parseRecordedSpec, sameRecord } from "./last-reconciled-spec.ts";

export const MANUAL_RESTORE = "Manual restore required.";
export const HA_METADATA_GONE = "HA metadata is not available";
const POSSIBLY_FINISHED =
  "It is possible that the job has finished or terminally failed, or the configmaps have been deleted.";

const TERMINAL_MESSAGES = [MANUAL_RESTORE, POSSIBLY_FINISHED, HA_METADATA_GONE];

/** The deployment is lost, and the error says that only a person can bring it back. */
function isLostForGood({
  error = "",
  jobManagerDeploymentStatus = "MISSING",
}: FlinkDeploymentStatus): boolean {
  const lost = jobManagerDeploymentStatus === "MISSING" || jobManagerDeploymentStatus === "ERROR";
  return lost && TERMINAL_MESSAGES.some((text) => error.includes(text));
}

export function lifecycleState(status: FlinkDeploymentStatus): LifecycleState {
  const { lifecycleState: current, reconciliationStatus: reconciliation = {} } = status;
  if (current === "DELETING" || current === "DELETED") return current;
  const recorded = parseRecordedSpec(reconciliation.lastReconciledSpec);
  if (recorded === undefined) return (status.error ?? "") === "" ? "CREATED" : "FAILED";
  if (reconciliation.state === "UPGRADING" || reconciliation.state === "ROLLING_BACK")
    return reconciliation.state;
  if (recorded.spec.job?.state === "suspended") return "SUSPENDED";
  if (status.jobStatus?.state === "FAILED" || isLostForGood(status)) return "FAILED";
  if (reconciliation.state === "ROLLED_BACK") return "ROLLED_BACK";
  return sameRecord(reconciliation.lastReconciledSpec, reconciliation.lastStableSpec) ? "STABLE" : "DEPLOYED";
}
