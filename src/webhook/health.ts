/** `/healthz`: the process turns its event loop. `/readyz`: it has a certificate that is valid. `/metrics`: Prometheus. */
import { createServer } from "node:http";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { endOf } from "./rotation.ts";

export interface WebhookState {
  /** The certificate that is served, PEM. */
  readonly serving: string | undefined;
  /** Why certificates are not looked after at the moment. */
  readonly problem: string | undefined;
  /** It still serves, and takes nothing new. */
  readonly isEnding: boolean;
}

export function readiness(
  { serving, problem, isEnding }: WebhookState,
  now: number,
): { isReady: boolean; text: string } {
  if (isEnding) return { isReady: false, text: "ends" };
  if (serving === undefined) return { isReady: false, text: problem ?? "no certificate yet" };
  if (endOf(serving) <= now) return { isReady: false, text: `the certificate has ended; ${problem ?? ""}` };
  return { isReady: true, text: problem === undefined ? "ok" : `ok\n${problem}` };
}

export interface WebhookHealth {
  readonly answered: (path: string, status: number, allowed: boolean, seconds: number) => void;
  readonly close: () => Promise<void>;
}

/** Names are controller-runtime's where it has one. */
function measures(state: () => WebhookState) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const requests = new Counter({
    name: "controller_runtime_webhook_requests_total",
    help: "Admission requests by HTTP status.",
    labelNames: ["webhook", "code"],
    registers,
  });
  const seconds = new Histogram({
    name: "controller_runtime_webhook_latency_seconds",
    help: "How long admission requests take.",
    labelNames: ["webhook"],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10],
    registers,
  });
  const refusals = new Counter({
    name: "sluice_webhook_refusals_total",
    help: "Admission requests that were refused.",
    registers,
  });
  const end = new Gauge({
    name: "sluice_webhook_certificate_end_seconds",
    help: "When the certificate that is served ends, in seconds since 1970.",
    registers,
    collect() {
      const { serving } = state();
      if (serving !== undefined) this.set(endOf(serving) / 1000);
    },
  });
  end.remove();
  return { registry, requests, seconds, refusals };
}

export async function serveWebhookHealth(port: number, state: () => WebhookState): Promise<WebhookHealth> {
  const { registry, requests, seconds, refusals } = measures(state);
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0];
    if (path === "/healthz") response.writeHead(200).end("ok\n");
    else if (path === "/readyz") {
      const { isReady, text } = readiness(state(), Date.now());
      response.writeHead(isReady ? 200 : 503).end(`${text}\n`);
    } else if (path === "/metrics") {
      registry.metrics().then(
        (text) => response.writeHead(200, { "content-type": registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      );
    } else response.writeHead(404).end();
  });
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, resolve);
  });
  return {
    answered: (webhook, status, allowed, took) => {
      requests.inc({ webhook, code: String(status) });
      seconds.observe({ webhook }, took);
      if (status === 200 && !allowed) refusals.inc();
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
