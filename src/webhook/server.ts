/** The HTTPS server that the API server calls: `/validate`, `/mutate`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { Logger } from "../telemetry/log.ts";
import {
  type AdmissionRequest,
  type AdmissionResponse,
  BadReview,
  readReview,
  REVIEW_VERSION,
} from "./admission.ts";
import type { CertificateAndKey } from "./certificate.ts";

export type Answer = (request: AdmissionRequest) => Promise<AdmissionResponse> | AdmissionResponse;

export interface AdmissionServerOptions {
  readonly port: number;
  readonly answers: { readonly validate: Answer; readonly mutate: Answer };
  readonly log: Logger;
  /** An answer was given. */
  readonly answered?: (path: string, status: number, allowed: boolean, seconds: number) => void;
}

/** Two objects of the size that etcd takes, and some more. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new BadReview("the body is larger than 8 MiB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

export class AdmissionServer {
  readonly #server: Server;
  readonly #options: AdmissionServerOptions;
  #serving: string | undefined;

  constructor(options: AdmissionServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    // What begins a request has to end it: the API server gives up after seconds.
    this.#server.requestTimeout = 30_000;
    // As the API server keeps its connections.
    this.#server.keepAliveTimeout = 90_000;
  }

  /** Of the certificate that is served, PEM; undefined before the first. */
  get serving(): string | undefined {
    return this.#serving;
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === "object" ? address.port : 0;
  }

  /** New connections get this certificate; those that are open go on. */
  use({ certificate, key }: CertificateAndKey): void {
    if (certificate === this.#serving) return;
    this.#server.setSecureContext({ cert: certificate, key, minVersion: "TLSv1.2" });
    this.#serving = certificate;
  }

  /** @throws when the port is taken. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#options.port, resolve);
    });
  }

  /** Answers what was asked, and takes no more. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    const late = setTimeout(() => this.#server.closeAllConnections(), 2000);
    await closed;
    clearTimeout(late);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const began = performance.now();
    const path = request.url?.split("?")[0] ?? "";
    const { validate, mutate } = this.#options.answers;
    const answer = path === "/validate" ? validate : path === "/mutate" ? mutate : undefined;
    if (answer === undefined || request.method !== "POST")
      return void response.writeHead(404).end("POST /validate or /mutate\n");
    const { status, text, allowed } = await this.#answer(request, answer);
    response.writeHead(status, { "content-type": status === 200 ? "application/json" : "text/plain" });
    response.end(text);
    this.#options.answered?.(path, status, allowed, (performance.now() - began) / 1000);
  }

  async #answer(
    request: IncomingMessage,
    answer: Answer,
  ): Promise<{ status: number; text: string; allowed: boolean }> {
    try {
      const admission = readReview(await read(request));
      const response = await answer(admission);
      const { object, kind, namespace } = admission;
      const { allowed, status } = response;
      const name = object?.metadata?.name;
      if (!allowed)
        this.#options.log.info({ kind: kind.kind, namespace, name, why: status?.message }, "refused");
      const review = { apiVersion: REVIEW_VERSION, kind: "AdmissionReview", response };
      return { status: 200, text: JSON.stringify(review), allowed };
    } catch (error) {
      if (error instanceof BadReview) return { status: 400, text: `${error.message}\n`, allowed: false };
      // No opinion: the failurePolicy decides.
      this.#options.log.error({ error: String(error) }, "no answer");
      return { status: 500, text: "internal error\n", allowed: false };
    }
  }
}
