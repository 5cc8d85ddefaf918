/**
 * What passes over a FlinkDeployment decide, wherever the resource is kept and whoever makes the passes: Flink is asked, the
 * state storage where the decision needs it, and what this process remembers of the resource is kept.
 */
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { FlinkRestClient } from "../flink-rest/client.ts";
import {
  type Action,
  type ActionFailure,
  type Decision,
  isOptional,
  type Observed,
  type Options,
  type RetainedAnswer,
  type RetainedQuestion,
} from "../reconcile/decision.ts";
import { decide } from "../reconcile/deployment/decide.ts";
import { jobWithExceptions, nextQuestions } from "../reconcile/deployment/questions.ts";
import { deployedRestPort } from "../reconcile/deployment/rest-port.ts";
import type { Logger } from "../telemetry/log.ts";
import { askFlink, type Gathered } from "./gather.ts";
import { type FlinkFor, Memories, paced } from "./job-passes.ts";
import type { Decided, PassParts } from "./pass-shell.ts";
import { RetainedLooks } from "./retained-looks.ts";

export interface DecisionDependencies {
  readonly log: Logger;
  readonly flinkFor: FlinkFor;
  readonly options: (resource: FlinkDeployment) => Options;
  readonly now: () => number;
  /** Looks for a job's newest retained checkpoint. Ends within its own deadline; failures are answers. */
  readonly findRetained: (question: RetainedQuestion) => Promise<RetainedAnswer>;
  /** Carries out one action. Failures are values. */
  readonly execute: (
    action: Action,
    resource: FlinkDeployment,
    flink: FlinkRestClient,
  ) => Promise<ActionFailure | undefined>;
}

type AskStorage = (question: RetainedQuestion) => Promise<RetainedAnswer | undefined>;
type Parts = PassParts<FlinkDeployment, Gathered, Decision>;

export class DeploymentDecisions {
  readonly #deps: DecisionDependencies;
  readonly #memories: Memories;
  readonly #looks: RetainedLooks;

  constructor(deps: DecisionDependencies) {
    this.#deps = deps;
    this.#memories = new Memories(deps.now());
    this.#looks = new RetainedLooks(deps.findRetained, deps.now);
  }

  /** What every shell around these decisions is made of. */
  parts(): Required<Pick<Parts, "decide" | "decideCached" | "isOptional" | "ended" | "forget">> {
    return {
      decideCached: (key, gathered) =>
        this.#decide(key, gathered, async (question) => this.#looks.recent(key, question)),
      decide: (key, gathered) => this.#decide(key, gathered, (question) => this.#askStorage(key, question)),
      isOptional,
      ended: (key, decision, failure) => this.#memories.keep(key, decision, failure),
      forget: (key) => {
        this.#memories.forget(key);
        this.#looks.forget(key);
      },
    };
  }

  async #askStorage(key: string, question: RetainedQuestion): Promise<RetainedAnswer> {
    const answer = await this.#looks.look(key, question);
    const { jobId } = question;
    this.#deps.log.info({ key, jobId, answer: answer.kind }, "looked for a retained checkpoint");
    return answer;
  }

  async #decide(
    key: string,
    gathered: Gathered,
    askStorage: AskStorage,
  ): Promise<Decided<FlinkDeployment, Decision>> {
    const { resource, cluster } = gathered;
    const { flinkFor, execute } = this.#deps;
    const { namespace = "default", name } = resource.metadata;
    const options = this.#deps.options(resource);
    const flink = flinkFor(namespace, name, deployedRestPort(resource, options.defaults));
    const answers = await askFlink(
      flink,
      resource,
      (known) => nextQuestions(resource, cluster, known, options.defaults),
      (known) => jobWithExceptions(resource, known),
    );
    const { failure, exceptionsReportedUntil, disposed } = this.#memories.of(key);
    const observed: Observed = { ...gathered, flink: answers, failure, exceptionsReportedUntil, disposed };
    return {
      decision: paced(await this.#answered(observed, options, askStorage), answers, options),
      execute: async (action, written) => {
        const refused = await execute(action, written, flink);
        if (refused === undefined) this.#memories.done(key, action);
        return refused;
      },
    };
  }

  /** Decided once more when the state storage has to be asked, with its answer. */
  async #answered(observed: Observed, options: Options, askStorage: AskStorage): Promise<Decision> {
    const decision = decide(observed, this.#deps.now(), options);
    const { question } = decision;
    const answer = question && (await askStorage(question));
    if (question === undefined || answer === undefined) return decision;
    return decide({ ...observed, retained: { question, answer } }, this.#deps.now(), options);
  }
}
