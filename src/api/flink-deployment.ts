/**
 * `FlinkDeployment`, `flink.apache.org/v1beta1`: one Flink cluster, with a job (application mode) or without
 * (session cluster). The API of the Apache Flink Kubernetes Operator; the schema carries no defaults and requires
 * nothing, as upstream's does: defaults are applied on read (defaults.ts), rules by reconcile/validation.
 */
import type { PodSpec } from "kubernetes-types/core/v1.d.ts";
import { type Static, Type } from "typebox";
import type { Kind } from "./kind.ts";
import type { Condition, KubeObject, ObjectMeta } from "./kube-object.ts";
import { FreeForm, Int32, Int64, KubernetesType, StringEnum, StringMap } from "./schema.ts";

export const GROUP = "flink.apache.org";
export const VERSION = "v1beta1";
export const API_VERSION = `${GROUP}/${VERSION}`;
export const FLINK_DEPLOYMENT_FINALIZER = "flinkdeployments.flink.apache.org/finalizer";
/** On the JobManager Deployment: the generation of the spec that it was made from. The only crash-recovery hint. */
export const GENERATION_ANNOTATION = "flinkdeployment.flink.apache.org/generation";

const optional = Type.Optional;

export const FlinkVersion = StringEnum(
  "v1_13",
  "v1_14",
  "v1_15",
  "v1_16",
  "v1_17",
  "v1_18",
  "v1_19",
  "v1_20",
  "v2_0",
  "v2_1",
  "v2_2",
  "v2_3",
  "v2_4",
);
export type FlinkVersion = Static<typeof FlinkVersion>;

export const UpgradeMode = StringEnum("stateless", "last-state", "savepoint");
export type UpgradeMode = Static<typeof UpgradeMode>;

export const DesiredJobState = StringEnum("running", "suspended");
export type DesiredJobState = Static<typeof DesiredJobState>;

export interface PodTemplate {
  metadata?: Partial<ObjectMeta>;
  spec?: Partial<PodSpec>;
  [field: string]: unknown;
}
const PodTemplateSchema = KubernetesType<PodTemplate>("Pod");

export const JobSpec = Type.Object({
  jarURI: optional(Type.String()),
  parallelism: optional(Int32),
  entryClass: optional(Type.String()),
  args: optional(Type.Array(Type.String())),
  state: optional(DesiredJobState),
  upgradeMode: optional(UpgradeMode),
  initialSavepointPath: optional(Type.String()),
  allowNonRestoredState: optional(Type.Boolean()),
  savepointTriggerNonce: optional(Int64),
  checkpointTriggerNonce: optional(Int64),
  savepointRedeployNonce: optional(Int64),
  autoscalerResetNonce: optional(Int64),
});
export type JobSpec = Static<typeof JobSpec>;

export const Resource = Type.Object({
  cpu: optional(Type.Number()),
  memory: optional(Type.String()),
  ephemeralStorage: optional(Type.String()),
});
export type Resource = Static<typeof Resource>;

export interface ResourceRequirements {
  claims?: { name: string; request?: string }[];
  limits?: Record<string, string | number>;
  requests?: Record<string, string | number>;
}
const ResourceRequirementsSchema = KubernetesType<ResourceRequirements>("ResourceRequirements");

export const JobManagerSpec = Type.Object({
  resource: optional(Resource),
  resources: optional(ResourceRequirementsSchema),
  replicas: optional(Int32),
  podTemplate: optional(PodTemplateSchema),
});
export type JobManagerSpec = Static<typeof JobManagerSpec>;

export const TaskManagerSpec = Type.Object({
  resource: optional(Resource),
  resources: optional(ResourceRequirementsSchema),
  replicas: optional(Int32),
  podTemplate: optional(PodTemplateSchema),
});
export type TaskManagerSpec = Static<typeof TaskManagerSpec>;

export const IngressSpec = Type.Object({
  template: optional(Type.String()),
  className: optional(Type.String()),
  annotations: optional(StringMap),
  labels: optional(StringMap),
  tls: optional(Type.Array(KubernetesType<{ hosts?: string[]; secretName?: string }>("IngressTLS"))),
});
export type IngressSpec = Static<typeof IngressSpec>;

export const FlinkDeploymentSpec = Type.Object({
  image: optional(Type.String()),
  imagePullPolicy: optional(Type.String()),
  serviceAccount: optional(Type.String()),
  flinkVersion: optional(FlinkVersion),
  ingress: optional(IngressSpec),
  podTemplate: optional(PodTemplateSchema),
  jobManager: optional(JobManagerSpec),
  taskManager: optional(TaskManagerSpec),
  logConfiguration: optional(StringMap),
  mode: optional(StringEnum("native", "standalone")),
  /** Flat or nested; see flink/configuration.ts. */
  flinkConfiguration: optional(FreeForm),
  restartNonce: optional(Int64),
  job: optional(JobSpec),
});
export type FlinkDeploymentSpec = Static<typeof FlinkDeploymentSpec>;

export const FlinkJobState = StringEnum(
  "INITIALIZING",
  "CREATED",
  "RUNNING",
  "FAILING",
  "FAILED",
  "CANCELLING",
  "CANCELED",
  "FINISHED",
  "RESTARTING",
  "SUSPENDED",
  "RECONCILING",
);
export type FlinkJobState = Static<typeof FlinkJobState>;

const TriggerType = StringEnum("MANUAL", "PERIODIC", "UPGRADE", "UNKNOWN");
export const SavepointFormat = StringEnum("CANONICAL", "NATIVE", "UNKNOWN");
const CheckpointType = StringEnum("FULL", "INCREMENTAL", "UNKNOWN");

/** A completed savepoint. `timeStamp` is epoch milliseconds. */
export const Savepoint = Type.Object({
  timeStamp: optional(Int64),
  location: optional(Type.String()),
  triggerType: optional(TriggerType),
  formatType: optional(SavepointFormat),
  triggerNonce: optional(Int64),
});
export type Savepoint = Static<typeof Savepoint>;

export const SavepointInfo = Type.Object({
  lastSavepoint: optional(Savepoint),
  /** Flink's asynchronous trigger in progress; absent or empty when there is none. */
  triggerId: optional(Type.String()),
  /** Epoch milliseconds of the last trigger. */
  triggerTimestamp: optional(Int64),
  triggerType: optional(TriggerType),
  formatType: optional(SavepointFormat),
  savepointHistory: optional(Type.Array(Savepoint)),
  lastPeriodicSavepointTimestamp: optional(Int64),
});
export type SavepointInfo = Static<typeof SavepointInfo>;

export const Checkpoint = Type.Object({
  timeStamp: optional(Int64),
  triggerType: optional(TriggerType),
  formatType: optional(CheckpointType),
  triggerNonce: optional(Int64),
});

export const CheckpointInfo = Type.Object({
  lastCheckpoint: optional(Checkpoint),
  triggerId: optional(Type.String()),
  triggerTimestamp: optional(Int64),
  triggerType: optional(TriggerType),
  formatType: optional(CheckpointType),
  lastPeriodicCheckpointTimestamp: optional(Int64),
});
export type CheckpointInfo = Static<typeof CheckpointInfo>;

export const JobStatus = Type.Object({
  jobName: optional(Type.String()),
  /** 32 hexadecimal digits, chosen by the operator before submission. */
  jobId: optional(Type.String()),
  state: optional(FlinkJobState),
  /** Epoch milliseconds as text. */
  startTime: optional(Type.String()),
  /** Epoch milliseconds as text: when the operator last saw the state change. */
  updateTime: optional(Type.String()),
  /** Where the next restore starts from; may be LAST_STATE_MARKER. */
  upgradeSavepointPath: optional(Type.String()),
  savepointInfo: optional(SavepointInfo),
  checkpointInfo: optional(CheckpointInfo),
});
export type JobStatus = Static<typeof JobStatus>;

export const LifecycleState = StringEnum(
  "CREATED",
  "SUSPENDED",
  "UPGRADING",
  "DEPLOYED",
  "STABLE",
  "ROLLING_BACK",
  "ROLLED_BACK",
  "FAILED",
  "DELETING",
  "DELETED",
);
export type LifecycleState = Static<typeof LifecycleState>;

export const ReconciliationState = StringEnum("DEPLOYED", "UPGRADING", "ROLLING_BACK", "ROLLED_BACK");
export type ReconciliationState = Static<typeof ReconciliationState>;

export const ReconciliationStatus = Type.Object({
  /** Epoch milliseconds of the last change of lastReconciledSpec. */
  reconciliationTimestamp: optional(Int64),
  /** JSON; reconcile/last-reconciled-spec.ts reads and writes it. */
  lastReconciledSpec: optional(Type.String()),
  lastStableSpec: optional(Type.String()),
  state: optional(ReconciliationState),
});
export type ReconciliationStatus = Static<typeof ReconciliationStatus>;

export const JobManagerDeploymentStatus = StringEnum(
  "READY",
  "DEPLOYED_NOT_READY",
  "DEPLOYING",
  "MISSING",
  "ERROR",
);
export type JobManagerDeploymentStatus = Static<typeof JobManagerDeploymentStatus>;

/** What the status of a FlinkDeployment and of a FlinkSessionJob have in common. */
export const commonStatus = {
  jobStatus: optional(JobStatus),
  /** JSON, see reconcile/status-error.ts. */
  error: optional(Type.String()),
  /** Generation of the spec in lastReconciledSpec. */
  observedGeneration: optional(Int64),
  lifecycleState: optional(LifecycleState),
  reconciliationStatus: optional(ReconciliationStatus),
};

export const FlinkDeploymentStatus = Type.Object({
  ...commonStatus,
  clusterInfo: optional(StringMap),
  jobManagerDeploymentStatus: optional(JobManagerDeploymentStatus),
  taskManager: optional(Type.Object({ labelSelector: optional(Type.String()), replicas: optional(Int32) })),
  conditions: optional(Type.Array(KubernetesType<Condition>("Condition"))),
});
export type FlinkDeploymentStatus = Static<typeof FlinkDeploymentStatus>;

export interface FlinkDeployment extends KubeObject {
  apiVersion: typeof API_VERSION;
  kind: "FlinkDeployment";
  spec: FlinkDeploymentSpec;
  status?: FlinkDeploymentStatus;
}

export const FLINK_DEPLOYMENT: Kind = {
  kind: "FlinkDeployment",
  plural: "flinkdeployments",
  singular: "flinkdeployment",
  shortNames: ["flinkdep"],
  columns: { "Job Status": ".status.jobStatus.state", "Lifecycle State": ".status.lifecycleState" },
  scale: {
    specReplicasPath: ".spec.taskManager.replicas",
    statusReplicasPath: ".status.taskManager.replicas",
    labelSelectorPath: ".status.taskManager.labelSelector",
  },
  spec: FlinkDeploymentSpec,
  status: FlinkDeploymentStatus,
};
