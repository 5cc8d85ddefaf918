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
} from "../reconcile/decision.ts";
import { decide } from "../reconcile/deployment/decide.ts";
import { jobWithExceptions, nextQuestions } from "../reconcile/deployment/questions.ts";
import { deployedRestPort } from "../reconcile/deployment/rest-port.ts";
import type { Logger } from "../telemetry/log.ts";
import { askFlink, type Gathered } from "./gather.ts";
import { type FlinkFor, Memories, paced } from "./job-passes.ts";
import type { Decided, PassParts } from "./pass-shell.ts";
import { type AskStorage, decideWithStorage, type FindRetained, RetainedLooks } from "./retained-looks.ts";

export interface DecisionDependencies {
  readonly log: Logger;
  readonly flinkFor: FlinkFor;
  readonly options: (resource: FlinkDeployment) => Options;
  readonly now: () => number;
  readonly findRetained: FindRetained;
  /** Carries out one action. Failures are values. */
  readonly execute: (
    action: Action,
    resource: FlinkDeployment,
    flink: FlinkRestClient,
  ) => Promise<ActionFailure | undefined>;
}

type Parts = PassParts<FlinkDeployment, Gathered, Decision>;

export class DeploymentDecisions {
  readonly #deps: DecisionDependencies;
  readonly #memories: Memories;
  readonly #looks: RetainedLooks;

  constructor(deps: DecisionDependencies) {
    this.#deps = deps;
    this.#memories = new Memories(deps.now());
    this.#looks = new RetainedLooks(deps.findRetained, deps.now, deps.log);
  }

  /** What every shell around these decisions is made of. */
  parts(): Required<Pick<Parts, "decide" | "decideCached" | "isOptional" | "ended" | "forget">> {
    return {
      decideCached: (key, gathered) =>
        this.#decide(key, gathered, async (question) => this.#looks.recent(key, question)),
      decide: (key, gathered) => this.#decide(key, gathered, (question) => this.#looks.look(key, question)),
      isOptional,
      ended: (key, decision, failure) => this.#memories.keep(key, decision, failure),
      forget: (key) => {
        this.#memories.forget(key);
        this.#looks.forget(key);
      },
    };
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
    const decision = await decideWithStorage(
      (retained) =>
        decide(retained === undefined ? observed : { ...observed, retained }, this.#deps.now(), options),
      askStorage,
    );
    return {
      decision: paced(decision, answers, options),
      execute: async (action, written) => {
        const refused = await execute(action, written, flink);
        if (refused === undefined) this.#memories.done(key, action);
        return refused;
      },
    };
  }
}
