/** `sluice delete`: resources go, and with them their clusters; what was saved in the state storage stays. */
import { changeOptions } from "../cluster-options.ts";
import { type Command, type Streams, UserError } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";

async function remove(
  names: readonly string[],
  options: Readonly<Record<string, unknown>>,
  streams: Streams,
): Promise<number> {
  const { readReferenced, withCluster } = await import("../cluster.ts");
  const { announceChange, gitOpsWarning } = await import("../change.ts");
  const { printResource } = await import("../output/resources.ts");
  const { parseSelection } = await import("../reference.ts");
  const { timeoutOf } = await import("../target-options.ts");
  const { waitUntilGone } = await import("../wait.ts");
  const dryRun = options["dryRun"] as "none" | "client" | "server";
  const timeoutMs = await timeoutOf(options, streams);
  if (timeoutMs === undefined) return EXIT_CODES.usage;
  const { references } = parseSelection(names);
  if (references.length === 0)
    throw new UserError("name what is to be deleted", "List it with `sluice get`.", EXIT_CODES.usage);
  return withCluster(options, streams, async (cluster) => {
    const { client, namespace } = cluster;
    for (const reference of references) {
      const { type, resource } = await readReferenced(cluster, reference);
      const { name, uid } = resource.metadata;
      streams.stderr.write(gitOpsWarning(resource));
      // The uid: of this one, not of another that was made under its name meanwhile.
      if (dryRun !== "client")
        await client.delete(type, namespace, name, { uid, dryRun: dryRun === "server" });
      const line = announceChange(type, name, "deleted", dryRun);
      printResource(type, resource, options["output"], line, streams);
      if (options["wait"] !== false && dryRun === "none")
        await waitUntilGone(cluster, type, resource as never, timeoutMs, streams);
    }
    return 0;
  });
}

export const deleteCommand: Command = {
  name: "delete",
  summary: "Delete Flink resources and their clusters; checkpoints and savepoints stay",
  args: [{ name: "<name...>", description: "NAME, TYPE NAME, or TYPE/NAME" }],
  examples: ["sluice delete my-job -n team", "sluice delete sessionjob/one sessionjob/two --wait=false"],
  options: [
    ...changeOptions,
    { flags: "--wait [yes]", description: "until they are gone", default: true, choices: ["true", "false"] },
    { flags: "--timeout <duration>", description: "of --wait, such as 90s or 10m", default: "10m" },
  ],
  run: (names, options, streams) =>
    remove(names, { ...options, wait: String(options["wait"]) !== "false" }, streams),
};
