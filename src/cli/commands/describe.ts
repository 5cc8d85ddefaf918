/** `sluice describe`: everything about one resource that a person would look for first. */
import { clusterOptions } from "../cluster-options.ts";
import type { Command } from "../command.ts";

export const describe: Command = {
  name: "describe",
  summary: "Show one resource in detail: state, conditions, pods, history, events",
  args: [{ name: "<name>", description: "name of the resource, or TYPE/NAME" }],
  examples: ["sluice describe my-job -n team", "sluice describe flinksnp/before-upgrade"],
  options: clusterOptions,
  async run([name = ""], options, streams) {
    const { readReferenced, withCluster } = await import("../cluster.ts");
    const { eventsOf } = await import("../job-events.ts");
    const { description } = await import("../output/description.ts");
    const { FLINK_TYPES, parseReference } = await import("../reference.ts");
    const { PODS } = await import("../../kube/resource-type.ts");
    return withCluster(options, streams, async (cluster) => {
      const { resource } = await readReferenced(cluster, parseReference(name), FLINK_TYPES);
      const { client, namespace } = cluster;
      const labelSelector = `app=${resource.metadata.name}`;
      const [events, pods] = await Promise.all([
        eventsOf(cluster, resource),
        resource.kind === "FlinkDeployment"
          ? client.list(PODS, { namespace, labelSelector }).then(({ items }) => items)
          : [],
      ]);
      streams.stdout.write(description({ resource, pods, events, now: Date.now() }));
      return 0;
    });
  },
};
