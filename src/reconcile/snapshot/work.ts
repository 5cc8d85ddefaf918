/**
 * The snapshots that a job's own resource asks for, by a nonce or by a schedule (2.18), as one draft: what is known, and
 * what comes of it. An application and a session job fill it in the same way.
 *
 * `savepointInfo` and `checkpointInfo` in the status each hold at most one request:
 *
 *   triggerType  triggerId  meaning
 *   -            -          none
 *   any          -          wanted since `triggerTimestamp`: a FlinkStateSnapshot is to be made, or Flink to be asked
 *   any          set        without FlinkStateSnapshots: Flink is asked, by that id
 *
 * A request is recorded, its nonce or time with it, before anything is done for it, and stays until that is seen to be
 * done. So a crash repeats it and never loses it, and its name or id makes the repetition the same request.
 */
import type { CheckpointInfo, FlinkVersion, JobSpec, SavepointInfo } from "../../api/flink-deployment.ts";
import type { FlinkStateSnapshot } from "../../api/flink-state-snapshot.ts";
import { type FlinkConfiguration, getBoolean, type Option } from "../../flink/configuration.ts";
import {
  CHECKPOINT_GRACE_PERIOD,
  PERIODIC_CHECKPOINT_INTERVAL,
  PERIODIC_SAVEPOINT_INTERVAL,
  SAVEPOINT_GRACE_PERIOD,
  SNAPSHOT_RESOURCE,
} from "../../flink/options.ts";
import type { ActionFailure, EventRecord, FlinkAnswers, SnapshotAction } from "../decision.ts";
import type { SnapshotOwner, SnapshotType, TriggerType } from "./resource.ts";

export type SnapshotNonces = Pick<JobSpec, "savepointTriggerNonce" | "checkpointTriggerNonce">;

export interface SnapshotWork {
  /** `created` is epoch milliseconds: from then on schedules count. */
  readonly owner: SnapshotOwner & { readonly created: number };
  /** Epoch milliseconds. */
  readonly now: number;
  /** 32 random hexadecimal digits: the next trigger id. */
  readonly entropy: string;
  /** Milliseconds between looks at something in progress. */
  readonly progressInterval: number;
  readonly jobId: string;
  /** The job is RUNNING, and Flink has said so in this pass. */
  readonly running: boolean;
  readonly flinkVersion: FlinkVersion | undefined;
  /** What the job runs with, and `kubernetes.operator.*` as the user has it now. */
  readonly configuration: FlinkConfiguration;
  /** The operator's own configuration, for what a resource cannot decide. */
  readonly operatorConfiguration: FlinkConfiguration;
  readonly wanted: SnapshotNonces;
  readonly initialSavepointPath: string | undefined;
  /** As recorded; changed in place when a nonce is acted on. */
  readonly handled: SnapshotNonces;
  /** Changed in place. */
  readonly jobStatus: {
    readonly savepointInfo: SavepointInfo;
    readonly checkpointInfo: CheckpointInfo;
    readonly upgradeSavepointPath?: string;
  };
  readonly answers: Pick<FlinkAnswers, "savepoint" | "checkpoint">;
  readonly failure: ActionFailure | undefined;
  /** As in `Observed`. */
  readonly snapshots: readonly FlinkStateSnapshot[] | undefined;
  readonly disposed: readonly string[];
  readonly actions: SnapshotAction[];
  readonly events: EventRecord[];
  /** Milliseconds until the next look that this work needs. */
  requeueAfter: number | undefined;
}

interface Rules {
  readonly nonce: keyof SnapshotNonces;
  readonly schedule: Option;
  readonly gracePeriod: Option;
  readonly failed: "SavepointError" | "CheckpointError";
}

export const RULES: Readonly<Record<SnapshotType, Rules>> = {
  savepoint: {
    nonce: "savepointTriggerNonce",
    schedule: PERIODIC_SAVEPOINT_INTERVAL,
    gracePeriod: SAVEPOINT_GRACE_PERIOD,
    failed: "SavepointError",
  },
  checkpoint: {
    nonce: "checkpointTriggerNonce",
    schedule: PERIODIC_CHECKPOINT_INTERVAL,
    gracePeriod: CHECKPOINT_GRACE_PERIOD,
    failed: "CheckpointError",
  },
};

/** Whether snapshots are FlinkStateSnapshots; otherwise the job's own status keeps them. */
export function usesResources({
  snapshots,
  configuration,
}: Pick<SnapshotWork, "snapshots" | "configuration">): boolean {
  return snapshots !== undefined && getBoolean(configuration, SNAPSHOT_RESOURCE);
}

type Slot = Pick<SavepointInfo, "triggerId" | "triggerTimestamp" | "triggerType">;

export function slotOf({ jobStatus }: SnapshotWork, type: SnapshotType): Slot {
  return type === "savepoint" ? jobStatus.savepointInfo : jobStatus.checkpointInfo;
}

/** Flink's trigger in progress. */
export function triggerId(work: SnapshotWork, type: SnapshotType): string | undefined {
  const id = slotOf(work, type).triggerId;
  return id === "" ? undefined : id;
}

/** What is wanted, whether or not Flink has been asked. */
export function requestOf(work: SnapshotWork, type: SnapshotType): TriggerType | undefined {
  const { triggerType, triggerTimestamp = 0 } = slotOf(work, type);
  if (triggerType === "MANUAL" || triggerType === "PERIODIC") {
    return triggerTimestamp > 0 ? triggerType : undefined;
  }
  if (triggerType !== "UPGRADE" || type !== "savepoint") return undefined;
  // That of a stop is wanted as an object once it is there; a stop that failed has left the one before.
  const { lastSavepoint } = work.jobStatus.savepointInfo;
  const isNew =
    lastSavepoint?.triggerType === "UPGRADE" && (lastSavepoint.timeStamp ?? 0) >= triggerTimestamp;
  return isNew ? "UPGRADE" : undefined;
}

/** The request is done, or given up. */
export function clear(work: SnapshotWork, type: SnapshotType): void {
  const info = type === "savepoint" ? work.jobStatus.savepointInfo : work.jobStatus.checkpointInfo;
  delete info.triggerId;
  delete info.triggerTimestamp;
  delete info.triggerType;
  delete info.formatType;
}

export function lastPeriodicOf({ jobStatus }: SnapshotWork, type: SnapshotType): number {
  const { savepointInfo, checkpointInfo } = jobStatus;
  const time =
    type === "savepoint"
      ? savepointInfo.lastPeriodicSavepointTimestamp
      : checkpointInfo.lastPeriodicCheckpointTimestamp;
  return time ?? 0;
}

export function setLastPeriodic({ jobStatus }: SnapshotWork, type: SnapshotType, time: number): void {
  if (type === "savepoint") jobStatus.savepointInfo.lastPeriodicSavepointTimestamp = time;
  else jobStatus.checkpointInfo.lastPeriodicCheckpointTimestamp = time;
}

export function warn(work: SnapshotWork, reason: string, message: string): void {
  work.events.push({ type: "Warning", reason, message, component: "Snapshot" });
}

export function lookAgain(work: SnapshotWork, milliseconds: number): void {
  work.requeueAfter = Math.min(work.requeueAfter ?? Number.POSITIVE_INFINITY, milliseconds);
}
