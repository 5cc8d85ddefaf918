/** Which step of its life a resource is in, by what its status records: the table at the top of deployment/decide.ts. */
import type { DefaultedJobStatus } from "../api/defaults.ts";
import type { JobManagerDeploymentStatus } from "../api/flink-deployment.ts";
import { parseRecordedSpec } from "./last-reconciled-spec.ts";
import { isUnderWay } from "./pass.ts";

export type Phase = "new" | "announced" | "submitting" | "running" | "stopping" | "stopped" | "suspended";

/** What tells the phase. A session job's status has no `jobManagerDeploymentStatus`. */
type PhaseStatus = DefaultedJobStatus & {
  readonly jobManagerDeploymentStatus?: JobManagerDeploymentStatus;
};

export function phaseOf(status: PhaseStatus): Phase {
  const recorded = parseRecordedSpec(status.reconciliationStatus.lastReconciledSpec);
  if (recorded === undefined) return "new";
  const upgrading = isUnderWay(status);
  if (recorded.spec.job === undefined) {
    // A session cluster counts as MISSING from the moment that its next attempt is recorded.
    if (upgrading) return status.jobManagerDeploymentStatus === "MISSING" ? "submitting" : "stopping";
    return "running";
  }
  const shouldRun = recorded.spec.job.state !== "suspended";
  if (!upgrading) return shouldRun ? "running" : "suspended";
  if (shouldRun) return "stopping";
  // Of a session job only: nothing has been asked of Flink yet.
  if (status.jobStatus.state === "INITIALIZING") return "announced";
  return status.jobStatus.state === "RECONCILING" ? "submitting" : "stopped";
}
