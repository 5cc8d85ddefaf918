/** Builds what Kubernetes holds of one cluster: Deployment, pods, owned objects, HA metadata. */
import { modeOf, withSpecDefaults } from "../../src/api/defaults.ts";
import { type FlinkDeployment, GENERATION_ANNOTATION } from "../../src/api/flink-deployment.ts";
import type { KubeObject } from "../../src/api/kube-object.ts";
import type { ObservedCluster } from "../../src/reconcile/decision.ts";
import { flattenConfiguration } from "../../src/flink/configuration.ts";
import { parseRecordedSpec } from "../../src/reconcile/last-reconciled-spec.ts";
import { renderIngress } from "../../src/resources/ingress.ts";
import { commonLabels } from "../../src/resources/labels.ts";
import { ownedObjectNames, taskManagerDeploymentName } from "../../src/resources/names.ts";
import { scaleAnnotation, taskManagerCount } from "../../src/resources/task-manager-count.ts";
import { type Change, NOW } from "./flink-deployment.ts";
import { JOB_ID } from "./recorded-status.ts";

export type ObjectChange = Change<KubeObject>;

export const DEPLOYMENT_UID = "deployment-uid";
export const INGRESS_UID = "ingress-uid";
export const TASK_MANAGERS_UID = "task-managers-uid";
/** Minutes before the test's clock starts. */
export const CREATED = NOW - 600_000;

const rfc3339 = (time: number): string => new Date(time).toISOString().replace(".000Z", "Z");

function build(object: KubeObject, changes: readonly ObjectChange[]): KubeObject {
  for (const change of changes) change(object);
  return object;
}

/** The resource's own JobManager Deployment: made for the generation that its status records, not available yet. */
export function jobManagerDeployment(resource: FlinkDeployment, ...changes: ObjectChange[]): KubeObject {
  const { name, namespace, uid = "", generation } = resource.metadata;
  const made = resource.status?.observedGeneration ?? generation ?? 1;
  return build(
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: {
        name,
        ...(namespace === undefined ? {} : { namespace }),
        uid: DEPLOYMENT_UID,
        creationTimestamp: rfc3339(CREATED),
        annotations: { [GENERATION_ANNOTATION]: String(made) },
        ownerReferences: [{ apiVersion: resource.apiVersion, kind: resource.kind, name, uid }],
      },
      spec: { replicas: 1 },
      status: {},
    },
    changes,
  );
}

/** A standalone cluster's own TaskManager Deployment, made for the recorded spec. */
export function taskManagerDeployment(resource: FlinkDeployment, ...changes: ObjectChange[]): KubeObject {
  const { name, namespace } = resource.metadata;
  const recorded = parseRecordedSpec(resource.status?.reconciliationStatus?.lastReconciledSpec)?.spec;
  const spec = recorded ?? withSpecDefaults(resource.spec);
  return build(
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: {
        name: taskManagerDeploymentName(name),
        ...(namespace === undefined ? {} : { namespace }),
        uid: TASK_MANAGERS_UID,
        annotations: scaleAnnotation(spec),
        ownerReferences: [{ apiVersion: "apps/v1", kind: "Deployment", name, uid: DEPLOYMENT_UID }],
      },
      spec: { replicas: taskManagerCount(spec, flattenConfiguration(spec.flinkConfiguration)) },
      status: {},
    },
    changes,
  );
}

/** As the Apache operator makes the objects of a standalone cluster. */
export function ownedByResource({ apiVersion, kind, metadata }: FlinkDeployment): ObjectChange {
  const { name, uid = "" } = metadata;
  return (object) => {
    object.metadata.ownerReferences = [{ apiVersion, kind, name, uid, blockOwnerDeletion: true }];
  };
}

export function available(): ObjectChange {
  return (deployment) => {
    const condition = { type: "Available", status: "True", lastTransitionTime: rfc3339(CREATED + 30_000) };
    deployment["status"] = { availableReplicas: 1, conditions: [condition] };
  };
}

/** Not available at `since`, epoch milliseconds; from its creation on unless said otherwise. */
export function unavailable(since: number = CREATED): ObjectChange {
  return (deployment) => {
    const condition = { type: "Available", status: "False", lastTransitionTime: rfc3339(since) };
    deployment["status"] = { conditions: [condition] };
  };
}

/** The API server refuses the Deployment's pods. */
export function replicaFailure(message: string): ObjectChange {
  return (deployment) => {
    const condition = { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message };
    deployment["status"] = { conditions: [condition] };
  };
}

export function scaledToZero(): ObjectChange {
  return (deployment) => {
    deployment["spec"] = { replicas: 0 };
    deployment["status"] = {};
  };
}

export function madeFor(generation: number): ObjectChange {
  return ({ metadata }) => void (metadata.annotations = { [GENERATION_ANNOTATION]: String(generation) });
}

export function ownedByAnother(): ObjectChange {
  return ({ metadata }) => void (metadata.ownerReferences = []);
}

/** Being deleted since `since`, epoch milliseconds. */
export function terminating(since: number = NOW): ObjectChange {
  return ({ metadata }) => void (metadata.deletionTimestamp = rfc3339(since));
}

export type Component = "jobmanager" | "taskmanager";

/** A running pod of the cluster `job`. */
export function pod(component: Component, ...changes: ObjectChange[]): KubeObject {
  return build(
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: `job-${component}-1`, namespace: "default", labels: { app: "job", component } },
      status: { phase: "Running" },
    },
    changes,
  );
}

export function named(name: string): ObjectChange {
  return ({ metadata }) => void (metadata.name = name);
}

function withPodStatus(fields: object): ObjectChange {
  return (object) => {
    object["status"] = { ...(object["status"] as object), ...fields };
  };
}

export const inPhase = (phase: "Pending" | "Running" | "Succeeded" | "Failed"): ObjectChange =>
  withPodStatus({ phase });

export interface Ending {
  readonly reason?: string;
  readonly exitCode?: number;
  readonly message?: string;
  readonly containerID?: string;
}

/** The main container waits for `reason`, after `last` ended it, if it ever ran. */
export function waiting(reason: string, message?: string, last?: Ending): ObjectChange {
  const state = { waiting: { reason, ...(message === undefined ? {} : { message }) } };
  return withPodStatus({
    phase: "Pending",
    containerStatuses: [
      { name: "flink-main-container", state, ...(last ? { lastState: { terminated: last } } : {}) },
    ],
  });
}

/** The main container ended, and the one before it as `last` says. */
export function ended(now: Ending, last?: Ending): ObjectChange {
  return withPodStatus({
    containerStatuses: [
      {
        name: "flink-main-container",
        state: { terminated: now },
        ...(last ? { lastState: { terminated: last } } : {}),
      },
    ],
  });
}

/** `since`: RFC 3339. */
export function unschedulable(message?: string, since?: string): ObjectChange {
  const condition = { type: "PodScheduled", status: "False", reason: "Unschedulable" };
  const told = message === undefined ? {} : { message };
  const changed = since === undefined ? {} : { lastTransitionTime: since };
  return withPodStatus({ phase: "Pending", conditions: [{ ...condition, ...told, ...changed }] });
}

/** The HA ConfigMap of a job: metadata, and a checkpoint and a job graph where asked for. */
export function haConfigMap(
  content: { readonly checkpoint?: boolean; readonly jobGraph?: boolean } = {},
  jobId: string = JOB_ID,
): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: `job-${jobId}-config-map`,
      namespace: "default",
      labels: { app: "job", type: "flink-native-kubernetes", "configmap-type": "high-availability" },
    },
    data: {
      counter: "7",
      ...(content.checkpoint ? { "checkpointID-0000000000000000006": "state handle" } : {}),
      ...(content.jobGraph ? { [`jobGraph-${jobId}`]: "graph handle" } : {}),
    },
  };
}

/** Services and ConfigMaps that belong to the JobManager Deployment. */
export function ownedObjects(resource: FlinkDeployment): readonly KubeObject[] {
  const { name, namespace } = resource.metadata;
  const names = ownedObjectNames(name, withSpecDefaults(resource.spec), {});
  return names
    .filter(({ kind }) => kind !== "Deployment")
    .map((owned) => ({
      apiVersion: "v1",
      kind: owned.kind,
      metadata: {
        name: owned.name,
        ...(namespace === undefined ? {} : { namespace }),
        labels: commonLabels(name, modeOf(resource.spec)),
        ownerReferences: [{ apiVersion: "apps/v1", kind: "Deployment", name, uid: DEPLOYMENT_UID }],
      },
    }));
}

/** The resource's own Ingress as the Apache operator makes it, if its spec asks for one. */
export function ownIngress(resource: FlinkDeployment): KubeObject | undefined {
  const { name, namespace = "default", uid = "" } = resource.metadata;
  const config = flattenConfiguration(resource.spec.flinkConfiguration);
  const ingress = renderIngress({ name, namespace, uid }, resource.spec.ingress, config);
  return ingress && { ...ingress, metadata: { ...ingress.metadata, uid: INGRESS_UID } };
}

/** Nothing of a cluster, but for what is given. */
export function nothing(left: Partial<ObservedCluster> = {}): ObservedCluster {
  return { deployment: undefined, taskManagers: undefined, pods: [], services: [], configMaps: [], ...left };
}

/** A complete cluster with its JobManager pod; `changes` are the Deployment's. */
export function cluster(
  resource: FlinkDeployment,
  changes: readonly ObjectChange[] = [available()],
  extra: { readonly pods?: readonly KubeObject[]; readonly configMaps?: readonly KubeObject[] } = {},
): ObservedCluster {
  const owned = ownedObjects(resource);
  const isStandalone = modeOf(resource.spec) === "standalone";
  return {
    deployment: jobManagerDeployment(resource, ...changes),
    taskManagers: isStandalone ? taskManagerDeployment(resource) : undefined,
    pods: extra.pods ?? [pod("jobmanager")],
    services: owned.filter(({ kind }) => kind === "Service"),
    configMaps: [...owned.filter(({ kind }) => kind === "ConfigMap"), ...(extra.configMaps ?? [])],
    ingress: ownIngress(resource),
  };
}
