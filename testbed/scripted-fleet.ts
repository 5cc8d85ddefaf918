/**
 * Session clusters and jobs on a real API server, with scripted JobManagers instead of real ones, and what a kubelet would
 * do. It counts every start of a job, and knows two of one resource's jobs at once when it sees them.
 */
import type { FlinkDeployment } from "../src/api/flink-deployment.ts";
import type { FlinkSessionJob } from "../src/api/flink-session-job.ts";
import type { KubeObject } from "../src/api/kube-object.ts";
import type { KubeClient } from "../src/kube/client.ts";
import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  FLINK_DEPLOYMENTS,
  FLINK_SESSION_JOBS,
  PODS,
} from "../src/kube/resource-type.ts";
import { ScriptedCluster } from "./flink-rest/scripted-cluster.ts";
import type { JobScript, ScriptedJob } from "./flink-rest/scripted-job.ts";
import { FlinkRestServer } from "./flink-rest/server.ts";
import { flinkDeployment } from "./gen/flink-deployment.ts";
import { sessionJob } from "./gen/session.ts";
import { waitFor } from "./lib/wait.ts";

export interface FleetSize {
  readonly sessions: number;
  readonly jobsEach: number;
  readonly applications: number;
  /** Milliseconds between two looks at the pods. Default 100. */
  readonly pause?: number;
}

const ENDED = new Set(["FINISHED", "CANCELED", "FAILED"]);

/** The jobs of one resource: their ids begin alike in a session cluster; an application has a cluster of its own. */
class CountedCluster extends ScriptedCluster {
  readonly uid: string;
  readonly #fleet: ScriptedFleet;
  readonly #jobs: ScriptedJob[] = [];
  readonly #ownerOf: (jobId: string) => string;

  constructor(fleet: ScriptedFleet, uid: string, ownerOf: (jobId: string) => string) {
    super({ version: "2.3" });
    this.uid = uid;
    this.#fleet = fleet;
    this.#ownerOf = ownerOf;
  }

  override addJob(script: JobScript): ScriptedJob {
    const owner = this.#ownerOf(script.jobId);
    const beside = this.#jobs.filter(
      ({ jobId, state }) => this.#ownerOf(jobId) === owner && !ENDED.has(state),
    );
    if (beside.length > 0) this.#fleet.violations.push(`${script.jobId} beside ${beside[0]?.jobId}`);
    if (this.#fleet.starts.has(script.jobId)) this.#fleet.violations.push(`${script.jobId} started twice`);
    this.#fleet.starts.add(script.jobId);
    const job = super.addJob(script);
    this.#jobs.push(job);
    return job;
  }
}

export class ScriptedFleet {
  readonly violations: string[] = [];
  /** Ids of jobs that were started. */
  readonly starts = new Set<string>();
  readonly #client: KubeClient;
  readonly #namespace: string;
  readonly #rest: FlinkRestServer;
  readonly #clusters = new Map<string, CountedCluster>();
  #kubelet: Promise<void> = Promise.resolve();
  #isClosing = false;
  #edits = 0;

  private constructor(client: KubeClient, namespace: string, rest: FlinkRestServer) {
    this.#client = client;
    this.#namespace = namespace;
    this.#rest = rest;
  }

  static async start(client: KubeClient, namespace: string, size: FleetSize): Promise<ScriptedFleet> {
    const fleet = new ScriptedFleet(client, namespace, await FlinkRestServer.start());
    for (let nth = 0; nth < size.sessions; nth++) await fleet.#createCluster(`session-${nth}`, false);
    for (let nth = 0; nth < size.applications; nth++) await fleet.#createCluster(`app-${nth}`, true);
    for (let nth = 0; nth < size.sessions * size.jobsEach; nth++)
      await fleet.#createJob(`job-${nth}`, `session-${nth % size.sessions}`);
    fleet.#kubelet = fleet.#work(size.pause ?? 100);
    return fleet;
  }

  /** Where every JobManager answers. */
  get port(): number {
    return this.#rest.port;
  }

  async #createCluster(name: string, isApplication: boolean): Promise<void> {
    const { spec, apiVersion, kind } = flinkDeployment();
    const { job, ...session } = spec;
    const flinkConfiguration = {
      ...(spec.flinkConfiguration as object),
      "rest.port": String(this.#rest.port),
      // Job ids change with each start.
      "high-availability.type": "NONE",
    };
    await this.#client.create<FlinkDeployment>(FLINK_DEPLOYMENTS, {
      apiVersion,
      kind,
      metadata: { name, namespace: this.#namespace },
      spec: { ...session, ...(isApplication && job ? { job } : {}), flinkConfiguration },
    });
  }

  async #createJob(name: string, deploymentName: string): Promise<void> {
    const { spec, apiVersion, kind } = sessionJob();
    const { jarURI: _, ...job } = spec.job ?? {};
    await this.#client.create<FlinkSessionJob>(FLINK_SESSION_JOBS, {
      apiVersion,
      kind,
      metadata: { name, namespace: this.#namespace },
      spec: { deploymentName, job: { ...job, entryClass: "Main" } },
    });
  }

  /** A change that restarts some job. */
  async edit(): Promise<void> {
    const nth = this.#edits++;
    const type = nth % 4 === 0 ? FLINK_DEPLOYMENTS : FLINK_SESSION_JOBS;
    const { items } = await this.#client.list<KubeObject>(type, { namespace: this.#namespace });
    const jobs = items.filter(
      ({ kind, metadata }) => kind === "FlinkSessionJob" || metadata.name.startsWith("app-"),
    );
    const chosen = jobs[(nth * 7) % jobs.length];
    if (chosen === undefined) return;
    const patch = { spec: { restartNonce: nth + 1 } };
    await this.#client.patch(type, this.#namespace, chosen.metadata.name, patch, { kind: "merge" });
  }

  /** Every job runs as its newest spec says. */
  async untilStable(deadline: number): Promise<void> {
    const unstable = async (): Promise<string[]> => {
      const lists = await Promise.all(
        [FLINK_DEPLOYMENTS, FLINK_SESSION_JOBS].map((type) =>
          this.#client.list<FlinkDeployment>(type, { namespace: this.#namespace }),
        ),
      );
      return lists
        .flatMap(({ items }) => items)
        .filter(({ metadata, status }) => {
          const { observedGeneration, conditions = [] } = status ?? {};
          const isReady = conditions.some(({ type, status: is }) => type === "Ready" && is === "True");
          return observedGeneration !== metadata.generation || !isReady;
        })
        .map(
          ({ metadata, status }) =>
            `${metadata.name} ${JSON.stringify(status?.conditions?.find(({ type }) => type === "Ready"))}`,
        );
    };
    let left: string[] = [];
    await waitFor("all jobs to run", async () => (left = await unstable()).length === 0, { deadline }).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}: ${left.join("\n")}`);
      },
    );
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#kubelet;
    await this.#rest.close();
  }

  async #work(pause: number): Promise<void> {
    while (!this.#isClosing) {
      await this.#round().catch((error: unknown) => this.violations.push(`the kubelet: ${String(error)}`));
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  async #round(): Promise<void> {
    const labelSelector = "component=jobmanager";
    const selectors = { namespace: this.#namespace, labelSelector };
    const [pods, deployments] = await Promise.all([
      this.#client.list<KubeObject>(PODS, selectors),
      this.#client.list<KubeObject>(DEPLOYMENTS, selectors),
    ]);
    const live = new Map(pods.items.map((pod) => [pod.metadata.labels?.["app"] ?? "", pod]));
    for (const name of this.#clusters.keys()) {
      const uid = deployments.items.find(({ metadata }) => metadata.name === name)?.metadata.uid;
      if (live.has(name) && uid === this.#clusters.get(name)?.uid) continue;
      this.#clusters.delete(name);
      this.#rest.remove(this.#namespace, name);
    }
    for (const { metadata } of deployments.items) {
      const pod = live.get(metadata.name);
      if (pod !== undefined && pod.metadata.deletionTimestamp === undefined)
        await this.#bringUp(metadata, pod);
    }
  }

  async #bringUp({ name, uid = "" }: KubeObject["metadata"], pod: KubeObject): Promise<void> {
    if (!this.#clusters.has(name)) {
      const jobId = name.startsWith("app-") ? await this.#configuredJob(name) : undefined;
      if (name.startsWith("app-") && jobId === undefined) return;
      const cluster = new CountedCluster(this, uid, (id) => (jobId === undefined ? id.slice(0, 16) : name));
      this.#clusters.set(name, cluster);
      this.#rest.add(this.#namespace, name, cluster);
      if (jobId !== undefined) cluster.addJob({ jobId });
    }
    const { phase } = (pod["status"] ?? {}) as { phase?: string };
    if (phase === "Running") return;
    const status = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
    const ready = { ...pod, status };
    await this.#client.replaceStatus(PODS, ready).catch(() => undefined);
  }

  /** The id under which the JobManager would start its job. */
  async #configuredJob(name: string): Promise<string | undefined> {
    const map = await this.#client.get<KubeObject>(CONFIG_MAPS, this.#namespace, `flink-config-${name}`);
    return /job-id['"]?: *['"]?([0-9a-f]{32})/.exec(JSON.stringify(map?.["data"] ?? {}))?.[1];
  }
}
