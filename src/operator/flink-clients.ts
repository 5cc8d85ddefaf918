/** Flink REST clients for clusters: straight to the Service, or through the API server where there is no way to it. */
import { FlinkRestClient } from "../flink-rest/client.ts";
import {
  createFlinkAgent,
  directTransport,
  type FlinkAgent,
  type FlinkTransport,
  serviceProxyTransport,
} from "../flink-rest/transport.ts";
import type { KubeClient } from "../kube/client.ts";

type ClientFor = (namespace: string, name: string, port: number) => FlinkRestClient;

export interface FlinkClients {
  readonly clientFor: ClientFor;
  /** For calls that last, over connections of their own. */
  readonly jarClientFor: ClientFor;
  /** Waits for calls under way, but not for those that last. */
  readonly close: () => Promise<void>;
}

export function flinkClients(client: KubeClient, way: "direct" | "proxy"): FlinkClients {
  const agent = createFlinkAgent();
  const jarAgent = createFlinkAgent();
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
  const clientOver =
    (connections: FlinkAgent): ClientFor =>
    (namespace, name, port) =>
      new FlinkRestClient({
        transport:
          way === "direct"
            ? directTransport(`http://${name}-rest.${namespace}:${port}`, connections)
            : serviceProxyTransport(raw, namespace, `${name}-rest:${port}`),
      });
  return {
    clientFor: clientOver(agent),
    jarClientFor: clientOver(jarAgent),
    close: async () => {
      await jarAgent.destroy();
      await agent.close();
    },
  };
}
