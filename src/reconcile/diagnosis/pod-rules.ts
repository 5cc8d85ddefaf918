/** Causes that keep pods from being made, placed or run: Kubernetes says them itself. */
import type { KubeObject } from "../../api/kube-object.ts";
import { creationProblem, podProblems } from "../deployment/pod-problems.ts";
import { componentOf, containersOf, type Evidence, livePods, quote, type Utterance } from "./evidence.ts";
import type { Finding, Rule } from "./rule.ts";

/** Pods that wait or ended for one of these reasons, as Kubernetes spells them. */
function podsWith({ pods }: Evidence, reasons: RegExp): Finding | undefined {
  const names = new Map(pods.map((pod) => [pod.metadata.name, componentOf(pod)]));
  const found = podProblems(pods).filter(({ reason }) => reasons.test(reason));
  if (found.length === 0) return undefined;
  return {
    evidence: found.map(
      ({ pod, reason, message }) => `${names.get(pod) ?? "pod"} ${pod}: ${reason}: ${message}`,
    ),
  };
}

/** The API server refuses pods: a Deployment's, or TaskManagers that Flink asks for. */
function refusals(evidence: Evidence, said: readonly Utterance[], pattern: RegExp): Finding | undefined {
  const ofDeployments = evidence.deployments.flatMap((deployment) => {
    const problem = creationProblem(deployment);
    return problem && pattern.test(problem.message)
      ? [`deployment ${deployment.metadata.name}: ${problem.reason}: ${problem.message}`]
      : [];
  });
  const words = said.filter(({ text }) => pattern.test(text)).map((one) => quote(one, pattern));
  const lines = [...ofDeployments, ...words];
  return lines.length === 0 ? undefined : { evidence: lines };
}

function outOfMemory(pod: KubeObject): string[] {
  return containersOf(pod).flatMap(({ name, state, lastState, restartCount = 0 }) => {
    const ended = [state?.terminated, lastState?.terminated].find((one) => one?.reason === "OOMKilled");
    if (ended === undefined) return [];
    const times = restartCount > 0 ? `, restarted ${restartCount} times` : "";
    return [
      `${componentOf(pod)} ${pod.metadata.name}[${name}]: OOMKilled, exit code ${ended.exitCode ?? 137}${times}`,
    ];
  });
}

/** Of pods that are not ready: their volumes and the like, of which only events tell. */
function mountFailures({ events, pods }: Evidence): Finding | undefined {
  const waiting = new Set(
    pods
      .filter((pod) => (pod["status"] as { phase?: string } | undefined)?.phase === "Pending")
      .map(({ metadata }) => metadata.name),
  );
  const found = events.filter(
    ({ name, reason }) => /^Failed(Mount|AttachVolume)$/.test(reason) && waiting.has(name),
  );
  if (found.length === 0) return undefined;
  return {
    evidence: found
      .toReversed()
      .map(({ name, reason, message }) => `event of pod/${name}: ${reason}: ${message}`),
  };
}

export const podRules: readonly Rule[] = [
  {
    id: "quota-exceeded",
    title: "A ResourceQuota of the namespace refuses the pods.",
    seen: "The Deployment's condition ReplicaFailure, or Flink's log, says `exceeded quota`.",
    why: "The namespace may not have as many pods, or as much CPU or memory, as the job asks for.",
    next: "Have the quota raised, or ask for less: fewer TaskManagers (spec.job.parallelism, taskmanager.numberOfTaskSlots) or smaller ones (spec.*.resource).",
    find: (evidence, said) => refusals(evidence, said, /exceeded quota/),
  },
  {
    id: "service-account-missing",
    title: "The service account of the pods does not exist.",
    seen: '`serviceaccount "…" not found` in the Deployment\'s condition ReplicaFailure.',
    why: "spec.serviceAccount names an account that is not in the namespace: Kubernetes makes no pod for it.",
    next: "Create the account with its rights (deploy/operator/flink-service-account.yaml), or mend spec.serviceAccount.",
    find: (evidence, said) =>
      refusals(evidence, said, /serviceaccounts? "[^"]*" not found|error looking up service account/),
  },
  {
    id: "pods-refused",
    title: "An admission policy refuses the pods.",
    seen: "The Deployment's condition ReplicaFailure says `forbidden` or `denied the request`.",
    why: "Pod security, a limit range or a webhook of the cluster does not accept the pod as it is rendered.",
    next: "Change the pod by spec.podTemplate as the message says; `sluice render` shows what is asked for.",
    find: (evidence, said) =>
      refusals(evidence, said, /violates PodSecurity|denied the request|is forbidden: (?!User|exceeded)/),
  },
  {
    id: "image-pull",
    title: "The image cannot be pulled.",
    seen: "A pod waits with ErrImagePull, ImagePullBackOff, ErrImageNeverPull or InvalidImageName.",
    why: "The image or its tag does not exist, the registry cannot be reached, or it wants credentials that the pod has not.",
    next: "Check spec.image, push the image, or give the pods the registry's credentials (imagePullSecrets of the service account).",
    find: (evidence) =>
      podsWith(evidence, /^(ErrImagePull|ImagePullBackOff|ErrImageNeverPull|InvalidImageName)$/),
  },
  {
    id: "unschedulable",
    title: "No node can take the pods.",
    seen: "A pod's condition PodScheduled is False with reason Unschedulable.",
    why: "No node has the CPU and memory that the pod requests, or none matches its node selector, affinity or tolerations.",
    next: "Request less (spec.*.resource), add nodes, or mend the pod template's nodeSelector, affinity and tolerations.",
    find: (evidence) => podsWith(evidence, /^Unschedulable$/),
  },
  {
    id: "container-configuration",
    title: "A container refers to a Secret or ConfigMap that does not exist.",
    seen: "A pod waits with CreateContainerConfigError.",
    why: "A variable of the pod template takes its value from a Secret or ConfigMap, or a key of one, that is not in the namespace.",
    next: "Create what the message names, or mend env and envFrom in spec.podTemplate.",
    find: (evidence) => podsWith(evidence, /^Create(Container|ContainerConfig)Error$/),
  },
  {
    id: "volume-missing",
    title: "A volume of the pod cannot be mounted.",
    seen: "A pod is Pending, and its events say FailedMount or FailedAttachVolume.",
    why: "The ConfigMap, Secret or PersistentVolumeClaim behind a volume is missing, or another node still holds it.",
    next: "Create what the message names, or mend volumes in spec.podTemplate.",
    find: mountFailures,
  },
  {
    id: "oom-killed",
    title: "A container was killed for using more memory than its limit.",
    seen: "A container's state says OOMKilled.",
    why: "The process, native memory of the state backend included, does not fit into the container's limit.",
    next: "Give it more memory (spec.taskManager.resource.memory, spec.jobManager.resource.memory), or Flink less of it (taskmanager.memory.jvm-overhead.fraction up).",
    find: (evidence) => {
      const lines = livePods(evidence).flatMap(outOfMemory);
      return lines.length === 0 ? undefined : { evidence: lines };
    },
  },
];
