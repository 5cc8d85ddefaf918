/**
 * `/healthz`: the process turns its event loop, and canaries come by; it does not help to restart it for anything else.
 * `/readyz`: it works, or would at once if it led. `/metrics`: Prometheus.
 */
import { createServer, type Server } from "node:http";
import type { Metrics } from "../telemetry/metrics/metrics.ts";
import type { NamespaceState } from "./watched-namespaces.ts";

export interface Readiness {
  readonly isReady: boolean;
  /** Said to whoever asks, ready or not. */
  readonly notes: readonly string[];
}

export interface Health {
  readonly ready: () => Readiness;
  readonly alive: () => Readiness;
}

export function healthOf(failingCanaries: readonly string[]): Readiness {
  const notes = failingCanaries.map((name) => `canary ${name}: its change did not come back`);
  return { isReady: notes.length === 0, notes };
}

/**
 * Ready while some namespace can be followed, and about the rest it is known why it cannot. `role`: whether this process
 * leads; a standby is as ready as the leader, as it follows the same.
 */
export function readinessOf(
  states: readonly NamespaceState[],
  isSettled: boolean,
  role: string | undefined,
): Readiness {
  const notes = states.flatMap(({ namespace = "all namespaces", problem }) =>
    problem === undefined ? [] : [`${namespace}: ${problem}`],
  );
  if (!isSettled) return { isReady: false, notes: ["caches not complete", ...notes] };
  const isReady = states.some(({ isFollowed }) => isFollowed);
  return { isReady, notes: role === undefined ? notes : [role, ...notes] };
}

/** Port 0 takes a free one. */
export async function serveHealth(port: number, health: Health, metrics: Metrics): Promise<Server> {
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0];
    if (path === "/healthz" || path === "/readyz") {
      const { isReady, notes } = path === "/healthz" ? health.alive() : health.ready();
      const lines = isReady ? ["ok", ...notes] : notes;
      response.writeHead(isReady ? 200 : 503).end(`${lines.join("\n")}\n`);
    } else if (path === "/metrics") {
      metrics.text().then(
        (text) => response.writeHead(200, { "content-type": metrics.contentType }).end(text),
        () => response.writeHead(500).end(),
      );
    } else response.writeHead(404).end();
  });
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, resolve);
  });
  return server;
}
