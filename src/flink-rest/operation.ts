/** Flink's asynchronous operations: asked for, and their end read later by an id. */
import { type Json, object, optionalText, text, word } from "./read.ts";
import { headline, rootCauses } from "./stack-trace.ts";

export interface Triggered {
  /** The caller's own, or Flink's where the caller gave none. */
  readonly triggerId: string;
}

export function readTriggered(json: unknown): Triggered {
  return { triggerId: text(object(json, "the answer"), "request-id") };
}

export interface Cause {
  readonly failure: string;
  readonly rootCauses: readonly string[];
}

/** The stack trace of `failure-cause`, when there is one. */
export function traceOf(from: Json): string | undefined {
  const cause = from["failure-cause"];
  if (cause === undefined || cause === null) return undefined;
  const found = object(cause, "failure-cause");
  return optionalText(found, "stack-trace") ?? optionalText(found, "class") ?? "";
}

/** `failure-cause` of an operation or a job, when it has one. */
export function causeOf(from: Json): Cause | undefined {
  const trace = traceOf(from);
  if (trace === undefined) return undefined;
  const failure = headline(trace) || "Flink gives no cause";
  return { failure, rootCauses: rootCauses(trace) };
}

/** `{status: {id}, operation}` into the state and, once it is over, what is in `operation`. */
export function readOperation<T extends object>(
  json: unknown,
  read: (operation: Json, cause: Cause | undefined) => T,
): { readonly state: "IN_PROGRESS" } | ({ readonly state: "COMPLETED" } & T) {
  const answer = object(json, "the answer");
  const state = word(object(answer["status"], "status"), "id", ["IN_PROGRESS", "COMPLETED"]);
  if (state === "IN_PROGRESS") return { state };
  const operation = object(answer["operation"] ?? {}, "operation");
  return { state, ...read(operation, causeOf(operation)) };
}
