/** `sluice stop`: a savepoint, its path in the record, and then nothing left of the cluster. */
import type { Stopped } from "../../targets/stop.ts";
import type { Command } from "../command.ts";
import {
  outputOption,
  savepointDirectoryOption,
  targetOptions,
  timeoutOf,
  timeoutOption,
} from "../target-options.ts";

/** What a stop came to, for standard output. */
export function stopText(
  name: string,
  { kind, path, isSavepoint }: Stopped,
  options: Readonly<Record<string, unknown>>,
): string {
  if (options["output"] === "json") {
    return `${JSON.stringify({ name, result: kind, savepointPath: path ?? null, isSavepoint })}\n`;
  }
  if (kind === "nothing-there") return `${name} does not run: nothing to stop\n`;
  if (path === undefined) return `${name} stopped; it left no state\n`;
  const what = isSavepoint ? "with savepoint" : "by itself before; its newest state is";
  return `${name} stopped ${what} ${path}\n`;
}

export const stop: Command = {
  name: "stop",
  summary: "Stop a job with a savepoint, and take its cluster down",
  args: [{ name: "[name]", description: "name of the job" }],
  examples: [
    "sluice stop my-job -n team",
    "sluice stop my-job --timeout 30min --savepoint-dir s3://bucket/savepoints",
    "sluice stop my-job --drain                    # all timers fire and windows close; not for a restart",
  ],
  options: [
    { flags: "--drain", description: "let the job finish what it holds before the savepoint" },
    savepointDirectoryOption,
    timeoutOption,
    ...targetOptions,
    outputOption,
  ],
  async run([argument], options, streams) {
    const timeoutMs = await timeoutOf(options, streams);
    if (timeoutMs === undefined) return 2;
    const { nameOf, withTarget } = await import("../target.ts");
    const { stopJob } = await import("../../targets/stop.ts");
    const name = nameOf(argument, options);
    const wishes = {
      savepointDirectory: options["savepointDir"] as string | undefined,
      drain: options["drain"] === true,
    };
    return withTarget(options, streams, timeoutMs, async (surroundings) => {
      streams.stdout.write(stopText(name, await stopJob(name, wishes, surroundings), options));
      return 0;
    });
  },
};
