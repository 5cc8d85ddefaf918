/** FlinkStateSnapshots as Sluice makes and labels them; names and labels are the Apache operator's (1.5, 2.18). */
import { API_VERSION } from "../../api/flink-deployment.ts";
import type { FlinkStateSnapshot, FlinkStateSnapshotSpec } from "../../api/flink-state-snapshot.ts";

export type SnapshotType = "savepoint" | "checkpoint";
export type SavepointSpec = NonNullable<FlinkStateSnapshotSpec["savepoint"]>;
export type TriggerType = "MANUAL" | "PERIODIC" | "UPGRADE";

/** The resource whose job the snapshots are of. */
export interface SnapshotOwner {
  readonly kind: "FlinkDeployment" | "FlinkSessionJob";
  readonly name: string;
  readonly namespace: string;
}

const TYPE = "snapshot.type";
const TRIGGER_TYPE = "snapshot.trigger-type";
const STATE = "snapshot.state";
const JOB_KIND = "job-reference.kind";
const JOB_NAME = "job-reference.name";

export function snapshotTypeOf({ spec }: Pick<FlinkStateSnapshot, "spec">): SnapshotType {
  return ((spec ?? {}).savepoint ?? undefined) === undefined ? "checkpoint" : "savepoint";
}

/** What asked for it; a person, unless its label says otherwise. */
export function triggerTypeOf({ metadata }: FlinkStateSnapshot): TriggerType {
  const label = metadata.labels?.[TRIGGER_TYPE];
  return label === "PERIODIC" || label === "UPGRADE" ? label : "MANUAL";
}

export function snapshotState({ status }: FlinkStateSnapshot): string {
  return status?.state ?? "TRIGGER_PENDING";
}

/** `time` is epoch milliseconds. */
export function snapshotName(owner: string, type: SnapshotType, trigger: TriggerType, time: number): string {
  return `${owner}-${type}-${trigger.toLowerCase()}-${time}`;
}

/** Selects the snapshots of one job. */
export function selectorOf({ kind, name }: Pick<SnapshotOwner, "kind" | "name">): string {
  return `${JOB_KIND}=${kind},${JOB_NAME}=${labelValue(name)}`;
}

/** Names may be longer than the value of a label. */
function labelValue(name: string): string {
  return name.slice(0, 63).replace(/[^A-Za-z\d]+$/, "");
}

/** The labels that a snapshot should have in a state. */
export function labelsOf(snapshot: FlinkStateSnapshot, state: string): Record<string, string> {
  const { kind, name } = snapshot.spec.jobReference ?? {};
  return {
    [TYPE]: snapshotTypeOf(snapshot).toUpperCase(),
    [TRIGGER_TYPE]: triggerTypeOf(snapshot),
    [STATE]: state,
    ...(kind === undefined ? {} : { [JOB_KIND]: kind }),
    ...(name === undefined ? {} : { [JOB_NAME]: labelValue(name) }),
  };
}

export interface NewSnapshot {
  readonly owner: SnapshotOwner;
  readonly trigger: TriggerType;
  /** Epoch milliseconds; one snapshot of a type and trigger for each. */
  readonly time: number;
  /** Absent: a checkpoint. */
  readonly savepoint?: SavepointSpec;
}

/** The object of a snapshot that is wanted or, with `alreadyExists`, was taken. It outlives its job: nothing owns it. */
export function renderSnapshot({ owner, trigger, time, savepoint }: NewSnapshot): FlinkStateSnapshot {
  const { kind, name, namespace } = owner;
  const type = savepoint === undefined ? "checkpoint" : "savepoint";
  const snapshot: FlinkStateSnapshot = {
    apiVersion: API_VERSION,
    kind: "FlinkStateSnapshot",
    metadata: {
      name: snapshotName(name, type, trigger, time),
      namespace,
      labels: { [TRIGGER_TYPE]: trigger },
    },
    spec: { jobReference: { kind, name }, ...(savepoint === undefined ? { checkpoint: {} } : { savepoint }) },
  };
  snapshot.metadata.labels = labelsOf(snapshot, "TRIGGER_PENDING");
  return snapshot;
}
