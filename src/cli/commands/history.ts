/** `sluice history`: the specs that ran, each with its image, what it started from and what came of it. */
import type { FlinkDeploymentSpec } from "../../api/flink-deployment.ts";
import type { HistoryEntry } from "../../api/history.ts";
import type { Cluster, ResourceWithJob } from "../cluster.ts";
import { clusterOptions, revisionOption } from "../cluster-options.ts";
import { type Command, type Streams, UserError } from "../command.ts";

type Format = "table" | "wide" | "json" | "yaml";
type ReadSpec = (entry: HistoryEntry) => FlinkDeploymentSpec | undefined;

const HEADER = ["REVISION", "GENERATION", "AGE", "IMAGE", "FLINK", "PARALLELISM", "FROM", "OUTCOME"];
const WIDE = ["SINCE", "MESSAGE"];
const NONE = "<none>";

async function parallelism(spec: FlinkDeploymentSpec | undefined): Promise<string> {
  if (spec === undefined) return "<unknown>";
  const { flattenConfiguration, getNumber } = await import("../../flink/configuration.ts");
  const { TASK_SLOTS } = await import("../../flink/options.ts");
  const { job, taskManager } = spec;
  if (job === undefined) return NONE;
  const slots = getNumber(flattenConfiguration(spec.flinkConfiguration), TASK_SLOTS) ?? 1;
  return String(taskManager?.replicas ? taskManager.replicas * slots : (job.parallelism ?? NONE));
}

async function printTable(
  history: readonly HistoryEntry[],
  wide: boolean,
  readSpec: ReadSpec,
  { stdout }: Streams,
): Promise<void> {
  const { age, table } = await import("../output/table.ts");
  const { withoutSecrets } = await import("../../jars/jar-error.ts");
  const now = Date.now();
  const rows = history.map(async (entry) => [
    String(entry.revision ?? NONE),
    String(entry.generation ?? NONE),
    age(entry.startTime, now),
    entry.image ?? (entry.jarURI === undefined ? NONE : withoutSecrets(entry.jarURI)),
    entry.flinkVersion ?? NONE,
    await parallelism(readSpec(entry)),
    entry.restoredFrom ?? NONE,
    entry.outcome ?? NONE,
    ...(wide ? [age(entry.outcomeTime, now), entry.message?.replaceAll(/\s+/g, " ") ?? NONE] : []),
  ]);
  stdout.write(table([[...HEADER, ...(wide ? WIDE : [])], ...(await Promise.all(rows))]));
}

/** For programs: the entries with their specs as objects; a manifest where one revision is asked for. */
async function print(value: unknown, format: Format, streams: Streams): Promise<void> {
  const { printData } = await import("../output/resources.ts");
  printData(value, format === "json" ? "json" : "yaml", streams);
}

/** Why there is none. @throws UserError when somebody has to do something about it. */
async function whyNone(cluster: Cluster, { kind, metadata, spec, status }: ResourceWithJob): Promise<string> {
  const { hasHistoryField, INSTALL_CRDS } = await import("../cluster.ts");
  const { flattenConfiguration, getNumber } = await import("../../flink/configuration.ts");
  const { HISTORY_MAX_COUNT } = await import("../../flink/options.ts");
  const { name } = metadata;
  if ((await hasHistoryField(cluster, kind)) === false) {
    throw new UserError(
      `no history of ${name} is kept: the cluster's CRD has no field status.history`,
      `${INSTALL_CRDS}. Everything else works without.`,
    );
  }
  if ((getNumber(flattenConfiguration(spec.flinkConfiguration), HISTORY_MAX_COUNT) ?? 1) < 1)
    return `no history of ${name} is kept: ${HISTORY_MAX_COUNT.key} is 0`;
  if (status?.reconciliationStatus?.lastReconciledSpec === undefined)
    return `${name} was not deployed yet (kubectl describe ${kind.toLowerCase()} ${name} says what is awaited)`;
  return `${name} has no history yet: Sluice begins one with the next change of its status`;
}

async function printRevision(
  resource: ResourceWithJob,
  revision: number,
  format: Format,
  streams: Streams,
): Promise<void> {
  const { findRevision } = await import("../../reconcile/manual-rollback.ts");
  const found = findRevision(resource, revision);
  if ("problem" in found) throw new UserError(found.problem, found.next);
  const { name, namespace } = resource.metadata;
  const { apiVersion, kind } = resource;
  await print({ apiVersion, kind, metadata: { name, namespace }, spec: found.spec }, format, streams);
}

async function printAll(
  cluster: Cluster,
  resource: ResourceWithJob,
  format: Format,
  streams: Streams,
): Promise<void> {
  const { specOf: readSpec } = await import("../../reconcile/history.ts");
  const history = resource.status?.history ?? [];
  if (history.length === 0) streams.stderr.write(`${await whyNone(cluster, resource)}\n`);
  if (format === "json" || format === "yaml") {
    const entries = history.map((entry) => ({ ...entry, spec: readSpec(entry) }));
    return print(entries, format, streams);
  }
  if (history.length > 0) await printTable(history, format === "wide", readSpec, streams);
}

export const history: Command = {
  name: "history",
  summary: "Show the specs that a job ran with, and what came of each",
  args: [{ name: "<name>", description: "name of the FlinkDeployment or FlinkSessionJob, or TYPE/NAME" }],
  examples: [
    "sluice history my-job -n team",
    "sluice history sessionjob/my-job",
    "sluice history my-job -o wide                         # also since when, and why",
    "sluice history my-job --revision 3 > before.yaml      # a manifest to apply",
    "sluice history my-job -o json | jq -r '.[-1].image'",
  ],
  options: [
    ...clusterOptions,
    { flags: "--revision <number>", description: "print the manifest of that revision" },
    {
      flags: "-o, --output <format>",
      description: "how to print them",
      choices: ["table", "wide", "json", "yaml"],
      default: "table",
    },
  ],
  async run([name = ""], options, streams) {
    const revision = revisionOption("--revision", options["revision"] as string | undefined, streams);
    if (revision === "malformed") return 2;
    const format = options["output"] as Format;
    const { readJob, withCluster } = await import("../cluster.ts");
    return withCluster(options, streams, async (cluster) => {
      const { resource } = await readJob(cluster, name);
      if (revision === undefined) await printAll(cluster, resource, format, streams);
      else await printRevision(resource, revision, format, streams);
      return 0;
    });
  },
};
