/** Two ways to a JobManager's REST API: straight to its Service, and through the API server's service proxy. */
import { Agent, request } from "undici";

export interface FlinkRequest {
  readonly method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** Absolute, `/jobs/overview`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
}

export interface FlinkResponse {
  readonly status: number;
  readonly body: string;
}

/** Throws when there is no whole answer within the deadline. */
export type FlinkTransport = (request: FlinkRequest) => Promise<FlinkResponse>;

/** Answers of Flink are small; what is larger is not Flink's. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

export function createFlinkAgent(): Agent {
  return new Agent({ connections: 2, keepAliveTimeout: 30_000, maxResponseSize: MAX_BODY_BYTES });
}

/** `baseUrl` without a trailing slash, `http://name-rest.namespace:8081`. */
export function directTransport(baseUrl: string, agent: Agent): FlinkTransport {
  return async ({ method, path, query, headers, body, timeoutMs }) => {
    const answer = await request(baseUrl + path, {
      method,
      dispatcher: agent,
      signal: AbortSignal.timeout(timeoutMs),
      ...(query === undefined ? {} : { query: { ...query } }),
      ...(headers === undefined ? {} : { headers: { ...headers } }),
      ...(body === undefined ? {} : { body }),
    });
    return { status: answer.statusCode, body: await answer.body.text() };
  };
}

/** `raw` sends to the API server; `service` is `name-rest:8081` or `name-rest:rest`. */
export function serviceProxyTransport(
  raw: FlinkTransport,
  namespace: string,
  service: string,
): FlinkTransport {
  const prefix = `/api/v1/namespaces/${namespace}/services/${service}/proxy`;
  return (wanted) => raw({ ...wanted, path: prefix + wanted.path });
}
