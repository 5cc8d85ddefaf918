/** Jobs as processes of this machine: cluster.ts takes the place of Kubernetes, a file that of the ConfigMap. */
import { join } from "node:path";
import type { FlinkDeployment, FlinkDeploymentSpec } from "../../api/flink-deployment.ts";
import type { Shell } from "./shell.ts";
import { failureOf } from "../../controller/execute.ts";
import { isFlinkAction, runFlinkAction } from "../../controller/flink-actions.ts";
import type { FlinkConfiguration } from "../../flink/configuration.ts";
import { FlinkRestClient } from "../../flink-rest/client.ts";
import { createFlinkAgent, directTransport } from "../../flink-rest/transport.ts";
import type {
  Action,
  ActionFailure,
  ObservedCluster,
  RetainedAnswer,
  RetainedQuestion,
} from "../../reconcile/decision.ts";
import { InvalidClusterError } from "../../resources/invalid-cluster.ts";
import { looksInto } from "../../state-storage/retained-checkpoints.ts";
import { StateStorages } from "../../state-storage/state-storage.ts";
import { newRecord, readRecord } from "../record.ts";
import { type Lock, type Prepared, Refusal, type Target } from "../target.ts";
import { LocalCluster } from "./cluster.ts";
import { findDistribution } from "./distribution.ts";
import { jobFolder, stateFolder } from "./job-folders.ts";
import { KernelLock } from "./lock.ts";
import { forgetJars } from "./jar.ts";
import type { Mapping } from "./localise.ts";
import { prepare } from "./prepare.ts";
import { FileRecords } from "./records.ts";
import { readSettings } from "./settings.ts";
import { endSupervisor, ensureSupervisor, SUPERVISOR, type SupervisorPlace } from "./supervisor-process.ts";

/** Nobody listens there. */
const NO_PORT = 1;
/** Milliseconds for the supervisor to end its pass. */
const LOCK_MS = 60_000;

export interface LocalTargetOptions {
  readonly namespace: string;
  readonly stateDir: string | undefined;
  /** FLINK_HOME, if the user names one. */
  readonly flinkHome: string | undefined;
  readonly mappings: readonly Mapping[];
  /** For people: which command it is; `supervisor` for the supervisor. */
  readonly who: string;
  readonly shell: Shell;
}

export class LocalTarget implements Target {
  readonly name = "local";
  readonly namespace: string;
  readonly records: FileRecords;
  readonly #options: LocalTargetOptions;
  readonly #state: string;
  readonly #agent = createFlinkAgent();
  readonly #storages: StateStorages;
  readonly #locks = new Map<string, KernelLock>();

  constructor(options: LocalTargetOptions) {
    const { env } = options.shell;
    this.namespace = options.namespace;
    this.#options = options;
    this.#state = stateFolder(options.stateDir, env);
    this.#storages = new StateStorages({ env });
    // From the first wish on somebody sees to it, whatever becomes of the command that wrote it.
    this.records = new FileRecords({
      jobs: join(this.#state, this.namespace),
      folder: (name) => this.folderOf(name),
      written: async (name) => {
        if (!this.#isSupervisor) await ensureSupervisor(this.folderOf(name), this.#place(name));
      },
    });
  }

  get #isSupervisor(): boolean {
    return this.#options.who === SUPERVISOR;
  }

  folderOf(name: string): string {
    return jobFolder(this.#state, this.namespace, name);
  }

  clusterOf(name: string): LocalCluster {
    const folder = this.folderOf(name);
    const { env, stderr } = this.#options.shell;
    const flinkHome = async (version: string): Promise<string> => {
      const known = readSettings(folder).flinkHomes[version];
      return known ?? findDistribution(version.slice(1).replace("_", "."), undefined, { env, stderr });
    };
    return new LocalCluster({ folder, flinkHome, env, now: Date.now });
  }

  async lock(name: string): Promise<Lock> {
    const lock = new KernelLock(this.folderOf(name), "passes", this.#options.who);
    const holder = await lock.acquire(LOCK_MS, ({ what }) => what === SUPERVISOR || this.#isSupervisor);
    if (holder !== undefined) {
      throw new Refusal(
        "locked",
        `another command works on ${name}: ${holder.what}, process ${holder.pid}`,
        "Wait until it has ended.",
      );
    }
    this.#locks.set(name, lock);
    return { lost: new AbortController().signal, release: () => this.#release(name, lock) };
  }

  /** Whoever leaves a job leaves it looked after, or with nothing of it running. */
  async #release(name: string, lock: KernelLock): Promise<void> {
    this.#locks.delete(name);
    try {
      if (!this.#isSupervisor) await this.#leave(name);
    } finally {
      await lock.release();
    }
  }

  async #leave(name: string): Promise<void> {
    const folder = this.folderOf(name);
    const record = await this.records.read(name);
    if (record !== undefined)
      forgetJars(folder, [JSON.stringify(record), JSON.stringify(this.clusterOf(name).file() ?? {})]);
    if (await this.isWanted(name)) await ensureSupervisor(folder, this.#place(name));
    // It waits for the lock, and so is in the middle of nothing.
    else await endSupervisor(folder);
  }

  /** Whether somebody has to look after the job: its cluster is there, or is to be. */
  async isWanted(name: string): Promise<boolean> {
    const cluster = this.clusterOf(name);
    if (cluster.file() !== undefined || cluster.processes().length > 0) return true;
    const stored = await this.records.read(name);
    if (stored === undefined) return false;
    return readRecord(name, this.namespace, stored).resource.spec.job?.state !== "suspended";
  }

  #place(name: string): SupervisorPlace {
    return { state: this.#state, namespace: this.namespace, name, env: this.#options.shell.env };
  }

  /** Nobody else looks after jobs of this machine. */
  async requireOwn(): Promise<void> {}

  async prepare(name: string, spec: FlinkDeploymentSpec): Promise<Prepared> {
    const { flinkHome, mappings, shell } = this.#options;
    const resource = newRecord(name, this.namespace).resource;
    try {
      return await prepare(
        { ...resource, spec },
        { folder: this.folderOf(name), flinkHome, mappings, shell },
      );
    } catch (error) {
      if (error instanceof InvalidClusterError)
        throw new Refusal("act", error.message, `Mend ${error.option}.`);
      throw error;
    }
  }

  /** Who has no right to change the job only looks, and wakes a supervisor where it has died. */
  async observe(resource: FlinkDeployment): Promise<ObservedCluster> {
    const { name } = resource.metadata;
    const cluster = this.clusterOf(name);
    if (this.#locks.has(name)) return cluster.observe(resource);
    if (await this.isWanted(name)) await ensureSupervisor(this.folderOf(name), this.#place(name));
    return cluster.look(resource);
  }

  /** The cluster's port is chosen when it starts. */
  webInterface(name: string): string {
    const port = this.clusterOf(name).file()?.ports.rest ?? NO_PORT;
    return `http://127.0.0.1:${port}`;
  }

  flinkFor(_: string, name: string): FlinkRestClient {
    return new FlinkRestClient({ transport: directTransport(this.webInterface(name), this.#agent) });
  }

  async execute(
    action: Action,
    resource: FlinkDeployment,
    flink: FlinkRestClient,
  ): Promise<ActionFailure | undefined> {
    try {
      return await this.#run(action, this.clusterOf(resource.metadata.name), flink);
    } catch (error) {
      return failureOf(action.type, error);
    }
  }

  async #run(
    action: Action,
    cluster: LocalCluster,
    flink: FlinkRestClient,
  ): Promise<ActionFailure | undefined> {
    if (isFlinkAction(action)) return runFlinkAction(action, flink);
    switch (action.type) {
      case "create-cluster":
        await cluster.create(action);
        return undefined;
      case "scale-job-manager-to-zero":
        await cluster.stopJobManager(action.uid);
        return undefined;
      case "delete-job-manager":
        await cluster.delete(action.uid);
        return undefined;
      case "scale-task-managers":
        await cluster.scale(action);
        return undefined;
      case "delete-leftovers":
        for (const { uid } of action.objects) await cluster.deleteTaskManagers(uid);
        return undefined;
      // A record has its finalizer, there is no Kubernetes to hold HA metadata, snapshots or an Ingress, and jobs come with clusters.
      case "add-finalizer":
      case "remove-finalizer":
      case "delete-config-maps":
      case "remove-job-graphs":
      case "create-snapshot":
      case "delete-snapshot":
      case "submit-job":
      case "create-ingress":
      case "delete-ingress":
      case "patch-object":
        return undefined;
    }
  }

  findRetained(question: RetainedQuestion): Promise<RetainedAnswer> {
    return looksInto(this.#storages).retained(question);
  }

  findSnapshot(path: string, access: FlinkConfiguration): Promise<RetainedAnswer> {
    return looksInto(this.#storages).snapshot(path, access);
  }

  async close(): Promise<void> {
    await this.#agent.close();
    await this.#storages.close();
  }
}
