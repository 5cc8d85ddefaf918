/** A cluster of processes as the decisions see one: as the objects that Kubernetes would have of it. Pure. */
import { GENERATION_ANNOTATION, type FlinkDeployment } from "../../api/flink-deployment.ts";
import type { KubeObject, OwnerReference } from "../../api/kube-object.ts";
import type { ObservedCluster } from "../../reconcile/decision.ts";
import { componentSelector, type Component } from "../../resources/labels.ts";
import { ownedObjectNames, taskManagerDeploymentName } from "../../resources/names.ts";
import { withSpecDefaults } from "../../api/defaults.ts";
import type { ClusterFile } from "./cluster-file.ts";
import type { MarkedProcess } from "./processes.ts";

export interface Seen {
  readonly file: ClusterFile | undefined;
  readonly processes: readonly MarkedProcess[];
  /** The end of the log of a process that ended and is to be started again. */
  readonly lastWords: Partial<Record<Component, string>>;
}

const iso = (time: number): string => new Date(time).toISOString();

function condition(type: string, status: "True" | "False", time: number): object {
  return { type, status, reason: "Local", message: "", lastTransitionTime: iso(time) };
}

function jobManager(resource: FlinkDeployment, { jobManager: entry }: ClusterFile): KubeObject | undefined {
  if (entry === undefined) return undefined;
  const { uid, generation, created, replicas, available } = entry;
  const { name, namespace = "default", uid: owner = "" } = resource.metadata;
  const isAvailable = available !== undefined && replicas > 0;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name,
      namespace,
      uid,
      creationTimestamp: iso(created),
      annotations: { [GENERATION_ANNOTATION]: String(generation) },
      ownerReferences: [
        { apiVersion: resource.apiVersion, kind: resource.kind, name, uid: owner, controller: false },
      ],
    },
    spec: { replicas },
    status: {
      availableReplicas: isAvailable ? 1 : 0,
      conditions: [condition("Available", isAvailable ? "True" : "False", available ?? created)],
    },
  };
}

function ownerOf(name: string, { cluster }: ClusterFile): OwnerReference {
  return { apiVersion: "apps/v1", kind: "Deployment", name, uid: cluster, controller: true };
}

function taskManagers(resource: FlinkDeployment, file: ClusterFile): KubeObject | undefined {
  if (file.taskManagers === undefined) return undefined;
  const { uid, replicas, annotations } = file.taskManagers;
  const { name, namespace = "default" } = resource.metadata;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: taskManagerDeploymentName(name),
      namespace,
      uid,
      annotations: { ...annotations },
      ownerReferences: [ownerOf(name, file)],
    },
    spec: { replicas },
  };
}

/** Services and the configuration are files and ports here; they are there as long as the JobManager is. */
function owned(resource: FlinkDeployment, file: ClusterFile, kind: string): KubeObject[] {
  if (file.jobManager === undefined) return [];
  const { name, namespace = "default" } = resource.metadata;
  const { inputs } = file;
  return ownedObjectNames(name, withSpecDefaults(inputs.spec), inputs.defaults)
    .filter((one) => one.kind === kind)
    .map((one) => ({
      apiVersion: "v1",
      kind,
      metadata: { name: one.name, namespace, ownerReferences: [ownerOf(name, file)] },
    }));
}

function pod(resource: FlinkDeployment, component: Component, id: string, status: object): KubeObject {
  const { name, namespace = "default" } = resource.metadata;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: id, namespace, labels: componentSelector(name, "standalone", component) },
    status,
  };
}

function crashed(resource: FlinkDeployment, component: Component, message: string): KubeObject {
  return pod(resource, component, component, {
    // Nothing runs of it: nothing has to be waited for.
    phase: "Failed",
    containerStatuses: [
      {
        name: component,
        state: { waiting: { reason: "CrashLoopBackOff" } },
        lastState: { terminated: { reason: "Error", message } },
      },
    ],
  });
}

function pods(resource: FlinkDeployment, { processes, lastWords }: Seen): KubeObject[] {
  const running = processes.flatMap(({ role, pid }) =>
    role === "supervisor" ? [] : [pod(resource, role, `${role}-${pid}`, { phase: "Running" })],
  );
  const ended = (["jobmanager", "taskmanager"] as const).flatMap((component) => {
    const words = lastWords[component];
    return words === undefined ? [] : [crashed(resource, component, words)];
  });
  return [...running, ...ended];
}

export function clusterObjects(resource: FlinkDeployment, seen: Seen): ObservedCluster {
  const { file } = seen;
  return {
    deployment: file && jobManager(resource, file),
    taskManagers: file && taskManagers(resource, file),
    pods: pods(resource, seen),
    services: file === undefined ? [] : owned(resource, file, "Service"),
    configMaps: file === undefined ? [] : owned(resource, file, "ConfigMap"),
  };
}
