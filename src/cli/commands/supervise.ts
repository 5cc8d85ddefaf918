/** `sluice supervise`: what looks after a job of this machine while no command does. Started by the commands. */
import type { Command } from "../command.ts";
import { targetOptions } from "../target-options.ts";

export const supervise: Command = {
  name: "supervise",
  hidden: true,
  summary: "Look after a job that runs on this machine until it is stopped",
  args: [{ name: "<name>", description: "name of the job" }],
  examples: ["sluice supervise my-job -n team"],
  options: targetOptions,
  async run([name = ""], options, streams) {
    const { LocalTarget } = await import("../../targets/local/local-target.ts");
    const { supervise: look } = await import("../../targets/local/supervise.ts");
    const { SUPERVISOR } = await import("../../targets/local/supervisor-process.ts");
    const { createLogger } = await import("../../telemetry/log.ts");
    const target = new LocalTarget({
      namespace: (options["namespace"] as string | undefined) ?? "default",
      stateDir: options["stateDir"] as string | undefined,
      flinkHome: undefined,
      mappings: [],
      who: SUPERVISOR,
      shell: streams,
    });
    await look(target, name, createLogger("info"));
    await target.close();
    return 0;
  },
};
