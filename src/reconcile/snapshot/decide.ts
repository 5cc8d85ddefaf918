/**
 * One pass over a FlinkStateSnapshot (2.19). Its status says how far it has come:
 *
 *                       id recorded, Flink asked           Flink knows the id
 *   TRIGGER_PENDING ───────────────────────► (still) ─────────────────────► IN_PROGRESS ───► COMPLETED
 *      ▲      │                                 │                                │
 *      │      │ job ended, suspended, gone      │ failed: one more failure       │
 *      │      └────────► ABANDONED ◄────────────┼────────────────────────────────┤
 *      └───────────── pause ◄───────────────────┴────────────────────────────────┴───► FAILED (backoffLimit)
 */
import { FLINK_STATE_SNAPSHOT_FINALIZER, type FlinkStateSnapshot } from "../../api/flink-state-snapshot.ts";
import { errorMessage, isError, statusError } from "../status-error.ts";
import { findingsToMessage } from "../validation/finding.ts";
import { validateFlinkStateSnapshot } from "../validation/flink-state-snapshot.ts";
import { begin, follow } from "./attempt.ts";
import { remove } from "./dispose.ts";
import {
  beginDraft,
  type Draft,
  isAsked,
  look,
  type ObservedSnapshot,
  say,
  type SnapshotAnswers,
  type SnapshotDecision,
  type SnapshotOptions,
} from "./draft.ts";
import { labelsOf, snapshotTypeOf } from "./resource.ts";

/** What to ask Flink in this pass, given what is known so far. */
export function nextSnapshotQuestions(
  observed: Omit<ObservedSnapshot, "failure">,
): readonly (keyof SnapshotAnswers)[] {
  const { target, flink, disposal } = observed;
  const { resource, status } = beginDraft({ ...observed, failure: undefined }, 0, NO_OPTIONS);
  if (target?.reachable !== true) return [];
  const wanted: (keyof SnapshotAnswers)[] = [];
  if (isAsked(status) && (status.triggerId ?? "") !== "") wanted.push("trigger");
  if (checkpointId(flink) !== undefined && snapshotTypeOf(resource) === "checkpoint") wanted.push("details");
  const isGoing = resource.metadata.deletionTimestamp !== undefined;
  if (isGoing && disposal?.triggerId !== undefined) wanted.push("disposal");
  return wanted.filter((question) => flink[question] === undefined);
}

const NO_OPTIONS: SnapshotOptions = { progressInterval: 0, reconcileInterval: 0, entropy: "" };

/** The checkpoint that the trigger came to. */
export function checkpointId({ trigger }: SnapshotAnswers): number | undefined {
  return trigger?.ok === true && "checkpointId" in trigger.value ? trigger.value.checkpointId : undefined;
}

/** It waits for somebody to mend it, or for its job to be created. */
function isValid(draft: Draft): boolean {
  const { resource, target, status } = draft;
  const findings = validateFlinkStateSnapshot(resource, target !== undefined);
  const errors = findings.filter(({ severity }) => severity === "error");
  if (errors.length === 0) {
    if (isError(status.error, "ValidationException")) delete status.error;
    return true;
  }
  const message = findingsToMessage(errors);
  const error = statusError("ValidationException", message);
  if (errorMessage(status.error) !== errorMessage(error)) say(draft, "ValidationError", message);
  status.error = error;
  look(draft, draft.options.reconcileInterval);
  return false;
}

function label({ resource, status, actions }: Draft): void {
  const { labels = {} } = resource.metadata;
  const wanted = Object.entries(labelsOf(resource, status.state ?? "TRIGGER_PENDING"));
  const changed = wanted.filter(([name, value]) => labels[name] !== value);
  if (changed.length > 0) actions.push({ type: "set-labels", labels: Object.fromEntries(changed) });
}

export function isTakenOn({ metadata }: FlinkStateSnapshot): boolean {
  return metadata.finalizers?.includes(FLINK_STATE_SNAPSHOT_FINALIZER) === true;
}

/** Whether its job matters to it: it is not over yet, or is being deleted. */
export function isOpen({ metadata, status }: FlinkStateSnapshot): boolean {
  const state = status?.state ?? "TRIGGER_PENDING";
  return metadata.deletionTimestamp !== undefined || state === "TRIGGER_PENDING" || state === "IN_PROGRESS";
}

const NOTHING = { actions: [], events: [], requeueAfter: undefined };

export function decideSnapshot(
  observed: ObservedSnapshot,
  now: number,
  options: SnapshotOptions,
): SnapshotDecision {
  const { resource } = observed;
  const draft = beginDraft(observed, now, options);
  const { status, actions, events } = draft;
  if (resource.metadata.deletionTimestamp !== undefined) {
    if (!isTakenOn(resource)) return { ...NOTHING, status: resource.status ?? {} };
    follow(draft);
    remove(draft);
    return { actions, status, events, requeueAfter: draft.requeueAfter };
  }
  if (!isTakenOn(resource)) {
    actions.push({ type: "add-finalizer" });
    look(draft, 0);
  } else if (isAsked(status)) follow(draft);
  else if (status.state === "TRIGGER_PENDING" && isValid(draft)) begin(draft);
  label(draft);
  return { actions, status, events, requeueAfter: draft.requeueAfter };
}
