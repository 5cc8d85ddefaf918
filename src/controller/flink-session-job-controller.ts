/** Passes over FlinkSessionJobs. */
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { FlinkSessionJob, FlinkSessionJobStatus } from "../api/flink-session-job.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { FLINK_DEPLOYMENTS, FLINK_SESSION_JOBS, PODS } from "../kube/resource-type.ts";
import type { FlinkStateSnapshot } from "../api/flink-state-snapshot.ts";
import {
  type Decision,
  isSnapshotAction,
  type ObservedSessionJob,
  type SubmitJob,
} from "../reconcile/decision.ts";
import { deployedRestPort } from "../reconcile/deployment/rest-port.ts";
import { decideSessionJob } from "../reconcile/session-job/decide.ts";
import { nextSessionJobQuestions } from "../reconcile/session-job/questions.ts";
import { execute } from "./execute.ts";
import { askFlink, cachedSnapshots, liveSnapshots, namespaceOf } from "./gather.ts";
import { type FlinkFor, type JobDependencies, Memories, optionsFor, paced } from "./job-passes.ts";
import { apiServer, type Decided, PassShell, type PassOutcome } from "./pass-shell.ts";
import { type AskStorage, decideWithStorage, type FindRetained, RetainedLooks } from "./retained-looks.ts";
import type { Submissions } from "./submissions.ts";

interface Gathered {
  readonly resource: FlinkSessionJob;
  readonly session: FlinkDeployment | undefined;
  readonly endingJobManagers: readonly KubeObject[];
  readonly snapshots: readonly FlinkStateSnapshot[] | undefined;
}

/** The JobManagers among a session cluster's pods that are being deleted. */
function ending(pods: readonly KubeObject[]): readonly KubeObject[] {
  return pods.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
}

const selectorOfJobManagers = (session: string): string => `app=${session},component=jobmanager`;

type SessionJobDecision = Decision<FlinkSessionJobStatus>;

export interface SessionJobDependencies extends JobDependencies {
  readonly submissions: Submissions;
  readonly findRetained: FindRetained;
  /** As `flinkFor`, for calls that last: they must not stand in the others' way. */
  readonly jarClientFor: FlinkFor;
}

export class FlinkSessionJobController {
  readonly #deps: SessionJobDependencies;
  readonly #memories: Memories;
  readonly #looks: RetainedLooks;
  readonly #shell: PassShell<FlinkSessionJob, Gathered, SessionJobDecision>;

  constructor(deps: SessionJobDependencies) {
    const { cachesFor, log, submissions } = deps;
    this.#deps = deps;
    this.#memories = new Memories(deps.now());
    this.#looks = new RetainedLooks(deps.findRetained, deps.now, log);
    const keep = (resource: FlinkSessionJob): void =>
      cachesFor(namespaceOf(resource))?.sessionJobs.put(resource);
    this.#shell = new PassShell(apiServer(deps, FLINK_SESSION_JOBS, keep), {
      fromCache: (namespace, name) => this.#fromCache(namespace, name),
      live: (namespace, name) => this.#live(namespace, name),
      decideCached: (key, gathered) =>
        this.#decide(key, gathered, async (question) => this.#looks.recent(key, question)),
      decide: (key, gathered) => this.#decide(key, gathered, (question) => this.#looks.look(key, question)),
      isOptional: isSnapshotAction,
      ended: (key, decision, failure) => this.#memories.keep(key, decision, failure),
      forget: (key) => {
        this.#memories.forget(key);
        this.#looks.forget(key);
        submissions.forget(key);
      },
      written: (key, before, { lifecycleState }: FlinkSessionJobStatus) => {
        if (before.status?.lifecycleState !== lifecycleState)
          log.info({ key, lifecycleState }, "lifecycle state changed");
      },
    });
  }

  /** One pass over the resource `namespace/name`. Throws only what the queue should retry and log. */
  pass(key: string): Promise<PassOutcome> {
    return this.#shell.pass(key);
  }

  #fromCache(namespace: string, name: string): Gathered | undefined {
    const caches = this.#deps.cachesFor(namespace);
    const resource = caches?.sessionJobs.get(namespace, name);
    if (caches === undefined || resource === undefined) return undefined;
    const { deploymentName: session = "" } = resource.spec;
    const isJobManager = ({ metadata }: KubeObject): boolean =>
      metadata.labels?.["app"] === session && metadata.labels["component"] === "jobmanager";
    return {
      resource,
      endingJobManagers: ending(caches.pods.list({ namespace, filter: isJobManager })),
      session: caches.resources.get(namespace, resource.spec.deploymentName ?? ""),
      snapshots: cachedSnapshots(caches.snapshots, "FlinkSessionJob", namespace, name),
    };
  }

  async #live(namespace: string, name: string): Promise<Gathered | undefined> {
    const { client, cachesFor } = this.#deps;
    const [resource, snapshots] = await Promise.all([
      client.get<FlinkSessionJob>(FLINK_SESSION_JOBS, namespace, name),
      liveSnapshots(client, cachesFor(namespace)?.snapshots, "FlinkSessionJob", namespace, name),
    ]);
    if (resource === undefined) return undefined;
    const { deploymentName = "" } = resource.spec;
    if (deploymentName === "") return { resource, session: undefined, endingJobManagers: [], snapshots };
    const [session, { items: pods }] = await Promise.all([
      client.get<FlinkDeployment>(FLINK_DEPLOYMENTS, namespace, deploymentName),
      client.list<KubeObject>(PODS, { namespace, labelSelector: selectorOfJobManagers(deploymentName) }),
    ]);
    return { resource, session, endingJobManagers: ending(pods), snapshots };
  }

  async #decide(
    key: string,
    gathered: Gathered,
    askStorage: AskStorage,
  ): Promise<Decided<FlinkSessionJob, SessionJobDecision>> {
    const { resource, session } = gathered;
    const { client, config, flinkFor, jarClientFor, now, submissions } = this.#deps;
    const options = optionsFor(config(), resource, session?.spec.flinkVersion);
    // Before Flink is asked: a job that it does not list then was not there after the submission had failed.
    const submission = submissions.of(key);
    const port = session === undefined ? 0 : deployedRestPort(session, options.defaults);
    const { namespace = "default" } = resource.metadata;
    const address = [namespace, resource.spec.deploymentName ?? "", port] as const;
    const flink = flinkFor(...address);
    const answers = await askFlink(
      flink,
      resource,
      (known) => nextSessionJobQuestions(resource, session, known, options.defaults),
      () => resource.status?.jobStatus?.jobId ?? "",
    );
    const { failure, exceptionsReportedUntil, disposed } = this.#memories.of(key);
    const known = { ...gathered, submission, failure, exceptionsReportedUntil, disposed };
    const observed: ObservedSessionJob = { ...known, flink: answers };
    const decision = await decideWithStorage(
      (retained) =>
        decideSessionJob(retained === undefined ? observed : { ...observed, retained }, now(), options),
      askStorage,
    );
    const submit = (action: SubmitJob): void => submissions.begin(key, action, jarClientFor(...address));
    return {
      decision: paced(decision, answers, options),
      execute: async (action, written) => {
        const refused = await execute(action, { client, flink, resource: written, submit });
        if (refused === undefined) this.#memories.done(key, action);
        return refused;
      },
    };
  }
}
