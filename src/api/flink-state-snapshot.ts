/** `FlinkStateSnapshot`, `flink.apache.org/v1beta1`: one savepoint or checkpoint, wanted or existing. */
import { type Static, Type } from "typebox";
import { type API_VERSION, SavepointFormat } from "./flink-deployment.ts";
import type { Kind } from "./kind.ts";
import type { KubeObject } from "./kube-object.ts";
import { Int32, StringEnum } from "./schema.ts";

const optional = Type.Optional;

export const FLINK_STATE_SNAPSHOT_FINALIZER = "flinkstatesnapshots.flink.apache.org/finalizer";

export const JobReference = Type.Object({
  kind: optional(StringEnum("FlinkDeployment", "FlinkSessionJob")),
  /** In the snapshot's own namespace. */
  name: optional(Type.String()),
});
export type JobReference = Static<typeof JobReference>;

export const SavepointSpec = Type.Object({
  /** The directory to write to; with `alreadyExists`, the savepoint itself. */
  path: optional(Type.String()),
  formatType: optional(SavepointFormat),
  disposeOnDelete: optional(Type.Boolean()),
  alreadyExists: optional(Type.Boolean()),
});

/** Exactly one of `savepoint` and `checkpoint` is set. */
export const FlinkStateSnapshotSpec = Type.Object({
  jobReference: optional(JobReference),
  savepoint: optional(SavepointSpec),
  /** An empty object. */
  checkpoint: optional(Type.Object({})),
  /** Retries after failures; -1 is no limit. */
  backoffLimit: optional(Int32),
});
export type FlinkStateSnapshotSpec = Static<typeof FlinkStateSnapshotSpec>;

export const SnapshotState = StringEnum("TRIGGER_PENDING", "IN_PROGRESS", "COMPLETED", "FAILED", "ABANDONED");
export type SnapshotState = Static<typeof SnapshotState>;

export const FlinkStateSnapshotStatus = Type.Object({
  state: optional(SnapshotState),
  triggerId: optional(Type.String()),
  /** RFC 3339. */
  triggerTimestamp: optional(Type.String()),
  /** RFC 3339. */
  resultTimestamp: optional(Type.String()),
  path: optional(Type.String()),
  /** JSON for exceptions, plain text when abandoned. */
  error: optional(Type.String()),
  failures: optional(Int32),
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
