/** `sluice operator`: caches, queues, controllers, health, and an end that leaves nothing half done. */
import type { AddressInfo } from "node:net";
import { FlinkDeploymentController } from "../controller/flink-deployment-controller.ts";
import { FlinkSessionJobController } from "../controller/flink-session-job-controller.ts";
import { FlinkStateSnapshotController } from "../controller/flink-state-snapshot-controller.ts";
import { BY_SESSION, type Caches, type CachesFor } from "../controller/gather.ts";
import { MonitorController } from "../controller/monitors.ts";
import type { KubeObject } from "../api/kube-object.ts";
import type { PassOutcome } from "../controller/pass-shell.ts";
import { Submissions } from "../controller/submissions.ts";
import { type FlinkConfiguration, getBoolean } from "../flink/configuration.ts";
import { INGRESS_MANAGE } from "../flink/options.ts";
import type { FlinkTransport } from "../flink-rest/transport.ts";
import { jarsFrom } from "../jars/s3-jar.ts";
import { KubeClient } from "../kube/client.ts";
import { aborted, pause, systemClock } from "../kube/clock.ts";
import { loadKubeConfig } from "../kube/config.ts";
import { EventRecorder } from "../kube/event-recorder.ts";
import type { MayAct } from "../kube/fence.ts";
import { FLINK_DEPLOYMENTS, FLINK_SESSION_JOBS } from "../kube/resource-type.ts";
import { keyOf } from "../kube/store.ts";
import type { WorkQueue } from "../kube/work-queue.ts";
import type { Notifier } from "../notifications/notifier.ts";
import { looksInto } from "../state-storage/retained-checkpoints.ts";
import { StateStorages } from "../state-storage/state-storage.ts";
import { createLogger, type Logger } from "../telemetry/log.ts";
import { measuredFlink } from "../telemetry/metrics/flink-calls.ts";
import { measureKubeCalls } from "../telemetry/metrics/kube-calls.ts";
import { Metrics } from "../telemetry/metrics/metrics.ts";
import type { Wake } from "./caches.ts";
import { Canaries } from "./canaries.ts";
import { FollowedConfiguration } from "./configuration.ts";
import { type FlinkClients, flinkClients, wayToFlink } from "../controller/flink-clients.ts";
import { type Health, healthOf, readinessOf, serveHealth } from "./health.ts";
import { Leadership, leaseOptions } from "./leadership.ts";
import { measureWatched, operatorSystem, passObservers } from "./measures.ts";
import { followLogLevel } from "./log-level.ts";
import { notifierFor } from "./notifications.ts";
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
  /** Where the Lease is, and whether the command line asks for one; the configuration may, too. */
  readonly leaderElection: { readonly isAskedFor: boolean; readonly namespace: string };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How Flink is reached, instead of by `flinkRest`. */
  readonly flinkClients?: FlinkClients;
}

/** Milliseconds that passes under way have to end, when somebody else is to lead. */
const HAND_OVER_MS = 1000;

const DYNAMIC_NAMESPACES = { key: "kubernetes.operator.dynamic.namespaces.enabled", default: "false" };

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

/** Its resource, and the session jobs in it. */
function wakeCluster(cluster: string, wake: Wake, cachesFor: CachesFor): void {
  wake.deployment(cluster);
  const [namespace = ""] = cluster.split("/");
  for (const job of cachesFor(namespace)?.sessionJobs.byIndex(BY_SESSION, cluster) ?? [])
    wake.sessionJob(keyOf(job));
}

function parts(
  options: OperatorOptions,
  client: KubeClient,
  configuration: FollowedConfiguration,
  { labelSelector }: Targets,
  mayAct: MayAct,
  metrics: Metrics,
  notifier: Notifier,
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
  const onAnswer = (cluster: string): void => wakeCluster(cluster, waking, cachesFor);
  const around = (transport: FlinkTransport): FlinkTransport => measuredFlink(metrics, transport);
  const clients =
    options.flinkClients ?? flinkClients(client, wayToFlink(options), { onAnswer, mayAct, around });
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
    isWatched: (resource: KubeObject) => mayAct() && watched.isWatched(resource),
    events: new EventRecorder(client, { onError }),
    log,
    flinkFor: clients.clientFor,
    jarClientFor: clients.jarClientFor,
    submissions,
    config: () => configuration.current,
    now: Date.now,
    findRetained: looksInto(storages).retained,
    observerFor: passObservers(metrics, configuration.current.configuration, options.env, notifier),
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
  canaries: Canaries,
  metrics: Metrics,
  { workers }: OperatorOptions,
  log: Logger,
): readonly WorkQueue[] {
  const start = (name: string, pass: (key: string) => Promise<PassOutcome>): WorkQueue =>
    createQueue({ name, pass }, metrics, workers, log);
  const cached = (namespace: string): Caches | undefined => watched.cachesFor(namespace);
  const deploymentPass = canaries.around(
    FLINK_DEPLOYMENTS,
    (namespace, name) => cached(namespace)?.resources.get(namespace, name),
    (key) => deployments.pass(key),
  );
  const jobPass = canaries.around(
    FLINK_SESSION_JOBS,
    (namespace, name) => cached(namespace)?.sessionJobs.get(namespace, name),
    (key) => sessionJobs.pass(key),
  );
  const deploymentQueue = start("flinkdeployment", deploymentPass);
  const jobQueue = start("flinksessionjob", jobPass);
  const snapshotQueue = start("flinkstatesnapshot", (key) => snapshots.pass(key));
  const monitorQueue = start("monitor", (key) => monitors.pass(key));
  wakeBy({
    deployment: (key) => deploymentQueue.add(key),
    sessionJob: (key) => jobQueue.add(key),
    snapshot: (key) => snapshotQueue.add(key),
    monitors: (key) => monitorQueue.add(key),
  });
  watched.wakeAll();
  return [deploymentQueue, jobQueue, snapshotQueue, monitorQueue];
}

/**
 * The next one may lead as soon as nothing leaves this process any more. What has not ended in time is cut off: the same
 * as a crash, which is only a pause.
 */
async function handOver(
  { submissions, clients }: Parts,
  queues: readonly WorkQueue[],
  leadership: Leadership,
): Promise<void> {
  const ended = Promise.all(queues.map((queue) => queue.stop()));
  await Promise.race([ended, pause(systemClock, HAND_OVER_MS)]);
  leadership.end();
  submissions.close();
  await Promise.all([clients.close(), leadership.release()]);
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
  const configuration = await FollowedConfiguration.open(options.configFile, options.env, log);
  followLogLevel(configuration, log);
  const operator = (): FlinkConfiguration => configuration.current.configuration;
  const { isAskedFor, namespace } = options.leaderElection;
  const lease = leaseOptions(isAskedFor, namespace, operator());
  const leadership = new Leadership(access, lease, options.env["HOSTNAME"] ?? "sluice", log);
  const mayAct = (): boolean => leadership.mayAct;
  const client = new KubeClient(access, { onExchange, mayAct });
  const find = (current: FlinkConfiguration): Targets =>
    targetsOf({
      flag: options.namespace,
      env: options.env,
      configuration: current,
      current: access.namespace,
    });
  const targets = find(operator());
  const notifier = notifierFor(configuration, metrics, log);
  const built = parts(options, client, configuration, targets, mayAct, metrics, notifier, log);
  const { watched, storages } = built;
  const canaries = new Canaries({ client, configuration: operator, log });
  let settled = false;
  const health: Health = {
    ready: () => readinessOf(watched.states, settled, leadership.role),
    alive: () => healthOf(canaries.failing),
  };
  measureWatched(metrics, watched, operator, options.env);
  const server = await serveHealth(options.healthPort, health, metrics);
  log.info({ port: (server.address() as AddressInfo).port, ...targets }, "operator starts");
  watched.retarget(targets.namespaces);
  followTargets(configuration, find, watched, log);
  await Promise.race([watched.settled(), aborted(signal)]);
  settled = true;
  metrics.record.leader.set(0);
  await leadership.lead(signal);
  if (!signal.aborted) metrics.record.leader.set(1);
  if (!signal.aborted) log.info({ role: leadership.role }, "operator acts");
  const queues = signal.aborted ? [] : startQueues(built, canaries, metrics, options, log);
  await aborted(signal);
  settled = false;
  log.info("operator ends");
  canaries.close();
  await handOver(built, queues, leadership);
  configuration.close();
  await notifier.close();
  await watched.close();
  await storages.close();
  await client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
