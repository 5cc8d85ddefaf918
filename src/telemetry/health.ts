/** What a process answers to probes and to Prometheus: `/healthz`, `/readyz`, `/metrics`. Plain HTTP. */
import { createServer, type Server } from "node:http";

export interface Readiness {
  readonly isReady: boolean;
  /** Said to whoever asks, ready or not. */
  readonly notes: readonly string[];
}

export interface Health {
  readonly ready: () => Readiness;
  readonly alive: () => Readiness;
}

interface Metrics {
  readonly contentType: string;
  readonly text: () => Promise<string>;
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
