/** What the verbs that change one job have in common: read, explain, write, report, wait. */
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../api/flink-session-job.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { mergePatch } from "./merge.ts";
import { type Cluster, type Found, readJob, withCluster } from "./cluster.ts";
import { type Streams, UserError } from "./command.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { gitOpsTool } from "./gitops.ts";
import { printResource } from "./output/resources.ts";
import { fullName } from "./reference.ts";
import { sameJson } from "../reconcile/last-reconciled-spec.ts";
import type { ResourceType } from "../kube/resource-type.ts";
import { timeoutOf } from "./target-options.ts";
import { waitUntilReady } from "./wait.ts";

export type Job = FlinkDeployment | FlinkSessionJob;
export type DryRun = "none" | "client" | "server";
type Options = Readonly<Record<string, unknown>>;

export const FIELD_MANAGER = "sluice";

export interface SpecChange {
  /** What is merged into the spec; null takes a field away. */
  readonly spec: Record<string, unknown>;
  /** What becomes of the job, one line. */
  readonly effect: string;
  /** Of what the user may not want. */
  readonly warning?: string;
}

/** As kubectl says it: `flinkdeployment.flink.apache.org/job suspended (dry run)`. */
export function announceChange(type: ResourceType, name: string, verb: string, dryRun: DryRun): string {
  const suffix = { none: "", client: " (dry run)", server: " (server dry run)" }[dryRun];
  return `${fullName(type, name)} ${verb}${suffix}\n`;
}

/** Who would undo a change by hand; empty when nobody would. */
export function gitOpsWarning({ metadata }: KubeObject): string {
  const found = gitOpsTool(metadata);
  return found === undefined
    ? ""
    : `warning: ${found.tool} manages ${metadata.name} (${found.evidence}) and will overwrite this with what its repository says.\n` +
        `next: change it there as well; until then: ${found.pause}\n`;
}

async function write(
  { client, namespace }: Cluster,
  { type, resource }: Found<Job>,
  spec: Record<string, unknown>,
  dryRun: DryRun,
): Promise<Job> {
  if (dryRun === "client") return { ...resource, spec: mergePatch(resource.spec, spec) } as Job;
  return client.patch<Job>(
    type,
    namespace,
    resource.metadata.name,
    { spec },
    {
      kind: "merge",
      fieldManager: FIELD_MANAGER,
      dryRun: dryRun === "server",
    },
  );
}

/** Carries a change of one job's spec out. @throws UserError */
export async function changeJob(
  name: string,
  verb: string,
  options: Options,
  streams: Streams,
  change: (job: Job) => SpecChange,
): Promise<number> {
  const dryRun = options["dryRun"] as DryRun;
  const timeoutMs = await timeoutOf(options, streams);
  if (timeoutMs === undefined) return EXIT_CODES.usage;
  return withCluster(options, streams, async (cluster) => {
    const found = await readJob(cluster, name);
    const { type, resource } = found;
    if (resource.metadata.deletionTimestamp !== undefined)
      throw new UserError(
        `${resource.metadata.name} is being deleted`,
        "Apply a manifest of it when it is gone.",
      );
    const { spec, effect, warning } = change(resource);
    const isSame = sameJson(mergePatch(resource.spec, spec), resource.spec);
    if (!isSame) {
      streams.stderr.write(`${effect}\n${warning === undefined ? "" : `warning: ${warning}\n`}`);
      streams.stderr.write(gitOpsWarning(resource));
    }
    const written = isSame ? resource : await write(cluster, found, spec, dryRun);
    const line = announceChange(type, resource.metadata.name, isSame ? "unchanged" : verb, dryRun);
    printResource(type, written, options["output"], line, streams);
    if (options["wait"] === true && dryRun === "none")
      await waitUntilReady(cluster, type, written, timeoutMs, streams);
    return 0;
  });
}
