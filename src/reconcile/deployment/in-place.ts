/**
 * Changes of what Flink does not look at: the Ingress, labels and annotations of Services, log files that are read
 * again. The objects change first, and the record follows once they are seen as they should be: until then the change
 * is still one, and whoever dies in between makes it again. The job is looked after all the while.
 */
import { getBoolean } from "../../flink/configuration.ts";
import type { DefaultedSpec } from "../../api/defaults.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { INGRESS_MANAGE } from "../../flink/options.ts";
import {
  clusterPieces,
  ingressPiece,
  patchFor,
  type Piece,
  type PieceInputs,
  unlessInvalid,
} from "../../resources/in-place.ts";
import { flinkConfigMapName } from "../../resources/names.ts";
import { ownedBy } from "../../resources/rendered-cluster.ts";
import { type InPlaceAction, isInPlaceAction } from "../decision.ts";
import { parseRecordedSpec, sameRecord, writeRecordedSpec } from "../last-reconciled-spec.ts";
import {
  complain,
  emit,
  isOwnedBy,
  ownDeployment,
  ownerOf,
  type Pass,
  recordedSpec,
  requeue,
  stall,
} from "../pass.ts";
import { type SpecDiff, withInPlaceChanges } from "../spec-diff.ts";

function isIngressManaged(pass: Pass): boolean {
  return getBoolean(pass.options.defaults, INGRESS_MANAGE);
}

function inputsOf(pass: Pass, spec: DefaultedSpec): PieceInputs {
  return { owner: ownerOf(pass), spec, defaults: pass.options.defaults };
}

function patchAction(found: KubeObject, piece: Piece, before: Piece | undefined): InPlaceAction[] {
  const patch = patchFor(found, piece, before?.wanted);
  const { uid = "" } = found.metadata;
  return patch === undefined
    ? []
    : [{ type: "patch-object", kind: piece.kind, name: piece.name, uid, patch }];
}

/** Of a record it goes with the cluster: nothing else would take it away. */
function ingressOwner(pass: Pass): KubeObject | undefined {
  return pass.options.isRecord === true ? ownDeployment(pass) : pass.resource;
}

/** What has to be done for the Ingress of `spec`; "taken" when its name is somebody else's. */
function ingressWork(pass: Pass, spec: DefaultedSpec, recorded: DefaultedSpec): InPlaceAction[] | "taken" {
  const owner = ingressOwner(pass);
  if (!isIngressManaged(pass) || owner === undefined) return [];
  const { ingress: found } = pass.cluster;
  const isOwn = found !== undefined && isOwnedBy(found, owner.metadata.uid ?? "");
  const wanted = unlessInvalid(() => ingressPiece(inputsOf(pass, spec)));
  if (wanted === undefined) return isOwn ? [{ type: "delete-ingress", uid: found.metadata.uid ?? "" }] : [];
  if (found === undefined) {
    const ingress = owner === pass.resource ? wanted.whole : ownedBy(wanted.whole, owner);
    return [{ type: "create-ingress", ingress }];
  }
  if (!isOwn) return "taken";
  const before = spec === recorded ? wanted : unlessInvalid(() => ingressPiece(inputsOf(pass, recorded)));
  return patchAction(found, wanted, before);
}

/** What has no uid is no object of an API server's: a cluster on this machine has such. */
function named(objects: readonly KubeObject[], name: string): KubeObject | undefined {
  return objects.find(({ metadata }) => metadata.name === name && metadata.uid !== undefined);
}

/** Whether log files are to change, and there is nothing by which they reach the processes. */
export function lacksLogFiles(pass: Pass, { type, changes }: SpecDiff): boolean {
  if (type !== "IN_PLACE" || !changes.some(({ path }) => path === "logConfiguration")) return false;
  return named(pass.cluster.configMaps, flinkConfigMapName(pass.resource.metadata.name)) === undefined;
}

/** What has to be done for the objects that the cluster has in any case. */
function clusterWork(pass: Pass, spec: DefaultedSpec, recorded: DefaultedSpec): InPlaceAction[] {
  const { services, configMaps } = pass.cluster;
  const before = unlessInvalid(() => clusterPieces(inputsOf(pass, recorded))) ?? [];
  const pieces = unlessInvalid(() => clusterPieces(inputsOf(pass, spec))) ?? [];
  return pieces.flatMap((piece) => {
    const isPiece = ({ kind, name }: Piece): boolean => kind === piece.kind && name === piece.name;
    const found = named(piece.kind === "Service" ? services : configMaps, piece.name);
    return found === undefined ? [] : patchAction(found, piece, before.find(isPiece));
  });
}

/** While a refusal lasts, at the pace of a quiet resource. */
function act(pass: Pass, actions: readonly InPlaceAction[]): void {
  pass.actions.push(...actions);
  const refused = pass.failure !== undefined && isInPlaceAction({ type: pass.failure.action });
  requeue(pass, refused ? pass.options.reconcileInterval : 0);
}

function ingressTaken(pass: Pass): void {
  const { name } = pass.resource.metadata;
  stall(
    pass,
    "NameTaken",
    `an Ingress named ${name} exists and belongs to somebody else; rename one of the two`,
  );
}

/** Takes the change into what is recorded as deployed, and as stable: it says nothing about how the job does. */
function recordChange(pass: Pass, { changes }: SpecDiff): void {
  const { reconciliationStatus } = pass.status;
  const { lastReconciledSpec, lastStableSpec } = reconciliationStatus;
  const taken = (text: string | undefined): string | undefined => {
    const recorded = parseRecordedSpec(text);
    return recorded && writeRecordedSpec({ ...recorded, spec: withInPlaceChanges(recorded.spec, changes) });
  };
  const isStable = sameRecord(lastReconciledSpec, lastStableSpec);
  const reconciled = taken(lastReconciledSpec);
  const stable = isStable ? reconciled : taken(lastStableSpec);
  if (reconciled !== undefined) reconciliationStatus.lastReconciledSpec = reconciled;
  if (stable !== undefined) reconciliationStatus.lastStableSpec = stable;
}

/** Said when an Ingress is asked for that the operator was told to leave to others. */
export function warnOfIngress(pass: Pass): void {
  if (isIngressManaged(pass) || pass.spec.ingress === undefined) return;
  emit(pass, {
    type: "Warning",
    reason: "IngressManagement",
    message: `spec.ingress has no effect: ${INGRESS_MANAGE.key} is false in the operator's configuration`,
    component: "Operator",
    key: `ingress-${pass.generation}`,
  });
}

/** Brings about what the cluster's own objects lack of the user's spec. True when they lack nothing. */
export function bringClusterInPlace(pass: Pass): boolean {
  const recorded = recordedSpec(pass)?.spec;
  if (recorded === undefined) return true;
  const work = clusterWork(pass, pass.spec, recorded);
  if (work.length > 0) act(pass, work);
  return work.length === 0;
}

/**
 * A change that takes no more than this. True when it is made and recorded; until then the rest of the pass works on
 * what is deployed.
 */
export function changeInPlace(pass: Pass, diff: SpecDiff): boolean {
  const recorded = recordedSpec(pass)?.spec ?? pass.spec;
  const ingress = ingressWork(pass, pass.spec, recorded);
  const ready = bringClusterInPlace(pass);
  if (ingress !== "taken" && ingress.length === 0 && ready) {
    recordChange(pass, diff);
    if (diff.changes.some(({ path }) => path === "ingress")) warnOfIngress(pass);
    return true;
  }
  pass.isChangingInPlace = true;
  pass.generation = pass.status.observedGeneration ?? pass.generation;
  if (ingress === "taken") ingressTaken(pass);
  else act(pass, ingress);
  return false;
}

/** The Ingress as it is recorded, whoever changed or deleted it. */
export function keepIngress(pass: Pass): void {
  const recorded = recordedSpec(pass)?.spec;
  if (recorded === undefined || pass.isChangingInPlace) return;
  const work = ingressWork(pass, recorded, recorded);
  if (work === "taken") ingressTaken(pass);
  else if (work.length > 0) act(pass, work);
}

/** An object that the API server refuses to change: the job goes on, and a person is told. */
export function reportInPlaceFailure(pass: Pass): void {
  const { failure } = pass;
  if (failure === undefined || !pass.actions.some(({ type }) => type === failure.action)) return;
  if (!isInPlaceAction({ type: failure.action })) return;
  const message = `${failure.action}: ${failure.message}`;
  complain(pass, { reason: failure.reason, message, component: "Operator" });
  stall(pass, failure.reason, message);
}
