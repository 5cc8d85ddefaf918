/**
 * `status.history`: the specs that really ran, each with where its state came from and what came of it. It is read off
 * the rest of the status, before and after a pass, so that it needs no memory and no step of the reconciliation can
 * forget it: the last entry is that of the cluster that is up, or was last.
 *
 * It is written only together with something else. Where the API server drops it (the CRD is the Apache operator's),
 * it would otherwise be written again in each pass.
 */
import { type DefaultedJobStatus, modeOf, withJobStatusDefaults } from "../api/defaults.ts";
import type { FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import type { HistoryEntry } from "../api/history.ts";
import { getNumber } from "../flink/configuration.ts";
import { HISTORY_MAX_COUNT } from "../flink/options.ts";
import { deployedSpec, parseRecordedSpec, sameJson } from "./last-reconciled-spec.ts";
import { lifecycleState } from "./lifecycle-state.ts";
import { effectiveConfiguration, isUnderWay, type JobPass } from "./pass.ts";
import { concernsFlink, diffSpecs } from "./spec-diff.ts";
import { errorMessage } from "./status-error.ts";
import { LAST_STATE_MARKER } from "./upgrade-mode.ts";

/** Characters of all specs of a history together. */
const MAX_SPECS = 100_000;
const MAX_MESSAGE = 300;
const LATEST_STATE = "latest state";
const EMPTY = "empty";

type Outcome = Required<Pick<HistoryEntry, "outcome">> & Pick<HistoryEntry, "message">;

/** Nonces, how state is to be handled, what the operator reads and what changes in place make no other spec of it. */
export function isSameSpec(before: FlinkDeploymentSpec, after: FlinkDeploymentSpec): boolean {
  return diffSpecs(before, after, modeOf(before)).changes.every(
    (one) => !concernsFlink(one) || one.path === "restartNonce" || one.path === "job.state",
  );
}

/** The spec of an entry; undefined when it was dropped. */
export function specOf({ spec }: HistoryEntry): FlinkDeploymentSpec | undefined {
  try {
    const parsed: unknown = JSON.parse(spec ?? "null");
    return typeof parsed === "object" && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function at(time: number): string {
  return new Date(Math.floor(time / 1000) * 1000).toISOString().replace(".000Z", "Z");
}

/** Of the cluster that is there, or is about to be stopped. */
function runningSpec(status: DefaultedJobStatus): FlinkDeploymentSpec | undefined {
  const deployed = deployedSpec(status.reconciliationStatus)?.spec;
  const state = deployed?.job?.state;
  const isUp = isUnderWay(status) ? state === "running" : state !== "suspended";
  return isUp ? deployed : undefined;
}

/** An entry whose spec was too large is known by its generation; one that was rolled back to has none. */
function describes(entry: HistoryEntry, spec: FlinkDeploymentSpec, status: DefaultedJobStatus): boolean {
  const own = specOf(entry);
  if (own !== undefined) return isSameSpec(own, spec);
  const rolledBack = status.reconciliationStatus.state === "ROLLED_BACK";
  return entry.generation === (rolledBack ? undefined : status.observedGeneration);
}

/** What the cluster that is there was started from; undefined without a job. */
function restoredFrom({ reconciliationStatus, jobStatus }: DefaultedJobStatus): string | undefined {
  const mode = deployedSpec(reconciliationStatus)?.spec.job?.upgradeMode;
  const path = jobStatus.upgradeSavepointPath ?? "";
  if (mode === undefined) return undefined;
  if (mode === "stateless") return EMPTY;
  if (path === LAST_STATE_MARKER) return LATEST_STATE;
  if (path !== "") return path;
  return mode === "last-state" ? LATEST_STATE : EMPTY;
}

/** The spec as somebody wrote it: the user, now or for an earlier entry; else the record, which has the defaults. */
function asWritten(
  history: readonly HistoryEntry[],
  spec: FlinkDeploymentSpec,
  status: DefaultedJobStatus,
  { resource }: JobPass,
): Pick<HistoryEntry, "generation" | "spec"> {
  const { observedGeneration: observed, reconciliationStatus } = status;
  const isUsers = resource.metadata.generation === observed && isSameSpec(resource.spec, spec);
  const earlier = history.findLast((entry) => {
    const own = specOf(entry);
    return own !== undefined && isSameSpec(own, spec);
  });
  // The observed generation is that of the spec that failed.
  const generation = reconciliationStatus.state === "ROLLED_BACK" ? earlier?.generation : observed;
  const upgradeMode = resource.spec.job?.upgradeMode;
  const job = spec.job && { ...spec.job, state: "running", ...(upgradeMode ? { upgradeMode } : {}) };
  const recorded = (): string => JSON.stringify({ ...spec, ...(job ? { job } : {}) });
  return {
    ...(generation === undefined ? {} : { generation }),
    spec: isUsers ? JSON.stringify(resource.spec) : (earlier?.spec ?? recorded()),
  };
}

function newEntry(
  history: readonly HistoryEntry[],
  spec: FlinkDeploymentSpec,
  status: DefaultedJobStatus,
  pass: JobPass,
): HistoryEntry {
  const from = restoredFrom(status);
  const { image, job, flinkVersion = pass.flinkVersion } = spec;
  const time = at(status.reconciliationStatus.reconciliationTimestamp ?? pass.now);
  return {
    revision: (history.at(-1)?.revision ?? 0) + 1,
    startTime: time,
    ...(image === undefined ? {} : { image }),
    ...(image !== undefined || job?.jarURI === undefined ? {} : { jarURI: job.jarURI }),
    ...(flinkVersion === undefined ? {} : { flinkVersion }),
    ...(from === undefined ? {} : { restoredFrom: from }),
    outcome: "Deployed",
    outcomeTime: time,
    ...asWritten(history, spec, status, pass),
  };
}

/** Where the state of a stopped job is, by how it was stopped: a path, or in words; undefined when there is none. */
export function stateOfStopped({ reconciliationStatus, jobStatus }: DefaultedJobStatus): string | undefined {
  const mode = deployedSpec(reconciliationStatus)?.spec.job?.upgradeMode;
  const path = jobStatus.upgradeSavepointPath ?? "";
  if (mode === "last-state" || path === LAST_STATE_MARKER) return "Flink's HA metadata";
  return mode === "stateless" || path === "" ? undefined : path;
}

function suspendedWith(status: DefaultedJobStatus): string {
  const state = stateOfStopped(status);
  return state === undefined ? "it keeps no state" : `its state is in ${state}`;
}

function outcomeOf(status: DefaultedJobStatus, last: HistoryEntry): Outcome | undefined {
  const { reconciliationStatus, lifecycleState, jobStatus } = status;
  if (reconciliationStatus.state === "ROLLING_BACK") {
    const failed = parseRecordedSpec(reconciliationStatus.lastReconciledSpec)?.spec;
    const isFailed = failed !== undefined && describes(last, failed, status);
    return isFailed ? { outcome: "RolledBack", ...because(status) } : undefined;
  }
  if (isUnderWay(status) || lifecycleState === "DELETING") return undefined;
  if (runningSpec(status) === undefined) return { outcome: "Suspended", message: suspendedWith(status) };
  if (lifecycleState === "FAILED") return { outcome: "Failed", ...because(status) };
  const { state = "RUNNING" } = jobStatus;
  const proven = lifecycleState === "STABLE" || lifecycleState === "ROLLED_BACK";
  if (proven && state === "FINISHED") return { outcome: "Stable", message: "the job finished" };
  if (proven && state === "RUNNING") return { outcome: "Stable" };
  return last.outcome === "Stable" ? undefined : { outcome: "Deployed" };
}

function because({ error }: DefaultedJobStatus): Pick<HistoryEntry, "message"> {
  const message = errorMessage(error)?.slice(0, MAX_MESSAGE);
  return message === undefined ? {} : { message };
}

function cameTo(last: HistoryEntry, { outcome, message }: Outcome, now: number): HistoryEntry {
  const time = at(now);
  const { message: _, ...rest } = last;
  return {
    ...rest,
    outcome,
    outcomeTime: time,
    ...(outcome === "Stable" && last.stableTime === undefined ? { stableTime: time } : {}),
    ...(message === undefined ? {} : { message }),
  };
}

function follow(history: readonly HistoryEntry[], status: DefaultedJobStatus, pass: JobPass): HistoryEntry[] {
  const spec = runningSpec(status);
  const before = history.at(-1);
  const isKnown = spec === undefined || (before !== undefined && describes(before, spec, status));
  const entries = isKnown ? [...history] : [...history, newEntry(history, spec, status, pass)];
  const last = entries.pop();
  if (last === undefined) return [];
  const outcome = outcomeOf(status, last);
  const changed = outcome !== undefined && outcome.outcome !== last.outcome;
  return [...entries, changed ? cameTo(last, outcome, pass.now) : last];
}

/** No more entries than asked for, and no more text of specs than the object has room for. */
function bounded(history: readonly HistoryEntry[], count: number): HistoryEntry[] {
  let room = MAX_SPECS;
  return history
    .slice(-count)
    .toReversed()
    .map((entry) => {
      room -= entry.spec?.length ?? 0;
      if (room >= 0) return entry;
      const { spec: _, ...rest } = entry;
      return rest;
    })
    .toReversed();
}

/** Where there is none yet, with what runs: an Apache operator deployed it, or Sluice before there was a history. */
function known(pass: JobPass): readonly HistoryEntry[] {
  const { history, ...status } = withJobStatusDefaults(pass.resource.status);
  return history ?? follow([], { ...status, lifecycleState: lifecycleState(status) }, pass);
}

/** Brings `status.history` up to date. At the end of a pass, when the rest of the status is decided. */
export function keepHistory(pass: JobPass): void {
  const { resource, status } = pass;
  if (sameJson(resource.status, status)) return;
  const count = Math.floor(getNumber(effectiveConfiguration(pass, pass.spec), HISTORY_MAX_COUNT) ?? 5);
  if (count <= 0) {
    delete status.history;
    return;
  }
  const history = bounded(follow(known(pass), status, pass), count);
  if (history.length > 0) status.history = history;
}
