/** Flink REST clients for clusters: straight to the Service, or through the API server where there is no way to it. */
import { FlinkRestClient } from "../flink-rest/client.ts";
import { directTransport, serviceProxyTransport } from "../flink-rest/transport.ts";
import type { KubeClient } from "../kube/client.ts";

export interface FlinkClients {
  readonly clientFor: (namespace: string, name: string, port: number) => FlinkRestClient;
  readonly close: () => Promise<void>;
}
