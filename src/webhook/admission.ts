/**
 * What the webhook answers, without asking anybody (2.33). It refuses what the operator would refuse, in the same words,
 * and nothing else: an update that leaves an invalid spec as it is passes, or nobody could mend or delete the resource.
 */
import { GROUP } from "../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../api/flink-session-job.ts";
import type { FlinkStateSnapshot } from "../api/flink-state-snapshot.ts";
import { kinds } from "../api/kinds.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { isCanary } from "../reconcile/canary.ts";
import { isMadeForHandOver } from "../reconcile/hand-over.ts";
import { deployedSpec, sameJson } from "../reconcile/last-reconciled-spec.ts";
import { type Surroundings, validateResource } from "../reconcile/validation/any-kind.ts";
import { type Finding, findingsToMessage } from "../reconcile/validation/finding.ts";

export const REVIEW_VERSION = "admission.k8s.io/v1";

/** Of admission.k8s.io/v1, as far as it is of use here. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly kind: { readonly group: string; readonly kind: string };
  readonly operation: string;
  readonly namespace?: string;
  readonly object?: KubeObject | null;
  readonly oldObject?: KubeObject | null;
}

export interface AdmissionResponse {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: { readonly code: number; readonly reason: string; readonly message: string };
  readonly warnings?: readonly string[];
  readonly patchType?: "JSONPatch";
  /** Base64. */
  readonly patch?: string;
}

/** What has to be looked up before an answer. */
export type Lookup =
  | { readonly of: "session"; readonly namespace: string; readonly name: string }
  | {
      readonly of: "target";
      readonly kind: "FlinkDeployment" | "FlinkSessionJob";
      readonly namespace: string;
      readonly name: string;
    };

export class BadReview extends Error {}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @throws BadReview for what no API server sends. */
export function readReview(text: string): AdmissionRequest {
  let review: unknown;
  try {
    review = JSON.parse(text);
  } catch {
    throw new BadReview("the body is not JSON");
  }
  if (!isRecord(review) || review["kind"] !== "AdmissionReview")
    throw new BadReview("the body is no AdmissionReview");
  if (review["apiVersion"] !== REVIEW_VERSION)
    throw new BadReview(`the version ${String(review["apiVersion"])} is not ${REVIEW_VERSION}`);
  const { request } = review;
  if (!isRecord(request) || typeof request["uid"] !== "string" || !isRecord(request["kind"]))
    throw new BadReview("the AdmissionReview has no request");
  return request as unknown as AdmissionRequest;
}

const isOurs = ({ kind: { group, kind } }: AdmissionRequest): boolean =>
  group === GROUP && kinds.some((one) => one.kind === kind);

function specChanges({ object, oldObject }: AdmissionRequest): boolean {
  return !isRecord(oldObject) || !sameJson(oldObject["spec"], object?.["spec"]);
}

/**
 * Whether there is anything to be judged: a canary stands for no job, what is deleted needs no valid spec, and what is made for
 * a hand-over is judged when it gets its version.
 */
function isJudged(request: AdmissionRequest): boolean {
  const { object, operation } = request;
  if ((operation !== "CREATE" && operation !== "UPDATE") || !isRecord(object)) return false;
  if (!isOurs(request)) return false;
  const { deletionTimestamp } = isRecord(object.metadata) ? object.metadata : {};
  if (deletionTimestamp !== undefined || isCanary(object) || isMadeForHandOver(object)) return false;
  return specChanges(request);
}

/** What the answer depends on besides the request. */
export function lookupFor(request: AdmissionRequest): Lookup | undefined {
  const { object, namespace = "default" } = request;
  if (!isJudged(request) || !isRecord(object) || !isRecord(object["spec"])) return undefined;
  if (object.kind === "FlinkSessionJob") {
    const { deploymentName: name } = (object as FlinkSessionJob).spec;
    return typeof name === "string" && name !== "" ? { of: "session", namespace, name } : undefined;
  }
  if (object.kind !== "FlinkStateSnapshot") return undefined;
  const { kind, name } = ((object as FlinkStateSnapshot).spec.jobReference ?? {}) as Record<string, unknown>;
  if (typeof name !== "string" || name === "") return undefined;
  if (kind !== "FlinkDeployment" && kind !== "FlinkSessionJob") return undefined;
  return { of: "target", kind, namespace, name };
}

/** The API server cuts what is longer. */
const WARNING_LENGTH = 250;

function warningsOf(findings: readonly Finding[]): string[] {
  return findings.map((finding) => findingsToMessage([finding]).slice(0, WARNING_LENGTH)).slice(0, 16);
}

function allowed({ uid }: AdmissionRequest, warnings: readonly string[] = []): AdmissionResponse {
  return { uid, allowed: true, ...(warnings.length === 0 ? {} : { warnings }) };
}

function refused({ uid }: AdmissionRequest, message: string, warnings: readonly string[]): AdmissionResponse {
  const status = { code: 422, reason: "Invalid", message };
  return { uid, allowed: false, status, ...(warnings.length === 0 ? {} : { warnings }) };
}

/** `around`: the operator's configuration, and the answer to `lookupFor`. */
export function validateAdmission(request: AdmissionRequest, around: Surroundings): AdmissionResponse {
  if (!isOurs(request)) return refused(request, `Unexpected resource: ${request.kind.kind}`, []);
  const { object, oldObject } = request;
  if (!isJudged(request) || !isRecord(object)) return allowed(request);
  // The status is the server's word, whatever the request has there.
  const { reconciliationStatus } = (isRecord(oldObject?.["status"]) ? oldObject["status"] : {}) as {
    reconciliationStatus?: Parameters<typeof deployedSpec>[0];
  };
  const recorded = isRecord(reconciliationStatus) ? deployedSpec(reconciliationStatus) : undefined;
  const findings = validateResource(object, { ...around, recorded });
  const errors = findings.filter(({ severity }) => severity === "error");
  const warnings = warningsOf(findings.filter(({ severity }) => severity === "warning"));
  if (errors.length === 0) return allowed(request, warnings);
  return refused(request, findingsToMessage(errors), warnings);
}

const TARGET_SESSION = "target.session";

interface Operation {
  readonly op: "add";
  readonly path: string;
  readonly value: unknown;
}

/** By its label a session job is found by its cluster. */
function patchesOf({ object }: AdmissionRequest): readonly Operation[] {
  if (!isRecord(object) || object.kind !== "FlinkSessionJob" || !isRecord(object["spec"])) return [];
  const { deploymentName } = object["spec"];
  const { labels } = (isRecord(object.metadata) ? object.metadata : {}) as { labels?: unknown };
  if (typeof deploymentName !== "string" || !/^[a-z\d]([-a-z\d]{0,61}[a-z\d])?$/.test(deploymentName))
    return [];
  if (!isRecord(labels))
    return [{ op: "add", path: "/metadata/labels", value: { [TARGET_SESSION]: deploymentName } }];
  if (labels[TARGET_SESSION] === deploymentName) return [];
  return [{ op: "add", path: `/metadata/labels/${TARGET_SESSION}`, value: deploymentName }];
}

export function mutateAdmission(request: AdmissionRequest): AdmissionResponse {
  const { operation } = request;
  const isChange = operation === "CREATE" || operation === "UPDATE";
  const patches = isChange && isOurs(request) ? patchesOf(request) : [];
  if (patches.length === 0) return allowed(request);
  const patch = Buffer.from(JSON.stringify(patches)).toString("base64");
  return { ...allowed(request), patchType: "JSONPatch", patch };
}
