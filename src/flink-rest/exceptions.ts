/** What went wrong in a job, or in the application that was to submit it. */
import { withoutCredentials } from "../flink/credentials.ts";
import type { FlinkAnswer, JobException, JobExceptions } from "../flink/rest-answers.ts";
import type { Send } from "./call.ts";
import { defined, type Json, list, object, optionalNumber, optionalText } from "./read.ts";

/** Flink keeps 16; with a wide job each brings hundreds of concurrent ones. */
const MOST = "10";

function labels(entry: Json): Record<string, string> | undefined {
  const found = Object.entries(object(entry["failureLabels"] ?? {}, "failureLabels"));
  return found.length === 0
    ? undefined
    : Object.fromEntries(found.map(([key, value]) => [key, String(value)]));
}

function readException(entry: Json): JobException {
  const concurrent = list(entry["concurrentExceptions"] ?? [], "concurrentExceptions", readException);
  const trace = optionalText(entry, "stacktrace") ?? optionalText(entry, "exceptionName") ?? "";
  return defined({
    timestamp: optionalNumber(entry, "timestamp") ?? 0,
    stacktrace: withoutCredentials(trace),
    taskName: optionalText(entry, "taskName"),
    // The older name, until 1.20.
    endpoint: optionalText(entry, "endpoint") ?? optionalText(entry, "location"),
    taskManagerId: optionalText(entry, "taskManagerId"),
    failureLabels: labels(entry),
    concurrent: concurrent.length === 0 ? undefined : concurrent,
  });
}

function readExceptions(json: unknown): JobExceptions {
  const answer = object(json, "the exceptions");
  const history = object(answer["exceptionHistory"] ?? {}, "exceptionHistory");
  const root = optionalText(answer, "root-exception");
  return defined({
    rootException: root === undefined ? undefined : withoutCredentials(root),
    history: list(history["entries"] ?? [], "entries", readException),
  });
}

export function jobExceptions(send: Send, jobId: string): Promise<FlinkAnswer<JobExceptions>> {
  const query = { maxExceptions: MOST };
  return send({ method: "GET", path: `/jobs/${jobId}/exceptions`, query }, readExceptions);
}

/** Flink 2.3 and newer: why main() failed, also where it left no job behind. */
export function applicationExceptions(
  send: Send,
  applicationId: string,
): Promise<FlinkAnswer<JobExceptions>> {
  return send({ method: "GET", path: `/applications/${applicationId}/exceptions` }, readExceptions);
}
