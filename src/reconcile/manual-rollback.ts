/** A rollback by hand: which spec to go back to, what of the present one stays, and where the job's state comes from. */
import {
  type DefaultedJobStatus,
  modeOf,
  withJobDefaults,
  withJobStatusDefaults,
  withSpecDefaults,
} from "../api/defaults.ts";
import type { FlinkDeployment, FlinkDeploymentSpec, JobSpec } from "../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../api/flink-session-job.ts";
import type { HistoryEntry } from "../api/history.ts";
import { isSameSpec, specOf, stateOfStopped } from "./history.ts";
import { deployedSpec, parseRecordedSpec } from "./last-reconciled-spec.ts";
import { isUnderWay } from "./pass.ts";
import { keepsJobs } from "./session-cluster.ts";
import { diffSpecs } from "./spec-diff.ts";
import { isTerminal, LAST_STATE_MARKER } from "./upgrade-mode.ts";

type Resource = FlinkDeployment | FlinkSessionJob;

export interface RollbackTarget {
  readonly spec: FlinkDeploymentSpec;
  /** Undefined where there is no history: the last stable spec. */
  readonly entry: HistoryEntry | undefined;
}

/** Why there is nothing to go back to, and what to do instead. */
export interface NoTarget {
  readonly problem: string;
  readonly next: string;
}

/** The entry of that revision; or what is wrong with it. */
export function findRevision(
  { metadata, status }: Resource,
  revision: number,
): (RollbackTarget & { readonly entry: HistoryEntry }) | NoTarget {
  const { history = [] } = status ?? {};
  const entry = history.find((one) => one.revision === revision);
  const spec = entry && specOf(entry);
  const kept = history.filter((one) => specOf(one) !== undefined).map((one) => one.revision);
  const next = kept.length === 0 ? "There is no other." : `Choose one of these: ${kept.join(", ")}.`;
  if (entry === undefined) return { problem: `${metadata.name} has no revision ${revision}`, next };
  if (spec !== undefined) return { spec, entry };
  return { problem: `the spec of revision ${revision} is not kept any more: all were too large`, next };
}

/** The newest spec that proved itself and is not the present one. */
function newestStable({ metadata, spec: present, status }: Resource): RollbackTarget | NoTarget {
  const { history, reconciliationStatus } = status ?? {};
  for (const entry of (history ?? []).toReversed()) {
    const spec = specOf(entry);
    if (entry.stableTime !== undefined && spec !== undefined && !isSameSpec(spec, present))
      return { spec, entry };
  }
  const stable = parseRecordedSpec(reconciliationStatus?.lastStableSpec)?.spec;
  if (history === undefined && stable?.job?.state === "running" && !isSameSpec(stable, present))
    return { spec: stable, entry: undefined };
  return {
    problem: `there is nothing to roll ${metadata.name} back to: no other spec is known to have run well`,
    next: "Look for yourself with `sluice history`, and name one with --to-revision; or apply an older manifest.",
  };
}

export function chooseTarget(resource: Resource, revision: number | undefined): RollbackTarget | NoTarget {
  if (revision === undefined) return newestStable(resource);
  const found = findRevision(resource, revision);
  if ("problem" in found || !isSameSpec(found.spec, resource.spec)) return found;
  return {
    problem: `revision ${revision} is what the spec of ${resource.metadata.name} says already`,
    next: "To start the job again with the same spec, change spec.restartNonce.",
  };
}

/** Nonces are requests that were dealt with; an old one of savepointRedeployNonce would throw the present state away. */
const KEPT_OF_JOB: readonly (keyof JobSpec)[] = [
  "state",
  "upgradeMode",
  "initialSavepointPath",
  "savepointTriggerNonce",
  "checkpointTriggerNonce",
  "savepointRedeployNonce",
  "autoscalerResetNonce",
];

/** `target`, but of these fields what `present` has, or that it has none. */
function keep<T extends object>(target: T, present: T, names: readonly (keyof T)[]): T {
  const result = { ...target };
  for (const name of names) {
    if (present[name] === undefined) delete result[name];
    else result[name] = present[name];
  }
  return result;
}

/** The spec to write: the target's, with the present one's nonces, job.state and upgradeMode. */
export function rolledBackSpec(
  present: FlinkDeploymentSpec,
  target: FlinkDeploymentSpec,
): FlinkDeploymentSpec {
  const spec = keep(target, present, ["restartNonce"]);
  if (spec.job === undefined || present.job === undefined) return spec;
  return { ...spec, job: keep(spec.job, present.job, KEPT_OF_JOB) };
}

const isSuspended = ({ reconciliationStatus }: DefaultedJobStatus): boolean =>
  deployedSpec(reconciliationStatus)?.spec.job?.state === "suspended";

/** The job was stopped, or ended by itself: where its state is, is known. */
function fromStopped(status: DefaultedJobStatus): string {
  const { upgradeSavepointPath = "" } = status.jobStatus;
  const endedWith = upgradeSavepointPath === LAST_STATE_MARKER ? "Flink's HA metadata" : upgradeSavepointPath;
  const state = isSuspended(status) ? stateOfStopped(status) : endedWith;
  return state === undefined || state === "" ? "an empty state, as none was kept" : state;
}

function fromRunning(status: DefaultedJobStatus, spec: FlinkDeploymentSpec, upgradeMode: string): string {
  const isRunning = status.jobStatus.state === "RUNNING";
  const savepoint = "a savepoint that is taken when it is stopped";
  if (isRunning && upgradeMode === "savepoint") return savepoint;
  const deployed = deployedSpec(status.reconciliationStatus)?.spec;
  if (isRunning && deployed?.flinkVersion !== spec.flinkVersion)
    return `${savepoint}: another version of Flink cannot read the HA metadata`;
  return "its newest checkpoint";
}

/** What becomes of the jobs; the operator's defaults, which may switch HA on, are not known here. */
function ofSessionCluster(resource: FlinkDeployment, spec: FlinkDeploymentSpec): string {
  const status = withJobStatusDefaults(resource.status);
  const deployed = deployedSpec(status.reconciliationStatus)?.spec;
  const change = deployed && diffSpecs(deployed, spec, modeOf(deployed)).type;
  if (!isUnderWay(status) && change === "IGNORE")
    return "This spec is deployed already: nothing is restarted.";
  if (!isUnderWay(status) && change === "SCALE" && modeOf(spec) === "standalone")
    return "The TaskManagers of the session cluster are scaled; nothing is restarted.";
  const jobs = keepsJobs({ ...resource, spec }, {})
    ? "its jobs go on from their newest checkpoints, by its HA metadata"
    : "without HA, or with another version of Flink, its jobs are stopped with their state first";
  return `The session cluster is started again; ${jobs}.`;
}

/** One sentence: from what state the job goes on when `spec` is written. */
export function stateAfterwards(resource: Resource, spec: FlinkDeploymentSpec): string {
  const status = withJobStatusDefaults(resource.status);
  const { job } = withSpecDefaults(spec);
  if (job === undefined && resource.kind === "FlinkDeployment") return ofSessionCluster(resource, spec);
  const { state, upgradeMode } = withJobDefaults(job ?? {});
  const deployed = deployedSpec(status.reconciliationStatus)?.spec;
  const stopped = isSuspended(status) || isTerminal(status.jobStatus.state);
  if (state === "suspended") {
    const then = stopped ? ` When it is resumed, it goes on from ${fromStopped(status)}.` : "";
    return `The job stays suspended.${then}`;
  }
  if (!isUnderWay(status) && deployed !== undefined && isSameSpec(deployed, spec))
    return "This spec is deployed already: nothing is stopped.";
  if (upgradeMode === "stateless") return "The job starts empty: spec.job.upgradeMode is stateless.";
  if (stopped) return `The job goes on from ${fromStopped(status)}.`;
  return `The job goes on from ${fromRunning(status, spec, upgradeMode)}.`;
}
