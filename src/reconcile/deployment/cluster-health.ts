/**
 * Whether a job that Flink does not call failed gets anywhere (2.28): it restarts too often, or completes no checkpoint.
 * What was found is kept in `status.clusterInfo.ClusterHealthInfo`, in the Apache operator's format. That operator writes
 * it with every look; here it changes only when the verdict or the base that restarts are counted from does, so that a
 * healthy job costs no writes. The times of completed checkpoints are Flink's own and need not be remembered.
 */
import { type FlinkConfiguration, getBoolean, getDuration, getNumber } from "../../flink/configuration.ts";
import {
  CHECKPOINTING_INTERVAL,
  CHECKPOINTING_TIMEOUT,
  HEALTH_CHECK,
  HEALTH_PROGRESS,
  HEALTH_PROGRESS_WINDOW,
  HEALTH_RESTARTS_THRESHOLD,
  HEALTH_RESTARTS_WINDOW,
  TOLERABLE_FAILED_CHECKPOINTS,
} from "../../flink/options.ts";
import { observeConfiguration, type Pass } from "../pass.ts";
import { isTerminal } from "../upgrade-mode.ts";

const HEALTH_INFO = "ClusterHealthInfo";

/** Restarts go by either name, depending on Flink's release. */
export const HEALTH_METRICS = ["numRestarts", "fullRestarts", "numberOfCompletedCheckpoints"] as const;

/** All times are epoch milliseconds. The names are the Apache operator's. */
export interface ClusterHealth {
  /** When this was written. */
  readonly timeStamp: number;
  readonly numRestarts: number;
  /** Since when `numRestarts` is the base that later restarts are counted from. */
  readonly numRestartsEvaluationTimeStamp: number;
  readonly numCompletedCheckpoints: number;
  /** When the last checkpoint known at `timeStamp` was completed; the first look at the job before that. */
  readonly numCompletedCheckpointsIncreasedTimeStamp: number;
  readonly healthResult: { readonly healthy: boolean; readonly error: string | null };
}

export interface HealthFacts {
  readonly now: number;
  /** Since the JobManager's start, as all of Flink's counts. */
  readonly restarts: number;
  readonly completedCheckpoints: number;
  /** When the newest checkpoint or savepoint was completed; undefined when none was, or nobody knows. */
  readonly lastCheckpoint: number | undefined;
  /** When this JobManager took the job on. */
  readonly startTime: number;
}

export interface HealthRules {
  /** Milliseconds. */
  readonly restartsWindow: number;
  readonly restartsThreshold: number;
  /** Milliseconds; undefined when checkpoints are not looked at. */
  readonly progressWindow: number | undefined;
}

type Base = Pick<ClusterHealth, "numRestarts" | "numRestartsEvaluationTimeStamp">;

function isHealth(value: unknown): value is ClusterHealth {
  if (typeof value !== "object" || value === null) return false;
  const health = value as Record<string, unknown>;
  const numbers = [
    "timeStamp",
    "numRestarts",
    "numRestartsEvaluationTimeStamp",
    "numCompletedCheckpoints",
    "numCompletedCheckpointsIncreasedTimeStamp",
  ];
  const { healthy } = (health["healthResult"] ?? {}) as { healthy?: unknown };
  return numbers.every((name) => Number.isFinite(health[name])) && typeof healthy === "boolean";
}

/** Undefined for absent, unreadable or incomplete text, such as older releases' of the Apache operator: a new count begins. */
export function parseHealth(text: string | undefined): ClusterHealth | undefined {
  try {
    const parsed: unknown = JSON.parse(text ?? "null");
    return isHealth(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** Restarts within the window, and the base for the next look. */
function countRestarts(
  before: ClusterHealth,
  { now, restarts }: HealthFacts,
  { restartsWindow: window }: HealthRules,
): { inWindow: number; base: Base } {
  const { numRestarts, numRestartsEvaluationTimeStamp } = before;
  const fresh: Base = { numRestarts: restarts, numRestartsEvaluationTimeStamp: now };
  const increase = restarts - numRestarts;
  // Fewer than before: another JobManager counts.
  if (increase < 0) return { inWindow: 0, base: fresh };
  const elapsed = now - numRestartsEvaluationTimeStamp;
  if (elapsed <= window) return { inWindow: increase, base: { numRestarts, numRestartsEvaluationTimeStamp } };
  // A base without later restarts stays, however old: moving it would only be a write.
  return {
    inWindow: (increase * window) / elapsed,
    base: increase > 0 ? fresh : { numRestarts, numRestartsEvaluationTimeStamp },
  };
}

/** What is to be recorded: `before` itself as long as nothing relevant changed. */
export function evaluateHealth(
  before: ClusterHealth | undefined,
  facts: HealthFacts,
  rules: HealthRules,
): ClusterHealth {
  const { now, restarts, completedCheckpoints, lastCheckpoint = 0, startTime } = facts;
  const first: ClusterHealth = before ?? {
    timeStamp: now,
    numRestarts: restarts,
    numRestartsEvaluationTimeStamp: now,
    numCompletedCheckpoints: completedCheckpoints,
    numCompletedCheckpointsIncreasedTimeStamp: now,
    healthResult: { healthy: true, error: null },
  };
  const { inWindow, base } = countRestarts(first, facts, rules);
  // A JobManager that takes over knows nothing of earlier checkpoints: it has the window from its start.
  const progress = Math.max(first.numCompletedCheckpointsIncreasedTimeStamp, startTime, lastCheckpoint);
  const problems: string[] = [];
  if (inWindow > rules.restartsThreshold)
    problems.push(`Restart count hit threshold: ${rules.restartsThreshold}`);
  if (rules.progressWindow !== undefined && now - progress > rules.progressWindow)
    problems.push("Cluster is not able to complete checkpoints");
  const error = problems.length === 0 ? null : problems.join("; ");
  const same =
    base.numRestartsEvaluationTimeStamp === first.numRestartsEvaluationTimeStamp &&
    error === first.healthResult.error;
  if (same) return first;
  return {
    timeStamp: now,
    ...base,
    numCompletedCheckpoints: completedCheckpoints,
    numCompletedCheckpointsIncreasedTimeStamp: Math.min(progress, now),
    healthResult: { healthy: error === null, error },
  };
}

/** Milliseconds without a completed checkpoint that are too many; undefined when they are not looked at. */
function progressWindow(pass: Pass, config: FlinkConfiguration): number | undefined {
  if (!getBoolean(config, HEALTH_PROGRESS) || pass.flink.checkpoints?.ok !== true) return undefined;
  // As deployed: with last-state checkpoints are made without being asked for.
  const byDefault = pass.spec.job?.upgradeMode === "last-state" ? 300_000 : undefined;
  const interval = getDuration(config, CHECKPOINTING_INTERVAL) ?? byDefault;
  const asked = getDuration(config, HEALTH_PROGRESS_WINDOW);
  if (interval === undefined && asked === undefined) return undefined;
  const timeout = getDuration(config, CHECKPOINTING_TIMEOUT) ?? 0;
  const tolerated = getNumber(config, TOLERABLE_FAILED_CHECKPOINTS) ?? 0;
  return Math.max(asked ?? 0, Math.max(interval ?? 0, timeout) * (tolerated + 2));
}

function factsOf(pass: Pass): HealthFacts | undefined {
  const { jobs, metrics, checkpoints } = pass.flink;
  const job = jobs?.ok ? jobs.value.find(({ jobId }) => jobId === pass.status.jobStatus.jobId) : undefined;
  if (job === undefined || isTerminal(job.state) || metrics?.ok !== true) return undefined;
  const { numRestarts, fullRestarts, numberOfCompletedCheckpoints = 0 } = metrics.value;
  const restarts = numRestarts ?? fullRestarts;
  // Flink knows no metrics in a job's first seconds.
  if (restarts === undefined) return undefined;
  const { completed, savepoint } = checkpoints?.ok ? checkpoints.value.latest : {};
  const times = [completed, savepoint].flatMap((one) => one?.completionTime ?? []);
  return {
    now: pass.now,
    restarts,
    completedCheckpoints: numberOfCompletedCheckpoints,
    lastCheckpoint: times.length === 0 ? undefined : Math.max(...times),
    startTime: job.startTime,
  };
}

/** Records how the job does. Only of a cluster that should be there. */
export function observeHealth(pass: Pass): void {
  const config = observeConfiguration(pass);
  if (!getBoolean(config, HEALTH_CHECK)) return forgetHealth(pass);
  const facts = factsOf(pass);
  if (facts === undefined) return;
  const { clusterInfo } = pass.status;
  const before = parseHealth(clusterInfo[HEALTH_INFO]);
  const health = evaluateHealth(before, facts, {
    restartsWindow: getDuration(config, HEALTH_RESTARTS_WINDOW) ?? 0,
    restartsThreshold: getNumber(config, HEALTH_RESTARTS_THRESHOLD) ?? 0,
    progressWindow: progressWindow(pass, config),
  });
  if (health !== before) clusterInfo[HEALTH_INFO] = JSON.stringify(health);
  if (!health.healthResult.healthy) pass.unhealthy = health.healthResult.error ?? "unhealthy";
}

/** Each deployment counts anew. */
export function forgetHealth(pass: Pass): void {
  delete pass.status.clusterInfo[HEALTH_INFO];
}
