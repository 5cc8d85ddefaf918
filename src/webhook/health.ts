/** `/healthz`: the process turns its event loop. `/readyz`: it has a certificate that is valid. `/metrics`: Prometheus. */
import { collectDefaultMetrics, Registry } from "prom-client";
import { type Readiness, serveHealth } from "../telemetry/health.ts";
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

export function readiness({ serving, problem, isEnding }: WebhookState, now: number): Readiness {
  const problems = problem === undefined ? [] : [problem];
  if (isEnding) return { isReady: false, notes: ["ends"] };
  if (serving === undefined) return { isReady: false, notes: ["no certificate yet", ...problems] };
  if (endOf(serving) <= now) return { isReady: false, notes: ["the certificate has ended", ...problems] };
  return { isReady: true, notes: problems };
}

export interface WebhookHealth {
  readonly answered: (path: string, status: number, allowed: boolean, seconds: number) => void;
  readonly close: () => Promise<void>;
}

export async function serveWebhookHealth(port: number, state: () => WebhookState): Promise<WebhookHealth> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { requests, seconds, refusals, certificateExpiry } = recorded(WEBHOOK, registry);
  const health = {
    alive: () => ({ isReady: true, notes: [] }),
    ready: () => readiness(state(), Date.now()),
  };
  const server = await serveHealth(port, health, {
    contentType: registry.contentType,
    text: () => {
      const { serving } = state();
      if (serving !== undefined) certificateExpiry.set(endOf(serving) / 1000);
      return registry.metrics();
    },
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
