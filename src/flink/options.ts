/**
 * The options that Sluice itself reads, each with the names under which Flink accepts it and its default as text.
 * Flink's own: nightlies "Configuration" page; `kubernetes.operator.*`: the Apache operator's.
 */
import type { Option } from "./configuration.ts";

export const CHECKPOINTS_DIR: Option = {
  key: "execution.checkpointing.dir",
  aliases: ["state.checkpoints.dir"],
};
export const SAVEPOINTS_DIR: Option = {
  key: "execution.checkpointing.savepoint-dir",
  aliases: ["state.savepoints.dir"],
};
export const CHECKPOINTING_INTERVAL: Option = { key: "execution.checkpointing.interval" };
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

const operator = (key: string, fallback?: string, aliases?: string[]): Option => ({
  key: `kubernetes.operator.${key}`,
  ...(fallback === undefined ? {} : { default: fallback }),
  ...(aliases === undefined ? {} : { aliases: aliases.map((alias) => `kubernetes.operator.${alias}`) }),
});

export const RECONCILE_INTERVAL = operator("reconcile.interval", "60 s", ["reconciler.reschedule.interval"]);
export const SAVEPOINT_FORMAT = operator("savepoint.format.type", "CANONICAL");
export const SAVEPOINT_HISTORY_MAX_COUNT = operator("savepoint.history.max.count", "10");
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
export const HEALTH_CHECK = operator("cluster.health-check.enabled", "false");
export const ROLLBACK = operator("deployment.rollback.enabled", "false");
export const MERGE_ARRAYS_BY_NAME = operator("pod-template.merge-arrays-by-name", "false");
export const PERIODIC_SAVEPOINT_INTERVAL = operator("periodic.savepoint.interval");
export const BLOCK_ON_SESSION_JOBS = operator("session.deletion.block-on-session-jobs", "true");
export const BLOCK_ON_UNMANAGED_JOBS = operator("session.deletion.block-on-unmanaged-jobs", "true", [
  "session.block-on-unmanaged-jobs",
]);
export const JOB_SUBMISSION_TIMEOUT = operator("job.submission.timeout", "10 min");
