/** `sluice operator`: what watches, who acts and when, health, and an end that leaves nothing half done. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type FlinkClients, wayToFlink } from "../controller/flink-clients.ts";
import { type FlinkConfiguration, getBoolean } from "../flink/configuration.ts";
import { INGRESS_MANAGE } from "../flink/options.ts";
import { KubeClient } from "../kube/client.ts";
import { aborted } from "../kube/clock.ts";
import type { ClusterAccess } from "../kube/cluster-access.ts";
import { loadKubeConfig } from "../kube/config.ts";
import { StateStorages } from "../state-storage/state-storage.ts";
import { serveHealth } from "../telemetry/health.ts";
import { createLogger, type Logger } from "../telemetry/log.ts";
import { measureKubeCalls } from "../telemetry/metrics/kube-calls.ts";
import { Metrics } from "../telemetry/metrics/metrics.ts";
import { Acting, type Surroundings, Waker } from "./acting.ts";
import { FollowedConfiguration } from "./configuration.ts";
import { healthOf, readinessOf } from "./health.ts";
import { Leadership, leaseOptions } from "./leadership.ts";
import { followLogLevel } from "./log-level.ts";
import { measureWatched, operatorSystem } from "./measures.ts";
import { notifierFor } from "./notifications.ts";
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

const DYNAMIC_NAMESPACES = { key: "kubernetes.operator.dynamic.namespaces.enabled", default: "false" };

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

/** Acts whenever this process leads, until the signal. Who loses the lease stands for election again. */
async function actInTerms(
  leadership: Leadership,
  around: Surroundings,
  onActing: (acting: Acting | undefined) => void,
  signal: AbortSignal,
): Promise<void> {
  const { metrics, log } = around;
  for (;;) {
    metrics.record.leader.set(0);
    const term = await leadership.lead(signal);
    if (term === undefined) return;
    metrics.record.leader.set(1);
    log.info({ role: leadership.role }, "operator acts");
    const acting = new Acting(around, term);
    onActing(acting);
    await Promise.race([aborted(signal), aborted(term.lost)]);
    onActing(undefined);
    if (signal.aborted) return acting.handOver();
    log.error("leadership lost: what is under way is cut off, and this operator stands by");
    await acting.cutOff();
  }
}

/** What lives as long as the process, and how it ends. */
interface Process extends Surroundings {
  readonly targets: Targets;
  readonly close: () => Promise<void>;
}

async function prepare(options: OperatorOptions, access: ClusterAccess, log: Logger): Promise<Process> {
  const { env, workers } = options;
  const metrics = new Metrics();
  const onExchange = measureKubeCalls(metrics, new URL(access.server).host, operatorSystem(env));
  const configuration = await FollowedConfiguration.open(options.configFile, env, log);
  followLogLevel(configuration, log);
  const operator = (): FlinkConfiguration => configuration.current.configuration;
  const find = (current: FlinkConfiguration): Targets =>
    targetsOf({ flag: options.namespace, env, configuration: current, current: access.namespace });
  const targets = find(operator());
  const notifier = notifierFor(configuration, metrics, log);
  // What watches never changes anything.
  const client = new KubeClient(access, { onExchange, mayAct: () => false });
  const waker = new Waker();
  const ingresses = getBoolean(operator(), INGRESS_MANAGE);
  const { labelSelector } = targets;
  const watched = new WatchedNamespaces({ client, wake: waker, log, ingresses, labelSelector });
  const storages = new StateStorages({ env });
  measureWatched(metrics, watched, operator, env);
  followTargets(configuration, find, watched, log);
  return {
    watched,
    waker,
    storages,
    configuration,
    metrics,
    notifier,
    log,
    env,
    workers,
    targets,
    clientWhile: (mayAct) => new KubeClient(access, { onExchange, mayAct }),
    wayToFlink: wayToFlink(options),
    flinkClients: options.flinkClients,
    close: async () => {
      configuration.close();
      await notifier.close();
      await watched.close();
      await storages.close();
      await client.close();
    },
  };
}

function leadershipOf(options: OperatorOptions, access: ClusterAccess, around: Surroundings): Leadership {
  const { isAskedFor, namespace } = options.leaderElection;
  const lease = leaseOptions(isAskedFor, namespace, around.configuration.current.configuration);
  return new Leadership(access, lease, options.env["HOSTNAME"] ?? "sluice", around.log);
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

/** Runs until `signal`; resolves when everything has ended. @throws what keeps it from starting. */
export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<void> {
  const log = createLogger(options.logLevel);
  const access = await loadKubeConfig(options);
  const around = await prepare(options, access, log);
  const { watched, targets } = around;
  const leadership = leadershipOf(options, access, around);
  let settled = false;
  let acting: Acting | undefined;
  const health = {
    ready: () => readinessOf(watched.states, settled && !signal.aborted, leadership.role),
    alive: () => healthOf(acting?.failing ?? []),
  };
  const server = await serveHealth(options.healthPort, health, around.metrics);
  log.info({ port: (server.address() as AddressInfo).port, ...targets }, "operator starts");
  signal.addEventListener("abort", () => log.info("operator ends"), { once: true });
  watched.retarget(targets.namespaces);
  await Promise.race([watched.settled(), aborted(signal)]);
  settled = true;
  await actInTerms(leadership, around, (current) => (acting = current), signal);
  await leadership.release();
  await around.close();
  await closeServer(server);
}
