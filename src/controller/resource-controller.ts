/**
 * The shell around the decisions for resources of one kind: gather, decide, write the status, act, come again. It has no
 * opinion of its own. At most one pass per resource runs at a time (the queue's promise), and a status is written
 * only on top of the version it was decided from: whoever lost that race looks again.
 */
import { randomBytes } from "node:crypto";
import type { FlinkDeployment, FlinkVersion } from "../api/flink-deployment.ts";
import type { FlinkSessionJob, FlinkSessionJobStatus } from "../api/flink-session-job.ts";
import { defaultsFor } from "../flink/operator-defaults.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import type { FlinkRestClient } from "../flink-rest/client.ts";
import { KubeApiError } from "../kube/api-error.ts";
import type { KubeClient } from "../kube/client.ts";
import type { EventRecorder } from "../kube/event-recorder.ts";
import type { Informer } from "../kube/informer.ts";
import type { ResourceType } from "../kube/resource-type.ts";
import type { ActionFailure, Decision, Options, SubmitJob } from "../reconcile/decision.ts";
import { sameJson } from "../reconcile/last-reconciled-spec.ts";
import type { Logger } from "../telemetry/log.ts";
import { execute } from "./execute.ts";
import type { Caches } from "./gather.ts";

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

/** What is kept of a resource between passes, and nowhere else. */
export interface Memory {
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

export interface Decided {
  readonly decision: Decision<FlinkSessionJobStatus>;
  readonly flink: FlinkRestClient;
}

export abstract class ResourceController<
  R extends FlinkDeployment | FlinkSessionJob,
  Gathered extends { readonly resource: R },
> {
  protected readonly deps: Dependencies;
  private readonly type: ResourceType;
  private readonly resources: Informer<R>;
  private readonly memory = new Map<string, Memory>();
  private readonly started: number;

  protected constructor(deps: Dependencies, type: ResourceType, resources: Informer<R>) {
    this.deps = deps;
    this.type = type;
    this.resources = resources;
    this.started = deps.now();
  }

  protected abstract fromCache(namespace: string, name: string): Gathered | undefined;
  protected abstract live(namespace: string, name: string): Promise<Gathered | undefined>;
  protected abstract decide(gathered: Gathered, memory: Memory): Promise<Decided>;
  protected abstract submit(written: R, action: SubmitJob): void;
  /** The resource is gone. */
  protected forget(key: string): void {
    this.memory.delete(key);
  }

  /** One pass over the resource `namespace/name`. Throws only what the queue should retry and log. */
  async pass(key: string): Promise<PassOutcome> {
    const [namespace = "", name = ""] = key.split("/");
    const cached = this.fromCache(namespace, name);
    if (cached === undefined) {
      this.forget(key);
      return { kind: "on-change" };
    }
    const steady = await this.decide(cached, this.remembered(key));
    if (isQuiet(steady.decision, cached.resource)) return this.quietOutcome(key, steady.decision);
    const live = await this.live(namespace, name);
    if (live === undefined) return { kind: "on-change" };
    return this.carryOut(key, live.resource, await this.decide(live, this.remembered(key)));
  }

  /** `version`: of the cluster that the resource is, or runs in. */
  protected options({ metadata }: R, version: FlinkVersion | undefined): Options {
    const config = this.deps.config();
    return {
      defaults: defaultsFor(config.configuration, metadata.namespace ?? "default", version),
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

  private quietOutcome(key: string, decision: Decided["decision"]): PassOutcome {
    const memory = this.remembered(key);
    memory.exceptionsReportedUntil = decision.exceptionsReportedUntil;
    const { requeueAfter } = decision;
    return requeueAfter === undefined ? { kind: "on-change" } : { kind: "again", after: requeueAfter };
  }

  private async carryOut(key: string, resource: R, decided: Decided): Promise<PassOutcome> {
    const written = await this.writeStatus(key, resource, decided.decision);
    if (written === undefined) return { kind: "again", after: 0 };
    // Told beside the actions, not before them: an event must not cost downtime.
    const { events } = decided.decision;
    const told = Promise.all(events.map((event) => this.deps.events.record(written, event)));
    const outcome = await this.act(key, written, decided);
    await told;
    return outcome;
  }

  private async act(key: string, written: R, { decision, flink }: Decided): Promise<PassOutcome> {
    const memory = this.remembered(key);
    const submit = (action: SubmitJob): void => this.submit(written, action);
    for (const action of decision.actions) {
      this.deps.log.info({ key, action: action.type }, "action");
      const failure = await execute(action, {
        client: this.deps.client,
        flink,
        resource: written,
        submit,
      });
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
    resource: R,
    { status }: Decided["decision"],
  ): Promise<R | undefined> {
    if (sameJson(resource.status, status)) return resource;
    try {
      const written = await this.deps.client.replaceStatus<R>(this.type, { ...resource, status });
      this.resources.put(written);
      if (resource.status?.lifecycleState !== status.lifecycleState) {
        this.deps.log.info({ key, lifecycleState: status.lifecycleState }, "lifecycle state changed");
      }
      return written;
    } catch (error) {
      if (error instanceof KubeApiError && error.status === 409) return undefined;
      throw error;
    }
  }
}

function isQuiet(decision: Decided["decision"], resource: FlinkDeployment | FlinkSessionJob): boolean {
  return (
    decision.actions.length === 0 &&
    decision.events.length === 0 &&
    sameJson(resource.status, decision.status)
  );
}
