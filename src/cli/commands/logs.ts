/** `sluice logs`: JobManager and TaskManagers of a job, merged by time, or followed. */
import { clusterOptions } from "../cluster-options.ts";
import { type Command, UserError } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";

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

export const logs: Command = {
  name: "logs",
  summary: "Print the logs of a job's JobManager and TaskManagers, merged by time",
  args: [{ name: "<name>", description: "name of the FlinkDeployment or FlinkSessionJob, or TYPE/NAME" }],
  examples: [
    "sluice logs my-job -n team --since 10m",
    "sluice logs my-job -f                      # as they come, of new TaskManagers as well",
    "sluice logs my-job --jobmanager -p         # of the JobManager before its last restart",
  ],
  options: [
    ...clusterOptions,
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
    const { readJob, withCluster } = await import("../cluster.ts");
    const { followLogs, readLogs } = await import("../logs.ts");
    const { LogPrinter } = await import("../output/log-line.ts");
    const { print } = new LogPrinter(streams, options["timestamps"] === true);
    return withCluster(options, streams, async (cluster) => {
      const { resource } = await readJob(cluster, name);
      const { deploymentName } = resource.spec as { deploymentName?: string };
      const wish = {
        cluster: deploymentName ?? resource.metadata.name,
        component: componentOf(options),
        container: options["container"] as string | undefined,
        previous: options["previous"] === true,
        tail,
        sinceSeconds,
      };
      if (options["follow"] === true) {
        const isWhole = tail === undefined && sinceSeconds === undefined && options["tail"] === undefined;
        return followLogs(cluster, isWhole ? { ...wish, tail: 20 } : wish, print);
      }
      const { lines, pods, silent } = await readLogs(cluster, wish);
      for (const line of lines) print(line);
      for (const { pod, why } of silent) streams.stderr.write(`no log of ${pod}: ${why}\n`);
      if (pods === 0) streams.stderr.write(`${resource.metadata.name} has no pods now\n`);
      return EXIT_CODES.done;
    });
  },
};
