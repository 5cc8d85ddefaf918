/**
 * The options under `kubernetes.operator.`, `job.autoscaler.` and `sluice.`, and those of Flink's that Sluice reads,
 * with their types: to find misspelt names and unreadable values before they are ignored in silence.
 */

export type OptionType =
  | "boolean"
  | "duration"
  | "integer"
  | "number"
  | "memory"
  | "text"
  /** Entries may also be written as options of their own under the name. */
  | "map"
  /** A duration or a Quartz cron expression. */
  | "schedule"
  | { readonly oneOf: readonly string[] };

export interface KnownOption {
  readonly type: OptionType;
  /** Read from the operator's own configuration only; in a resource it does nothing. */
  readonly operatorOnly?: true;
}

/** The options of one type: names parted by white space, each after the prefix. */
function named(
  prefix: string,
  type: OptionType,
  names: string,
  operatorOnly?: true,
): [string, KnownOption][] {
  return names
    .trim()
    .split(/\s+/)
    .map((name) => [prefix + name, { type, ...(operatorOnly ? { operatorOnly } : {}) }]);
}

export const OPERATOR_PREFIX = "kubernetes.operator.";
export const AUTOSCALER_PREFIX = "job.autoscaler.";

const OPERATOR: [OptionType, string, true?][] = [
  [
    "boolean",
    `deployment.rollback.enabled jm-deployment-recovery.enabled jm-deployment.startup.probe.enabled
     job.restart.failed job.savepoint-on-deletion job.drain-on-savepoint-deletion
     job.upgrade.ignore-pending-savepoint job.upgrade.inplace-scaling.enabled
     job.upgrade.last-state-fallback.enabled job.upgrade.last-state.job-cancel.enabled
     cluster.health-check.enabled cluster.health-check.checkpoint-progress.enabled
     pod-template.merge-arrays-by-name snapshot.resource.enabled savepoint.dispose-on-delete
     savepoint.cleanup.enabled session.deletion.block-on-session-jobs session.deletion.block-on-unmanaged-jobs
     reconciler.jm-deployment-recovery.enabled session.block-on-unmanaged-jobs`,
  ],
  [
    "duration",
    `deployment.readiness.timeout jm-deployment.shutdown-ttl job.upgrade.last-state.max.allowed.checkpoint.age
     cluster.health-check.restarts.window cluster.health-check.checkpoint-progress.window
     savepoint.history.max.age savepoint.trigger.grace-period checkpoint.trigger.grace-period
     observer.savepoint.trigger.grace-period`,
  ],
  ["integer", "cluster.health-check.restarts.threshold savepoint.history.max.count"],
  ["map", "exception.label.mapper user.artifacts.http.header"],
  ["schedule", "periodic.savepoint.interval periodic.checkpoint.interval"],
  [{ oneOf: ["CANONICAL", "NATIVE"] }, "savepoint.format.type"],
  [{ oneOf: ["FULL", "INCREMENTAL"] }, "checkpoint.type"],
  [
    "boolean",
    `dynamic.namespaces.enabled dynamic.config.enabled startup.stop-on-informer-error health.probe.enabled
     leader-election.enabled ingress.manage exception.stacktrace.enabled
     user.artifacts.disallow-restricted-hosts jvm.metrics.enabled josdk.metrics.enabled
     kubernetes.client.metrics.enabled kubernetes.client.metrics.http.response.code.groups.enabled
     resource.metrics.enabled resource.lifecycle.metrics.enabled
     resource.lifecycle.namespace.histograms.enabled`,
    true,
  ],
  [
    "duration",
    `reconcile.interval reconciler.reschedule.interval observer.progress-check.interval observer.rest-ready.delay
     rate-limiter.refresh-period retry.initial.interval retry.max.interval flink.client.timeout
     observer.flink.client.timeout flink.client.cancel.timeout reconciler.flink.cancel.job.timeout
     job.submission.timeout resource.cleanup.timeout reconciler.flink.cluster.shutdown.timeout
     termination.timeout dynamic.config.check.interval config.cache.timeout health.canary.resource.timeout
     leader-election.lease-duration leader-election.renew-deadline leader-election.retry-period
     savepoint.history.max.age.threshold kubernetes.client.metrics.slow.request.threshold`,
    true,
  ],
  [
    "integer",
    `reconcile.parallelism reconciler.max.parallelism rate-limiter.limit retry.max.attempts config.cache.size
     health.probe.port exception.stacktrace.max.length exception.field.max.length
     exception.throwable.list.max.count events.exceptions.limit-per-reconciliation
     events.exceptions.stacktrace-lines savepoint.history.max.count.threshold metrics.histogram.sample.size`,
    true,
  ],
  ["number", "retry.interval.multiplier", true],
  [
    "text",
    `watched.namespaces label.selector leader-election.lease-name user.artifacts.base.dir
     user.artifacts.allowed-schemes cluster.resource-view.refresh-interval`,
    true,
  ],
  [{ oneOf: ["Foreground", "Background", "Orphan"] }, "resource.deletion.propagation", true],
  ["map", "plugins.listeners metrics default-configuration", true],
  ["duration", "bluegreen.abort.grace-period bluegreen.reconciliation.reschedule-interval"],
  ["duration", "bluegreen.deployment-deletion.delay"],
];

const AUTOSCALER: [OptionType, string][] = [
  [
    "boolean",
    `enabled scaling.enabled restart.time-tracking.enabled scaling.effectiveness.detection.enabled
     memory.tuning.enabled memory.tuning.maximize-managed-memory
     memory.tuning.scale-down-compensation.enabled observed-scalability.enabled`,
  ],
  [
    "duration",
    `metrics.window stabilization.interval scale-down.interval scale-up.grace-period catch-up.duration
     restart.time restart.time-tracking.limit backlog-processing.lag-threshold
     observed-true-processing-rate.lag-threshold history.max.age scaling.event.interval
     flink.rest-client.timeout`,
  ],
  [
    "number",
    `utilization.target target.utilization target.utilization.boundary utilization.max utilization.min
     scale-down.max-factor scale-up.max-factor observed-true-processing-rate.switch-threshold
     scaling.effectiveness.threshold memory.gc-pressure.threshold memory.heap-usage.threshold
     memory.tuning.overhead quota.cpu observed-scalability.coefficient-min`,
  ],
  [
    "integer",
    `vertex.min-parallelism vertex.max-parallelism observed-true-processing-rate.min-observations
     history.max.count observed-scalability.min-observations`,
  ],
  ["memory", "quota.memory"],
  ["text", "excluded.periods vertex.exclude.ids metrics.custom-evaluators scaling.custom-executors"],
  ["map", "scaling.parallelism-alignment metrics.custom-evaluator scaling.custom-executor"],
  [{ oneOf: ["MAX", "AVG", "MIN"] }, "metrics.busy-time.aggregator"],
  [{ oneOf: ["EVENLY_SPREAD", "MAXIMIZE_UTILISATION"] }, "scaling.key-group.partitions.adjust.mode"],
];

const FLINK: [OptionType, string][] = [
  ["duration", "execution.checkpointing.interval execution.checkpointing.timeout"],
  ["integer", "taskmanager.numberOfTaskSlots rest.port parallelism.default kubernetes.jobmanager.replicas"],
  [
    "number",
    `kubernetes.jobmanager.cpu.amount kubernetes.taskmanager.cpu.amount kubernetes.jobmanager.cpu.limit-factor
     kubernetes.taskmanager.cpu.limit-factor kubernetes.jobmanager.memory.limit-factor
     kubernetes.taskmanager.memory.limit-factor kubernetes.jobmanager.cpu kubernetes.taskmanager.cpu`,
  ],
  [
    "map",
    `kubernetes.rest-service.annotations kubernetes.rest-service.labels kubernetes.internal-service.annotations
     kubernetes.internal-service.labels`,
  ],
  [{ oneOf: ["reactive"] }, "scheduler-mode"],
  [
    "boolean",
    `execution.savepoint.ignore-unclaimed-state execution.state-recovery.ignore-unclaimed-state web.cancel.enable
     execution.checkpointing.create-subdir state.checkpoints.create-subdir`,
  ],
];

const SLUICE: [OptionType, string][] = [
  ["boolean", "deployment.healthy.checkpoint"],
  ["duration", "deployment.healthy.window"],
  ["integer", "history.max.count"],
];

export const knownOptions: ReadonlyMap<string, KnownOption> = new Map([
  ...OPERATOR.flatMap(([type, names, operatorOnly]) => named(OPERATOR_PREFIX, type, names, operatorOnly)),
  ...AUTOSCALER.flatMap(([type, names]) => [
    ...named(AUTOSCALER_PREFIX, type, names),
    ...named(OPERATOR_PREFIX + AUTOSCALER_PREFIX, type, names),
  ]),
  ...FLINK.flatMap(([type, names]) => named("", type, names)),
  ...SLUICE.flatMap(([type, names]) => named("sluice.", type, names)),
  ...named("sluice.", "boolean", "recovery.retained-checkpoint.enabled"),
  ...named("sluice.", "integer", "metrics.resource-series.max", true),
  ...named("sluice.", { oneOf: ["debug", "info", "warn", "error"] }, "log.level", true),
  ...named("sluice.", "map", "notifications", true),
  ...named("sluice.", "boolean", "metrics.prometheus"),
  ...named("sluice.", { oneOf: ["none", "pod", "service"] }, "metrics.monitor"),
  ...named("sluice.", "map", "metrics.monitor.labels"),
  ...named("sluice.", "text", "jar.secret jar.sha256 jar.fetcher.image"),
  ...named("sluice.", "map", "secret"),
]);

const families = [...knownOptions].filter(([, { type }]) => type === "map");

/** The option by its name, or by the name of the map that it is an entry of. */
export function findOption(key: string): KnownOption | undefined {
  const exact = knownOptions.get(key);
  if (exact !== undefined) return exact;
  const family = families.find(([name]) => key.startsWith(`${name}.`))?.[1];
  return family && { ...family, type: "text" };
}
