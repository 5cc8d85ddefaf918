/** Checkpoints: what the JobManager remembers of them, and asking for one. */
import type {
  CheckpointConfig,
  CheckpointReference,
  CheckpointStatistics,
  CheckpointTriggerStatus,
  FlinkAnswer,
} from "../flink/rest-answers.ts";
import type { Send } from "./call.ts";
import { readOperation, readTriggered, type Triggered } from "./operation.ts";
import {
  defined,
  Garbage,
  type Json,
  list,
  number,
  object,
  optionalFlag,
  optionalNumber,
  optionalText,
  word,
} from "./read.ts";

const STATUSES = ["IN_PROGRESS", "COMPLETED", "FAILED"] as const;

/** One of the history. Also the restored one, which has fewer fields. */
function reference(checkpoint: Json): CheckpointReference {
  const status = (checkpoint["status"] ?? undefined) && word(checkpoint, "status", STATUSES);
  // In progress it is the time of the newest acknowledgement; of the restored one there is only `restore_timestamp`.
  const acknowledged = optionalNumber(checkpoint, "latest_ack_timestamp");
  return defined({
    id: number(checkpoint, "id"),
    externalPath: optionalText(checkpoint, "external_path"),
    triggerTime: optionalNumber(checkpoint, "trigger_timestamp"),
    completionTime: status === "COMPLETED" ? acknowledged : undefined,
    status: status === undefined ? undefined : status,
    isSavepoint: optionalFlag(checkpoint, "is_savepoint"),
    discarded: optionalFlag(checkpoint, "discarded"),
    stateSize: optionalNumber(checkpoint, "state_size"),
    failureMessage: optionalText(checkpoint, "failure_message"),
  });
}

function latest(from: Json, field: string): CheckpointReference | undefined {
  const value = from[field];
  return value === null || value === undefined ? undefined : reference(object(value, `latest.${field}`));
}

function readStatistics(json: unknown): CheckpointStatistics {
  const statistics = object(json, "the statistics");
  const newest = object(statistics["latest"] ?? {}, "latest");
  const counts = object(statistics["counts"] ?? {}, "counts");
  const count = (field: string) => optionalNumber(counts, field) ?? 0;
  const history = list(statistics["history"] ?? [], "history", reference);
  const pending = history.flatMap((one) => (one.status === "IN_PROGRESS" ? (one.triggerTime ?? []) : []));
  return defined({
    latest: defined({
      completed: latest(newest, "completed"),
      savepoint: latest(newest, "savepoint"),
      failed: latest(newest, "failed"),
      restored: latest(newest, "restored"),
    }),
    pendingSince: pending.length === 0 ? undefined : Math.min(...pending),
    counts: {
      completed: count("completed"),
      failed: count("failed"),
      inProgress: count("in_progress"),
      restored: count("restored"),
      total: count("total"),
    },
    history,
  });
}

/** 404 for an unknown job and for one without checkpoints alike; rest-answers.ts tells them apart. */
export function jobCheckpoints(send: Send, jobId: string): Promise<FlinkAnswer<CheckpointStatistics>> {
  return send({ method: "GET", path: `/jobs/${jobId}/checkpoints` }, readStatistics);
}

/** 404 when it is older than `web.checkpoints.history`. */
export function checkpointDetails(
  send: Send,
  jobId: string,
  checkpointId: number,
): Promise<FlinkAnswer<CheckpointReference>> {
  const path = `/jobs/${jobId}/checkpoints/details/${checkpointId}`;
  return send({ method: "GET", path }, (json) => reference(object(json, "the checkpoint")));
}

export function checkpointConfig(send: Send, jobId: string): Promise<FlinkAnswer<CheckpointConfig>> {
  return send({ method: "GET", path: `/jobs/${jobId}/checkpoints/config` }, (json) => {
    const answer = object(json, "the configuration");
    const externalization = object(answer["externalization"] ?? {}, "externalization");
    const interval = number(answer, "interval");
    return defined({
      // Java's largest number stands for "never".
      interval: interval > Number.MAX_SAFE_INTEGER ? undefined : interval,
      timeout: number(answer, "timeout"),
      minPause: optionalNumber(answer, "min_pause") ?? 0,
      tolerableFailures: optionalNumber(answer, "tolerable_failed_checkpoints") ?? 0,
      retained:
        optionalFlag(externalization, "enabled") === true &&
        optionalFlag(externalization, "delete_on_cancellation") !== true,
    });
  });
}

export interface CheckpointRequest {
  readonly jobId: string;
  /** As for savepoints. */
  readonly triggerId: string;
  /** CONFIGURED, FULL or INCREMENTAL. */
  readonly checkpointType: string;
}

/** Flink 1.17 and newer. */
export function triggerCheckpoint(
  send: Send,
  { jobId, ...body }: CheckpointRequest,
): Promise<FlinkAnswer<Triggered>> {
  return send({ method: "POST", path: `/jobs/${jobId}/checkpoints`, body }, readTriggered);
}

export function checkpointStatus(
  send: Send,
  jobId: string,
  triggerId: string,
): Promise<FlinkAnswer<CheckpointTriggerStatus>> {
  return send({ method: "GET", path: `/jobs/${jobId}/checkpoints/${triggerId}` }, (json) =>
    readOperation(json, (operation, cause) => {
      const checkpointId = optionalNumber(operation, "checkpointId");
      if (checkpointId === undefined && cause === undefined) throw new Garbage("neither an id nor a failure");
      return { ...cause, ...(checkpointId === undefined ? {} : { checkpointId }) };
    }),
  );
}
