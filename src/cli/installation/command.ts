/** What `sluice install` and `sluice upgrade` have in common; they differ in what has to be there before. */
import { VERSION } from "../../version.ts";
import type { DryRun } from "../change.ts";
import { withCluster } from "../cluster.ts";
import { type Streams, UserError } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { manifests } from "../output/manifests.ts";
import { timeoutOf } from "../target-options.ts";
import { carryOut, objectsOf } from "./install.ts";
import { type Recorded, readInventory } from "./inventory.ts";
import { DEFAULT_NAME } from "./options.ts";
import { overlay } from "../../installation/read-values.ts";
import { userValues } from "./values.ts";

type Options = Readonly<Record<string, unknown>>;
type Tree = Readonly<Record<string, unknown>>;

const RIGHTS =
  "the rights of an administrator (docs/install.md says which parts need them, and how to leave them out)";

/** What is to be there before, and which values count. @throws UserError */
export type Before = (recorded: Recorded | undefined, given: Tree | undefined) => Tree;

/** As `helm upgrade` does: nothing given means the same as before. */
export function upgradedValues({ inventory }: Recorded, given: Tree | undefined, reuse: boolean): Tree {
  if (given === undefined) return inventory.values;
  return reuse ? overlay(inventory.values, given) : given;
}

export function releaseOf(names: readonly string[], options: Options) {
  const { namespace } = options as { namespace: string };
  return { name: names[0] ?? DEFAULT_NAME, namespace, version: VERSION, service: "sluice" };
}

export async function make(
  names: readonly string[],
  options: Options,
  streams: Streams,
  decide: Before,
): Promise<number> {
  const release = releaseOf(names, options);
  const given = await userValues(options, streams);
  if (options["output"] === "yaml") {
    streams.stdout.write(manifests(objectsOf(given ?? {}, release)));
    return EXIT_CODES.done;
  }
  const timeoutMs = await timeoutOf(options, streams);
  if (timeoutMs === undefined) return EXIT_CODES.usage;
  const place = { ...options, namespace: release.namespace };
  await withCluster(
    place,
    streams,
    async (cluster) => {
      const before = await readInventory(cluster.client, release.namespace, release.name);
      await carryOut(
        cluster,
        {
          release,
          values: decide(before, given),
          before,
          dryRun: options["dryRun"] as DryRun,
          takeOwnership: options["takeOwnership"] === true,
          timeoutMs: options["wait"] === false ? undefined : timeoutMs,
        },
        streams,
      );
    },
    RIGHTS,
  );
  return EXIT_CODES.done;
}

/** @throws UserError */
export function notInstalled(name: string, namespace: string): never {
  throw new UserError(
    `there is no installation ${name} in namespace ${namespace}`,
    "Choose the namespace with -n, or install it: sluice install.",
    EXIT_CODES["not-found"],
  );
}
