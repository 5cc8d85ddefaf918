/** Whether what a command is to bring about has come about, read off the status. Pure. */
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { Condition } from "../api/kube-object.ts";
import { isUnderWay } from "../reconcile/pass.ts";
import { withStatusDefaults } from "../api/defaults.ts";
import { tasksWereStarting } from "../reconcile/deployment/stop.ts";
import { errorMessage, isError } from "../reconcile/status-error.ts";

export type Verdict =
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly message: string }
  /** `message`: what is awaited. */
  | { readonly kind: "waiting"; readonly message: string };

function condition({ metadata, status }: FlinkDeployment, type: string): Condition | undefined {
  const found = status?.conditions?.find((one) => one.type === type);
  return found?.observedGeneration === metadata.generation ? found : undefined;
}

/** A savepoint for a stop failed after `since` (epoch milliseconds), and the job was not stopped. */
function failedSavepoint({ status }: FlinkDeployment, since: number): string | undefined {
  const { error, jobStatus, reconciliationStatus } = withStatusDefaults(status);
  const { triggerTimestamp = 0, triggerId = "" } = jobStatus.savepointInfo;
  const isOver = triggerId === "" && !isUnderWay({ reconciliationStatus });
  if (!isOver || triggerTimestamp <= since || !isError(error, "UpgradeFailureException")) return undefined;
  if (tasksWereStarting(errorMessage(error))) return undefined;
  return `the savepoint failed, and the job goes on running: ${errorMessage(error) ?? "Flink gives no cause"}`;
}

/** `since`: when the command began, epoch milliseconds. */
export function verdictOf(resource: FlinkDeployment, since: number): Verdict {
  const ready = condition(resource, "Ready");
  const stalled = condition(resource, "Stalled");
  const failed = failedSavepoint(resource, since);
  if (failed !== undefined) return { kind: "failed", message: failed };
  if (stalled?.status === "True") return { kind: "failed", message: stalled.message };
  if (ready?.status === "True") return { kind: "done" };
  return { kind: "waiting", message: ready?.message ?? "looking" };
}

/** A stop with a savepoint is under way: the time that a command has counts anew when it is over. */
export function isStopping({ status }: FlinkDeployment): boolean {
  const triggerId = status?.jobStatus?.savepointInfo?.triggerId ?? "";
  return triggerId !== "" && isUnderWay(withStatusDefaults(status));
}
