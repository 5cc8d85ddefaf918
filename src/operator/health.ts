/** `/healthz`: the process turns its event loop. `/readyz`: its caches are complete. `/metrics`: Prometheus. */
import { createServer, type Server } from "node:http";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

export interface Metrics {
  readonly registry: Registry;
  /** By result: success, retry, error. */
  readonly reconciles: Counter<"controller" | "result">;
  readonly seconds: Histogram<"controller">;
  readonly queueDepth: Gauge<"name">;
}

/** Names are controller-runtime's, so that dashboards for controllers work. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    reconciles: new Counter({
      name: "controller_runtime_reconcile_total",
      help: "Passes over resources, by result.",
      labelNames: ["controller", "result"],
      registers: [registry],
    }),
    seconds: new Histogram({
      name: "controller_runtime_reconcile_time_seconds",
      help: "Length of a pass over one resource.",
      labelNames: ["controller"],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers: [registry],
    }),
    queueDepth: new Gauge({
      name: "workqueue_depth",
      help: "Resources that wait for a pass.",
      labelNames: ["name"],
      registers: [registry],
    }),
  };
}

/** Port 0 takes a free one. */
export async function serveHealth(port: number, isReady: () => boolean, metrics: Metrics): Promise<Server> {
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0];
    if (path === "/healthz") response.writeHead(200).end("ok\n");
    else if (path === "/readyz")
      response.writeHead(isReady() ? 200 : 503).end(isReady() ? "ok\n" : "caches not complete\n");
    else if (path === "/metrics") {
      metrics.registry.metrics().then(
        (text) => response.writeHead(200, { "content-type": metrics.registry.contentType }).end(text),
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
