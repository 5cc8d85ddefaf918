/** Flink REST clients for clusters: straight to the Service, or through the API server where there is no way to it. */
import { FlinkRestClient } from "../flink-rest/client.ts";
import {
  createFlinkAgent,
  directTransport,
  type FlinkTransport,
  serviceProxyTransport,
} from "../flink-rest/transport.ts";
import type { KubeClient } from "../kube/client.ts";

export interface FlinkClients {
  readonly clientFor: (namespace: string, name: string, port: number) => FlinkRestClient;
  readonly close: () => Promise<void>;
}

export function flinkClients(client: KubeClient, way: "direct" | "proxy"): FlinkClients {
  const agent = createFlinkAgent();
  const raw: FlinkTransport = async ({ timeoutMs, method, path, query, headers, body }) => {
    const { status, text } = await client.raw(
      {
        method,
        path,
        ...(query === undefined ? {} : { query }),
        ...(headers === undefined ? {} : { headers }),
        ...(body === undefined ? {} : { body }),
        idempotent: false,
      },
      { deadlineMs: timeoutMs },
    );
    return { status, body: text };
  };
  return {
    clientFor: (namespace, name, port) =>
      new FlinkRestClient({
        transport:
          way === "direct"
            ? directTransport(`http://${name}-rest.${namespace}:${port}`, agent)
            : serviceProxyTransport(raw, namespace, `${name}-rest:${port}`),
      }),
    close: () => agent.close(),
  };
}
