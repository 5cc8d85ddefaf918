/** `sluice update`: stop with a savepoint, then start with the new job file; resumable at every point. */
import type { Command } from "../command.ts";
import { start, startOrUpdate } from "./start.ts";

export const update: Command = {
  name: "update",
  summary: "Change a running job: stop it with a savepoint, start it from there with the new file",
  args: [{ name: "[name]", description: "name of the job (default: the file's)" }],
  examples: [
    "sluice update -f job.yaml -n team                       # killed anywhere and run again, it finishes",
    "sluice update -f job.yaml --parallelism 8",
    "sluice update -f job.yaml --image registry/job:2 --timeout 30min",
  ],
  options: start.options,
  run: ([name], options, streams) => startOrUpdate(true, name, options, streams),
};
