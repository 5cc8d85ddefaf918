/** `sluice start`: a job without an operator, from where it was stopped. */
import type { Surroundings } from "../../targets/job.ts";
import type { Started } from "../../targets/start.ts";
import { type Command, type Streams, UserError } from "../command.ts";
import {
  jobFileOptions,
  localOptions,
  outputOption,
  savepointDirectoryOption,
  startFromOptions,
  targetOptions,
  timeoutOf,
  timeoutOption,
} from "../target-options.ts";
import { stopText } from "./stop.ts";

export function printStarted(
  name: string,
  { kind, jobId, from }: Started,
  options: Readonly<Record<string, unknown>>,
  { stdout }: Streams,
): void {
  if (options["output"] === "json") {
    stdout.write(`${JSON.stringify({ name, result: kind, jobId, startedFrom: from ?? null })}\n`);
  } else if (kind === "unchanged") stdout.write(`${name} runs already\n`);
  else stdout.write(`${name} ${kind} from ${from ?? "scratch"}\n`);
}

/** Of `start`, and of `update`. */
export async function startOrUpdate(
  update: boolean,
  argument: string | undefined,
  options: Readonly<Record<string, unknown>>,
  streams: Streams,
): Promise<number> {
  const timeoutMs = await timeoutOf(options, streams);
  if (timeoutMs === undefined) return 2;
  const { startFrom, wantedJob } = await import("../wanted-job.ts");
  const { nameOf, withTarget } = await import("../target.ts");
  const { startJob } = await import("../../targets/start.ts");
  const from = startFrom(options);
  const { name: inFile, namespace, spec } = await wantedJob(options, streams);
  const name = nameOf(argument, options, inFile);
  const placed = { ...options, namespace: options["namespace"] ?? namespace };
  const run = async (surroundings: Surroundings): Promise<void> => {
    const started = await startJob(name, { spec, from, update }, surroundings);
    const url = surroundings.target.webInterface?.(name);
    if (url !== undefined) surroundings.progress(`web interface: ${url}`);
    printStarted(name, started, options, streams);
  };
  return withTarget(placed, streams, timeoutMs, async (surroundings) => {
    if (options["attach"] === true) await attached(name, surroundings, run, options, streams);
    else await run(surroundings);
    return 0;
  });
}

/** The job is in the foreground until it is stopped. @throws UserError for a target that has no foreground */
async function attached(
  name: string,
  surroundings: Surroundings,
  run: (surroundings: Surroundings) => Promise<void>,
  options: Readonly<Record<string, unknown>>,
  streams: Streams,
): Promise<void> {
  const { LocalTarget } = await import("../../targets/local/local-target.ts");
  const { attach } = await import("../../targets/local/attach.ts");
  const { target } = surroundings;
  if (!(target instanceof LocalTarget)) throw new UserError("--attach is for --target local", undefined, 2);
  const stopped = await attach(name, surroundings, target, () => run(surroundings));
  if (stopped !== undefined) streams.stdout.write(stopText(name, stopped, options));
}

export const start: Command = {
  name: "start",
  summary: "Start a job without an operator, from where it was stopped",
  args: [{ name: "[name]", description: "name of the job (default: the file's)" }],
  examples: [
    "sluice start -f job.yaml -n team",
    "sluice start -f job.yaml --from-savepoint s3://bucket/savepoints/savepoint-1",
    "sluice start -f job.yaml --image registry/job:2 --parallelism 4 -D taskmanager.numberOfTaskSlots=2",
  ],
  options: [
    ...jobFileOptions,
    ...startFromOptions,
    savepointDirectoryOption,
    timeoutOption,
    ...targetOptions,
    ...localOptions,
    outputOption,
  ],
  run: ([name], options, streams) => startOrUpdate(false, name, options, streams),
};
