/** One job of a target, in the hands of one command. */
import type { FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import { type Followed, follow, systemTime, type Time } from "./follow.ts";
import { TargetPasses } from "./passes.ts";
import { type JobRecord, newRecord, readRecord, withSpec, writeRecord } from "./record.ts";
import { Refusal, type Target } from "./target.ts";
import { type Verdict, verdictOf } from "./verdict.ts";

export interface Surroundings {
  readonly target: Target;
  /** Milliseconds for a stop, and anew for what comes after it. */
  readonly timeoutMs: number;
  /** The user wants it to end now. */
  readonly signal: AbortSignal;
  /** One line about what happens, for people. */
  readonly progress: (message: string) => void;
  /** The system's unless given. */
  readonly time?: Time;
}

export class TargetJob {
  readonly name: string;
  readonly #surroundings: Surroundings;
  readonly #passes: TargetPasses;
  readonly #time: Time;
  readonly #began: number;

  constructor(name: string, surroundings: Surroundings) {
    this.name = name;
    this.#surroundings = surroundings;
    const { progress, target, time = systemTime } = surroundings;
    this.#time = time;
    this.#began = time.now();
    this.#passes = new TargetPasses(target, {
      now: time.now,
      tell: ({ type, message }) => progress(type === "Warning" ? `warning: ${message}` : message),
    });
  }

  /** A new one when there is none. @throws Refusal */
  async read(): Promise<JobRecord> {
    const { records, namespace } = this.#surroundings.target;
    const stored = await records.read(this.name);
    return stored === undefined ? newRecord(this.name, namespace) : readRecord(this.name, namespace, stored);
  }

  /** Writes down what is wanted from now on, which the passes then bring about. @throws Refusal when somebody else wrote first */
  async want(record: JobRecord, spec: FlinkDeploymentSpec): Promise<void> {
    const { records } = this.#surroundings.target;
    const { resource } = withSpec(record, spec);
    const data = writeRecord(record, resource);
    const written = await records.write(this.name, data, resource.metadata.resourceVersion);
    if (written !== undefined) return;
    throw new Refusal(
      "act",
      `${records.describe(this.name)} was changed by somebody else at the same time; nothing was done`,
      "Run the command again.",
    );
  }

  /** Until it is as wanted. @throws Refusal for what went wrong, and when the time is up */
  async settle(
    what: { readonly timedOut: string; readonly next: string; readonly failedNext?: string },
    judge: (resource: JobRecord["resource"]) => Verdict = (resource) => verdictOf(resource, this.#began),
  ): Promise<JobRecord> {
    const followed = await this.#follow(judge);
    switch (followed.kind) {
      case "done":
        return this.read();
      case "failed":
        throw new Refusal(
          "act",
          followed.message,
          what.failedNext ??
            "Mend it and run the command again; --from-savepoint names another state to start from.",
        );
      case "timed-out":
        throw new Refusal("timed-out", what.timedOut, what.next);
      case "interrupted":
        throw new Refusal(
          "interrupted",
          "interrupted; what was begun stays as it is",
          "Run the command again to go on.",
        );
    }
  }

  #follow(judge: (resource: JobRecord["resource"]) => Verdict): Promise<Followed> {
    const { timeoutMs, signal, progress } = this.#surroundings;
    return follow(this.name, {
      passes: this.#passes,
      judge,
      timeoutMs,
      signal,
      progress,
      time: this.#time,
    });
  }

  /** As it is now; nothing is changed. Undefined when there is no record. */
  look(): ReturnType<TargetPasses["look"]> {
    return this.#passes.look(this.name);
  }
}

/** Changes the job while nobody else does. @throws Refusal */
export async function changeJob<T>(
  name: string,
  surroundings: Surroundings,
  work: (job: TargetJob) => Promise<T>,
): Promise<T> {
  const { target, signal } = surroundings;
  await target.requireOwn(name);
  const lock = await target.lock(name);
  try {
    // Whoever had the lock before may have handed the job over.
    await target.requireOwn(name);
    return await work(new TargetJob(name, { ...surroundings, signal: AbortSignal.any([signal, lock.lost]) }));
  } catch (error) {
    if (!lock.lost.aborted) throw error;
    throw new Refusal(
      "locked",
      `the lock on ${name} could not be renewed; another command may go on with it`,
      "Run the command again.",
    );
  } finally {
    await lock.release();
  }
}

/** Without a record that says what runs there, nobody knows how to stop it, and a second one would write beside it. */
export async function requireNoCluster(
  { resource }: JobRecord,
  { target }: Pick<Surroundings, "target">,
): Promise<void> {
  const { deployment } = await target.observe(resource);
  if (deployment === undefined) return;
  const { name } = resource.metadata;
  throw new Refusal(
    "act",
    `a cluster named ${name} runs, and ${target.records.describe(name)} does not say what with`,
    "Put the record back; or take a savepoint by hand, delete the cluster, and start it with --from-savepoint.",
  );
}
