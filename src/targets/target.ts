/**
 * Where a job runs that no operator looks after: a namespace of Kubernetes (`kubernetes/`), or this machine.
 *
 * A job file becomes a FlinkDeployment in memory. What an operator keeps in the API server (the wanted spec with its
 * generation, and the status) is kept in a *record* of the target instead: a ConfigMap, or a file with the same content. The
 * commands write the wanted spec to the record, and then make passes until the decision has settled:
 *
 *     read the record → observe the cluster, ask Flink → decide → write the record → execute
 *
 * That is the operator's own decision (reconcile/deployment/decide.ts) in the operator's own shell (controller/pass-shell.ts),
 * so a command that is killed anywhere is only a pause: the next one goes on from the record.
 *
 * A target has few things to say, and no opinion of its own. It must hold that
 * - `records.write` succeeds on top of the version that was read, or not at all;
 * - `observe` shows what is there as Kubernetes' objects: `deployment` (the JobManager, with the uid of this very start, the
 *   generation as GENERATION_ANNOTATION, the owner as OWNER_ANNOTATION, `status.availableReplicas` when it serves), pods
 *   with the labels `app` and `component` for everything that may still write, and the objects of
 *   resources/names.ts#ownedObjectNames, owned by the deployment;
 * - `execute` does nothing when what it is to do is done, and refers to what was observed by its uid only.
 *
 * What a target's commands do is in start.ts, stop.ts, savepoint.ts, fork.ts and status.ts, the same for every target. Who
 * makes passes for ever (a supervisor) uses TargetPasses itself.
 */
import type { FlinkDeployment, FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import type { FlinkRestClient } from "../flink-rest/client.ts";
import type {
  Action,
  ActionFailure,
  ObservedCluster,
  RetainedAnswer,
  RetainedQuestion,
} from "../reconcile/decision.ts";

/** Texts by name, as a ConfigMap has them. Which names: record.ts. */
export interface StoredRecord {
  readonly data: Readonly<Record<string, string>>;
  /** Of these data, for the next write. */
  readonly version: string;
}

export interface RecordStore {
  /** Undefined when there is none. */
  read(name: string): Promise<StoredRecord | undefined>;
  /** On top of `version`; undefined: there is none yet. The answer is the new version; undefined: somebody else wrote first. */
  write(
    name: string,
    data: Readonly<Record<string, string>>,
    version: string | undefined,
  ): Promise<string | undefined>;
  /** The jobs that have one, by name. */
  list(): Promise<readonly string[]>;
  /** For people: `ConfigMap sluice-counting`. */
  describe(name: string): string;
}

/** A job file that can be run. */
export interface Prepared {
  readonly spec: FlinkDeploymentSpec;
  readonly differences: readonly string[];
}

/** The right to change one job. */
export interface Lock {
  /** Aborted when somebody else may have it. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

export interface Target {
  /** As the option `--target` calls it. */
  readonly name: "kubernetes" | "local";
  /** Of the jobs; a local target has one too. */
  readonly namespace: string;
  readonly records: RecordStore;
  /** Of all commands only one changes a job at a time. @throws Refusal that names the holder */
  lock(name: string): Promise<Lock>;
  /** Asks that nobody else looks after a job of this name. @throws Refusal */
  requireOwn(name: string): Promise<void>;
  /** The job file as it can be run here, and what is otherwise here, for people. @throws Refusal for what is missing */
  prepare(name: string, spec: FlinkDeploymentSpec): Promise<Prepared>;
  observe(resource: FlinkDeployment): Promise<ObservedCluster>;
  /** For people, where they can get at it as it is. */
  webInterface?(name: string): string;
  /** REST client of the cluster `name`; `port` is `rest.port`. */
  flinkFor(namespace: string, name: string, port: number): FlinkRestClient;
  /** Carries out one action. Failures are values. */
  execute(
    action: Action,
    resource: FlinkDeployment,
    flink: FlinkRestClient,
  ): Promise<ActionFailure | undefined>;
  /** Makes what Prometheus finds the cluster by, where the job file wants it. What went wrong, for people. */
  monitor?(resource: FlinkDeployment): Promise<string | undefined>;
  /** A job's newest retained checkpoint. Ends within its own deadline. */
  findRetained(question: RetainedQuestion): Promise<RetainedAnswer>;
  /** Whether a savepoint or checkpoint is there and complete. Ends within its own deadline. */
  findSnapshot(path: string, access: FlinkConfiguration): Promise<RetainedAnswer>;
  close(): Promise<void>;
}

/** Why something is not done, for people, and for scripts as an exit code. */
export type RefusalKind = "act" | "timed-out" | "not-found" | "locked" | "interrupted";

export class Refusal extends Error {
  readonly kind: RefusalKind;
  readonly next: string | undefined;

  constructor(kind: RefusalKind, message: string, next?: string) {
    super(message);
    this.name = "Refusal";
    this.kind = kind;
    this.next = next;
  }
}
