/** `sluice restart`: the same spec once more, by another restartNonce. */
import { changeOptions, waitOptions } from "../cluster-options.ts";
import type { Command } from "../command.ts";

export const restart: Command = {
  name: "restart",
  summary: "Restart a job, or a session cluster, with the same spec; a job keeps its state",
  args: [{ name: "<name>", description: "name of the FlinkDeployment or FlinkSessionJob, or TYPE/NAME" }],
  examples: ["sluice restart my-job -n team --wait --timeout 15m"],
  options: [...changeOptions, ...waitOptions],
  async run([name = ""], options, streams) {
    const { changeJob } = await import("../change.ts");
    const { stateOnStop } = await import("../job-facts.ts");
    return changeJob(name, "restarted", options, streams, (job) => {
      const { metadata, spec } = job;
      const change = { spec: { restartNonce: (spec.restartNonce ?? 0) + 1 } };
      if (spec.job === undefined || spec.job === null)
        return {
          ...change,
          effect: `The session cluster ${metadata.name} is started again; its jobs as well.`,
        };
      const { text, isLost } = stateOnStop(job);
      return {
        ...change,
        effect: `The job of ${metadata.name} is stopped ${text}, and starts again.`,
        ...(isLost ? { warning: "spec.job.upgradeMode is stateless: the job starts empty" } : {}),
      };
    });
  },
};
