/** `sluice plan`: what applying a file would do to the running job, and why. Changes nothing. */
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { FlinkConfiguration } from "../../flink/configuration.ts";
import type { Plan } from "../../reconcile/plan/plan.ts";
import { type Command, type Streams, UserError } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { JobFile } from "../job-file.ts";
import { jobFileOptions, localOptions, savepointDirectoryOption, targetOptions } from "../target-options.ts";

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

/** Milliseconds; nothing is waited for. */
const TIMEOUT_MS = 60_000;

/** Of what runs in the cluster, or on this machine. */
async function plansOf(
  wanted: readonly FlinkDeployment[],
  operator: FlinkConfiguration,
  options: Options,
  streams: Streams,
): Promise<Plan[]> {
  const { withTarget } = await import("../target.ts");
  const { planLive } = await import("../plan.ts");
  const { planJob } = await import("../../targets/plan.ts");
  const { Refusal } = await import("../../targets/target.ts");
  const { withCluster } = await import("../cluster.ts");
  try {
    if (options["target"] === "local")
      return await withTarget(options, streams, TIMEOUT_MS, (surroundings) =>
        Promise.all(wanted.map(({ metadata, spec }) => planJob(metadata.name, spec, surroundings))),
      );
    return await withCluster(options, streams, (cluster) =>
      Promise.all(wanted.map((one) => planLive(cluster, one, operator, streams))),
    );
  } catch (error) {
    // 1 is "something would change" here, and not what an error is to end with.
    if (error instanceof Refusal || error instanceof UserError)
      throw new UserError(error.message, error.next);
    throw error;
  }
}

async function run(options: Options, streams: Streams): Promise<number> {
  const { operatorConfiguration } = await import("../job-file-check.ts");
  const { planData, planText } = await import("../output/plan.ts");
  const { printData } = await import("../output/resources.ts");
  const { planOffline } = await import("../plan.ts");
  const names = options["filename"] as string[] | undefined;
  if (names === undefined)
    throw new UserError("name the files: sluice plan -f FILE...", undefined, EXIT_CODES.usage);
  const defaults = options["operatorConfig"] as string | undefined;
  const operator = defaults === undefined ? {} : await operatorConfiguration(defaults, streams.stdin);
  const files = await filesOf(names, options, streams);
  const { withJobFlags } = await import("../wanted-job.ts");
  const wanted = await Promise.all(
    deploymentsOf(files).map(async (one) => ({
      ...one,
      spec: await withJobFlags(one.spec ?? {}, options, streams),
    })),
  );
  const from = options["from"] as string[] | undefined;
  const before = from === undefined ? undefined : deploymentsOf(await filesOf(from, options, streams));
  const plans =
    before === undefined
      ? await plansOf(wanted, operator, options, streams)
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
