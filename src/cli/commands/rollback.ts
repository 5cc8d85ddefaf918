/** `sluice rollback`: a resource gets an earlier spec, and its job goes on from the state it has now. */
import type { FlinkDeploymentSpec } from "../../api/flink-deployment.ts";
import type { RollbackTarget } from "../../reconcile/manual-rollback.ts";
import type { ResourceType } from "../../kube/resource-type.ts";
import type { Cluster, Found, ResourceWithJob } from "../cluster.ts";
import { clusterOptions, revisionOption } from "../cluster-options.ts";
import { type Command, type Streams, UserError } from "../command.ts";

type Format = "text" | "name" | "json" | "yaml";

/** What the target is known by. */
async function describe({ entry }: RollbackTarget): Promise<string> {
  if (entry === undefined) return "the last stable spec";
  const { age } = await import("../output/table.ts");
  const { revision, image, startTime, outcome, message } = entry;
  const why = message === undefined || outcome === "Stable" ? "" : `: ${message}`;
  const facts = [image, `deployed ${age(startTime, Date.now())} ago`, `${outcome}${why}`];
  return `revision ${revision} (${facts.filter((fact) => fact !== undefined).join(", ")})`;
}

/** Everything a person wants to know before and after. */
async function explain(
  resource: ResourceWithJob,
  target: RollbackTarget,
  spec: FlinkDeploymentSpec,
): Promise<{ text: string; warning: string }> {
  const { stateAfterwards } = await import("../../reconcile/manual-rollback.ts");
  const { specChanges } = await import("../output/spec-changes.ts");
  const { gitOpsTool } = await import("../gitops.ts");
  const { name } = resource.metadata;
  const found = gitOpsTool(resource.metadata);
  const changes = specChanges(resource.spec, spec);
  return {
    text: `${name} goes back to ${await describe(target)}:\n${changes}${stateAfterwards(resource, spec)}\n`,
    warning:
      found === undefined
        ? ""
        : `warning: ${found.tool} manages ${name} (${found.evidence}) and will overwrite this with what its repository says.\n` +
          `next: revert the change there as well; until then: ${found.pause}\n`,
  };
}

async function write(
  { client, namespace }: Cluster,
  { type, resource }: Found<ResourceWithJob>,
  spec: FlinkDeploymentSpec,
  dryRun: boolean,
): Promise<ResourceWithJob> {
  const { isKubeError } = await import("../../kube/client.ts");
  const { name, resourceVersion } = resource.metadata;
  // The resourceVersion makes it fail when anything has changed since.
  const patch = [
    { op: "replace", path: "/metadata/resourceVersion", value: resourceVersion },
    { op: "replace", path: "/spec", value: spec },
  ];
  const params = { kind: "json", fieldManager: "sluice-rollback", dryRun } as const;
  try {
    return await client.patch<ResourceWithJob>(type, namespace, name, patch, params);
  } catch (error) {
    if (isKubeError(error, "conflict")) {
      throw new UserError(
        `${name} was changed by somebody else at the same time; nothing was rolled back`,
        "Run the command again.",
      );
    }
    if (dryRun || !(isKubeError(error, "timeout") || isKubeError(error, "network"))) throw error;
    throw new UserError(
      `${error.message}; whether ${name} was rolled back is not known`,
      `Look at its spec (kubectl -n ${namespace} get ${type.kind.toLowerCase()}/${name} -o yaml) before you run the command again.`,
    );
  }
}

/** In the form asked for; what is for people goes to stderr then. */
async function report(
  type: ResourceType,
  written: ResourceWithJob,
  format: Format,
  dryRun: boolean,
  { stdout }: Streams,
): Promise<void> {
  const { fullName } = await import("../reference.ts");
  const { name, namespace } = written.metadata;
  const full = fullName(type, name);
  if (format === "name") stdout.write(`${full}\n`);
  else if (format === "text") {
    stdout.write(`${full} rolled back${dryRun ? " (dry run: nothing was changed)" : ""}\n`);
    const wait = `kubectl -n ${namespace} wait --for=condition=Ready ${type.kind.toLowerCase()}/${name} --timeout=10m`;
    if (!dryRun) stdout.write(`next: ${wait}\n`);
  } else {
    const { asYaml } = await import("../output/manifests.ts");
    const { apiVersion, kind, metadata, spec } = written;
    const { labels, annotations } = metadata;
    const manifest = { apiVersion, kind, metadata: { name, namespace, labels, annotations }, spec };
    stdout.write(format === "json" ? `${JSON.stringify(manifest, null, 2)}\n` : asYaml(manifest));
  }
}

export const rollback: Command = {
  name: "rollback",
  summary: "Give a job an earlier spec; it keeps its state",
  args: [{ name: "<name>", description: "name of the FlinkDeployment or FlinkSessionJob, or TYPE/NAME" }],
  examples: [
    "sluice rollback my-job -n team --dry-run      # what would change, and where the job would go on from",
    "sluice rollback my-job -n team                # to the newest other spec that was stable",
    "sluice rollback my-job --to-revision 3        # as numbered by sluice history",
    "sluice rollback my-job --dry-run -o yaml      # the manifest, for your repository",
  ],
  options: [
    ...clusterOptions,
    { flags: "--to-revision <number>", description: "revision of `sluice history` to go back to" },
    { flags: "--dry-run", description: "show it, have the API server check it, and change nothing" },
    {
      flags: "-o, --output <format>",
      description: "print only the name, or the manifest that was written",
      choices: ["text", "name", "json", "yaml"],
      default: "text",
    },
  ],
  async run([name = ""], options, streams) {
    const revision = revisionOption("--to-revision", options["toRevision"] as string | undefined, streams);
    if (revision === "malformed") return 2;
    const format = options["output"] as Format;
    const dryRun = options["dryRun"] === true;
    const { readJob, withCluster } = await import("../cluster.ts");
    const { chooseTarget, rolledBackSpec } = await import("../../reconcile/manual-rollback.ts");
    return withCluster(options, streams, async (cluster) => {
      const found = await readJob(cluster, name);
      const { resource } = found;
      if (resource.metadata.deletionTimestamp !== undefined)
        throw new UserError(
          `${resource.metadata.name} is being deleted`,
          "Apply a manifest of it when it is gone.",
        );
      const target = chooseTarget(resource, revision);
      if ("problem" in target) throw new UserError(target.problem, target.next);
      const spec = rolledBackSpec(resource.spec, target.spec);
      const { text, warning } = await explain(resource, target, spec);
      const forPeople = format === "text" ? streams.stdout : streams.stderr;
      forPeople.write(text);
      streams.stderr.write(warning);
      const written = await write(cluster, found, spec, dryRun);
      await report(found.type, written, format, dryRun, streams);
      return 0;
    });
  },
};
