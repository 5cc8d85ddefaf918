/** `sluice fork`: a second job from the first one's state. */
import type { Command } from "../command.ts";
import {
  jobFileOptions,
  localOptions,
  outputOption,
  targetOptions,
  timeoutOf,
  timeoutOption,
} from "../target-options.ts";
import { printStarted } from "./start.ts";

export const fork: Command = {
  name: "fork",
  summary: "Start a second job from the first one's state, which is not touched",
  args: [
    { name: "<name>", description: "name of the job whose state it is" },
    { name: "<new>", description: "name of the second job" },
  ],
  examples: [
    "sluice fork my-job my-job-b -f job.yaml --arg=--output --arg=s3://bucket/b --arg=--group --arg=b",
    "sluice fork my-job my-job-b -f job-b.yaml --latest-checkpoint      # no savepoint is taken",
  ],
  options: [
    ...jobFileOptions,
    {
      flags: "--latest-checkpoint",
      description:
        "from the newest checkpoint that Flink keeps, instead of a savepoint that is taken for this",
    },
    timeoutOption,
    ...localOptions.filter(({ flags }) => flags !== "--attach"),
    ...targetOptions,
    outputOption,
  ],
  async run([source = "", name = ""], options, streams) {
    const timeoutMs = await timeoutOf(options, streams);
    if (timeoutMs === undefined) return 2;
    const { wantedJob } = await import("../wanted-job.ts");
    const { withTarget } = await import("../target.ts");
    const { forkJob } = await import("../../targets/fork.ts");
    const { namespace, spec } = await wantedJob(options, streams);
    const placed = { ...options, namespace: options["namespace"] ?? namespace };
    const latestCheckpoint = options["latestCheckpoint"] === true;
    return withTarget(placed, streams, timeoutMs, async (surroundings) => {
      const started = await forkJob({ source, name, spec, latestCheckpoint }, surroundings);
      printStarted(name, started, options, streams);
      return 0;
    });
  },
};
