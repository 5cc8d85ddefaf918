/** Rules on `job.autoscaler.*`, which hold only where the autoscaler is on. */
import {
  type FlinkConfiguration,
  getBoolean,
  getDuration,
  getNumber,
  getOption,
  type Option,
} from "../../flink/configuration.ts";
import { isQuartzCron } from "../../flink/cron.ts";
import { AUTOSCALER_PREFIX, OPERATOR_PREFIX } from "../../flink/option-catalogue.ts";
import { AUTOSCALER, RECONCILE_INTERVAL } from "../../flink/options.ts";
import { configPath, error, type Finding } from "./finding.ts";
import type { Subject } from "./subject.ts";

const option = (key: string, fallback?: string, older: readonly string[] = []): Option => ({
  key: AUTOSCALER_PREFIX + key,
  aliases: [
    ...older.map((alias) => AUTOSCALER_PREFIX + alias),
    ...[key, ...older].map((alias) => OPERATOR_PREFIX + AUTOSCALER_PREFIX + alias),
  ],
  ...(fallback === undefined ? {} : { default: fallback }),
});

const TARGET = option("utilization.target", "0.7", ["target.utilization"]);
const WINDOW = option("metrics.window", "15 min");
const EXCLUDED = option("excluded.periods");

interface Bounds {
  readonly option: Option;
  readonly min: number;
  readonly max?: number;
  /** The limit counts only while this is on. */
  readonly feature?: Option;
}

function bounds(config: FlinkConfiguration): Bounds[] {
  const target = getNumber(config, TARGET) ?? 0.7;
  return [
    { option: option("scale-down.max-factor"), min: 0 },
    { option: option("scale-up.max-factor"), min: 0 },
    { option: TARGET, min: 0, max: 1 },
    { option: option("target.utilization.boundary"), min: 0 },
    { option: option("utilization.max"), min: target, max: 1 },
    { option: option("utilization.min"), min: 0, max: target },
    { option: option("memory.gc-pressure.threshold"), min: 0, max: 1 },
    { option: option("memory.heap-usage.threshold"), min: 0, max: 1 },
    {
      option: option("observed-scalability.coefficient-min"),
      min: 0.01,
      max: 1,
      feature: option("observed-scalability.enabled"),
    },
    {
      option: option("scaling.effectiveness.threshold"),
      min: 0,
      max: 1,
      feature: option("scaling.effectiveness.detection.enabled"),
    },
    { option: option("memory.tuning.overhead"), min: 0, max: 1, feature: option("memory.tuning.enabled") },
  ];
}

function checkBounds(config: FlinkConfiguration, { option: checked, min, max, feature }: Bounds): Finding[] {
  if (feature !== undefined && !getBoolean(config, feature)) return [];
  // Unreadable numbers are the business of option-values.ts.
  const value = getNumber(config, checked);
  if (value === undefined || (value >= min && value <= (max ?? Infinity))) return [];
  const range = max === undefined ? `at least ${min}` : `from ${min} to ${max}`;
  return [error(configPath(checked.key), `must be ${range}, is ${value}`)];
}

/** `HH:mm[:ss[:SSS]]`, of a day. */
function millisecondOfDay(text: string): number | undefined {
  const match = /^(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?::(\d{1,3}))?)?$/.exec(text.trim());
  if (!match) return undefined;
  const [hours = 0, minutes = 0, seconds = 0, millis = 0] = match.slice(1).map((part) => Number(part ?? 0));
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  return ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis;
}

function isDaily(text: string): boolean {
  const ends = text.split("-");
  if (ends.length !== 2) return false;
  const [start, end] = ends.map(millisecondOfDay);
  return start !== undefined && end !== undefined && start < end;
}

function isPeriod(text: string): boolean {
  const parts = text.split("&&").map((part) => part.trim());
  const dailies = parts.filter(isDaily).length;
  const crons = parts.filter(isQuartzCron).length;
  if (dailies + crons !== parts.length) return false;
  return parts.length === 1 || (dailies === 1 && crons === 1);
}

function checkExcludedPeriods(config: FlinkConfiguration): Finding[] {
  const periods = (getOption(config, EXCLUDED) ?? "").split(";").map((period) => period.trim());
  return periods
    .filter((period) => period !== "" && !isPeriod(period))
    .map((period) =>
      error(
        configPath(EXCLUDED.key),
        `is no period: ${JSON.stringify(period)}`,
        'write a time range, a Quartz cron expression, or one of each: 09:00-11:00 && "* * * ? * MON-FRI"',
      ),
    );
}

export function checkAutoscaler({ config }: Subject): Finding[] {
  if (!getBoolean(config, AUTOSCALER)) return [];
  const findings = bounds(config).flatMap((bound) => checkBounds(config, bound));
  findings.push(...checkExcludedPeriods(config));
  const window = getDuration(config, WINDOW) ?? 0;
  const interval = getDuration(config, RECONCILE_INTERVAL) ?? 0;
  if (window < interval) {
    findings.push(
      error(
        configPath(WINDOW.key),
        `must not be shorter than the operator's ${RECONCILE_INTERVAL.key} (${interval / 1000} s): it would never hold two samples`,
        "make it several times as long",
      ),
    );
  }
  return findings;
}
