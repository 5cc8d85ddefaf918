/** What the operator measures besides its queues and calls: passes, resources, watched namespaces. */
import type { PassObserver } from "../controller/pass-shell.ts";
import { type FlinkConfiguration, getBoolean, getNumber } from "../flink/configuration.ts";
import {
  LIFECYCLE_METRICS,
  NAMESPACE_HISTOGRAMS,
  RESOURCE_METRICS,
  RESOURCE_SERIES_MAX,
} from "../flink/options.ts";
import type { Notifier } from "../notifications/notifier.ts";
import type { Family } from "../telemetry/metrics/description.ts";
import { SCRAPED } from "../telemetry/metrics/descriptions.ts";
import type { Metrics } from "../telemetry/metrics/metrics.ts";
import {
  apacheFamilies,
  resourceFamilies,
  type System,
  type Watched,
} from "../telemetry/metrics/resource-families.ts";
import { ResourceTimes } from "../telemetry/metrics/resource-times.ts";
import type { WatchedNamespaces } from "./watched-namespaces.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** As the Apache operator's metrics name the operator. */
export function operatorSystem(env: Environment): System {
  return {
    host: env["HOSTNAME"] ?? "localhost",
    namespace: env["SLUICE_POD_NAMESPACE"] ?? env["OPERATOR_NAMESPACE"] ?? "default",
    name: env["OPERATOR_NAME"] ?? "sluice-operator",
  };
}

/** Who is told of passes, by the kind of resource. The configuration is that of the start. */
export function passObservers(
  metrics: Metrics,
  configuration: FlinkConfiguration,
  env: Environment,
  notifier: Pick<Notifier, "written">,
): (kind: string) => PassObserver {
  const { actions, actionSeconds } = metrics.record;
  const acted: PassObserver["acted"] = (action, seconds, failed) => {
    actions.inc({ action, result: failed ? "failure" : "success" });
    actionSeconds.observe({ action }, seconds);
  };
  const options = {
    system: operatorSystem(env),
    lifecycle: getBoolean(configuration, LIFECYCLE_METRICS),
    byNamespace: getBoolean(configuration, NAMESPACE_HISTOGRAMS),
  };
  return (kind) => {
    if (kind !== "FlinkDeployment" && kind !== "FlinkSessionJob")
      return { acted, written: () => undefined, gone: () => undefined };
    const times = new ResourceTimes(metrics, kind, options);
    return {
      acted,
      written: (key, before, after) => {
        times.written(key, before, after, performance.now());
        notifier.written(before, after);
      },
      gone: (key) => times.gone(key),
    };
  };
}

function watchedBy(namespaces: WatchedNamespaces): Watched {
  const { caches } = namespaces;
  return {
    deployments: caches.flatMap(({ resources }) => resources.list()),
    sessionJobs: caches.flatMap(({ sessionJobs }) => sessionJobs.list()),
    snapshots: caches.flatMap(({ snapshots }) => snapshots?.list() ?? []),
    pods: caches.flatMap(({ pods }) => pods.list()),
  };
}

/** Metrics of what is watched: they are made when somebody asks, so nothing that is gone is among them. */
export function measureWatched(
  metrics: Metrics,
  namespaces: WatchedNamespaces,
  configuration: () => FlinkConfiguration,
  env: Environment,
): void {
  const system = operatorSystem(env);
  metrics.add("watched", (leads): Family[] => {
    const watched = watchedBy(namespaces);
    const most = getNumber(configuration(), RESOURCE_SERIES_MAX) ?? 0;
    const places = namespaces.states.map(({ namespace = "all", isOpen, problem }) => ({
      labels: { namespace },
      value: isOpen && problem === undefined ? 1 : 0,
    }));
    const ofNamespaces = { description: SCRAPED.watchedNamespace, samples: places };
    if (!leads) return [ofNamespaces];
    return [
      ofNamespaces,
      ...resourceFamilies(watched, most),
      ...(getBoolean(configuration(), RESOURCE_METRICS) ? apacheFamilies(watched, system) : []),
    ];
  });
}
