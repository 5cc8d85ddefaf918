/** Flink REST clients for clusters: straight to the Service, or through the API server where there is no way to it. */
import { FlinkRestClient } from "../flink-rest/client.ts";
import { HangGuard } from "../flink-rest/hang-guard.ts";
import {
  createFlinkAgent,
  directTransport,
  type FlinkAgent,
  type FlinkTransport,
  serviceProxyTransport,
} from "../flink-rest/transport.ts";
import type { KubeClient } from "../kube/client.ts";
import type { MayAct } from "../kube/fence.ts";
import type { JarHost } from "./jar-host.ts";

/** Straight from a pod; elsewhere through the API server, unless the user says otherwise. */
export function wayToFlink({
  env,
  kubeconfig,
  flinkRest,
}: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly kubeconfig: string | undefined;
  readonly flinkRest: "direct" | "proxy" | undefined;
}): "direct" | "proxy" {
  const inCluster = env["KUBERNETES_SERVICE_HOST"] !== undefined && kubeconfig === undefined;
  return flinkRest ?? (inCluster ? "direct" : "proxy");
}

type ClientFor = (namespace: string, name: string, port: number) => FlinkRestClient;

/** `host`: one of several JobManagers, whose own port is meant then. */
export type JarClientFor = (namespace: string, name: string, port: number, host?: JarHost) => FlinkRestClient;

export interface FlinkClients {
  readonly clientFor: ClientFor;
  /** For calls that last, over connections of their own; a JobManager that was silent is asked all the same. */
  readonly jarClientFor: JarClientFor;
  /** Something about the cluster `namespace/name` changed: if its JobManager was silent, it may answer now. */
  readonly changed: (key: string) => void;
  /** Ends calls under way. */
  readonly close: () => Promise<void>;
}

export interface FlinkClientsOptions {
  readonly agent?: FlinkAgent;
  /** Asked right before each request that is no GET is sent; for the agent when none is given. */
  readonly mayAct?: MayAct | undefined;
  /** The JobManager of the cluster `namespace/name` was silent and answers again. */
  readonly onAnswer?: (key: string) => void;
  /** Put around the way to each JobManager. */
  readonly around?: (transport: FlinkTransport) => FlinkTransport;
}

export function flinkClients(
  client: KubeClient,
  way: "direct" | "proxy",
  { mayAct, agent = createFlinkAgent({ mayAct }), onAnswer, around = (way) => way }: FlinkClientsOptions = {},
): FlinkClients {
  const guard = new HangGuard(onAnswer === undefined ? {} : { onAnswer });
  const jarAgent = createFlinkAgent({ mayAct });
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
  const transportFor = (namespace: string, name: string, port: number, connections: FlinkAgent) =>
    around(
      way === "direct"
        ? directTransport(`http://${name}-rest.${namespace}:${port}`, connections)
        : serviceProxyTransport(raw, namespace, `${name}-rest:${port}`),
    );
  const toPod = (namespace: string, { name, ip }: JarHost, port: number): FlinkTransport =>
    around(
      way === "direct"
        ? directTransport(`http://${ip.includes(":") ? `[${ip}]` : ip}:${port}`, jarAgent)
        : serviceProxyTransport(raw, namespace, `${name}:${port}`, "pods"),
    );
  return {
    clientFor: (namespace, name, port) => {
      const transport = transportFor(namespace, name, port, agent);
      return new FlinkRestClient({ transport: guard.guarded(`${namespace}/${name}`, transport) });
    },
    jarClientFor: (namespace, name, port, host) => {
      const transport =
        host === undefined ? transportFor(namespace, name, port, jarAgent) : toPod(namespace, host, port);
      return new FlinkRestClient({ transport });
    },
    changed: (key) => guard.changed(key),
    close: async () => {
      guard.close();
      await Promise.all([jarAgent.destroy(), agent.destroy()]);
    },
  };
}
