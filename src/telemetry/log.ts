/** Structured logs: constant messages with fields, one JSON line each. */
import { type Logger as Pino, pino } from "pino";

export type Logger = Pino;

export function createLogger(level: string): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime });
}
