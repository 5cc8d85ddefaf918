/** `sluice operator`: caches, queue, controller, health, and an end that leaves nothing half done. */
import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { FlinkDeploymentController } from "../controller/flink-deployment-controller.ts";
import { FlinkStateSnapshotController } from "../controller/flink-state-snapshot-controller.ts";
import type { Caches } from "../controller/gather.ts";
import type { PassOutcome } from "../controller/pass-shell.ts";
import { KubeClient } from "../kube/client.ts";
import { loadKubeConfig } from "../kube/config.ts";
import { EventRecorder } from "../kube/event-recorder.ts";
import { Informer } from "../kube/informer.ts";
import { DEPLOYMENTS, FLINK_DEPLOYMENTS, PODS, type ResourceType } from "../kube/resource-type.ts";
import { LeaderElector } from "../kube/lease.ts";
import { keyOf } from "../kube/store.ts";
import { WorkQueue } from "../kube/work-queue.ts";
import { findRetained } from "../state-storage/retained-checkpoints.ts";
import { StateStorages } from "../state-storage/state-storage.ts";
import { createLogger, type Logger } from "../telemetry/log.ts";
import { FollowedConfiguration } from "./configuration.ts";
import { type FlinkClients, flinkClients } from "./flink-clients.ts";
import { createMetrics, type Metrics, serveHealth } from "./health.ts";
import { isNews } from "./news.ts";
import { hasSnapshots, openSnapshotsOf, snapshotCache } from "./snapshots.ts";

export interface OperatorOptions {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly configFile: string | undefined;
  /** `direct` needs the cluster's network and DNS; `proxy` goes through the API server. */
  readonly flinkRest: "direct" | "proxy" | undefined;
  readonly healthPort: number;
  readonly workers: number;
  readonly logLevel: string;
  /** Undefined: this process is the only one. */
  readonly leaderElection: { readonly namespace: string; readonly name: string } | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How Flink is reached, instead of by `flinkRest`. */
  readonly flinkClients?: FlinkClients;
}

/** Milliseconds for one look at the state storage, however many calls it takes. */
const LOOK_MS = 30_000;

const CLUSTERS = "type in (flink-native-kubernetes,flink-standalone-kubernetes)";

/** Puts a key into the queue of its kind. */
interface Wake {
  readonly deployment: (key: string) => void;
  readonly snapshot: (key: string) => void;
}

interface CacheOptions {
  readonly namespace: string | undefined;
  readonly snapshots: boolean;
}

export function createCaches(
  client: KubeClient,
  { namespace, snapshots: withSnapshots }: CacheOptions,
  wake: Wake,
  log: Logger,
): Caches {
  const onError = (error: unknown): void => log.warn({ error: String(error) }, "watch failed, trying again");
  const ofCluster = (
    _key: string,
    object: KubeObject | undefined,
    previous: KubeObject | undefined,
  ): void => {
    const { metadata } = object ?? previous ?? {};
    const cluster = metadata?.labels?.["app"];
    if (cluster !== undefined) wake.deployment(`${metadata?.namespace ?? "default"}/${cluster}`);
  };
  const follow = (type: ResourceType, labelSelector: string): Informer<KubeObject> =>
    new Informer<KubeObject>(client, type, { namespace, labelSelector, onChange: ofCluster, onError });
  const snapshots = withSnapshots
    ? snapshotCache(client, { namespace, wake: wake.snapshot, onError })
    : undefined;
  return {
    resources: new Informer<FlinkDeployment>(client, FLINK_DEPLOYMENTS, {
      namespace,
      onChange: (key, object, previous) => {
        // What its snapshots wait for shows in the status.
        for (const snapshot of openSnapshotsOf(snapshots, "FlinkDeployment", key)) wake.snapshot(snapshot);
        if (isNews(object, previous)) wake.deployment(key);
      },
      onError,
    }),
    snapshots,
    deployments: follow(DEPLOYMENTS, `${CLUSTERS},component in (jobmanager,taskmanager)`),
    pods: follow(PODS, CLUSTERS),
  };
}

interface Controller {
  readonly name: string;
  readonly pass: (key: string) => Promise<PassOutcome>;
}

export function createQueue(
  controller: Controller,
  metrics: Metrics,
  workers: number,
  log: Logger,
): WorkQueue {
  const labels = { controller: controller.name };
  const queue: WorkQueue = new WorkQueue({
    concurrency: workers,
    handle: async (key) => {
      const stop = metrics.seconds.startTimer(labels);
      const outcome = await controller.pass(key);
      stop();
      metrics.reconciles.inc({ ...labels, result: outcome.kind === "retry" ? "retry" : "success" });
      if (outcome.kind === "retry") queue.retry(key);
      if (outcome.kind === "again") {
        // Spread out, so that a thousand quiet jobs are not asked in one second.
        const jitter = outcome.after > 5000 ? outcome.after * 0.2 * Math.random() : 0;
        queue.addAfter(key, outcome.after - jitter);
      }
    },
    onError: (key, error) => {
      metrics.reconciles.inc({ ...labels, result: "error" });
      log.error(
        { key, error: error instanceof Error ? error.message : String(error) },
        "pass failed, trying again",
      );
    },
    backoffBaseMs: 500,
    backoffMaxMs: 60_000,
  });
  return queue;
}

/** Resolves when this process may act; immediately without leader election. */
async function lead(
  client: KubeClient,
  options: OperatorOptions,
  signal: AbortSignal,
  log: Logger,
): Promise<LeaderElector | undefined> {
  const { leaderElection } = options;
  if (leaderElection === undefined) return undefined;
  return new Promise((resolve) => {
    const elector = new LeaderElector(client, {
      ...leaderElection,
      identity: `${options.env["HOSTNAME"] ?? "sluice"}_${randomBytes(4).toString("hex")}`,
      onElected: () => resolve(elector),
      onLost: () => {
        // Another one may already lead: nothing that is under way here may go on.
        log.fatal("leadership lost");
        process.exit(1);
      },
      onError: (error) => log.warn({ error: String(error) }, "lease not renewed, trying again"),
    });
    elector.start();
    void aborted(signal).then(() => resolve(elector));
  });
}

function parts(
  options: OperatorOptions,
  client: KubeClient,
  configuration: FollowedConfiguration,
  snapshots: boolean,
  log: Logger,
): {
  caches: Caches;
  clients: FlinkClients;
  storages: StateStorages;
  deployments: FlinkDeploymentController;
  snapshots: FlinkStateSnapshotController | undefined;
  wakeBy: (wake: Wake) => void;
} {
  // Until there are queues, changes are only cached.
  let wake: Wake | undefined;
  const waking = {
    deployment: (key: string) => {
      clients.changed(key);
      wake?.deployment(key);
    },
    snapshot: (key: string) => wake?.snapshot(key),
  };
  const caches = createCaches(client, { namespace: options.namespace, snapshots }, waking, log);
  const inCluster = options.env["KUBERNETES_SERVICE_HOST"] !== undefined && options.kubeconfig === undefined;
  const way = options.flinkRest ?? (inCluster ? "direct" : "proxy");
  const clients: FlinkClients =
    options.flinkClients ?? flinkClients(client, way, { onAnswer: (key) => wake?.deployment(key) });
  const storages = new StateStorages({ env: options.env });
  const onError = (error: unknown): void => log.warn({ error: String(error) }, "event not written");
  const common = {
    client,
    events: new EventRecorder(client, { onError }),
    log,
    flinkFor: clients.clientFor,
    config: () => configuration.current,
    now: Date.now,
  };
  const deployments = new FlinkDeploymentController({
    ...common,
    caches,
    findRetained: (question) => {
      const signal = AbortSignal.timeout(LOOK_MS);
      return findRetained(question, (access) => storages.open(access, signal));
    },
  });
  return {
    caches,
    clients,
    storages,
    deployments,
    snapshots:
      caches.snapshots &&
      new FlinkStateSnapshotController({
        ...common,
        snapshots: caches.snapshots,
        deployments: caches.resources,
      }),
    wakeBy: (found) => (wake = found),
  };
}

interface Queues {
  readonly deployments: WorkQueue;
  readonly snapshots: WorkQueue | undefined;
}

/** From now on changes lead to passes; everything that is there gets one. */
function startQueues(
  { caches, deployments, snapshots, wakeBy }: ReturnType<typeof parts>,
  metrics: Metrics,
  { workers }: OperatorOptions,
  log: Logger,
): Queues {
  const start = (
    name: string,
    controller: FlinkDeploymentController | FlinkStateSnapshotController,
  ): WorkQueue => createQueue({ name, pass: (key) => controller.pass(key) }, metrics, workers, log);
  const queues = {
    deployments: start("flinkdeployment", deployments),
    snapshots: snapshots && start("flinkstatesnapshot", snapshots),
  };
  wakeBy({
    deployment: (key) => queues.deployments.add(key),
    snapshot: (key) => queues.snapshots?.add(key),
  });
  for (const object of caches.resources.list()) queues.deployments.add(keyOf(object));
  for (const object of caches.snapshots?.list() ?? []) queues.snapshots?.add(keyOf(object));
  return queues;
}

/** Runs until `signal`; resolves when everything has ended. @throws what keeps it from starting. */
export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<void> {
  const log = createLogger(options.logLevel);
  const client = new KubeClient(await loadKubeConfig(options));
  const configuration = await FollowedConfiguration.open(options.configFile, log);
  const metrics = createMetrics();
  let ready = false;
  const server = await serveHealth(options.healthPort, () => ready, metrics);
  log.info(
    { port: (server.address() as AddressInfo).port, namespace: options.namespace ?? "all" },
    "operator starts",
  );
  const snapshots = await hasSnapshots(client, options.namespace, log, signal);
  const built = parts(options, client, configuration, snapshots, log);
  const { caches, clients, storages } = built;
  const informers = Object.values(caches).filter((cache) => cache !== undefined);
  for (const informer of informers) informer.start();
  await Promise.race([Promise.all(informers.map(({ synced }) => synced)), aborted(signal)]);
  ready = true;
  const elector = await lead(client, options, signal, log);
  const queues = signal.aborted ? undefined : startQueues(built, metrics, options, log);
  log.info({ resources: caches.resources.size, snapshots: caches.snapshots?.size }, "reconciling");
  await aborted(signal);
  ready = false;
  log.info("operator ends");
  await Promise.all([queues?.deployments.stop(), queues?.snapshots?.stop()]);
  await elector?.stop();
  await Promise.all(informers.map((informer) => informer.stop()));
  configuration.close();
  await clients.close();
  await storages.close();
  await client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
