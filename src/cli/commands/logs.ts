/** `sluice logs`: JobManager and TaskManagers of a job, merged by time, or followed. */
import type { Cluster } from "../cluster.ts";
import { type Command, type Streams, UserError } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { LogLine, LogWish } from "../logs.ts";
import { targetOptions } from "../target-options.ts";

type Options = Readonly<Record<string, unknown>>;

function linesOf(options: Options): number | undefined {
  const text = options["tail"] as string | undefined;
  if (text === undefined || text === "-1") return undefined;
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new UserError(`--tail is a number of lines, not "${text}"`, undefined, EXIT_CODES.usage);
}

async function sinceOf(options: Options): Promise<number | undefined> {
  const text = options["since"] as string | undefined;
  if (text === undefined) return undefined;
  const { parseDuration } = await import("../../flink/duration.ts");
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined && milliseconds > 0) return Math.ceil(milliseconds / 1000);
  throw new UserError(`--since is a duration such as 10m or 1h, not "${text}"`, undefined, EXIT_CODES.usage);
}

function componentOf(options: Options): "jobmanager" | "taskmanager" | undefined {
  const [jobManager, taskManagers] = [options["jobmanager"] === true, options["taskmanagers"] === true];
  if (jobManager === taskManagers) return undefined;
  return jobManager ? "jobmanager" : "taskmanager";
}

type Wish = Omit<LogWish, "cluster">;
type Print = (line: LogLine) => void;

/** Somebody said how much of what was is wanted. */
function isWhole(options: Options): boolean {
  return options["tail"] !== undefined || options["since"] !== undefined;
}

async function ofThisMachine(
  name: string,
  wish: Wish,
  print: Print,
  options: Options,
  streams: Streams,
): Promise<number> {
  const { followLocalLogs, localJobFolder, readLocalLogs } = await import("../local-logs.ts");
  const folder = localJobFolder(name, options, streams);
  if (options["follow"] === true) await followLocalLogs(folder, wish, print);
  const lines = readLocalLogs(folder, wish);
  for (const line of lines) print(line);
  if (lines.length === 0) streams.stderr.write(`${name} has no logs\n`);
  return EXIT_CODES.done;
}

/** The cluster of that resource, or of a job without an operator. @throws UserError, KubeApiError */
async function clusterOf(cluster: Cluster, name: string): Promise<string> {
  const { readJob } = await import("../cluster.ts");
  const { isKubeError } = await import("../../kube/client.ts");
  const { ConfigMapRecords } = await import("../../targets/kubernetes/records.ts");
  try {
    const { resource } = await readJob(cluster, name);
    const { deploymentName } = resource.spec as { deploymentName?: string };
    return deploymentName ?? resource.metadata.name;
  } catch (error) {
    // Without CRDs, it is the type that is not found.
    const isMissing =
      error instanceof UserError ? error.code === EXIT_CODES["not-found"] : isKubeError(error, "not-found");
    const records = new ConfigMapRecords(cluster.client, cluster.namespace);
    if (isMissing && (await records.read(name).catch(() => undefined)) !== undefined) return name;
    throw error;
  }
}

async function ofCluster(
  name: string,
  wish: Wish,
  print: Print,
  options: Options,
  streams: Streams,
): Promise<number> {
  const { withCluster } = await import("../cluster.ts");
  const { followLogs, readLogs } = await import("../logs.ts");
  return withCluster(options, streams, async (cluster) => {
    const whole = { ...wish, cluster: await clusterOf(cluster, name) };
    if (options["follow"] === true) return followLogs(cluster, whole, print);
    const { lines, pods, silent } = await readLogs(cluster, whole);
    for (const line of lines) print(line);
    for (const { pod, why } of silent) streams.stderr.write(`no log of ${pod}: ${why}\n`);
    if (pods === 0) streams.stderr.write(`${name} has no pods now\n`);
    return EXIT_CODES.done;
  });
}

export const logs: Command = {
  name: "logs",
  summary: "Print the logs of a job's JobManager and TaskManagers, merged by time",
  args: [
    { name: "<name>", description: "name of the job, FlinkDeployment or FlinkSessionJob, or TYPE/NAME" },
  ],
  examples: [
    "sluice logs my-job -n team --since 10m",
    "sluice logs my-job -f                      # as they come, of new TaskManagers as well",
    "sluice logs my-job --target local -f       # of the processes of this machine",
    "sluice logs my-job --jobmanager -p         # of the JobManager before its last restart",
  ],
  options: [
    ...targetOptions.filter(({ flags }) => !/--(?:cluster-id|flink-rest)/.test(flags)),
    { flags: "-f, --follow", description: "go on with each new line, until Ctrl-C" },
    { flags: "--jobmanager", description: "of the JobManager only" },
    { flags: "--taskmanagers", description: "of the TaskManagers only" },
    { flags: "-c, --container <name>", description: "of another container than Flink's" },
    { flags: "-p, --previous", description: "of the containers before their last restart" },
    {
      flags: "--tail <lines>",
      description: "only so many lines of each pod, from the end (all unless -f: 20)",
    },
    { flags: "--since <duration>", description: "only what is newer, such as 10m" },
    { flags: "--timestamps", description: "with the time at which Kubernetes saw the line" },
  ],
  async run([name = ""], options, streams) {
    const tail = linesOf(options);
    const sinceSeconds = await sinceOf(options);
    const wish = {
      component: componentOf(options),
      container: options["container"] as string | undefined,
      previous: options["previous"] === true,
      // Who follows wants to see what comes, and a little of what was.
      tail: options["follow"] === true && tail === undefined && !isWhole(options) ? 20 : tail,
      sinceSeconds,
    };
    const { LogPrinter } = await import("../output/log-line.ts");
    const { print } = new LogPrinter(streams, options["timestamps"] === true);
    return options["target"] === "local"
      ? ofThisMachine(name, wish, print, options, streams)
      : ofCluster(name, wish, print, options, streams);
  },
};
