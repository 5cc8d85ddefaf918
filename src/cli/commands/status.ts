/** `sluice status`: what a job without an operator is doing. */
import type { Command } from "../command.ts";
import { outputOption, targetOptions } from "../target-options.ts";

/** Milliseconds; nothing is waited for. */
const TIMEOUT_MS = 60_000;

export const status: Command = {
  name: "status",
  summary: "Show what a job without an operator is doing",
  args: [{ name: "[name]", description: "name of the job" }],
  examples: ["sluice status my-job -n team", "sluice status my-job -o json | jq -r .savepointPath"],
  options: [...targetOptions, outputOption],
  async run([argument], options, streams) {
    const { nameOf, withTarget } = await import("../target.ts");
    const { jobState } = await import("../../targets/status.ts");
    const { jobTable } = await import("../output/jobs.ts");
    const name = nameOf(argument, options);
    return withTarget(options, streams, TIMEOUT_MS, async (surroundings) => {
      const state = await jobState(name, surroundings);
      if (options["output"] === "json") streams.stdout.write(`${JSON.stringify(state, null, 2)}\n`);
      else streams.stdout.write(jobTable([state]));
      return 0;
    });
  },
};
