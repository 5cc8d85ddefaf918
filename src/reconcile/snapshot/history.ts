/**
 * What is kept of snapshots that nobody asked for by hand (2.18). The newest completed one always is, and so is
 * whatever a restart of the job could need.
 */
import type { FlinkStateSnapshot } from "../../api/flink-state-snapshot.ts";
import {
  type FlinkConfiguration,
  getBoolean,
  getDuration,
  getNumber,
  type Option,
} from "../../flink/configuration.ts";
import {
  CHECKPOINTS_RETAINED,
  SAVEPOINT_CLEANUP,
  SAVEPOINT_HISTORY_AGE_BOUND,
  SAVEPOINT_HISTORY_COUNT_BOUND,
  SAVEPOINT_HISTORY_MAX_AGE,
  SAVEPOINT_HISTORY_MAX_COUNT,
} from "../../flink/options.ts";
import { snapshotState, type SnapshotType, snapshotTypeOf, triggerTypeOf } from "./resource.ts";
import { lookAgain, type SnapshotWork } from "./work.ts";

export interface HistoryLimits {
  readonly maxCount: number;
  /** Milliseconds. */
  readonly maxAge: number;
}

function bounded(
  read: (config: FlinkConfiguration, option: Option) => number | undefined,
  work: SnapshotWork,
  [option, bound]: readonly [Option, Option],
): number {
  const wanted = read(work.configuration, option) ?? Number.POSITIVE_INFINITY;
  return Math.min(wanted, read(work.operatorConfiguration, bound) ?? Number.POSITIVE_INFINITY);
}

export function historyLimits(work: SnapshotWork, type: SnapshotType): HistoryLimits {
  if (type === "checkpoint") {
    // Flink itself removes the older ones.
    const retained = getNumber(work.configuration, CHECKPOINTS_RETAINED) ?? 1;
    return { maxCount: Math.max(1, retained), maxAge: Number.POSITIVE_INFINITY };
  }
  return {
    maxCount: bounded(getNumber, work, [SAVEPOINT_HISTORY_MAX_COUNT, SAVEPOINT_HISTORY_COUNT_BOUND]),
    maxAge: bounded(getDuration, work, [SAVEPOINT_HISTORY_MAX_AGE, SAVEPOINT_HISTORY_AGE_BOUND]),
  };
}

function createdAt({ metadata }: FlinkStateSnapshot): number {
  return Date.parse(metadata.creationTimestamp ?? "") || 0;
}

/** Those of one type that are to go: periodic ones and those of upgrades, oldest first. `needed`: paths that stay. */
export function outdatedSnapshots(
  snapshots: readonly FlinkStateSnapshot[],
  type: SnapshotType,
  { maxCount, maxAge }: HistoryLimits,
  now: number,
  needed: ReadonlySet<string | undefined> = new Set(),
): readonly FlinkStateSnapshot[] {
  const own = snapshots
    .filter((one) => one.metadata.deletionTimestamp === undefined && triggerTypeOf(one) !== "MANUAL")
    .filter((one) => snapshotTypeOf(one) === type)
    .sort((a, b) => createdAt(a) - createdAt(b));
  const kept = own.findLast((one) => snapshotState(one) === "COMPLETED") ?? own.at(-1);
  const outdated: FlinkStateSnapshot[] = [];
  for (const one of own) {
    const path = one.status?.path;
    const isNeeded = path !== undefined && path !== "" && needed.has(path);
    if (one === kept || isNeeded || snapshotState(one) === "IN_PROGRESS") continue;
    const tooMany = own.length - outdated.length > maxCount;
    if (tooMany || now - createdAt(one) > maxAge) outdated.push(one);
  }
  return outdated;
}

/** What the job was started from, or would be. */
function neededPaths({ jobStatus, initialSavepointPath }: SnapshotWork): Set<string | undefined> {
  return new Set([jobStatus.upgradeSavepointPath, initialSavepointPath]);
}

function deleteOutdated(work: SnapshotWork, type: SnapshotType): void {
  const limits = historyLimits(work, type);
  const outdated = outdatedSnapshots(work.snapshots ?? [], type, limits, work.now, neededPaths(work));
  for (const { metadata } of outdated) {
    work.actions.push({ type: "delete-snapshot", name: metadata.name, uid: metadata.uid ?? "" });
  }
}

/** What the status lists itself: taken without objects, or by an older operator. */
function trimHistory(work: SnapshotWork): void {
  const { savepointInfo } = work.jobStatus;
  const history = savepointInfo.savepointHistory ?? [];
  // Those that share the limits; what a person has asked for takes nobody's place.
  const completed = (work.snapshots ?? []).filter(
    (one) =>
      snapshotTypeOf(one) === "savepoint" &&
      triggerTypeOf(one) !== "MANUAL" &&
      snapshotState(one) === "COMPLETED",
  ).length;
  const { maxCount, maxAge } = historyLimits(work, "savepoint");
  const limit = Math.max(completed > 0 ? 0 : 1, maxCount - completed);
  const needed = neededPaths(work).add(savepointInfo.lastSavepoint?.location);
  const outdated = history.filter(({ location, timeStamp = 0 }, index) => {
    const isOld = work.now - timeStamp > maxAge || history.length - index > limit;
    return isOld && !needed.has(location);
  });
  if (outdated.length === 0) return;
  const gone = getBoolean(work.configuration, SAVEPOINT_CLEANUP)
    ? outdated.filter(({ location = "" }) => work.disposed.includes(location))
    : outdated;
  if (gone.length > 0) savepointInfo.savepointHistory = history.filter((one) => !gone.includes(one));
  // One at a time: the next comes with the next pass.
  const next = outdated.find((one) => !gone.includes(one))?.location;
  if (next === undefined) return;
  work.actions.push({ type: "dispose-savepoint", path: next });
  if (work.failure?.action !== "dispose-savepoint") lookAgain(work, work.progressInterval);
}

export function cleanUp(work: SnapshotWork): void {
  if (getBoolean(work.configuration, SAVEPOINT_CLEANUP)) deleteOutdated(work, "savepoint");
  deleteOutdated(work, "checkpoint");
  trimHistory(work);
}
