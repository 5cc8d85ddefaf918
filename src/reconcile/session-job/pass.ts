/** The draft that one pass over a FlinkSessionJob works on, and what it knows of the job in its cluster. */
import { type DefaultedJobSpec, withJobDefaults, withJobStatusDefaults } from "../../api/defaults.ts";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import type { JobOverview } from "../../flink/rest-answers.ts";
import type { ObservedSessionJob, Options, Submission } from "../decision.ts";
import { beginJobPass, type JobPass, waitFor } from "../pass.ts";
import { sessionConfiguration, sessionState, type SessionState, sessionVersion } from "../session-cluster.ts";
import { isTerminal, type UpgradeFacts } from "../upgrade-mode.ts";
import { jobFacts } from "../deployment/stop.ts";
import { waitForPods } from "../deployment/tear-down.ts";

export interface SessionJobPass extends JobPass {
  readonly resource: FlinkSessionJob;
  readonly observed: ObservedSessionJob;
  readonly session: FlinkDeployment | undefined;
  readonly sessionState: SessionState;
  /** Of the recorded job id. */
  readonly submission: Submission | undefined;
}

export function beginSessionJobPass(
  observed: ObservedSessionJob,
  now: number,
  options: Options,
): SessionJobPass {
  const { resource, session, submission } = observed;
  const defaults = sessionConfiguration(session, options.defaults);
  const status = structuredClone(withJobStatusDefaults(resource.status));
  return {
    ...beginJobPass(observed, now, { ...options, defaults }),
    resource,
    observed,
    session,
    sessionState: sessionState(session, options.defaults),
    submission: submission?.jobId === status.jobStatus.jobId ? submission : undefined,
    operator: options.defaults,
    flinkVersion: sessionVersion(session),
    status,
  };
}

export function jobSpec(pass: SessionJobPass): DefaultedJobSpec {
  return pass.spec.job ?? withJobDefaults({});
}

/** A session job has nothing in Kubernetes that could tell of it: only Flink's answers count. */
export function sessionJobFacts(pass: SessionJobPass): UpgradeFacts {
  return {
    ...jobFacts(pass),
    flinkVersionChanged: false,
    haMetadata: false,
    haInBoth: false,
    neverStarted: false,
    jobManagerMissing: false,
    jobManagerFailed: false,
  };
}

/**
 * The second half of each job id, by which a job is known as this resource's, also when its id is recorded no more. The
 * first half is another one in each attempt: Flink names savepoints by it.
 */
function ownHalf({ metadata }: FlinkSessionJob): string | undefined {
  const digits = (metadata.uid ?? "").replaceAll("-", "").toLowerCase();
  return /^[\da-f]{32}$/.test(digits) ? digits.slice(0, 16) : undefined;
}

export function newJobId({ resource, options }: SessionJobPass): string {
  const own = ownHalf(resource);
  return own === undefined ? options.entropy : options.entropy.slice(0, -own.length) + own;
}

/** The recorded job, if Flink lists it. */
export function ownJob({ flink, status }: SessionJobPass): JobOverview | undefined {
  return flink.jobs?.ok ? flink.jobs.value.find(({ jobId }) => jobId === status.jobStatus.jobId) : undefined;
}

/** This resource's jobs that have not ended, the recorded one and any that a lost request brought about later. */
function activeJobs({ flink, resource, status }: SessionJobPass): readonly JobOverview[] {
  if (flink.jobs?.ok !== true) return [];
  const half = ownHalf(resource);
  return flink.jobs.value.filter(({ jobId, state }) => {
    const own = jobId === status.jobStatus.jobId || (half !== undefined && jobId.endsWith(half));
    return own && !isTerminal(state);
  });
}

function cancel(pass: SessionJobPass, jobs: readonly JobOverview[]): void {
  for (const { jobId, state } of jobs) {
    if (state !== "CANCELLING") pass.actions.push({ type: "cancel-job", jobId, bestEffort: false });
  }
}

/** Jobs of this resource beside the recorded one: two would write for one. */
export function cancelStrays(pass: SessionJobPass): boolean {
  const strays = activeJobs(pass).filter(({ jobId }) => jobId !== pass.status.jobStatus.jobId);
  cancel(pass, strays);
  if (strays.length > 0) waitFor(pass, "Cancelling", "cancelling a job of an earlier attempt");
  return strays.length === 0;
}

/** True when certainly no job of this resource runs. Otherwise they are being cancelled, or it is said what is awaited. */
export function noJobRuns(pass: SessionJobPass): boolean {
  const { jobs } = pass.flink;
  if (pass.sessionState === "missing") return true;
  if (jobs === undefined) return awaitSession(pass);
  if (!jobs.ok) {
    waitFor(pass, "FlinkUnreachable", jobs.failure.message);
    return false;
  }
  const active = activeJobs(pass);
  cancel(pass, active);
  if (active.length > 0) waitFor(pass, "Cancelling", "cancelling the job");
  return active.length === 0;
}

/**
 * True when what the job left is all that it ever will: it is not listed, and no JobManager that goes has it any more.
 * Otherwise it is said what is awaited.
 */
export function nothingWrites(pass: SessionJobPass): boolean {
  if (!noJobRuns(pass)) return false;
  const { endingJobManagers: pods = [] } = pass.observed;
  if (pods.length > 0) waitForPods(pass, pods);
  return pods.length === 0;
}

/** Nothing can be done until the session cluster changes, which wakes this resource. Always false. */
export function awaitSession(pass: SessionJobPass): false {
  const { namespace = "default" } = pass.resource.metadata;
  const name = pass.resource.spec.deploymentName ?? "";
  const own = pass.session?.status?.conditions?.find(({ type }) => type === "Ready");
  const why = own?.status === "False" ? `: ${own.message}` : "";
  const waits: Record<SessionState, [reason: string, message: string]> = {
    missing: ["SessionClusterMissing", `there is no FlinkDeployment ${name} in namespace ${namespace}`],
    deleting: ["SessionClusterDeleting", `the session cluster ${name} is being deleted`],
    restarting: ["SessionClusterUpgrading", `the session cluster ${name} is about to be restarted`],
    leaving: ["SessionClusterUpgrading", `the session cluster ${name} is about to be replaced`],
    "not-ready": ["SessionClusterNotReady", `the session cluster ${name} is not ready${why}`],
    ready: ["SessionClusterNotReady", `the session cluster ${name} has not been asked yet`],
  };
  const [reason, message] = waits[pass.sessionState];
  pass.progress = { reason, message };
  return false;
}
