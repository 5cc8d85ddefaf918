/** The flags of commands for one job, in whatever place it runs. Light: the help loads this for every command. */
import { clusterOptions } from "./cluster-options.ts";
import type { CommandOption, Streams } from "./command.ts";

/** Each may come from the environment, so that one Job manifest serves every job. */
export const targetOptions: readonly CommandOption[] = [
  {
    flags: "--target <where>",
    description: "where the job runs",
    choices: ["kubernetes", "local"],
    default: "kubernetes",
    env: "SLUICE_TARGET",
  },
  ...clusterOptions.map((option) =>
    option.flags.includes("--namespace") ? { ...option, env: "SLUICE_NAMESPACE" } : option,
  ),
  {
    flags: "--cluster-id <name>",
    description: "name of the job and its cluster, instead of the argument or the file's",
    env: "SLUICE_CLUSTER_ID",
  },
  {
    flags: "--flink-rest <way>",
    description: "how Flink is reached (default: direct in a pod, else through the API server)",
    choices: ["direct", "proxy"],
    env: "SLUICE_FLINK_REST",
  },
  {
    flags: "--state-dir <folder>",
    description: "local: where jobs and their state are (default: ~/.local/state/sluice)",
    env: "SLUICE_STATE_DIR",
  },
];

/** Of commands that start a job, for a target of this machine. */
export const localOptions: readonly CommandOption[] = [
  {
    flags: "--attach",
    description: "local: stay with the job; Ctrl-C stops it with a savepoint, twice at once",
  },
  {
    flags: "--flink-home <folder>",
    description: "local: the Flink to run (default: FLINK_HOME, or one that is fetched once)",
  },
  {
    flags: "--map <from=to>",
    description: "local: where a path of the job file is on this machine; may be repeated",
    env: "SLUICE_MAP",
    repeat: true,
  },
];

export const timeoutOption: CommandOption = {
  flags: "--timeout <duration>",
  description: "for the savepoint, and anew for what comes after it: 90s, 10min",
  default: "10min",
  env: "SLUICE_TIMEOUT",
};

export const savepointDirectoryOption: CommandOption = {
  flags: "--savepoint-dir <uri>",
  description: "where savepoints go, instead of the job file's state.savepoints.dir",
  env: "SLUICE_SAVEPOINT_DIR",
};

export const outputOption: CommandOption = {
  flags: "-o, --output <format>",
  description: "how the result is printed on standard output",
  choices: ["text", "json"],
  default: "text",
};

export const jobFileOptions: readonly CommandOption[] = [
  {
    flags: "-f, --filename <file>",
    description: "job file with one FlinkDeployment, or - for standard input",
    env: "SLUICE_JOB_FILE",
  },
  { flags: "--image <image>", description: "instead of the job file's", env: "SLUICE_JOB_IMAGE" },
  {
    flags: "--flink-version <version>",
    description: "instead of the job file's, such as v2_3",
    env: "SLUICE_FLINK_VERSION",
  },
  { flags: "--parallelism <number>", description: "instead of the job file's", env: "SLUICE_PARALLELISM" },
  {
    flags: "--mode <mode>",
    description: "who makes the TaskManagers, instead of the job file's",
    choices: ["native", "standalone"],
    env: "SLUICE_MODE",
  },
  {
    flags: "-D <key=value>",
    description: "a Flink option in place of the job file's; may be repeated, in the environment one a line",
    env: "SLUICE_FLINK_OPTIONS",
    repeat: true,
  },
  {
    flags: "--flink-config <file>",
    description: "Flink's configuration (config.yaml), under the job file's own",
    env: "SLUICE_FLINK_CONFIG",
  },
  {
    flags: "--log-config <folder>",
    description: "log files (log4j-console.properties …), in place of the job file's",
    env: "SLUICE_LOG_CONFIG",
  },
  {
    flags: "--arg <argument>",
    description:
      "an argument of main(), all together instead of the job file's; in the environment one a line",
    env: "SLUICE_ARGS",
    repeat: true,
  },
];

export const startFromOptions: readonly CommandOption[] = [
  {
    flags: "--from-savepoint <path>",
    description: "start from this savepoint or retained checkpoint, not from where the job was stopped",
    env: "SLUICE_FROM_SAVEPOINT",
  },
  { flags: "--from-scratch", description: "start without state" },
];

/** Milliseconds; undefined, and said so, when it is no duration. */
export async function timeoutOf(
  options: Readonly<Record<string, unknown>>,
  { stderr }: Streams,
): Promise<number | undefined> {
  const { parseDuration } = await import("../flink/duration.ts");
  const text = String(options["timeout"]);
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined && milliseconds > 0) return milliseconds;
  stderr.write(`error: --timeout is a duration such as 90s or 10min, not "${text}"\n`);
  return undefined;
}
