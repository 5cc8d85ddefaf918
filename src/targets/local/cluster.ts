/**
 * The cluster of one job on this machine: what Kubernetes' controllers and the kubelet do for a standalone cluster. What
 * is to run is written down first (cluster-file.ts); `keep` then starts what is missing, and ends what nobody wants.
 * One at a time per job: whoever calls holds the job's lock.
 */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import { flattenConfiguration, getNumber, getOption } from "../../flink/configuration.ts";
import { CHECKPOINTS_DIR, REST_PORT } from "../../flink/options.ts";
import { below } from "../../flink/state-location.ts";
import type { Action, ObservedCluster } from "../../reconcile/decision.ts";
import type { ClusterInputs } from "../../resources/cluster-inputs.ts";
import type { Component } from "../../resources/labels.ts";
import { scaleAnnotation, taskManagerCount } from "../../resources/task-manager-count.ts";
import { withSpecDefaults } from "../../api/defaults.ts";
import {
  type ClusterFile,
  ended,
  type JobManagerEntry,
  mayStart,
  NO_STARTS,
  readCluster,
  started,
  type Starts,
  type TaskManagersEntry,
  writeCluster,
} from "./cluster-file.ts";
import { clusterObjects, type Seen } from "./cluster-objects.ts";
import { localCluster, type Ports } from "./configuration.ts";
import { writeWhole } from "./files.ts";
import { templateVariables } from "./localise.ts";
import { freePort, listensOn } from "./ports.ts";
import { endProcesses, findProcesses, type MarkedProcess, type Role, startProcess } from "./processes.ts";

/** Milliseconds for a process to end by itself. */
const GRACE_MS = 5000;
const LAST_WORDS_BYTES = 8192;

export interface Surroundings {
  /** Absolute, without symbolic links. */
  readonly folder: string;
  /** The Flink to start, for a job's version. */
  readonly flinkHome: (version: string) => Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
}

type CreateCluster = Extract<Action, { type: "create-cluster" }>;

function withoutFlinkVariables(env: Surroundings["env"]): Record<string, string> {
  // A shell that is set up for another Flink must not lead this one astray.
  const kept = Object.entries(env).filter(([name]) => !/^(?:FLINK_|JVM_ARGS$|HADOOP_CONF_DIR$)/.test(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, value ?? ""]));
}

function logFile(folder: string, role: Role): string {
  return join(folder, "logs", `${role}.out`);
}

function lastWords(folder: string, role: Role): string {
  try {
    const file = openSync(logFile(folder, role), "r");
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, LAST_WORDS_BYTES));
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
    closeSync(file);
    return bytes.toString("utf8");
  } catch {
    return "";
  }
}

/** Whether a job with the attempt's id left a checkpoint on this machine. */
function leftCheckpoint({ inputs }: ClusterFile): boolean {
  const directory = getOption(flattenConfiguration(inputs.spec.flinkConfiguration), CHECKPOINTS_DIR) ?? "";
  if (!directory.startsWith("file:") || inputs.jobId === undefined) return false;
  try {
    const folder = fileURLToPath(below(directory, inputs.jobId));
    return readdirSync(folder).some((name) => name.startsWith("chk-"));
  } catch {
    return false;
  }
}

export class LocalCluster {
  readonly #surroundings: Surroundings;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  get #folder(): string {
    return this.#surroundings.folder;
  }

  file(): ClusterFile | undefined {
    return readCluster(this.#folder);
  }

  /** Of Flink, whichever life of the cluster they belong to. */
  processes(): MarkedProcess[] {
    return findProcesses(this.#folder).filter(({ role }) => role !== "supervisor");
  }

  #leaders(file: ClusterFile, role: Role): MarkedProcess[] {
    return this.processes().filter(
      (one) => one.isLeader && one.role === role && one.cluster === file.cluster,
    );
  }

  #isThere(pid: number): boolean {
    return this.processes().some((one) => one.pid === pid);
  }

  #write(file: ClusterFile): void {
    writeCluster(this.#folder, file);
  }

  /** What there is, after seeing to it that there is what should be. */
  async observe(resource: FlinkDeployment): Promise<ObservedCluster> {
    await this.keep();
    return this.look(resource);
  }

  /** What there is. */
  look(resource: FlinkDeployment): ObservedCluster {
    const found = this.file();
    const file = found !== undefined && this.#isLost(found) ? withoutJobManager(found) : found;
    return clusterObjects(resource, {
      file,
      processes: this.processes().filter(({ isLeader }) => isLeader),
      lastWords: file === undefined ? {} : this.#lastWords(file),
    });
  }

  /**
   * A JobManager that has answered may have run its job, and knows only where it was started from: it is not started
   * again but lost, and what becomes of its job is decided.
   */
  #isLost(file: ClusterFile): boolean {
    const { jobManager } = file;
    if (jobManager?.replicas !== 1 || jobManager.starts.count === 0) return false;
    if (jobManager.available === undefined && !leftCheckpoint(file)) return false;
    return this.#leaders(file, "jobmanager").length === 0;
  }

  #lastWords(file: ClusterFile): Seen["lastWords"] {
    const words = (role: Component): Partial<Record<Component, string>> => ({
      [role]: lastWords(this.#folder, role),
    });
    const { jobManager, taskManagers } = file;
    return {
      ...(failsAgain(jobManager?.starts) ? words("jobmanager") : {}),
      ...(failsAgain(taskManagers?.starts) ? words("taskmanager") : {}),
    };
  }

  /** Ends what belongs to no cluster that is wanted, starts what is missing of one that is. */
  async keep(): Promise<void> {
    const file = this.file();
    const isStray = ({ cluster }: MarkedProcess): boolean => cluster !== file?.cluster;
    if (this.processes().some(isStray)) await endProcesses(() => this.processes().filter(isStray), 0);
    if (file?.jobManager?.replicas !== 1) return;
    const kept = await this.#keepJobManager(file, file.jobManager);
    if (kept?.jobManager !== undefined && kept.taskManagers !== undefined) {
      await this.#keepTaskManagers(kept, kept.taskManagers);
    }
  }

  async #keepJobManager(file: ClusterFile, jobManager: JobManagerEntry): Promise<ClusterFile | undefined> {
    const { available } = jobManager;
    const [leader] = this.#leaders(file, "jobmanager");
    if (leader !== undefined) {
      if (available !== undefined || !listensOn(leader.pid, file.ports.rest)) return file;
      const answered = { ...file, jobManager: { ...jobManager, available: this.#surroundings.now() } };
      this.#write(answered);
      return answered;
    }
    if (this.#isLost(file)) {
      this.#write(withoutJobManager(file));
      return undefined;
    }
    return this.#startJobManager(file, jobManager);
  }

  /** Everything anew, as it may have been a port that was taken. */
  async #startJobManager(file: ClusterFile, jobManager: JobManagerEntry): Promise<ClusterFile | undefined> {
    const now = this.#surroundings.now();
    const isRestart = jobManager.starts.count > 0;
    const starts = isRestart ? ended(jobManager.starts, now) : jobManager.starts;
    if (isRestart && !mayStart(starts, now)) {
      this.#write({ ...file, jobManager: { ...jobManager, starts } });
      return undefined;
    }
    await this.#end("taskmanager", 0);
    const next: ClusterFile = {
      ...file,
      ports: isRestart ? await this.#ports(file.inputs) : file.ports,
      jobManager: { ...jobManager, starts: started(starts, 1, now) },
      ...(file.taskManagers === undefined
        ? {}
        : { taskManagers: { ...file.taskManagers, starts: NO_STARTS } }),
    };
    this.#write(next);
    const { jobManagerArguments } = this.#configure(next);
    this.#start(next, "jobmanager", "standalone-job.sh", jobManagerArguments);
    return next;
  }

  async #keepTaskManagers(file: ClusterFile, taskManagers: TaskManagersEntry): Promise<void> {
    const { replicas } = taskManagers;
    const running = this.#leaders(file, "taskmanager");
    if (running.length > replicas) {
      const surplus = new Set(running.slice(replicas).map(({ pid }) => pid));
      await endProcesses(() => running.filter(({ pid }) => surplus.has(pid) && this.#isThere(pid)), GRACE_MS);
    }
    const now = this.#surroundings.now();
    const known = Math.min(taskManagers.starts.count, replicas);
    const starts = running.length < known ? ended(taskManagers.starts, now) : taskManagers.starts;
    // Those that were never there are started at once, those that have ended after a pause.
    const lost = Math.max(0, known - running.length);
    const wanted =
      Math.max(0, replicas - Math.max(known, running.length)) + (mayStart(starts, now) ? lost : 0);
    const next = wanted === 0 ? starts : started(starts, running.length + wanted, now);
    if (next !== taskManagers.starts)
      this.#write({ ...file, taskManagers: { ...taskManagers, starts: next } });
    for (let n = 0; n < wanted; n++) this.#start(file, "taskmanager", "taskmanager.sh", []);
  }

  #start(file: ClusterFile, role: Role, script: string, args: readonly string[]): void {
    const folder = this.#folder;
    const { spec } = file.inputs;
    const own = role === "jobmanager" ? spec.jobManager?.podTemplate : spec.taskManager?.podTemplate;
    startProcess({
      mark: { folder, cluster: file.cluster, role },
      command: join(file.flinkHome, "bin", script),
      args: ["start-foreground", ...args],
      env: {
        ...withoutFlinkVariables(this.#surroundings.env),
        ...templateVariables(spec.podTemplate).values,
        ...templateVariables(own).values,
        FLINK_CONF_DIR: join(folder, "conf"),
        FLINK_LOG_DIR: join(folder, "logs"),
        FLINK_PID_DIR: join(folder, "tmp"),
      },
      logFile: logFile(folder, role),
      workingFolder: folder,
    });
  }

  #configure({ inputs, ports }: ClusterFile): { readonly jobManagerArguments: readonly string[] } {
    const rendered = localCluster(inputs, ports, join(this.#folder, "tmp"), this.#surroundings.env);
    rmSync(join(this.#folder, "tmp"), { recursive: true, force: true });
    rmSync(join(this.#folder, "conf"), { recursive: true, force: true });
    for (const [name, text] of Object.entries(rendered.files))
      writeWhole(join(this.#folder, "conf", name), text);
    writeWhole(join(this.#folder, "tmp", "README"), "Temporary files of this job's Flink processes.\n");
    return rendered;
  }

  async #ports({ spec }: ClusterInputs): Promise<Ports> {
    const wished = getNumber(flattenConfiguration(spec.flinkConfiguration), REST_PORT);
    return { rest: await freePort(wished ?? Number(REST_PORT.default)), rpc: await freePort() };
  }

  /** Its processes are started by `keep`, so that asking again is the same. */
  async create({ inputs }: CreateCluster): Promise<void> {
    const now = this.#surroundings.now();
    const found = this.file();
    const spec = withSpecDefaults(inputs.spec);
    const taskManagers: TaskManagersEntry = {
      uid: randomUUID(),
      replicas: taskManagerCount(spec, {
        ...inputs.defaults,
        ...flattenConfiguration(spec.flinkConfiguration),
      }),
      annotations: scaleAnnotation(spec),
      starts: NO_STARTS,
    };
    if (found?.jobManager !== undefined) {
      if (found.taskManagers === undefined) this.#write({ ...found, taskManagers });
      return this.keep();
    }
    const uid = randomUUID();
    const flinkHome = await this.#surroundings.flinkHome(spec.flinkVersion ?? "");
    const ports = await this.#ports(inputs);
    // Refuses what cannot be before anything is written.
    localCluster(inputs, ports, this.#folder);
    this.#keepOldLogs();
    this.#write({
      cluster: uid,
      inputs,
      ports,
      flinkHome,
      jobManager: { uid, generation: inputs.generation, created: now, replicas: 1, starts: NO_STARTS },
      taskManagers,
    });
    return this.keep();
  }

  #keepOldLogs(): void {
    const logs = join(this.#folder, "logs");
    if (!existsSync(logs)) return;
    rmSync(`${logs}.previous`, { recursive: true, force: true });
    renameSync(logs, `${logs}.previous`);
  }

  #end(role: Role | undefined, grace = GRACE_MS): Promise<void> {
    return endProcesses(
      () => this.processes().filter((one) => role === undefined || one.role === role),
      grace,
    );
  }

  async stopJobManager(uid: string): Promise<void> {
    const file = this.file();
    if (file?.jobManager?.uid !== uid) return;
    this.#write({ ...file, jobManager: { ...file.jobManager, replicas: 0 } });
    await this.#end("jobmanager");
  }

  /** With everything that is left of the cluster. */
  async delete(uid: string): Promise<void> {
    const file = this.file();
    if (file?.jobManager?.uid !== uid) return;
    this.#write({ ...file, jobManager: { ...file.jobManager, replicas: 0 } });
    await this.#end(undefined);
    const { jobManager: _, taskManagers: __, ...nothing } = file;
    this.#write(nothing);
  }

  async deleteTaskManagers(uid: string): Promise<void> {
    const file = this.file();
    if (file?.taskManagers?.uid !== uid) return;
    // Their JobManager is gone: there is nothing to bring to an end.
    await this.#end("taskmanager", file.jobManager === undefined ? 0 : GRACE_MS);
    const { taskManagers: _, ...rest } = file;
    this.#write(rest);
  }

  async scale({
    uid,
    replicas,
    annotations,
  }: Extract<Action, { type: "scale-task-managers" }>): Promise<void> {
    const file = this.file();
    if (file?.taskManagers?.uid !== uid) return;
    const { starts } = file.taskManagers;
    this.#write({ ...file, taskManagers: { uid, replicas, annotations, starts } });
    return this.keep();
  }

  /** At once and without a savepoint; what is to be afterwards is still decided. */
  async kill(): Promise<void> {
    const file = this.file();
    if (file !== undefined) this.#write(withoutJobManager(file));
    await this.#end(undefined, 0);
  }
}

/** Once is an accident: another process may have taken its port. */
function failsAgain(starts: Starts | undefined): boolean {
  return starts?.ended !== undefined && starts.failures > 1;
}

function withoutJobManager(file: ClusterFile): ClusterFile {
  const { jobManager: _, ...rest } = file;
  return rest;
}
