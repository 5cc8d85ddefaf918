/** Passes over FlinkDeployments. */
import type { FlinkDeployment, FlinkDeploymentStatus } from "../api/flink-deployment.ts";
import { FLINK_DEPLOYMENTS } from "../kube/resource-type.ts";
import {
  type Decision,
  isSnapshotAction,
  type Observed,
  type Options,
  type RetainedAnswer,
  type RetainedQuestion,
} from "../reconcile/decision.ts";
import { decide } from "../reconcile/deployment/decide.ts";
import { jobWithExceptions, nextQuestions } from "../reconcile/deployment/questions.ts";
import { deployedRestPort } from "../reconcile/deployment/rest-port.ts";
import { execute } from "./execute.ts";
import { askFlink, gatherFromCache, type Gathered, gatherLive } from "./gather.ts";
import { type JobDependencies, Memories, optionsFor, paced } from "./job-passes.ts";
import { type Decided, PassShell, type PassOutcome } from "./pass-shell.ts";
import { RetainedLooks } from "./retained-looks.ts";

export interface Dependencies extends JobDependencies {
  /** Looks for a job's newest retained checkpoint. Ends within its own deadline; failures are answers. */
  readonly findRetained: (question: RetainedQuestion) => Promise<RetainedAnswer>;
}

type AskStorage = (question: RetainedQuestion) => Promise<RetainedAnswer | undefined>;

export class FlinkDeploymentController {
  private readonly memories: Memories;
  private readonly looks: RetainedLooks;
  private readonly deps: Dependencies;
  private readonly shell: PassShell<FlinkDeployment, Gathered, Decision>;

  constructor(deps: Dependencies) {
    const { caches, client, log } = deps;
    this.deps = deps;
    this.memories = new Memories(deps.now());
    this.looks = new RetainedLooks(deps.findRetained, deps.now);
    this.shell = new PassShell(deps, {
      type: FLINK_DEPLOYMENTS,
      cache: caches.resources,
      fromCache: (namespace, name) => gatherFromCache(caches, namespace, name),
      live: (namespace, name) => gatherLive(client, caches, namespace, name),
      decideCached: (key, gathered) =>
        this.decide(key, gathered, async (question) => this.looks.recent(key, question)),
      decide: (key, gathered) => this.decide(key, gathered, (question) => this.askStorage(key, question)),
      isOptional: isSnapshotAction,
      ended: (key, decision, failure) => this.memories.keep(key, decision, failure),
      forget: (key) => {
        this.memories.forget(key);
        this.looks.forget(key);
      },
      written: (key, before, { lifecycleState }: FlinkDeploymentStatus) => {
        if (before.status?.lifecycleState !== lifecycleState)
          log.info({ key, lifecycleState }, "lifecycle state changed");
      },
    });
  }

  /** One pass over the resource `namespace/name`. Throws only what the queue should retry and log. */
  pass(key: string): Promise<PassOutcome> {
    return this.shell.pass(key);
  }

  private async askStorage(key: string, question: RetainedQuestion): Promise<RetainedAnswer> {
    const answer = await this.looks.look(key, question);
    const { jobId } = question;
    this.deps.log.info({ key, jobId, answer: answer.kind }, "looked for a retained checkpoint");
    return answer;
  }

  private async decide(
    key: string,
    gathered: Gathered,
    askStorage: AskStorage,
  ): Promise<Decided<FlinkDeployment, Decision>> {
    const { resource, cluster } = gathered;
    const { client, config, flinkFor } = this.deps;
    const { namespace = "default", name } = resource.metadata;
    const options = optionsFor(config(), resource, resource.spec.flinkVersion);
    const flink = flinkFor(namespace, name, deployedRestPort(resource, options.defaults));
    const answers = await askFlink(
      flink,
      resource,
      (known) => nextQuestions(resource, cluster, known, options.defaults),
      (known) => jobWithExceptions(resource, known),
    );
    const memory = this.memories.of(key);
    const { failure, exceptionsReportedUntil, disposed } = memory;
    const observed: Observed = { ...gathered, flink: answers, failure, exceptionsReportedUntil, disposed };
    return {
      decision: paced(await this.answered(observed, options, askStorage), answers, options),
      execute: async (action, written) => {
        const refused = await execute(action, { client, flink, resource: written, submit });
        if (action.type === "dispose-savepoint" && refused === undefined) {
          memory.disposed = [...memory.disposed, action.path];
        }
        return refused;
      },
    };
  }

  /** Decided once more when the state storage has to be asked, with its answer. */
  private async answered(observed: Observed, options: Options, askStorage: AskStorage): Promise<Decision> {
    const decision = decide(observed, this.deps.now(), options);
    const { question } = decision;
    const answer = question && (await askStorage(question));
    if (question === undefined || answer === undefined) return decision;
    return decide({ ...observed, retained: { question, answer } }, this.deps.now(), options);
  }
}

function submit(): void {
  throw new Error("a FlinkDeployment starts its job with its cluster");
}
