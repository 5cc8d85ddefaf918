/**
 * What a session cluster and its jobs agree upon. Both record what they are about to do before they look at each other a
 * last time: a job its attempt, a cluster that it is about to go. So at least one of the two sees the other: the cluster
 * then waits for the job, and the job takes back an attempt for which nothing was asked of Flink yet.
 */
import {
  withJobDefaults,
  withJobStatusDefaults,
  withSpecDefaults,
  withStatusDefaults,
} from "../api/defaults.ts";
import type { FlinkDeployment, FlinkVersion } from "../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../api/flink-session-job.ts";
import { type FlinkConfiguration, flattenConfiguration } from "../flink/configuration.ts";
import { isHaActive } from "../flink/high-availability.ts";
import { deployedSpec, parseRecordedSpec } from "./last-reconciled-spec.ts";
import { withLiveOptions } from "./pass.ts";
import { phaseOf } from "./phase.ts";
import { errorMessage } from "./status-error.ts";
import { isTerminal } from "./upgrade-mode.ts";

/** By what is deployed, if anything is: whether a job is added or taken away makes no difference then. */
export function isSessionCluster({ spec, status }: FlinkDeployment): boolean {
  const recorded = parseRecordedSpec(status?.reconciliationStatus?.lastReconciledSpec)?.spec;
  return (recorded ?? withSpecDefaults(spec)).job === undefined;
}

export const JOB_NOT_FOUND = "Job Not Found";

function isStateless({ spec }: FlinkSessionJob): boolean {
  return withJobDefaults(spec.job ?? {}).upgradeMode === "stateless";
}

/**
 * Session jobs that are to be stopped before the cluster goes: those that run or are about to, but not those whose job
 * is lost already. Stateless ones as well where they can be: what HA keeps of a job may keep another version of Flink
 * from starting. `reachable`: the JobManager is ready.
 */
export function unstoppedJobs(
  jobs: readonly FlinkSessionJob[],
  reachable: boolean,
): readonly FlinkSessionJob[] {
  return jobs.filter((job) => {
    const { status } = job;
    if (!reachable && isStateless(job)) return false;
    const known = withJobStatusDefaults(status);
    if (!["announced", "submitting", "running", "stopping"].includes(phaseOf(known))) return false;
    const lost = (errorMessage(known.error) ?? "").startsWith(JOB_NOT_FOUND);
    return !isTerminal(known.jobStatus.state) && !lost;
  });
}

/** Session jobs that are being stopped: where their state is would be known to nobody, were the JobManager to go now. */
export function stoppingJobs(jobs: readonly FlinkSessionJob[]): readonly FlinkSessionJob[] {
  return jobs.filter(({ status }) => phaseOf(withJobStatusDefaults(status)) === "stopping");
}

/**
 * Whether a cluster of the wanted spec goes on with the jobs of the deployed one, out of its HA metadata. `defaults`:
 * the operator's for it.
 */
export function keepsJobs({ spec, status }: FlinkDeployment, defaults: FlinkConfiguration): boolean {
  const wanted = withSpecDefaults(spec);
  const deployed = deployedSpec(status?.reconciliationStatus ?? {})?.spec ?? wanted;
  const ha = [deployed, wanted].every(({ flinkConfiguration }) =>
    isHaActive({ ...defaults, ...flattenConfiguration(flinkConfiguration) }),
  );
  return ha && deployed.flinkVersion === wanted.flinkVersion;
}

/** How a job may deal with its cluster. */
export type SessionState =
  /** Jobs may run, be stopped and be submitted. */
  | "ready"
  /** About to be replaced by one that goes on with its jobs: nothing new may begin. */
  | "restarting"
  /** About to be replaced by one that does not know its jobs: they are to be stopped, and wait for the next one. */
  | "leaving"
  /** Being deleted: nothing new may start. */
  | "deleting"
  /** Gives no answers now. */
  | "not-ready"
  | "missing";

/** `defaults`: the operator's for it. */
export function sessionState(
  session: FlinkDeployment | undefined,
  defaults: FlinkConfiguration,
): SessionState {
  if (session === undefined) return "missing";
  if (session.metadata.deletionTimestamp !== undefined) return "deleting";
  const status = withStatusDefaults(session.status);
  if (status.jobManagerDeploymentStatus !== "READY") return "not-ready";
  const phase = phaseOf(status);
  if (phase === "stopping") return keepsJobs(session, defaults) ? "restarting" : "leaving";
  return phase === "running" ? "ready" : "not-ready";
}

/** As it is deployed, not as it is to be. */
export function sessionVersion(session: FlinkDeployment | undefined): FlinkVersion | undefined {
  const recorded = deployedSpec(session?.status?.reconciliationStatus ?? {});
  return recorded?.spec.flinkVersion ?? session?.spec.flinkVersion;
}

/** What the session cluster was deployed with, and how it is to be handled now. `defaults`: the operator's for it. */
export function sessionConfiguration(
  session: FlinkDeployment | undefined,
  defaults: FlinkConfiguration,
): FlinkConfiguration {
  if (session === undefined) return defaults;
  const recorded = deployedSpec(session.status?.reconciliationStatus ?? {})?.spec;
  const current = withSpecDefaults(session.spec);
  const deployed = flattenConfiguration((recorded ?? current).flinkConfiguration);
  return {
    ...defaults,
    ...withLiveOptions(deployed, flattenConfiguration(current.flinkConfiguration)),
  };
}
