/** A watch's answer, one JSON document a line, as events. */
import type { KubeObject } from "../api/kube-object.ts";
import { KubeApiError, type CallName } from "./api-error.ts";

export interface WatchEvent<T extends KubeObject = KubeObject> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  /** For BOOKMARK only `metadata.resourceVersion` is meant; for ERROR it is a `Status`. */
  readonly object: T;
}

const TYPES: ReadonlySet<unknown> = new Set(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]);

/** No object in etcd may come near this. A longer "line" means that this is no watch. */
const MAX_LINE_CHARACTERS = 16 * 1024 * 1024;

/** @throws KubeApiError when a line is no event, or the answer ends in the middle of one. */
export async function* watchEvents<T extends KubeObject>(
  call: CallName,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<WatchEvent<T>, void> {
  const decoder = new TextDecoder();
  // Parts of an unfinished line: joined once, so that a large object in many chunks costs no quadratic copying.
  let parts: string[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    const lines = decoder.decode(chunk, { stream: true }).split("\n");
    const rest = lines.pop() ?? "";
    for (const line of lines) {
      const whole = parts.length === 0 ? line : parts.join("") + line;
      parts = [];
      length = 0;
      if (whole !== "") yield parseEvent<T>(call, whole);
    }
    if (rest !== "") parts.push(rest);
    length += rest.length;
    if (length > MAX_LINE_CHARACTERS) throw protocolError(call, "a line of the watch is too long");
  }
  if (length > 0) throw protocolError(call, "the watch ended in the middle of an event");
}

function parseEvent<T extends KubeObject>(call: CallName, line: string): WatchEvent<T> {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch (error) {
    throw protocolError(call, "a line of the watch is not JSON", error);
  }
  const { type, object } = (event ?? {}) as Partial<WatchEvent<T>>;
  if (!TYPES.has(type) || typeof object !== "object" || object === null) {
    throw protocolError(call, "a line of the watch is not an event");
  }
  return event as WatchEvent<T>;
}

function protocolError(call: CallName, words: string, cause?: unknown): KubeApiError {
  return new KubeApiError(`${call.method} ${call.path}: ${words}`, {
    status: 0,
    reason: "",
    code: "protocol",
    cause,
  });
}
