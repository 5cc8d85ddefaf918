/**
 * The one error of the Kubernetes calls. Its text holds the call and the server's or the network's words; never a
 * header, a body that was sent or a credential.
 */

export type KubeErrorCode =
  | "bad-request"
  | "unauthorized"
  | "forbidden"
  | "not-found"
  | "already-exists"
  | "conflict"
  /** A delete named a uid or resourceVersion which the object no longer has. */
  | "precondition-failed"
  | "invalid"
  /** 410: the resourceVersion or the continue token is too old. */
  | "expired"
  | "too-many-requests"
  | "server-error"
  /** No answer within the deadline. */
  | "timeout"
  /** The connection was refused, reset or ended early. */
  | "network"
  /** The server's certificate is not the expected one, or it wants another. */
  | "tls"
  /** The answer was no Kubernetes answer. */
  | "protocol"
  /** The credentials could not be had; nothing was sent. */
  | "credentials"
  /** The caller gave up. */
  | "aborted"
  /** This process does not lead; nothing was sent. */
  | "not-leading";

export interface KubeErrorDetails {
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The server's word, such as `Conflict`; empty when there was no answer. */
  readonly reason: string;
  readonly code: KubeErrorCode;
  readonly retryAfterSeconds?: number | undefined;
  readonly cause?: unknown;
}

export class KubeApiError extends Error {
  readonly status: number;
  readonly reason: string;
  readonly code: KubeErrorCode;
  /** Trying the same again later may work without anybody changing anything. */
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, details: KubeErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "KubeApiError";
    this.status = details.status;
    this.reason = details.reason;
    this.code = details.code;
    this.retryable = RETRYABLE.has(details.code);
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

const RETRYABLE: ReadonlySet<KubeErrorCode> = new Set([
  "too-many-requests",
  "server-error",
  "timeout",
  "network",
  "credentials",
]);

const BY_STATUS: Readonly<Record<number, KubeErrorCode>> = {
  401: "unauthorized",
  403: "forbidden",
  404: "not-found",
  409: "conflict",
  410: "expired",
  422: "invalid",
  429: "too-many-requests",
};

/** What a request is called in messages: the method and the path, without the query. */
export interface CallName {
  readonly method: string;
  readonly path: string;
}

/** From an answer with a status of 400 or more. `body` is the answer's text, a `Status` object or anything. */
export function errorFromAnswer(
  call: CallName,
  status: number,
  body: string,
  retryAfterHeader?: string,
): KubeApiError {
  const answer = parseStatus(body);
  const words = answer?.message ?? oneLine(body) ?? `HTTP status ${status}`;
  const reason = answer?.reason ?? "";
  const fromHeader = retryAfterHeader === undefined ? Number.NaN : Number(retryAfterHeader);
  return new KubeApiError(`${call.method} ${call.path}: ${words}`, {
    status,
    reason,
    code: codeOf(call.method, status, `${reason} ${words}`),
    retryAfterSeconds: Number.isFinite(fromHeader) ? fromHeader : answer?.details?.retryAfterSeconds,
  });
}

/** From the `Status` object that a watch delivers as an event of type ERROR. */
export function errorFromStatus(call: CallName, status: unknown): KubeApiError {
  const code = isRecord(status) && typeof status["code"] === "number" ? status["code"] : 500;
  return errorFromAnswer(call, code, JSON.stringify(status));
}

/** From whatever the HTTP layer threw when there was no answer. */
export function errorFromNetwork(call: CallName, cause: unknown): KubeApiError {
  if (cause instanceof KubeApiError) return cause;
  const networkCode = codeOfCause(cause);
  const words = cause instanceof Error && cause.message !== "" ? cause.message : networkCode || String(cause);
  return new KubeApiError(`${call.method} ${call.path}: ${oneLine(words) ?? "no answer"}`, {
    status: 0,
    reason: "",
    code: kindOfNetworkError(networkCode),
    cause,
  });
}

function kindOfNetworkError(code: string): KubeErrorCode {
  if (code === "NOT_LEADING") return "not-leading";
  if (/TIMEOUT|ETIMEDOUT/.test(code)) return "timeout";
  if (/CERT|_TLS_|SSL|SELF_SIGNED|UNABLE_TO_/.test(code)) return "tls";
  if (/^HPE_|UND_ERR_RES_/.test(code)) return "protocol";
  return "network";
}

function codeOf(method: string, status: number, words: string): KubeErrorCode {
  if (status === 409) {
    if (words.startsWith("AlreadyExists ")) return "already-exists";
    return method === "DELETE" && /precondition/i.test(words) ? "precondition-failed" : "conflict";
  }
  return BY_STATUS[status] ?? (status >= 500 ? "server-error" : "bad-request");
}

function codeOfCause(cause: unknown): string {
  if (!isRecord(cause)) return "";
  if (typeof cause["code"] === "string") return cause["code"];
  return codeOfCause(cause["cause"]);
}

interface StatusAnswer {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly retryAfterSeconds?: number };
}

function parseStatus(body: string): StatusAnswer | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return isRecord(parsed) && parsed["kind"] === "Status" ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function oneLine(text: string): string | undefined {
  const line = text.replaceAll(/\s+/g, " ").trim().slice(0, 300);
  return line === "" ? undefined : line;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
