/**
 * `status.reconciliationStatus.lastReconciledSpec` and `lastStableSpec`: what was deployed, as JSON text. The format
 * is the Apache operator's, current and both older ones, so that either operator can take over from the other.
 */
import { type DefaultedSpec, withSpecDefaults } from "../api/defaults.ts";
import { API_VERSION } from "../api/flink-deployment.ts";

export interface RecordedSpec {
  readonly spec: DefaultedSpec;
  /** True from before the first deployment until that deployment changes. */
  readonly firstDeployment: boolean;
}

/** Undefined for absent or unreadable text: an unreadable record is the same as none, and validation says so. */
export function parseRecordedSpec(text: string | undefined): RecordedSpec | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return undefined;
  const record = parsed as Record<string, unknown>;
  const meta = record["resource_metadata"];
  if (
    typeof meta === "object" &&
    meta !== null &&
    typeof record["spec"] === "object" &&
    record["spec"] !== null
  ) {
    return {
      spec: withSpecDefaults(record["spec"]),
      firstDeployment: (meta as { firstDeployment?: boolean }).firstDeployment === true,
    };
  }
  // The oldest format: the spec itself, with an apiVersion among its fields.
  const { apiVersion: _, ...spec } = (record["spec"] ?? record) as Record<string, unknown>;
  return { spec: withSpecDefaults(spec), firstDeployment: false };
}

/** The parts of `status.reconciliationStatus` that say what is deployed. */
interface Recorded {
  readonly state?: string | undefined;
  readonly lastReconciledSpec?: string | undefined;
  readonly lastStableSpec?: string | undefined;
}

/**
 * What is deployed, or being deployed: `lastReconciledSpec`, but from the second half of a rollback on the last stable
 * spec, as `lastReconciledSpec` then keeps the spec that failed (2.5). Only its job's state, its upgradeMode (how the
 * state was saved) and the nonces that were handled are of the rollback.
 */
export function deployedSpec(record: Recorded): RecordedSpec | undefined {
  const last = parseRecordedSpec(record.lastReconciledSpec);
  if (last === undefined || !runsStableSpec(record, last)) return last;
  const stable = parseRecordedSpec(record.lastStableSpec);
  if (stable?.spec.job === undefined || last.spec.job === undefined) return stable ?? last;
  const { state, upgradeMode } = last.spec.job;
  const job = { ...stable.spec.job, state, upgradeMode };
  for (const nonce of [
    "savepointTriggerNonce",
    "checkpointTriggerNonce",
    "savepointRedeployNonce",
  ] as const) {
    const handled = last.spec.job[nonce];
    if (handled === undefined) delete job[nonce];
    else job[nonce] = handled;
  }
  return { spec: { ...stable.spec, job }, firstDeployment: false };
}

/** A session cluster, which has no job to be stopped, is rolled back in one half. */
function runsStableSpec({ state }: Recorded, { spec: { job } }: RecordedSpec): boolean {
  if (state === "ROLLING_BACK") return job === undefined || job.state === "suspended";
  return state === "ROLLED_BACK";
}

export function writeRecordedSpec({ spec, firstDeployment }: RecordedSpec): string {
  return JSON.stringify({ spec, resource_metadata: { apiVersion: API_VERSION, firstDeployment } });
}

function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

/** Equality of JSON values in which null, absent and the order of keys make no difference. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isAbsent(a) || isAbsent(b)) return isAbsent(a) && isAbsent(b);
  if (typeof a !== "object" || typeof b !== "object") return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, nth) => sameJson(item, b[nth]));
  }
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const key of Object.keys(left)) if (!sameJson(left[key], right[key])) return false;
  return Object.keys(right).every((key) => Object.hasOwn(left, key) || isAbsent(right[key]));
}

/** Whether two recorded texts hold the same spec. Text equality first: Sluice copies the text whole. */
export function sameRecord(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return a !== undefined;
  const [left, right] = [parseRecordedSpec(a), parseRecordedSpec(b)];
  return left !== undefined && right !== undefined && sameJson(left.spec, right.spec);
}
