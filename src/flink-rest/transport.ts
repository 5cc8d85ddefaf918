/** Two ways to a JobManager's REST API: straight to its Service, and through the API server's service proxy. */
import type { Readable } from "node:stream";
import { Agent, type Dispatcher, request } from "undici";
import { fenced, type MayAct, NotLeadingError } from "../kube/fence.ts";
import { Limiter } from "./limiter.ts";

export interface FlinkRequest {
  readonly method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** Absolute, `/jobs/overview`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is read once: such a request is never sent again. */
  readonly body?: string | Readable;
  /** Milliseconds for everything: waiting for a connection, retries, and the whole of the answer. */
  readonly timeoutMs: number;
}

export interface FlinkResponse {
  readonly status: number;
  readonly body: string;
}

/** Throws when there is no whole answer within the deadline; TransportError says how. */
export type FlinkTransport = (request: FlinkRequest) => Promise<FlinkResponse>;

export class TransportError extends Error {
  readonly kind: "unreachable" | "timeout" | "garbage";

  constructor(kind: TransportError["kind"], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "TransportError";
    this.kind = kind;
  }
}

/** Answers of Flink are small; what is larger is not Flink's. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

export interface FlinkAgentOptions {
  /** Connections per JobManager: one that hangs holds no more than these. Default 2. */
  readonly connections?: number;
  /** Calls under way at a time, over all JobManagers. Default 512. */
  readonly concurrency?: number;
  /** undici's: TLS settings, or a connector of one's own. */
  readonly connect?: Agent.Options["connect"];
  /** Asked right before each request that is no GET is sent (kube/fence.ts). Default: always. */
  readonly mayAct?: MayAct | undefined;
}

/** The connections of all direct transports of a process. */
export interface FlinkAgent {
  readonly dispatcher: Dispatcher;
  readonly limiter: Limiter;
  /** Waits for calls under way. */
  close(): Promise<void>;
  /** Ends calls under way. */
  destroy(): Promise<void>;
}

export function createFlinkAgent(options: FlinkAgentOptions = {}): FlinkAgent {
  const { connections = 2, concurrency = 512, connect, mayAct } = options;
  const agent = new Agent({
    connections,
    keepAliveTimeout: 30_000,
    // The deadline of each call is the only clock: undici's own would fire at other times.
    headersTimeout: 0,
    bodyTimeout: 0,
    ...(connect === undefined ? {} : { connect }),
  });
  return {
    dispatcher: fenced(agent, mayAct),
    limiter: new Limiter(concurrency),
    close: () => agent.close(),
    destroy: () => agent.destroy(),
  };
}

async function readBody(body: Dispatcher.ResponseData["body"]): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Leaving the loop destroys the connection, so nothing more is read.
    if (size > MAX_BODY_BYTES) throw new TransportError("garbage", `the answer is larger than 4 MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** A kept connection that the other side closed just when it was used. */
function isStaleConnection(error: unknown): boolean {
  return ["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"].includes(codeOf(error));
}

function transportError(
  error: unknown,
  { timeoutMs }: FlinkRequest,
  { limiter }: FlinkAgent,
  sent: boolean,
): Error {
  if (error instanceof TransportError) return error;
  const code = codeOf(error);
  if (error instanceof NotLeadingError) return new TransportError("unreachable", error.message, error);
  if (error instanceof Error && (error.name === "TimeoutError" || code === "UND_ERR_CONNECT_TIMEOUT")) {
    const seconds = timeoutMs / 1000;
    if (sent) return new TransportError("timeout", `no answer within ${seconds} s`, error);
    const busy = `${limiter.underWay} calls are under way`;
    return new TransportError("unreachable", `not sent within ${seconds} s: ${busy}`, error);
  }
  if (code.startsWith("HPE_")) return new TransportError("garbage", "the answer is not HTTP", error);
  const why = code !== "" ? code : error instanceof Error ? error.message : String(error);
  return new TransportError("unreachable", `no connection (${why})`, error);
}

/** `baseUrl` without a trailing slash, `http://name-rest.namespace:8081`. */
export function directTransport(baseUrl: string, agent: FlinkAgent): FlinkTransport {
  const once = async (wanted: FlinkRequest, signal: AbortSignal): Promise<FlinkResponse> => {
    const { method, path, query, headers, body } = wanted;
    const answer = await request(baseUrl + path, {
      method,
      dispatcher: agent.dispatcher,
      signal,
      ...(query === undefined ? {} : { query: { ...query } }),
      ...(headers === undefined ? {} : { headers: { ...headers } }),
      ...(body === undefined ? {} : { body }),
    });
    return { status: answer.statusCode, body: await readBody(answer.body) };
  };
  return async (wanted) => {
    const signal = AbortSignal.timeout(wanted.timeoutMs);
    let sent = false;
    try {
      return await agent.limiter.run(signal, async () => {
        sent = true;
        try {
          return await once(wanted, signal);
        } catch (error) {
          if (wanted.method !== "GET" || !isStaleConnection(error)) throw error;
          return await once(wanted, signal);
        }
      });
    } catch (error) {
      throw transportError(error, wanted, agent, sent);
    }
  };
}

interface KubernetesStatus {
  readonly code: number;
  readonly message: string;
}

/** The API server's own refusal; undefined for what came through from Flink. */
function kubernetesStatus({ status, body }: FlinkResponse): KubernetesStatus | undefined {
  if (status < 400 || !body.includes('"Status"')) return undefined;
  try {
    const found = JSON.parse(body) as { kind?: unknown; apiVersion?: unknown; message?: unknown };
    if (found.kind !== "Status" || found.apiVersion !== "v1") return undefined;
    return { code: status, message: typeof found.message === "string" ? found.message.slice(0, 500) : "" };
  } catch {
    return undefined;
  }
}

/**
 * `raw` sends to the API server; `service` is `name-rest:8081` or `name-rest:rest`. What the API server itself refuses
 * (no such Service, no endpoints, forbidden) is a way that is closed, never an answer of Flink's.
 */
export function serviceProxyTransport(
  raw: FlinkTransport,
  namespace: string,
  name: string,
  kind: "services" | "pods" = "services",
): FlinkTransport {
  const prefix = `/api/v1/namespaces/${namespace}/${kind}/${name}/proxy`;
  return async (wanted) => {
    let response: FlinkResponse;
    try {
      response = await raw({ ...wanted, path: prefix + wanted.path });
    } catch (error) {
      if (error instanceof TransportError) throw error;
      const timedOut =
        codeOf(error) === "timeout" || (error instanceof Error && error.name === "TimeoutError");
      const why = error instanceof Error ? error.message : String(error);
      throw new TransportError(timedOut ? "timeout" : "unreachable", why, error);
    }
    const refused = kubernetesStatus(response);
    if (refused !== undefined) {
      const kind = refused.code === 504 ? "timeout" : "unreachable";
      throw new TransportError(kind, `Kubernetes answers ${refused.code}: ${refused.message}`);
    }
    if (response.body.length > MAX_BODY_BYTES) {
      throw new TransportError("garbage", `the answer is larger than 4 MiB`);
    }
    return response;
  };
}
