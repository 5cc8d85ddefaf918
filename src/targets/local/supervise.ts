/** Passes over one job for as long as it is wanted: what an operator is in a cluster. */
import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "../../telemetry/log.ts";
import { TargetPasses } from "../passes.ts";
import { Refusal } from "../target.ts";
import type { LocalTarget } from "./local-target.ts";
import { supervisorLock } from "./supervisor-process.ts";

/** Milliseconds between two looks at the processes: what ends is noticed by then. */
const LOOK_MS = 500;
const RETRY_MS = 1000;
const LONGEST_RETRY_MS = 60_000;

/** Until it is time for the next pass, or a process has ended. */
async function sleep(target: LocalTarget, name: string, milliseconds: number): Promise<void> {
  const cluster = target.clusterOf(name);
  const pids = (): string =>
    cluster
      .processes()
      .map(({ pid }) => pid)
      .join(" ");
  const before = pids();
  const end = performance.now() + milliseconds;
  while (performance.now() < end && pids() === before) {
    await pause(Math.min(LOOK_MS, Math.max(0, end - performance.now())));
  }
}

/** One pass while no command works on the job. Milliseconds until the next; undefined: nothing is to be looked after. */
async function passOnce(
  target: LocalTarget,
  name: string,
  passes: TargetPasses,
): Promise<number | undefined> {
  const lock = await target.lock(name);
  try {
    const result = await passes.pass(name);
    if (result === undefined || !(await target.isWanted(name))) return undefined;
    const { outcome } = result;
    if (outcome.kind === "retry") return RETRY_MS;
    return outcome.kind === "again" ? outcome.after : LONGEST_RETRY_MS;
  } finally {
    await lock.release();
  }
}

export async function supervise(target: LocalTarget, name: string, log: Logger): Promise<void> {
  const own = supervisorLock(target.folderOf(name));
  if (!(await own.tryAcquire())) return;
  const passes = new TargetPasses(target, {
    log,
    tell: ({ type, reason, message }) => log.info({ type, reason }, message),
  });
  let errors = 0;
  for (;;) {
    try {
      const wait = await passOnce(target, name, passes);
      if (wait === undefined) break;
      errors = 0;
      await sleep(target, name, wait);
    } catch (error) {
      // A command is at it, and may be for long.
      if (error instanceof Refusal && error.kind === "locked") continue;
      log.error({ error: error instanceof Error ? error.message : String(error) }, "pass failed");
      await pause(Math.min(LONGEST_RETRY_MS, RETRY_MS * 2 ** errors++));
    }
  }
  await own.release();
}
