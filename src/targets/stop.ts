/** Stops a job with a savepoint, records where it is, and takes the cluster down. */
import { changeJob, requireNoCluster, type Surroundings, type TargetJob } from "./job.ts";
import { type JobRecord, savedState, wasDeployed } from "./record.ts";
import { Refusal } from "./target.ts";
import { isRunning, specToStop, type StopWishes } from "./wanted.ts";

/** What a stop came to. */
export interface Stopped {
  readonly kind: "stopped" | "nothing-there";
  /** Taken by the stop. Otherwise the job had ended by itself, and it is what that left. */
  readonly isSavepoint: boolean;
  /** Where the next start goes on from; undefined: it is from scratch. */
  readonly path: string | undefined;
}

function stoppedWith({ resource }: JobRecord): Stopped {
  const saved = savedState(resource.status);
  const path = saved === "unknown" ? undefined : saved.path;
  const taken = resource.status?.jobStatus?.savepointInfo?.lastSavepoint?.location;
  return { kind: "stopped", path, isSavepoint: path !== undefined && path === taken };
}

/** A stop that failed is not asked for any more: whoever looks after the job would try it again behind the user's back. */
async function takeBack(job: TargetJob, before: JobRecord): Promise<void> {
  const now = await job.read();
  const { state } = before.resource.spec.job ?? {};
  if (state !== "suspended" && isRunning(now.resource)) await job.want(now, before.resource.spec);
}

async function stopped(job: TargetJob, before: JobRecord): Promise<JobRecord> {
  const { name } = job;
  try {
    return await job.settle({
      timedOut: `${name} is not stopped within the time; its cluster is there as it was, and nothing was deleted`,
      next:
        "Run `sluice stop` again, with a longer --timeout. Flink may still complete the savepoint: then the next stop, " +
        "start or update uses it.",
      failedNext: "Mend it and stop the job again, or name another place with --savepoint-dir.",
    });
  } catch (error) {
    // What failed is what is said, also when this cannot be written.
    if (error instanceof Refusal && error.kind === "act") await takeBack(job, before).catch(() => undefined);
    throw error;
  }
}

export async function stopJob(
  name: string,
  wishes: StopWishes,
  surroundings: Surroundings,
): Promise<Stopped> {
  return changeJob(name, surroundings, async (job) => {
    const record = await job.read();
    if (!wasDeployed(record.resource)) {
      await requireNoCluster(record, surroundings);
      return { kind: "nothing-there", path: undefined, isSavepoint: false };
    }
    await job.want(record, specToStop(record, wishes));
    return stoppedWith(await stopped(job, record));
  });
}
