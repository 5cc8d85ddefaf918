/**
 * How to stop the running job so that its state can be restored: the decision table of the Apache operator
 * (specification 2.7), row by row. Pure facts in, one outcome out; nothing here knows where the facts come from.
 */
import type { FlinkJobState, UpgradeMode } from "../api/flink-deployment.ts";

export type SuspendMode = "NOOP" | "STATELESS" | "SAVEPOINT" | "LAST_STATE" | "CANCEL";

/** Written where a savepoint path belongs when the state is in the HA metadata: Flink fails rather than start empty. */
export const LAST_STATE_MARKER = "KUBERNETES_OPERATOR_LAST_STATE";

export interface UpgradeFacts {
  readonly upgradeMode: UpgradeMode;
  readonly jobState: FlinkJobState | undefined;
  /** How the running deployment was restored. */
  readonly deployedMode: UpgradeMode;
  readonly flinkVersionChanged: boolean;
  /** The JobManager Deployment is ready and its REST API answers. */
  readonly restReachable: boolean;
  readonly haMetadata: boolean;
  /** Kubernetes HA is on in the deployed configuration and in the new one. */
  readonly haInBoth: boolean;
  /** Where a terminal job's state is; undefined when there was no checkpoint. */
  readonly lastPath: string | undefined;
  readonly savepointDirectory: boolean;
  readonly lastStateFallback: boolean;
  readonly jobCancelEnabled: boolean;
  /** No job of this deployment can have made progress: its JobManager never served, or never got to a job. */
  readonly neverStarted: boolean;
  readonly jobManagerMissing: boolean;
  readonly jobManagerFailed: boolean;
  /** Milliseconds; undefined when the option is not set. */
  readonly maxCheckpointAge: number | undefined;
  /** Milliseconds since the job started, since its newest completed and its newest pending checkpoint. */
  readonly jobAge: number | undefined;
  readonly completedCheckpointAge: number | undefined;
  readonly pendingCheckpointAge: number | undefined;
}

export type UpgradeOutcome =
  | { readonly kind: "go"; readonly suspend: SuspendMode; readonly restore: UpgradeMode }
  /** Not now. Recovery and the like may still run when `otherActions` says so. */
  | { readonly kind: "wait"; readonly reason: string; readonly otherActions: boolean }
  /** Only a person can go on. */
  | { readonly kind: "fail"; readonly message: string };

const go = (suspend: SuspendMode, restore: UpgradeMode): UpgradeOutcome => ({ kind: "go", suspend, restore });
const wait = (reason: string, otherActions: boolean): UpgradeOutcome => ({
  kind: "wait",
  reason,
  otherActions,
});

export function isTerminal(state: FlinkJobState | undefined): boolean {
  return state === "FAILED" || state === "CANCELED" || state === "FINISHED";
}

const MANUAL =
  "JobManager deployment is missing and HA metadata is not available to make stateful upgrades. " +
  "It is possible that the job has finished or terminally failed, or the configmaps have been deleted. " +
  "Manual restore required.";

function isCancellable(facts: UpgradeFacts): boolean {
  const { jobState } = facts;
  return facts.restReachable && jobState !== undefined && jobState !== "RECONCILING" && !isTerminal(jobState);
}

/** The new cluster will find the state in the HA metadata of the old one. */
function haUsable(facts: UpgradeFacts): boolean {
  return facts.haMetadata && facts.haInBoth && !facts.flinkVersionChanged;
}

/** Deleting the JobManager is quicker than cancelling, but only safe where HA metadata keeps the state. */
function mayCancel(facts: UpgradeFacts): boolean {
  return isCancellable(facts) && (!haUsable(facts) || facts.jobCancelEnabled);
}

/** Row 2: the job ended by itself; its last path was recorded together with its terminal state. */
function ofTerminalJob(facts: UpgradeFacts): UpgradeOutcome | undefined {
  if (!isTerminal(facts.jobState)) return undefined;
  if (facts.jobState !== "CANCELED" && facts.haMetadata && !facts.restReachable) return undefined;
  if (facts.lastPath !== LAST_STATE_MARKER) return go("NOOP", "savepoint");
  // The marker says the state is in the HA metadata; while that is there, so is the state.
  if (haUsable(facts)) return go("LAST_STATE", "last-state");
  return {
    kind: "fail",
    message: `The job is ${facts.jobState} and its last checkpoint is not known. ${MANUAL}`,
  };
}

/** Row 8: the newest checkpoint must be young enough, when the user said how young. */
function byCheckpointAge(facts: UpgradeFacts): UpgradeOutcome {
  const cancel = mayCancel(facts);
  const preferred = cancel ? go("CANCEL", "savepoint") : go("LAST_STATE", "last-state");
  const limit = facts.maxCheckpointAge;
  if (!cancel && !haUsable(facts)) {
    return wait("neither HA metadata nor a reachable job to take the state from", true);
  }
  if (limit === undefined) return preferred;
  const young = (age: number | undefined): boolean => age !== undefined && age < limit;
  if (young(facts.jobAge) || young(facts.completedCheckpointAge)) return preferred;
  if (young(facts.pendingCheckpointAge)) return wait("a checkpoint in progress", true);
  return go("SAVEPOINT", "savepoint");
}

/** Rows 7 to 10. */
function lastState(facts: UpgradeFacts): UpgradeOutcome {
  const running = facts.jobState === "RUNNING";
  if (facts.flinkVersionChanged) {
    if (running && facts.savepointDirectory) return go("SAVEPOINT", "savepoint");
    if (isCancellable(facts)) return go("CANCEL", "savepoint");
    return unavailable(
      facts,
      "the job to become reachable: another Flink version cannot read its HA metadata",
    );
  }
  if (running) return byCheckpointAge(facts);
  if (mayCancel(facts)) return go("CANCEL", "savepoint");
  if (haUsable(facts)) return go("LAST_STATE", "last-state");
  return unavailable(facts, "the job to become reachable");
}

/** What an application cluster can still do when its job gives no answer and HA metadata is of no use. */
function unavailable(facts: UpgradeFacts, awaited: string): UpgradeOutcome {
  const restoredFromPath = facts.deployedMode !== "last-state" && facts.lastPath !== LAST_STATE_MARKER;
  if (restoredFromPath && facts.neverStarted) return go("NOOP", "savepoint");
  if ((facts.jobManagerMissing || facts.jobManagerFailed) && !facts.haMetadata) {
    return { kind: "fail", message: MANUAL };
  }
  return wait(awaited, true);
}

export function chooseUpgrade(facts: UpgradeFacts): UpgradeOutcome {
  if (facts.upgradeMode === "stateless") {
    return go(isTerminal(facts.jobState) ? "NOOP" : "STATELESS", "stateless");
  }
  const terminal = ofTerminalJob(facts);
  if (terminal !== undefined) return terminal;
  if (facts.jobState === "CANCELLING") return wait("the cancellation to complete", false);
  if (facts.upgradeMode === "last-state") return lastState(facts);
  if (facts.jobState === "RUNNING") {
    return facts.restReachable ? go("SAVEPOINT", "savepoint") : wait("the REST API to answer", true);
  }
  if (facts.flinkVersionChanged || facts.lastStateFallback) return lastState(facts);
  return unavailable(facts, "the job to be RUNNING, so that a savepoint can be taken");
}
