/** `sluice list`: the jobs without an operator that are in one place. */
import type { Command } from "../command.ts";
import { outputOption, targetOptions } from "../target-options.ts";

/** Milliseconds; nothing is waited for. */
const TIMEOUT_MS = 60_000;

export const list: Command = {
  name: "list",
  summary: "List the jobs without an operator, those that are stopped as well",
  examples: ["sluice list -n team", "sluice list --target local"],
  options: [...targetOptions, outputOption],
  async run(_, options, streams) {
    const { withTarget } = await import("../target.ts");
    const { jobState } = await import("../../targets/status.ts");
    const { Refusal } = await import("../../targets/target.ts");
    const { jobTable } = await import("../output/jobs.ts");
    return withTarget(options, streams, TIMEOUT_MS, async (surroundings) => {
      const { records, namespace } = surroundings.target;
      const states = [];
      for (const name of await records.list()) {
        try {
          states.push(await jobState(name, surroundings));
        } catch (error) {
          // One job that cannot be told about does not hide the others.
          if (!(error instanceof Refusal)) throw error;
          surroundings.progress(`warning: ${name}: ${error.message}`);
        }
      }
      if (options["output"] === "json") streams.stdout.write(`${JSON.stringify(states, null, 2)}\n`);
      else if (states.length > 0) streams.stdout.write(jobTable(states));
      else streams.stderr.write(`no jobs in namespace ${namespace}\n`);
      return 0;
    });
  },
};
