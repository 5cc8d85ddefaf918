/** `sluice suspend`: a job stops, and its resource and its state stay. */
import { changeOptions, waitOptions } from "../cluster-options.ts";
import { type Command, UserError } from "../command.ts";

export const suspend: Command = {
  name: "suspend",
  summary: "Stop a job and keep its state; `sluice resume` goes on from there",
  args: [{ name: "<name>", description: "name of the FlinkDeployment or FlinkSessionJob, or TYPE/NAME" }],
  examples: ["sluice suspend my-job -n team --wait", "sluice suspend sessionjob/my-job --dry-run=server"],
  options: [...changeOptions, ...waitOptions],
  async run([name = ""], options, streams) {
    const { changeJob } = await import("../change.ts");
    const { stateOnStop } = await import("../job-facts.ts");
    return changeJob(name, "suspended", options, streams, (job) => {
      if (job.spec.job === undefined || job.spec.job === null)
        throw new UserError(
          `${job.metadata.name} is a session cluster, which has no job of its own to suspend`,
          "Suspend its FlinkSessionJobs: `sluice get sessionjobs`.",
        );
      const { text, isLost } = stateOnStop(job);
      return {
        spec: { job: { state: "suspended" } },
        effect: `The job of ${job.metadata.name} is stopped ${text}; its cluster is taken down.`,
        ...(isLost
          ? { warning: "spec.job.upgradeMode is stateless: the job starts empty when it is resumed" }
          : {}),
      };
    });
  },
};
