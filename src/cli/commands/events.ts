/** `sluice events`: what the operator and Kubernetes said about one job, oldest first. */
import { clusterOptions } from "../cluster-options.ts";
import type { Command } from "../command.ts";
import type { JobEvent } from "../job-events.ts";

export const events: Command = {
  name: "events",
  summary: "Show the events of a job: of its resource, its Deployments and its pods",
  args: [{ name: "<name>", description: "name of the resource, or TYPE/NAME" }],
  examples: [
    "sluice events my-job -n team",
    "sluice events my-job --warnings",
    "sluice events my-job -w                    # and each new one, until Ctrl-C",
  ],
  options: [
    ...clusterOptions,
    { flags: "--warnings", description: "only those of type Warning" },
    { flags: "-w, --watch", description: "go on with each new event, until Ctrl-C" },
    {
      flags: "-o, --output <format>",
      description: "how to print them",
      choices: ["table", "json", "yaml"],
      default: "table",
    },
  ],
  async run([name = ""], options, streams) {
    const { readReferenced, withCluster } = await import("../cluster.ts");
    const { eventsOf, isAbout } = await import("../job-events.ts");
    const { eventTable } = await import("../output/event-table.ts");
    const { forPrograms, printData } = await import("../output/resources.ts");
    const { FLINK_TYPES, parseReference } = await import("../reference.ts");
    const format = options["output"] as "table" | "json" | "yaml";
    return withCluster(options, streams, async (cluster) => {
      const { resource } = await readReferenced(cluster, parseReference(name), FLINK_TYPES);
      const isWanted = ({ type }: { type?: string }): boolean =>
        options["warnings"] !== true || type === "Warning";
      const found = (await eventsOf(cluster, resource)).filter(isWanted);
      if (format !== "table") {
        printData(
          { apiVersion: "v1", kind: "List", metadata: {}, items: found.map(forPrograms) },
          format,
          streams,
        );
      } else if (found.length > 0) streams.stdout.write(eventTable(found, Date.now()));
      else
        streams.stderr.write(`no events of ${resource.metadata.name}; Kubernetes keeps them for an hour\n`);
      if (options["watch"] !== true) return 0;
      const { follow } = await import("../follow.ts");
      const { EVENTS } = await import("../../kube/resource-type.ts");
      const { client, namespace } = cluster;
      const followed = { types: [EVENTS], namespace };
      return follow(client, followed, found, async (object) => {
        const event: JobEvent = object;
        if (!isAbout(event, resource.kind, resource.metadata.name) || !isWanted(event)) return;
        if (format !== "table") return printData(forPrograms(event), format, streams);
        const text = eventTable([event], Date.now());
        streams.stdout.write(text.slice(text.indexOf("\n") + 1));
      });
    });
  },
};
