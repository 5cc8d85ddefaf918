/**
 * The processes of this machine's Flink clusters. Each carries a mark in its environment, which its children inherit:
 * by it they are found in /proc, whoever started them and whatever became of it. So no list can be stale, nobody's
 * process is taken for another's that had its pid, and nothing is left behind that nobody remembers.
 */
import { spawn } from "node:child_process";
import { appendFileSync, closeSync, mkdirSync, openSync, readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { readOrNothing } from "./files.ts";

export type Role = "jobmanager" | "taskmanager" | "supervisor";

/** Whose process it is. */
export interface Mark {
  /** The job's folder. */
  readonly folder: string;
  /** The uid of one life of the job's cluster; the supervisor has none. */
  readonly cluster: string;
  readonly role: Role;
}

export interface MarkedProcess extends Mark {
  readonly pid: number;
  /** Whether it is the process that was started, and not a child of it. */
  readonly isLeader: boolean;
  /** Epoch milliseconds, to a hundredth of a second. */
  readonly started: number;
}

const FOLDER = "SLUICE_LOCAL_FOLDER";
const CLUSTER = "SLUICE_LOCAL_CLUSTER";
const ROLE = "SLUICE_LOCAL_ROLE";

const TICKS_PER_SECOND = 100;

/** Epoch milliseconds of the machine's start, in /proc/stat. */
function bootTime(): number {
  return 1000 * Number(/^btime (\d+)$/m.exec(readOrNothing("/proc/stat"))?.[1] ?? 0);
}

function markOf(environment: string): Mark | undefined {
  if (!environment.includes(FOLDER)) return undefined;
  const values = new Map(
    environment.split("\0").map((entry) => {
      const at = entry.indexOf("=");
      return [entry.slice(0, at), entry.slice(at + 1)] as const;
    }),
  );
  const [folder, cluster, role] = [FOLDER, CLUSTER, ROLE].map((name) => values.get(name));
  if (folder === undefined || cluster === undefined || role === undefined) return undefined;
  return { folder, cluster, role: role as Role };
}

/** Of /proc/PID/stat after the name, which may hold anything: state, parent, group, …; `proc_pid_stat(5)` counts from 3. */
function statOf(pid: number): string[] {
  const stat = readOrNothing(`/proc/${pid}/stat`);
  return stat === "" ? [] : stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/**
 * Whether a process without an environment has one all the same: while it becomes another program (`exec`) there is none for a
 * moment, and it would look like nobody's. A shell that starts Flink does so once or twice. The kernel does it without rest:
 * a process that sleeps is none of these.
 */
function isBetweenPrograms(pid: number): boolean {
  const stat = statOf(pid);
  const [state, begin, end] = [stat[0], stat[47], stat[48]];
  // It has one by now.
  if (begin !== end) return true;
  if (state !== "R" && state !== "D") return false;
  // Of other users' processes, nothing of this is told.
  const own = process.getuid?.();
  return own === 0 || own === statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
}

/** Milliseconds that a process is given to become another program; it takes a thousandth of that, unless the machine is overloaded. */
const BETWEEN_MS = 1000;

function environmentOf(pid: number): string {
  for (let waited = 0; ; waited++) {
    const environment = readOrNothing(`/proc/${pid}/environ`);
    if (environment !== "" || waited === BETWEEN_MS || !isBetweenPrograms(pid)) return environment;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }
}

/** A dead process that nobody has waited for yet has no environment, so that it is not found. */
function inspect(pid: number, boot: number): MarkedProcess | undefined {
  const mark = markOf(environmentOf(pid));
  const stat = statOf(pid);
  if (mark === undefined || stat.length === 0) return undefined;
  const started = boot + (1000 * Number(stat[19])) / TICKS_PER_SECOND;
  return { ...mark, pid, isLeader: Number(stat[2]) === pid, started };
}

/** All processes with a mark of this folder. */
export function findProcesses(folder: string): MarkedProcess[] {
  const boot = bootTime();
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => inspect(Number(name), boot) ?? [])
    .filter((found) => found.folder === folder);
}

export interface ProcessStart {
  readonly mark: Mark;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What it prints is appended here. */
  readonly logFile: string;
  readonly workingFolder: string;
}

/** Starts a process in a session of its own, so that no terminal's end reaches it. */
export function startProcess({ mark, command, args, env, logFile, workingFolder }: ProcessStart): void {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, "a", 0o600);
  try {
    const child = spawn(command, args, {
      cwd: workingFolder,
      detached: true,
      stdio: ["ignore", log, log],
      env: { ...env, [FOLDER]: mark.folder, [CLUSTER]: mark.cluster, [ROLE]: mark.role },
    });
    // That it is not there shows by itself; why, its log says.
    child.on("error", ({ message }) => appendFileSync(logFile, `${message}\n`));
    child.unref();
  } finally {
    closeSync(log);
  }
}

function send(signal: NodeJS.Signals, pid: number): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

/** Milliseconds for a killed process to be gone. */
const KILL_MS = 10_000;

/** Ends what `find` finds: SIGTERM and `grace` milliseconds, then SIGKILL. Nothing of it is left on return. */
export async function endProcesses(find: () => readonly MarkedProcess[], grace: number): Promise<void> {
  const begin = performance.now();
  const asked = new Set<number>();
  for (;;) {
    const found = find();
    if (found.length === 0) return;
    const elapsed = performance.now() - begin;
    if (elapsed > grace + KILL_MS) {
      throw new Error(`processes do not end: ${found.map(({ pid }) => pid).join(", ")}`);
    }
    for (const { pid } of found) {
      if (elapsed >= grace) send("SIGKILL", pid);
      else if (!asked.has(pid)) send("SIGTERM", pid);
      asked.add(pid);
    }
    await pause(50);
  }
}
