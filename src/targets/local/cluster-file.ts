/** What is to run of a job's cluster: the place of Kubernetes' Deployments. What does run is only ever seen in /proc. */
import { join } from "node:path";
import type { ClusterInputs } from "../../resources/cluster-inputs.ts";
import type { Ports } from "./configuration.ts";
import { readWhole, removeFile, writeWhole } from "./files.ts";

/** How one kind of process was started, for a pause that grows while it does not stay up. */
export interface Starts {
  /** How many of them should be there. */
  readonly count: number;
  /** Epoch milliseconds of the last start. */
  readonly last: number;
  /** How often in a row one ended soon after its start. */
  readonly failures: number;
  /** Epoch milliseconds since which one is missing. */
  readonly ended?: number;
}

export interface JobManagerEntry {
  readonly uid: string;
  readonly generation: number;
  /** Epoch milliseconds. */
  readonly created: number;
  readonly replicas: 0 | 1;
  /** Epoch milliseconds of its first answer. From then on it may have run a job, and is never started a second time. */
  readonly available?: number;
  readonly starts: Starts;
}

export interface TaskManagersEntry {
  readonly uid: string;
  readonly replicas: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly starts: Starts;
}

export interface ClusterFile {
  /** The JobManager's uid; stays when the JobManager is gone and its TaskManagers are not. */
  readonly cluster: string;
  readonly inputs: ClusterInputs;
  readonly ports: Ports;
  readonly flinkHome: string;
  readonly jobManager?: JobManagerEntry;
  readonly taskManagers?: TaskManagersEntry;
}

export const NO_STARTS: Starts = { count: 0, last: 0, failures: 0 };

const pathIn = (folder: string): string => join(folder, "cluster.json");

export function readCluster(folder: string): ClusterFile | undefined {
  const text = readWhole(pathIn(folder));
  return text === undefined ? undefined : (JSON.parse(text) as ClusterFile);
}

/** A cluster without JobManager and TaskManagers is none. */
export function writeCluster(folder: string, cluster: ClusterFile): void {
  if (cluster.jobManager === undefined && cluster.taskManagers === undefined) removeFile(pathIn(folder));
  else writeWhole(pathIn(folder), JSON.stringify(cluster, undefined, 2));
}

/** Milliseconds after which a process counts as one that stays up. */
const STEADY_MS = 60_000;
const PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;

/** One was found missing. */
export function ended(starts: Starts, now: number): Starts {
  if (starts.ended !== undefined) return starts;
  const failures = now - starts.last > STEADY_MS ? 1 : starts.failures + 1;
  return { ...starts, failures, ended: now };
}

/** Whether one that is missing may be started again. */
export function mayStart({ ended, failures }: Starts, now: number): boolean {
  return ended !== undefined && now >= ended + Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** (failures - 1));
}

/** `count` of them are there now. */
export function started({ failures }: Starts, count: number, now: number): Starts {
  return { count, last: now, failures };
}
