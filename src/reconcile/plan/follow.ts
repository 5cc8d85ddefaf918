/**
 * What the operator would do, pass by pass: `decide` itself, on a spec that nobody has applied, with the reactions of
 * Kubernetes and Flink that are to be expected. So a plan never has an opinion of its own.
 */
import type { FlinkDeploymentStatus } from "../../api/flink-deployment.ts";
import type { Action, Decision, Observed, Options, RetainedAnswer, RetainedQuestion } from "../decision.ts";
import { decide } from "../deployment/decide.ts";
import { nextQuestions } from "../deployment/questions.ts";
import { sameJson } from "../last-reconciled-spec.ts";
import { ExpectedWorld } from "./expected-world.ts";

export interface Way {
  readonly actions: readonly Action[];
  /** Of each pass, in order; the last is the end of the way. */
  readonly statuses: readonly FlinkDeploymentStatus[];
  /** False: it waits for something that only the future, or a person, can bring. */
  readonly settled: boolean;
  /** Where it ends, to go on from. */
  readonly end: Observed;
  readonly now: number;
}

export type Ask = (question: RetainedQuestion) => Promise<RetainedAnswer>;

const MAX_PASSES = 80;
/** Passes without an action or another status that say that nothing more will come. */
const QUIET_PASSES = 3;
const MAX_PAUSE_MS = 60_000;

async function decideOnce(observed: Observed, now: number, options: Options, ask: Ask): Promise<Decision> {
  const decision = decide(observed, now, options);
  const { question } = decision;
  if (question === undefined) return decision;
  return decide({ ...observed, retained: { question, answer: await ask(question) } }, now, options);
}

/** A job id or trigger id of its own for each pass. */
function entropyOf(pass: number): string {
  return pass.toString(16).padStart(2, "0").repeat(16);
}

const isDone = ({ conditions = [] }: FlinkDeploymentStatus): boolean =>
  conditions.some(({ type, status }) => (type === "Ready" || type === "Stalled") && status === "True");

/** Conditions carry times, which pass. */
function withoutTimes({ conditions = [], ...status }: FlinkDeploymentStatus): object {
  return {
    ...status,
    conditions: conditions.map(({ type, status: state, reason, message }) => [type, state, reason, message]),
  };
}

export async function follow(observed: Observed, start: number, options: Options, ask: Ask): Promise<Way> {
  const world = new ExpectedWorld(observed, start);
  const actions: Action[] = [];
  const statuses: FlinkDeploymentStatus[] = [];
  const look = (): Observed =>
    world.observe((resource, cluster, known) => nextQuestions(resource, cluster, known, options.defaults));
  let quiet = 0;
  for (let pass = 1; pass <= MAX_PASSES && quiet < QUIET_PASSES; pass++) {
    const before = look();
    const decision = await decideOnce(before, world.now, { ...options, entropy: entropyOf(pass) }, ask);
    const isQuiet =
      decision.actions.length === 0 &&
      sameJson(withoutTimes(before.resource.status ?? {}), withoutTimes(decision.status));
    quiet = isQuiet ? quiet + 1 : 0;
    if (!isQuiet || statuses.length === 0) statuses.push(decision.status);
    world.resource = { ...world.resource, status: decision.status };
    for (const action of decision.actions) {
      actions.push(action);
      world.take(action);
    }
    world.now += Math.min(decision.requeueAfter ?? MAX_PAUSE_MS, MAX_PAUSE_MS);
  }
  const end = look();
  return { actions, statuses, settled: isDone(end.resource.status ?? {}), end, now: world.now };
}
