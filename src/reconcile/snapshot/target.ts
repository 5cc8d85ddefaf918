/** The job that a FlinkStateSnapshot names, as far as a snapshot needs to know it. */
import { withoutNulls, withStatusDefaults } from "../../api/defaults.ts";
import type { FlinkDeployment, FlinkJobState, FlinkVersion } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import { type FlinkConfiguration, flattenConfiguration } from "../../flink/configuration.ts";
import { deployedSpec } from "../last-reconciled-spec.ts";
import { withLiveOptions } from "../pass.ts";
import { isTerminal } from "../upgrade-mode.ts";

export interface SnapshotTarget {
  readonly kind: "FlinkDeployment" | "FlinkSessionJob";
  readonly name: string;
  readonly deleting: boolean;
  readonly jobId: string | undefined;
  readonly state: FlinkJobState | undefined;
  /** This very job is deployed and has not ended: what was begun with it can be tried again. */
  readonly runsOn: boolean;
  /** It runs, or is to run without anybody's doing: there is something to wait for. */
  readonly willRun: boolean;
  /** It has a JobManager that was ready when it was last looked at. */
  readonly reachable: boolean;
  readonly flinkVersion: FlinkVersion | undefined;
  readonly configuration: FlinkConfiguration;
  /** What the job was started from, or would be started from. */
  readonly restorePaths: readonly string[];
}

type Resource = FlinkDeployment | FlinkSessionJob;

function commonTarget(
  resource: Resource,
): Omit<SnapshotTarget, "kind" | "reachable" | "flinkVersion" | "configuration"> {
  const { name, deletionTimestamp } = resource.metadata;
  const { jobStatus, reconciliationStatus } = withStatusDefaults(resource.status);
  const { jobId = "", state, upgradeSavepointPath = "" } = jobStatus;
  const job = withoutNulls(resource.spec ?? {}).job;
  const recorded = deployedSpec(reconciliationStatus)?.spec.job;
  const isDeployed = ["DEPLOYED", "ROLLED_BACK"].includes(reconciliationStatus.state ?? "");
  const isSuspended = recorded?.state === "suspended";
  const hasEnded = isDeployed && !isSuspended && isTerminal(state);
  const isWanted = deletionTimestamp === undefined && job !== undefined;
  return {
    name,
    deleting: deletionTimestamp !== undefined,
    jobId: jobId === "" ? undefined : jobId,
    state,
    runsOn: isWanted && isDeployed && !isSuspended && !hasEnded,
    willRun: isWanted && job.state !== "suspended" && !hasEnded,
    restorePaths: [upgradeSavepointPath, job?.initialSavepointPath ?? ""].filter((path) => path !== ""),
  };
}

function specsOf(
  resource: Resource,
  defaults: FlinkConfiguration,
): readonly [FlinkConfiguration, FlinkConfiguration] {
  const recorded = deployedSpec(resource.status?.reconciliationStatus ?? {})?.spec;
  const current = { ...defaults, ...flattenConfiguration(resource.spec?.flinkConfiguration) };
  if (recorded === undefined) return [current, current];
  return [{ ...defaults, ...flattenConfiguration(recorded.flinkConfiguration) }, current];
}

function versionOf({ spec, status }: FlinkDeployment): FlinkVersion | undefined {
  const recorded = deployedSpec(status?.reconciliationStatus ?? {});
  return recorded?.spec.flinkVersion ?? spec?.flinkVersion;
}

/** `defaults`: the operator's for this resource. */
export function targetOfDeployment(resource: FlinkDeployment, defaults: FlinkConfiguration): SnapshotTarget {
  return {
    kind: "FlinkDeployment",
    ...commonTarget(resource),
    reachable: resource.status?.jobManagerDeploymentStatus === "READY",
    flinkVersion: versionOf(resource),
    configuration: withLiveOptions(...specsOf(resource, defaults)),
  };
}

/** `cluster`: the session cluster, if it is there. `defaults`: the operator's for it. */
export function targetOfSessionJob(
  resource: FlinkSessionJob,
  cluster: FlinkDeployment | undefined,
  defaults: FlinkConfiguration,
): SnapshotTarget {
  const ofCluster = cluster === undefined ? defaults : withLiveOptions(...specsOf(cluster, defaults));
  return {
    kind: "FlinkSessionJob",
    ...commonTarget(resource),
    reachable: cluster?.status?.jobManagerDeploymentStatus === "READY",
    flinkVersion: cluster && versionOf(cluster),
    configuration: { ...ofCluster, ...withLiveOptions(...specsOf(resource, {})) },
  };
}
