/** `/healthz`: the process turns its event loop. `/readyz`: its caches are complete. `/metrics`: Prometheus. */
import { createServer, type Server } from "node:http";
import type { Metrics } from "../telemetry/metrics/metrics.ts";
import type { NamespaceState } from "./watched-namespaces.ts";

export interface Readiness {
  readonly isReady: boolean;
  /** Said to whoever asks, ready or not. */
  readonly notes: readonly string[];
}

/** Ready as soon as something is reconciled and about the rest it is known why it is not. */
export function readinessOf(states: readonly NamespaceState[], isSettled: boolean): Readiness {
  const notes = states.flatMap(({ namespace = "all namespaces", problem }) =>
    problem === undefined ? [] : [`${namespace}: ${problem}`],
  );
  if (!isSettled) return { isReady: false, notes: ["caches not complete", ...notes] };
  return { isReady: states.some(({ isOpen }) => isOpen), notes };
}

/** Port 0 takes a free one. */
export async function serveHealth(
  port: number,
  readiness: () => Readiness,
  metrics: Metrics,
): Promise<Server> {
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0];
    if (path === "/healthz") response.writeHead(200).end("ok\n");
    else if (path === "/readyz") {
      const { isReady, notes } = readiness();
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
