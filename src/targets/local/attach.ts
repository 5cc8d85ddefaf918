/** A job in the foreground of a terminal: what happens to it is shown, Ctrl-C stops it with a savepoint, a second one at once. */
import { setTimeout as pause } from "node:timers/promises";
import { changeJob, type Surroundings } from "../job.ts";
import { jobState } from "../status.ts";
import { type Stopped, stopJob } from "../stop.ts";
import { Refusal } from "../target.ts";
import type { LocalTarget } from "./local-target.ts";

const LOOK_MS = 1000;
const WISHES = { savepointDirectory: undefined, drain: false };

function isInterruption(error: unknown): boolean {
  return error instanceof Refusal && error.kind === "interrupted";
}

/** Until Ctrl-C, or until somebody else has stopped the job. True: it is still to be stopped. */
async function watch(name: string, surroundings: Surroundings): Promise<boolean> {
  const { signal, progress } = surroundings;
  let said = "";
  while (!signal.aborted) {
    const { lifecycleState, jobState: job, message } = await jobState(name, surroundings);
    if (lifecycleState === "SUSPENDED") return false;
    const now = `${job}: ${message}`;
    if (now !== said) progress((said = now));
    await pause(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
  return true;
}

/** No savepoint is waited for: the job's newest checkpoint is its state. */
async function stopAtOnce(name: string, surroundings: Surroundings, target: LocalTarget): Promise<Stopped> {
  surroundings.progress("ending all processes; the job's newest checkpoint is kept");
  await changeJob(name, surroundings, () => target.clusterOf(name).kill());
  return stopJob(name, WISHES, surroundings);
}

async function stopBySignal(name: string, surroundings: Surroundings, target: LocalTarget): Promise<Stopped> {
  surroundings.progress("stopping with a savepoint; Ctrl-C again stops at once");
  const again = new AbortController();
  const interrupt = (): void => again.abort();
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  try {
    return await stopJob(name, WISHES, { ...surroundings, signal: again.signal });
  } catch (error) {
    if (!isInterruption(error)) throw error;
    return await stopAtOnce(name, { ...surroundings, signal: new AbortController().signal }, target);
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}

/** `start` brings the job up. Undefined: somebody else stopped it. */
export async function attach(
  name: string,
  surroundings: Surroundings,
  target: LocalTarget,
  start: () => Promise<void>,
): Promise<Stopped | undefined> {
  try {
    await start();
    surroundings.progress("in the foreground: Ctrl-C stops the job with a savepoint");
    if (!(await watch(name, surroundings))) return undefined;
  } catch (error) {
    if (!isInterruption(error)) throw error;
  }
  return stopBySignal(name, surroundings, target);
}
