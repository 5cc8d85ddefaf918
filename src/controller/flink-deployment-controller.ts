/**
 * The shell around the decisions for FlinkDeployments: gather, decide, write the status, act, come again. It has no
 * opinion of its own. At most one pass per resource runs at a time (the queue's promise), and a status is written
 * only on top of the version it was decided from: whoever lost that race looks again.
 */
import { randomBytes } from "node:crypto";
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import { defaultsFor } from "../flink/operator-defaults.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import type { FlinkRestClient } from "../flink-rest/client.ts";
import { KubeApiError } from "../kube/api-error.ts";
import type { KubeClient } from "../kube/client.ts";
import type { EventRecorder } from "../kube/event-recorder.ts";
import { FLINK_DEPLOYMENTS } from "../kube/resource-type.ts";
import type { ActionFailure, Decision, FlinkAnswers, Options } from "../reconcile/decision.ts";
import { decide } from "../reconcile/deployment/decide.ts";
import { deployedRestPort } from "../reconcile/deployment/rest-port.ts";
import { sameJson } from "../reconcile/last-reconciled-spec.ts";
import type { Logger } from "../telemetry/log.ts";
import { execute } from "./execute.ts";
import { askFlink, type Caches, gatherFromCache, type Gathered, gatherLive } from "./gather.ts";

export interface ControllerConfig {
  /** The operator's own configuration, flat: defaults for every cluster, and `kubernetes.operator.*`. */
  readonly configuration: FlinkConfiguration;
  readonly logConfiguration: Readonly<Record<string, string>> | undefined;
  /** Milliseconds. */
  readonly progressInterval: number;
  readonly reconcileInterval: number;
}

/** What a pass leaves to its caller: when to come again. `retry` asks for the queue's back-off. */
export type PassOutcome =
  | { readonly kind: "again"; readonly after: number }
  | { readonly kind: "retry" }
  | { readonly kind: "on-change" };

interface Memory {
  failure?: ActionFailure;
  exceptionsReportedUntil: number;
}

export interface Dependencies {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly events: EventRecorder;
  readonly log: Logger;
  /** REST client of the cluster `name` in `namespace`; `port` is `rest.port`. */
  readonly flinkFor: (namespace: string, name: string, port: number) => FlinkRestClient;
  readonly config: () => ControllerConfig;
  readonly now: () => number;
}

export class FlinkDeploymentController {
  private readonly memory = new Map<string, Memory>();
  private readonly started: number;
  private readonly deps: Dependencies;

  constructor(deps: Dependencies) {
    this.deps = deps;
    this.started = deps.now();
  }

  /** One pass over the resource `namespace/name`. Throws only what the queue should retry and log. */
  async pass(key: string): Promise<PassOutcome> {
    const [namespace = "", name = ""] = key.split("/");
    const cached = gatherFromCache(this.deps.caches, namespace, name);
    if (cached === undefined) {
      this.memory.delete(key);
      return { kind: "on-change" };
    }
    const steady = await this.decide(key, cached);
    if (isQuiet(steady.decision, cached.resource)) return this.quietOutcome(key, steady.decision);
    const live = await gatherLive(this.deps.client, namespace, name);
    if (live === undefined) return { kind: "on-change" };
    const { decision, flink } = await this.decide(key, live);
    return this.carryOut(key, live.resource, decision, flink);
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
    const fresh = { exceptionsReportedUntil: this.started };
    this.memory.set(key, fresh);
    return fresh;
  }

  private async decide(
    key: string,
    gathered: Gathered,
  ): Promise<{ decision: Decision; flink: FlinkRestClient }> {
    const { resource } = gathered;
    const options = this.options(resource);
    const flink = this.deps.flinkFor(
      resource.metadata.namespace ?? "default",
      resource.metadata.name,
      deployedRestPort(resource, options.defaults),
    );
    const answers = await askFlink(flink, gathered, options.defaults);
    const { failure, exceptionsReportedUntil } = this.remembered(key);
    const decision = decide(
      { ...gathered, flink: answers, failure, exceptionsReportedUntil },
      this.deps.now(),
      options,
    );
    return { decision: hangs(answers) ? lessOften(decision, options) : decision, flink };
  }

  private quietOutcome(key: string, decision: Decision): PassOutcome {
    const memory = this.remembered(key);
    memory.exceptionsReportedUntil = decision.exceptionsReportedUntil;
    const { requeueAfter } = decision;
    return requeueAfter === undefined ? { kind: "on-change" } : { kind: "again", after: requeueAfter };
  }

  private async carryOut(
    key: string,
    resource: FlinkDeployment,
    decision: Decision,
    flink: FlinkRestClient,
  ): Promise<PassOutcome> {
    const written = await this.writeStatus(key, resource, decision);
    if (written === undefined) return { kind: "again", after: 0 };
    // Told beside the actions, not before them: an event must not cost downtime.
    const told = Promise.all(decision.events.map((event) => this.deps.events.record(written, event)));
    const outcome = await this.act(key, written, decision, flink);
    await told;
    return outcome;
  }

  private async act(
    key: string,
    written: FlinkDeployment,
    decision: Decision,
    flink: FlinkRestClient,
  ): Promise<PassOutcome> {
    const memory = this.remembered(key);
    for (const action of decision.actions) {
      this.deps.log.info({ key, action: action.type }, "action");
      const failure = await execute(action, { client: this.deps.client, flink, resource: written });
      if (failure !== undefined) {
        memory.failure = failure;
        this.deps.log.warn({ key, ...failure }, "action failed");
        return { kind: "retry" };
      }
    }
    if (decision.actions.length > 0) delete memory.failure;
    return this.quietOutcome(key, decision);
  }

  /** Undefined when somebody else wrote first. */
  private async writeStatus(
    key: string,
    resource: FlinkDeployment,
    decision: Decision,
  ): Promise<FlinkDeployment | undefined> {
    if (sameJson(resource.status, decision.status)) return resource;
    try {
      const written = await this.deps.client.replaceStatus<FlinkDeployment>(FLINK_DEPLOYMENTS, {
        ...resource,
        status: decision.status,
      });
      this.deps.caches.resources.put(written);
      if (resource.status?.lifecycleState !== decision.status.lifecycleState) {
        this.deps.log.info(
          { key, lifecycleState: decision.status.lifecycleState },
          "lifecycle state changed",
        );
      }
      return written;
    } catch (error) {
      if (error instanceof KubeApiError && error.status === 409) return undefined;
      throw error;
    }
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

function isQuiet(decision: Decision, resource: FlinkDeployment): boolean {
  return (
    decision.actions.length === 0 &&
    decision.events.length === 0 &&
    sameJson(resource.status, decision.status)
  );
}
