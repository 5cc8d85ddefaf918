/** The snapshots of an application's job: what `reconcile/snapshot` needs of a pass, and what a pass takes from it. */
import { withoutNulls } from "../../api/defaults.ts";
import type { Action } from "../decision.ts";
import { parseRecordedSpec, sameJson, sameRecord } from "../last-reconciled-spec.ts";
import { amendRecord, observeConfiguration, type Pass, recordedSpec, requeue } from "../pass.ts";
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
function handledNonces({ status }: Pass): SnapshotNonces {
  return noncesOf(parseRecordedSpec(status.reconciliationStatus.lastReconciledSpec)?.spec.job);
}

function workOf(pass: Pass): SnapshotWork {
  const { resource, status, spec, flink, observed, options, invalid } = pass;
  const { name, namespace = "default", creationTimestamp = "" } = resource.metadata;
  const { jobStatus } = status;
  const { jobs } = flink;
  const handled = handledNonces(pass);
  return {
    owner: { kind: "FlinkDeployment", name, namespace, created: Date.parse(creationTimestamp) || 0 },
    now: pass.now,
    entropy: options.entropy,
    progressInterval: options.progressInterval,
    jobId: jobStatus.jobId ?? "",
    running: jobs?.ok === true && jobStatus.state === "RUNNING",
    flinkVersion: recordedSpec(pass)?.spec.flinkVersion,
    configuration: observeConfiguration(pass),
    operatorConfiguration: options.defaults,
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

function recordNonces(pass: Pass, nonces: SnapshotNonces): void {
  const { reconciliationStatus } = pass.status;
  if (sameJson(handledNonces(pass), nonces)) return;
  const isStable = sameRecord(reconciliationStatus.lastReconciledSpec, reconciliationStatus.lastStableSpec);
  amendRecord(pass, { nonces });
  // The job is what it was.
  const { lastReconciledSpec } = reconciliationStatus;
  if (isStable && lastReconciledSpec !== undefined) reconciliationStatus.lastStableSpec = lastReconciledSpec;
}

function carryOver(pass: Pass, work: SnapshotWork): void {
  recordNonces(pass, work.handled);
  pass.actions.push(...work.actions);
  pass.events.push(...work.events);
  if (work.requeueAfter !== undefined) requeue(pass, work.requeueAfter);
}

/** After everything else: whatever is done for the job itself comes first, and snapshots wait for a quiet pass. */
export function takeJobSnapshots(pass: Pass): void {
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
export function announceUpgradeSavepoint(pass: Pass): void {
  if (pass.status.jobStatus.savepointInfo.triggerType !== "UPGRADE") return;
  // Where snapshots are taken, this is done with them.
  if (pass.actions.some(({ type }) => type === "create-snapshot")) return;
  const work = workOf(pass);
  announceUpgrade(work);
  carryOver(pass, work);
  pass.actions.sort((a, b) => Number(isLast(a)) - Number(isLast(b)));
}

/** A stop begins. */
export function putOffSavepoint(pass: Pass): void {
  const work = workOf(pass);
  putOff(work);
  carryOver(pass, work);
}

export function keepsSnapshotResources(pass: Pass): boolean {
  return usesResources({ snapshots: pass.observed.snapshots, configuration: observeConfiguration(pass) });
}
