/** What passes over FlinkDeployments and over FlinkSessionJobs have in common: what is remembered, and their options. */
import { randomBytes } from "node:crypto";
import type { FlinkVersion } from "../api/flink-deployment.ts";
import type { FlinkSessionJobStatus } from "../api/flink-session-job.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { defaultsFor } from "../flink/operator-defaults.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import type { FlinkRestClient } from "../flink-rest/client.ts";
import type { Action, ActionFailure, Decision, FlinkAnswers, Options } from "../reconcile/decision.ts";
import type { CachesFor } from "./gather.ts";
import type { ShellDependencies } from "./pass-shell.ts";

export interface ControllerConfig {
  /** The operator's own configuration, flat: defaults for every cluster, and `kubernetes.operator.*`. */
  readonly configuration: FlinkConfiguration;
  readonly logConfiguration: Readonly<Record<string, string>> | undefined;
  /** Milliseconds. */
  readonly progressInterval: number;
  readonly reconcileInterval: number;
}

/** REST client of the cluster `name` in `namespace`; `port` is `rest.port`. */
export type FlinkFor = (namespace: string, name: string, port: number) => FlinkRestClient;

export interface JobDependencies extends ShellDependencies {
  readonly cachesFor: CachesFor;
  readonly flinkFor: FlinkFor;
  readonly config: () => ControllerConfig;
  readonly now: () => number;
}

/** What is kept of a resource between passes, and nowhere else. */
export interface Memory {
  failure?: ActionFailure;
  /** Savepoints whose disposal Flink has accepted. */
  disposed: string[];
  exceptionsReportedUntil: number;
}

export class Memories {
  readonly #started: number;
  readonly #known = new Map<string, Memory>();

  /** `started`: what Flink reports from before (epoch milliseconds) is old news. */
  constructor(started: number) {
    this.#started = started;
  }

  of(key: string): Memory {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const fresh = { exceptionsReportedUntil: this.#started, disposed: [] };
    this.#known.set(key, fresh);
    return fresh;
  }

  /** A pass has ended; with the last failure among its actions. */
  keep(key: string, decision: Decision<FlinkSessionJobStatus>, failure: ActionFailure | undefined): void {
    const memory = this.of(key);
    memory.exceptionsReportedUntil = decision.exceptionsReportedUntil;
    if (failure !== undefined) memory.failure = failure;
    else if (decision.actions.length > 0) delete memory.failure;
    const listed = decision.status.jobStatus?.savepointInfo?.savepointHistory ?? [];
    memory.disposed = memory.disposed.filter((path) => listed.some(({ location }) => location === path));
  }

  /** An action has been carried out. */
  done(key: string, action: Action): void {
    if (action.type === "dispose-savepoint") this.of(key).disposed.push(action.path);
  }

  forget(key: string): void {
    this.#known.delete(key);
  }
}

/** `version`: of the cluster that the resource is, or runs in. */
export function optionsFor(
  config: ControllerConfig,
  { metadata }: KubeObject,
  version: FlinkVersion | undefined,
): Options {
  return {
    defaults: defaultsFor(config.configuration, metadata.namespace ?? "default", version),
    ...(config.logConfiguration === undefined ? {} : { logConfiguration: config.logConfiguration }),
    progressInterval: config.progressInterval,
    reconcileInterval: config.reconcileInterval,
    entropy: randomBytes(16).toString("hex"),
  };
}

/** The JobManager accepts and does not answer. Whoever finds out that it does again wakes the resource. */
function hangs({ config, jobs }: FlinkAnswers): boolean {
  return [config, jobs].some((answer) => answer?.ok === false && answer.failure.kind === "timeout");
}

/** The decision, to be made again less often while the JobManager hangs. */
export function paced<D extends { readonly requeueAfter: number | undefined }>(
  decision: D,
  answers: FlinkAnswers,
  { reconcileInterval }: Options,
): D {
  const { requeueAfter = 0 } = decision;
  if (requeueAfter === 0 || !hangs(answers)) return decision;
  return { ...decision, requeueAfter: Math.max(requeueAfter, reconcileInterval) };
}
