/** A second job from the first one's state. The first one is not touched. */
import type { FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import { TargetJob, type Surroundings } from "./job.ts";
import { specOf } from "./record.ts";
import { stateToFork } from "./savepoint.ts";
import { type Started, startJob } from "./start.ts";
import { Refusal } from "./target.ts";

/** Names of arguments that tell where a job writes, or as whom it reads: two jobs with one of them get in each other's way. */
const TELLING = /group|transaction|prefix|client|output|sink|topic|table|queue|target|path|url|bucket/i;
const PLACE = /^(?:[a-z][a-z0-9+.-]*:\/\/|\/)/i;

/** `--name value` and `--name=value`, by name; a text without a name by its place. */
function named(args: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const [index, text] of args.entries()) {
    const [, name, value] = /^--?([^=]+)=(.*)$/s.exec(text) ?? [];
    const before = args[index - 1] ?? "";
    if (name !== undefined && value !== undefined) found.set(name, value);
    else if (text.startsWith("-")) continue;
    else
      found.set(
        before.startsWith("-") && !before.includes("=") ? before.replace(/^-+/, "") : `${index + 1}`,
        text,
      );
  }
  return found;
}

/** What both jobs would use, as far as their arguments tell. Credentials are not among it: names, and no values. */
export function sharedBetween(one: FlinkDeploymentSpec, other: FlinkDeploymentSpec): string[] {
  const [ours, theirs] = [named(one.job?.args ?? []), named(other.job?.args ?? [])];
  return [...ours]
    .filter(([name, value]) => theirs.get(name) === value && (TELLING.test(name) || PLACE.test(value)))
    .map(([name]) => (/^\d+$/.test(name) ? `argument ${name}` : `--${name}`));
}

export interface ForkWishes {
  readonly source: string;
  readonly name: string;
  readonly spec: FlinkDeploymentSpec;
  /** Instead of a savepoint that is taken for this. */
  readonly latestCheckpoint: boolean;
}

export async function forkJob(wishes: ForkWishes, surroundings: Surroundings): Promise<Started> {
  const { source, name, spec, latestCheckpoint } = wishes;
  if (source === name) {
    throw new Refusal("act", `${name} cannot be a fork of itself`, "Give the second job another name.");
  }
  const { resource } = await new TargetJob(source, surroundings).read();
  const shared = sharedBetween(specOf(resource), spec);
  if (shared.length > 0) {
    surroundings.progress(
      `warning: ${source} and ${name} both have ${shared.join(", ")} with the same value: what they read or write may be ` +
        "the same. Change it with --arg or in the job file.",
    );
  }
  const fork = await new TargetJob(name, surroundings).read();
  // Begun before: it has its state, and what it made of that since.
  const begun = fork.resource.spec.job?.initialSavepointPath;
  const path = begun ?? (await stateToFork(source, latestCheckpoint, surroundings));
  const from = begun === undefined ? ({ kind: "savepoint", path } as const) : undefined;
  return startJob(name, { spec, from, update: false }, surroundings);
}
