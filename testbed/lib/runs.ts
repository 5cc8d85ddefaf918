/** What killed runs left: found by their owner's identity, ended and removed by the next run. */
import { existsSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { stateDir } from "./paths.ts";
import { safely } from "./safely.ts";
import { isAlive, recordedNames, stop, type Identity } from "./processes.ts";

const hour = 3_600_000;

function ageOf(dir: string): number {
  return Date.now() - (safely(() => statSync(dir).mtimeMs) ?? Date.now());
}

function owner(dir: string): Identity | undefined {
  return safely(() => JSON.parse(readFileSync(join(dir, "owner.json"), "utf8")) as Identity);
}

/** Ends the processes of every throw-away testbed whose owner is dead, and removes its folder. Answers their names. */
export async function sweepDeadRuns(): Promise<string[]> {
  const runs = join(stateDir(), "runs");
  if (!existsSync(runs)) return [];
  const swept: string[] = [];
  for (const name of readdirSync(runs)) {
    const dir = join(runs, name);
    const who = owner(dir);
    // A folder without an owner has no process yet: it is being made this moment, or its maker was killed then.
    if (who === undefined ? ageOf(dir) < hour : isAlive(who)) continue;
    await Promise.all(recordedNames(dir).map((process) => stop(dir, process)));
    rmSync(dir, { recursive: true, force: true });
    swept.push(name);
  }
  return swept;
}
