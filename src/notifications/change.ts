/** What a written status says that the one before did not: the reasons for which people are told. Pure. */
import type { FlinkDeploymentStatus, LifecycleState } from "../api/flink-deployment.ts";
import type { Condition, KubeObject } from "../api/kube-object.ts";
import { errorMessage, isError } from "../reconcile/status-error.ts";

/** Stable, in the order of their weight: the first that a receiver wants names the notification. */
export const REASONS = [
  "Stalled",
  "Failed",
  "UpgradeFailed",
  "RollingBack",
  "RolledBack",
  "NoLongerStalled",
  "UpgradeStarted",
  "UpgradeCompleted",
  "Deployed",
  "Suspended",
  "Deleting",
  "NotReady",
  "Ready",
  "LifecycleStateChanged",
] as const;
export type Reason = (typeof REASONS)[number];

export interface StateChange {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly generation: number | undefined;
  /** The same for the same write, whoever tells of it and how often. */
  readonly id: string;
  /** RFC 3339. */
  readonly time: string;
  /** At least one, in the order of REASONS. */
  readonly reasons: readonly Reason[];
  readonly lifecycleState: {
    readonly from: LifecycleState | undefined;
    readonly to: LifecycleState | undefined;
  };
  /** The job's, as last seen. */
  readonly jobState: string | undefined;
  /** What the resource says of itself; without the spec. */
  readonly message: string;
}

type Status = FlinkDeploymentStatus;

const statusOf = (resource: KubeObject): Status => resource["status"] ?? {};

function condition({ conditions = [] }: Status, type: string): Condition | undefined {
  return conditions.find((one) => one.type === type);
}

const isTrue = (status: Status, type: string): boolean => condition(status, type)?.status === "True";

const STEPS: Partial<Record<LifecycleState, readonly Reason[]>> = {
  SUSPENDED: ["Suspended"],
  ROLLING_BACK: ["UpgradeFailed", "RollingBack"],
  ROLLED_BACK: ["RolledBack"],
  FAILED: ["Failed"],
  DELETING: ["Deleting"],
};

/** Words for a step of the lifecycle that has a name of its own. */
function step(
  { lifecycleState: from, reconciliationStatus }: Status,
  to: LifecycleState | undefined,
): readonly Reason[] {
  if (to === undefined || from === to) return [];
  const { lastReconciledSpec = "", lastStableSpec = "" } = reconciliationStatus ?? {};
  // A first start upgrades nothing.
  if (to === "UPGRADING") return lastReconciledSpec === "" ? [] : ["UpgradeStarted"];
  if (to === "STABLE") return [lastStableSpec === "" ? "Deployed" : "UpgradeCompleted"];
  return STEPS[to] ?? [];
}

function reasonsFor(before: Status, after: Status): Reason[] {
  const found = new Set<Reason>(step(before, after.lifecycleState));
  if (before.lifecycleState !== after.lifecycleState) found.add("LifecycleStateChanged");
  const refused = (status: Status): boolean => isError(status.error, "UpgradeFailureException");
  if (refused(after) && !refused(before)) found.add("UpgradeFailed");
  if (isTrue(after, "Stalled") !== isTrue(before, "Stalled"))
    found.add(isTrue(after, "Stalled") ? "Stalled" : "NoLongerStalled");
  if (isTrue(after, "Ready") !== isTrue(before, "Ready"))
    found.add(isTrue(after, "Ready") ? "Ready" : "NotReady");
  return REASONS.filter((reason) => found.has(reason));
}

const MAX_MESSAGE = 1024;

function messageOf(status: Status): string {
  const stalled = isTrue(status, "Stalled") ? condition(status, "Stalled") : undefined;
  const text = stalled?.message ?? errorMessage(status.error) ?? condition(status, "Ready")?.message ?? "";
  return text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE - 1)}…` : text;
}

/** Undefined when nothing happened that anybody is told of. `now`: of the write, epoch milliseconds. */
export function stateChange(before: KubeObject, after: KubeObject, now: number): StateChange | undefined {
  const [was, is] = [statusOf(before), statusOf(after)];
  const reasons = reasonsFor(was, is);
  if (reasons.length === 0) return undefined;
  const { namespace = "default", name, uid = "", resourceVersion = "", generation } = after.metadata;
  return {
    apiVersion: after.apiVersion,
    kind: after.kind,
    namespace,
    name,
    generation,
    id: `${uid}-${resourceVersion}`,
    time: new Date(now).toISOString(),
    reasons,
    lifecycleState: { from: was.lifecycleState, to: is.lifecycleState },
    jobState: is.jobStatus?.state,
    message: messageOf(is),
  };
}
