/** The process that looks after one job while no command does: it outlives the terminal, and ends when the job is stopped. */
import { join } from "node:path";
import { KernelLock } from "./lock.ts";
import { endProcesses, findProcesses, startProcess } from "./processes.ts";

/** Who it is to others, and the name of its lock. */
export const SUPERVISOR = "supervisor";

export interface SupervisorPlace {
  readonly state: string;
  readonly namespace: string;
  readonly name: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Milliseconds within which one that was started has its lock. */
const START_MS = 15_000;
const started = new Map<string, number>();

export function supervisorLock(folder: string): KernelLock {
  return new KernelLock(folder, SUPERVISOR, SUPERVISOR);
}

/** Starts one where there is none. A second one would end at once. */
export async function ensureSupervisor(
  folder: string,
  { state, namespace, name, env }: SupervisorPlace,
): Promise<void> {
  if ((await supervisorLock(folder).holder()) !== undefined) return;
  if (performance.now() - (started.get(folder) ?? -Infinity) < START_MS) return;
  started.set(folder, performance.now());
  const entry = process.argv[1] ?? "";
  const flags = ["--namespace", namespace, "--state-dir", state];
  startProcess({
    mark: { folder, cluster: SUPERVISOR, role: "supervisor" },
    command: process.execPath,
    args: [...process.execArgv, entry, "supervise", name, ...flags],
    env,
    logFile: join(folder, "supervisor.log"),
    workingFolder: folder,
  });
}

export async function endSupervisor(folder: string): Promise<void> {
  await endProcesses(() => findProcesses(folder).filter(({ role }) => role === "supervisor"), 0);
  started.delete(folder);
}
