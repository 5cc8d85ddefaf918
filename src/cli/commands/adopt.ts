/** `sluice adopt`: a running job changes hands, from direct mode to an operator or back, and is not restarted. */
import { type Command, UserError } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { outputOption, targetOptions, timeoutOf, timeoutOption } from "../target-options.ts";

const LOCAL_ONLY = ["--target", "--state-dir", "--flink-rest"];

export const adopt: Command = {
  name: "adopt",
  summary: "Hand a running job to an operator, or take it from one, without a restart",
  args: [{ name: "[name]", description: "name of the job" }],
  examples: [
    "sluice adopt my-job -n team                  # from now on a FlinkDeployment that an operator looks after",
    "sluice adopt my-job -n team --to direct      # from now on a job of start, stop and update",
  ],
  options: [
    {
      flags: "--to <owner>",
      description: "who looks after the job from now on",
      choices: ["operator", "direct"],
      default: "operator",
    },
    { ...timeoutOption, description: "for all of it: 90s, 10min", default: "5min" },
    ...targetOptions.filter(({ flags }) => !LOCAL_ONLY.some((one) => flags.startsWith(one))),
    outputOption,
  ],
  async run([argument], options, streams) {
    const timeoutMs = await timeoutOf(options, streams);
    if (timeoutMs === undefined) return EXIT_CODES.usage;
    const { nameOf, withTarget } = await import("../target.ts");
    const { KubernetesTarget } = await import("../../targets/kubernetes/kubernetes-target.ts");
    const name = nameOf(argument, options);
    const to = options["to"] === "direct" ? "direct" : "operator";
    return withTarget(options, streams, timeoutMs, async ({ target, ...surroundings }) => {
      if (!(target instanceof KubernetesTarget)) throw new UserError("adopt is for jobs on Kubernetes");
      const changed = await target.adopt(name, to, surroundings);
      const owner = to === "operator" ? "the operator" : "direct mode";
      const text = changed
        ? `${name} is looked after by ${owner} now; it was not restarted`
        : `${name} is looked after by ${owner} already`;
      const result = { name, result: changed ? "adopted" : "unchanged", owner: to };
      streams.stdout.write(options["output"] === "json" ? `${JSON.stringify(result)}\n` : `${text}\n`);
      return EXIT_CODES.done;
    });
  },
};
