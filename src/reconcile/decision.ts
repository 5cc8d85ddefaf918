/**
 * The words between gathering, deciding and executing. `decide(observed, now, options)` turns what is known about one
 * resource at one moment into a Decision; the shell writes its status (with optimistic locking), then carries out its
 * actions in order until one fails, then looks again. So an intent is always recorded before it is acted on, and a
 * crash between any two calls is the same as a longer pause.
 */
import type { FlinkDeployment, FlinkDeploymentStatus } from "../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../api/flink-session-job.ts";
import type { FlinkStateSnapshot } from "../api/flink-state-snapshot.ts";
import type { KubeObject } from "../api/kube-object.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import type { JarRunRequest } from "../flink/jar-run.ts";
import type {
  ApplicationOverview,
  CheckpointStatistics,
  CheckpointTriggerStatus,
  ClusterConfig,
  FlinkAnswer,
  JobExceptions,
  JobMetrics,
  JobOverview,
  SavepointStatus,
} from "../flink/rest-answers.ts";
import type { Patch, Piece } from "../resources/in-place.ts";
import type { OwnedObjectName } from "../resources/names.ts";
import type { ClusterInputs } from "../resources/native-cluster.ts";

/** What Kubernetes knows of one cluster. */
export interface ObservedCluster {
  /** The JobManager's Deployment, by name; it may be another owner's. */
  readonly deployment: KubeObject | undefined;
  /** The TaskManagers' Deployment of a standalone cluster, by name; it may be another owner's. */
  readonly taskManagers: KubeObject | undefined;
  /** Pods with the cluster's `app` label. */
  readonly pods: readonly KubeObject[];
  readonly services: readonly KubeObject[];
  /** By name; it may be another owner's. */
  readonly ingress?: KubeObject | undefined;
  /** All ConfigMaps with the cluster's `app` label: Flink's configuration, and the HA metadata. */
  readonly configMaps: readonly KubeObject[];
}

/** Answers of Flink's REST API; an absent one was not asked for in this pass. Failures are values. */
export interface FlinkAnswers {
  readonly config?: FlinkAnswer<ClusterConfig>;
  readonly jobs?: FlinkAnswer<readonly JobOverview[]>;
  readonly applications?: FlinkAnswer<readonly ApplicationOverview[]>;
  readonly checkpoints?: FlinkAnswer<CheckpointStatistics>;
  readonly exceptions?: FlinkAnswer<JobExceptions>;
  /** Of the trigger in `jobStatus.savepointInfo`, and of that in `jobStatus.checkpointInfo`. */
  readonly savepoint?: FlinkAnswer<SavepointStatus>;
  readonly metrics?: FlinkAnswer<JobMetrics>;
  readonly checkpoint?: FlinkAnswer<CheckpointTriggerStatus>;
}

/** A folder in which a job may have left checkpoints, as `chk-<n>`. */
export interface CheckpointPlace {
  readonly directory: string;
  /** Its path names no job, so that other jobs' checkpoints may be there as well. */
  readonly shared: boolean;
  /** Flink's `s3.*` options: how to get there. Holds credentials. */
  readonly access: FlinkConfiguration;
}

/** Where is a job's newest complete checkpoint? Asked of the state storage, and only when a decision needs it. */
export interface RetainedQuestion {
  readonly jobId: string;
  readonly places: readonly CheckpointPlace[];
  /** Savepoints of the same job that are known, one of which may be newer. */
  readonly savepoints: readonly string[];
  /**
   * Where a savepoint may be that the job was to stop with, and of which nobody heard: what it has written out goes as far
   * as that. `prefix`: how the names of the job's savepoints begin.
   */
  readonly asked?: {
    readonly directory: string;
    readonly prefix: string;
    readonly access: FlinkConfiguration;
  };
}

export type RetainedAnswer =
  | {
      readonly kind: "found";
      readonly path: string;
      readonly checkpointId: number;
      /** Epoch milliseconds, by the storage's clock. */
      readonly completed: number;
    }
  /** Certain: everything was readable, and nothing complete is there. */
  | { readonly kind: "none" }
  /** Something is there that must not be guessed about, or nobody can look: only a person can go on. */
  | { readonly kind: "unclear"; readonly message: string }
  /** Not now. `mendable`: access has to be given first, by a person. */
  | { readonly kind: "unreadable"; readonly message: string; readonly mendable: boolean };

/** An action of the previous pass that failed, so that status and events can say so. */
export interface ActionFailure<Type extends string = Action["type"]> {
  readonly action: Type;
  /** `status.reason` of the API server, or a word of ours. */
  readonly reason: string;
  readonly message: string;
  /** HTTP status, where Flink refused. */
  readonly httpStatus?: number;
}

/** What is observed of either kind. */
export interface ObservedJob {
  readonly flink: FlinkAnswers;
  /** What the state storage said, and to which question. Absent: it was not asked. */
  readonly retained?: { readonly question: RetainedQuestion; readonly answer: RetainedAnswer };
  /** The FlinkStateSnapshots of the resource's job; undefined where their CRD is not installed. */
  readonly snapshots?: readonly FlinkStateSnapshot[] | undefined;
  /** Savepoints whose disposal Flink has accepted, as far as this process knows. */
  readonly disposed?: readonly string[];
  readonly failure: ActionFailure | undefined;
  /** Job exceptions up to this moment (epoch milliseconds) have been reported. */
  readonly exceptionsReportedUntil: number;
}

export interface Observed extends ObservedJob {
  readonly resource: FlinkDeployment;
  readonly cluster: ObservedCluster;
  /** The resource is being deleted, and its namespace with everything in it as well. */
  readonly namespaceGoes?: boolean;
  /** FlinkSessionJobs that name this session cluster. */
  readonly sessionJobs?: readonly FlinkSessionJob[];
}

/** What this process knows of the submission of one job; nothing after a restart. */
export type Submission = { readonly jobId: string } & (
  | { readonly state: "under-way" }
  /** Flink has the job, or had it. */
  | { readonly state: "done" }
  | {
      readonly state: "failed";
      readonly message: string;
      /** Certain to have had no effect. Otherwise the job may still appear. */
      readonly refused: boolean;
      /** Epoch milliseconds of the next try. */
      readonly retryAt: number;
    }
);

export interface ObservedSessionJob extends ObservedJob {
  readonly resource: FlinkSessionJob;
  /** The FlinkDeployment that it names; undefined when there is none. */
  readonly session: FlinkDeployment | undefined;
  /** Pods of its JobManagers that are being deleted: a job may still run there, of which the next one knows nothing. */
  readonly endingJobManagers?: readonly KubeObject[];
  readonly submission: Submission | undefined;
}

export interface Options {
  /** Operator defaults for the resource's namespace and Flink version, flat. */
  readonly defaults: FlinkConfiguration;
  /** Files for clusters that bring no logConfiguration of their own. */
  readonly logConfiguration?: Readonly<Record<string, string>>;
  /** Milliseconds between passes while something is in progress, and while nothing is. */
  readonly progressInterval: number;
  readonly reconcileInterval: number;
  /**
   * The resource is a record and no object in an API server, and nobody looks after it between two commands: a suspended
   * job leaves nothing behind but the path of its state.
   */
  readonly isRecord?: boolean;
  /** 32 random hexadecimal digits, fresh in each pass: the next job id or trigger id. */
  readonly entropy: string;
}

/** Brings a session job's jar to its cluster and runs it. Under one job id it has an effect once. */
export interface SubmitJob {
  readonly type: "submit-job";
  readonly request: JarRunRequest;
  /** Where the jar is; undefined: its classes are in the cluster's image. */
  readonly jarURI: string | undefined;
  /** The job's effective configuration: for the jar's source. */
  readonly configuration: FlinkConfiguration;
  /** Milliseconds for all of it, and for main(). */
  readonly timeout: number;
}

export type Action =
  | { readonly type: "add-finalizer" }
  | { readonly type: "remove-finalizer" }
  | {
      readonly type: "create-cluster";
      readonly inputs: ClusterInputs;
      readonly existing: KubeObject | undefined;
    }
  | { readonly type: "scale-job-manager-to-zero"; readonly uid: string }
  | { readonly type: "delete-job-manager"; readonly uid: string }
  | {
      readonly type: "scale-task-managers";
      readonly uid: string;
      readonly replicas: number;
      readonly annotations: Readonly<Record<string, string>>;
    }
  /** Of the cluster, and not gone with its JobManager. */
  | {
      readonly type: "delete-leftovers";
      readonly objects: readonly (OwnedObjectName & { readonly uid: string })[];
    }
  | { readonly type: "delete-config-maps"; readonly names: readonly string[]; readonly why: string }
  | { readonly type: "remove-job-graphs"; readonly configMap: string; readonly keys: readonly string[] }
  | { readonly type: "cancel-job"; readonly jobId: string; readonly bestEffort: boolean }
  | SubmitJob
  | {
      readonly type: "stop-with-savepoint";
      readonly jobId: string;
      /** Chosen by Sluice and recorded first, so that asking again is the same request. */
      readonly triggerId: string;
      readonly targetDirectory: string;
      readonly drain: boolean;
      readonly formatType: string;
    }
  | InPlaceAction
  | SnapshotAction;

/** On objects that no job depends on: one that fails does not end the pass. */
export type InPlaceAction =
  | { readonly type: "create-ingress"; readonly ingress: KubeObject }
  | { readonly type: "delete-ingress"; readonly uid: string }
  /** By a JSON merge patch. */
  | {
      readonly type: "patch-object";
      readonly kind: Piece["kind"];
      readonly name: string;
      readonly uid: string;
      readonly patch: Patch;
    };

const IN_PLACE_ACTIONS: ReadonlySet<string> = new Set<InPlaceAction["type"]>([
  "create-ingress",
  "delete-ingress",
  "patch-object",
]);

export function isInPlaceAction(action: Pick<Action, "type">): action is InPlaceAction {
  return IN_PLACE_ACTIONS.has(action.type);
}

/** Snapshots never hold anything else up: an action of these that fails does not end the pass. */
export type SnapshotAction =
  | { readonly type: "create-snapshot"; readonly snapshot: FlinkStateSnapshot }
  | { readonly type: "delete-snapshot"; readonly name: string; readonly uid: string }
  | {
      readonly type: "trigger-savepoint";
      readonly jobId: string;
      /** Recorded first, as that of a stop. */
      readonly triggerId: string;
      /** The cluster's own savepoint directory when absent. */
      readonly targetDirectory?: string;
      readonly formatType: string;
    }
  | {
      readonly type: "trigger-checkpoint";
      readonly jobId: string;
      readonly triggerId: string;
      readonly checkpointType: string;
    }
  | { readonly type: "dispose-savepoint"; readonly path: string };

const SNAPSHOT_ACTIONS: ReadonlySet<string> = new Set<SnapshotAction["type"]>([
  "create-snapshot",
  "delete-snapshot",
  "trigger-savepoint",
  "trigger-checkpoint",
  "dispose-savepoint",
]);

export function isSnapshotAction(action: Action): action is SnapshotAction {
  return SNAPSHOT_ACTIONS.has(action.type);
}

/** Nothing of a cluster or its job waits for it. */
export function isOptional(action: Action): boolean {
  return isSnapshotAction(action) || isInPlaceAction(action);
}

export type EventComponent = "Operator" | "JobManagerDeployment" | "Job" | "Snapshot";

export interface EventRecord {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  readonly component: EventComponent;
  /** Events with one key are counted, not repeated; the message when absent. */
  readonly key?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Decision<Status = FlinkDeploymentStatus> {
  readonly actions: readonly Action[];
  /** The complete next status. Written before the actions, and only if it differs. */
  readonly status: Status;
  readonly events: readonly EventRecord[];
  /** Milliseconds until the next look; watches may come first. Undefined: only when something changes. */
  readonly requeueAfter: number | undefined;
  readonly exceptionsReportedUntil: number;
  /** What has to be known to go on: decide again with the answer. Without one, this decision only waits. */
  readonly question?: RetainedQuestion | undefined;
}
