/** What keeps a cluster's pods from running, read from their statuses. The JobManager's problems fail a deployment. */
import type { Condition, KubeObject } from "../../api/kube-object.ts";

export interface PodProblem {
  /** The container's or condition's reason, as Kubernetes spells it. */
  readonly reason: string;
  readonly message: string;
  readonly pod: string;
  /** Epoch milliseconds; of what may pass by itself. */
  readonly since?: number;
}

interface ContainerState {
  waiting?: { reason?: string; message?: string };
  terminated?: { reason?: string; message?: string; exitCode?: number; containerID?: string };
}
interface ContainerStatus {
  name: string;
  state?: ContainerState;
  lastState?: ContainerState;
  restartCount?: number;
}
interface PodStatus {
  conditions?: {
    type: string;
    status: string;
    reason?: string;
    message?: string;
    lastTransitionTime?: string;
  }[];
  containerStatuses?: ContainerStatus[];
  initContainerStatuses?: ContainerStatus[];
}

const WAITING_REASONS = new Set([
  "CrashLoopBackOff",
  "ImagePullBackOff",
  "ErrImagePull",
  "ErrImageNeverPull",
  "InvalidImageName",
  "RunContainerError",
  "CreateContainerConfigError",
  "CreateContainerError",
  "OOMKilled",
]);

/** Of a log's end, by the kubelet: the first line is then seldom whole. */
const KEPT_BYTES = 2048;

/** A line of a log, at the level of an error. */
function isError(line: string): boolean {
  return /^[\d:,. -]+ (ERROR|FATAL)\b/.test(line);
}

/**
 * What a container's last words say, in one line: the innermost cause of an exception, else the last line. They are the
 * end of its log where it leaves no termination message (`terminationMessagePolicy` in resources/job-manager-pod.ts).
 */
export function lastWords(message: string): string {
  const kept = message.split("\n");
  const isCut = kept.length > 1 && Buffer.byteLength(message) >= KEPT_BYTES;
  const all = (isCut ? kept.slice(1) : kept).map((line) => line.trim());
  // What was complained of before is not what it died of.
  const lines = all.slice(Math.max(0, all.findLastIndex(isError)));
  // A stack trace may be longer than what is kept, without its beginning: frames say nothing.
  const told = lines.filter(
    (line) => line !== "" && !/^(at \S|\.\.\. \d+ (more|common frames omitted)$)/.test(line),
  );
  const cause = told.findLast((line) => line.startsWith("Caused by: "));
  const exception = told.findLast((line) => /^(?!at )\S*(Exception|Error)\b/.test(line));
  return cause ?? exception ?? told.at(-1) ?? "";
}

function containerProblem({ name, state, lastState }: ContainerStatus): Omit<PodProblem, "pod"> | undefined {
  const last = state?.terminated ?? lastState?.terminated;
  if (last?.reason === "OOMKilled") {
    return {
      reason: "OOMKilled",
      message: `[${name}] killed for using more memory than its limit; give the container more memory`,
    };
  }
  const waiting = state?.waiting;
  if (waiting?.reason === undefined || !WAITING_REASONS.has(waiting.reason)) return undefined;
  const words = lastWords(last?.message ?? "");
  const ended = last && `exit code ${last.exitCode ?? "unknown"}${words === "" ? "" : `: ${words}`}`;
  const text = waiting.reason === "CrashLoopBackOff" ? (ended ?? waiting.message) : waiting.message;
  return { reason: waiting.reason, message: `[${name}] ${text ?? waiting.reason}` };
}

export interface SilentEnd {
  readonly container: string;
  /** Of the run that ended. */
  readonly containerId: string;
}

/** The container that crashes and whose termination message does not say why. */
export function silentEnd(pod: KubeObject): SilentEnd | undefined {
  for (const status of containersOf(pod)) {
    const { containerID, reason, message = "" } = status.lastState?.terminated ?? {};
    const crashes = status.state?.waiting?.reason === "CrashLoopBackOff" && reason !== "OOMKilled";
    if (!crashes || containerID === undefined || lastWords(message) !== "") continue;
    return { container: status.name, containerId: containerID };
  }
  return undefined;
}

/** The pod, as if the container had ended with this termination message. */
export function withLastWords(pod: KubeObject, container: string, message: string): KubeObject {
  const told = (statuses: ContainerStatus[] = []): ContainerStatus[] =>
    statuses.map((status) => {
      const { terminated } = status.lastState ?? {};
      if (status.name !== container || terminated === undefined) return status;
      return { ...status, lastState: { terminated: { ...terminated, message } } };
    });
  const status = (pod["status"] ?? {}) as PodStatus;
  const { initContainerStatuses, containerStatuses } = status;
  return {
    ...pod,
    status: {
      ...status,
      initContainerStatuses: told(initContainerStatuses),
      containerStatuses: told(containerStatuses),
    },
  };
}

function schedulingProblem(status: PodStatus): Omit<PodProblem, "pod"> | undefined {
  const scheduled = status.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status !== "False" || scheduled.reason !== "Unschedulable") return undefined;
  const { message = "no node can take the pod", lastTransitionTime } = scheduled;
  const since = lastTransitionTime === undefined ? {} : { since: Date.parse(lastTransitionTime) };
  return { reason: "Unschedulable", message, ...since };
}

function containersOf(pod: KubeObject): ContainerStatus[] {
  const { initContainerStatuses = [], containerStatuses = [] } = (pod["status"] ?? {}) as PodStatus;
  return [...initContainerStatuses, ...containerStatuses];
}

/** The first problem of each pod. */
export function podProblems(pods: readonly KubeObject[]): PodProblem[] {
  return pods.flatMap((pod) => {
    if (pod.metadata.deletionTimestamp !== undefined) return [];
    const status = (pod["status"] ?? {}) as PodStatus;
    const problem =
      containersOf(pod)
        .map(containerProblem)
        .find((found) => found) ?? schedulingProblem(status);
    return problem ? [{ ...problem, pod: pod.metadata.name }] : [];
  });
}

/** A Deployment whose pods the API server refuses (quota, missing service account, admission). */
export function creationProblem(deployment: KubeObject): PodProblem | undefined {
  const status = (deployment["status"] ?? {}) as { conditions?: Condition[] };
  const failure = status.conditions?.find(
    ({ type, status }) => type === "ReplicaFailure" && status === "True",
  );
  return failure && { reason: failure.reason, message: failure.message, pod: deployment.metadata.name };
}
