/** From a nonce or a schedule to a snapshot; the phases of a request are at the top of work.ts. */
import { type FlinkConfiguration, getBoolean, getDuration, getOption } from "../../flink/configuration.ts";
import { isAtLeast } from "../../flink/flink-version.ts";
import {
  CHECKPOINT_TYPE,
  SAVEPOINT_DISPOSE_ON_DELETE,
  SAVEPOINT_FORMAT,
  SAVEPOINTS_DIR,
} from "../../flink/options.ts";
import type { FlinkStateSnapshot } from "../../api/flink-state-snapshot.ts";
import { isUnknownTrigger } from "../../flink/rest-answers.ts";
import { cleanUp } from "./history.ts";
import {
  renderSnapshot,
  snapshotName,
  type SavepointSpec,
  type SnapshotType,
  snapshotTypeOf,
  type TriggerType,
  triggerTypeOf,
} from "./resource.ts";
import { decideTrigger } from "./schedule.ts";
import {
  clear,
  lastPeriodicOf,
  lookAgain,
  requestOf,
  RULES,
  setLastPeriodic,
  slotOf,
  type SnapshotWork,
  triggerId,
  usesResources,
  warn,
} from "./work.ts";

const TYPES = ["savepoint", "checkpoint"] as const;

export function savepointFormat(configuration: FlinkConfiguration): "CANONICAL" | "NATIVE" {
  return getOption(configuration, SAVEPOINT_FORMAT)?.toUpperCase() === "NATIVE" ? "NATIVE" : "CANONICAL";
}

function checkpointType({ configuration }: SnapshotWork): "FULL" | "INCREMENTAL" {
  return getOption(configuration, CHECKPOINT_TYPE)?.toUpperCase() === "INCREMENTAL" ? "INCREMENTAL" : "FULL";
}

function savepointSpec(work: SnapshotWork, trigger: TriggerType): SavepointSpec {
  const { lastSavepoint } = work.jobStatus.savepointInfo;
  const disposeOnDelete = getBoolean(work.configuration, SAVEPOINT_DISPOSE_ON_DELETE);
  if (trigger === "UPGRADE" && lastSavepoint !== undefined) {
    const { location, formatType = "CANONICAL" } = lastSavepoint;
    return {
      ...(location === undefined ? {} : { path: location }),
      formatType,
      disposeOnDelete,
      alreadyExists: true,
    };
  }
  const path = getOption(work.configuration, SAVEPOINTS_DIR);
  return {
    ...(path === undefined ? {} : { path }),
    formatType: savepointFormat(work.configuration),
    disposeOnDelete,
  };
}

/** The object that a recorded request is to become. Its name is the same in every pass. */
function wantedSnapshot(work: SnapshotWork, type: SnapshotType, trigger: TriggerType): FlinkStateSnapshot {
  const { lastSavepoint } = work.jobStatus.savepointInfo;
  const time = trigger === "UPGRADE" ? lastSavepoint?.timeStamp : slotOf(work, type).triggerTimestamp;
  return renderSnapshot({
    owner: work.owner,
    trigger,
    time: time ?? 0,
    ...(type === "savepoint" ? { savepoint: savepointSpec(work, trigger) } : {}),
  });
}

function isThere({ snapshots = [] }: SnapshotWork, { metadata }: FlinkStateSnapshot): boolean {
  return snapshots.some((one) => one.metadata.name === metadata.name);
}

/** Now; or, as the time is in the name, a moment later when there is one of that time. */
function requestTime(
  { now, owner, snapshots = [] }: SnapshotWork,
  type: SnapshotType,
  trigger: TriggerType,
): number {
  const taken = new Set(snapshots.map(({ metadata }) => metadata.name));
  let time = now;
  while (taken.has(snapshotName(owner.name, type, trigger, time))) time++;
  return time;
}

/** Makes the object, or sees that it is there: with that the request is handed over. */
function handOver(work: SnapshotWork, type: SnapshotType, trigger: TriggerType): void {
  const snapshot = wantedSnapshot(work, type, trigger);
  if (isThere(work, snapshot)) return clear(work, type);
  work.actions.push({ type: "create-snapshot", snapshot });
  if (work.failure?.action !== "create-snapshot") return lookAgain(work, work.progressInterval);
  const { name } = snapshot.metadata;
  warn(work, "SnapshotError", `FlinkStateSnapshot ${name} cannot be created: ${work.failure.message}`);
}

/** Without objects: asks Flink, with the id that is recorded. */
function ask(work: SnapshotWork, type: SnapshotType): void {
  const { jobId } = work;
  const id = triggerId(work, type) ?? "";
  lookAgain(work, work.progressInterval);
  if (type === "checkpoint") {
    work.actions.push({
      type: "trigger-checkpoint",
      jobId,
      triggerId: id,
      checkpointType: checkpointType(work),
    });
    return;
  }
  const targetDirectory = getOption(work.configuration, SAVEPOINTS_DIR);
  work.actions.push({
    type: "trigger-savepoint",
    jobId,
    triggerId: id,
    ...(targetDirectory === undefined ? {} : { targetDirectory }),
    formatType: work.jobStatus.savepointInfo.formatType ?? savepointFormat(work.configuration),
  });
}

function beginAsking(work: SnapshotWork, type: SnapshotType): void {
  const { savepointInfo, checkpointInfo } = work.jobStatus;
  slotOf(work, type).triggerId = work.entropy;
  if (type === "savepoint") savepointInfo.formatType = savepointFormat(work.configuration);
  else checkpointInfo.formatType = checkpointType(work);
  ask(work, type);
}

function completed(work: SnapshotWork, type: SnapshotType, location: string | undefined): void {
  const { savepointInfo, checkpointInfo } = work.jobStatus;
  const { triggerType = "UNKNOWN" } = slotOf(work, type);
  const nonce = work.handled[RULES[type].nonce];
  const common = {
    timeStamp: work.now,
    triggerType,
    ...(triggerType === "MANUAL" && nonce !== undefined ? { triggerNonce: nonce } : {}),
  };
  if (type === "savepoint") {
    const savepoint = {
      ...common,
      location: location ?? "",
      formatType: savepointInfo.formatType ?? savepointFormat(work.configuration),
    };
    savepointInfo.lastSavepoint = savepoint;
    savepointInfo.savepointHistory = [...(savepointInfo.savepointHistory ?? []), savepoint];
  } else {
    checkpointInfo.lastCheckpoint = {
      ...common,
      formatType: checkpointInfo.formatType ?? checkpointType(work),
    };
  }
  clear(work, type);
}

/** Tried again, with another id, until the grace period since the request is over. */
function failed(work: SnapshotWork, type: SnapshotType, message: string): void {
  const slot = slotOf(work, type);
  // It failed with the job: the time counts anew when that runs again.
  if (!work.running) slot.triggerTimestamp = work.now;
  const { failed: reason, gracePeriod } = RULES[type];
  const since = work.now - (slot.triggerTimestamp ?? 0);
  const again = since < (getDuration(work.configuration, gracePeriod) ?? 0);
  warn(work, reason, again ? `${message}. It is tried again` : message);
  if (again) delete slot.triggerId;
  else clear(work, type);
}

/** Without objects: Flink was asked. */
function follow(work: SnapshotWork, type: SnapshotType): void {
  const { failure } = work;
  const answer = work.answers[type];
  if (answer === undefined) return;
  if (answer.ok) {
    const { state, failure: cause } = answer.value;
    if (state === "IN_PROGRESS") return lookAgain(work, work.progressInterval);
    if (cause !== undefined) return failed(work, type, `The ${type} failed: ${cause}`);
    return completed(work, type, "location" in answer.value ? answer.value.location : undefined);
  }
  if (!isUnknownTrigger(answer.failure)) return lookAgain(work, work.progressInterval);
  if (failure?.action === `trigger-${type}` && failure.reason === "http") {
    return failed(work, type, `Flink refused the ${type}: ${failure.message}`);
  }
  const { triggerTimestamp = 0 } = slotOf(work, type);
  if (work.now - triggerTimestamp >= (getDuration(work.configuration, RULES[type].gracePeriod) ?? 0)) {
    return failed(work, type, `Flink does not know the ${type} any more that it was asked for`);
  }
  // Never asked, or forgotten with a lost JobManager.
  if (work.running) ask(work, type);
}

/** When the schedule last asked; the objects know it where another operator was at work. */
function lastPeriodic(work: SnapshotWork, type: SnapshotType): number {
  const created = (work.snapshots ?? [])
    .filter((one) => snapshotTypeOf(one) === type && triggerTypeOf(one) === "PERIODIC")
    .map(({ metadata }) => Date.parse(metadata.creationTimestamp ?? ""));
  return Math.max(lastPeriodicOf(work, type), work.owner.created, ...created.filter(Number.isFinite));
}

function begin(work: SnapshotWork, type: SnapshotType): void {
  const { nonce, schedule, failed: reason } = RULES[type];
  const wanted = work.wanted[nonce];
  const { due, nextIn } = decideTrigger({
    nonce: wanted,
    handledNonce: work.handled[nonce],
    schedule: getOption(work.configuration, schedule),
    lastPeriodic: lastPeriodic(work, type),
    now: work.now,
  });
  if (nextIn !== undefined && due === undefined) lookAgain(work, nextIn);
  if (due === undefined) return;
  if (due === "PERIODIC") setLastPeriodic(work, type, work.now);
  else if (wanted !== undefined) work.handled[nonce] = wanted;
  const { flinkVersion } = work;
  if (type === "checkpoint" && flinkVersion !== undefined && !isAtLeast(flinkVersion, 1, 17)) {
    return warn(work, reason, `Flink ${flinkVersion} takes no checkpoint on demand: 1.17 and newer do`);
  }
  clear(work, type);
  const slot = slotOf(work, type);
  slot.triggerType = due;
  slot.triggerTimestamp = requestTime(work, type, due);
  if (usesResources(work)) handOver(work, type, due);
  else beginAsking(work, type);
}

/** Only while the job is deployed and nothing else is done to it. */
export function takeSnapshots(work: SnapshotWork): void {
  for (const type of TYPES) {
    const request = requestOf(work, type);
    if (triggerId(work, type) !== undefined) follow(work, type);
    else if (request !== undefined && usesResources(work)) handOver(work, type, request);
    else if (!work.running) continue;
    else if (request === "MANUAL" || request === "PERIODIC") beginAsking(work, type);
    else begin(work, type);
  }
  if (work.running) cleanUp(work);
}

/** A savepoint that an upgrade took becomes an object in whatever phase the job is: it costs one request. */
export function announceUpgrade(work: SnapshotWork): void {
  if (triggerId(work, "savepoint") !== undefined || requestOf(work, "savepoint") !== "UPGRADE") return;
  if (usesResources(work)) handOver(work, "savepoint", "UPGRADE");
}

/**
 * The job is about to be stopped, and the stop's own savepoint takes the place of a request in the status. What Flink or
 * an object has not taken over by then counts as not asked for yet: it comes after the change.
 */
export function putOff(work: SnapshotWork): void {
  const request = requestOf(work, "savepoint");
  const asked = triggerId(work, "savepoint") !== undefined;
  const open = asked || (request !== undefined && !isThere(work, wantedSnapshot(work, "savepoint", request)));
  if (open && request === "MANUAL") delete work.handled.savepointTriggerNonce;
  if (open && request === "PERIODIC") setLastPeriodic(work, "savepoint", 0);
  if (asked)
    warn(work, "SavepointError", "The savepoint in progress gives way to a change; it is taken after it");
  clear(work, "savepoint");
}
