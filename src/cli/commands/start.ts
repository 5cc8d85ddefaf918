/** `sluice start`: a job without an operator, from where it was stopped. */
import type { Surroundings } from "../../targets/job.ts";
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
    const { kind, jobId, from: path } = await startJob(name, { spec, from, update }, surroundings);
    const url = surroundings.target.webInterface?.(name);
    if (url !== undefined) surroundings.progress(`web interface: ${url}`);
    if (options["output"] === "json") {
      streams.stdout.write(`${JSON.stringify({ name, result: kind, jobId, startedFrom: path ?? null })}\n`);
    } else {
      const what = kind === "unchanged" ? "runs already" : kind;
      streams.stdout.write(`${name} ${what}${kind === "unchanged" ? "" : ` from ${path ?? "scratch"}`}\n`);
    }
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
