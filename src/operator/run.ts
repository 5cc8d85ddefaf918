/** `sluice operator`: caches, queues, controllers, health, and an end that leaves nothing half done. */
import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import { FlinkDeploymentController } from "../controller/flink-deployment-controller.ts";
import { FlinkSessionJobController } from "../controller/flink-session-job-controller.ts";
import type { Caches } from "../controller/gather.ts";
import type { PassOutcome } from "../controller/resource-controller.ts";
import { Submissions } from "../controller/submissions.ts";
import { noS3 } from "../jars/open-jar.ts";
import { KubeClient } from "../kube/client.ts";
import { loadKubeConfig } from "../kube/config.ts";
import { EventRecorder } from "../kube/event-recorder.ts";
import { LeaderElector } from "../kube/lease.ts";
import { keyOf } from "../kube/store.ts";
import { WorkQueue } from "../kube/work-queue.ts";
import { createLogger, type Logger } from "../telemetry/log.ts";
import { createCaches, type Wake } from "./caches.ts";
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

/** `controller`: as metrics call it. */
function createQueue(
  controller: string,
  pass: (key: string) => Promise<PassOutcome>,
  metrics: ReturnType<typeof createMetrics>,
  workers: number,
  log: Logger,
): WorkQueue {
  const labels = { controller };
  const queue: WorkQueue = new WorkQueue({
    concurrency: workers,
    handle: async (key) => {
      const stop = metrics.seconds.startTimer(labels);
      const outcome = await pass(key);
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

interface Parts {
  readonly caches: Caches;
  readonly clients: FlinkClients;
  readonly submissions: Submissions;
  readonly deployments: FlinkDeploymentController;
  readonly sessionJobs: FlinkSessionJobController;
  readonly wakeBy: (wake: Wake) => void;
}

function parts(
  options: OperatorOptions,
  client: KubeClient,
  configuration: FollowedConfiguration,
  log: Logger,
): Parts {
  // Until there are queues, changes are only cached.
  let wake: Wake | undefined;
  const wakeLater: Wake = {
    deployment: (key) => wake?.deployment(key),
    sessionJob: (key) => wake?.sessionJob(key),
  };
  const caches = createCaches(client, options.namespace, wakeLater, log);
  const inCluster = options.env["KUBERNETES_SERVICE_HOST"] !== undefined && options.kubeconfig === undefined;
  const clients = flinkClients(client, options.flinkRest ?? (inCluster ? "direct" : "proxy"));
  const onError = (error: unknown): void => log.warn({ error: String(error) }, "event not written");
  const submissions = new Submissions({
    jars: { fetchS3: noS3 },
    operator: () => configuration.current.configuration,
    now: Date.now,
    wake: wakeLater.sessionJob,
  });
  const common = {
    client,
    caches,
    events: new EventRecorder(client, { onError }),
    log,
    flinkFor: clients.clientFor,
    config: () => configuration.current,
    now: Date.now,
  };
  const sessionJobs = { ...common, submissions, jarClientFor: clients.jarClientFor };
  return {
    caches,
    clients,
    submissions,
    deployments: new FlinkDeploymentController(common),
    sessionJobs: new FlinkSessionJobController(sessionJobs),
    wakeBy: (found) => (wake = found),
  };
}

/** Begins to act: everything that there is gets a look, and what changes from then on. */
function createQueues(
  { caches, deployments, sessionJobs, wakeBy }: Parts,
  metrics: ReturnType<typeof createMetrics>,
  workers: number,
  log: Logger,
): readonly WorkQueue[] {
  const deploymentQueue = createQueue(
    "flinkdeployment",
    (key) => deployments.pass(key),
    metrics,
    workers,
    log,
  );
  const jobQueue = createQueue("flinksessionjob", (key) => sessionJobs.pass(key), metrics, workers, log);
  wakeBy({ deployment: (key) => deploymentQueue.add(key), sessionJob: (key) => jobQueue.add(key) });
  for (const object of caches.resources.list()) deploymentQueue.add(keyOf(object));
  for (const object of caches.sessionJobs.list()) jobQueue.add(keyOf(object));
  const resources = { deployments: caches.resources.size, sessionJobs: caches.sessionJobs.size };
  log.info(resources, "reconciling");
  return [deploymentQueue, jobQueue];
}

/** Runs until `signal`; resolves when everything has ended. @throws what keeps it from starting. */
export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<void> {
  const log = createLogger(options.logLevel);
  const client = new KubeClient(await loadKubeConfig(options));
  const configuration = await FollowedConfiguration.open(options.configFile, log);
  const metrics = createMetrics();
  const made = parts(options, client, configuration, log);
  const { caches, clients, submissions } = made;
  const informers = [caches.resources, caches.sessionJobs, caches.deployments, caches.pods];
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
  const queues = signal.aborted ? [] : createQueues(made, metrics, options.workers, log);
  await aborted(signal);
  ready = false;
  log.info("operator ends");
  await Promise.all(queues.map((queue) => queue.stop()));
  submissions.close();
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
