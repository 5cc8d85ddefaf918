/** The draft that one pass over a FlinkStateSnapshot works on. Lives and dies inside `decideSnapshot`. */
import { withoutNulls } from "../../api/defaults.ts";
import type { FlinkStateSnapshot, FlinkStateSnapshotStatus } from "../../api/flink-state-snapshot.ts";
import type {
  CheckpointReference,
  CheckpointTriggerStatus,
  DisposalStatus,
  FlinkAnswer,
  SavepointStatus,
} from "../../flink/rest-answers.ts";
import type { ActionFailure, EventRecord, Options, SnapshotAction } from "../decision.ts";
import { snapshotTypeOf } from "./resource.ts";
import type { SnapshotTarget } from "./target.ts";
import { RULES } from "./work.ts";

/** A disposal that this process has asked for. */
export interface Disposal {
  readonly path: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Flink's; absent when Flink was not reached or refused. */
  readonly triggerId?: string;
}

/** Flink's answers; an absent one was not asked for. */
export interface SnapshotAnswers {
  /** Of the savepoint or checkpoint that was triggered. */
  readonly trigger?: FlinkAnswer<SavepointStatus | CheckpointTriggerStatus>;
  /** Of the checkpoint that came of it. */
  readonly details?: FlinkAnswer<CheckpointReference>;
  readonly disposal?: FlinkAnswer<DisposalStatus>;
}

export type SnapshotPassAction =
  | { readonly type: "add-finalizer" }
  | { readonly type: "remove-finalizer" }
  | { readonly type: "set-labels"; readonly labels: Readonly<Record<string, string>> }
  | Extract<SnapshotAction, { type: "trigger-savepoint" | "trigger-checkpoint" | "dispose-savepoint" }>;

export interface ObservedSnapshot {
  readonly resource: FlinkStateSnapshot;
  /** Undefined: there is no such job. */
  readonly target: SnapshotTarget | undefined;
  readonly flink: SnapshotAnswers;
  readonly disposal: Disposal | undefined;
  readonly failure: ActionFailure<SnapshotPassAction["type"]> | undefined;
}

export type SnapshotOptions = Pick<Options, "progressInterval" | "reconcileInterval" | "entropy">;

export interface SnapshotDecision {
  readonly actions: readonly SnapshotPassAction[];
  readonly status: FlinkStateSnapshotStatus;
  readonly events: readonly EventRecord[];
  readonly requeueAfter: number | undefined;
}

export interface Draft extends ObservedSnapshot {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly options: SnapshotOptions;
  readonly status: FlinkStateSnapshotStatus;
  readonly actions: SnapshotPassAction[];
  readonly events: EventRecord[];
  requeueAfter: number | undefined;
}

export function beginDraft(observed: ObservedSnapshot, now: number, options: SnapshotOptions): Draft {
  const { resource } = observed;
  return {
    ...observed,
    resource: { ...resource, spec: withoutNulls(resource.spec ?? {}) },
    now,
    options,
    status: { state: "TRIGGER_PENDING", failures: 0, ...withoutNulls(resource.status ?? {}) },
    actions: [],
    events: [],
    requeueAfter: undefined,
  };
}

/**
 * Flink is asked by the id in the status. Until it is seen to know that id, the state stays TRIGGER_PENDING: after a
 * failure, which leaves a time, an id is of the last try.
 */
export function isAsked({ state, triggerId = "", resultTimestamp }: FlinkStateSnapshotStatus): boolean {
  if (state === "IN_PROGRESS") return true;
  return (
    (state ?? "TRIGGER_PENDING") === "TRIGGER_PENDING" && triggerId !== "" && resultTimestamp === undefined
  );
}

export function rfc3339(time: number): string {
  return new Date(time).toISOString();
}

export function look(draft: Draft, milliseconds: number): void {
  draft.requeueAfter = Math.min(draft.requeueAfter ?? Number.POSITIVE_INFINITY, milliseconds);
}

export function say(draft: Draft, reason: string, message: string): void {
  draft.events.push({ type: "Warning", reason, message, component: "Snapshot" });
}

/** The reason under which a failure of this snapshot is told. */
export function failureReason({ resource }: Draft): string {
  return RULES[snapshotTypeOf(resource)].failed;
}
