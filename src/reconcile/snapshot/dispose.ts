/**
 * Deletion of a FlinkStateSnapshot (2.19): its savepoint goes with it where that is asked for, by any JobManager of its
 * job, running or not. What nobody can do any more, and what must not be done, holds nobody up.
 */
import { isDisposedAlready, isUnknownDisposal } from "../../flink/rest-answers.ts";
import { errorMessage, statusError } from "../status-error.ts";
import { type Draft, isAsked, look, say } from "./draft.ts";
import type { SnapshotTarget } from "./target.ts";

/** Milliseconds between a disposal that failed and the next try. */
const RETRY_MS = 60_000;

function release({ actions }: Draft): void {
  actions.push({ type: "remove-finalizer" });
}

/** The resource goes, the savepoint stays. */
function leave(draft: Draft, why: string): void {
  say(draft, "CleanupFailed", `The savepoint ${draft.status.path} stays where it is: ${why}`);
  release(draft);
}

/** Only somebody else, or time, can help: said once, in event and status. */
function block(draft: Draft, problem: string): void {
  const message =
    `Deletion waits: ${problem}. It goes on by itself when the job's JobManager can do it; ` +
    "set spec.savepoint.disposeOnDelete: false to keep the files";
  if (errorMessage(draft.status.error) !== message) say(draft, "CleanupFailed", message);
  draft.status.error = statusError("ReconciliationException", message);
  look(draft, RETRY_MS);
}

function request(draft: Draft, path: string): void {
  draft.actions.push({ type: "dispose-savepoint", path });
  look(draft, 0);
}

function giveUp(draft: Draft, target: SnapshotTarget, problem: string): void {
  if (target.deleting) return leave(draft, `its job is being deleted, and ${problem}`);
  const { disposal, now, status } = draft;
  block(draft, problem);
  if (disposal !== undefined && now - disposal.at >= RETRY_MS) request(draft, status.path ?? "");
}

function dispose(draft: Draft, target: SnapshotTarget, path: string): void {
  const { flink, failure, options } = draft;
  if (!target.reachable) return giveUp(draft, target, "there is no JobManager to remove the savepoint");
  const disposal = draft.disposal?.path === path ? draft.disposal : undefined;
  if (disposal === undefined) return request(draft, path);
  if (disposal.triggerId === undefined) {
    return giveUp(draft, target, failure?.message ?? "Flink did not take the request");
  }
  const answer = flink.disposal;
  if (answer?.ok === true) {
    const { state, failure: problem } = answer.value;
    if (state === "IN_PROGRESS") return look(draft, options.progressInterval);
    if (problem === undefined || isDisposedAlready(answer.value)) return release(draft);
    return giveUp(draft, target, problem);
  }
  if (answer !== undefined && isUnknownDisposal(answer.failure)) return request(draft, path);
  giveUp(draft, target, answer?.failure.message ?? "the JobManager does not answer");
}

export function remove(draft: Draft): void {
  const { resource, target, status } = draft;
  const { savepoint, jobReference } = resource.spec;
  const disposes = savepoint !== undefined && savepoint.disposeOnDelete !== false;
  if (!disposes || jobReference === undefined) return release(draft);
  if (isAsked(status)) {
    if (target?.reachable === true) return look(draft, draft.options.progressInterval);
    return block(draft, "the savepoint is being taken, and the JobManager does not answer");
  }
  const { path = "" } = status;
  if (status.state !== "COMPLETED" || path === "") return release(draft);
  if (target === undefined) {
    return leave(
      draft,
      `${jobReference.kind} ${jobReference.name} does not exist, and nobody else can remove it`,
    );
  }
  if (target.restorePaths.includes(path)) {
    return leave(draft, `${target.kind} ${target.name} was started from it, or is to be`);
  }
  dispose(draft, target, path);
}
