/** `sluice start`: a job without an operator, from where it was stopped. */
import type { Command, Streams } from "../command.ts";
import {
  jobFileOptions,
  outputOption,
  savepointDirectoryOption,
  startFromOptions,
  targetOptions,
  timeoutOf,
  timeoutOption,
} from "../target-options.ts";

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
  return withTarget(placed, streams, timeoutMs, async (surroundings) => {
    const { kind, jobId, from: path } = await startJob(name, { spec, from, update }, surroundings);
    if (options["output"] === "json") {
      streams.stdout.write(`${JSON.stringify({ name, result: kind, jobId, startedFrom: path ?? null })}\n`);
    } else {
      const what = kind === "unchanged" ? "runs already" : kind;
      streams.stdout.write(`${name} ${what}${kind === "unchanged" ? "" : ` from ${path ?? "scratch"}`}\n`);
    }
    return 0;
  });
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
    outputOption,
  ],
  run: ([name], options, streams) => startOrUpdate(false, name, options, streams),
};
