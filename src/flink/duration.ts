/** Flink's durations ("10 min", "15s", "1 d", bare milliseconds) and ISO-8601 ("PT15S"). Unit here: milliseconds. */

const UNITS: Record<string, number> = {};
for (const [factor, names] of [
  [1e-6, ["ns", "nano", "nanos", "nanosecond", "nanoseconds"]],
  [1e-3, ["us", "µs", "micro", "micros", "microsecond", "microseconds"]],
  [1, ["", "ms", "milli", "millis", "millisecond", "milliseconds"]],
  [1000, ["s", "sec", "secs", "second", "seconds"]],
  [60_000, ["m", "min", "mins", "minute", "minutes"]],
  [3_600_000, ["h", "hour", "hours"]],
  [86_400_000, ["d", "day", "days"]],
] as const) {
  for (const name of names) UNITS[name] = factor;
}

const ISO = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/i;

/** Milliseconds, or undefined when the text is no duration. */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  const iso = ISO.exec(trimmed);
  if (iso && trimmed.length > 1) {
    const [, days = 0, hours = 0, minutes = 0, seconds = 0] = iso;
    return (
      Number(days) * 86_400_000 +
      Number(hours) * 3_600_000 +
      Number(minutes) * 60_000 +
      Number(seconds) * 1000
    );
  }
  const match = /^(\d+)\s*(\D*)$/.exec(trimmed);
  if (!match) return undefined;
  const factor = UNITS[(match[2] ?? "").trim().toLowerCase()];
  return factor === undefined ? undefined : Number(match[1]) * factor;
}
