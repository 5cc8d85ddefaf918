/** Answers of Flink's REST API as decisions consume them. A failure is a value: it is an observation like any other. */
import type { FlinkJobState } from "../api/flink-deployment.ts";

export interface FlinkFailure {
  /**
   * `unreachable`: no connection, or one that broke; `timeout`: no whole answer by the deadline; `http`: Flink answered
   * with an error status; `garbage`: an answer that is not Flink's, or not what Flink documents. See `isUnreachable`.
   */
  readonly kind: "unreachable" | "timeout" | "http" | "garbage";
  /** Set for `http` only, so that nobody takes another server's 404 for Flink's. */
  readonly status?: number;
  /** One line: the call and what went wrong. */
  readonly message: string;
  /** Flink's exceptions as `class: message`, innermost first. */
  readonly rootCauses?: readonly string[];
}

export type FlinkAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: FlinkFailure };

export interface ClusterConfig {
  readonly flinkVersion: string;
  readonly flinkRevision: string;
  /** `web.refresh-interval`, milliseconds: Flink's answers about one job may be this old (see CheckpointStatistics). */
  readonly refreshInterval?: number;
}

/** Tasks by their state. */
export interface TaskCounts {
  readonly total: number;
  readonly running: number;
  readonly finished: number;
  readonly failed: number;
  readonly canceled: number;
}

export interface JobOverview {
  readonly jobId: string;
  readonly name: string;
  readonly state: FlinkJobState;
  /** Epoch milliseconds. */
  readonly startTime: number;
  /** Epoch milliseconds; absent while the job has not ended. */
  readonly endTime?: number;
  /** Epoch milliseconds. */
  readonly lastModification: number;
  readonly tasks?: TaskCounts;
}

/** Flink 2.3 and newer: what runs main(), above the jobs. */
export interface ApplicationOverview {
  readonly id: string;
  readonly name: string;
  /** CREATED, RUNNING, FAILING, FAILED, CANCELING, CANCELED or FINISHED. */
  readonly state: string;
}

/** A checkpoint or savepoint, or one that the job was restored from. */
export interface CheckpointReference {
  readonly id: number;
  /** Where its metadata is; Flink's `<checkpoint-not-externally-addressable>` where it is in the JobManager's memory. */
  readonly externalPath?: string;
  /** Epoch milliseconds. */
  readonly triggerTime?: number;
  /** Epoch milliseconds; absent for one in progress. */
  readonly completionTime?: number;
  readonly status?: "IN_PROGRESS" | "COMPLETED" | "FAILED";
  readonly isSavepoint?: boolean;
  /** A newer checkpoint has replaced it, and its files are gone. */
  readonly discarded?: boolean;
  /** Bytes. */
  readonly stateSize?: number;
  readonly failureMessage?: string;
}

/**
 * What the JobManager remembers of a job's checkpoints. Flink answers out of a cache: unless
 * `rest.cache.checkpoint-statistics.timeout` is 0, this is as old as `web.refresh-interval` allows (3 s), even for a job
 * that has ended meanwhile, and may then name a checkpoint that is not the last and not on disk any more.
 */
export interface CheckpointStatistics {
  readonly latest: {
    readonly completed?: CheckpointReference;
    readonly savepoint?: CheckpointReference;
    readonly failed?: CheckpointReference;
    readonly restored?: CheckpointReference;
  };
  /** When the oldest checkpoint in progress was triggered, epoch milliseconds. */
  readonly pendingSince?: number;
  /** Of the job's whole life. */
  readonly counts: {
    readonly completed: number;
    readonly failed: number;
    readonly inProgress: number;
    readonly restored: number;
    readonly total: number;
  };
  /** Newest first; at most `web.checkpoints.history` (10). */
  readonly history: readonly CheckpointReference[];
}

export interface CheckpointConfig {
  /** Milliseconds; absent when there are no periodic checkpoints. */
  readonly interval?: number;
  /** Milliseconds. */
  readonly timeout: number;
  /** Milliseconds. */
  readonly minPause: number;
  readonly tolerableFailures: number;
  /** Whether the last checkpoint stays when the job is cancelled. */
  readonly retained: boolean;
}

export interface JobException {
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly stacktrace: string;
  readonly taskName?: string;
  readonly endpoint?: string;
  readonly taskManagerId?: string;
  readonly failureLabels?: Readonly<Record<string, string>>;
  /** What failed together with it. The first of these often says more than the exception itself. */
  readonly concurrent?: readonly JobException[];
}

export interface JobExceptions {
  readonly rootException?: string;
  /** Newest first. */
  readonly history: readonly JobException[];
}

export interface SavepointStatus {
  readonly state: "IN_PROGRESS" | "COMPLETED";
  /** Where the savepoint is. Set when it succeeded, and beside `failure` when the job failed after the savepoint. */
  readonly location?: string;
  /** Set when it failed: one line. */
  readonly failure?: string;
  /** Flink's exceptions as `class: message`, innermost first. */
  readonly rootCauses?: readonly string[];
}

export interface CheckpointTriggerStatus {
  readonly state: "IN_PROGRESS" | "COMPLETED";
  /** Set when it succeeded. */
  readonly checkpointId?: number;
  /** Set when it failed: one line. */
  readonly failure?: string;
  readonly rootCauses?: readonly string[];
}

export interface DisposalStatus {
  readonly state: "IN_PROGRESS" | "COMPLETED";
  /** Set when it failed: one line. */
  readonly failure?: string;
  readonly rootCauses?: readonly string[];
}

export interface JobExecutionResult {
  readonly state: "IN_PROGRESS" | "COMPLETED";
  /** Set when the job has ended. */
  readonly status?: "SUCCEEDED" | "FAILED" | "CANCELED" | "UNKNOWN";
  /** Set when it failed: one line. */
  readonly failure?: string;
  readonly rootCauses?: readonly string[];
}

/** A jar that was uploaded and is kept by the JobManager, until it restarts. */
export interface StoredJar {
  readonly jarId: string;
  /** As it was uploaded. */
  readonly fileName: string;
  /** Epoch milliseconds. */
  readonly uploaded: number;
}

export interface JarRun {
  readonly jobId: string;
}

export interface TaskManager {
  readonly id: string;
  readonly slots: number;
  readonly freeSlots: number;
}

/** How one operator chain spends its time, of its subtask that is worst off: shares from 0 to 1. */
export interface VertexPressure {
  readonly id: string;
  readonly name: string;
  readonly parallelism: number;
  readonly backPressured: number;
  readonly busy: number;
}

/** By the name of the metric. Flink knows none in a job's first seconds, nor any of an unknown job. */
export type JobMetrics = Readonly<Record<string, number>>;

/** Bounds of the parallelism, by the id of the job vertex. */
export type ResourceRequirements = Readonly<
  Record<string, { readonly lowerBound: number; readonly upperBound: number }>
>;

/**
 * Nobody usable answers: refused, unresolved, broken, silent, or a JobManager without a leader. All of them mean "look
 * at the Deployment again".
 */
export function isUnreachable({ kind, status }: FlinkFailure): boolean {
  return kind === "unreachable" || kind === "timeout" || status === 503;
}

/** Flink answers and does not know the job. Some calls say so with 404, others with 500. */
export function isUnknownJob({ kind, message, rootCauses = [] }: FlinkFailure): boolean {
  return (
    kind === "http" &&
    [message, ...rootCauses].some((text) =>
      /FlinkJobNotFoundException|Job could not be found|Job [0-9a-f]{32} not found|Could not find Flink job/.test(
        text,
      ),
    )
  );
}

/**
 * Flink answers and does not know the savepoint or checkpoint request: never asked, asked before the JobManager's last
 * restart, or ended longer than `rest.async.store-duration` (5 min) ago. Asking with the same id again then starts anew.
 */
export function isUnknownTrigger({ kind, message }: FlinkFailure): boolean {
  return kind === "http" && /no (savepoint|checkpoint) operation with triggerId/.test(message);
}

/** As above, of a disposal. Flink chose its id, so asking again is another request. */
export function isUnknownDisposal({ kind, message }: FlinkFailure): boolean {
  return kind === "http" && message.includes("Operation not found under key");
}

/** There was nothing left to dispose of: an earlier disposal, or somebody else, has removed the savepoint. */
export function isDisposedAlready({ failure, rootCauses = [] }: DisposalStatus): boolean {
  return [failure ?? "", ...rootCauses].some((text) =>
    /Cannot find (checkpoint or savepoint file\/directory|meta data file)/.test(text),
  );
}

/**
 * A run was refused since Flink has, or had, a job with that id. (2.3 and newer: an application, whose id is its job's.)
 */
export function isDuplicateJob({ kind, message, rootCauses = [] }: FlinkFailure): boolean {
  const refusal = /Duplicate(Job|Application)SubmissionException/;
  return kind === "http" && [message, ...rootCauses].some((text) => refusal.test(text));
}

/** The job has no checkpoint statistics as it makes no checkpoints. */
export function isCheckpointingDisabled({ kind, message }: FlinkFailure): boolean {
  return kind === "http" && /Checkpointing (has not been|is not) enabled/.test(message);
}

/** A cancellation came too late: the job is FINISHED or FAILED. (One that is CANCELED already answers like the first.) */
export function hasEndedAlready({ kind, status }: FlinkFailure): boolean {
  return kind === "http" && status === 409;
}
