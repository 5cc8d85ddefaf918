/**
 * Flink's web UI on this machine, through the API server: a server on the loopback address that passes requests on with the
 * user's rights. Requests that change something are refused unless asked for; so are requests that a page of another
 * site makes, since whoever can open this port has the user's rights at this JobManager.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import type { KubeClient } from "../kube/client.ts";
import type { KubeRequest } from "../kube/request.ts";

export interface UiPlace {
  readonly namespace: string;
  /** `name-rest:8081`. */
  readonly service: string;
  readonly mayWrite: boolean;
}

const HEADERS_MS = 30_000;
const IDLE_MS = 120_000;
const SAFE = new Set(["GET", "HEAD"]);
/** Of the answer: what tells the browser how to read it. */
const KEPT = ["content-type", "cache-control", "etag", "last-modified", "location"];

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`);
}

/** Undefined: it may pass. */
function refusal(
  { headers, method = "GET" }: IncomingMessage,
  port: number,
  mayWrite: boolean,
): string | undefined {
  const own = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (!own.includes(headers.host ?? "")) return "this address is not the UI's own";
  const { origin } = headers;
  if (origin !== undefined && !own.some((host) => origin === `http://${host}`))
    return "another site may not ask";
  if (!SAFE.has(method) && !mayWrite)
    return "this UI only shows: start `sluice ui` with --write to change something";
  return undefined;
}

async function passOn(
  client: KubeClient,
  { namespace, service }: UiPlace,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://ui");
  const type = request.headers["content-type"];
  const method = (request.method === "HEAD" ? "GET" : request.method) as KubeRequest["method"];
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const answer = await client.open(
    {
      method,
      path: `/api/v1/namespaces/${namespace}/services/${service}/proxy${url.pathname}`,
      query: Object.fromEntries(url.searchParams),
      headers: {
        accept: request.headers.accept ?? "*/*",
        ...(type === undefined ? {} : { "content-type": type }),
      },
      ...(SAFE.has(request.method ?? "GET") ? {} : { body: request }),
      idempotent: false,
    },
    { signal: gone.signal, headersMs: HEADERS_MS, idleMs: IDLE_MS },
  );
  const headers = KEPT.flatMap((name) => {
    const value = answer.headers[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  response.writeHead(answer.status, Object.fromEntries(headers));
  await pipeline(answer.body, response);
}

/** Serves until it is closed. `port` 0: a free one. */
export async function serveUi(
  client: KubeClient,
  place: UiPlace,
  port: number,
): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer((request, response) => {
    const own = (server.address() as AddressInfo).port;
    const why = refusal(request, own, place.mayWrite);
    if (why !== undefined) return refuse(response, 403, why);
    passOn(client, place, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else
        refuse(
          response,
          502,
          `The API server gives no way to the JobManager: ${error instanceof Error ? error.message : String(error)}`,
        );
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server };
}
