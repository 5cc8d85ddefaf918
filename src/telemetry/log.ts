/** Structured logs: constant messages with fields, one JSON line each. */
import { type DestinationStream, type Logger as Pino, pino } from "pino";

export type Logger = Pino;

/** From the one that says most. */
export const LOG_LEVELS: readonly string[] = ["debug", "info", "warn", "error"];

/** To standard output unless told otherwise. */
export function createLogger(level: string, to?: DestinationStream): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return to === undefined ? pino(options) : pino(options, to);
}
