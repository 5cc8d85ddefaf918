/** `sluice install`: what the Helm chart does, without Helm. */
import { type Command, UserError } from "../command.ts";
import { nameArgument, placeOptions, valueOptions } from "../installation/options.ts";

export const install: Command = {
  name: "install",
  summary: "Install the operator: CRDs, rights, Deployment, as the Helm chart does",
  args: [nameArgument],
  examples: [
    "sluice install --set image.repository=registry.example/sluice,image.tag=0.1.0",
    "sluice install -f values.yaml --dry-run=server",
    "sluice install -f values.yaml -o yaml | kubectl diff -f -",
  ],
  options: [...placeOptions, ...valueOptions],
  run: async (names, options, streams) => {
    const { make, releaseOf } = await import("../installation/command.ts");
    const { name, namespace } = releaseOf(names, options);
    return make(names, options, streams, (before, given) => {
      if (before === undefined) return given ?? {};
      throw new UserError(
        `${name} is installed in namespace ${namespace} already, or was begun`,
        "Use `sluice upgrade`, which also finishes what was begun.",
      );
    });
  },
};
