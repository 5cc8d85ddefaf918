/** Flink's REST API, as far as Sluice needs it. Never throws: an answer or a failure is an observation (rest-answers.ts). */
import type {
  ApplicationOverview,
  CheckpointStatistics,
  ClusterConfig,
  FlinkAnswer,
  FlinkFailure,
  JobExceptions,
  JobOverview,
  SavepointStatus,
} from "../flink/rest-answers.ts";
import {
  readApplications,
  readCheckpoints,
  readConfig,
  readExceptions,
  readJobs,
  readSavepoint,
} from "./read.ts";
import type { FlinkRequest, FlinkTransport } from "./transport.ts";

const READ_MS = 10_000;
const CANCEL_MS = 60_000;

export interface StopWithSavepoint {
  readonly jobId: string;
  /** Chosen by the caller: the same id again is the same request. */
  readonly triggerId: string;
  readonly targetDirectory: string;
  readonly drain: boolean;
  readonly formatType: string;
}

function failed<T>(failure: FlinkFailure): FlinkAnswer<T> {
  return { ok: false, failure };
}

/** Flink's `errors` are Java stack traces; the first line of the last one is what went wrong. */
function errorText(status: number, body: string): string {
  try {
    const { errors } = JSON.parse(body) as { errors?: unknown };
    if (Array.isArray(errors)) {
      const text = errors.filter((one) => typeof one === "string").join("\n");
      const causes = text
        .split("\n")
        .filter((line) => /^Caused by:|^[\w.$]+(Exception|Error)/.test(line.trim()));
      return (causes.at(-1) ?? text.split("\n")[0] ?? "").trim().slice(0, 500) || `HTTP ${status}`;
    }
  } catch {
    // Not Flink's JSON: the status has to do.
  }
  return `HTTP ${status}`;
}

export class FlinkRestClient {
  readonly #transport: FlinkTransport;
  readonly #timeoutMs: number;

  constructor(options: { readonly transport: FlinkTransport; readonly timeoutMs?: number }) {
    this.#transport = options.transport;
    this.#timeoutMs = options.timeoutMs ?? READ_MS;
  }

  config(): Promise<FlinkAnswer<ClusterConfig>> {
    return this.#get("/config", readConfig);
  }

  jobsOverview(): Promise<FlinkAnswer<readonly JobOverview[]>> {
    return this.#get("/jobs/overview", readJobs);
  }

  /** Flink 2.3 and newer; an older one has none. */
  async applicationsOverview(): Promise<FlinkAnswer<readonly ApplicationOverview[]>> {
    const answer = await this.#get("/applications/overview", readApplications);
    return !answer.ok && answer.failure.status === 404 ? { ok: true, value: [] } : answer;
  }

  jobCheckpoints(jobId: string): Promise<FlinkAnswer<CheckpointStatistics>> {
    return this.#get(`/jobs/${jobId}/checkpoints`, readCheckpoints);
  }

  jobExceptions(jobId: string): Promise<FlinkAnswer<JobExceptions>> {
    return this.#get(`/jobs/${jobId}/exceptions`, readExceptions);
  }

  savepointStatus(jobId: string, triggerId: string): Promise<FlinkAnswer<SavepointStatus>> {
    return this.#get(`/jobs/${jobId}/savepoints/${triggerId}`, readSavepoint);
  }

  cancelJob(jobId: string): Promise<FlinkAnswer<undefined>> {
    const request = { method: "PATCH", path: `/jobs/${jobId}`, query: { mode: "cancel" } } as const;
    return this.#call({ ...request, timeoutMs: CANCEL_MS }, () => undefined);
  }

  stopWithSavepoint(request: StopWithSavepoint): Promise<FlinkAnswer<undefined>> {
    const { jobId, ...body } = request;
    return this.#call(
      {
        method: "POST",
        path: `/jobs/${jobId}/stop`,
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        timeoutMs: this.#timeoutMs,
      },
      () => undefined,
    );
  }

  #get<T>(path: string, read: (json: unknown) => T): Promise<FlinkAnswer<T>> {
    return this.#call({ method: "GET", path, timeoutMs: this.#timeoutMs }, read);
  }

  async #call<T>(request: FlinkRequest, read: (json: unknown) => T): Promise<FlinkAnswer<T>> {
    let response;
    try {
      response = await this.#transport(request);
    } catch (error) {
      const timedOut = error instanceof Error && error.name === "TimeoutError";
      const message = `${request.method} ${request.path}: ${error instanceof Error ? error.message : String(error)}`;
      return failed({ kind: timedOut ? "timeout" : "unreachable", message });
    }
    const { status, body } = response;
    if (status >= 400) {
      return failed({
        kind: "http",
        status,
        message: `${request.method} ${request.path}: ${errorText(status, body)}`,
      });
    }
    try {
      return { ok: true, value: read(body === "" ? {} : JSON.parse(body)) };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return failed({ kind: "garbage", message: `${request.method} ${request.path}: ${why}` });
    }
  }
}
