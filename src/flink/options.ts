/**
 * The options that Sluice itself reads, each with the names under which Flink accepts it and its default as text.
 * Flink's own: nightlies "Configuration" page; `kubernetes.operator.*`: the Apache operator's.
 */
import type { Option } from "./configuration.ts";

export const CHECKPOINTS_DIR: Option = {
  key: "execution.checkpointing.dir",
  aliases: ["state.checkpoints.dir"],
};
/** Whether each job has a folder of its own, by its id, in the checkpoint directory. */
export const CHECKPOINT_SUBDIRECTORY: Option = {
  key: "execution.checkpointing.create-subdir",
  aliases: ["state.checkpoints.create-subdir"],
  default: "true",
};
export const SAVEPOINTS_DIR: Option = {
  key: "execution.checkpointing.savepoint-dir",
  aliases: ["state.savepoints.dir"],
};
export const CHECKPOINTS_RETAINED: Option = {
  key: "execution.checkpointing.num-retained",
  aliases: ["state.checkpoints.num-retained"],
  default: "1",
};
export const CHECKPOINTING_INTERVAL: Option = { key: "execution.checkpointing.interval" };
export const CHECKPOINTING_TIMEOUT: Option = { key: "execution.checkpointing.timeout", default: "10 min" };
export const TOLERABLE_FAILED_CHECKPOINTS: Option = {
  key: "execution.checkpointing.tolerable-failed-checkpoints",
  default: "0",
};
export const EXTERNALIZED_RETENTION: Option = {
  key: "execution.checkpointing.externalized-checkpoint-retention",
  aliases: ["execution.checkpointing.externalized-checkpoint.retention", "state.checkpoint.external-enabled"],
};
export const SAVEPOINT_PATH: Option = {
  key: "execution.state-recovery.path",
  aliases: ["execution.savepoint.path"],
};
export const IGNORE_UNCLAIMED_STATE: Option = {
  key: "execution.state-recovery.ignore-unclaimed-state",
  aliases: ["execution.savepoint.ignore-unclaimed-state"],
};
/** The job's id, which Sluice chooses unless the user's configuration does. */
export const JOB_ID: Option = { key: "$internal.pipeline.job-id" };
export const HA_TYPE: Option = {
  key: "high-availability.type",
  aliases: ["high-availability"],
  default: "NONE",
};
export const HA_STORAGE_DIR: Option = {
  key: "high-availability.storageDir",
  aliases: ["high-availability.zookeeper.storageDir", "recovery.zookeeper.storageDir"],
};
/** How old the REST API's checkpoint statistics may be; by default as old as the web interface refreshes. */
export const CHECKPOINT_STATISTICS_CACHE: Option = { key: "rest.cache.checkpoint-statistics.timeout" };
export const WEB_REFRESH_INTERVAL: Option = { key: "web.refresh-interval", default: "3 s" };
export const TASK_SLOTS: Option = { key: "taskmanager.numberOfTaskSlots", default: "1" };
export const REST_PORT: Option = { key: "rest.port", aliases: ["web.port"], default: "8081" };

/** Whether a job is restored from its newest retained checkpoint when HA metadata does not tell its state. */
export const RETAINED_RECOVERY: Option = {
  key: "sluice.recovery.retained-checkpoint.enabled",
  default: "true",
};

const operator = (key: string, fallback?: string, aliases?: string[]): Option => ({
  key: `kubernetes.operator.${key}`,
  ...(fallback === undefined ? {} : { default: fallback }),
  ...(aliases === undefined ? {} : { aliases: aliases.map((alias) => `kubernetes.operator.${alias}`) }),
});

export const RECONCILE_INTERVAL = operator("reconcile.interval", "60 s", ["reconciler.reschedule.interval"]);
export const SAVEPOINT_FORMAT = operator("savepoint.format.type", "CANONICAL");
export const SAVEPOINT_DISPOSE_ON_DELETE = operator("savepoint.dispose-on-delete", "false");
export const SAVEPOINT_CLEANUP = operator("savepoint.cleanup.enabled", "true");
export const SAVEPOINT_HISTORY_MAX_COUNT = operator("savepoint.history.max.count", "10");
export const SAVEPOINT_HISTORY_MAX_AGE = operator("savepoint.history.max.age", "24 h");
/** Bounds of the two above that a resource cannot raise: read from the operator's own configuration only. */
export const SAVEPOINT_HISTORY_COUNT_BOUND = operator("savepoint.history.max.count.threshold");
export const SAVEPOINT_HISTORY_AGE_BOUND = operator("savepoint.history.max.age.threshold");
export const SNAPSHOT_RESOURCE = operator("snapshot.resource.enabled", "true");
export const CHECKPOINT_TYPE = operator("checkpoint.type", "FULL");
export const SAVEPOINT_GRACE_PERIOD = operator("savepoint.trigger.grace-period", "1 min", [
  "observer.savepoint.trigger.grace-period",
]);
export const CHECKPOINT_GRACE_PERIOD = operator("checkpoint.trigger.grace-period", "1 min");
export const LAST_STATE_FALLBACK = operator("job.upgrade.last-state-fallback.enabled", "true");
export const LAST_STATE_MAX_CHECKPOINT_AGE = operator("job.upgrade.last-state.max.allowed.checkpoint.age");
export const LAST_STATE_JOB_CANCEL = operator("job.upgrade.last-state.job-cancel.enabled", "false");
export const DRAIN_ON_SAVEPOINT = operator("job.drain-on-savepoint-deletion", "false");
export const SAVEPOINT_ON_DELETION = operator("job.savepoint-on-deletion", "false");
export const RESTART_FAILED = operator("job.restart.failed", "false");
export const JM_RECOVERY = operator("jm-deployment-recovery.enabled", "true", [
  "reconciler.jm-deployment-recovery.enabled",
]);
export const JM_SHUTDOWN_TTL = operator("jm-deployment.shutdown-ttl", "1 d");
export const JM_STARTUP_PROBE = operator("jm-deployment.startup.probe.enabled", "true");
export const AUTOSCALER: Option = {
  key: "job.autoscaler.enabled",
  aliases: ["kubernetes.operator.job.autoscaler.enabled"],
  default: "false",
};
export const HEALTH_CHECK = operator("cluster.health-check.enabled", "false");
export const HEALTH_RESTARTS_WINDOW = operator("cluster.health-check.restarts.window", "2 min");
export const HEALTH_RESTARTS_THRESHOLD = operator("cluster.health-check.restarts.threshold", "64");
export const HEALTH_PROGRESS = operator("cluster.health-check.checkpoint-progress.enabled", "true");
export const HEALTH_PROGRESS_WINDOW = operator("cluster.health-check.checkpoint-progress.window");
export const ROLLBACK = operator("deployment.rollback.enabled", "false");
export const READINESS_TIMEOUT = operator("deployment.readiness.timeout", "5 min");
/** With rollback: how long a job must have run without a change of state until its spec counts as one that works. */
export const HEALTHY_WINDOW: Option = { key: "sluice.deployment.healthy.window", default: "30 s" };
/** With rollback: whether that takes a completed checkpoint, too, of a job that makes checkpoints. */
export const HEALTHY_CHECKPOINT: Option = { key: "sluice.deployment.healthy.checkpoint", default: "true" };
/** How many of the specs that ran are kept in `status.history`; 0: none. */
export const HISTORY_MAX_COUNT: Option = { key: "sluice.history.max.count", default: "5" };
export const INGRESS_MANAGE = operator("ingress.manage", "true");
export const MERGE_ARRAYS_BY_NAME = operator("pod-template.merge-arrays-by-name", "false");
export const PERIODIC_SAVEPOINT_INTERVAL = operator("periodic.savepoint.interval");
export const PERIODIC_CHECKPOINT_INTERVAL = operator("periodic.checkpoint.interval");
export const BLOCK_ON_SESSION_JOBS = operator("session.deletion.block-on-session-jobs", "true");
export const BLOCK_ON_UNMANAGED_JOBS = operator("session.deletion.block-on-unmanaged-jobs", "true", [
  "session.block-on-unmanaged-jobs",
]);
export const JOB_SUBMISSION_TIMEOUT = operator("job.submission.timeout", "10 min");
/** Metrics of the operator, read from its own configuration. */
export const RESOURCE_METRICS = operator("resource.metrics.enabled", "true");
export const LIFECYCLE_METRICS = operator("resource.lifecycle.metrics.enabled", "true");
export const NAMESPACE_HISTOGRAMS = operator("resource.lifecycle.namespace.histograms.enabled", "true");
/** How many resources have metrics of their own; of the others only numbers are known. */
export const RESOURCE_SERIES_MAX: Option = { key: "sluice.metrics.resource-series.max", default: "10000" };

/** Of the operator's own logs, read from its own configuration; it may change while it runs. */
export const LOG_LEVEL: Option = { key: "sluice.log.level" };

/** Who is told of changes of state: `sluice.notifications.<name>.url` and others; of the operator's own configuration. */
export const NOTIFICATIONS: Option = { key: "sluice.notifications" };

/** Switches Flink's Prometheus reporter on, in every pod. */
export const METRICS_PROMETHEUS: Option = { key: "sluice.metrics.prometheus", default: "false" };
/** none; pod: a PodMonitor; service: a Service and a ServiceMonitor. */
export const MONITOR: Option = { key: "sluice.metrics.monitor", default: "none" };
/** Of the monitor itself: how a Prometheus chooses it. */
export const MONITOR_LABELS: Option = { key: "sluice.metrics.monitor.labels" };
