/**
 * Deletion of a session job (2.24): its job is cancelled, with a savepoint where that is asked for, then the finalizer
 * goes. It also goes when nobody can cancel the job and nothing can bring it back.
 */
import { isHaActive } from "../../flink/high-availability.ts";
import { getBoolean } from "../../flink/configuration.ts";
import { BLOCK_ON_SESSION_JOBS } from "../../flink/options.ts";
import { beginDeletion, goWithoutSavepoint, takeSavepoint, wantsSavepoint } from "../deployment/delete.ts";
import { followStopOf } from "../deployment/stop.ts";
import { recordedSpec, waitFor } from "../pass.ts";
import { type Phase, phaseOf } from "../phase.ts";
import { isTerminal } from "../upgrade-mode.ts";
import { noJobRuns, ownJob, type SessionJobPass, sessionJobFacts } from "./pass.ts";

/** Why the job can neither be cancelled nor come back; undefined when it can be, or might. */
function isOutOfReach(pass: SessionJobPass): string | undefined {
  const { session } = pass;
  if (session === undefined) return "the session cluster is gone";
  const leaves = session.metadata.deletionTimestamp !== undefined;
  if (leaves && !getBoolean(pass.options.defaults, BLOCK_ON_SESSION_JOBS)) {
    return "the session cluster is being deleted without waiting for its jobs";
  }
  const status = session.status?.jobManagerDeploymentStatus ?? "MISSING";
  if (status !== "MISSING" && status !== "ERROR") return undefined;
  if (!isHaActive(pass.options.defaults)) return "the JobManager is gone, and without HA the job with it";
  return leaves ? "the JobManager is gone, and the session cluster with its HA metadata goes too" : undefined;
}

/** While the JobManager does not answer and the job might run on, or come back. */
function awaitJobManager(pass: SessionJobPass): void {
  const name = pass.resource.spec.deploymentName ?? "";
  const status = pass.session?.status?.jobManagerDeploymentStatus ?? "MISSING";
  const message =
    `deletion waits for the JobManager of ${name} (${status}), which has to cancel the job: ` +
    `it may still run, or HA brings it back. Deleting FlinkDeployment ${name} as well releases it`;
  waitFor(pass, "SessionClusterNotReady", message);
}

/** There is no job, or it ended by itself. */
function isOver(pass: SessionJobPass, phase: Phase): boolean {
  if (phase === "new" || phase === "announced") return true;
  // Flink itself said that the job ended.
  const { state } = pass.status.jobStatus;
  return phase === "running" && isTerminal(state);
}

/** The cluster answers: the job is stopped as it is wanted. True when nothing of it runs. */
function stop(pass: SessionJobPass, wanted: boolean): boolean {
  if (!wanted || ownJob(pass) === undefined) return noJobRuns(pass);
  takeSavepoint(pass, () => followStopOf(pass, sessionJobFacts(pass)));
  return false;
}

/** True when there is nothing left to do for the job. */
function isDone(pass: SessionJobPass): boolean {
  const { jobs } = pass.flink;
  const phase = phaseOf(pass.status);
  // One that answers may still have a job of an earlier attempt.
  if (isOver(pass, phase)) return !jobs?.ok || noJobRuns(pass);
  const wanted = wantsSavepoint(pass);
  const reason = isOutOfReach(pass);
  if (reason !== undefined) {
    if (wanted) goWithoutSavepoint(pass, reason);
    return true;
  }
  if (pass.submission?.state === "under-way") {
    waitFor(pass, "Submitting", "deletion waits for the submission under way to end");
    return false;
  }
  if (jobs !== undefined) return stop(pass, wanted && jobs.ok);
  // Suspended with its state saved: Flink itself said that the job ended.
  if (phase === "suspended" && recordedSpec(pass)?.spec.job?.upgradeMode !== "stateless") return true;
  awaitJobManager(pass);
  return false;
}

export function decideDeletion(pass: SessionJobPass): void {
  beginDeletion(pass);
  waitFor(pass, "Deleting", "cancelling the job");
  if (!isDone(pass)) return;
  pass.actions.push({ type: "remove-finalizer" });
  pass.requeueAfter = undefined;
}
