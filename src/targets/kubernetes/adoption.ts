/**
 * A job that runs goes from one owner to the other, the record of direct mode and an operator's FlinkDeployment, without
 * Flink noticing. Pure: the next single step, read off what is there, so that a hand-over that was killed anywhere is
 * finished, or taken back, by the next one.
 *
 * Never two owners at work. Direct mode keeps off while its record has a mark (record.ts#handOverOf) or a FlinkDeployment
 * is there. An operator keeps off a resource
 * - that says no `flinkVersion`: nothing can be deployed by it, and what is recorded as deployed goes on (to the operator);
 * - that is being deleted and is not held by the operator's own finalizer (from the operator).
 *
 *   to the operator                                        to direct mode
 *   1. mark the record                                     1. write the record from the resource, with the mark
 *   2. create the resource without flinkVersion            2. own finalizer in place of the operator's, delete the resource
 *   3. the Deployment is the resource's                    3. the Deployment is the record's
 *   4. write the resource's status                         4. let the resource go
 *   5. give it its flinkVersion                            5. take the mark from the record
 *   6. delete the record, then the resource's mark
 */
import {
  API_VERSION,
  FLINK_DEPLOYMENT_FINALIZER,
  type FlinkDeployment,
  type FlinkDeploymentSpec,
  type FlinkDeploymentStatus,
  GENERATION_ANNOTATION,
  OWNER_ANNOTATION,
} from "../../api/flink-deployment.ts";
import { withStatusDefaults } from "../../api/defaults.ts";
import type { KubeObject, OwnerReference } from "../../api/kube-object.ts";
import { ADOPTS_ANNOTATION } from "../../reconcile/hand-over.ts";
import { parseRecordedSpec, sameJson, writeRecordedSpec } from "../../reconcile/last-reconciled-spec.ts";
import { isOwnedBy } from "../../reconcile/pass.ts";
import { phaseOf } from "../../reconcile/phase.ts";
import { isTerminal } from "../../reconcile/upgrade-mode.ts";
import {
  handOverOf,
  type JobOwner,
  type JobRecord,
  newRecord,
  ownerOf,
  readRecord,
  savedState,
  withHandOver,
  writeRecord,
} from "../record.ts";
import type { StoredRecord } from "../target.ts";

/** Holds the resource while what belongs to it becomes the record's. */
export const HAND_OVER_FINALIZER = "sluice/hand-over";

/** All that counts, at one moment. */
export interface Situation {
  readonly name: string;
  readonly namespace: string;
  readonly stored: StoredRecord | undefined;
  readonly resource: FlinkDeployment | undefined;
  readonly deployment: KubeObject | undefined;
  readonly ingress: KubeObject | undefined;
  /** The other objects of the cluster. */
  readonly belongings: readonly KubeObject[];
}

type Texts = Readonly<Record<string, string>>;
interface MetadataPatch {
  readonly annotations?: Readonly<Record<string, string | null>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
}

export type Step =
  | { readonly kind: "write-record"; readonly data: Texts }
  | { readonly kind: "delete-record" }
  | { readonly kind: "create-resource"; readonly resource: FlinkDeployment }
  | { readonly kind: "write-status"; readonly status: FlinkDeploymentStatus }
  | {
      readonly kind: "patch-resource";
      readonly patch: { readonly metadata?: MetadataPatch; readonly spec?: FlinkDeploymentSpec };
    }
  /** Its finalizers become these, and at once it is deleted: an operator puts its own back when it is given the time. */
  | { readonly kind: "delete-resource"; readonly finalizers: readonly string[] }
  | { readonly kind: "patch-object"; readonly object: KubeObject; readonly metadata: MetadataPatch }
  | { readonly kind: "wait"; readonly message: string }
  | { readonly kind: "done" }
  | {
      readonly kind: "refuse";
      readonly why: "act" | "not-found";
      readonly message: string;
      readonly next: string;
    };

function refuse(message: string, next: string): Step {
  return { kind: "refuse", why: "act", message, next };
}

function notFound({ name, namespace }: Situation): Step {
  return {
    kind: "refuse",
    why: "not-found",
    message: `there is no job ${name} in namespace ${namespace}, with an operator or without`,
    next: "List jobs with `sluice get -A` and `sluice list`; -n names another namespace.",
  };
}

// ---- what may be handed over ----

/** Nothing is under way, and the job runs as its spec says. Otherwise why not, and whether that goes by. */
function obstacle(
  { metadata, spec, status }: FlinkDeployment,
  deployment: KubeObject | undefined,
): Step | undefined {
  const { name } = metadata;
  if (spec.job === undefined || spec.job === null)
    return refuse(
      `${name} is a session cluster`,
      "Only applications run without an operator; its session jobs need one.",
    );
  const known = withStatusDefaults(status);
  const { state } = known.jobStatus;
  const phase = phaseOf(known);
  if (phase === "suspended") {
    const saved = savedState(status);
    const path = saved === "unknown" ? undefined : saved.path;
    return refuse(
      `${name} does not run${path === undefined ? "" : `; its state is at ${path}`}`,
      "Start it first; or hand over its state: spec.job.initialSavepointPath, or --from-savepoint, with that path.",
    );
  }
  if (phase === "running" && isTerminal(state))
    return refuse(`the job of ${name} has ended: it is ${state}`, "There is nothing left to hand over.");
  if (known.reconciliationStatus.state === "ROLLED_BACK")
    return refuse(
      `${name} was rolled back, and its spec is not what runs`,
      "Change its spec to one that runs, then hand it over.",
    );
  const isWhole = deployment !== undefined && deployment.metadata.deletionTimestamp === undefined;
  const asks = (known.jobStatus.savepointInfo.triggerId ?? "") !== "";
  const isSettled =
    phase === "running" && state === "RUNNING" && !asks && known.observedGeneration === metadata.generation;
  if (isSettled && isWhole) return undefined;
  return { kind: "wait", message: `${name} is to run as its spec says: the job is ${state ?? "not there"}` };
}

/** Nobody looks after a record between two commands: what is not done is not going to be. */
function obstacleOfRecord(record: JobRecord, { deployment, name }: Situation): Step | undefined {
  const found = obstacle(record.resource, deployment);
  if (found?.kind !== "wait") return found;
  return refuse(
    `a command for ${name} was not finished, or its cluster is not there`,
    "Finish it first: `sluice update -f FILE`, or `sluice stop`.",
  );
}

// ---- specs and status on the way ----

/** What commands of direct mode ask for in a spec; an operator would take them as its user's. */
const OF_COMMANDS = ["savepointRedeployNonce", "savepointTriggerNonce", "checkpointTriggerNonce"] as const;

function withoutNonces<S extends FlinkDeploymentSpec>(spec: S): S {
  const job = { ...spec.job };
  for (const nonce of OF_COMMANDS) delete job[nonce];
  return { ...spec, job };
}

function recordedWithoutNonces(text: string | undefined): string | undefined {
  const recorded = parseRecordedSpec(text);
  return recorded && writeRecordedSpec({ ...recorded, spec: withoutNonces(recorded.spec) });
}

/** The status that says to the operator: this is deployed already. Conditions are of another count of generations. */
function statusFor({ resource: { status = {} } }: JobRecord, generation: number): FlinkDeploymentStatus {
  const { conditions: _, error: __, reconciliationStatus = {}, ...rest } = status;
  const { lastReconciledSpec, lastStableSpec } = reconciliationStatus;
  const reconciled = recordedWithoutNonces(lastReconciledSpec);
  const stable = recordedWithoutNonces(lastStableSpec);
  return {
    ...rest,
    observedGeneration: generation,
    reconciliationStatus: {
      ...reconciliationStatus,
      ...(reconciled === undefined ? {} : { lastReconciledSpec: reconciled }),
      ...(stable === undefined ? {} : { lastStableSpec: stable }),
    },
  };
}

function heldResource({ resource }: JobRecord, { name, namespace }: Situation): FlinkDeployment {
  const { flinkVersion: _, ...spec } = withoutNonces(resource.spec);
  return {
    apiVersion: API_VERSION,
    kind: "FlinkDeployment",
    metadata: { name, namespace, annotations: { [ADOPTS_ANNOTATION]: ownerOf(name) } },
    spec,
  };
}

function isFromRecord({ metadata }: FlinkDeployment): boolean {
  return metadata.annotations?.[ADOPTS_ANNOTATION] !== undefined;
}

/** What the record says counts still: the operator has nothing to go by. */
function isHeld(resource: FlinkDeployment): boolean {
  const { lastReconciledSpec } = resource.status?.reconciliationStatus ?? {};
  const isOpen = resource.spec.flinkVersion === undefined || lastReconciledSpec === undefined;
  return isFromRecord(resource) && isOpen;
}

// ---- whose the objects are ----

function others({ metadata }: KubeObject, uid: string): OwnerReference[] {
  return (metadata.ownerReferences ?? []).filter((one) => one.uid !== uid);
}

/** What is to change for the objects to be the resource's; undefined when they are. */
function ownByResource({ deployment, ingress }: Situation, resource: FlinkDeployment): Step | undefined {
  const { uid = "", name, generation = 1 } = resource.metadata;
  const reference = { apiVersion: API_VERSION, kind: "FlinkDeployment", name, uid, blockOwnerDeletion: true };
  const isMarked = deployment?.metadata.annotations?.[OWNER_ANNOTATION] !== undefined;
  if (deployment !== undefined && (isMarked || !isOwnedBy(deployment, uid))) {
    // No attempt of the resource has this generation, so that none takes the cluster for what it has made.
    const annotations = { [OWNER_ANNOTATION]: null, [GENERATION_ANNOTATION]: String(generation) };
    const ownerReferences = [...others(deployment, uid), { ...reference, controller: false }];
    return { kind: "patch-object", object: deployment, metadata: { annotations, ownerReferences } };
  }
  const owner = deployment?.metadata.uid ?? "";
  if (ingress === undefined || owner === "" || !isOwnedBy(ingress, owner)) return undefined;
  const ownerReferences = [...others(ingress, owner), { ...reference, controller: true }];
  return { kind: "patch-object", object: ingress, metadata: { ownerReferences } };
}

/** The same for the record's: the Deployment by its mark, all else by the Deployment. */
function ownByRecord(situation: Situation, uid: string): Step | undefined {
  const { deployment, ingress, belongings, name } = situation;
  if (deployment === undefined) return undefined;
  const isMarked = deployment.metadata.annotations?.[OWNER_ANNOTATION] === ownerOf(name);
  if (!isMarked || others(deployment, uid).length < (deployment.metadata.ownerReferences ?? []).length) {
    const annotations = { [OWNER_ANNOTATION]: ownerOf(name) };
    const ownerReferences = others(deployment, uid);
    return { kind: "patch-object", object: deployment, metadata: { annotations, ownerReferences } };
  }
  // The Apache operator makes more than the Ingress the resource's own.
  const object = [ingress, ...belongings].find((one) => one !== undefined && isOwnedBy(one, uid));
  if (object === undefined) return undefined;
  const owner = { apiVersion: "apps/v1", kind: "Deployment", name, uid: deployment.metadata.uid ?? "" };
  const ownerReferences = [...others(object, uid), { ...owner, controller: true, blockOwnerDeletion: true }];
  return { kind: "patch-object", object, metadata: { ownerReferences } };
}

// ---- to the operator ----

/** The record, whatever it says about being handed over. @throws Refusal for a damaged one */
function recordIn({ name, namespace, stored }: Situation): JobRecord | undefined {
  return stored && readRecord(name, namespace, { ...stored, data: withHandOver(stored.data, undefined) });
}

function mark({ data }: StoredRecord, to: JobOwner | undefined): Step {
  return { kind: "write-record", data: withHandOver(data, to) };
}

/** Without a resource: it is made from the record. */
function beginToOperator(situation: Situation, stored: StoredRecord, record: JobRecord): Step {
  const { deployment, name } = situation;
  const problem = obstacleOfRecord(record, situation);
  if (problem !== undefined) return problem;
  if (deployment === undefined || !isOwnedBy(deployment, ownerOf(name)))
    return refuse(
      `Deployment ${name} belongs to somebody else`,
      "Give one of the two another name; or finish with --to direct.",
    );
  if (handOverOf(stored.data) !== "operator") return mark(stored, "operator");
  return { kind: "create-resource", resource: heldResource(record, situation) };
}

/** A hand-over the other way was begun, and the resource is still the operator's. */
function takeBack(stored: StoredRecord, resource: FlinkDeployment): Step {
  const { name, finalizers = [] } = resource.metadata;
  if (handOverOf(stored.data) !== "direct")
    return refuse(
      `there are both a FlinkDeployment ${name} and a record sluice-${name} of a job without an operator`,
      "Delete the one of the two that does not run.",
    );
  if (!finalizers.includes(HAND_OVER_FINALIZER)) return { kind: "delete-record" };
  const kept = finalizers.filter((one) => one !== HAND_OVER_FINALIZER);
  return { kind: "patch-resource", patch: { metadata: { finalizers: kept } } };
}

/** The record is gone, or never was. */
function afterAdoption(resource: FlinkDeployment): Step {
  if (!isFromRecord(resource)) return { kind: "done" };
  return { kind: "patch-resource", patch: { metadata: { annotations: { [ADOPTS_ANNOTATION]: null } } } };
}

/** Undefined when an operator says that it looks after the resource as it is now; else what is awaited. */
export function missingOperator({ metadata, status }: FlinkDeployment): string | undefined {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  const isNow = ready?.observedGeneration === metadata.generation;
  if (isNow && ready?.status === "True") return undefined;
  const says = isNow ? `: ${ready?.message ?? ""}` : "";
  return `waiting for the operator to look after ${metadata.name}${says}`;
}

function continueToOperator(
  situation: Situation,
  stored: StoredRecord,
  record: JobRecord,
  resource: FlinkDeployment,
): Step {
  const { metadata, status } = resource;
  if (handOverOf(stored.data) !== "operator") return mark(stored, "operator");
  const finalizers = metadata.finalizers ?? [];
  if (finalizers.includes(HAND_OVER_FINALIZER)) {
    const kept = finalizers.filter((one) => one !== HAND_OVER_FINALIZER);
    return { kind: "patch-resource", patch: { metadata: { finalizers: kept } } };
  }
  if (!isHeld(resource)) return { kind: "delete-record" };
  const owns = ownByResource(situation, resource);
  if (owns !== undefined) return owns;
  if (status?.reconciliationStatus?.lastReconciledSpec === undefined)
    return { kind: "write-status", status: statusFor(record, metadata.generation ?? 1) };
  const { flinkVersion } = record.resource.spec;
  return { kind: "patch-resource", patch: { spec: flinkVersion === undefined ? {} : { flinkVersion } } };
}

export function nextToOperator(situation: Situation): Step {
  const { stored, resource, name } = situation;
  const record = recordIn(situation);
  if (resource?.metadata.deletionTimestamp !== undefined)
    return refuse(
      `FlinkDeployment ${name} is being deleted`,
      `If that is a hand-over, finish it with \`sluice adopt ${name} --to direct\`; otherwise wait until it is gone.`,
    );
  if (stored === undefined || record === undefined)
    return resource === undefined ? notFound(situation) : afterAdoption(resource);
  if (resource === undefined) return beginToOperator(situation, stored, record);
  return isFromRecord(resource)
    ? continueToOperator(situation, stored, record, resource)
    : takeBack(stored, resource);
}

// ---- to direct mode ----

/** The texts of the resource as a record. */
function recordOf(resource: FlinkDeployment, { name, namespace }: Situation): Texts {
  return withHandOver(writeRecord(newRecord(name, namespace), resource), "direct");
}

/** The resource stands, and the operator is at work. */
function beginToDirect(situation: Situation, resource: FlinkDeployment): Step {
  const { deployment, stored, name } = situation;
  const { finalizers = [] } = resource.metadata;
  const rest = finalizers.filter((one) => one !== FLINK_DEPLOYMENT_FINALIZER && one !== HAND_OVER_FINALIZER);
  const letGo: Step = { kind: "delete-resource", finalizers: [...rest, HAND_OVER_FINALIZER] };
  if (isHeld(resource)) {
    // Not the operator's yet: what the record says is what counts.
    if (stored === undefined)
      return refuse(
        `FlinkDeployment ${name} was to be made from a record that is gone`,
        `Set its spec.flinkVersion, or delete it with \`kubectl delete --cascade=orphan\`.`,
      );
    return handOverOf(stored.data) === "direct" ? letGo : mark(stored, "direct");
  }
  const problem = obstacle(resource, deployment);
  if (problem !== undefined) return problem;
  if (deployment !== undefined && !isOwnedBy(deployment, resource.metadata.uid ?? ""))
    return refuse(`Deployment ${name} belongs to somebody else`, "Give one of the two another name.");
  const isOurs = stored === undefined || handOverOf(stored.data) !== undefined;
  if (!isOurs)
    return refuse(
      `there are both a FlinkDeployment ${name} and a record sluice-${name} of a job without an operator`,
      "Delete the one of the two that does not run.",
    );
  const data = recordOf(resource, situation);
  return sameJson(stored?.data, data) ? letGo : { kind: "write-record", data };
}

function goes(situation: Situation, resource: FlinkDeployment): Step {
  const { name, finalizers = [], uid = "" } = resource.metadata;
  const { deployment, stored } = situation;
  const isHandedOver =
    finalizers.includes(HAND_OVER_FINALIZER) &&
    !finalizers.includes(FLINK_DEPLOYMENT_FINALIZER) &&
    handOverOf(stored?.data ?? {}) === "direct";
  const kept = finalizers.filter((one) => one !== HAND_OVER_FINALIZER);
  if (isHandedOver) {
    const owns = deployment?.metadata.deletionTimestamp === undefined && ownByRecord(situation, uid);
    if (owns) return owns;
  }
  // Deleted by somebody else, with its cluster: nothing is held up by what was begun here.
  if (kept.length < finalizers.length && !finalizers.includes(FLINK_DEPLOYMENT_FINALIZER))
    return { kind: "patch-resource", patch: { metadata: { finalizers: kept } } };
  return { kind: "wait", message: `FlinkDeployment ${name} is being deleted` };
}

export function nextToDirect(situation: Situation): Step {
  const { stored, resource, deployment, name } = situation;
  if (resource !== undefined) {
    return resource.metadata.deletionTimestamp === undefined
      ? beginToDirect(situation, resource)
      : goes(situation, resource);
  }
  if (stored === undefined) return notFound(situation);
  const to = handOverOf(stored.data);
  if (to === undefined) return { kind: "done" };
  const isOwn = deployment !== undefined && isOwnedBy(deployment, ownerOf(name));
  if (isOwn) return mark(stored, undefined);
  return refuse(
    `the FlinkDeployment ${name} was deleted on the way, and its cluster with it`,
    `Delete ConfigMap sluice-${name}, and start the job with --from-savepoint, or --from-scratch.`,
  );
}
