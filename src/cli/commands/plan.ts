/** `sluice plan`: what applying a file would do to the running job, and why. Changes nothing. */
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import { clusterOptions } from "../cluster-options.ts";
import { type Command, type Streams, UserError } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { JobFile } from "../job-file.ts";

type Options = Readonly<Record<string, unknown>>;

function deploymentsOf(files: readonly JobFile[]): FlinkDeployment[] {
  const values = files.flatMap(({ documents }) => documents.map(({ value }) => value as FlinkDeployment));
  return values.filter((value) => value?.kind === "FlinkDeployment");
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

/** Session jobs are not planned: said, and counted as a change, so that nobody takes silence for "no change". */
function others(files: readonly JobFile[], { stderr }: Streams): number {
  const jobs = files
    .flatMap(({ documents }) => documents.map(({ value }) => value as FlinkDeployment | null))
    .filter((value) => (value?.kind as string | undefined) === "FlinkSessionJob");
  for (const job of jobs)
    stderr.write(`FlinkSessionJob ${job?.metadata?.name ?? ""} is not planned: only FlinkDeployments are\n`);
  return jobs.length;
}

async function run(options: Options, streams: Streams): Promise<number> {
  const { operatorConfiguration } = await import("../job-file-check.ts");
  const { planData, planText } = await import("../output/plan.ts");
  const { printData } = await import("../output/resources.ts");
  const { planLive, planOffline } = await import("../plan.ts");
  const { withCluster } = await import("../cluster.ts");
  const names = options["filename"] as string[] | undefined;
  if (names === undefined)
    throw new UserError("name the files: sluice plan -f FILE...", undefined, EXIT_CODES.usage);
  const defaults = options["operatorConfig"] as string | undefined;
  const operator = defaults === undefined ? {} : await operatorConfiguration(defaults, streams.stdin);
  const files = await filesOf(names, options, streams);
  const wanted = deploymentsOf(files);
  const from = options["from"] as string[] | undefined;
  const before = from === undefined ? undefined : deploymentsOf(await filesOf(from, options, streams));
  const plans =
    before === undefined
      ? await withCluster(options, streams, (cluster) =>
          Promise.all(wanted.map((one) => planLive(cluster, one, operator, streams.env))),
        )
      : await Promise.all(
          wanted.map((one) => {
            const old = before.find(({ metadata }) => metadata?.name === one.metadata.name);
            return planOffline(old, one, operator);
          }),
        );
  const format = options["output"] as "text" | "json" | "yaml";
  if (format === "text") streams.stdout.write(plans.map(planText).join("\n"));
  else printData(plans.map(planData), format, streams);
  const unplanned = others(files, streams);
  const isSame = plans.every(({ verdict }) => verdict === "nothing") && unplanned === 0;
  return isSame ? EXIT_CODES.done : EXIT_CODES.act;
}

export const plan: Command = {
  name: "plan",
  summary: "Say what applying a file would do to the running job, and why; change nothing",
  examples: [
    "sluice plan -f job.yaml -n team               # 0: nothing, 1: something would change, 2: error",
    "sluice plan --from old.yaml -f new.yaml       # without a cluster, of a job that runs well",
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
    ...clusterOptions,
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
