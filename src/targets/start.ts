/** Starts a job from where it was stopped, and changes one that runs: stopped with a savepoint, started with the new spec. */
import type { FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import { flattenConfiguration } from "../flink/configuration.ts";
import { s3Options } from "../flink/state-location.ts";
import { describeDiff } from "../reconcile/spec-diff.ts";
import { changeJob, requireNoCluster, type Surroundings, type TargetJob } from "./job.ts";
import { acknowledged, type JobRecord, savedState, wasDeployed } from "./record.ts";
import { Refusal, type Target } from "./target.ts";
import { changeOf, isRunning, specToRun, type StartFrom } from "./wanted.ts";

export interface Started {
  /** `unchanged`: it ran like this already. */
  readonly kind: "started" | "updated" | "unchanged";
  readonly jobId: string | undefined;
  /** Where its state is from; undefined: from scratch. */
  readonly from: string | undefined;
}

/** Where the job will go on from; undefined when that is not a path, or nowhere. */
function restorePath(
  { resource }: JobRecord,
  spec: FlinkDeploymentSpec,
  from: StartFrom | undefined,
): string | undefined {
  if (from !== undefined) return from.kind === "savepoint" ? from.path : undefined;
  if (!wasDeployed(resource)) return spec.job?.initialSavepointPath;
  const saved = savedState(resource.status);
  return saved === "unknown" ? undefined : saved.path;
}

/** A savepoint that is certainly not usable keeps the job from starting; one that cannot be looked at from here does not. */
async function requireSnapshot(
  path: string,
  spec: FlinkDeploymentSpec,
  target: Target,
  progress: Surroundings["progress"],
): Promise<void> {
  const answer = await target.findSnapshot(path, s3Options(flattenConfiguration(spec.flinkConfiguration)));
  if (answer.kind === "none") {
    throw new Refusal(
      "act",
      `there is no complete savepoint or checkpoint at ${path}`,
      "Name another with --from-savepoint, or start without state with --from-scratch.",
    );
  }
  if (answer.kind === "found") return progress(`starting from ${path}, which is there and complete`);
  progress(`warning: ${path} could not be looked at from here: ${answer.message}`);
}

async function run(
  job: TargetJob,
  record: JobRecord,
  spec: FlinkDeploymentSpec,
  kind: Started["kind"],
  { target, progress }: Surroundings,
): Promise<Started> {
  await job.want(record, spec);
  const { resource } = await job.settle({
    timedOut: `${job.name} does not run as wanted within the time; what was begun goes on in the cluster`,
    next: `Look with \`sluice status ${job.name}\`; run the command again to go on waiting.`,
  });
  const problem = await target.monitor?.(resource);
  if (problem !== undefined) progress(`warning: the job runs, and is not monitored: ${problem}`);
  const { jobId, upgradeSavepointPath } = resource.status?.jobStatus ?? {};
  return { kind, jobId, from: upgradeSavepointPath };
}

export interface StartWishes {
  readonly spec: FlinkDeploymentSpec;
  readonly from: StartFrom | undefined;
  /** Whether a job that runs may be changed. */
  readonly update: boolean;
}

async function changeRunning(
  job: TargetJob,
  record: JobRecord,
  wishes: StartWishes,
  surroundings: Surroundings,
): Promise<Started> {
  const { resource } = record;
  const wanted = specToRun(record, wishes.spec, wishes.from);
  const asksAnew = wanted.job?.savepointRedeployNonce !== resource.spec.job?.savepointRedeployNonce;
  const diff = changeOf(resource, wanted);
  const isSame = diff.type === "IGNORE" && !asksAnew;
  if (!isSame && !wishes.update) {
    throw new Refusal(
      "act",
      asksAnew
        ? `${job.name} runs; its present state would be lost by a start from elsewhere`
        : `${job.name} runs with another spec. ${describeDiff(diff)}`,
      `Use \`sluice update\`.`,
    );
  }
  const done = await run(job, record, wanted, isSame ? "unchanged" : "updated", surroundings);
  // A stop that was under way has ended, and the job began anew from its savepoint.
  const isNew = done.jobId !== resource.status?.jobStatus?.jobId;
  return isSame && isNew ? { ...done, kind: "started" } : done;
}

/** Where somebody who wrote into the record wants the next start to be from. */
export function fromRecord({ edited }: JobRecord): StartFrom | undefined {
  if (edited === undefined) return undefined;
  return edited.path === undefined ? { kind: "scratch" } : { kind: "savepoint", path: edited.path };
}

/** Of `start`, and of `update` when `wishes.update` says so. */
export async function startJob(
  name: string,
  asked: StartWishes,
  surroundings: Surroundings,
): Promise<Started> {
  const { target, progress } = surroundings;
  return changeJob(name, surroundings, async (job) => {
    const { spec: prepared, differences } = await target.prepare(name, asked.spec);
    for (const difference of differences) progress(difference);
    const wishes = { ...asked, spec: prepared };
    const found = await job.read();
    if (isRunning(found.resource)) return changeRunning(job, found, wishes, surroundings);
    if (!wasDeployed(found.resource)) await requireNoCluster(found, surroundings);
    const { edited } = found;
    const from = wishes.from ?? fromRecord(found);
    if (wishes.from === undefined && edited !== undefined)
      progress(`${target.records.describe(name)} says where to start from: ${edited.path ?? "from scratch"}`);
    const spec = specToRun(found, wishes.spec, from);
    const path = restorePath(found, spec, from);
    if (path !== undefined) await requireSnapshot(path, spec, target, progress);
    return run(job, acknowledged(found), spec, "started", surroundings);
  });
}
