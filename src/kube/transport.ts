/**
 * Sends request values to the API server. Calls share a few kept-alive connections; each watch has one of its own, so
 * that watches never stand in the calls' way. Every call ends by its deadline, retries included.
 */
import { Readable } from "node:stream";
import { Agent, type Dispatcher } from "undici";
import { errorFromAnswer, errorFromNetwork, KubeApiError } from "./api-error.ts";
import { type Clock, pause, systemClock } from "./clock.ts";
import type { ClusterAccess } from "./cluster-access.ts";
import { connectorFor } from "./connector.ts";
import { fenced, type MayAct } from "./fence.ts";
import { KubeConfigError } from "./kubeconfig.ts";
import type { KubeRequest } from "./request.ts";
import { retryDelay } from "./retry.ts";

export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface CallOptions {
  /** Milliseconds for everything, retries included. */
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface StreamOptions {
  readonly signal: AbortSignal;
  /** Milliseconds until the answer must have begun. */
  readonly headersMs: number;
  /** Milliseconds without a byte after which the stream fails. */
  readonly idleMs: number;
  /** The server has accepted. */
  readonly onOpen?: (() => void) | undefined;
}

export type OpenOptions = Omit<StreamOptions, "onOpen">;

export interface OpenAnswer {
  readonly status: number;
  readonly headers: RawResponse["headers"];
  /** To be read, or destroyed. */
  readonly body: Readable;
}

/** For metrics: one HTTP exchange that ended. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  /** 0: no answer. */
  readonly status: number;
  readonly seconds: number;
  /** It lasts as long as it is wanted. */
  readonly isWatch: boolean;
}

export interface TransportOptions {
  /** Connections for calls. Twelve of them carry 1,000 short calls a second. */
  readonly connections?: number | undefined;
  readonly deadlineMs?: number | undefined;
  readonly userAgent?: string | undefined;
  readonly onExchange?: ((exchange: Exchange) => void) | undefined;
  readonly clock?: Clock | undefined;
  /** Asked right before each request that is no GET is sent (fence.ts). Default: always. */
  readonly mayAct?: MayAct | undefined;
}

/** No answer of the API server that Sluice asks for comes near this; more would be the memory of the process. */
const MAX_RESPONSE_BYTES = 256 * 1024 * 1024;

export class Transport {
  readonly #access: ClusterAccess;
  readonly #origin: string;
  readonly #prefix: string;
  readonly #calls: Agent;
  readonly #watches: Agent;
  readonly #passedOn: Agent;
  readonly #mayAct: MayAct | undefined;
  readonly #deadlineMs: number;
  readonly #userAgent: string;
  readonly #onExchange: (exchange: Exchange) => void;
  readonly #clock: Clock;
  #closed = false;

  constructor(access: ClusterAccess, options: TransportOptions = {}) {
    const url = new URL(access.server);
    this.#access = access;
    this.#origin = url.origin;
    this.#prefix = url.pathname.replace(/\/+$/, "");
    this.#deadlineMs = options.deadlineMs ?? 30_000;
    this.#userAgent = options.userAgent ?? "sluice";
    this.#onExchange = options.onExchange ?? (() => undefined);
    this.#clock = options.clock ?? systemClock;
    this.#mayAct = options.mayAct;
    // The server keeps idle connections for 90 s: let go of them first, or a call meets a closed one.
    const common = { allowH2: false, pipelining: 1, keepAliveTimeout: 60_000, connect: connectorFor(access) };
    this.#calls = new Agent({
      ...common,
      connections: options.connections ?? 12,
      maxResponseSize: MAX_RESPONSE_BYTES,
    });
    this.#watches = new Agent(common);
    // A service behind the API server may never answer: it must not take the connections of calls that are.
    this.#passedOn = new Agent({ ...common, connections: 256, maxResponseSize: MAX_RESPONSE_BYTES });
  }

  /**
   * The answer to a call, after retries where they are safe (retry.ts).
   * @throws KubeApiError for a status of 400 or more and when there is no answer in time.
   */
  async call(request: KubeRequest, options: CallOptions = {}): Promise<RawResponse> {
    const deadlineMs = options.deadlineMs ?? this.#deadlineMs;
    const endsAt = this.#clock.now() + deadlineMs;
    for (let retries = 0; ; retries++) {
      const remainingMs = endsAt - this.#clock.now();
      // A connection that died silently must not eat the whole deadline where another attempt is possible.
      const attemptMs = request.idempotent ? Math.max(remainingMs / 2, deadlineMs / 3) : remainingMs;
      const limits = { ms: Math.min(attemptMs, remainingMs), saidMs: deadlineMs };
      const outcome = await this.#attempt(request, limits, options.signal);
      if (!(outcome instanceof KubeApiError)) return outcome;
      const delay = retryDelay(outcome, {
        idempotent: request.idempotent,
        retries,
        remainingMs: endsAt - this.#clock.now(),
        random: Math.random(),
      });
      if (delay === undefined || this.#closed) throw outcome;
      await pause(this.#clock, delay, options.signal);
    }
  }

  /**
   * The answer whatever its status, tried once: for answers that are not the API server's own, such as a service's.
   * @throws KubeApiError when there is no answer in time.
   */
  async send(request: KubeRequest, options: CallOptions = {}): Promise<RawResponse> {
    const ms = options.deadlineMs ?? this.#deadlineMs;
    const deadline = new Deadline(this.#clock, { ms, saidMs: ms }, options.signal);
    try {
      return await this.#exchange(this.#passedOn, request, deadline);
    } catch (error) {
      throw deadline.explain(request, error);
    } finally {
      deadline.done();
    }
  }

  /**
   * The bytes of an answer that goes on, until it ends, the signal is aborted or nothing came for `idleMs`.
   * @throws KubeApiError, also while it is being read.
   */
  async *stream(request: KubeRequest, options: StreamOptions): AsyncGenerator<Buffer, void> {
    const started = this.#clock.now();
    let status = 0;
    try {
      const { signal, headersMs, idleMs } = options;
      const answer = await this.#dispatch(this.#watches, request, {
        signal,
        headersTimeout: headersMs,
        bodyTimeout: idleMs,
      });
      status = answer.statusCode;
      if (status >= 400) {
        const text = await answer.body.text();
        if (status === 401) this.#access.refresh();
        throw errorFromAnswer(request, status, text, headerOf(answer.headers, "retry-after"));
      }
      options.onOpen?.();
      for await (const chunk of answer.body) yield chunk as Buffer;
    } catch (error) {
      throw options.signal.aborted ? abortedError(request) : asKubeError(request, error);
    } finally {
      this.#report(request, status, started);
    }
  }

  /** The answer as a stream, whatever its status: for what is passed on. @throws KubeApiError when none begins in time. */
  async open(request: KubeRequest, { signal, headersMs, idleMs }: OpenOptions): Promise<OpenAnswer> {
    try {
      const timeouts = { signal, headersTimeout: headersMs, bodyTimeout: idleMs };
      const { statusCode, headers, body } = await this.#dispatch(this.#passedOn, request, timeouts);
      return { status: statusCode, headers, body };
    } catch (error) {
      throw signal.aborted ? abortedError(request) : asKubeError(request, error);
    }
  }

  /** Ends every call and watch under way and lets go of the connections. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#calls, this.#watches, this.#passedOn].map((agent) => agent.destroy()));
  }

  async #attempt(
    request: KubeRequest,
    limits: Limits,
    signal: AbortSignal | undefined,
  ): Promise<RawResponse | KubeApiError> {
    const deadline = new Deadline(this.#clock, limits, signal);
    try {
      const answer = await this.#exchange(this.#calls, request, deadline);
      if (answer.status < 400) return answer;
      return errorFromAnswer(request, answer.status, answer.text, headerOf(answer.headers, "retry-after"));
    } catch (error) {
      return deadline.explain(request, error);
    } finally {
      deadline.done();
    }
  }

  async #exchange(agent: Agent, request: KubeRequest, deadline: Deadline): Promise<RawResponse> {
    const answer = await this.#exchangeOnce(agent, request, deadline);
    if (answer.status !== 401) return answer;
    // A token that has just rotated. Nothing was done, so any call may be sent again, unless its body was streamed.
    this.#access.refresh();
    if (request.body instanceof Readable) return answer;
    return this.#exchangeOnce(agent, request, deadline);
  }

  async #exchangeOnce(agent: Agent, request: KubeRequest, deadline: Deadline): Promise<RawResponse> {
    const started = this.#clock.now();
    let status = 0;
    try {
      const timeouts = { signal: deadline.signal, headersTimeout: 0, bodyTimeout: 0 };
      const answer = await this.#dispatch(agent, request, timeouts);
      status = answer.statusCode;
      return { status, headers: answer.headers, text: await answer.body.text() };
    } finally {
      this.#report(request, status, started);
    }
  }

  async #dispatch(
    agent: Agent,
    request: KubeRequest,
    timeouts: { signal: AbortSignal; headersTimeout: number; bodyTimeout: number },
  ): Promise<Dispatcher.ResponseData> {
    const credentials = await this.#access.headers();
    return fenced(agent, this.#mayAct).request({
      origin: this.#origin,
      path: `${this.#prefix}${request.path}`,
      method: request.method,
      headers: {
        accept: "application/json",
        "user-agent": this.#userAgent,
        ...request.headers,
        ...credentials,
      },
      body: request.body ?? null,
      ...(request.query === undefined ? {} : { query: request.query }),
      ...timeouts,
    });
  }

  #report({ method, path, query }: KubeRequest, status: number, started: number): void {
    const seconds = (this.#clock.now() - started) / 1000;
    this.#onExchange({ method, path, status, seconds, isWatch: query?.["watch"] !== undefined });
  }
}

interface Limits {
  readonly ms: number;
  /** For the message: of several attempts, what they have together. */
  readonly saidMs: number;
}

/** A signal that is aborted after a time or by the caller, and knows which. */
class Deadline {
  readonly #controller = new AbortController();
  readonly #saidMs: number;
  readonly #cancel: () => void;
  readonly #caller: AbortSignal | undefined;
  readonly #giveUp = (): void => this.#controller.abort();
  #late = false;

  constructor(clock: Clock, { ms, saidMs }: Limits, caller: AbortSignal | undefined) {
    this.#saidMs = saidMs;
    this.#caller = caller;
    this.#cancel = clock.after(ms, () => {
      this.#late = true;
      this.#controller.abort();
    });
    if (caller?.aborted === true) this.#controller.abort();
    caller?.addEventListener("abort", this.#giveUp, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  explain(request: KubeRequest, error: unknown): KubeApiError {
    if (this.#late) {
      const text = `${request.method} ${request.path}: no answer within ${Math.round(this.#saidMs) / 1000} s`;
      return new KubeApiError(text, { status: 0, reason: "", code: "timeout" });
    }
    return this.#caller?.aborted === true ? abortedError(request) : asKubeError(request, error);
  }

  done(): void {
    this.#cancel();
    this.#caller?.removeEventListener("abort", this.#giveUp);
  }
}

function abortedError({ method, path }: KubeRequest): KubeApiError {
  return new KubeApiError(`${method} ${path}: given up`, { status: 0, reason: "", code: "aborted" });
}

function asKubeError(request: KubeRequest, error: unknown): KubeApiError {
  if (!(error instanceof KubeConfigError)) return errorFromNetwork(request, error);
  return new KubeApiError(`${request.method} ${request.path}: ${error.message}. ${error.next}`, {
    status: 0,
    reason: "",
    code: "credentials",
  });
}

function headerOf(headers: RawResponse["headers"], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
