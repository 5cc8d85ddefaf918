/** `sluice operator`: caches, queues, controllers, health, and an end that leaves nothing half done. */
import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import { FlinkDeploymentController } from "../controller/flink-deployment-controller.ts";
import { FlinkSessionJobController } from "../controller/flink-session-job-controller.ts";
import { FlinkStateSnapshotController } from "../controller/flink-state-snapshot-controller.ts";
import { BY_SESSION } from "../controller/gather.ts";
import { MonitorController } from "../controller/monitors.ts";
import type { PassOutcome } from "../controller/pass-shell.ts";
import { Submissions } from "../controller/submissions.ts";
import { type FlinkConfiguration, getBoolean } from "../flink/configuration.ts";
import { INGRESS_MANAGE } from "../flink/options.ts";
import type { FlinkTransport } from "../flink-rest/transport.ts";
import { jarsFrom } from "../jars/s3-jar.ts";
import { KubeClient } from "../kube/client.ts";
import { aborted } from "../kube/clock.ts";
import { loadKubeConfig } from "../kube/config.ts";
import { EventRecorder } from "../kube/event-recorder.ts";
import { LeaderElector } from "../kube/lease.ts";
import { keyOf } from "../kube/store.ts";
import type { WorkQueue } from "../kube/work-queue.ts";
import { looksInto } from "../state-storage/retained-checkpoints.ts";
import { StateStorages } from "../state-storage/state-storage.ts";
import { createLogger, type Logger } from "../telemetry/log.ts";
import { measuredFlink } from "../telemetry/metrics/flink-calls.ts";
import { measureKubeCalls } from "../telemetry/metrics/kube-calls.ts";
import { Metrics } from "../telemetry/metrics/metrics.ts";
import type { Wake } from "./caches.ts";
import { FollowedConfiguration } from "./configuration.ts";
import { type FlinkClients, flinkClients, wayToFlink } from "../controller/flink-clients.ts";
import { type Readiness, readinessOf, serveHealth } from "./health.ts";
import { measureWatched, operatorSystem, passObservers } from "./measures.ts";
import { createQueue } from "./queue.ts";
import { type Targets, targetsOf } from "./targets.ts";
import { WatchedNamespaces } from "./watched-namespaces.ts";

export interface OperatorOptions {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /** Names parted by commas. Undefined: as environment and configuration say, else all. */
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

const DYNAMIC_NAMESPACES = { key: "kubernetes.operator.dynamic.namespaces.enabled", default: "false" };

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
  readonly watched: WatchedNamespaces;
  readonly clients: FlinkClients;
  readonly storages: StateStorages;
  readonly submissions: Submissions;
  readonly deployments: FlinkDeploymentController;
  readonly sessionJobs: FlinkSessionJobController;
  readonly snapshots: FlinkStateSnapshotController;
  readonly monitors: MonitorController;
  readonly wakeBy: (wake: Wake) => void;
}

/** Until there are queues, changes are only cached. */
function wakeLater(): { readonly waking: Wake; readonly wakeBy: (wake: Wake) => void } {
  let wake: Wake | undefined;
  return {
    waking: {
      deployment: (key) => wake?.deployment(key),
      sessionJob: (key) => wake?.sessionJob(key),
      snapshot: (key) => wake?.snapshot(key),
      monitors: (key) => wake?.monitors(key),
    },
    wakeBy: (found) => (wake = found),
  };
}

function parts(
  options: OperatorOptions,
  client: KubeClient,
  configuration: FollowedConfiguration,
  { labelSelector }: Targets,
  metrics: Metrics,
  log: Logger,
): Parts {
  const { waking, wakeBy } = wakeLater();
  const deployment = (key: string): void => {
    clients.changed(key);
    waking.deployment(key);
  };
  const ingresses = getBoolean(configuration.current.configuration, INGRESS_MANAGE);
  const wake = { ...waking, deployment };
  const watched = new WatchedNamespaces({ client, wake, log, ingresses, labelSelector });
  const cachesFor = watched.cachesFor.bind(watched);
  const onAnswer = (cluster: string): void => {
    waking.deployment(cluster);
    const [namespace = ""] = cluster.split("/");
    for (const job of cachesFor(namespace)?.sessionJobs.byIndex(BY_SESSION, cluster) ?? [])
      waking.sessionJob(keyOf(job));
  };
  const around = (transport: FlinkTransport): FlinkTransport => measuredFlink(metrics, transport);
  const clients = options.flinkClients ?? flinkClients(client, wayToFlink(options), { onAnswer, around });
  const storages = new StateStorages({ env: options.env });
  const onError = (error: unknown): void => log.warn({ error: String(error) }, "event not written");
  const submissions = new Submissions({
    jars: { fetchS3: jarsFrom(storages) },
    operator: () => configuration.current.configuration,
    now: Date.now,
    wake: waking.sessionJob,
  });
  const common = {
    client,
    cachesFor,
    isWatched: watched.isWatched.bind(watched),
    events: new EventRecorder(client, { onError }),
    log,
    flinkFor: clients.clientFor,
    jarClientFor: clients.jarClientFor,
    submissions,
    config: () => configuration.current,
    now: Date.now,
    findRetained: looksInto(storages).retained,
    observerFor: passObservers(metrics, configuration.current.configuration, options.env),
  };
  return {
    watched,
    clients,
    storages,
    submissions,
    deployments: new FlinkDeploymentController(common),
    sessionJobs: new FlinkSessionJobController(common),
    snapshots: new FlinkStateSnapshotController(common),
    monitors: new MonitorController(common),
    wakeBy,
  };
}

/** From now on changes lead to passes; everything that is there gets one. */
function startQueues(
  { watched, deployments, sessionJobs, snapshots, monitors, wakeBy }: Parts,
  metrics: Metrics,
  { workers }: OperatorOptions,
  log: Logger,
): readonly WorkQueue[] {
  const start = (name: string, controller: { pass: (key: string) => Promise<PassOutcome> }): WorkQueue =>
    createQueue({ name, pass: (key) => controller.pass(key) }, metrics, workers, log);
  const deploymentQueue = start("flinkdeployment", deployments);
  const jobQueue = start("flinksessionjob", sessionJobs);
  const snapshotQueue = start("flinkstatesnapshot", snapshots);
  const monitorQueue = start("monitor", monitors);
  wakeBy({
    deployment: (key) => deploymentQueue.add(key),
    sessionJob: (key) => jobQueue.add(key),
    snapshot: (key) => snapshotQueue.add(key),
    monitors: (key) => monitorQueue.add(key),
  });
  watched.wakeAll();
  return [deploymentQueue, jobQueue, snapshotQueue, monitorQueue];
}

/** A list that names what is no namespace leaves the last good one in force, as an unreadable file does. */
function followTargets(
  configuration: FollowedConfiguration,
  find: (configuration: FlinkConfiguration) => Targets,
  watched: WatchedNamespaces,
  log: Logger,
): void {
  configuration.onChange(({ configuration: current }) => {
    if (!getBoolean(current, DYNAMIC_NAMESPACES)) return;
    try {
      watched.retarget(find(current).namespaces);
    } catch (error) {
      log.error({ error: String(error) }, "the watched namespaces stay as they were");
    }
  });
}

/** Runs until `signal`; resolves when everything has ended. @throws what keeps it from starting. */
export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<void> {
  const log = createLogger(options.logLevel);
  const access = await loadKubeConfig(options);
  const metrics = new Metrics();
  const onExchange = measureKubeCalls(metrics, new URL(access.server).host, operatorSystem(options.env));
  const client = new KubeClient(access, { onExchange });
  const configuration = await FollowedConfiguration.open(options.configFile, options.env, log);
  const find = (current: FlinkConfiguration): Targets =>
    targetsOf({
      flag: options.namespace,
      env: options.env,
      configuration: current,
      current: access.namespace,
    });
  const targets = find(configuration.current.configuration);
  const built = parts(options, client, configuration, targets, metrics, log);
  const { watched, clients, storages, submissions } = built;
  let settled = false;
  const readiness = (): Readiness => readinessOf(watched.states, settled);
  measureWatched(metrics, watched, () => configuration.current.configuration, options.env);
  const server = await serveHealth(options.healthPort, readiness, metrics);
  log.info({ port: (server.address() as AddressInfo).port, ...targets }, "operator starts");
  watched.retarget(targets.namespaces);
  followTargets(configuration, find, watched, log);
  await Promise.race([watched.settled(), aborted(signal)]);
  settled = true;
  metrics.record.leader.set(0);
  const elector = await lead(client, options, signal, log);
  if (!signal.aborted) metrics.record.leader.set(1);
  const queues = signal.aborted ? [] : startQueues(built, metrics, options, log);
  await aborted(signal);
  settled = false;
  log.info("operator ends");
  await Promise.all(queues.map((queue) => queue.stop()));
  submissions.close();
  await elector?.stop();
  configuration.close();
  await watched.close();
  await clients.close();
  await storages.close();
  await client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
