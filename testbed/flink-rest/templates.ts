/** Recorded answers as templates: the shape is real Flink's, the values are the script's. */
import type { FlinkJobState } from "../../src/api/flink-deployment.ts";
import type { Version } from "./local-flink.ts";
import { JOB, loadRecording, type Situation, TRIGGER, UNKNOWN } from "./recordings.ts";
import type { RestAnswer } from "./server.ts";

export type Json = Record<string, unknown>;

/** The recorded answer with other ids. */
export function recorded(
  version: Version,
  situation: Situation,
  call: string,
  ids: Readonly<Record<string, string>> = {},
): RestAnswer {
  const found = loadRecording(version, situation)[call];
  if (found === undefined) throw new Error(`${version} ${situation} has no ${call}`);
  let text = JSON.stringify(found.body);
  for (const [from, to] of Object.entries(ids)) text = text.replaceAll(from, to);
  return { status: found.status, body: JSON.parse(text) as unknown };
}

const situationOf: Partial<Record<FlinkJobState, Situation>> = {
  FINISHED: "finished",
  CANCELED: "canceled",
  FAILED: "failed",
  RESTARTING: "restarting",
};

/** A job of the overview, recorded in this state or as near to it as there is one. */
export function jobTemplate(version: Version, state: FlinkJobState): Json {
  const situation = situationOf[state] ?? "running";
  const { body } = recorded(version, situation, "GET /jobs/overview");
  return (body as { jobs: Json[] }).jobs[0] ?? {};
}

export function applicationTemplate(version: Version): Json | undefined {
  const { body } = recorded(version, "running", "GET /applications/overview");
  return (body as { applications?: Json[] }).applications?.[0];
}

interface Statistics extends Json {
  counts: Json;
  latest: Record<"completed" | "savepoint" | "failed" | "restored", Json | null>;
  history: Json[];
}

export function statisticsTemplate(version: Version, situation: Situation): Statistics {
  return recorded(version, situation, `GET /jobs/${JOB}/checkpoints`).body as Statistics;
}

/** What becomes of a savepoint request that fails. */
export function failedOperation(
  version: Version,
  how: "savepoint-failed" | "stop-broken" | "stop-twice",
  ids: Readonly<Record<string, string>> = {},
): Json {
  const { body } = recorded(version, how, `GET /jobs/${JOB}/savepoints/${TRIGGER}`, ids);
  return (body as { operation: Json }).operation;
}

/** For a request about a job that Flink does not know. */
export function unknownJob(
  version: Version,
  method: string,
  path: string,
  jobId: string,
): RestAnswer | undefined {
  const call = `${method} ${path.replaceAll(jobId, UNKNOWN)}`;
  const known = Object.keys(loadRecording(version, "unknown")).find(
    (one) => one === call || one.startsWith(`${call}?`),
  );
  return known === undefined ? undefined : recorded(version, "unknown", known, { [UNKNOWN]: jobId });
}
