/** `/healthz`: the process turns its event loop. `/readyz`: its caches are complete. `/metrics`: Prometheus. */
import { createServer, type Server } from "node:http";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { NamespaceState } from "./watched-namespaces.ts";

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

/** As a metric: which namespaces are reconciled, and which cannot be read. */
export function measureNamespaces({ registry }: Metrics, states: () => readonly NamespaceState[]): void {
  const gauge = new Gauge({
    registers: [],
    name: "sluice_watched_namespace",
    help: "1: the namespace is reconciled. 0: it is to be, and cannot be read.",
    labelNames: ["namespace"],
    collect() {
      this.reset();
      for (const { namespace = "all", isOpen, problem } of states())
        this.set({ namespace }, isOpen && problem === undefined ? 1 : 0);
    },
  });
  registry.registerMetric(gauge);
}

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
