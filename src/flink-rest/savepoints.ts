/**
 * Savepoints. The id that the caller chooses makes asking idempotent: the same id for the same job again, by whichever of
 * the two calls, changes nothing while the first is under way and for `rest.async.store-duration` (5 min) after its end,
 * as long as the JobManager lives. A stop with another id while one is under way aborts the first and fails the job.
 */
import type { DisposalStatus, FlinkAnswer, SavepointStatus } from "../flink/rest-answers.ts";
import type { Send } from "./call.ts";
import { readOperation, readTriggered, traceOf, type Triggered } from "./operation.ts";
import { Garbage, optionalText } from "./read.ts";

export interface SavepointRequest {
  readonly jobId: string;
  /** 32 hexadecimal digits, chosen by the caller: the same id again is the same request. */
  readonly triggerId: string;
  /** The cluster's `execution.checkpointing.savepoint-dir` when absent. */
  readonly targetDirectory?: string;
  /** CANONICAL or NATIVE. */
  readonly formatType: string;
}

export interface StopWithSavepoint extends SavepointRequest {
  /** Let event time run to its end: the job can then not be resumed where it was. */
  readonly drain: boolean;
}

/** Accepted for every well-formed request, even for a job that is unknown or over: the status tells. */
export function stopWithSavepoint(
  send: Send,
  { jobId, ...body }: StopWithSavepoint,
): Promise<FlinkAnswer<Triggered>> {
  return send({ method: "POST", path: `/jobs/${jobId}/stop`, body }, readTriggered);
}

/** The job runs on. Accepted like a stop. */
export function triggerSavepoint(send: Send, request: SavepointRequest): Promise<FlinkAnswer<Triggered>> {
  const { jobId, targetDirectory, ...body } = request;
  const target = targetDirectory === undefined ? {} : { "target-directory": targetDirectory };
  const path = `/jobs/${jobId}/savepoints`;
  return send({ method: "POST", path, body: { ...body, ...target, "cancel-job": false } }, readTriggered);
}

const STOPPING_FAILED = /A savepoint has been created at: (\S+), but the corresponding job/;

/** Of a savepoint or a stop. */
export function savepointStatus(
  send: Send,
  jobId: string,
  triggerId: string,
): Promise<FlinkAnswer<SavepointStatus>> {
  return send({ method: "GET", path: `/jobs/${jobId}/savepoints/${triggerId}` }, (json) =>
    readOperation(json, (operation, cause) => {
      const trace = traceOf(operation) ?? "";
      const location = optionalText(operation, "location") ?? STOPPING_FAILED.exec(trace)?.[1];
      if (location === undefined && cause === undefined)
        throw new Garbage("neither a location nor a failure");
      return { ...cause, ...(location === undefined ? {} : { location }) };
    }),
  );
}

/** Flink's own id comes back: a disposal takes none of the caller's. Disposing again of what is gone fails. */
export function disposeSavepoint(send: Send, path: string): Promise<FlinkAnswer<Triggered>> {
  return send(
    { method: "POST", path: "/savepoint-disposal", body: { "savepoint-path": path } },
    readTriggered,
  );
}

export function disposalStatus(send: Send, triggerId: string): Promise<FlinkAnswer<DisposalStatus>> {
  return send({ method: "GET", path: `/savepoint-disposal/${triggerId}` }, (json) =>
    readOperation(json, (_, cause) => ({ ...cause })),
  );
}
