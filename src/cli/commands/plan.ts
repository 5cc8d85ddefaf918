/** `sluice plan`: what applying a file would do to the running job, and why. Changes nothing. */
import type { FlinkConfiguration } from "../../flink/configuration.ts";
import type { Plan } from "../../reconcile/plan/plan.ts";
import { type Command, type Streams, UserError } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { JobFile } from "../job-file.ts";
import type { Resource } from "../plan.ts";
import { jobFileOptions, localOptions, savepointDirectoryOption, targetOptions } from "../target-options.ts";

type Options = Readonly<Record<string, unknown>>;

/** @throws UserError */
function resourcesOf(files: readonly JobFile[]): Resource[] {
  return files.flatMap(({ file, documents }) =>
    documents.flatMap(({ value, locate }) => {
      const resource = value as Resource | null;
      if (resource?.kind !== "FlinkDeployment" && resource?.kind !== "FlinkSessionJob") return [];
      const spec = (resource.spec as Resource["spec"] | undefined) ?? {};
      if (typeof (resource.metadata as Resource["metadata"] | undefined)?.name === "string")
        return { ...resource, spec };
      const { line, column } = locate("metadata.name");
      throw new UserError(`${file}:${line}:${column}: metadata.name: is required`, "Name the job.");
    }),
  );
}

const OF_JOBS = [
  ["parallelism", "--parallelism"],
  ["arg", "--arg"],
  ["D", "-D"],
  ["flinkConfig", "--flink-config"],
  ["savepointDir", "--savepoint-dir"],
] as const;

/** What flags change, they change of FlinkDeployments: said, so that nobody takes silence for "no change". @throws UserError */
async function withFlags(resource: Resource, options: Options, streams: Streams): Promise<Resource> {
  const { withJobFlags } = await import("../wanted-job.ts");
  if (resource.kind === "FlinkDeployment")
    return { ...resource, spec: await withJobFlags(resource.spec, options, streams) };
  const given = OF_JOBS.find(([name]) => options[name] !== undefined);
  if (given === undefined) return resource;
  throw new UserError(
    `${given[1]} changes FlinkDeployments only, and ${resource.metadata.name} is a FlinkSessionJob`,
    "Write it into the job's file.",
  );
}

async function filesOf(names: readonly string[], options: Options, streams: Streams): Promise<JobFile[]> {
  const { readJobFiles } = await import("../job-file.ts");
  const files = await readJobFiles(names, options["recursive"] === true, streams.stdin);
  for (const { file, problems } of files) {
    const [wrong] = problems;
    if (wrong !== undefined)
      throw new UserError(`${file}:${wrong.line}:${wrong.column}: ${wrong.message}`, wrong.next);
  }
  return files;
}

/** Milliseconds; nothing is waited for. */
const TIMEOUT_MS = 60_000;

/** What runs on this machine. */
async function planLocal(wanted: readonly Resource[], options: Options, streams: Streams): Promise<Plan[]> {
  const { withTarget } = await import("../target.ts");
  const { planJob } = await import("../../targets/plan.ts");
  const jobs = wanted.map((one) => {
    if (one.kind === "FlinkDeployment") return one;
    throw new UserError(
      `${one.metadata.name} is a FlinkSessionJob, which needs a cluster with the operator`,
      "Leave out --target local.",
    );
  });
  return withTarget(options, streams, TIMEOUT_MS, (surroundings) =>
    Promise.all(jobs.map(({ metadata, spec }) => planJob(metadata.name, spec, surroundings))),
  );
}

async function plansOf(
  wanted: readonly Resource[],
  operator: FlinkConfiguration,
  options: Options,
  streams: Streams,
): Promise<Plan[]> {
  const { planLive, planOffline } = await import("../plan.ts");
  const { withCluster } = await import("../cluster.ts");
  const from = options["from"] as string[] | undefined;
  if (from !== undefined)
    return planOffline(resourcesOf(await filesOf(from, options, streams)), wanted, operator);
  if (options["target"] === "local") return planLocal(wanted, options, streams);
  return withCluster(options, streams, (cluster) => planLive(cluster, wanted, operator, streams));
}

async function run(options: Options, streams: Streams): Promise<number> {
  const { operatorConfiguration } = await import("../job-file-check.ts");
  const { planData, planText } = await import("../output/plan.ts");
  const { printData } = await import("../output/resources.ts");
  const { Refusal } = await import("../../targets/target.ts");
  const names = options["filename"] as string[] | undefined;
  if (names === undefined)
    throw new UserError("name the files: sluice plan -f FILE...", undefined, EXIT_CODES.usage);
  const defaults = options["operatorConfig"] as string | undefined;
  const operator = defaults === undefined ? {} : await operatorConfiguration(defaults, streams.stdin);
  const files = resourcesOf(await filesOf(names, options, streams));
  const wanted = await Promise.all(files.map((one) => withFlags(one, options, streams)));
  const plans = await plansOf(wanted, operator, options, streams).catch((error: unknown) => {
    // 1 is "something would change" here, and not what an error is to end with.
    if (error instanceof Refusal || error instanceof UserError)
      throw new UserError(error.message, error.next);
    throw error;
  });
  const format = options["output"] as "text" | "json" | "yaml";
  if (format === "text") streams.stdout.write(plans.map(planText).join("\n"));
  else printData(plans.map(planData), format, streams);
  const isSame = plans.every(({ verdict }) => verdict === "nothing");
  return isSame ? EXIT_CODES.done : EXIT_CODES.act;
}

export const plan: Command = {
  name: "plan",
  summary: "Say what applying a file would do to the running job, and why; change nothing",
  examples: [
    "sluice plan -f job.yaml -n team               # 0: nothing, 1: something would change, 2: error",
    "sluice plan -f session-cluster.yaml           # also what it does to the session jobs in it",
    "sluice plan --from old.yaml -f new.yaml       # without a cluster, of a job that runs well",
    "sluice plan -f job.yaml --target local        # of what runs on this machine",
    "sluice plan -f job.yaml -o json | jq -r '.[0].verdict'",
  ],
  options: [
    { flags: "-f, --filename <file...>", description: "files, folders, or - for standard input" },
    { flags: "-R, --recursive", description: "also the folders below" },
    { flags: "--from <file...>", description: "what runs, instead of asking the cluster" },
    {
      flags: "--operator-config <file>",
      description: "the operator's config.yaml, whose defaults the jobs inherit",
    },
    ...jobFileOptions.filter(({ flags }) => !flags.includes("--filename")),
    savepointDirectoryOption,
    ...targetOptions.filter(({ flags }) => !/--(?:cluster-id|flink-rest)/.test(flags)),
    ...localOptions.filter(({ flags }) => !flags.startsWith("--attach")),
    {
      flags: "-o, --output <format>",
      description: "how to print it",
      choices: ["text", "json", "yaml"],
      default: "text",
    },
  ],
  failureCode: EXIT_CODES.usage,
  run: (_, options, streams) => run(options, streams),
};
