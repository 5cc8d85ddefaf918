/**
 * The testbed's long-running processes. Each leaves a pid file with its start time, so that a later run finds and ends
 * it even when the run that started it was killed, and never ends a stranger that got the same pid.
 */
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { waitFor } from "./wait.ts";

export interface ProcessSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Holds `pids/` and `logs/`. */
  readonly dir: string;
  /** `parent`: the kernel kills it when this process ends, however that happens. `detached`: lives on. */
  readonly lifetime: "parent" | "detached";
}

export interface Identity {
  readonly pid: number;
  /** Clock ticks since boot (field 22 of /proc/PID/stat): with the pid it names one process for ever. */
  readonly startTime: string;
}

function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/** The process with this pid now, dead ones excluded. */
export function identify(pid: number): Identity | undefined {
  const [state, threads, startTime] = pick(statFields(pid), 0, 17, 19);
  // A killed program is a zombie from the death of its first thread on. As long as others are dying, it may hold its port.
  const dead = state === "Z" && Number(threads) <= 1;
  return startTime === undefined || dead ? undefined : { pid, startTime };
}

function pick(fields: readonly string[] = [], ...wanted: number[]): (string | undefined)[] {
  return wanted.map((index) => fields[index]);
}

export function isAlive({ pid, startTime }: Identity): boolean {
  return identify(pid)?.startTime === startTime;
}

export function pidFile(dir: string, name: string): string {
  return join(dir, "pids", `${name}.json`);
}

export function logFile(dir: string, name: string): string {
  return join(dir, "logs", `${name}.log`);
}

export function readIdentity(dir: string, name: string): Identity | undefined {
  try {
    return JSON.parse(readFileSync(pidFile(dir, name), "utf8")) as Identity;
  } catch {
    return undefined;
  }
}

/** The names of all processes that were ever started for this folder and not ended properly. */
export function recordedNames(dir: string): string[] {
  const folder = join(dir, "pids");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => basename(file, ".json"));
}

const setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => existsSync(path));

// Only what the programs need: proxies, KUBECONFIG and the like of the caller's shell must not reach them.
function environment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`, HOME: process.env["HOME"] ?? "/", ...extra };
}

/** Starts a process in a group of its own, its output appended to its log. */
export function start(spec: ProcessSpec): Identity {
  for (const folder of ["pids", "logs"]) mkdirSync(join(spec.dir, folder), { recursive: true });
  const log = openSync(logFile(spec.dir, spec.name), "a");
  const bound = spec.lifetime === "parent" && setpriv !== undefined;
  const command = bound ? setpriv : spec.command;
  const args = bound ? ["--pdeathsig", "KILL", "--", spec.command, ...spec.args] : spec.args;
  const child = spawn(command, args, {
    cwd: spec.dir,
    detached: true,
    stdio: ["ignore", log, log],
    env: environment(spec.env),
  });
  closeSync(log);
  child.on("error", () => {}); // Seen below: there is no pid.
  child.unref();
  // It may have failed already; then assertAlive tells why. Its entry stays until this process turns to its events.
  const startTime = child.pid === undefined ? undefined : statFields(child.pid)?.[19];
  if (child.pid === undefined || startTime === undefined)
    throw new Error(`${spec.name}: ${spec.command} cannot be started`);
  const identity = { pid: child.pid, startTime };
  writeFileSync(pidFile(spec.dir, spec.name), JSON.stringify(identity));
  return identity;
}

/** Throws with the end of the log when the process has ended. For use as `alive` of waitFor. */
export function assertAlive(dir: string, name: string): void {
  const identity = readIdentity(dir, name);
  if (identity !== undefined && isAlive(identity)) return;
  const tail = existsSync(logFile(dir, name)) ? readFileSync(logFile(dir, name), "utf8").slice(-2000) : "";
  throw new ProcessEnded(name, tail);
}

export class ProcessEnded extends Error {
  constructor(name: string, tail: string) {
    super(`${name} has ended. The end of its log:\n${tail}`);
    this.name = "ProcessEnded";
  }
}

/** Sends a signal to the process's group. False when it has ended already. */
export function signal(dir: string, name: string, kind: NodeJS.Signals): boolean {
  const identity = readIdentity(dir, name);
  if (identity === undefined || !isAlive(identity)) return false;
  try {
    process.kill(-identity.pid, kind);
  } catch {
    return false;
  }
  return true;
}

/** Stops a process as SIGSTOP does, so that it keeps its connections and answers nothing. Nothing of it runs on return. */
export async function pause(dir: string, name: string): Promise<void> {
  const identity = readIdentity(dir, name);
  if (identity === undefined || !signal(dir, name, "SIGSTOP")) throw new Error(`${name} does not run`);
  // The signal is only on its way: a thread that another processor runs may answer one more request.
  const threads = join("/proc", String(identity.pid), "task");
  const stopped = (): boolean =>
    readdirSync(threads).every((thread) => statFields(Number(thread))?.[0] === "T");
  await waitFor(`${name} to stop`, stopped, { deadline: 10_000, interval: 5 });
}

/** Ends a process: SIGTERM and `grace` milliseconds where a grace is given, then SIGKILL. Gone for sure on return. */
export async function stop(dir: string, name: string, grace = 0): Promise<void> {
  const identity = readIdentity(dir, name);
  if (identity !== undefined && isAlive(identity)) {
    if (grace > 0) {
      signal(dir, name, "SIGTERM");
      await waitFor(`${name} to end`, () => !isAlive(identity), { deadline: grace }).catch(() => {});
    }
    signal(dir, name, "SIGKILL");
    await waitFor(`${name} to die`, () => !isAlive(identity), { deadline: 10_000, interval: 20 });
  }
  rmSync(pidFile(dir, name), { force: true });
}
