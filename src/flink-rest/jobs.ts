/** Jobs: which there are, how they ended, ending them, their metrics. */
import { FlinkJobState } from "../api/flink-deployment.ts";
import type {
  FlinkAnswer,
  JobExecutionResult,
  JobMetrics,
  JobOverview,
  TaskCounts,
} from "../flink/rest-answers.ts";
import { nothing, type Send } from "./call.ts";
import { causeOf } from "./operation.ts";
import { defined, type Json, list, object, optionalNumber, optionalText, text, word } from "./read.ts";

const STATES = (FlinkJobState as unknown as { enum: readonly FlinkJobState[] }).enum;

function taskCounts(value: unknown): TaskCounts | undefined {
  if (value === undefined || value === null) return undefined;
  const tasks = object(value, "tasks");
  const count = (field: string) => optionalNumber(tasks, field) ?? 0;
  return {
    total: count("total"),
    running: count("running"),
    finished: count("finished"),
    failed: count("failed"),
    canceled: count("canceled"),
  };
}

function readJob(job: Json): JobOverview {
  const endTime = optionalNumber(job, "end-time") ?? -1;
  return defined({
    jobId: text(job, "jid"),
    name: optionalText(job, "name") ?? "",
    state: word(job, "state", STATES),
    startTime: optionalNumber(job, "start-time") ?? 0,
    endTime: endTime < 0 ? undefined : endTime,
    lastModification: optionalNumber(job, "last-modification") ?? 0,
    tasks: taskCounts(job["tasks"]),
  });
}

export function jobsOverview(send: Send): Promise<FlinkAnswer<readonly JobOverview[]>> {
  return send({ method: "GET", path: "/jobs/overview" }, (json) =>
    list(object(json, "the overview")["jobs"], "jobs", readJob),
  );
}

export function jobExecutionResult(send: Send, jobId: string): Promise<FlinkAnswer<JobExecutionResult>> {
  return send({ method: "GET", path: `/jobs/${jobId}/execution-result` }, (json) => {
    const answer = object(json, "the answer");
    const state = word(object(answer["status"], "status"), "id", ["IN_PROGRESS", "COMPLETED"]);
    if (state === "IN_PROGRESS") return { state };
    const result = object(answer["job-execution-result"], "job-execution-result");
    const status = word(result, "application-status", ["SUCCEEDED", "FAILED", "CANCELED", "UNKNOWN"]);
    return { state, status, ...causeOf(result) };
  });
}

/** Accepted also for a job that is CANCELED already; 409 for one that is FINISHED or FAILED. */
export function cancelJob(send: Send, jobId: string, timeoutMs: number): Promise<FlinkAnswer<undefined>> {
  const path = `/jobs/${jobId}`;
  return send({ method: "PATCH", path, query: { mode: "cancel" }, timeoutMs }, nothing);
}

export function jobMetrics(
  send: Send,
  jobId: string,
  names: readonly string[],
): Promise<FlinkAnswer<JobMetrics>> {
  const query = { get: names.join(",") };
  return send({ method: "GET", path: `/jobs/${jobId}/metrics`, query }, (json) => {
    const pairs = list(json, "the metrics", (one) => [text(one, "id"), Number(one["value"])] as const);
    // NaN is Java's word for "not known yet", and a metric that was asked for may be missing.
    return Object.fromEntries(pairs.filter(([, value]) => Number.isFinite(value)));
  });
}
