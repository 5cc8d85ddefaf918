/** Calls of the API server, under client-go's names and under the Apache operator's. */
import type { Exchange } from "../../kube/transport.ts";
import type { Family } from "./description.ts";
import { APACHE } from "./descriptions.ts";
import type { Metrics } from "./metrics.ts";
import type { System } from "./resource-families.ts";

/** The Apache operator's idea of slow. */
const SLOW_SECONDS = 5;

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** What a KubeClient is given to report its exchanges to. `host`: of the API server. */
export function measureKubeCalls(
  metrics: Metrics,
  host: string,
  system: System,
): (exchange: Exchange) => void {
  const { kubeRequests, kubeSeconds } = metrics.record;
  const requests = new Map<string, number>();
  const responses = new Map<string, number>();
  const labels = { host: system.host, namespace: system.namespace, name: system.name };
  metrics.add("API calls", (): Family[] => [
    ...[...requests].map(([variant, value]) => ({
      description: APACHE.clientRequests,
      variant,
      samples: [{ labels, value }],
    })),
    ...[...responses].map(([variant, value]) => ({
      description: APACHE.clientResponses,
      variant,
      samples: [{ labels, value }],
    })),
  ]);
  return ({ method, status, seconds, isWatch }) => {
    const code = status === 0 ? "<error>" : String(status);
    kubeRequests.inc({ code, method, host });
    count(requests, "");
    count(requests, `${method}_`);
    if (status === 0 || status >= 400) count(requests, "Failed_");
    if (status !== 0) count(responses, "");
    if (status !== 0) count(responses, `${status}_`);
    if (isWatch) return;
    kubeSeconds.observe({ verb: method, host }, seconds);
    if (seconds > SLOW_SECONDS) count(requests, "Slow_");
  };
}
