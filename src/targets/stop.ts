/** Stops a job with a savepoint, records where it is, and takes the cluster down. */
import { changeJob, requireNoCluster, type Surroundings } from "./job.ts";
import { type JobRecord, savedState, wasDeployed } from "./record.ts";
import { specToStop, type StopWishes } from "./wanted.ts";

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
    const after = await job.settle({
      timedOut: `${name} is not stopped within the time; its cluster is there as it was, and nothing was deleted`,
      next:
        "Run `sluice stop` again, with a longer --timeout. Flink may still complete the savepoint: then the next stop, " +
        "start or update uses it.",
    });
    return stoppedWith(after);
  });
}
