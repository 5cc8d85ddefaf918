/** `FlinkStateSnapshot`, `flink.apache.org/v1beta1`: one savepoint or checkpoint, wanted or existing. */
import { type Static, Type } from "typebox";
import { type API_VERSION, SavepointFormat } from "./flink-deployment.ts";
import type { Kind } from "./kind.ts";
import type { KubeObject } from "./kube-object.ts";
import { field, Int32, StringEnum } from "./schema.ts";

export const FLINK_STATE_SNAPSHOT_FINALIZER = "flinkstatesnapshots.flink.apache.org/finalizer";

const JobReference = Type.Object({
  kind: field(StringEnum("FlinkDeployment", "FlinkSessionJob"), "Kind of the resource that runs the job."),
  name: field(Type.String(), "Its name, in the snapshot's own namespace."),
});

const SavepointSpec = Type.Object({
  path: field(
    Type.String(),
    "The directory to write to; with alreadyExists, the savepoint itself. Absent: the job's savepoint directory.",
  ),
  formatType: field(SavepointFormat, "Format of the savepoint; CANONICAL when absent."),
  disposeOnDelete: field(Type.Boolean(), "Delete the savepoint with this resource; true when absent."),
  alreadyExists: field(Type.Boolean(), "Only register a savepoint that is there already."),
});

/** Exactly one of `savepoint` and `checkpoint` is set. */
export const FlinkStateSnapshotSpec = Type.Object({
  jobReference: field(JobReference, "The job to snapshot; not needed with alreadyExists."),
  savepoint: field(SavepointSpec, "Take a savepoint. Exactly one of savepoint and checkpoint is set."),
  checkpoint: field(Type.Object({}), "Take a checkpoint: an empty object."),
  backoffLimit: field(Int32, "Retries after failures; -1, as when absent, is no limit."),
});
export type FlinkStateSnapshotSpec = Static<typeof FlinkStateSnapshotSpec>;

const SnapshotState = StringEnum("TRIGGER_PENDING", "IN_PROGRESS", "COMPLETED", "FAILED", "ABANDONED");

const FlinkStateSnapshotStatus = Type.Object({
  state: field(SnapshotState, "How far it has come."),
  triggerId: field(Type.String(), "Flink's asynchronous trigger."),
  triggerTimestamp: field(Type.String(), "RFC 3339."),
  resultTimestamp: field(Type.String(), "RFC 3339."),
  path: field(Type.String(), "Where the snapshot is."),
  error: field(Type.String(), "What went wrong: JSON, or plain text when abandoned."),
  failures: field(Int32, "Failed attempts."),
});
export type FlinkStateSnapshotStatus = Static<typeof FlinkStateSnapshotStatus>;

export interface FlinkStateSnapshot extends KubeObject {
  apiVersion: typeof API_VERSION;
  kind: "FlinkStateSnapshot";
  spec: FlinkStateSnapshotSpec;
  status?: FlinkStateSnapshotStatus;
}

export const FLINK_STATE_SNAPSHOT: Kind = {
  kind: "FlinkStateSnapshot",
  plural: "flinkstatesnapshots",
  singular: "flinkstatesnapshot",
  shortNames: ["flinksnp"],
  columns: {
    Path: ".status.path",
    "Result Timestamp": ".status.resultTimestamp",
    "Snapshot State": ".status.state",
  },
  spec: FlinkStateSnapshotSpec,
  status: FlinkStateSnapshotStatus,
};
