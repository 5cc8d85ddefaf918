/** Flink's JSON into answers: lenient where a field may be missing, strict where Sluice decides by it. Throws on garbage. */
import type { FlinkJobState } from "../api/flink-deployment.ts";
import type {
  ApplicationOverview,
  CheckpointReference,
  CheckpointStatistics,
  ClusterConfig,
  JobException,
  JobExceptions,
  JobOverview,
  SavepointStatus,
} from "../flink/rest-answers.ts";

type Json = Readonly<Record<string, unknown>>;

function object(value: unknown, what: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`${what} is no object`);
  return value as Json;
}

function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${what} is no list`);
  return value;
}

function text(value: unknown, what: string): string {
  if (typeof value !== "string") throw new Error(`${what} is no text`);
  return value;
}

function optionalNumber(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(value).filter(([, one]) => one !== undefined && one !== null),
  ) as never;
}

export function readConfig(json: unknown): ClusterConfig {
  const config = object(json, "the configuration");
  return {
    flinkVersion: text(config["flink-version"], "flink-version"),
    flinkRevision: text(config["flink-revision"] ?? "", "flink-revision"),
  };
}

const STATES: ReadonlySet<string> = new Set<FlinkJobState>([
  "INITIALIZING",
  "CREATED",
  "RUNNING",
  "FAILING",
  "FAILED",
  "CANCELLING",
  "CANCELED",
  "FINISHED",
  "RESTARTING",
  "SUSPENDED",
  "RECONCILING",
]);

export function readJobs(json: unknown): readonly JobOverview[] {
  return list(object(json, "the overview")["jobs"], "jobs").map((one) => {
    const job = object(one, "a job");
    const state = text(job["state"], "a job's state");
    if (!STATES.has(state)) throw new Error(`unknown job state ${state}`);
    return {
      jobId: text(job["jid"], "jid"),
      name: text(job["name"] ?? "", "name"),
      state: state as FlinkJobState,
      startTime: optionalNumber(job["start-time"]) ?? 0,
      lastModification: optionalNumber(job["last-modification"]) ?? 0,
    };
  });
}

export function readApplications(json: unknown): readonly ApplicationOverview[] {
  return list(object(json, "the overview")["applications"], "applications").map((one) => {
    const application = object(one, "an application");
    return {
      id: text(application["id"], "id"),
      name: text(application["name"] ?? "", "name"),
      state: text(application["status"] ?? application["state"], "an application's state"),
    };
  });
}

function reference(value: unknown): CheckpointReference | undefined {
  if (value === null || value === undefined) return undefined;
  const checkpoint = object(value, "a checkpoint");
  const id = optionalNumber(checkpoint["id"]);
  if (id === undefined) throw new Error("a checkpoint has no id");
  return defined({
    id,
    externalPath: checkpoint["external_path"] as string | undefined,
    triggerTime: optionalNumber(checkpoint["trigger_timestamp"]),
    completionTime: optionalNumber(checkpoint["latest_ack_timestamp"]),
  }) as CheckpointReference;
}

export function readCheckpoints(json: unknown): CheckpointStatistics {
  const statistics = object(json, "the statistics");
  const latest = object(statistics["latest"] ?? {}, "latest");
  const pending = list(statistics["history"] ?? [], "history")
    .map((one) => object(one, "a checkpoint"))
    .filter((one) => one["status"] === "IN_PROGRESS")
    .flatMap((one) => optionalNumber(one["trigger_timestamp"]) ?? []);
  return defined({
    latest: defined({
      completed: reference(latest["completed"]),
      savepoint: reference(latest["savepoint"]),
      restored: reference(latest["restored"]),
    }),
    pendingSince: pending.length === 0 ? undefined : Math.min(...pending),
  }) as CheckpointStatistics;
}

export function readExceptions(json: unknown): JobExceptions {
  const exceptions = object(json, "the exceptions");
  const history = object(exceptions["exceptionHistory"] ?? {}, "exceptionHistory");
  const entries = list(history["entries"] ?? [], "entries").map((one): JobException => {
    const entry = object(one, "an exception");
    return defined({
      timestamp: optionalNumber(entry["timestamp"]) ?? 0,
      stacktrace: text(entry["stacktrace"] ?? entry["exceptionName"] ?? "", "stacktrace"),
      taskName: entry["taskName"] as string | undefined,
      endpoint: (entry["endpoint"] ?? entry["location"]) as string | undefined,
      taskManagerId: entry["taskManagerId"] as string | undefined,
    }) as JobException;
  });
  return defined({
    rootException: exceptions["root-exception"] as string | undefined,
    history: entries,
  }) as JobExceptions;
}

export function readSavepoint(json: unknown): SavepointStatus {
  const answer = object(json, "the answer");
  const state = text(object(answer["status"], "status")["id"], "status.id");
  if (state === "IN_PROGRESS") return { state };
  if (state !== "COMPLETED") throw new Error(`unknown savepoint state ${state}`);
  const operation = object(answer["operation"] ?? {}, "operation");
  const cause = operation["failure-cause"];
  return defined({
    state,
    location: operation["location"] as string | undefined,
    failure: cause === undefined || cause === null ? undefined : failureText(object(cause, "failure-cause")),
  }) as SavepointStatus;
}

function failureText(cause: Json): string {
  const stack = String(cause["stack-trace"] ?? cause["class"] ?? "unknown");
  const lines = stack.split("\n").map((line) => line.trim());
  return [lines[0], ...lines.filter((line) => line.startsWith("Caused by:"))]
    .slice(0, 3)
    .join(" -> ")
    .slice(0, 1000);
}
