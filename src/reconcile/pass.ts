/** The draft that one pass of a decision works on. Lives and dies inside `decide`, which stays pure. */
import {
  type DefaultedJobStatus,
  type DefaultedSpec,
  type DefaultedStatus,
  withSpecDefaults,
  withStatusDefaults,
} from "../api/defaults.ts";
import {
  type FlinkDeployment,
  type FlinkVersion,
  OWNER_ANNOTATION,
  type UpgradeMode,
} from "../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../api/flink-session-job.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { type FlinkConfiguration, flattenConfiguration } from "../flink/configuration.ts";
import type { ClusterInputs } from "../resources/cluster-inputs.ts";
import type {
  Action,
  ActionFailure,
  EventComponent,
  EventRecord,
  FlinkAnswers,
  Observed,
  ObservedCluster,
  ObservedJob,
  ObservedSessionJob,
  Options,
  RetainedQuestion,
} from "./decision.ts";
import { keepOverrides } from "./autoscaler-overrides.ts";
import type { SnapshotNonces } from "./snapshot/work.ts";
import { errorMessage } from "./status-error.ts";
import {
  deployedSpec,
  parseRecordedSpec,
  type RecordedSpec,
  writeRecordedSpec,
} from "./last-reconciled-spec.ts";

/** What the passes over a FlinkDeployment and over a FlinkSessionJob have in common: a job. */
export interface JobPass {
  readonly resource: FlinkDeployment | FlinkSessionJob;
  readonly observed: ObservedJob;
  readonly flink: FlinkAnswers;
  readonly failure: ActionFailure | undefined;
  /** Its `defaults` are the operator's; for a session job, with the session cluster's configuration on top. */
  readonly options: Options;
  /** The operator's defaults alone: what a resource cannot decide. */
  readonly operator: FlinkConfiguration;
  /** Of the cluster as it is deployed, not as it is to be. */
  readonly flinkVersion: FlinkVersion | undefined;
  /** Epoch milliseconds. */
  readonly now: number;
  /**
   * The wanted spec: the user's, or the deployed one while the user's is invalid. A session job's has of these fields
   * those that both kinds have.
   */
  spec: DefaultedSpec;
  /** The generation that `spec` belongs to. */
  generation: number;
  readonly status: DefaultedJobStatus;
  readonly actions: Action[];
  readonly events: EventRecord[];
  requeueAfter: number | undefined;
  exceptionsReportedUntil: number;
  /** Why the job is not where it should be, for the conditions: what is being waited for, or what a person must do. */
  progress: { readonly reason: string; readonly message: string } | undefined;
  stalled: { readonly reason: string; readonly message: string } | undefined;
  /** Why the running job gets nowhere (cluster-health.ts), as seen in this pass. */
  unhealthy: string | undefined;
  /** What is wrong with the user's spec, while an older one goes on. */
  invalid: string | undefined;
  /** `spec` is the last stable one, to which a rollback goes or went; the record keeps the spec that failed. */
  onStableSpec: boolean;
  /** What the state storage has to be asked, to go on. */
  question: RetainedQuestion | undefined;
}

/** Over a FlinkDeployment. */
export interface Pass extends JobPass {
  readonly resource: FlinkDeployment;
  readonly cluster: ObservedCluster;
  readonly observed: Observed;
  readonly status: DefaultedStatus;
  /** A change in place has begun and is not recorded yet. */
  isChangingInPlace: boolean;
}

/** Whether the job has a cluster of its own, whose objects and whose state in storage can be looked at. */
export function hasOwnCluster(pass: JobPass): pass is Pass {
  return pass.resource.kind === "FlinkDeployment";
}

export function beginPass(observed: Observed, now: number, options: Options): Pass {
  const { resource, cluster } = observed;
  const status = structuredClone(withStatusDefaults(resource.status));
  return {
    ...beginJobPass(observed, now, options),
    resource,
    cluster,
    observed,
    operator: options.defaults,
    flinkVersion: deployedSpec(status.reconciliationStatus)?.spec.flinkVersion,
    spec: keepOverrides(
      withSpecDefaults(resource.spec),
      deployedSpec(status.reconciliationStatus),
      options.defaults,
    ),
    status,
    isChangingInPlace: false,
  };
}

export function beginJobPass(
  observed: Observed | ObservedSessionJob,
  now: number,
  options: Options,
): Omit<JobPass, "resource" | "observed" | "status" | "operator" | "flinkVersion"> {
  const { metadata, spec } = observed.resource;
  return {
    flink: observed.flink,
    failure: observed.failure,
    options,
    now,
    spec: withSpecDefaults(spec),
    generation: metadata.generation ?? 1,
    actions: [],
    events: [],
    requeueAfter: options.reconcileInterval,
    exceptionsReportedUntil: observed.exceptionsReportedUntil,
    progress: undefined,
    stalled: undefined,
    unhealthy: undefined,
    invalid: undefined,
    onStableSpec: false,
    question: undefined,
  };
}

/** What was deployed, or is being deployed. */
export function recordedSpec(pass: Pick<JobPass, "status">): RecordedSpec | undefined {
  return deployedSpec(pass.status.reconciliationStatus);
}

/** What the user's spec was when it was last acted on; it differs from what is deployed after a rollback only. */
export function lastReconciledSpec(pass: JobPass): RecordedSpec | undefined {
  return parseRecordedSpec(pass.status.reconciliationStatus.lastReconciledSpec);
}

/** Operator defaults, overlaid with the spec's own. */
export function effectiveConfiguration(pass: JobPass, spec: DefaultedSpec): FlinkConfiguration {
  return { ...pass.options.defaults, ...flattenConfiguration(spec.flinkConfiguration) };
}

/** Options that act on Sluice, not on the running cluster: the user's newest word counts. */
function isLive(key: string): boolean {
  return (
    key.startsWith("kubernetes.operator.") ||
    key.startsWith("job.autoscaler.") ||
    key.startsWith("sluice.") ||
    key === "state.savepoints.dir" ||
    key === "execution.checkpointing.savepoint-dir"
  );
}

/** The configuration that the deployed cluster runs with, but `kubernetes.operator.*` as the user has it now. */
export function observeConfiguration(pass: JobPass): FlinkConfiguration {
  const deployed = effectiveConfiguration(pass, recordedSpec(pass)?.spec ?? pass.spec);
  return withLiveOptions(deployed, effectiveConfiguration(pass, pass.spec));
}

/** What was deployed, but what acts on Sluice as it is now. */
export function withLiveOptions(
  deployed: FlinkConfiguration,
  current: FlinkConfiguration,
): FlinkConfiguration {
  return {
    ...Object.fromEntries(Object.entries(deployed).filter(([key]) => !isLive(key))),
    ...Object.fromEntries(Object.entries(current).filter(([key]) => isLive(key))),
  };
}

export function requeue(pass: JobPass, milliseconds: number): void {
  pass.requeueAfter = Math.min(pass.requeueAfter ?? Number.POSITIVE_INFINITY, milliseconds);
}

/** Something is under way: look again soon, and say what is awaited. */
export function waitFor(pass: JobPass, reason: string, message: string): void {
  pass.progress = { reason, message };
  requeue(pass, pass.options.progressInterval);
}

/** Whose part it is to speak of the resource as a whole. */
export function component(pass: JobPass): EventComponent {
  return pass.resource.kind === "FlinkSessionJob" ? "Job" : "JobManagerDeployment";
}

export function emit(pass: JobPass, event: EventRecord): void {
  pass.events.push(event);
}

/**
 * Only a person, or something outside, can mend this. The first problem gives the reason, and all of them are said; that
 * the job failed is said in `status.error`, and gives way to what keeps it from starting again.
 */
export function stall(pass: JobPass, reason: string, message: string): void {
  const before = pass.stalled?.reason === "JobFailed" ? undefined : pass.stalled;
  pass.stalled = before
    ? { reason: before.reason, message: `${before.message.replace(/\.$/, "")}. Besides: ${message}` }
    : { reason, message };
}

/** As much of a message as is looked for in what was said before, which may be cut. */
const RECOGNISABLE = 512;

/** A Warning about what the status is to say as well: not repeated as long as the status says it. */
export function complain(pass: JobPass, event: Omit<EventRecord, "type">): void {
  const { conditions = [], error } = pass.resource.status ?? {};
  const said = conditions.filter(({ type }) => type !== "Running").map(({ message }) => message);
  const text = event.message.slice(0, RECOGNISABLE);
  if (![...said, errorMessage(error) ?? ""].some((one) => one.includes(text))) {
    emit(pass, { type: "Warning", ...event });
  }
}

interface RecordChange {
  jobState: "running" | "suspended";
  upgradeMode: UpgradeMode;
  state: "DEPLOYED" | "UPGRADING";
}

/** `reconciliationStatus.state` of work in progress, and of work that is done. */
export function reconciliationState(
  pass: JobPass,
  state: "DEPLOYED" | "UPGRADING",
): "DEPLOYED" | "UPGRADING" | "ROLLING_BACK" | "ROLLED_BACK" {
  if (!pass.onStableSpec) return state;
  return state === "UPGRADING" ? "ROLLING_BACK" : "ROLLED_BACK";
}

/** A stop or a start is under way. */
export function isUnderWay({
  reconciliationStatus,
}: Pick<DefaultedJobStatus, "reconciliationStatus">): boolean {
  const { state } = reconciliationStatus;
  return state === "UPGRADING" || state === "ROLLING_BACK";
}

/** What went wrong is history. Why a spec was rolled back is not: it holds until the user changes the spec. */
export function clearError(pass: JobPass): void {
  if (!pass.onStableSpec) delete pass.status.error;
}

/** A rollback's step: the record keeps the spec that failed, and with it what the user's next edit is compared with. */
function recordRollback(pass: JobPass, { jobState, upgradeMode, state }: RecordChange): void {
  amendRecord(pass, { jobState, upgradeMode, firstDeployment: false });
  pass.status.reconciliationStatus.reconciliationTimestamp = pass.now;
  pass.status.reconciliationStatus.state = reconciliationState(pass, state);
}

/** A change of `lastReconciledSpec`; clears the error of what went before. */
export function record(pass: JobPass, spec: DefaultedSpec, change: RecordChange): void {
  if (pass.onStableSpec) return recordRollback(pass, change);
  const { reconciliationStatus } = pass.status;
  const previous = lastReconciledSpec(pass);
  const first =
    previous === undefined || (reconciliationStatus.state !== "DEPLOYED" && previous.firstDeployment);
  const job = spec.job && { ...spec.job, state: change.jobState, upgradeMode: change.upgradeMode };
  // As they were last handled: a savepoint that is asked for together with a change is still to be taken.
  for (const nonce of ["savepointTriggerNonce", "checkpointTriggerNonce"] as const) {
    if (job === undefined || previous === undefined) continue;
    const handled = previous.spec.job?.[nonce];
    if (handled === undefined) delete job[nonce];
    else job[nonce] = handled;
  }
  reconciliationStatus.lastReconciledSpec = writeRecordedSpec({
    spec: { ...spec, ...(job ? { job } : {}) },
    firstDeployment: first,
  });
  reconciliationStatus.reconciliationTimestamp = pass.now;
  reconciliationStatus.state = change.state;
  pass.status.observedGeneration = pass.generation;
  delete pass.status.error;
}

/** Changes the job part of what is recorded, and nothing else. */
export function amendRecord(
  pass: JobPass,
  change: {
    jobState?: "running" | "suspended";
    upgradeMode?: UpgradeMode;
    firstDeployment?: boolean;
    /** As they were last handled; an absent one never was. */
    nonces?: SnapshotNonces;
  },
): void {
  const recorded = lastReconciledSpec(pass);
  if (recorded?.spec.job === undefined) return;
  const { savepointTriggerNonce: _, checkpointTriggerNonce: __, ...rest } = recorded.spec.job;
  const job = {
    ...(change.nonces === undefined ? recorded.spec.job : { ...rest, ...change.nonces }),
    ...(change.jobState ? { state: change.jobState } : {}),
    ...(change.upgradeMode ? { upgradeMode: change.upgradeMode } : {}),
  };
  pass.status.reconciliationStatus.lastReconciledSpec = writeRecordedSpec({
    spec: { ...recorded.spec, job },
    firstDeployment: change.firstDeployment ?? recorded.firstDeployment,
  });
}

/** What was attempted is there; after a rollback that is the stable spec, also when the user edits the spec meanwhile. */
export function recordDeployed(pass: JobPass): void {
  clearError(pass);
  const { reconciliationStatus } = pass.status;
  const rolledBack = reconciliationStatus.state === "ROLLING_BACK";
  reconciliationStatus.state = rolledBack ? "ROLLED_BACK" : "DEPLOYED";
}

/** The JobManager Deployment if it is this resource's own. */
export function ownDeployment(pass: Pass): KubeObject | undefined {
  const { deployment } = pass.cluster;
  return deployment && isOwned(deployment, pass.resource) ? deployment : undefined;
}

/**
 * A standalone cluster's TaskManager Deployment if it is this resource's own. Made by Sluice it belongs to the
 * JobManager's, made by the Apache operator to the resource itself.
 */
export function ownTaskManagers(pass: Pass): KubeObject | undefined {
  const { taskManagers } = pass.cluster;
  if (taskManagers === undefined || isOwned(taskManagers, pass.resource)) return taskManagers;
  const { ownerReferences = [] } = taskManagers.metadata;
  const { name: cluster } = pass.resource.metadata;
  const ofJobManager = ownerReferences.some(({ kind, name }) => kind === "Deployment" && name === cluster);
  return ofJobManager ? taskManagers : undefined;
}

/** The resource, for the objects that it is to own. */
export function ownerOf({ resource: { metadata }, options }: Pass): ClusterInputs["owner"] {
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? "default",
    uid: metadata.uid ?? "",
    ...(options.isRecord === true ? { isRecord: true } : {}),
  };
}

export function isOwned(object: KubeObject, resource: FlinkDeployment): boolean {
  const { uid } = resource.metadata;
  return uid !== undefined && isOwnedBy(object, uid);
}

export function isOwnedBy({ metadata }: KubeObject, owner: string): boolean {
  const isReferred = (metadata.ownerReferences ?? []).some(({ uid }) => uid === owner);
  return isReferred || metadata.annotations?.[OWNER_ANNOTATION] === owner;
}

export function podsOf(
  cluster: ObservedCluster,
  component: "jobmanager" | "taskmanager",
): readonly KubeObject[] {
  return cluster.pods.filter(({ metadata }) => metadata.labels?.["component"] === component);
}
