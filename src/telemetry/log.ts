/** Structured logs: constant messages with fields, one JSON line each. */
import { withoutCredentials } from "../flink/credentials.ts";
import { type DestinationStream, type Logger as Pino, pino } from "pino";

export type Logger = Pino;

/** From the one that says most. */
export const LOG_LEVELS: readonly string[] = ["debug", "info", "warn", "error"];

/** Whoever forgets it elsewhere: addresses lose what they hold of credentials. */
function shown(fields: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(fields);
  return Object.fromEntries(
    entries.map(([key, value]) => [key, typeof value === "string" ? withoutCredentials(value) : value]),
  );
}

/** To standard output unless told otherwise. */
export function createLogger(level: string, to?: DestinationStream): Logger {
  const options = { formatters: { log: shown }, level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return to === undefined ? pino(options) : pino(options, to);
}
