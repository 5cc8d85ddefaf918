/** `sluice resume`: a suspended job goes on from the state in which it was stopped. */
import { changeOptions, waitOptions } from "../cluster-options.ts";
import { type Command, UserError } from "../command.ts";

export const resume: Command = {
  name: "resume",
  summary: "Let a suspended job go on from its state",
  args: [{ name: "<name>", description: "name of the FlinkDeployment or FlinkSessionJob, or TYPE/NAME" }],
  examples: ["sluice resume my-job -n team --wait"],
  options: [...changeOptions, ...waitOptions],
  async run([name = ""], options, streams) {
    const { changeJob } = await import("../change.ts");
    const { stateOfStopped } = await import("../../reconcile/history.ts");
    const { withStatusDefaults } = await import("../../api/defaults.ts");
    return changeJob(name, "resumed", options, streams, (job) => {
      const { metadata, spec, status } = job;
      if (spec.job === undefined || spec.job === null)
        throw new UserError(`${metadata.name} is a session cluster, which has no job of its own to resume`);
      const from = stateOfStopped(withStatusDefaults(status)) ?? "an empty state, as none was kept";
      const isStateless = (spec.job.upgradeMode ?? "stateless") === "stateless";
      return {
        spec: { job: { state: "running" } },
        effect: `The job of ${metadata.name} starts from ${isStateless ? "an empty state: spec.job.upgradeMode is stateless" : from}.`,
      };
    });
  },
};
