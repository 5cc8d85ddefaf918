/**
 * A scripted Flink REST server: many clusters behind one port, each with faults on order. A cluster is found by the path
 * (`/clusters/NAMESPACE/ID/jobs/overview`), by the Host header (`ID-rest.NAMESPACE`), by the path of Kubernetes' service
 * proxy, or by a port of its own.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

export interface RestRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** What the JSON says; of any other type, the bytes. */
  readonly body: unknown;
}

export interface RestAnswer {
  readonly status: number;
  readonly body: unknown;
}

export type Fault =
  /** Accepts and never answers. */
  | { readonly kind: "hang" }
  /** Begins an answer and never ends it. */
  | { readonly kind: "stall" }
  /** Ends the connection instead of answering. */
  | { readonly kind: "reset" }
  | { readonly kind: "garbage"; readonly text?: string; readonly status?: number }
  /** Flink's own way of saying no. */
  | { readonly kind: "error"; readonly status: number; readonly errors?: readonly string[] }
  /** An answer without end. */
  | { readonly kind: "oversize" }
  /** Answers rightly, and late. */
  | { readonly kind: "slow"; readonly ms: number };

interface FaultRule {
  readonly fault: Fault;
  readonly method?: string;
  readonly path?: RegExp;
  /** How many requests it hits. Default: all until `heal`. */
  readonly times?: number;
}

/** What stands behind a name. */
export interface RestCluster {
  answer(request: RestRequest): RestAnswer;
}

interface Place {
  readonly cluster: RestCluster;
  rules: { readonly rule: FaultRule; left: number }[];
  readonly requests: string[];
}

/** One cluster as its test sees it. */
export interface Handle {
  readonly url: string;
  /** `GET /jobs/overview` and so on, the last thousand. */
  readonly requests: readonly string[];
  fail(rule: FaultRule): void;
  heal(): void;
}

const MOST_REQUESTS = 1000;

function kubernetesNotFound(what: string): RestAnswer {
  const message = `services "${what}" not found`;
  const status = {
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    reason: "NotFound",
    code: 404,
    message,
  };
  return { status: 404, body: status };
}

async function readBody(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  if (incoming.headers["content-type"]?.startsWith("multipart/") === true) return bytes;
  return bytes.length === 0 ? undefined : (JSON.parse(bytes.toString("utf8")) as unknown);
}

function send(response: ServerResponse, { status, body }: RestAnswer): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json; charset=UTF-8" }).end(text);
}

/** Writes until the client has enough. */
function sendWithoutEnd(response: ServerResponse): void {
  const piece = Buffer.alloc(64 * 1024, " ");
  response.writeHead(200, { "content-type": "application/json" });
  const more = () => {
    while (!response.destroyed && response.write(piece));
    if (!response.destroyed) response.once("drain", more);
  };
  more();
}

/** Does what the fault says. True when that was the whole answer. */
async function misbehave(fault: Fault, response: ServerResponse): Promise<boolean> {
  switch (fault.kind) {
    case "hang":
      return true;
    case "stall":
      response.writeHead(200, { "content-type": "application/json" }).write('{"jobs":');
      return true;
    case "reset":
      response.socket?.resetAndDestroy();
      return true;
    case "garbage":
      response.writeHead(fault.status ?? 200).end(fault.text ?? "<html>not Flink</html>");
      return true;
    case "error":
      send(response, { status: fault.status, body: { errors: fault.errors ?? ["Internal server error."] } });
      return true;
    case "oversize":
      sendWithoutEnd(response);
      return true;
    case "slow":
      await pause(fault.ms);
      return false;
  }
}

interface Target {
  readonly name: string;
  readonly path: string;
  readonly proxied: boolean;
}

function findTarget(url: URL, host: string): Target | undefined {
  const proxied = /^\/api\/v1\/namespaces\/([^/]+)\/services\/([^/]+)-rest:[^/]+\/proxy(\/.*)$/.exec(
    url.pathname,
  );
  if (proxied) return { name: `${proxied[1]}/${proxied[2]}`, path: proxied[3] ?? "/", proxied: true };
  const byPath = /^\/clusters\/([^/]+)\/([^/]+)(\/.*)$/.exec(url.pathname);
  if (byPath) return { name: `${byPath[1]}/${byPath[2]}`, path: byPath[3] ?? "/", proxied: false };
  const byHost = /^(.+)-rest\.([^.:]+)/.exec(host);
  if (byHost) return { name: `${byHost[2]}/${byHost[1]}`, path: url.pathname, proxied: false };
  return undefined;
}

export class FlinkRestServer {
  readonly #servers: Server[] = [];
  #port = 0;
  readonly #places = new Map<string, Place>();
  /** Makes clusters that nobody added, the first time somebody asks for them: a fleet need not be listed. */
  onUnknown: ((namespace: string, id: string) => RestCluster | undefined) | undefined;

  private constructor() {}

  static async start(port = 0): Promise<FlinkRestServer> {
    const server = new FlinkRestServer();
    server.#port = await server.#listen(port);
    return server;
  }

  get port(): number {
    return this.#port;
  }

  add(namespace: string, id: string, cluster: RestCluster): Handle {
    const name = `${namespace}/${id}`;
    this.#places.set(name, { cluster, rules: [], requests: [] });
    return this.#handle(name, `http://127.0.0.1:${this.port}/clusters/${name}`);
  }

  /** As `add`, on a port of its own. */
  async addWithPort(namespace: string, id: string, cluster: RestCluster): Promise<Handle> {
    this.add(namespace, id, cluster);
    const name = `${namespace}/${id}`;
    return this.#handle(name, `http://127.0.0.1:${await this.#listen(0, name)}`);
  }

  remove(namespace: string, id: string): void {
    this.#places.delete(`${namespace}/${id}`);
  }

  /** Also ends what hangs. */
  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map(async (server) => {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        await closed;
      }),
    );
  }

  #handle(name: string, url: string): Handle {
    const place = () => {
      const found = this.#places.get(name);
      if (found === undefined) throw new Error(`cluster ${name} was removed`);
      return found;
    };
    return {
      url,
      get requests() {
        return place().requests;
      },
      fail: (rule) => place().rules.push({ rule, left: rule.times ?? Number.POSITIVE_INFINITY }),
      heal: () => {
        place().rules = [];
      },
    };
  }

  async #listen(port: number, only?: string): Promise<number> {
    const server = createServer((incoming, response) => {
      this.#serve(incoming, response, only).catch(() => response.destroy());
    });
    // Keep-alive as Flink has it: longer than its clients'.
    server.keepAliveTimeout = 300_000;
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(port, "127.0.0.1", resolve);
    });
    return (server.address() as AddressInfo).port;
  }

  #find(name: string): Place | undefined {
    const found = this.#places.get(name);
    if (found !== undefined) return found;
    const [namespace = "", id = ""] = name.split("/");
    const cluster = this.onUnknown?.(namespace, id);
    if (cluster !== undefined) this.add(namespace, id, cluster);
    return this.#places.get(name);
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse, only?: string): Promise<void> {
    const url = new URL(incoming.url ?? "/", "http://any");
    const target =
      only === undefined
        ? findTarget(url, incoming.headers.host ?? "")
        : { name: only, path: url.pathname, proxied: false };
    const place = target && this.#find(target.name);
    if (target === undefined || place === undefined) {
      if (target?.proxied) return send(response, kubernetesNotFound(`${target.name.split("/")[1]}-rest`));
      response.writeHead(404, { "content-type": "text/plain" }).end("no such cluster\n");
      return;
    }
    const method = incoming.method ?? "GET";
    const body = await readBody(incoming);
    place.requests.push(`${method} ${target.path}`);
    if (place.requests.length > MOST_REQUESTS) place.requests.shift();
    const hit = place.rules.find(
      ({ rule, left }) =>
        left > 0 && (rule.method ?? method) === method && (rule.path?.test(target.path) ?? true),
    );
    if (hit !== undefined) {
      hit.left--;
      if (await misbehave(hit.rule.fault, response)) return;
    }
    send(response, place.cluster.answer({ method, path: target.path, query: url.searchParams, body }));
  }
}
