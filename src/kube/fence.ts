/**
 * Keeps an operator that does not lead (any more) from changing anything. The check is made where nothing comes after it:
 * in the turn of the event loop that writes the request to its connection. A request that waited for a connection, or a
 * process that was stopped and goes on, meets it there. Requests that only read pass.
 */
import type { Duplex } from "node:stream";
import type { Dispatcher } from "undici";

/** Whether requests that change something may leave this process, at this moment. */
export type MayAct = () => boolean;

/** Nothing was sent. */
export class NotLeadingError extends Error {
  readonly code = "NOT_LEADING";

  constructor() {
    super("not sent: this process does not lead");
    this.name = "NotLeadingError";
  }
}

type Handler = Dispatcher.DispatchHandler;
type Controller = Dispatcher.DispatchController;
type Headers = Parameters<NonNullable<Handler["onResponseStart"]>>[2];

class FencedHandler implements Handler {
  readonly #inner: Handler;
  readonly #mayAct: MayAct;

  constructor(inner: Handler, mayAct: MayAct) {
    this.#inner = inner;
    this.#mayAct = mayAct;
  }

  /** undici calls it right before it writes; what is thrown ends the request unsent. */
  onRequestStart(controller: Controller, context: unknown): void {
    if (!this.#mayAct()) throw new NotLeadingError();
    this.#inner.onRequestStart?.(controller, context);
  }

  onRequestUpgrade(controller: Controller, status: number, headers: Headers, socket: Duplex): void {
    this.#inner.onRequestUpgrade?.(controller, status, headers, socket);
  }

  onResponseStarted(): void {
    this.#inner.onResponseStarted?.();
  }

  onResponseStart(controller: Controller, status: number, headers: Headers, message?: string): void {
    this.#inner.onResponseStart?.(controller, status, headers, message);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#inner.onResponseData?.(controller, chunk);
  }

  onResponseEnd(controller: Controller, trailers: Headers): void {
    this.#inner.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Controller, error: Error): void {
    this.#inner.onResponseError?.(controller, error);
  }
}

/** The same dispatcher, for requests that read; others leave while `mayAct`, and fail with NotLeadingError otherwise. */
export function fenced(dispatcher: Dispatcher, mayAct: MayAct | undefined): Dispatcher {
  if (mayAct === undefined) return dispatcher;
  return dispatcher.compose(
    (dispatch) => (options, handler) =>
      dispatch(options, options.method === "GET" ? handler : new FencedHandler(handler, mayAct)),
  );
}
