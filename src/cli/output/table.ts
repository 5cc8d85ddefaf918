/** Rows in columns, and ages, as kubectl prints them. */

const GAP = 3;

/** The first row is the header. Ends with a line feed. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => row.map((cell, column) => cell.padEnd((widths[column] ?? 0) + GAP)).join(""))
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** Below this age: the unit, and the smaller one beside it. */
const STEPS: readonly (readonly [number, [number, string], [number, string]?])[] = [
  [2 * MINUTE, [SECOND, "s"]],
  [10 * MINUTE, [MINUTE, "m"], [SECOND, "s"]],
  [3 * HOUR, [MINUTE, "m"]],
  [8 * HOUR, [HOUR, "h"], [MINUTE, "m"]],
  [2 * DAY, [HOUR, "h"]],
  [8 * DAY, [DAY, "d"], [HOUR, "h"]],
  [2 * YEAR, [DAY, "d"]],
  [8 * YEAR, [YEAR, "y"], [DAY, "d"]],
  [Number.POSITIVE_INFINITY, [YEAR, "y"]],
];

/** Of something that happened at that moment (RFC 3339), with two units where one would be too rough. */
export function age(since: string | undefined, now: number): string {
  const milliseconds = Math.max(0, now - Date.parse(since ?? ""));
  const step = STEPS.find(([below]) => milliseconds < below);
  if (step === undefined) return "<unknown>";
  const [, [unit, letter], smaller] = step;
  const rest = smaller ? Math.floor((milliseconds % unit) / smaller[0]) : 0;
  return `${Math.floor(milliseconds / unit)}${letter}${smaller && rest > 0 ? `${rest}${smaller[1]}` : ""}`;
}
