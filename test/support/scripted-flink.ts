/** Flink that follows a script, in the place of the JobManager of one job that a real API server holds. */
import type { FlinkDeployment } from "../../src/api/flink-deployment.ts";
import { FlinkRestClient } from "../../src/flink-rest/client.ts";
import { createFlinkAgent, directTransport } from "../../src/flink-rest/transport.ts";
import type { FlinkClients } from "../../src/controller/flink-clients.ts";
import { ScriptedCluster } from "../../testbed/flink-rest/scripted-cluster.ts";
import { FlinkRestServer, type Handle } from "../../testbed/flink-rest/server.ts";
import { waitFor } from "../../testbed/lib/wait.ts";
import type { ApiForTests } from "./api-testbed.ts";

export interface ScriptedFlink {
  readonly cluster: ScriptedCluster;
  readonly handle: Handle;
  /** Whatever cluster they ask for, this one answers. */
  readonly clients: FlinkClients;
  readonly close: () => Promise<void>;
}

export async function startScriptedFlink(name: string): Promise<ScriptedFlink> {
  const agent = createFlinkAgent();
  const cluster = new ScriptedCluster({ version: "2.3" });
  const server = await FlinkRestServer.start();
  const handle = server.add("scripted", name, cluster);
  const client = (): FlinkRestClient =>
    new FlinkRestClient({ transport: directTransport(handle.url, agent) });
  return {
    cluster,
    handle,
    clients: { clientFor: client, jarClientFor: client, changed: () => {}, close: () => Promise.resolve() },
    close: async () => {
      await agent.close();
      await server.close();
    },
  };
}

/** The kubelet that the api testbed does not have, and the job that a JobManager would start. */
export async function bringUpJob(
  api: ApiForTests,
  namespace: string,
  cluster: ScriptedCluster,
): Promise<void> {
  const kubectl = (...args: string[]): Promise<string> => api.kubectl(["-n", namespace, ...args]);
  const selector = ["-l", "app=job,component=jobmanager", "-o", "name"];
  const pod = await waitFor(
    "the JobManager's pod",
    async () => (await kubectl("get", "pod", ...selector)).trim() || undefined,
    { deadline: 30_000 },
  );
  const job = JSON.parse(await kubectl("get", "flinkdep", "job", "-o", "json")) as FlinkDeployment;
  cluster.addJob({ jobId: job.status?.jobStatus?.jobId ?? "" });
  const status = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
  await kubectl("patch", pod, "--subresource=status", "--type=merge", "-p", JSON.stringify({ status }));
  await kubectl("wait", "--for=condition=Ready", "flinkdep/job", "--timeout=30s");
}
