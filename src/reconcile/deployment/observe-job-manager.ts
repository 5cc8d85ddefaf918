/** `status.jobManagerDeploymentStatus`, from the JobManager's Deployment, its pods and its REST API (2.8). */
import type { KubeObject } from "../../api/kube-object.ts";
import { getDuration, getNumber } from "../../flink/configuration.ts";
import { JM_REPLICAS } from "../../flink/kubernetes-options.ts";
import { READINESS_TIMEOUT } from "../../flink/options.ts";
import { statusError } from "../status-error.ts";
import { isTerminal } from "../upgrade-mode.ts";
import {
  complain,
  emit,
  observeConfiguration,
  ownDeployment,
  ownTaskManagers,
  type Pass,
  podsOf,
  recordedSpec,
  stall,
  waitFor,
} from "../pass.ts";
import { creationProblem, type PodProblem, podProblems } from "./pod-problems.ts";

export const MISSING_JOB_MANAGER = "Missing JobManager deployment";

interface DeploymentStatus {
  availableReplicas?: number;
  conditions?: { type: string; status: string; lastTransitionTime: string }[];
}

export function isAvailable(deployment: KubeObject | undefined): boolean {
  const status = (deployment?.["status"] ?? {}) as DeploymentStatus;
  return (status.availableReplicas ?? 0) > 0;
}

/** A Deployment's first condition carries its creation time, or the controller's first look a moment later. */
const FIRST_LOOK_MS = 3000;

function jobManagerCount(pass: Pass): number {
  const replicas = recordedSpec(pass)?.spec.jobManager?.replicas ?? 0;
  return replicas > 0 ? replicas : (getNumber(observeConfiguration(pass), JM_REPLICAS) ?? 1);
}

/** Whether no JobManager of this cluster ever answered, so that nothing can have run in it. */
export function neverStarted(pass: Pass): boolean {
  const deployment = ownDeployment(pass);
  // With several, one may have run the job while the Deployment, waiting for all, was never available.
  if (jobManagerCount(pass) > 1) return false;
  const status = (deployment?.["status"] ?? {}) as DeploymentStatus;
  const available = status.conditions?.find(({ type }) => type === "Available");
  const created = deployment?.metadata.creationTimestamp;
  if (available?.status !== "False" || created === undefined) return false;
  return Date.parse(available.lastTransitionTime) - Date.parse(created) <= FIRST_LOOK_MS;
}

/** Nobody can say now what becomes of the job. A session cluster has none of its own. */
function loseSight(pass: Pass): void {
  const { jobStatus } = pass.status;
  const hasJob = recordedSpec(pass)?.spec.job !== undefined;
  if (hasJob && !isTerminal(jobStatus.state)) jobStatus.state = "RECONCILING";
}

function missing(pass: Pass): void {
  const { status } = pass;
  const known = status.jobManagerDeploymentStatus;
  loseSight(pass);
  if (known !== "MISSING" && known !== "ERROR" && !isTerminal(status.jobStatus.state)) {
    status.error = statusError("MissingJobManagerException", MISSING_JOB_MANAGER);
    emit(pass, {
      type: "Warning",
      reason: "Missing",
      message: MISSING_JOB_MANAGER,
      component: "JobManagerDeployment",
    });
  }
  status.jobManagerDeploymentStatus = "MISSING";
}

/** A node may still come for the pod: an autoscaler takes minutes to bring one. */
function mayPass(pass: Pass, { since }: PodProblem): boolean {
  const timeout = getDuration(observeConfiguration(pass), READINESS_TIMEOUT) ?? 0;
  return since !== undefined && pass.now - since < timeout;
}

function failed(pass: Pass, problem: PodProblem): void {
  const { status } = pass;
  const { reason, message } = problem;
  loseSight(pass);
  complain(pass, { reason, message, component: "JobManagerDeployment" });
  status.error = statusError("DeploymentFailedException", message, { reason });
  status.jobManagerDeploymentStatus = "ERROR";
  const tell = mayPass(pass, problem) ? waitFor : stall;
  tell(pass, reason, `JobManager ${problem.pod}: ${message}`);
}

/** Only for a cluster that should be there. */
export function observeJobManager(pass: Pass): void {
  const { status } = pass;
  const deployment = ownDeployment(pass);
  if (deployment === undefined) return missing(pass);
  if (deployment.metadata.deletionTimestamp !== undefined) {
    loseSight(pass);
    status.jobManagerDeploymentStatus = "DEPLOYING";
    return waitFor(pass, "JobManagerDeleting", "the JobManager Deployment is being deleted by someone else");
  }
  if (isAvailable(deployment)) {
    if (pass.flink.config?.ok === true) status.jobManagerDeploymentStatus = "READY";
    else if (status.jobManagerDeploymentStatus !== "READY") {
      status.jobManagerDeploymentStatus = "DEPLOYED_NOT_READY";
      waitFor(pass, "DeployedNotReady", "the JobManager's REST API does not answer yet");
    }
    return;
  }
  const problem = creationProblem(deployment) ?? podProblems(podsOf(pass.cluster, "jobmanager"))[0];
  if (problem) {
    failed(pass, problem);
    pass.requeueAfter = Math.min(
      pass.requeueAfter ?? pass.options.reconcileInterval,
      pass.options.reconcileInterval,
    );
    return;
  }
  if (!isTerminal(status.jobStatus.state) && status.jobStatus.state === "RUNNING") {
    status.jobStatus.state = "RECONCILING";
  }
  status.jobManagerDeploymentStatus = "DEPLOYING";
  waitFor(pass, "JobManagerIsDeploying", "the JobManager starts");
}

/**
 * TaskManager pods that cannot run, while their job waits for them: said in an event and, before anything else, in the
 * Reconciling condition; Flink goes on asking.
 */
export function reportTaskManagers(pass: Pass): void {
  const { jobManagerDeploymentStatus, jobStatus, lifecycleState } = pass.status;
  const { state } = jobStatus;
  const waits = jobManagerDeploymentStatus === "READY" && state !== "RUNNING" && !isTerminal(state);
  const workers = ownTaskManagers(pass);
  const problem =
    (workers && creationProblem(workers)) ?? podProblems(podsOf(pass.cluster, "taskmanager"))[0];
  if (!waits || problem === undefined || lifecycleState === "DELETING") return;
  const message = `TaskManager ${problem.pod}: ${problem.message}`;
  complain(pass, { reason: problem.reason, message, component: "Job", key: `tm-${problem.reason}` });
  waitFor(pass, problem.reason, message);
}
