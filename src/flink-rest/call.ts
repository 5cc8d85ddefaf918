/** One call: whatever the other side does, an answer or a failure as a value. */
import type { Readable } from "node:stream";
import { withoutCredentials } from "../flink/credentials.ts";
import type { FlinkAnswer, FlinkFailure } from "../flink/rest-answers.ts";
import { Garbage, object } from "./read.ts";
import { headline, rootCauses } from "./stack-trace.ts";
import { type FlinkRequest, type FlinkResponse, type FlinkTransport, TransportError } from "./transport.ts";

interface Call {
  readonly method: FlinkRequest["method"];
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: object;
  /** Sent as it comes, instead of a body. */
  readonly stream?: { readonly type: string; readonly content: Readable };
  /** Milliseconds; the client's own unless given. */
  readonly timeoutMs?: number;
}

export type Send = <T>(call: Call, read: (json: unknown) => T) => Promise<FlinkAnswer<T>>;

function failed(failure: FlinkFailure): { ok: false; failure: FlinkFailure } {
  return { ok: false, failure };
}

/** `{"errors": [...]}` is how Flink says no; undefined for anybody else's error. */
function flinkErrors(body: string): string[] | undefined {
  try {
    const { errors } = object(JSON.parse(body), "the answer");
    return Array.isArray(errors) ? errors.filter((one) => typeof one === "string") : undefined;
  } catch {
    return undefined;
  }
}

function refusal(name: string, { status, body }: FlinkResponse): FlinkFailure {
  const errors = flinkErrors(body);
  // A 404 or 409 of a proxy or of whoever has the address now says nothing about the job.
  if (errors === undefined) {
    const kind = status >= 502 && status <= 504 ? "unreachable" : "garbage";
    return { kind, message: `${name}: HTTP ${status}, and not from Flink` };
  }
  // "Internal server error." comes with the exception as the second text.
  const telling = errors.filter((one, _, all) => all.length === 1 || one !== "Internal server error.");
  const trace = telling.join("\n");
  const why = headline(trace) || withoutCredentials(trace.split("\n")[0] ?? "").slice(0, 500);
  return {
    kind: "http",
    status,
    message: `${name}: HTTP ${status}${why === "" ? "" : `: ${why}`}`,
    rootCauses: rootCauses(trace),
  };
}

function accepted<T>(name: string, { body }: FlinkResponse, read: (json: unknown) => T): FlinkAnswer<T> {
  try {
    return { ok: true, value: read(body === "" ? {} : JSON.parse(body)) };
  } catch (error) {
    const why = error instanceof Garbage ? error.message : "not JSON";
    return failed({ kind: "garbage", message: `${name}: ${why}` });
  }
}

function bodyOf({ body, stream }: Call): Pick<FlinkRequest, "body" | "headers"> {
  if (stream !== undefined) return { body: stream.content, headers: { "content-type": stream.type } };
  if (body === undefined) return {};
  return { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
}

export function sender(transport: FlinkTransport, defaultTimeoutMs: number): Send {
  return async (call, read) => {
    const { method, path, query, timeoutMs = defaultTimeoutMs } = call;
    const name = `${method} ${path}`;
    let response: FlinkResponse;
    try {
      response = await transport({
        method,
        path,
        timeoutMs,
        ...(query === undefined ? {} : { query }),
        ...bodyOf(call),
      });
    } catch (error) {
      const kind = error instanceof TransportError ? error.kind : "unreachable";
      const why = error instanceof Error ? error.message : String(error);
      return failed({ kind, message: `${name}: ${withoutCredentials(why)}` });
    }
    const { status } = response;
    return status >= 200 && status < 300 ? accepted(name, response, read) : failed(refusal(name, response));
  };
}

/** For answers of which nothing is used. */
export function nothing(): undefined {
  return undefined;
}
