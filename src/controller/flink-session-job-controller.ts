/** Passes over FlinkSessionJobs. */
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { FlinkSessionJob, FlinkSessionJobStatus } from "../api/flink-session-job.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { leaderMapName } from "../flink/high-availability.ts";
import { CONFIG_MAPS, FLINK_DEPLOYMENTS, FLINK_SESSION_JOBS, PODS } from "../kube/resource-type.ts";
import { REST_BIND_PORT } from "../flink/kubernetes-options.ts";
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
import type { JarClientFor } from "./flink-clients.ts";
import { askFlink, cachedSnapshots, listLabelled, liveSnapshots, namespaceOf } from "./gather.ts";
import { type JobDependencies, Memories, optionsFor, paced } from "./job-passes.ts";
import { jarHost } from "./jar-host.ts";
import { apiServer, type Decided, PassShell, type PassOutcome } from "./pass-shell.ts";
import { type AskStorage, decideWithStorage, type FindRetained, RetainedLooks } from "./retained-looks.ts";
import type { Submissions } from "./submissions.ts";

interface Gathered {
  readonly resource: FlinkSessionJob;
  readonly session: FlinkDeployment | undefined;
  /** Pods of the session cluster. */
  readonly jobManagers: readonly KubeObject[];
  /** Where several JobManagers agree on who leads; only when it was read to act. */
  readonly leaderMap?: KubeObject | undefined;
  readonly snapshots: readonly FlinkStateSnapshot[] | undefined;
}

type SessionJobDecision = Decision<FlinkSessionJobStatus>;

export interface SessionJobDependencies extends JobDependencies {
  readonly submissions: Submissions;
  readonly findRetained: FindRetained;
  /** As `flinkFor`, for calls that last: they must not stand in the others' way. */
  readonly jarClientFor: JarClientFor;
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
      jobManagers: caches.pods.list({ namespace, filter: isJobManager }),
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
    if (deploymentName === "") return { resource, session: undefined, jobManagers: [], snapshots };
    const [session, jobManagers] = await Promise.all([
      client.get<FlinkDeployment>(FLINK_DEPLOYMENTS, namespace, deploymentName),
      listLabelled(client, PODS, namespace, { app: deploymentName, component: "jobmanager" }),
    ]);
    const leaderMap =
      jobManagers.length < 2
        ? undefined
        : await client.get<KubeObject>(CONFIG_MAPS, namespace, leaderMapName(deploymentName));
    return { resource, session, jobManagers, leaderMap, snapshots };
  }

  async #decide(
    key: string,
    gathered: Gathered,
    askStorage: AskStorage,
  ): Promise<Decided<FlinkSessionJob, SessionJobDecision>> {
    const { resource, session, jobManagers, leaderMap } = gathered;
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
    const endingJobManagers = jobManagers.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    const known = { ...gathered, endingJobManagers, submission, failure, exceptionsReportedUntil, disposed };
    const observed: ObservedSessionJob = { ...known, flink: answers };
    const decision = await decideWithStorage(
      (retained) =>
        decideSessionJob(retained === undefined ? observed : { ...observed, retained }, now(), options),
      askStorage,
    );
    const submit = (action: SubmitJob): void => {
      const host = jarHost(jobManagers, leaderMap);
      const bindPort =
        session === undefined ? 0 : deployedRestPort(session, options.defaults, REST_BIND_PORT);
      const [, name] = address;
      const jars = jarClientFor(namespace, name, host === undefined ? port : bindPort, host);
      submissions.begin(key, action, jars);
    };
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
