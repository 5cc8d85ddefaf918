/**
 * `FlinkDeployment`, `flink.apache.org/v1beta1`: one Flink cluster, with a job (application mode) or without
 * (session cluster). The API of the Apache Flink Kubernetes Operator; the schema carries no defaults and requires
 * nothing, as upstream's does: defaults are applied on read (defaults.ts), rules by reconcile/validation.
 */
import type { PodSpec } from "kubernetes-types/core/v1.d.ts";
import { type Static, Type } from "typebox";
import { HistoryEntry } from "./history.ts";
import type { Kind } from "./kind.ts";
import type { Condition, KubeObject, ObjectMeta } from "./kube-object.ts";
import { field, FreeForm, Int32, Int64, KubernetesType, StringEnum, StringMap } from "./schema.ts";

export const GROUP = "flink.apache.org";
export const VERSION = "v1beta1";
export const API_VERSION = `${GROUP}/${VERSION}`;
export const FLINK_DEPLOYMENT_FINALIZER = "flinkdeployments.flink.apache.org/finalizer";
/** On the JobManager Deployment: the generation of the spec that it was made from. The only crash-recovery hint. */
export const GENERATION_ANNOTATION = "flinkdeployment.flink.apache.org/generation";
/** Which attempt to start a cluster made a Deployment: there may be several for one generation. The Apache operator has none. */
export const ATTEMPT_ANNOTATION = "sluice/attempt";

/**
 * On the JobManager Deployment of a job that no FlinkDeployment in the API server stands for: whose it is, in place of an
 * owner reference, so that nothing but Sluice takes it away.
 */
export const OWNER_ANNOTATION = "sluice/owner";

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
  jarURI: field(
    Type.String(),
    "The job's jar: local:///… in the image, or a URL that Flink (1.19 and newer) downloads.",
  ),
  parallelism: field(Int32, "Default parallelism; at least 1, unless taskManager.replicas decides it."),
  entryClass: field(Type.String(), "Main class, where the jar's manifest names none."),
  args: field(Type.Array(Type.String()), "Arguments of main()."),
  state: field(DesiredJobState, "Whether the job shall run; suspended keeps its state."),
  upgradeMode: field(
    UpgradeMode,
    "How state is kept at the next change: not, from Flink's HA metadata or newest checkpoint, or by a savepoint.",
  ),
  initialSavepointPath: field(
    Type.String(),
    "Where the first deployment starts from, and a redeployment by savepointRedeployNonce.",
  ),
  allowNonRestoredState: field(
    Type.Boolean(),
    "Go on when the savepoint has state that the job has no place for.",
  ),
  savepointTriggerNonce: field(Int64, "A change takes a savepoint. Deprecated: create a FlinkStateSnapshot."),
  checkpointTriggerNonce: field(
    Int64,
    "A change takes a checkpoint (Flink 1.17 and newer). Deprecated: create a FlinkStateSnapshot.",
  ),
  savepointRedeployNonce: field(
    Int64,
    "A change throws the present state away and starts from initialSavepointPath.",
  ),
  autoscalerResetNonce: field(Int64, "A change forgets what the autoscaler has learned."),
});
export type JobSpec = Static<typeof JobSpec>;

export const Resource = Type.Object({
  cpu: field(Type.Number(), "Cores, for example 0.5."),
  memory: field(Type.String(), "Memory of the whole process: 2g, 2048m or 2Gi; all units are binary."),
  ephemeralStorage: field(Type.String(), "Kubernetes quantity for request and limit of the main container."),
});
export type Resource = Static<typeof Resource>;

export interface ResourceRequirements {
  claims?: { name: string; request?: string }[];
  limits?: Record<string, string | number>;
  requests?: Record<string, string | number>;
}
const ResourceRequirementsSchema = KubernetesType<ResourceRequirements>("ResourceRequirements");

export const JobManagerSpec = Type.Object({
  resource: field(Resource, "CPU and memory in short form. Prefer resources."),
  resources: field(ResourceRequirementsSchema, "Kubernetes requests and limits; wins over resource."),
  replicas: field(Int32, "Number of JobManagers; more than one needs high availability."),
  podTemplate: field(PodTemplateSchema, "Laid over spec.podTemplate for JobManagers."),
});
export type JobManagerSpec = Static<typeof JobManagerSpec>;

export const TaskManagerSpec = Type.Object({
  resource: field(Resource, "CPU and memory in short form. Prefer resources."),
  resources: field(ResourceRequirementsSchema, "Kubernetes requests and limits; wins over resource."),
  replicas: field(Int32, "Number of TaskManagers; with it, the job's parallelism is replicas times slots."),
  podTemplate: field(PodTemplateSchema, "Laid over spec.podTemplate for TaskManagers."),
});
export type TaskManagerSpec = Static<typeof TaskManagerSpec>;

export const IngressSpec = Type.Object({
  template: field(Type.String(), "URL of the web UI; {{name}} and {{namespace}} are filled in."),
  className: field(Type.String(), "The ingress class."),
  annotations: field(StringMap, "Copied to the Ingress."),
  labels: field(StringMap, "Copied to the Ingress."),
  tls: field(
    Type.Array(KubernetesType<{ hosts?: string[]; secretName?: string }>("IngressTLS")),
    "Copied to the Ingress.",
  ),
});
export type IngressSpec = Static<typeof IngressSpec>;

export const FlinkDeploymentSpec = Type.Object({
  image: field(Type.String(), "Flink image with the job inside. Absent: Flink's own image for the version."),
  imagePullPolicy: field(Type.String(), "Always, IfNotPresent or Never."),
  serviceAccount: field(Type.String(), "Account of the pods; required."),
  flinkVersion: field(FlinkVersion, "Version of Flink in the image; required, v1_15 or newer."),
  ingress: field(IngressSpec, "Makes the web UI reachable from outside."),
  podTemplate: field(
    PodTemplateSchema,
    "What all pods have: a Pod or PodTemplate, of which metadata and spec count.",
  ),
  jobManager: field(JobManagerSpec, "The JobManager's pods."),
  taskManager: field(TaskManagerSpec, "The TaskManagers' pods."),
  logConfiguration: field(StringMap, "Content of log4j-console.properties and logback-console.xml."),
  mode: field(
    StringEnum("native", "standalone"),
    "native: Flink asks Kubernetes for TaskManagers; standalone: Sluice does. Cannot be changed.",
  ),
  flinkConfiguration: field(
    FreeForm,
    "Flink's options, flat or nested, and those of the operator under kubernetes.operator.",
  ),
  restartNonce: field(Int64, "A change restarts the cluster."),
  job: field(
    JobSpec,
    "The job of an application cluster. Without it: a session cluster. Cannot be added or removed.",
  ),
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
  timeStamp: field(Int64, "Epoch milliseconds of completion."),
  location: field(Type.String(), "Path of the savepoint."),
  triggerType: field(TriggerType, "What asked for it."),
  formatType: field(SavepointFormat, "Its format."),
  triggerNonce: field(Int64, "The nonce that asked for it."),
});
export type Savepoint = Static<typeof Savepoint>;

export const SavepointInfo = Type.Object({
  lastSavepoint: field(Savepoint, "The newest savepoint."),
  triggerId: field(
    Type.String(),
    "Flink's asynchronous trigger in progress; absent or empty when there is none.",
  ),
  triggerTimestamp: field(Int64, "Epoch milliseconds of the last trigger."),
  triggerType: field(TriggerType, "What asked for the last one."),
  formatType: field(SavepointFormat, "Format of the last one."),
  savepointHistory: field(Type.Array(Savepoint), "Savepoints kept, oldest first."),
  lastPeriodicSavepointTimestamp: field(Int64, "Epoch milliseconds of the last periodic savepoint."),
});
export type SavepointInfo = Static<typeof SavepointInfo>;

export const Checkpoint = Type.Object({
  timeStamp: field(Int64, "Epoch milliseconds of completion."),
  triggerType: field(TriggerType, "What asked for it."),
  formatType: field(CheckpointType, "Full or incremental."),
  triggerNonce: field(Int64, "The nonce that asked for it."),
});

export const CheckpointInfo = Type.Object({
  lastCheckpoint: field(Checkpoint, "The newest checkpoint that was asked for."),
  triggerId: field(Type.String(), "Flink's asynchronous trigger in progress."),
  triggerTimestamp: field(Int64, "Epoch milliseconds of the last trigger."),
  triggerType: field(TriggerType, "What asked for the last one."),
  formatType: field(CheckpointType, "Type of the last one."),
  lastPeriodicCheckpointTimestamp: field(Int64, "Epoch milliseconds of the last periodic checkpoint."),
});
export type CheckpointInfo = Static<typeof CheckpointInfo>;

export const RecoveryInfo = Type.Object({
  jobId: field(Type.String(), "The job that this is about; it says nothing of another."),
  startedFrom: field(Type.String(), "Savepoint or checkpoint that the job was started from at first."),
  checkpointDirectories: field(Type.Array(Type.String()), "Where the job has kept its checkpoints."),
});
export type RecoveryInfo = Static<typeof RecoveryInfo>;

export const JobStatus = Type.Object({
  jobName: field(Type.String(), "The job's name in Flink."),
  jobId: field(Type.String(), "32 hexadecimal digits, chosen by the operator before submission."),
  state: field(FlinkJobState, "Last observed state of the job."),
  startTime: field(Type.String(), "Epoch milliseconds as text."),
  updateTime: field(
    Type.String(),
    "Epoch milliseconds as text: when the operator last saw the state change.",
  ),
  upgradeSavepointPath: field(Type.String(), "Where the next restore starts from."),
  savepointInfo: field(SavepointInfo, "Savepoints taken without FlinkStateSnapshot. Deprecated."),
  checkpointInfo: field(CheckpointInfo, "Checkpoints taken without FlinkStateSnapshot. Deprecated."),
  recoveryInfo: field(
    RecoveryInfo,
    "Where the job's state is when Flink and its HA metadata cannot tell. Sluice's own.",
  ),
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
  reconciliationTimestamp: field(Int64, "Epoch milliseconds of the last change of lastReconciledSpec."),
  lastReconciledSpec: field(Type.String(), "The spec that is deployed or being deployed, as JSON."),
  lastStableSpec: field(Type.String(), "The last spec that ran well, as JSON: where a rollback goes."),
  state: field(ReconciliationState, "How far the last change has come."),
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
  jobStatus: field(JobStatus, "What is known of the job."),
  error: field(Type.String(), "What is wrong, as JSON."),
  observedGeneration: field(Int64, "Generation of the spec in lastReconciledSpec."),
  lifecycleState: field(LifecycleState, "The resource's state in one word."),
  reconciliationStatus: field(ReconciliationStatus, "What was deployed and how far a change has come."),
  history: field(
    Type.Array(HistoryEntry),
    "The specs that ran, oldest first, as many as sluice.history.max.count. Sluice's own.",
  ),
};

export const FlinkDeploymentStatus = Type.Object({
  ...commonStatus,
  clusterInfo: field(StringMap, "Flink's version, and the cluster's resources."),
  jobManagerDeploymentStatus: field(JobManagerDeploymentStatus, "State of the JobManager's Deployment."),
  taskManager: field(
    Type.Object({
      labelSelector: field(Type.String(), "Selects the TaskManagers' pods."),
      replicas: field(Int32, "TaskManagers that the job needs."),
    }),
    "For the scale subresource.",
  ),
  conditions: field(
    Type.Array(KubernetesType<Condition>("Condition")),
    "Ready, Reconciling, Stalled and Running.",
  ),
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
