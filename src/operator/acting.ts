/**
 * What acts, for one term of leadership: connections that the term fences, controllers, queues, canaries. All of it is
 * built with the term and ends with it, so that nothing which began while this process led goes on when it leads again.
 */
import type { KubeObject } from "../api/kube-object.ts";
import { FlinkDeploymentController } from "../controller/flink-deployment-controller.ts";
import { FlinkSessionJobController } from "../controller/flink-session-job-controller.ts";
import { FlinkStateSnapshotController } from "../controller/flink-state-snapshot-controller.ts";
import { type FlinkClients, flinkClients } from "../controller/flink-clients.ts";
import { BY_SESSION, type Caches } from "../controller/gather.ts";
import { MonitorController } from "../controller/monitors.ts";
import type { PassOutcome } from "../controller/pass-shell.ts";
import { Submissions } from "../controller/submissions.ts";
import type { FlinkTransport } from "../flink-rest/transport.ts";
import { jarsFrom } from "../jars/s3-jar.ts";
import type { KubeClient } from "../kube/client.ts";
import { pause, systemClock } from "../kube/clock.ts";
import { EventRecorder } from "../kube/event-recorder.ts";
import type { MayAct } from "../kube/fence.ts";
import { FLINK_DEPLOYMENTS, FLINK_SESSION_JOBS } from "../kube/resource-type.ts";
import { keyOf } from "../kube/store.ts";
import type { WorkQueue } from "../kube/work-queue.ts";
import type { Notifier } from "../notifications/notifier.ts";
import { looksInto } from "../state-storage/retained-checkpoints.ts";
import type { StateStorages } from "../state-storage/state-storage.ts";
import type { Logger } from "../telemetry/log.ts";
import { measuredFlink } from "../telemetry/metrics/flink-calls.ts";
import type { Metrics } from "../telemetry/metrics/metrics.ts";
import type { Wake } from "./caches.ts";
import { Canaries } from "./canaries.ts";
import type { FollowedConfiguration } from "./configuration.ts";
import type { Term } from "./leadership.ts";
import { passObservers } from "./measures.ts";
import { createQueue } from "./queue.ts";
import type { WatchedNamespaces } from "./watched-namespaces.ts";

/** What lives as long as the process. */
export interface Surroundings {
  readonly watched: WatchedNamespaces;
  readonly waker: Waker;
  readonly storages: StateStorages;
  readonly configuration: FollowedConfiguration;
  readonly metrics: Metrics;
  readonly notifier: Notifier;
  readonly log: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workers: number;
  /** A client whose changes leave while `mayAct`. */
  readonly clientWhile: (mayAct: MayAct) => KubeClient;
  readonly wayToFlink: "direct" | "proxy";
  /** How Flink is reached, instead of by `wayToFlink`. */
  readonly flinkClients: FlinkClients | undefined;
}

/** What watches and finds a change: while nobody acts, it is only cached. Its functions are handed on one by one. */
export class Waker implements Wake {
  #wake: Wake | undefined;
  readonly deployment = (key: string): void => this.#wake?.deployment(key);
  readonly sessionJob = (key: string): void => this.#wake?.sessionJob(key);
  readonly snapshot = (key: string): void => this.#wake?.snapshot(key);
  readonly monitors = (key: string): void => this.#wake?.monitors(key);

  wakes(wake: Wake | undefined): void {
    this.#wake = wake;
  }
}

/** Milliseconds that passes under way have to end, when somebody else is to lead. */
const HAND_OVER_MS = 1000;

export class Acting {
  readonly #around: Surroundings;
  readonly #term: Term;
  readonly #client: KubeClient;
  readonly #clients: FlinkClients;
  readonly #submissions: Submissions;
  readonly #canaries: Canaries;
  readonly #queues: readonly WorkQueue[];

  /** From now on changes lead to passes; everything that is there gets one. */
  constructor(around: Surroundings, term: Term) {
    this.#around = around;
    this.#term = term;
    const { watched, waker, storages, configuration, log } = around;
    const mayAct = (): boolean => term.mayAct;
    this.#client = around.clientWhile(mayAct);
    this.#clients = this.#flinkClients(mayAct);
    this.#submissions = new Submissions({
      jars: { fetchS3: jarsFrom(storages) },
      operator: () => configuration.current.configuration,
      now: Date.now,
      wake: waker.sessionJob,
    });
    this.#canaries = new Canaries({
      client: this.#client,
      configuration: () => configuration.current.configuration,
      log,
    });
    this.#queues = this.#startQueues();
    watched.wakeAll();
  }

  /** Canaries whose change did not come back in time. */
  get failing(): readonly string[] {
    return this.#canaries.failing;
  }

  /** So that the next one need not wait: what is under way has a moment to end. */
  async handOver(): Promise<void> {
    const ended = this.#stopQueues();
    await Promise.race([ended, pause(systemClock, HAND_OVER_MS)]);
    await this.cutOff();
  }

  /**
   * Nothing leaves any more, and what is on its way is cut off. For who asked it is the same as a crash, which is only a
   * pause.
   */
  async cutOff(): Promise<void> {
    this.#term.end();
    void this.#stopQueues();
    this.#canaries.close();
    this.#submissions.close();
    await Promise.all([this.#clients.close(), this.#client.close()]);
  }

  async #stopQueues(): Promise<void> {
    this.#around.waker.wakes(undefined);
    await Promise.all(this.#queues.map((queue) => queue.stop()));
  }

  #flinkClients(mayAct: MayAct): FlinkClients {
    const { metrics, wayToFlink } = this.#around;
    const onAnswer = (cluster: string): void => this.#wakeCluster(cluster);
    const around = (transport: FlinkTransport): FlinkTransport => measuredFlink(metrics, transport);
    return this.#around.flinkClients ?? flinkClients(this.#client, wayToFlink, { onAnswer, mayAct, around });
  }

  /** Its resource, and the session jobs in it. */
  #wakeCluster(cluster: string): void {
    const { waker, watched } = this.#around;
    waker.deployment(cluster);
    const [namespace = ""] = cluster.split("/");
    for (const job of watched.cachesFor(namespace)?.sessionJobs.byIndex(BY_SESSION, cluster) ?? [])
      waker.sessionJob(keyOf(job));
  }

  #startQueues(): readonly WorkQueue[] {
    const { watched, waker, storages, configuration, metrics, notifier, workers, env, log } = this.#around;
    const onError = (error: unknown): void => log.warn({ error: String(error) }, "event not written");
    const common = {
      client: this.#client,
      cachesFor: (namespace: string): Caches | undefined => watched.cachesFor(namespace),
      isWatched: (resource: KubeObject) => this.#term.mayAct && watched.isWatched(resource),
      events: new EventRecorder(this.#client, { onError }),
      log,
      flinkFor: this.#clients.clientFor,
      jarClientFor: this.#clients.jarClientFor,
      submissions: this.#submissions,
      config: () => configuration.current,
      now: Date.now,
      findRetained: looksInto(storages).retained,
      observerFor: passObservers(metrics, configuration.current.configuration, env, notifier),
    };
    const start = (name: string, pass: (key: string) => Promise<PassOutcome>): WorkQueue =>
      createQueue({ name, pass }, metrics, workers, log);
    const deployments = new FlinkDeploymentController(common);
    const jobs = new FlinkSessionJobController(common);
    const snapshots = new FlinkStateSnapshotController(common);
    const monitors = new MonitorController(common);
    const deploymentPass = this.#canaries.around(
      FLINK_DEPLOYMENTS,
      (namespace, name) => watched.cachesFor(namespace)?.resources.get(namespace, name),
      (key) => deployments.pass(key),
    );
    const jobPass = this.#canaries.around(
      FLINK_SESSION_JOBS,
      (namespace, name) => watched.cachesFor(namespace)?.sessionJobs.get(namespace, name),
      (key) => jobs.pass(key),
    );
    const deploymentQueue = start("flinkdeployment", deploymentPass);
    const jobQueue = start("flinksessionjob", jobPass);
    const snapshotQueue = start("flinkstatesnapshot", (key) => snapshots.pass(key));
    const monitorQueue = start("monitor", (key) => monitors.pass(key));
    waker.wakes({
      deployment: (key) => {
        this.#clients.changed(key);
        deploymentQueue.add(key);
      },
      sessionJob: (key) => jobQueue.add(key),
      snapshot: (key) => snapshotQueue.add(key),
      monitors: (key) => monitorQueue.add(key),
    });
    return [deploymentQueue, jobQueue, snapshotQueue, monitorQueue];
  }
}
