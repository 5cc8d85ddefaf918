/**
 * Defaults are applied on read, to specs from the API and to those parsed out of `lastReconciledSpec` alike: the CRD
 * carries none, as upstream's. A null counts as absent, because specs recorded by the Apache operator spell nulls out.
 */
import type {
  FlinkDeploymentSpec,
  FlinkDeploymentStatus,
  JobManagerSpec,
  JobSpec,
} from "./flink-deployment.ts";
import type { FlinkSessionJobStatus } from "./flink-session-job.ts";

/** Kept as the user wrote them: their content is not Sluice's to normalise. */
const OPAQUE = new Set(["podTemplate", "flinkConfiguration"]);

/** A deep copy without null and undefined fields; opaque fields are copied by reference. */
export function withoutNulls<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutNulls) as T;
  if (value === null || typeof value !== "object") return value;
  const kept: [string, unknown][] = [];
  for (const [key, child] of Object.entries(value)) {
    if (child !== null && child !== undefined)
      kept.push([key, OPAQUE.has(key) ? child : withoutNulls(child)]);
  }
  return Object.fromEntries(kept) as T;
}

type JobDefault = "parallelism" | "args" | "state" | "upgradeMode";

export type Mode = NonNullable<FlinkDeploymentSpec["mode"]>;

/** Who makes the TaskManagers: Flink (native), or whoever deploys the cluster (standalone). */
export function modeOf({ mode }: Pick<FlinkDeploymentSpec, "mode">): Mode {
  return mode ?? "native";
}

/** A spec as it reads after its defaults: what the operator works on. */
export type DefaultedJobSpec = Omit<JobSpec, JobDefault> & Required<Pick<JobSpec, JobDefault>>;
type DefaultedJobManagerSpec = Omit<JobManagerSpec, "replicas"> & Required<Pick<JobManagerSpec, "replicas">>;
export type DefaultedSpec = Omit<FlinkDeploymentSpec, "job" | "jobManager" | "flinkConfiguration"> & {
  job?: DefaultedJobSpec;
  jobManager?: DefaultedJobManagerSpec;
  flinkConfiguration: unknown;
};

/** `parallelism` 0 means "not given": validation refuses it unless taskManager.replicas decides. */
export function withJobDefaults(job: JobSpec): DefaultedJobSpec {
  return { parallelism: 0, args: [], state: "running", upgradeMode: "stateless", ...withoutNulls(job) };
}

/**
 * A copy with the defaults filled in. An absent `job` or `jobManager` stays absent: the first means a session
 * cluster, and a jobManager that appears in lastReconciledSpec would look like a change to the Apache operator.
 */
export function withSpecDefaults(spec: FlinkDeploymentSpec | null | undefined): DefaultedSpec {
  const { job, jobManager, ...rest } = withoutNulls(spec ?? {});
  return {
    flinkConfiguration: {},
    ...rest,
    ...(job === undefined ? {} : { job: withJobDefaults(job) }),
    ...(jobManager === undefined ? {} : { jobManager: { replicas: 1, ...jobManager } }),
  };
}

/** A status of either kind as it reads after its defaults. */
export type DefaultedJobStatus = FlinkSessionJobStatus &
  Required<Pick<FlinkSessionJobStatus, "jobStatus" | "reconciliationStatus" | "conditions">> & {
    jobStatus: Required<
      Pick<NonNullable<FlinkSessionJobStatus["jobStatus"]>, "savepointInfo" | "checkpointInfo">
    >;
  };

export type DefaultedStatus = FlinkDeploymentStatus &
  DefaultedJobStatus &
  Required<Pick<FlinkDeploymentStatus, "clusterInfo" | "jobManagerDeploymentStatus">>;

/** A copy of the status (absent on a new resource) with the defaults of a resource that nothing was done for yet. */
export function withJobStatusDefaults(status: FlinkSessionJobStatus | null | undefined): DefaultedJobStatus {
  const { jobStatus, reconciliationStatus, ...rest } = withoutNulls(status ?? {});
  return {
    conditions: [],
    ...rest,
    jobStatus: {
      ...jobStatus,
      savepointInfo: {
        savepointHistory: [],
        lastPeriodicSavepointTimestamp: 0,
        ...jobStatus?.savepointInfo,
      },
      checkpointInfo: { lastPeriodicCheckpointTimestamp: 0, ...jobStatus?.checkpointInfo },
    },
    reconciliationStatus: { reconciliationTimestamp: 0, state: "UPGRADING", ...reconciliationStatus },
  };
}

/** The same of a FlinkDeployment. */
export function withStatusDefaults(status: FlinkDeploymentStatus | null | undefined): DefaultedStatus {
  return { clusterInfo: {}, jobManagerDeploymentStatus: "MISSING", ...withJobStatusDefaults(status) };
}
