/** FlinkDeployments: what their passes remember, and the options that their decisions get. */
import { randomBytes } from "node:crypto";
import type { FlinkDeployment, FlinkDeploymentStatus } from "../api/flink-deployment.ts";
import { defaultsFor } from "../flink/operator-defaults.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import type { FlinkRestClient } from "../flink-rest/client.ts";
import { FLINK_DEPLOYMENTS } from "../kube/resource-type.ts";
import {
  type ActionFailure,
  type Decision,
  type FlinkAnswers,
  isSnapshotAction,
  type Observed,
  type Options,
  type RetainedAnswer,
  type RetainedQuestion,
} from "../reconcile/decision.ts";
import { decide } from "../reconcile/deployment/decide.ts";
import { deployedRestPort } from "../reconcile/deployment/rest-port.ts";
import { execute } from "./execute.ts";
import { askFlink, type Caches, gatherFromCache, type Gathered, gatherLive } from "./gather.ts";
import { type Decided, PassShell, type PassOutcome, type ShellDependencies } from "./pass-shell.ts";
import { RetainedLooks } from "./retained-looks.ts";

export interface ControllerConfig {
  /** The operator's own configuration, flat: defaults for every cluster, and `kubernetes.operator.*`. */
  readonly configuration: FlinkConfiguration;
  readonly logConfiguration: Readonly<Record<string, string>> | undefined;
  /** Milliseconds. */
  readonly progressInterval: number;
  readonly reconcileInterval: number;
}

interface Memory {
  failure?: ActionFailure;
  /** Savepoints whose disposal Flink has accepted. */
  disposed: string[];
  exceptionsReportedUntil: number;
}

export interface Dependencies extends ShellDependencies {
  readonly caches: Caches;
  /** REST client of the cluster `name` in `namespace`; `port` is `rest.port`. */
  readonly flinkFor: (namespace: string, name: string, port: number) => FlinkRestClient;
  /** Looks for a job's newest retained checkpoint. Ends within its own deadline; failures are answers. */
  readonly findRetained: (question: RetainedQuestion) => Promise<RetainedAnswer>;
  readonly config: () => ControllerConfig;
  readonly now: () => number;
}

type AskStorage = (question: RetainedQuestion) => Promise<RetainedAnswer | undefined>;

export class FlinkDeploymentController {
  private readonly memory = new Map<string, Memory>();
  private readonly looks: RetainedLooks;
  private readonly started: number;
  private readonly deps: Dependencies;
  private readonly shell: PassShell<FlinkDeployment, Gathered, Decision>;

  constructor(deps: Dependencies) {
    const { caches, client, log } = deps;
    this.deps = deps;
    this.started = deps.now();
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
      ended: (key, decision, failure) => this.remember(key, decision, failure),
      forget: (key) => {
        this.memory.delete(key);
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

  private options(resource: FlinkDeployment): Options {
    const config = this.deps.config();
    const { namespace = "default" } = resource.metadata;
    return {
      defaults: defaultsFor(config.configuration, namespace, resource.spec.flinkVersion),
      ...(config.logConfiguration === undefined ? {} : { logConfiguration: config.logConfiguration }),
      progressInterval: config.progressInterval,
      reconcileInterval: config.reconcileInterval,
      entropy: randomBytes(16).toString("hex"),
    };
  }

  private remembered(key: string): Memory {
    const known = this.memory.get(key);
    if (known !== undefined) return known;
    const fresh = { exceptionsReportedUntil: this.started, disposed: [] };
    this.memory.set(key, fresh);
    return fresh;
  }

  private remember(key: string, decision: Decision, failure: ActionFailure | undefined): void {
    const memory = this.remembered(key);
    memory.exceptionsReportedUntil = decision.exceptionsReportedUntil;
    if (failure !== undefined) memory.failure = failure;
    else if (decision.actions.length > 0) delete memory.failure;
    const listed = decision.status.jobStatus?.savepointInfo?.savepointHistory ?? [];
    memory.disposed = memory.disposed.filter((path) => listed.some(({ location }) => location === path));
  }

  private async decide(
    key: string,
    gathered: Gathered,
    askStorage: AskStorage,
  ): Promise<Decided<FlinkDeployment, Decision>> {
    const { resource } = gathered;
    const { client } = this.deps;
    const options = this.options(resource);
    const flink = this.deps.flinkFor(
      resource.metadata.namespace ?? "default",
      resource.metadata.name,
      deployedRestPort(resource, options.defaults),
    );
    const answers = await askFlink(flink, gathered, options.defaults);
    const memory = this.remembered(key);
    const { failure, exceptionsReportedUntil, disposed } = memory;
    const observed: Observed = { ...gathered, flink: answers, failure, exceptionsReportedUntil, disposed };
    const decision = await this.answered(observed, options, askStorage);
    return {
      decision: hangs(answers) ? lessOften(decision, options) : decision,
      execute: async (action, written) => {
        const refused = await execute(action, { client, flink, resource: written });
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

/** The JobManager accepts and does not answer. Whoever finds out that it does again wakes the resource. */
function hangs({ config, jobs }: FlinkAnswers): boolean {
  return [config, jobs].some((answer) => answer?.ok === false && answer.failure.kind === "timeout");
}

function lessOften(decision: Decision, { reconcileInterval }: Options): Decision {
  const { requeueAfter = 0 } = decision;
  return requeueAfter === 0
    ? decision
    : { ...decision, requeueAfter: Math.max(requeueAfter, reconcileInterval) };
}
