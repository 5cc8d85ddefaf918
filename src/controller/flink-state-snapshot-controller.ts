/** FlinkStateSnapshots: the job that each names, what Flink answers about it, and carrying out what is decided. */
import { randomBytes } from "node:crypto";
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../api/flink-session-job.ts";
import { FLINK_STATE_SNAPSHOT_FINALIZER, type FlinkStateSnapshot } from "../api/flink-state-snapshot.ts";
import { defaultsFor } from "../flink/operator-defaults.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import type { FlinkRestClient } from "../flink-rest/client.ts";
import type { KubeClient } from "../kube/client.ts";
import { FLINK_DEPLOYMENTS, FLINK_SESSION_JOBS, FLINK_STATE_SNAPSHOTS } from "../kube/resource-type.ts";
import { deployedRestPort } from "../reconcile/deployment/rest-port.ts";
import { checkpointId, decideSnapshot, isOpen, nextSnapshotQuestions } from "../reconcile/snapshot/decide.ts";
import type {
  Disposal,
  ObservedSnapshot,
  SnapshotAnswers,
  SnapshotDecision,
  SnapshotPassAction,
} from "../reconcile/snapshot/draft.ts";
import { snapshotTypeOf } from "../reconcile/snapshot/resource.ts";
import { type SnapshotTarget, targetOfDeployment, targetOfSessionJob } from "../reconcile/snapshot/target.ts";
import { failureOf } from "./execute.ts";
import { addFinalizer, removeFinalizer } from "./finalizer.ts";
import { type CachesFor, namespaceOf } from "./gather.ts";
import type { ControllerConfig } from "./job-passes.ts";
import {
  apiServer,
  type Decided,
  type PassOutcome,
  PassShell,
  type ShellDependencies,
} from "./pass-shell.ts";
import { refusal, triggerSnapshot } from "./snapshot-actions.ts";

export interface SnapshotDependencies extends ShellDependencies {
  readonly cachesFor: CachesFor;
  /** As for FlinkDeployments. */
  readonly flinkFor: (namespace: string, name: string, port: number) => FlinkRestClient;
  readonly config: () => ControllerConfig;
  readonly now: () => number;
}

interface GatheredSnapshot {
  readonly resource: FlinkStateSnapshot;
  readonly target: SnapshotTarget | undefined;
  /** Of the cluster that the job runs in. */
  readonly flink: FlinkRestClient | undefined;
}

/** Where jobs are read from. */
interface Jobs {
  readonly deployment: (namespace: string, name: string) => Promise<FlinkDeployment | undefined>;
  readonly sessionJob: (namespace: string, name: string) => Promise<FlinkSessionJob | undefined>;
}

function liveJobs(client: KubeClient): Jobs {
  return {
    deployment: (namespace, name) => client.get<FlinkDeployment>(FLINK_DEPLOYMENTS, namespace, name),
    sessionJob: (namespace, name) => client.get<FlinkSessionJob>(FLINK_SESSION_JOBS, namespace, name),
  };
}

interface Memory {
  readonly uid: string | undefined;
  failure?: NonNullable<ObservedSnapshot["failure"]>;
  disposal?: Disposal;
}

export class FlinkStateSnapshotController {
  private readonly memory = new Map<string, Memory>();
  private readonly deps: SnapshotDependencies;
  private readonly shell: PassShell<FlinkStateSnapshot, GatheredSnapshot, SnapshotDecision>;

  constructor(deps: SnapshotDependencies) {
    this.deps = deps;
    const { client, log, cachesFor } = deps;
    const live = liveJobs(client);
    const cached: Jobs = {
      ...live,
      deployment: async (namespace, name) => cachesFor(namespace)?.resources.get(namespace, name),
    };
    const keep = (snapshot: FlinkStateSnapshot): void => this.keep(snapshot);
    this.shell = new PassShell(apiServer(deps, FLINK_STATE_SNAPSHOTS, keep), {
      fromCache: (namespace, name) =>
        this.gather(cachesFor(namespace)?.snapshots?.get(namespace, name), cached),
      live: async (namespace, name) =>
        this.gather(await client.get<FlinkStateSnapshot>(FLINK_STATE_SNAPSHOTS, namespace, name), live),
      decide: (key, gathered) => this.decide(key, gathered),
      isOptional: ({ type }) =>
        type !== "add-finalizer" && type !== "remove-finalizer" && type !== "set-labels",
      ended: (key, _, failure) => this.remember(key, failure),
      forget: (key) => void this.memory.delete(key),
      written: (key, before, { state, path }) => {
        if (before.status?.state !== state) log.info({ key, state, path }, "snapshot state changed");
      },
    });
  }

  /** One pass over the resource `namespace/name`. Throws only what the queue should retry and log. */
  pass(key: string): Promise<PassOutcome> {
    return this.shell.pass(key);
  }

  private keep(snapshot: FlinkStateSnapshot): void {
    this.deps.cachesFor(namespaceOf(snapshot))?.snapshots?.put(snapshot);
  }

  private defaults(namespace: string, cluster: FlinkDeployment | undefined): FlinkConfiguration {
    return defaultsFor(this.deps.config().configuration, namespace, cluster?.spec?.flinkVersion);
  }

  private async gather(
    resource: FlinkStateSnapshot | undefined,
    jobs: Jobs,
  ): Promise<GatheredSnapshot | undefined> {
    if (resource === undefined) return undefined;
    const { kind, name = "" } = (resource.spec ?? {}).jobReference ?? {};
    const { namespace = "default" } = resource.metadata;
    const nothing = { resource, target: undefined, flink: undefined };
    if (!isOpen(resource) || name === "") return nothing;
    if (kind === "FlinkSessionJob") {
      const job = await jobs.sessionJob(namespace, name);
      if (job === undefined) return nothing;
      const cluster = await jobs.deployment(namespace, job.spec?.deploymentName ?? "");
      const target = targetOfSessionJob(job, cluster, this.defaults(namespace, cluster));
      return { resource, target, flink: this.flinkOf(cluster) };
    }
    const cluster = await jobs.deployment(namespace, name);
    if (cluster === undefined) return nothing;
    const target = targetOfDeployment(cluster, this.defaults(namespace, cluster));
    return { resource, target, flink: this.flinkOf(cluster) };
  }

  private flinkOf(cluster: FlinkDeployment | undefined): FlinkRestClient | undefined {
    if (cluster === undefined) return undefined;
    const { namespace = "default", name } = cluster.metadata;
    return this.deps.flinkFor(namespace, name, deployedRestPort(cluster, this.defaults(namespace, cluster)));
  }

  private remembered(key: string, { metadata }: FlinkStateSnapshot): Memory {
    const known = this.memory.get(key);
    if (known !== undefined && known.uid === metadata.uid) return known;
    const fresh = { uid: metadata.uid };
    this.memory.set(key, fresh);
    return fresh;
  }

  private remember(key: string, failure: ObservedSnapshot["failure"]): void {
    const memory = this.memory.get(key);
    if (memory === undefined) return;
    if (failure === undefined) delete memory.failure;
    else memory.failure = failure;
  }

  private async decide(
    key: string,
    gathered: GatheredSnapshot,
  ): Promise<Decided<FlinkStateSnapshot, SnapshotDecision>> {
    const { resource, target, flink } = gathered;
    const memory = this.remembered(key, resource);
    const known = { resource, target, disposal: memory.disposal };
    const answers = flink === undefined ? {} : await askAbout(flink, known);
    const { progressInterval, reconcileInterval } = this.deps.config();
    const decision = decideSnapshot({ ...known, flink: answers, failure: memory.failure }, this.deps.now(), {
      progressInterval,
      reconcileInterval,
      entropy: randomBytes(16).toString("hex"),
    });
    return { decision, execute: (action, written) => this.execute(action, written, flink, memory) };
  }

  private async execute(
    action: SnapshotPassAction,
    resource: FlinkStateSnapshot,
    flink: FlinkRestClient | undefined,
    memory: Memory,
  ): Promise<ObservedSnapshot["failure"]> {
    try {
      return await this.run(action, resource, flink, memory);
    } catch (error) {
      return failureOf(action.type, error);
    }
  }

  private async run(
    action: SnapshotPassAction,
    resource: FlinkStateSnapshot,
    flink: FlinkRestClient | undefined,
    memory: Memory,
  ): Promise<ObservedSnapshot["failure"]> {
    const { client, now } = this.deps;
    const { namespace, name } = resource.metadata;
    switch (action.type) {
      case "add-finalizer":
        await addFinalizer(client, FLINK_STATE_SNAPSHOTS, resource, FLINK_STATE_SNAPSHOT_FINALIZER);
        return undefined;
      case "remove-finalizer":
        await removeFinalizer(client, FLINK_STATE_SNAPSHOTS, resource, FLINK_STATE_SNAPSHOT_FINALIZER);
        return undefined;
      case "set-labels": {
        const patch = { metadata: { labels: action.labels } };
        this.keep(await client.patch(FLINK_STATE_SNAPSHOTS, namespace, name, patch, { kind: "merge" }));
        return undefined;
      }
      case "trigger-savepoint":
      case "trigger-checkpoint":
        return flink && triggerSnapshot(flink, action);
      case "dispose-savepoint": {
        if (flink === undefined) return undefined;
        const answer = await flink.disposeSavepoint(action.path);
        const accepted = answer.ok ? { triggerId: answer.value.triggerId } : {};
        memory.disposal = { path: action.path, at: now(), ...accepted };
        return refusal(action.type, answer);
      }
    }
  }
}

async function ask(
  flink: FlinkRestClient,
  question: keyof SnapshotAnswers,
  { resource, target, disposal }: Omit<ObservedSnapshot, "flink" | "failure">,
  known: SnapshotAnswers,
): Promise<SnapshotAnswers> {
  const jobId = target?.jobId ?? "";
  const triggerId = resource.status?.triggerId ?? "";
  switch (question) {
    case "trigger":
      return snapshotTypeOf(resource) === "checkpoint"
        ? { trigger: await flink.checkpointStatus(jobId, triggerId) }
        : { trigger: await flink.savepointStatus(jobId, triggerId) };
    case "details":
      return { details: await flink.checkpointDetails(jobId, checkpointId(known) ?? 0) };
    case "disposal":
      return { disposal: await flink.disposalStatus(disposal?.triggerId ?? "") };
  }
}

/** Rounds end because each question is asked once. */
async function askAbout(
  flink: FlinkRestClient,
  known: Omit<ObservedSnapshot, "flink" | "failure">,
): Promise<SnapshotAnswers> {
  let answers: SnapshotAnswers = {};
  for (;;) {
    const questions = nextSnapshotQuestions({ ...known, flink: answers });
    if (questions.length === 0) return answers;
    const found = await Promise.all(questions.map((question) => ask(flink, question, known, answers)));
    answers = Object.assign({}, answers, ...found) as SnapshotAnswers;
  }
}
