/** `/healthz`: the process turns its event loop. `/readyz`: it has a certificate that is valid. `/metrics`: Prometheus. */
import { createServer } from "node:http";
import { collectDefaultMetrics, Registry } from "prom-client";
import { WEBHOOK } from "../telemetry/metrics/descriptions.ts";
import { recorded } from "../telemetry/metrics/metrics.ts";
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

export async function serveWebhookHealth(port: number, state: () => WebhookState): Promise<WebhookHealth> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { requests, seconds, refusals, certificateExpiry } = recorded(WEBHOOK, registry);
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0];
    if (path === "/healthz") response.writeHead(200).end("ok\n");
    else if (path === "/readyz") {
      const { isReady, text } = readiness(state(), Date.now());
      response.writeHead(isReady ? 200 : 503).end(`${text}\n`);
    } else if (path === "/metrics") {
      const { serving } = state();
      if (serving !== undefined) certificateExpiry.set(endOf(serving) / 1000);
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
