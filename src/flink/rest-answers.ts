/** Answers of Flink's REST API as decisions consume them. A failure is a value: it is an observation like any other. */
import type { FlinkJobState } from "../api/flink-deployment.ts";

export interface FlinkFailure {
  /** `http`: an answer with an error status; `garbage`: not the JSON that Flink documents. */
  readonly kind: "unreachable" | "timeout" | "http" | "garbage";
  readonly status?: number;
  readonly message: string;
  readonly rootCauses?: readonly string[];
}

export type FlinkAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: FlinkFailure };

export interface ClusterConfig {
  readonly flinkVersion: string;
  readonly flinkRevision: string;
}

export interface JobOverview {
  readonly jobId: string;
  readonly name: string;
  readonly state: FlinkJobState;
  /** Epoch milliseconds. */
  readonly startTime: number;
  readonly lastModification: number;
}

export interface ApplicationOverview {
  readonly id: string;
  readonly name: string;
  readonly state: string;
}

/** A completed checkpoint or savepoint, or one that the job was restored from. */
export interface CheckpointReference {
  readonly id: number;
  readonly externalPath?: string;
  /** Epoch milliseconds. */
  readonly triggerTime?: number;
  readonly completionTime?: number;
}

export interface CheckpointStatistics {
  readonly latest: {
    readonly completed?: CheckpointReference;
    readonly savepoint?: CheckpointReference;
    readonly restored?: CheckpointReference;
  };
  /** When the oldest checkpoint in progress was triggered, epoch milliseconds. */
  readonly pendingSince?: number;
}

export interface JobException {
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly stacktrace: string;
  readonly taskName?: string;
  readonly endpoint?: string;
  readonly taskManagerId?: string;
}

export interface JobExceptions {
  readonly rootException?: string;
  /** Newest first. */
  readonly history: readonly JobException[];
}

export interface SavepointStatus {
  readonly state: "IN_PROGRESS" | "COMPLETED";
  /** Set when it succeeded. */
  readonly location?: string;
  /** Set when it failed. */
  readonly failure?: string;
}
