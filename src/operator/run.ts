/** `sluice operator`: caches, queue, controller, health, and an end that leaves nothing half done. */
import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { FlinkDeploymentController } from "../controller/flink-deployment-controller.ts";
import type { Caches } from "../controller/gather.ts";
import { KubeClient } from "../kube/client.ts";
import { loadKubeConfig } from "../kube/config.ts";
import { EventRecorder } from "../kube/event-recorder.ts";
import { Informer } from "../kube/informer.ts";
import { DEPLOYMENTS, FLINK_DEPLOYMENTS, PODS, type ResourceType } from "../kube/resource-type.ts";
import { LeaderElector } from "../kube/lease.ts";
import { keyOf } from "../kube/store.ts";
import { WorkQueue } from "../kube/work-queue.ts";
import { createLogger, type Logger } from "../telemetry/log.ts";
import { FollowedConfiguration } from "./configuration.ts";
import { type FlinkClients, flinkClients } from "./flink-clients.ts";
import { createMetrics, serveHealth } from "./health.ts";

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
}

const NATIVE = "type=flink-native-kubernetes";

export function createCaches(
  client: KubeClient,
  namespace: string | undefined,
  wake: (key: string) => void,
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
    if (cluster !== undefined) wake(`${metadata?.namespace ?? "default"}/${cluster}`);
  };
  const follow = (type: ResourceType, labelSelector: string): Informer<KubeObject> =>
    new Informer<KubeObject>(client, type, { namespace, labelSelector, onChange: ofCluster, onError });
  return {
    resources: new Informer<FlinkDeployment>(client, FLINK_DEPLOYMENTS, {
      namespace,
      onChange: (key, object, previous) => {
        // Its own status writes come back here; only what somebody else changed needs a look.
        const before = previous?.metadata;
        const after = object?.metadata;
        const sameSpec = before?.generation === after?.generation && before?.uid === after?.uid;
        if (sameSpec && before?.deletionTimestamp === after?.deletionTimestamp && object && previous) return;
        wake(key);
      },
      onError,
    }),
    deployments: follow(DEPLOYMENTS, `${NATIVE},component=jobmanager`),
    pods: follow(PODS, NATIVE),
  };
}

export function createQueue(
  controller: FlinkDeploymentController,
  metrics: ReturnType<typeof createMetrics>,
  workers: number,
  log: Logger,
): WorkQueue {
  const labels = { controller: "flinkdeployment" };
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
  log: Logger,
): {
  caches: Caches;
  clients: FlinkClients;
  controller: FlinkDeploymentController;
  wakeBy: (wake: (key: string) => void) => void;
} {
  // Until there is a queue, changes are only cached.
  let wake: ((key: string) => void) | undefined;
  const caches = createCaches(
    client,
    options.namespace,
    (key) => {
      clients.changed(key);
      wake?.(key);
    },
    log,
  );
  const inCluster = options.env["KUBERNETES_SERVICE_HOST"] !== undefined && options.kubeconfig === undefined;
  const clients: FlinkClients = flinkClients(client, options.flinkRest ?? (inCluster ? "direct" : "proxy"), {
    onAnswer: (key) => wake?.(key),
  });
  const onError = (error: unknown): void => log.warn({ error: String(error) }, "event not written");
  const controller = new FlinkDeploymentController({
    client,
    caches,
    events: new EventRecorder(client, { onError }),
    log,
    flinkFor: clients.clientFor,
    config: () => configuration.current,
    now: Date.now,
  });
  return { caches, clients, controller, wakeBy: (found) => (wake = found) };
}

/** Runs until `signal`; resolves when everything has ended. @throws what keeps it from starting. */
export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<void> {
  const log = createLogger(options.logLevel);
  const client = new KubeClient(await loadKubeConfig(options));
  const configuration = await FollowedConfiguration.open(options.configFile, log);
  const metrics = createMetrics();
  const { caches, clients, controller, wakeBy } = parts(options, client, configuration, log);
  const informers = [caches.resources, caches.deployments, caches.pods];
  let ready = false;
  const server = await serveHealth(options.healthPort, () => ready, metrics);
  log.info(
    { port: (server.address() as AddressInfo).port, namespace: options.namespace ?? "all" },
    "operator starts",
  );
  for (const informer of informers) informer.start();
  await Promise.race([Promise.all(informers.map(({ synced }) => synced)), aborted(signal)]);
  ready = true;
  const elector = await lead(client, options, signal, log);
  const queue = createQueue(controller, metrics, options.workers, log);
  if (!signal.aborted) {
    wakeBy((key) => queue.add(key));
    for (const object of caches.resources.list()) queue.add(keyOf(object));
    log.info({ resources: caches.resources.list().length }, "reconciling");
  }
  await aborted(signal);
  ready = false;
  log.info("operator ends");
  await queue.stop();
  await elector?.stop();
  await Promise.all(informers.map((informer) => informer.stop()));
  configuration.close();
  await clients.close();
  await client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
