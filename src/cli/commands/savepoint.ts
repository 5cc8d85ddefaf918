/** `sluice savepoint`: a savepoint of a job without an operator, which runs on. */
import type { Command } from "../command.ts";
import { outputOption, targetOptions, timeoutOf, timeoutOption } from "../target-options.ts";

export const savepoint: Command = {
  name: "savepoint",
  summary: "Take a savepoint of a job without an operator; the job runs on",
  args: [{ name: "[name]", description: "name of the job" }],
  examples: [
    "sluice savepoint my-job -n team",
    "sluice start -f other.yaml --from-savepoint $(sluice savepoint my-job)",
  ],
  options: [timeoutOption, ...targetOptions, outputOption],
  async run([argument], options, streams) {
    const timeoutMs = await timeoutOf(options, streams);
    if (timeoutMs === undefined) return 2;
    const { nameOf, withTarget } = await import("../target.ts");
    const { takeSavepoint } = await import("../../targets/savepoint.ts");
    const name = nameOf(argument, options);
    return withTarget(options, streams, timeoutMs, async (surroundings) => {
      const path = await takeSavepoint(name, surroundings);
      // The path alone, for a pipeline.
      streams.stdout.write(
        options["output"] === "json" ? `${JSON.stringify({ name, savepointPath: path })}\n` : `${path}\n`,
      );
      return 0;
    });
  },
};
