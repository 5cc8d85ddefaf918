/**
 * What the operator would do, pass by pass: `decide` and `decideSessionJob` themselves, on specs that nobody has applied,
 * with the reactions of Kubernetes and Flink that are to be expected. So a plan never has an opinion of its own.
 */
import type { FlinkSessionJobStatus } from "../../api/flink-session-job.ts";
import type { Action, Decision, Options, RetainedAnswer, RetainedQuestion } from "../decision.ts";
import { decide } from "../deployment/decide.ts";
import { sameJson } from "../last-reconciled-spec.ts";
import { decideSessionJob } from "../session-job/decide.ts";
import { ExpectedWorld, isCluster, type Subject } from "./expected-world.ts";

/** Of one resource. */
export interface Way {
  readonly actions: readonly Action[];
  /** False: it waits for something that only the future, or a person, can bring. */
  readonly settled: boolean;
  /** A session job that Flink itself goes on with, out of the HA metadata of its cluster. */
  readonly broughtBack: boolean;
  /** Where it ends, to go on from. */
  readonly end: Subject;
}

export interface Followed {
  /** Of each subject, in order. */
  readonly ways: readonly Way[];
  /** Epoch milliseconds at the end. */
  readonly now: number;
}

export type Ask = (question: RetainedQuestion) => Promise<RetainedAnswer>;

/** In each there is a pass over every resource. */
const MAX_ROUNDS = 80;
/** Rounds without an action or another status that say that nothing more will come. */
const QUIET_ROUNDS = 3;
const MAX_PAUSE_MS = 60_000;

function decisionOf(subject: Subject, now: number, options: Options): Decision<FlinkSessionJobStatus> {
  return isCluster(subject) ? decide(subject, now, options) : decideSessionJob(subject, now, options);
}

async function decideOnce(
  subject: Subject,
  now: number,
  options: Options,
  ask: Ask,
): Promise<Decision<FlinkSessionJobStatus>> {
  const decision = decisionOf(subject, now, options);
  const { question } = decision;
  if (question === undefined) return decision;
  return decisionOf({ ...subject, retained: { question, answer: await ask(question) } }, now, options);
}

/** A job id or trigger id of its own for each pass. */
function entropyOf(pass: number): string {
  return pass.toString(16).padStart(4, "0").repeat(8);
}

const isDone = ({ conditions = [] }: FlinkSessionJobStatus): boolean =>
  conditions.some(({ type, status }) => (type === "Ready" || type === "Stalled") && status === "True");

/** Conditions carry times, which pass. */
function withoutTimes({ conditions = [], ...status }: FlinkSessionJobStatus): object {
  return {
    ...status,
    conditions: conditions.map(({ type, status: state, reason, message }) => [type, state, reason, message]),
  };
}

function isQuiet({ resource }: Subject, { actions, status }: Decision<FlinkSessionJobStatus>): boolean {
  return actions.length === 0 && sameJson(withoutTimes(resource.status ?? {}), withoutTimes(status));
}

/** `subjects`: a cluster, if there is one, and session jobs in it. `start`: epoch milliseconds. */
export async function follow(
  subjects: readonly Subject[],
  start: number,
  options: Options,
  ask: Ask,
): Promise<Followed> {
  const world = new ExpectedWorld(subjects, start, options.defaults);
  const actions = subjects.map((): Action[] => []);
  let passes = 0;
  let quiet = 0;
  for (let round = 1; round <= MAX_ROUNDS && quiet < QUIET_ROUNDS; round++) {
    quiet++;
    let pause = MAX_PAUSE_MS;
    for (const [nth, done] of actions.entries()) {
      const before = world.look(nth);
      const decision = await decideOnce(before, world.now, { ...options, entropy: entropyOf(++passes) }, ask);
      if (!isQuiet(before, decision)) quiet = 0;
      world.report(nth, decision.status);
      for (const action of decision.actions) world.take(nth, action);
      done.push(...decision.actions);
      pause = Math.min(pause, decision.requeueAfter ?? MAX_PAUSE_MS);
    }
    world.now += pause;
  }
  const ways = actions.map((done, nth) => {
    const end = world.end(nth);
    const settled = isDone(end.resource.status ?? {});
    return { actions: done, settled, broughtBack: world.wasBroughtBack(nth), end };
  });
  return { ways, now: world.now };
}
