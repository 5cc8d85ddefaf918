/**
 * Submissions of session jobs under way. They take as long as a download and a main() take, so no pass waits for one: it
 * begins, and what became of it is observed. Nothing here is needed after a restart: a submission under the same job id
 * is the same submission.
 */
import { Readable } from "node:stream";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { type FlinkFailure, isDuplicateJob } from "../flink/rest-answers.ts";
import type { FlinkRestClient } from "../flink-rest/client.ts";
import { Limiter } from "../flink-rest/limiter.ts";
import { EMPTY_JAR } from "../jars/empty-jar.ts";
import { JarError } from "../jars/jar-error.ts";
import { type JarSources, openJar } from "../jars/open-jar.ts";
import type { SubmitJob, Submission } from "../reconcile/decision.ts";

export interface SubmissionsOptions {
  readonly jars: JarSources;
  /** The operator's own configuration: which jars are allowed. */
  readonly operator: () => FlinkConfiguration;
  readonly now: () => number;
  /** The submission of this resource has ended. */
  readonly wake: (key: string) => void;
  /** At the same time. Default 8: each holds a connection and a few buffers. */
  readonly limit?: number;
}

interface Tried {
  readonly submission: Submission;
  /** In a row, under this job id. */
  readonly failures: number;
  /** A run request got no answer: its job may still appear. */
  readonly unanswered: boolean;
}

/** Milliseconds until the next try, doubled with each failure. */
const FIRST_PAUSE = 2000;
const LONGEST_PAUSE = 60_000;

/** Flink refused to run the job. */
class Refused extends Error {}

/** Flink gave no answer to a run request, or one that leaves open what it did. */
class Unanswered extends Error {}

function judge(failure: FlinkFailure): void {
  // It is there: an earlier request brought it about.
  if (isDuplicateJob(failure)) return;
  const { kind, status, message, rootCauses = [] } = failure;
  const late = [message, ...rootCauses].some((text) => /\bTimeoutException\b/.test(text));
  if (kind === "http" && status !== 503 && !late) throw new Refused(message);
  throw new Unanswered(message);
}

export class Submissions {
  readonly #options: SubmissionsOptions;
  readonly #limiter: Limiter;
  readonly #tried = new Map<string, Tried>();
  readonly #closing = new AbortController();

  constructor(options: SubmissionsOptions) {
    this.#options = options;
    this.#limiter = new Limiter(options.limit ?? 8);
  }

  /** Of the resource `key`. */
  of(key: string): Submission | undefined {
    return this.#tried.get(key)?.submission;
  }

  /** Nothing, while one for the same job is under way. */
  begin(key: string, action: SubmitJob, flink: FlinkRestClient): void {
    const { jobId } = action.request;
    const before = this.#tried.get(key);
    const same = before?.submission.jobId === jobId ? before : undefined;
    if (same?.submission.state === "under-way") return;
    const tried: Tried = {
      submission: { jobId, state: "under-way" },
      failures: same?.failures ?? 0,
      unanswered: same?.unanswered ?? false,
    };
    this.#tried.set(key, tried);
    void this.#submit(action, flink, () => this.#tried.get(key) === tried).then(
      () => this.#end(key, tried, { jobId, state: "done" }),
      (error: unknown) => this.#fail(key, tried, error),
    );
  }

  /** The resource is gone, or not the operator's any more: what has not reached Flink yet does not run. */
  forget(key: string): void {
    this.#tried.delete(key);
  }

  /** Ends downloads under way, and wakes nobody any more. Requests to Flink end with the connections. */
  close(): void {
    this.#closing.abort();
  }

  async #submit(action: SubmitJob, flink: FlinkRestClient, isWanted: () => boolean): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(action.timeout)]);
    await this.#limiter.run(signal, async () => {
      const jarId = await this.#bringJar(action, flink, signal);
      try {
        if (!isWanted()) return;
        const answer = await flink.runJar(jarId, action.request, action.timeout);
        if (!answer.ok) judge(answer.failure);
      } finally {
        // One that stays is only space on the JobManager's disk, and the next submission of the resource removes it.
        await flink.deleteJar(jarId);
      }
    });
  }

  /** Uploads the jar, unless an earlier try did; removes those of earlier attempts. */
  async #bringJar(action: SubmitJob, flink: FlinkRestClient, signal: AbortSignal): Promise<string> {
    const { jobId } = action.request;
    const fileName = `sluice-${jobId}.jar`;
    const listed = await flink.listJars();
    if (!listed.ok) throw new Error(listed.failure.message);
    // The second half of a job id is the resource's own.
    const own = listed.value.filter((jar) => jar.fileName.endsWith(`${jobId.slice(16)}.jar`));
    for (const { jarId } of own.filter((jar) => jar.fileName !== fileName)) await flink.deleteJar(jarId);
    const found = own.find((jar) => jar.fileName === fileName);
    if (found !== undefined) return found.jarId;
    const content = await this.#open(action, signal);
    try {
      const answer = await flink.uploadJar({ fileName, content, timeoutMs: action.timeout });
      if (answer.ok) return answer.value.jarId;
      throw content.errored instanceof JarError ? content.errored : new Error(answer.failure.message);
    } finally {
      content.destroy();
    }
  }

  async #open(action: SubmitJob, signal: AbortSignal): Promise<Readable> {
    const { jarURI, configuration } = action;
    if (jarURI === undefined || jarURI.trim() === "") return Readable.from([EMPTY_JAR]);
    const operator = this.#options.operator();
    return openJar({ uri: jarURI, operator, configuration, signal }, this.#options.jars);
  }

  #fail(key: string, tried: Tried, error: unknown): void {
    const { jobId } = tried.submission;
    const failures = tried.failures + 1;
    const unanswered = error instanceof Unanswered || (tried.unanswered && !(error instanceof Refused));
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1));
    const message = error instanceof Error ? error.message : String(error);
    const retryAt = this.#options.now() + pause;
    const submission = { jobId, state: "failed", message, refused: !unanswered, retryAt } as const;
    this.#end(key, { ...tried, failures, unanswered }, submission);
  }

  #end(key: string, tried: Tried, submission: Submission): void {
    // Another submission, or none, may be of interest by now.
    if (this.#tried.get(key)?.submission.jobId !== submission.jobId) return;
    this.#tried.set(key, { ...tried, submission });
    if (!this.#closing.signal.aborted) this.#options.wake(key);
  }
}
