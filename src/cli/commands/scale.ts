/** `sluice scale`: another parallelism, or another number of TaskManagers. */
import { changeOptions, waitOptions } from "../cluster-options.ts";
import { type Command, type Streams, UserError } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";

/** Undefined when the flag is absent. */
function wholeNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new UserError(`${flag} is a whole number from 1, not "${text}"`, undefined, EXIT_CODES.usage);
}

async function scaleTo(
  name: string,
  wanted: { parallelism: number | undefined; taskManagers: number | undefined },
  options: Readonly<Record<string, unknown>>,
  streams: Streams,
): Promise<number> {
  const { changeJob } = await import("../change.ts");
  const { parallelismOf } = await import("../job-facts.ts");
  return changeJob(name, "scaled", options, streams, ({ kind, metadata, spec }) => {
    const { parallelism, taskManagers } = wanted;
    if (taskManagers !== undefined) {
      if (kind !== "FlinkDeployment")
        throw new UserError(
          `${metadata.name} is a ${kind}, which has no TaskManagers of its own`,
          "Scale it with --parallelism, or the session cluster with --task-managers.",
        );
      const effect = `${metadata.name} gets ${taskManagers} TaskManagers.`;
      return { spec: { taskManager: { replicas: taskManagers } }, effect };
    }
    if (spec.job === undefined || spec.job === null)
      throw new UserError(`${metadata.name} is a session cluster`, "Scale it with --task-managers.");
    const replicas = (spec as { taskManager?: { replicas?: number } }).taskManager?.replicas;
    if (replicas !== undefined && replicas !== null)
      throw new UserError(
        `spec.taskManager.replicas (${replicas}) decides the parallelism of ${metadata.name}`,
        "Scale it with --task-managers.",
      );
    const before = parallelismOf(spec);
    return {
      spec: { job: { parallelism } },
      effect: `${metadata.name} goes from parallelism ${before ?? "(not set)"} to ${parallelism}.`,
    };
  });
}

export const scale: Command = {
  name: "scale",
  summary: "Change a job's parallelism, or its number of TaskManagers",
  args: [{ name: "<name>", description: "name of the FlinkDeployment or FlinkSessionJob, or TYPE/NAME" }],
  examples: [
    "sluice scale my-job --parallelism 4 --wait",
    "sluice scale my-job --task-managers 3          # where spec.taskManager.replicas decides it",
  ],
  options: [
    { flags: "--parallelism <number>", description: "spec.job.parallelism" },
    { flags: "--task-managers <number>", description: "spec.taskManager.replicas" },
    ...changeOptions,
    ...waitOptions,
  ],
  async run([name = ""], options, streams) {
    const parallelism = wholeNumber("--parallelism", options["parallelism"] as string | undefined);
    const taskManagers = wholeNumber("--task-managers", options["taskManagers"] as string | undefined);
    if ((parallelism === undefined) === (taskManagers === undefined))
      throw new UserError("give one of --parallelism and --task-managers", undefined, EXIT_CODES.usage);
    return scaleTo(name, { parallelism, taskManagers }, options, streams);
  },
};
