/** What killed runs left: found by their owner's identity, ended and removed by the next run. */
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { stateDir } from "./paths.ts";
import { isAlive, recordedNames, stop, type Identity } from "./processes.ts";

function owner(dir: string): Identity | undefined {
  try {
    return JSON.parse(readFileSync(join(dir, "owner.json"), "utf8")) as Identity;
  } catch {
    return undefined;
  }
}

/** Ends the processes of every throw-away testbed whose owner is dead, and removes its folder. Answers their names. */
export async function sweepDeadRuns(): Promise<string[]> {
  const runs = join(stateDir(), "runs");
  if (!existsSync(runs)) return [];
  const swept: string[] = [];
  for (const name of readdirSync(runs)) {
    const dir = join(runs, name);
    const who = owner(dir);
    // Without an owner it is either being made this moment, or has nothing in it.
    if (who === undefined || isAlive(who)) continue;
    await Promise.all(recordedNames(dir).map((process) => stop(dir, process)));
    rmSync(dir, { recursive: true, force: true });
    swept.push(name);
  }
  return swept;
}
