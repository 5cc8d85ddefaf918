/**
 * A namespace of a real API server in which clusters seem to run: what a kubelet and Flink would do is done here by script.
 * The Deployment of a JobManager becomes available as soon as it is there, and its job runs in a scripted Flink.
 */
import { join } from "node:path";
import { buildConnector } from "undici";
import { onTestFinished } from "vitest";
import type { FlinkDeploymentSpec } from "../../../src/api/flink-deployment.ts";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import { flinkClients } from "../../../src/controller/flink-clients.ts";
import { createFlinkAgent } from "../../../src/flink-rest/transport.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import { isKubeError } from "../../../src/kube/client.ts";
import { CONFIG_MAPS, DEPLOYMENTS, PODS } from "../../../src/kube/resource-type.ts";
import type { Surroundings } from "../../../src/targets/job.ts";
import { KubernetesTarget } from "../../../src/targets/kubernetes/kubernetes-target.ts";
import { ScriptedCluster } from "../../../testbed/flink-rest/scripted-cluster.ts";
import { repository } from "../../../testbed/lib/paths.ts";
import { type Handle, FlinkRestServer } from "../../../testbed/flink-rest/server.ts";
import { flinkSpec, withConfiguration } from "../../../testbed/gen/flink-deployment.ts";
import { apiTestbed } from "../../support/api-testbed.ts";
import { clientFor } from "../kube/support.ts";

export interface Start {
  readonly name: string;
  readonly jobId: string;
  /** Where the job was told to go on from; undefined: nowhere. */
  readonly from: string | undefined;
}

interface Running {
  readonly uid: string;
  readonly cluster: ScriptedCluster;
  readonly handle: Handle;
  readonly start: Start;
}

const TICK_MS = 50;

function replicasOf({ spec }: KubeObject): number {
  return (spec as { replicas?: number }).replicas ?? 1;
}

/** What Flink's configuration says, nested or not: enough for single words. */
function option(text: string, key: string): string | undefined {
  return new RegExp(`^\\s*(?:${key}): *['"]?([^'"\\n]+)`, "m").exec(text)?.[1];
}

export class Stage {
  readonly namespace: string;
  /** The administrator's. */
  readonly client: KubeClient;
  /** With the rights of the example's Role, and no others. */
  readonly #restricted: KubeClient;
  readonly lines: string[] = [];
  /** In the order in which they ran. */
  readonly starts: Start[] = [];
  readonly #rest: FlinkRestServer;
  readonly #running = new Map<string, Running>();
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> | undefined;

  private constructor(namespace: string, client: KubeClient, restricted: KubeClient, rest: FlinkRestServer) {
    this.namespace = namespace;
    this.client = client;
    this.#restricted = restricted;
    this.#rest = rest;
  }

  static async open(): Promise<Stage> {
    const api = apiTestbed();
    const namespace = await api.freshNamespace("direct");
    const inNamespace = (...args: string[]): Promise<string> => api.kubectl(["-n", namespace, ...args]);
    await inNamespace("apply", "-f", join(repository, "examples/orchestration-job/rights.yaml"));
    await inNamespace("create", "serviceaccount", "flink");
    const token = (await inNamespace("create", "token", "sluice-job")).trim();
    const rest = await FlinkRestServer.start();
    const stage = new Stage(namespace, clientFor(api), clientFor({ ...api, token }), rest);
    stage.#timer = setInterval(() => {
      stage.#ticking ??= stage.#tick().finally(() => (stage.#ticking = undefined));
    }, TICK_MS);
    onTestFinished(async () => {
      clearInterval(stage.#timer);
      await stage.#ticking;
      await stage.#rest.close();
    });
    return stage;
  }

  /** What a command of its own has: a process of its own, as far as anybody can tell. */
  command(timeoutMs = 30_000, signal = new AbortController().signal): Surroundings {
    const connector = buildConnector({});
    const { port } = this.#rest;
    const agent = createFlinkAgent({
      connect: (options, callback) =>
        connector({ ...options, hostname: "127.0.0.1", host: "127.0.0.1", port: String(port) }, callback),
    });
    const target = new KubernetesTarget({
      client: this.#restricted,
      namespace: this.namespace,
      flinkRest: "direct",
      env: {},
      flinkClients: flinkClients(this.#restricted, "direct", { agent }),
    });
    onTestFinished(() => target.close());
    return { target, timeoutMs, signal, progress: (line) => void this.lines.push(line) };
  }

  /** The job file's spec; its state is nowhere that this machine could look into. */
  spec(...changes: Parameters<typeof flinkSpec>): FlinkDeploymentSpec {
    return flinkSpec(
      withConfiguration({
        "state.checkpoints.dir": "hdfs://nowhere/checkpoints",
        "state.savepoints.dir": "hdfs://nowhere/savepoints",
        "high-availability.storageDir": "hdfs://nowhere/ha",
      }),
      ...changes,
    );
  }

  cluster(name = "job"): Running {
    const found = this.#running.get(name);
    if (found === undefined) throw new Error(`no cluster ${name} runs`);
    return found;
  }

  get clusters(): readonly string[] {
    return [...this.#running.keys()];
  }

  async record(name = "job"): Promise<Record<string, string> | undefined> {
    const found = await this.client.get<KubeObject>(CONFIG_MAPS, this.namespace, `sluice-${name}`);
    return found && (found["data"] as Record<string, string>);
  }

  /** Names of everything that belongs to clusters. */
  async objects(): Promise<string[]> {
    const kinds = "deployments,services,configmaps,ingresses";
    const text = await apiTestbed().kubectl(["-n", this.namespace, "get", kinds, "-o", "name"]);
    const others = /^configmap\/(?:kube-root-ca\.crt|sluice-.*)$/;
    return text.split("\n").filter((line) => line !== "" && !others.test(line));
  }

  async #tick(): Promise<void> {
    const { items } = await this.client.list<KubeObject>(DEPLOYMENTS, { namespace: this.namespace });
    for (const [name, { uid }] of this.#running) {
      const isThere = items.some((one) => one.metadata.uid === uid && replicasOf(one) > 0);
      if (isThere) continue;
      this.#rest.remove(this.namespace, name);
      this.#running.delete(name);
    }
    for (const deployment of items) await this.#serve(deployment);
    const pods = await this.client.list<KubeObject>(PODS, { namespace: this.namespace });
    for (const pod of pods.items) await this.#makeReady(pod);
  }

  /** The Deployment's controller makes its pods; no kubelet runs them. */
  async #makeReady(pod: KubeObject): Promise<void> {
    const { app = "" } = pod.metadata.labels ?? {};
    const isRunning = (pod["status"] as { phase?: string }).phase === "Running";
    if (isRunning || pod.metadata.deletionTimestamp !== undefined || !this.#running.has(app)) return;
    const conditions = [{ type: "Ready", status: "True" }];
    const patch = { status: { phase: "Running", conditions } };
    const params = { kind: "merge", subresource: "status" } as const;
    await this.client
      .patch(PODS, this.namespace, pod.metadata.name, patch, params)
      .catch((error: unknown) => {
        if (!isKubeError(error, "not-found")) throw error;
      });
  }

  async #serve(deployment: KubeObject): Promise<void> {
    const { name, uid = "", deletionTimestamp } = deployment.metadata;
    if (deletionTimestamp !== undefined || replicasOf(deployment) === 0 || this.#running.has(name)) return;
    const config = await this.client.get<KubeObject>(CONFIG_MAPS, this.namespace, `flink-config-${name}`);
    if (config === undefined) return;
    const text = Object.values(config["data"] as Record<string, string>).join("\n");
    const jobId = option(text, "job-id|\\$internal\\.pipeline\\.job-id") ?? "";
    const from = option(text, "path") ?? undefined;
    const start = { name, jobId, from: from?.startsWith("hdfs:") === true ? from : undefined };
    const cluster = new ScriptedCluster({ version: "2.3" });
    cluster.addJob({ jobId, ...(start.from === undefined ? {} : { restoredFrom: start.from }) });
    const handle = this.#rest.add(this.namespace, name, cluster);
    this.#running.set(name, { uid, cluster, handle, start });
    this.starts.push(start);
  }
}
