/** The TaskManager Deployment of a standalone cluster that is up: made again when it is lost, scaled in place. */
import { type DefaultedSpec, modeOf } from "../../api/defaults.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { isReactive } from "../../flink/scheduler.ts";
import { isScaledFor, scaleAnnotation, taskManagerCount } from "../../resources/task-manager-count.ts";
import {
  complain,
  effectiveConfiguration,
  emit,
  ownDeployment,
  ownTaskManagers,
  type Pass,
  record,
  recordedSpec,
  requeue,
  waitFor,
} from "../pass.ts";
import { isTerminal } from "../upgrade-mode.ts";
import { clusterInputs, nameTaken } from "./deploy.ts";

function isGoing({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** Asks for as many TaskManagers as are recorded, once for each change: a crash in between asks in the next pass. */
function followCount(pass: Pass, workers: KubeObject): void {
  const spec = recordedSpec(pass)?.spec ?? pass.spec;
  const replicas = taskManagerCount(spec, effectiveConfiguration(pass, spec));
  if (isScaledFor(workers, spec, replicas)) return;
  const { uid = "" } = workers.metadata;
  pass.actions.push({ type: "scale-task-managers", uid, replicas, annotations: scaleAnnotation(spec) });
  waitFor(pass, "Scaling", `scaling to ${replicas} TaskManagers`);
  requeue(pass, 0);
}

/**
 * A job without TaskManagers waits for some; they are needed for its savepoint as well. Nothing is done for a cluster
 * that is to go.
 */
export function keepTaskManagers(pass: Pass): void {
  const jobManager = ownDeployment(pass);
  const recorded = recordedSpec(pass)?.spec;
  if (recorded === undefined || modeOf(recorded) !== "standalone") return;
  if (recorded.job?.state === "suspended") return;
  if (jobManager === undefined || isGoing(jobManager)) return;
  const workers = ownTaskManagers(pass);
  if (workers !== undefined) {
    if (!isGoing(workers)) followCount(pass, workers);
    return;
  }
  if (pass.cluster.taskManagers !== undefined) return nameTaken(pass, pass.cluster.taskManagers);
  const message = "the TaskManager Deployment is lost and made again";
  complain(pass, { reason: "RecoverDeployment", message, component: "Job" });
  pass.actions.push({ type: "create-cluster", inputs: clusterInputs(pass), existing: jobManager });
  waitFor(pass, "RecoverDeployment", message);
  requeue(pass, 0);
}

/** Whether TaskManagers may come and go while the cluster stays: a reactive job takes the slots that there are. */
function canScale(pass: Pass, recorded: DefaultedSpec): boolean {
  if (modeOf(recorded) !== "standalone") return false;
  if (recorded.job === undefined) return true;
  return !isTerminal(pass.status.jobStatus.state) && isReactive(effectiveConfiguration(pass, recorded));
}

/**
 * Whether a change of the number of TaskManagers or of the parallelism needs no upgrade: where the TaskManagers are all
 * that it changes (2.13).
 */
export function canScaleInPlace(pass: Pass): boolean {
  const recorded = recordedSpec(pass)?.spec;
  const jobManager = ownDeployment(pass);
  if (recorded === undefined || jobManager === undefined || isGoing(jobManager)) return false;
  return canScale(pass, recorded);
}

export function scaleInPlace(pass: Pass): void {
  const job = recordedSpec(pass)?.spec.job;
  const { upgradeMode = "stateless" } = job ?? {};
  record(pass, pass.spec, { jobState: "running", upgradeMode, state: "DEPLOYED" });
  emit(pass, {
    type: "Normal",
    reason: "Scaling",
    message: "In-place scaling triggered",
    component: job === undefined ? "JobManagerDeployment" : "Job",
    key: `scaling-${pass.generation}`,
  });
  keepTaskManagers(pass);
  requeue(pass, 0);
}
