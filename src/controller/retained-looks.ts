/** Asks the state storage where jobs' newest checkpoints are, and not more often than makes sense. */
import type { ObservedJob, RetainedAnswer, RetainedQuestion } from "../reconcile/decision.ts";
import { sameJson } from "../reconcile/last-reconciled-spec.ts";
import type { Logger } from "../telemetry/log.ts";

/** Milliseconds until a storage that gave a definite answer is asked again: somebody may have brought a checkpoint back. */
const AGAIN_MS = 60_000;
/** Milliseconds of the first and the longest pause after a storage that could not be read. */
const BACKOFF_MS = 2000;
const BACKOFF_MAX_MS = 300_000;

/** Looks for a job's newest retained checkpoint. Ends within its own deadline; failures are answers. */
export type FindRetained = (question: RetainedQuestion) => Promise<RetainedAnswer>;

/** Undefined: not now. */
export type AskStorage = (question: RetainedQuestion) => Promise<RetainedAnswer | undefined>;

/** What is decided; once more when the state storage has to be asked, with its answer. */
export async function decideWithStorage<D extends { readonly question?: RetainedQuestion | undefined }>(
  decide: (retained?: ObservedJob["retained"]) => D,
  ask: AskStorage,
): Promise<D> {
  const decision = decide();
  const { question } = decision;
  const answer = question && (await ask(question));
  return question === undefined || answer === undefined ? decision : decide({ question, answer });
}

interface Look {
  readonly question: RetainedQuestion;
  readonly answer: RetainedAnswer;
  /** Epoch milliseconds; until then the answer may be repeated. */
  readonly until: number;
  /** Looks in a row that found the storage unreadable. */
  readonly failures: number;
}

function pause(answer: RetainedAnswer, failures: number): number {
  if (answer.kind !== "unreadable") return AGAIN_MS;
  return Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** (failures - 1));
}

export class RetainedLooks {
  readonly #ask: FindRetained;
  readonly #log: Logger;
  readonly #now: () => number;
  /** By the resource's key. What was found is never kept: a later look may find a newer one. */
  readonly #looks = new Map<string, Look>();

  constructor(ask: FindRetained, now: () => number, log: Logger) {
    this.#ask = ask;
    this.#now = now;
    this.#log = log;
  }

  /** What was answered not long ago, if it was not a checkpoint. Good for "there is nothing to do", and no more. */
  recent(key: string, question: RetainedQuestion): RetainedAnswer | undefined {
    const last = this.#looks.get(key);
    return last !== undefined && sameJson(last.question, question) && this.#now() < last.until
      ? last.answer
      : undefined;
  }

  /** The answer now; while a storage that cannot be read is left in peace, that it cannot. */
  async look(key: string, question: RetainedQuestion): Promise<RetainedAnswer> {
    const recent = this.recent(key, question);
    if (recent?.kind === "unreadable") return recent;
    const last = this.#looks.get(key);
    const answer = await this.#ask(question);
    this.#log.info({ key, jobId: question.jobId, answer: answer.kind }, "looked for a retained checkpoint");
    if (answer.kind === "found") {
      this.#looks.delete(key);
      return answer;
    }
    const before = last !== undefined && sameJson(last.question, question) ? last.failures : 0;
    const failures = answer.kind === "unreadable" ? before + 1 : 0;
    this.#looks.set(key, { question, answer, until: this.#now() + pause(answer, failures), failures });
    return answer;
  }

  forget(key: string): void {
    this.#looks.delete(key);
  }
}
