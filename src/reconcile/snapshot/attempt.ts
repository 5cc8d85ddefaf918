/** One try to take the snapshot: asking Flink, and following what becomes of it (2.19). */
import { getOption } from "../../flink/configuration.ts";
import { isAtLeast } from "../../flink/flink-version.ts";
import { SAVEPOINTS_DIR } from "../../flink/options.ts";
import { isUnknownTrigger } from "../../flink/rest-answers.ts";
import { statusError } from "../status-error.ts";
import { type Draft, failureReason, isAsked, look, rfc3339, say } from "./draft.ts";
import { snapshotTypeOf } from "./resource.ts";
import type { SnapshotTarget } from "./target.ts";

const FIRST_RETRY_MS = 10_000;
/** The pause doubles with each failure, up to this. */
const LAST_RETRY_MS = 600_000;
/** How long a snapshot waits for its job to run; a job that will not is not waited for. */
const PATIENCE_MS = 600_000;

export function retryPause(failures: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** Math.min(Math.max(failures - 1, 0), 20), LAST_RETRY_MS);
}

interface Cause {
  readonly message: string;
  readonly httpStatus?: number | undefined;
  readonly rootCauses?: readonly string[] | undefined;
}

function fail(draft: Draft, { message, httpStatus, rootCauses }: Cause): void {
  const { status, resource, now } = draft;
  status.failures = (status.failures ?? 0) + 1;
  const metadata = httpStatus === undefined ? {} : { httpResponseCode: httpStatus };
  status.error = statusError("ReconciliationException", message, metadata, rootCauses);
  status.resultTimestamp = rfc3339(now);
  delete status.triggerId;
  say(draft, failureReason(draft), message);
  const limit = resource.spec.backoffLimit ?? -1;
  const isLast = limit >= 0 && status.failures > limit;
  status.state = isLast ? "FAILED" : "TRIGGER_PENDING";
  if (!isLast) look(draft, retryPause(status.failures));
}

function abandon(draft: Draft, why: string): void {
  const { status, resource } = draft;
  const { kind, name } = resource.spec.jobReference ?? {};
  status.error = `Secondary resource ${kind} ${name} ${why}`;
  status.state = "ABANDONED";
  status.resultTimestamp = rfc3339(draft.now);
  delete status.path;
  say(draft, "SnapshotAbandoned", status.error);
}

function complete(draft: Draft, path: string): void {
  const { status } = draft;
  status.state = "COMPLETED";
  status.path = path;
  status.resultTimestamp = rfc3339(draft.now);
  delete status.error;
}

const NOT_ADDRESSABLE = "<checkpoint-not-externally-addressable>";

function completeCheckpoint(draft: Draft): void {
  const { details } = draft.flink;
  if (details?.ok === true) {
    const { externalPath = "" } = details.value;
    if (externalPath !== "" && externalPath !== NOT_ADDRESSABLE) return complete(draft, externalPath);
    complete(draft, "");
    const remedy = "set execution.checkpointing.dir";
    return say(draft, "CheckpointError", `the checkpoint is in the JobManager's memory only: ${remedy}`);
  }
  if (details?.failure.status !== 404) return look(draft, draft.options.progressInterval);
  complete(draft, "");
  const remedy = "raise web.checkpoints.history";
  say(
    draft,
    "CheckpointError",
    `Flink has forgotten where the checkpoint is before it could be asked: ${remedy}`,
  );
}

/** Flink does not know the id: it never arrived, or went with a JobManager. */
function unknown(draft: Draft, target: SnapshotTarget): void {
  const { status, failure } = draft;
  const type = snapshotTypeOf(draft.resource);
  if (!target.runsOn) return abandon(draft, "is not running");
  if (status.state !== "IN_PROGRESS" && draft.resource.metadata.deletionTimestamp !== undefined) {
    delete status.triggerId;
    return;
  }
  if (status.state === "IN_PROGRESS") {
    return fail(draft, {
      message: `Flink does not know the ${type} any more: its JobManager was replaced meanwhile`,
    });
  }
  const isRefused = failure?.action === `trigger-${type}` && failure.reason === "http";
  if (isRefused) {
    const message = `Flink refused the ${type}: ${failure.message}`;
    return fail(draft, { message, httpStatus: failure.httpStatus });
  }
  look(draft, draft.options.progressInterval);
  if (target.state === "RUNNING") ask(draft, target);
}

/** Flink was asked. */
export function follow(draft: Draft): void {
  const { target, status, flink, options } = draft;
  if (!isAsked(status)) return;
  if (target === undefined) return abandon(draft, "was not found");
  const { trigger } = flink;
  if ((status.triggerId ?? "") === "") return unknown(draft, target);
  if (trigger === undefined || (!trigger.ok && !isUnknownTrigger(trigger.failure))) {
    if (target.runsOn) {
      return look(draft, target.reachable ? options.progressInterval : options.reconcileInterval);
    }
    return abandon(draft, "is not running");
  }
  if (!trigger.ok) return unknown(draft, target);
  const { state, failure, rootCauses } = trigger.value;
  if (state === "IN_PROGRESS") {
    status.state = "IN_PROGRESS";
    delete status.error;
    return look(draft, options.progressInterval);
  }
  const type = snapshotTypeOf(draft.resource);
  if (failure !== undefined) {
    if (!target.runsOn) return abandon(draft, "is not running");
    return fail(draft, { message: `The ${type} failed: ${failure}`, rootCauses });
  }
  if (type === "checkpoint") return completeCheckpoint(draft);
  complete(draft, ("location" in trigger.value ? trigger.value.location : undefined) ?? "");
}

/** With the id that is recorded; asking again is the same request. */
function ask({ actions, resource, status }: Draft, target: SnapshotTarget): void {
  const { savepoint } = resource.spec;
  const request = { jobId: target.jobId ?? "", triggerId: status.triggerId ?? "" };
  if (savepoint === undefined) {
    actions.push({ type: "trigger-checkpoint", ...request, checkpointType: "FULL" });
    return;
  }
  const targetDirectory = directoryOf(savepoint.path, target);
  actions.push({
    type: "trigger-savepoint",
    ...request,
    ...(targetDirectory === undefined ? {} : { targetDirectory }),
    formatType: savepoint.formatType ?? "CANONICAL",
  });
}

function directoryOf(path: string | undefined, target: SnapshotTarget): string | undefined {
  const directory = path === "" ? undefined : path;
  return directory ?? getOption(target.configuration, SAVEPOINTS_DIR);
}

/** What keeps Flink from ever taking it, as job and snapshot are now. */
function obstacle({ resource }: Draft, target: SnapshotTarget): string | undefined {
  const { savepoint } = resource.spec;
  const { kind, name, flinkVersion } = target;
  if (savepoint === undefined) {
    const known = flinkVersion === undefined || isAtLeast(flinkVersion, 1, 17);
    return known ? undefined : `${kind} ${name} runs Flink ${flinkVersion}; checkpoints on demand need 1.17`;
  }
  if ((directoryOf(savepoint.path, target) ?? "") !== "") return undefined;
  return `no directory for the savepoint: set spec.savepoint.path, or state.savepoints.dir of ${kind} ${name}`;
}

/** Nothing is asked for yet: begins, as soon as the job runs and the pause after a failure is over. */
export function begin(draft: Draft): void {
  const { resource, target, status, now, options } = draft;
  const { savepoint } = resource.spec;
  if (savepoint?.alreadyExists === true) {
    status.triggerTimestamp = rfc3339(now);
    return complete(draft, savepoint.path ?? "");
  }
  if (target === undefined) return abandon(draft, "was not found");
  const failedAt = Date.parse(status.resultTimestamp ?? "");
  const pause = failedAt + retryPause(status.failures ?? 0) - now;
  const waited = Number.isNaN(failedAt)
    ? now - Date.parse(resource.metadata.creationTimestamp ?? "")
    : -pause;
  const runs = target.state === "RUNNING" && target.runsOn && target.jobId !== undefined;
  if (!target.willRun || (!runs && waited > PATIENCE_MS)) return abandon(draft, "is not running");
  if (pause > 0) return look(draft, pause);
  if (!runs || !target.reachable) return look(draft, options.reconcileInterval);
  const why = obstacle(draft, target);
  if (why !== undefined) return fail(draft, { message: why });
  status.triggerId = options.entropy;
  status.triggerTimestamp = rfc3339(now);
  delete status.resultTimestamp;
  ask(draft, target);
  look(draft, 0);
}
