/** The snapshots of a job: what `reconcile/snapshot` needs of a pass, and what a pass takes from it. */
import { withoutNulls } from "../../api/defaults.ts";
import type { Action } from "../decision.ts";
import { parseRecordedSpec, sameJson, sameRecord } from "../last-reconciled-spec.ts";
import { amendRecord, type JobPass, observeConfiguration, recordedSpec, requeue } from "../pass.ts";
import { announceUpgrade, putOff, takeSnapshots } from "../snapshot/take.ts";
import { type SnapshotNonces, type SnapshotWork, usesResources } from "../snapshot/work.ts";

/** Only the nonces that are there. */
function noncesOf(job: SnapshotNonces = {}): SnapshotNonces {
  const { savepointTriggerNonce, checkpointTriggerNonce } = job;
  return {
    ...(savepointTriggerNonce === undefined ? {} : { savepointTriggerNonce }),
    ...(checkpointTriggerNonce === undefined ? {} : { checkpointTriggerNonce }),
  };
}

/** As `lastReconciledSpec` has them. */
function handledNonces({ status }: JobPass): SnapshotNonces {
  return noncesOf(parseRecordedSpec(status.reconciliationStatus.lastReconciledSpec)?.spec.job);
}

function workOf(pass: JobPass): SnapshotWork {
  const { resource, status, spec, flink, observed, options, operator, flinkVersion, invalid } = pass;
  const { name, namespace = "default", creationTimestamp = "" } = resource.metadata;
  const { jobStatus } = status;
  const { jobs } = flink;
  const handled = handledNonces(pass);
  return {
    owner: { kind: resource.kind, name, namespace, created: Date.parse(creationTimestamp) || 0 },
    now: pass.now,
    entropy: options.entropy,
    progressInterval: options.progressInterval,
    jobId: jobStatus.jobId ?? "",
    running: jobs?.ok === true && jobStatus.state === "RUNNING",
    flinkVersion,
    configuration: observeConfiguration(pass),
    operatorConfiguration: operator,
    // An invalid spec asks for nothing.
    wanted: invalid === undefined ? noncesOf(withoutNulls(resource.spec.job ?? {})) : handled,
    initialSavepointPath: spec.job?.initialSavepointPath,
    handled: { ...handled },
    jobStatus,
    answers: flink,
    failure: observed.failure,
    snapshots: observed.snapshots,
    disposed: observed.disposed ?? [],
    actions: [],
    events: [],
    requeueAfter: undefined,
  };
}

function recordNonces(pass: JobPass, nonces: SnapshotNonces): void {
  const { reconciliationStatus } = pass.status;
  if (sameJson(handledNonces(pass), nonces)) return;
  const isStable = sameRecord(reconciliationStatus.lastReconciledSpec, reconciliationStatus.lastStableSpec);
  amendRecord(pass, { nonces });
  // The job is what it was.
  const { lastReconciledSpec } = reconciliationStatus;
  if (isStable && lastReconciledSpec !== undefined) reconciliationStatus.lastStableSpec = lastReconciledSpec;
}

function carryOver(pass: JobPass, work: SnapshotWork): void {
  recordNonces(pass, work.handled);
  pass.actions.push(...work.actions);
  pass.events.push(...work.events);
  if (work.requeueAfter !== undefined) requeue(pass, work.requeueAfter);
}

/** After everything else: whatever is done for the job itself comes first, and snapshots wait for a quiet pass. */
export function takeJobSnapshots(pass: JobPass): void {
  const { state } = pass.status.reconciliationStatus;
  const isDeployed = state === "DEPLOYED" || state === "ROLLED_BACK";
  const shouldRun = recordedSpec(pass)?.spec.job?.state === "running";
  if (!isDeployed || !shouldRun) return;
  const work = workOf(pass);
  takeSnapshots(work);
  carryOver(pass, work);
}

function isLast({ type }: Action): boolean {
  return type === "remove-finalizer";
}

/** In every phase: a savepoint that an upgrade has taken becomes a FlinkStateSnapshot. */
export function announceUpgradeSavepoint(pass: JobPass): void {
  if (pass.status.jobStatus.savepointInfo.triggerType !== "UPGRADE") return;
  // Where snapshots are taken, this is done with them.
  if (pass.actions.some(({ type }) => type === "create-snapshot")) return;
  const work = workOf(pass);
  announceUpgrade(work);
  carryOver(pass, work);
  pass.actions.sort((a, b) => Number(isLast(a)) - Number(isLast(b)));
}

/** A stop begins. */
export function putOffSavepoint(pass: JobPass): void {
  const work = workOf(pass);
  putOff(work);
  carryOver(pass, work);
}

export function keepsSnapshotResources(pass: JobPass): boolean {
  return usesResources({ snapshots: pass.observed.snapshots, configuration: observeConfiguration(pass) });
}
