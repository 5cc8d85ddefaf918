/**
 * A job's record as texts: `job.json` and `status.json` are the FlinkDeployment that an operator would have in the API
 * server; the others are for people and pipelines, who may also write `savepoint-path`. Pure.
 */
import { withJobDefaults } from "../api/defaults.ts";
import {
  API_VERSION,
  FLINK_DEPLOYMENT_FINALIZER,
  type FlinkDeployment,
  type FlinkDeploymentSpec,
  type FlinkDeploymentStatus,
} from "../api/flink-deployment.ts";
import { isStateOf } from "../reconcile/deployment/retained.ts";
import { deployedSpec, sameJson } from "../reconcile/last-reconciled-spec.ts";
import { LAST_STATE_MARKER } from "../reconcile/upgrade-mode.ts";
import { Refusal, type StoredRecord } from "./target.ts";

const JOB = "job.json";
const STATUS = "status.json";
export const SAVEPOINT_PATH = "savepoint-path";
/** In place of a path: the next start is from scratch. */
const NO_PATH = "null";

/** What Sluice wrote as `savepoint-path`: another text there is somebody's wish. */
const WRITTEN_PATH = "sluice/savepoint-path";

/** There while the job goes from one owner to the other (kubernetes/adoption.ts): to which. No command acts then. */
const HAND_OVER = "hand-over";
export type JobOwner = "direct" | "operator";

/** By this the objects of a cluster are known to be the record's. */
export function ownerOf(name: string): string {
  return `sluice-${name}`;
}

export interface JobRecord {
  /** `metadata.resourceVersion` is the record's version; absent when the record is still to be made. */
  readonly resource: FlinkDeployment;
  readonly data: Readonly<Record<string, string>>;
  /** The `savepoint-path` that Sluice wrote last. */
  readonly writtenPath: string | undefined;
  /** Somebody has written another path into the record: where the next start is to be from. */
  readonly edited: { readonly path: string | undefined } | undefined;
}

function asPath(text: string | undefined): string | undefined {
  const path = text?.trim() ?? "";
  return path === "" || path === NO_PATH ? undefined : path;
}

function parse(text: string | undefined, what: string): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new Refusal(
    "act",
    `the job's record is damaged: ${what} is not a JSON object`,
    "Put back what was there; or delete the record when the job's state does not matter any more.",
  );
}

function asResource(
  name: string,
  namespace: string,
  version: string | undefined,
  { generation, spec, status }: { generation: number; spec: FlinkDeploymentSpec; status: unknown },
): FlinkDeployment {
  return {
    apiVersion: API_VERSION,
    kind: "FlinkDeployment",
    metadata: {
      name,
      namespace,
      uid: ownerOf(name),
      generation,
      finalizers: [FLINK_DEPLOYMENT_FINALIZER],
      ...(version === undefined ? {} : { resourceVersion: version }),
    },
    spec,
    ...(status === undefined ? {} : { status: status as FlinkDeploymentStatus }),
  };
}

/** To whom the job is being handed over; undefined when it stays where it is. */
export function handOverOf(data: Readonly<Record<string, string>>): JobOwner | undefined {
  const to = data[HAND_OVER];
  return to === undefined ? undefined : to === "direct" ? "direct" : "operator";
}

/** The texts with that in place of what they say of it. */
export function withHandOver(
  data: Readonly<Record<string, string>>,
  to: JobOwner | undefined,
): Readonly<Record<string, string>> {
  const others = Object.fromEntries(Object.entries(data).filter(([name]) => name !== HAND_OVER));
  return to === undefined ? others : { ...others, [HAND_OVER]: to };
}

/** @throws Refusal for a damaged one, and for one of a job that is being handed over */
export function readRecord(name: string, namespace: string, stored: StoredRecord): JobRecord {
  const { data, version } = stored;
  const to = handOverOf(data);
  if (to !== undefined) {
    throw new Refusal(
      "act",
      `${name} is being handed over, and that was not finished`,
      `Finish it with \`sluice adopt ${name} --to ${to}\`, or go back with --to ${to === "direct" ? "operator" : "direct"}.`,
    );
  }
  const job = parse(data[JOB], JOB);
  const { generation = 0, annotations = {} } = (job?.["metadata"] ?? {}) as FlinkDeployment["metadata"];
  const resource = asResource(name, namespace, version, {
    generation,
    spec: job?.["spec"] ?? {},
    status: parse(data[STATUS], STATUS),
  });
  const writtenPath = asPath(annotations[WRITTEN_PATH]);
  const path = asPath(data[SAVEPOINT_PATH]);
  return { resource, data, writtenPath, edited: path === writtenPath ? undefined : { path } };
}

export function newRecord(name: string, namespace: string): JobRecord {
  const resource = asResource(name, namespace, undefined, { generation: 0, spec: {}, status: undefined });
  return { resource, data: {}, writtenPath: undefined, edited: undefined };
}

/** The record in which the path that somebody wrote is Sluice's own: it is part of the wanted spec by now. */
export function acknowledged(record: JobRecord): JobRecord {
  return { ...record, writtenPath: asPath(record.data[SAVEPOINT_PATH]), edited: undefined };
}

/** Whether anything was ever deployed by it. */
export function wasDeployed({ status }: FlinkDeployment): boolean {
  return deployedSpec(status?.reconciliationStatus ?? {}) !== undefined;
}

/** The record with what is wanted from now on. */
export function withSpec(record: JobRecord, spec: FlinkDeploymentSpec): JobRecord {
  const { resource } = record;
  const { metadata } = resource;
  const generation = (metadata.generation ?? 0) + (sameJson(resource.spec, spec) ? 0 : 1);
  return { ...record, resource: { ...resource, spec, metadata: { ...metadata, generation } } };
}

/** What a stopped job's state is: "unknown" while it runs, or while only HA metadata holds it. */
export function savedState(
  status: FlinkDeploymentStatus | undefined,
): { path: string | undefined } | "unknown" {
  const job = deployedSpec(status?.reconciliationStatus ?? {})?.spec.job;
  if (job?.state !== "suspended" || job.upgradeMode === "last-state") return "unknown";
  const path = status?.jobStatus?.upgradeSavepointPath;
  if (path === LAST_STATE_MARKER) return "unknown";
  return { path: job.upgradeMode === "stateless" ? undefined : path };
}

/** What is told of a saved state beside its path: of the job that left it, if that is the record's own. */
function factsOf(before: FlinkDeploymentStatus | undefined, path: string): Record<string, string> {
  const { jobId, savepointInfo } = before?.jobStatus ?? {};
  const spec = deployedSpec(before?.reconciliationStatus ?? {})?.spec;
  if (spec === undefined || jobId === undefined || !isStateOf(jobId, path)) return {};
  const taken = savepointInfo?.lastSavepoint;
  const { image, flinkVersion } = spec;
  return {
    "job-id": jobId,
    ...(image === undefined ? {} : { image }),
    ...(flinkVersion === undefined ? {} : { "flink-version": flinkVersion }),
    ...(taken?.location === path && taken.timeStamp !== undefined
      ? { "savepoint-time": new Date(taken.timeStamp).toISOString() }
      : {}),
  };
}

const FACTS = ["job-id", "image", "flink-version", "savepoint-time", "savepoint-size"];

/** Texts that say where the job goes on from. Those that are there stay while that is not known anew. */
function stateTexts(
  { data, writtenPath, resource: { status: before } }: JobRecord,
  { status, spec }: FlinkDeployment,
  size: number | undefined,
): Record<string, string> {
  const saved = savedState(status);
  if (saved === "unknown") {
    const first = { [SAVEPOINT_PATH]: spec.job?.initialSavepointPath ?? NO_PATH };
    return data[SAVEPOINT_PATH] === undefined ? { ...first, ...data } : { ...data };
  }
  if (SAVEPOINT_PATH in data && writtenPath === saved.path) return { ...data };
  const others = Object.entries(data).filter(([name]) => !FACTS.includes(name));
  const { path } = saved;
  return {
    ...Object.fromEntries(others),
    [SAVEPOINT_PATH]: path ?? NO_PATH,
    // What the savepoint is of, is known only with it: the status says so in the same write.
    ...(path === undefined
      ? {}
      : factsOf({ ...before, jobStatus: { ...before?.jobStatus, ...status?.jobStatus } }, path)),
    ...(path === undefined || size === undefined ? {} : { "savepoint-size": String(size) }),
  };
}

/** `before` with the spec or status of `resource`, as texts. `size`: bytes of the savepoint that the status is the first to name. */
export function writeRecord(
  before: JobRecord,
  resource: FlinkDeployment,
  size?: number,
): Readonly<Record<string, string>> {
  const texts = stateTexts(before, resource, size);
  const { name, namespace, generation } = resource.metadata;
  const { apiVersion, kind, spec, status } = resource;
  const isNew = texts[SAVEPOINT_PATH] !== before.data[SAVEPOINT_PATH];
  const path = isNew ? asPath(texts[SAVEPOINT_PATH]) : before.writtenPath;
  const annotations = { [WRITTEN_PATH]: path ?? NO_PATH };
  const job = { apiVersion, kind, metadata: { name, namespace, generation, annotations }, spec };
  return {
    ...texts,
    [JOB]: JSON.stringify(job, null, 2),
    ...(status === undefined ? {} : { [STATUS]: JSON.stringify(status, null, 2) }),
  };
}

/** The spec that runs or was stopped last, as a job file would have it. */
export function specOf({ spec, status }: FlinkDeployment): FlinkDeploymentSpec {
  const deployed = deployedSpec(status?.reconciliationStatus ?? {})?.spec;
  if (deployed?.job === undefined) return spec;
  // How the job was started is what the record of the deployed spec says; how it is to be stopped is the user's to say.
  const { upgradeMode, state } = withJobDefaults(spec.job ?? {});
  return { ...deployed, job: { ...deployed.job, upgradeMode, state } };
}
