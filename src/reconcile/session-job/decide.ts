/**
 * One pass over a FlinkSessionJob. Its phases are those of an application (../deployment/decide.ts), with other means:
 * a job is started by a run request under a recorded id, stopped by a savepoint or a cancellation, and what remains of
 * an earlier job is read off Flink's overview. A session cluster that is about to be replaced is a change to each of
 * its jobs: they are stopped, and start again in the next one.
 */
import type { FlinkSessionJobStatus } from "../../api/flink-session-job.ts";
import { FLINK_SESSION_JOB_FINALIZER } from "../../api/flink-session-job.ts";
import { isSupported } from "../../flink/flink-version.ts";
import type { Decision, ObservedSessionJob, Options } from "../decision.ts";
import { setConditions } from "../deployment/conditions.ts";
import {
  changeOf,
  changeRunning,
  redeployFromSavepoint,
  announce,
  followRollback,
  reportProblems,
  resume,
  useValidSpec,
} from "../deployment/decide.ts";
import { observeJob, reportNotFound, stillFailed } from "../deployment/observe-job.ts";
import { isToBeRestarted, restartEndedJob } from "../deployment/recover.ts";
import { restoreRetained } from "../deployment/retained.ts";
import { leaveRollback, rollBack } from "../deployment/roll-back.ts";
import { announceUpgradeSavepoint, takeJobSnapshots } from "../deployment/snapshots.ts";
import { followStopOf, giveUpStop, recordStopped, stopForChange } from "../deployment/stop.ts";
import { keepHistory } from "../history.ts";
import { lifecycleState } from "../lifecycle-state.ts";
import { complain, effectiveConfiguration, emit, recordedSpec, requeue, stall, waitFor } from "../pass.ts";
import { phaseOf } from "../phase.ts";
import { JOB_NOT_FOUND } from "../session-cluster.ts";
import { concernsFlink, type SpecDiff } from "../spec-diff.ts";
import { isTerminal } from "../upgrade-mode.ts";
import { findingsToMessage } from "../validation/finding.ts";
import { validateFlinkSessionJob } from "../validation/flink-session-job.ts";
import { decideDeletion } from "./delete.ts";
import {
  awaitSession,
  beginSessionJobPass,
  cancelStrays,
  jobSpec,
  noJobRuns,
  nothingWrites,
  ownJob,
  type SessionJobPass,
  sessionJobFacts,
} from "./pass.ts";
import {
  attemptNewest,
  continueAttempt,
  continueStopped,
  firstAttempt,
  goAhead,
  type Instead,
} from "./submit.ts";

/** Flink does not list a job that it should know: its JobManager was lost, or forgot how the job ended. */
function isLost(pass: SessionJobPass): boolean {
  return (
    pass.flink.jobs?.ok === true && ownJob(pass) === undefined && !isTerminal(pass.status.jobStatus.state)
  );
}

function observe(pass: SessionJobPass): void {
  const { status, flink } = pass;
  const phase = phaseOf(status);
  if (phase !== "running" && phase !== "stopping") return;
  if (flink.jobs !== undefined) {
    return observeJob(pass, () => {
      if (isLost(pass)) reportNotFound(pass);
    });
  }
  if (isTerminal(status.jobStatus.state)) return;
  awaitSession(pass);
  if (phase === "running") status.jobStatus.state = "RECONCILING";
}

/** What is wrong with the user's spec; undefined when nothing is. */
function problemOfSpec(pass: SessionJobPass): string | undefined {
  const recorded = recordedSpec(pass);
  const findings = validateFlinkSessionJob(pass.resource, {
    effective: effectiveConfiguration(pass, pass.spec),
    operator: pass.operator,
    session: pass.session,
    lastReconciled: recorded && { spec: recorded.spec },
  }).filter(({ severity }) => severity === "error");
  return findings.length === 0 ? undefined : findingsToMessage(findings);
}

/** A stateless job starts again; another one from the newest that it left, with the change that waits, if any does. */
function recoverLost(pass: SessionJobPass, diff: SpecDiff): void {
  if (jobSpec(pass).upgradeMode === "stateless") {
    const message =
      "Restarting the job, which the session cluster does not know any more, from an empty state";
    emit(pass, { type: "Normal", reason: "Submit", message, component: "Job" });
    recordStopped(pass, "stateless");
    return waitFor(pass, "Restarting", message);
  }
  const lost = "the session cluster does not know the job";
  if (!nothingWrites(pass) || !restoreRetained(pass, lost, JOB_NOT_FOUND)) return;
  if (concernsFlink(diff)) announce(pass, diff);
  recordStopped(pass, "savepoint");
  waitFor(pass, "Restarting", `${lost}, and it starts again`);
}

/** Only when nothing else was decided. */
function recover(pass: SessionJobPass, diff: SpecDiff): void {
  if (isLost(pass)) return recoverLost(pass, diff);
  if (isToBeRestarted(pass)) return restartEndedJob(pass);
  if (pass.status.jobStatus.state === "FAILED" && pass.stalled === undefined) stillFailed(pass);
}

/** The session cluster is about to be replaced by one that does not know the job. */
function leaveCluster(pass: SessionJobPass): void {
  if (isTerminal(pass.status.jobStatus.state)) return void awaitSession(pass);
  // A stateless one is found cancelled, and starts again by that.
  if (jobSpec(pass).upgradeMode === "stateless") noJobRuns(pass);
  else stopForChange(pass, sessionJobFacts(pass));
}

function reconcileRunning(pass: SessionJobPass, diff: SpecDiff): void {
  if (!concernsFlink(diff)) pass.status.observedGeneration = pass.generation;
  if (pass.sessionState === "restarting") return void awaitSession(pass);
  const stateless = jobSpec(pass).upgradeMode === "stateless";
  if (isLost(pass) && (!concernsFlink(diff) || !stateless)) return recoverLost(pass, diff);
  if (concernsFlink(diff)) {
    if (changeRunning(pass, diff, sessionJobFacts(pass))) recover(pass, diff);
    return;
  }
  if (pass.sessionState === "leaving") return leaveCluster(pass);
  if (rollBack(pass, () => sessionJobFacts(pass))) return;
  recover(pass, diff);
  takeJobSnapshots(pass);
}

function followStop(pass: SessionJobPass): void {
  if (pass.flink.jobs === undefined) return void awaitSession(pass);
  if (isLost(pass)) giveUpStop(pass);
  else followStopOf(pass, sessionJobFacts(pass));
}

function reconcileSuspended(pass: SessionJobPass, diff: SpecDiff): void {
  if (jobSpec(pass).state !== "suspended") return resume(pass, diff);
  pass.status.observedGeneration = pass.generation;
  if (pass.flink.jobs !== undefined) noJobRuns(pass);
}

function redeploy(pass: SessionJobPass, diff: SpecDiff): void {
  announce(pass, diff);
  redeployFromSavepoint(pass);
}

/** What is wanted by now instead of the recorded attempt; undefined when it is still the same. */
function insteadOfAttempt(pass: SessionJobPass, diff: SpecDiff): Instead | undefined {
  const withoutState = diff.type === "SAVEPOINT_REDEPLOY";
  if (withoutState) return { withoutState, begin: () => redeploy(pass, diff) };
  const suspended = jobSpec(pass).state === "suspended";
  if (concernsFlink(diff) || suspended) return { withoutState, begin: () => attemptNewest(pass) };
  if (pass.sessionState !== "leaving") return undefined;
  const begin = (): void => {
    // Made again in the next cluster.
    pass.status.jobStatus.state = "FINISHED";
    awaitSession(pass);
  };
  return { withoutState, begin };
}

function startAttempt(pass: SessionJobPass, diff: SpecDiff): void {
  if (diff.type === "SAVEPOINT_REDEPLOY") redeploy(pass, diff);
  else goAhead(pass, concernsFlink(diff));
}

function reconcile(pass: SessionJobPass): void {
  // Another cluster is another try of the spec that failed.
  if (pass.sessionState === "leaving") leaveRollback(pass);
  followRollback(pass);
  const { status } = pass;
  const recorded = recordedSpec(pass);
  if (recorded === undefined) {
    if (jobSpec(pass).state !== "suspended") return firstAttempt(pass);
    status.observedGeneration = pass.generation;
    pass.requeueAfter = undefined;
    return;
  }
  const phase = phaseOf(status);
  const diff = changeOf(pass, recorded.spec, phase);
  if (phase === "announced") return startAttempt(pass, diff);
  if (phase === "submitting") return continueAttempt(pass, insteadOfAttempt(pass, diff));
  if (diff.type === "SAVEPOINT_REDEPLOY") return redeploy(pass, diff);
  if (phase === "stopped") return continueStopped(pass);
  if (phase === "suspended") return reconcileSuspended(pass, diff);
  if (!cancelStrays(pass)) return;
  if (phase === "stopping") return followStop(pass);
  reconcileRunning(pass, diff);
}

function finish(pass: SessionJobPass): Decision<FlinkSessionJobStatus> {
  announceUpgradeSavepoint(pass);
  reportProblems(pass);
  setConditions(pass);
  pass.status.lifecycleState = lifecycleState(pass.status);
  keepHistory(pass);
  const { actions, status, events, requeueAfter, exceptionsReportedUntil, question } = pass;
  return { actions, status, events, requeueAfter, exceptionsReportedUntil, question };
}

const NOTHING = { actions: [], events: [], requeueAfter: undefined };

export function decideSessionJob(
  observed: ObservedSessionJob,
  now: number,
  options: Options,
): Decision<FlinkSessionJobStatus> {
  const pass = beginSessionJobPass(observed, now, options);
  const { resource, session, exceptionsReportedUntil } = observed;
  const isTakenOn = resource.metadata.finalizers?.includes(FLINK_SESSION_JOB_FINALIZER) === true;
  if (resource.metadata.deletionTimestamp !== undefined) {
    if (!isTakenOn) return { ...NOTHING, status: resource.status ?? {}, exceptionsReportedUntil };
    observe(pass);
    leaveRollback(pass);
    decideDeletion(pass);
    return finish(pass);
  }
  const version = session?.spec.flinkVersion;
  if (version !== undefined && !isSupported(version)) {
    const message = `spec.deploymentName: Flink version ${version} of the session cluster is not supported`;
    complain(pass, { reason: "UnsupportedFlinkVersion", message, component: "Operator" });
    stall(pass, "Unsupported", message);
    pass.requeueAfter = undefined;
    return finish(pass);
  }
  if (!isTakenOn) {
    pass.actions.push({ type: "add-finalizer" });
    waitFor(pass, "Starting", "taking the resource on");
    requeue(pass, 0);
    return finish(pass);
  }
  observe(pass);
  if (useValidSpec(pass, problemOfSpec(pass))) reconcile(pass);
  return finish(pass);
}
