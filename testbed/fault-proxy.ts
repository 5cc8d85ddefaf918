/**
 * An HTTP proxy in front of the API server which misbehaves on request: it drops, stalls, half-closes and cuts
 * connections, and answers in the server's place. Plain HTTP on a loopback port; TLS only towards the server.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import type { AddressInfo, Socket } from "node:net";

export interface FaultProxyTarget {
  readonly url: string;
  readonly caPem: string;
  /** Sent as bearer token with every request. */
  readonly token: string;
}

/** What to do with a request. */
export type Fault =
  /** Answered here; the server never hears of it. */
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  /** The connection is reset before the server hears of it. */
  | { readonly kind: "drop" }
  /** The server acts, but its answer is lost with the connection. */
  | { readonly kind: "lose-answer" }
  /** Accepted and never answered. */
  | { readonly kind: "stall" };

export interface FaultRule {
  readonly fault: Fault;
  /** Default: every request. */
  readonly match?: (request: { method: string; url: string }) => boolean;
  /** For so many requests; default 1. */
  readonly times?: number;
}

export class FaultProxy {
  readonly url: string;
  /** Every request that came in. */
  readonly requests: { readonly method: string; readonly url: string }[] = [];
  readonly #server: Server;
  readonly #target: FaultProxyTarget;
  readonly #agent: Agent;
  readonly #sockets = new Set<Socket>();
  readonly #relays = new Set<Relay>();
  #rules: { readonly rule: FaultRule; left: number }[] = [];
  #accepted = 0;
  #frozen = false;
  #held: (() => void)[] = [];

  private constructor(server: Server, target: FaultProxyTarget) {
    this.#server = server;
    this.#target = target;
    this.#agent = new Agent({ ca: target.caPem, keepAlive: true });
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("connection", (socket) => this.#connected(socket));
    server.on("request", (request, response) => this.#arrived(request, response));
  }

  static async start(target: FaultProxyTarget): Promise<FaultProxy> {
    const server = createServer({ keepAliveTimeout: 90_000 });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return new FaultProxy(server, target);
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  /** Connections accepted so far. */
  get acceptedConnections(): number {
    return this.#accepted;
  }

  /** Watches that are under way. */
  get openWatches(): number {
    return [...this.#relays].filter((relay) => relay.isWatch).length;
  }

  /** The next requests that match are treated so. */
  inject(rule: FaultRule): void {
    this.#rules.push({ rule, left: rule.times ?? 1 });
  }

  /** Requests that are still to be treated by a rule. */
  get pendingFaults(): number {
    return this.#rules.reduce((sum, { left }) => sum + left, 0);
  }

  /** Takes back the rules that are left. */
  heal(): void {
    this.#rules = [];
  }

  /** Resets every connection. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Says "no more from me" on every watch, without ending its answer and without closing the connection. */
  halfCloseWatches(): void {
    for (const relay of this.#relays) if (relay.isWatch) relay.halfClose();
  }

  /** Each watch breaks in the middle of its next event. */
  cutWatchesInNextEvent(): void {
    for (const relay of this.#relays) if (relay.isWatch) relay.cutInNext();
  }

  /** Nothing passes any more, in either direction, on old connections and new ones; none is closed. */
  freeze(): void {
    this.#frozen = true;
    for (const relay of this.#relays) relay.pause();
  }

  thaw(): void {
    this.#frozen = false;
    for (const relay of this.#relays) relay.resume();
    for (const go of this.#held.splice(0)) go();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const relay of this.#relays) relay.destroy();
    for (const socket of this.#sockets) socket.destroy();
    this.#agent.destroy();
    await closed;
  }

  #connected(socket: Socket): void {
    this.#accepted++;
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    // Tests break connections on purpose.
    socket.on("error", () => undefined);
  }

  #arrived(incoming: IncomingMessage, response: ServerResponse): void {
    const { method = "", url = "" } = incoming;
    this.requests.push({ method, url });
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const go = (): void => {
        if (!response.destroyed) this.#treat(incoming, Buffer.concat(chunks), response);
      };
      if (this.#frozen) this.#held.push(go);
      else go();
    });
  }

  #treat(incoming: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const fault = this.#takeFault(incoming);
    switch (fault?.kind) {
      case "answer":
        response
          .writeHead(fault.status, { "content-type": "application/json", ...fault.headers })
          .end(fault.body ?? "");
        return;
      case "drop":
        incoming.socket.resetAndDestroy();
        return;
      case "stall":
        return;
      case "lose-answer":
      case undefined: {
        const relay = new Relay(incoming, response, fault !== undefined);
        this.#relays.add(relay);
        if (this.#frozen) relay.pause();
        relay.start(this.#target, this.#agent, body, () => this.#relays.delete(relay));
      }
    }
  }

  #takeFault({ method = "", url = "" }: IncomingMessage): Fault | undefined {
    const found = this.#rules.find(({ rule, left }) => left > 0 && (rule.match?.({ method, url }) ?? true));
    if (found === undefined) return undefined;
    found.left--;
    this.#rules = this.#rules.filter(({ left }) => left > 0);
    return found.rule.fault;
  }
}

/** One request passed on, and its answer passed back. */
class Relay {
  readonly isWatch: boolean;
  readonly #incoming: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #loseAnswer: boolean;
  #upstream: IncomingMessage | undefined;
  #paused = false;
  #cutting = false;
  #deaf = false;
  #destroyUpstream: () => void = () => undefined;

  constructor(incoming: IncomingMessage, response: ServerResponse, loseAnswer: boolean) {
    this.isWatch = /[?&]watch=true/.test(incoming.url ?? "");
    this.#incoming = incoming;
    this.#response = response;
    this.#loseAnswer = loseAnswer;
  }

  start(target: FaultProxyTarget, agent: Agent, body: Buffer, ended: () => void): void {
    const { method, url = "", headers } = this.#incoming;
    const { host: _, connection: __, ...kept } = headers;
    const outgoing = httpsRequest(new URL(url, target.url), {
      method,
      agent,
      headers: { ...kept, authorization: `Bearer ${target.token}` },
    });
    this.#destroyUpstream = () => outgoing.destroy();
    outgoing.on("response", (upstream) => this.#answered(upstream));
    outgoing.on("error", () => this.#incoming.socket.destroy());
    outgoing.on("close", ended);
    this.#response.on("close", () => {
      if (!this.#response.writableFinished) outgoing.destroy();
    });
    outgoing.end(body);
  }

  pause(): void {
    this.#paused = true;
    this.#upstream?.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#upstream !== undefined && !this.#response.headersSent) this.#answer(this.#upstream);
    else this.#upstream?.resume();
  }

  halfClose(): void {
    this.#deaf = true;
    this.#incoming.socket.end();
  }

  cutInNext(): void {
    this.#cutting = true;
  }

  destroy(): void {
    this.#destroyUpstream();
  }

  #answered(upstream: IncomingMessage): void {
    this.#upstream = upstream;
    if (this.#loseAnswer) {
      upstream.resume();
      upstream.on("end", () => this.#incoming.socket.resetAndDestroy());
      return;
    }
    if (!this.#paused) this.#answer(upstream);
  }

  #answer(upstream: IncomingMessage): void {
    const { connection: _, "transfer-encoding": __, ...headers } = upstream.headers;
    this.#response.writeHead(upstream.statusCode ?? 502, headers);
    // A watch's answer begins before its first event.
    this.#response.flushHeaders();
    upstream.on("data", (chunk: Buffer) => this.#pass(chunk));
    upstream.on("end", () => {
      if (!this.#deaf) this.#response.end();
    });
    upstream.on("error", () => this.#incoming.socket.destroy());
  }

  #pass(chunk: Buffer): void {
    if (this.#deaf || this.#response.destroyed) return;
    if (!this.#cutting) {
      this.#response.write(chunk);
      return;
    }
    this.#deaf = true;
    this.#response.write(chunk.subarray(0, Math.floor(chunk.length / 2)), () =>
      this.#incoming.socket.destroy(),
    );
  }
}
