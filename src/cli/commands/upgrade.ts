/** `sluice upgrade`: an installation becomes what this version and its values say. */
import type { Command } from "../command.ts";
import { nameArgument, placeOptions, valueOptions } from "../installation/options.ts";

export const upgrade: Command = {
  name: "upgrade",
  summary: "Bring an installation to this version and these values; what it no longer has goes",
  args: [nameArgument],
  examples: [
    "sluice upgrade                                   # this version, the values as they were",
    "sluice upgrade --reuse-values --set replicas=2",
    "sluice upgrade --install -f values.yaml          # for pipelines: whether it is there or not",
  ],
  options: [
    ...placeOptions,
    ...valueOptions,
    {
      flags: "--reuse-values",
      description: "lay the given values over those of before; without, they replace them",
      default: false,
    },
    { flags: "--install", description: "install it when it is not there", default: false },
  ],
  run: async (names, options, streams) => {
    const { make, notInstalled, releaseOf, upgradedValues } = await import("../installation/command.ts");
    const { name, namespace } = releaseOf(names, options);
    return make(names, options, streams, (before, given) => {
      if (before !== undefined) return upgradedValues(before, given, options["reuseValues"] === true);
      return options["install"] === true ? (given ?? {}) : notInstalled(name, namespace);
    });
  },
};
