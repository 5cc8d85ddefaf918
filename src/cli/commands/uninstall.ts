/** `sluice uninstall`: the operator goes; CRDs, Flink resources and what running jobs need stay. */
import type { DryRun } from "../change.ts";
import type { Command } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { nameArgument, placeOptions } from "../installation/options.ts";

export const uninstallCommand: Command = {
  name: "uninstall",
  summary: "Take the operator away; CRDs, Flink resources and the account of running jobs stay",
  args: [nameArgument],
  examples: ["sluice uninstall --dry-run", "sluice uninstall -n sluice-system"],
  options: [
    ...placeOptions,
    {
      flags: "--force",
      description: "although resources are being deleted, which then never ends",
      default: false,
    },
    { flags: "--timeout <duration>", description: "until the operator has ended", default: "5m" },
  ],
  run: async (names, options, streams) => {
    const { withCluster } = await import("../cluster.ts");
    const { notInstalled, releaseOf } = await import("../installation/command.ts");
    const { readInventory } = await import("../installation/inventory.ts");
    const { uninstall } = await import("../installation/uninstall.ts");
    const { timeoutOf } = await import("../target-options.ts");
    const { name, namespace } = releaseOf(names, options);
    const timeoutMs = await timeoutOf(options, streams);
    if (timeoutMs === undefined) return EXIT_CODES.usage;
    return withCluster({ ...options, namespace }, streams, async (cluster) => {
      const before = (await readInventory(cluster.client, namespace, name)) ?? notInstalled(name, namespace);
      const dryRun = options["dryRun"] as DryRun;
      await uninstall(
        cluster,
        { name, before, dryRun, force: options["force"] === true, timeoutMs },
        streams,
      );
      return EXIT_CODES.done;
    });
  },
};
