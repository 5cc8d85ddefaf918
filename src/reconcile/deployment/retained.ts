/**
 * The last way to a job's state (docs/adr/0004): HA metadata is gone, or Flink does not know the last checkpoint of a job
 * that ended. Then its newest complete checkpoint is looked for where Flink was told to keep checkpoints. What is found is
 * used only when nothing of the old cluster is left, as that might complete another one in between.
 */
import type { DefaultedSpec } from "../../api/defaults.ts";
import type { RecoveryInfo } from "../../api/flink-deployment.ts";
import { getBoolean, getOption, hasOption } from "../../flink/configuration.ts";
import { isHaActive, isKubernetesHaActive } from "../../flink/high-availability.ts";
import {
  CHECKPOINT_SUBDIRECTORY,
  CHECKPOINTS_DIR,
  EXTERNALIZED_RETENTION,
  JOB_ID,
  RETAINED_RECOVERY,
  SAVEPOINTS_DIR,
} from "../../flink/options.ts";
import { baseName, below, parentOf, s3Options, withoutEntropy } from "../../flink/state-location.ts";
import type { CheckpointPlace, RetainedAnswer, RetainedQuestion } from "../decision.ts";
import { parseRecordedSpec, sameJson } from "../last-reconciled-spec.ts";
import { HA_METADATA_GONE, MANUAL_RESTORE } from "../lifecycle-state.ts";
import {
  complain,
  effectiveConfiguration,
  emit,
  hasOwnCluster,
  type JobPass,
  observeConfiguration,
  recordedSpec,
  stall,
  waitFor,
} from "../pass.ts";
import { statusError } from "../status-error.ts";
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";

export type Look =
  | { readonly kind: "found"; readonly path: string; /** For people: what it is. */ readonly what: string }
  /** Not known yet. `asked`: the answer comes in this very pass. */
  | { readonly kind: "open"; readonly asked: boolean; readonly message: string; readonly mendable: boolean }
  | { readonly kind: "nowhere"; readonly why: string };

const NEXT_STEP =
  "Set spec.job.initialSavepointPath to a savepoint or retained checkpoint and change spec.job.savepointRedeployNonce.";

const nowhere = (why: string): Look => ({ kind: "nowhere", why });

/** The specs that the job may have run with: the recorded one may be a change that was never deployed. */
function specs(pass: JobPass): DefaultedSpec[] {
  const { lastReconciledSpec, lastStableSpec } = pass.status.reconciliationStatus;
  return [lastReconciledSpec, lastStableSpec].flatMap((text) => parseRecordedSpec(text)?.spec ?? []);
}

/** Where a job of this spec keeps its checkpoints; why nobody can tell, as text. */
function placeOf(pass: JobPass, spec: DefaultedSpec, jobId: string): CheckpointPlace | string {
  const config = effectiveConfiguration(pass, spec);
  if (hasOption(config, JOB_ID))
    return `flinkConfiguration fixes the job's id (${JOB_ID.key}), which earlier runs had as well`;
  if (isHaActive(config) && !isKubernetesHaActive(config)) {
    return "high availability is not Kubernetes': its store may still hold the job, and would start it beside a new one";
  }
  const directory = getOption(config, CHECKPOINTS_DIR)?.trim() ?? "";
  if (directory === "") return `no checkpoint directory is configured (${CHECKPOINTS_DIR.key})`;
  const shared = !getBoolean(config, CHECKPOINT_SUBDIRECTORY);
  const metadata = withoutEntropy(directory, config);
  return { directory: shared ? metadata : below(metadata, jobId), shared, access: s3Options(config) };
}

/**
 * Flink names a savepoint after the beginning of its job's id. Undefined where that tells little: old releases of the Apache
 * operator made the id of a session job of two small numbers.
 */
function savepointPrefix(jobId: string): string | undefined {
  return /^(?:0{6}|f{6})/.test(jobId) ? undefined : `savepoint-${jobId.slice(0, 6)}-`;
}

function isSavepointOf(jobId: string, path: string): boolean {
  const prefix = savepointPrefix(jobId);
  return prefix !== undefined && baseName(path).startsWith(prefix);
}

/** Flink's clock may differ from Sluice's by so many milliseconds. */
const CLOCKS_MS = 60_000;

/**
 * The job was to stop with a savepoint since it started, and what became of it was not heard. Flink completes one and
 * commits what the job has written up to it: an older checkpoint would write that once more.
 */
function askedSavepoint(pass: JobPass, jobId: string): Pick<RetainedQuestion, "asked"> | string {
  const { savepointInfo, startTime } = pass.status.jobStatus;
  const { lastSavepoint, triggerTimestamp = 0 } = savepointInfo;
  const began = Number(startTime ?? pass.status.reconciliationStatus.reconciliationTimestamp ?? 0);
  const isHeard = triggerTimestamp <= (lastSavepoint?.timeStamp ?? 0);
  if (isHeard || triggerTimestamp + CLOCKS_MS < began) return {};
  const config = observeConfiguration(pass);
  const directory = getOption(config, SAVEPOINTS_DIR)?.trim() ?? "";
  if (directory === "") return {};
  const prefix = savepointPrefix(jobId);
  if (prefix === undefined)
    return `it was to stop with a savepoint in ${directory}, whose name would not tell whose it is`;
  return { asked: { directory: withoutEntropy(directory, config), prefix, access: s3Options(config) } };
}

/** Those that the status knows: taken since the job's only attempt began, or of a job that its attempts go on with. */
function ownSavepoints(pass: JobPass, jobId: string): string[] {
  const { jobStatus, reconciliationStatus } = pass.status;
  const { location, timeStamp = 0 } = jobStatus.savepointInfo.lastSavepoint ?? {};
  const isOlder = recordedSpec(pass)?.spec.job?.upgradeMode === "last-state";
  const isOwn = isOlder || timeStamp >= (reconciliationStatus.reconciliationTimestamp ?? 0);
  const known = [isOwn ? location : undefined, isOlder ? jobStatus.upgradeSavepointPath : undefined];
  return [...new Set(known)].filter((path) => path !== undefined && isSavepointOf(jobId, path)) as string[];
}

/** The job's folder that a recorded checkpoint is in. */
function recordedDirectory(path: string | undefined, jobId: string): string | undefined {
  const parent = /^chk-\d+$/.test(baseName(path ?? "")) ? parentOf(path ?? "") : undefined;
  return parent !== undefined && baseName(parent) === jobId ? parent : undefined;
}

/** Whether a recorded path is the job's own: not where it was started from, but what it left. */
export function isStateOf(jobId: string, path: string | undefined): boolean {
  return path !== undefined && (recordedDirectory(path, jobId) !== undefined || isSavepointOf(jobId, path));
}

/** What was noted of the recorded job. */
function recoveryInfo({ status: { jobStatus } }: JobPass): RecoveryInfo | undefined {
  const { recoveryInfo: info, jobId } = jobStatus;
  return info?.jobId === jobId ? info : undefined;
}

/**
 * Notes where the state of the attempt's job will be found, as long as that is known: the spec is about to be replaced, and
 * the path by the marker. `goesOn`: it is the job that was there, which may have had another checkpoint directory.
 */
export function noteRecovery(pass: JobPass, spec: DefaultedSpec, goesOn: boolean): void {
  const { jobStatus } = pass.status;
  const { jobId = "", upgradeSavepointPath: path } = jobStatus;
  const before = recoveryInfo(pass);
  const startedFrom = path === LAST_STATE_MARKER ? before?.startedFrom : path;
  const directoriesOf = (one: DefaultedSpec): string[] => {
    const place = placeOf(pass, one, jobId);
    return typeof place === "string" ? [] : [place.directory];
  };
  const earlier = before?.checkpointDirectories ?? (goesOn ? specs(pass).flatMap(directoriesOf) : []);
  const directories = [...new Set([...earlier, ...directoriesOf(spec)])];
  jobStatus.recoveryInfo = {
    jobId,
    ...(startedFrom === undefined || isStateOf(jobId, startedFrom) ? {} : { startedFrom }),
    ...(directories.length === 0 ? {} : { checkpointDirectories: directories }),
  };
}

/** The question, or why there is none. Strictly about the recorded job: never about another's checkpoints. */
function questionOf(pass: JobPass): RetainedQuestion | string {
  const { jobId = "", upgradeSavepointPath } = pass.status.jobStatus;
  if (!getBoolean(observeConfiguration(pass), RETAINED_RECOVERY)) {
    return `recovery from retained checkpoints is switched off (${RETAINED_RECOVERY.key})`;
  }
  if (!/^[0-9a-f]{32}$/.test(jobId)) return "the job's id is not recorded";
  if (/^0+$/.test(jobId)) return "the job's id is Flink's for every job with HA, and not its own";
  const places: CheckpointPlace[] = [];
  for (const spec of specs(pass)) {
    const place = placeOf(pass, spec, jobId);
    if (typeof place === "string") return place;
    if (!places.some((one) => sameJson(one, place))) places.push(place);
  }
  const [first] = places;
  if (first === undefined) return "what was deployed is not recorded";
  const { access } = first;
  const noted = recoveryInfo(pass)?.checkpointDirectories?.map((directory) => {
    return { directory, shared: baseName(directory) !== jobId, access };
  });
  const all = noted ?? places;
  const directory = recordedDirectory(upgradeSavepointPath, jobId);
  if (directory !== undefined && !all.some((place) => place.directory === directory)) {
    all.push({ directory, shared: false, access });
  }
  const asked = askedSavepoint(pass, jobId);
  if (typeof asked === "string") return asked;
  return { jobId, places: all, savepoints: ownSavepoints(pass, jobId), ...asked };
}

function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** In a folder that names no job, only what was completed since the job's start is certain to be the job's. */
function mayBeAnothers(
  pass: JobPass,
  path: string,
  completed: number,
  places: RetainedQuestion["places"],
): boolean {
  const { jobStatus, reconciliationStatus } = pass.status;
  const started = Number(jobStatus.startTime ?? reconciliationStatus.reconciliationTimestamp);
  const isShared = places.some(({ directory, shared }) => shared && parentOf(path) === directory);
  return isShared && completed < started;
}

function found(
  pass: JobPass,
  { jobId, places }: RetainedQuestion,
  { path, checkpointId, completed }: Extract<RetainedAnswer, { kind: "found" }>,
): Look {
  if (mayBeAnothers(pass, path, completed, places)) {
    return nowhere(
      `the only checkpoint, ${path}, is older than the job's last start and may be another job's`,
    );
  }
  const kind = isSavepointOf(jobId, path) ? "savepoint" : "retained checkpoint";
  const when = completed === 0 ? "" : `, completed ${age(pass.now - completed)} ago`;
  return { kind: "found", path, what: `${kind} ${checkpointId} of job ${jobId}${when}: ${path}` };
}

/** How the job's checkpoints are kept, if that is otherwise than Sluice's default: Flink may have deleted them. */
function otherRetention(pass: JobPass): string | undefined {
  return specs(pass)
    .map((spec) => getOption(effectiveConfiguration(pass, spec), EXTERNALIZED_RETENTION)?.trim())
    .find((value) => value !== undefined && value.toUpperCase() !== "RETAIN_ON_CANCELLATION");
}

/** The job made no checkpoint: its state is still where it was started from, if that is known. */
function none(pass: JobPass, { jobId, places }: RetainedQuestion): Look {
  const searched = places.map(({ directory }) => directory).join(", ");
  const why = `no complete checkpoint of job ${jobId} is in ${searched}`;
  const { upgradeSavepointPath } = pass.status.jobStatus;
  const isMarked = upgradeSavepointPath === LAST_STATE_MARKER;
  const path = isMarked ? recoveryInfo(pass)?.startedFrom : upgradeSavepointPath;
  if (path === undefined) return nowhere(why);
  // A checkpoint of the job that was there, and is not any more.
  if (isStateOf(jobId, path)) return nowhere(why);
  const retention = otherRetention(pass);
  if (retention !== undefined) {
    const deletes = `Flink may have deleted them (${EXTERNALIZED_RETENTION.key}: ${retention})`;
    return nowhere(`${why}, and ${deletes}`);
  }
  return { kind: "found", path, what: `where job ${jobId} was started from, as ${why}: ${path}` };
}

/** Where the job's newest state is, as far as that is known in this pass. */
export function lookForRetained(pass: JobPass): Look {
  const question = questionOf(pass);
  if (typeof question === "string") return nowhere(question);
  const { retained } = pass.observed;
  if (retained === undefined || !sameJson(retained.question, question)) {
    pass.question = question;
    const message = `looking for the newest retained checkpoint of job ${question.jobId}`;
    return { kind: "open", asked: true, message, mendable: false };
  }
  const { answer } = retained;
  switch (answer.kind) {
    case "found":
      return found(pass, question, answer);
    case "none":
      return none(pass, question);
    case "unclear":
      return nowhere(`its newest checkpoint cannot be told: ${answer.message}`);
    case "unreadable": {
      const message = `the newest retained checkpoint cannot be looked for: ${answer.message}`;
      return { kind: "open", asked: false, message, mendable: answer.mendable };
    }
  }
}

/**
 * Whether a job of which nobody saw anything left a checkpoint nevertheless, or may have, as the answer is still to come.
 * A precaution: what cannot be read holds nothing up.
 */
export function mayHaveLeftCheckpoint(pass: JobPass): boolean {
  if ((pass.spec.job?.upgradeMode ?? "stateless") === "stateless") return false;
  const { jobId = "", upgradeSavepointPath: path } = pass.status.jobStatus;
  if (isStateOf(jobId, path)) return false;
  const question = questionOf(pass);
  if (typeof question === "string") return false;
  const { retained } = pass.observed;
  if (retained !== undefined && sameJson(retained.question, question))
    return retained.answer.kind === "found";
  pass.question = question;
  return true;
}

/** The storage will be asked again; meanwhile the resource says why nothing happens. */
export function awaitLook(
  pass: JobPass,
  { asked, message, mendable }: Extract<Look, { kind: "open" }>,
): void {
  if (asked) return waitFor(pass, "LookingForCheckpoint", message);
  if (mendable) {
    complain(pass, { reason: "CheckpointStorageUnreadable", message, component: "Job" });
    stall(pass, "CheckpointStorageUnreadable", message);
  }
  waitFor(pass, "CheckpointStorageUnreadable", message);
}

/** A problem, what was looked for in vain, and what a person is to do. */
export function withNextStep(problem: string, why: string): string {
  return `${problem} ${why[0]?.toUpperCase()}${why.slice(1)}. ${NEXT_STEP}`;
}

/** The newest state is not known, and a guess could lose some: a person must say where to start. */
export function needsPerson(pass: JobPass, lost: string, why: string, problem = HA_METADATA_GONE): void {
  const message = withNextStep(`${problem}: ${lost}. ${MANUAL_RESTORE}`, why);
  complain(pass, { reason: "RestoreFailed", message, component: "Job" });
  pass.status.error = statusError("UpgradeFailureException", message);
  stall(pass, "RestoreFailed", message);
}

/** The next attempt starts from there. Only when nothing of the old cluster, or of the session job, is left. */
export function adoptRetained(pass: JobPass, { path, what }: Extract<Look, { kind: "found" }>): void {
  pass.status.jobStatus.upgradeSavepointPath = path;
  emit(pass, {
    type: "Normal",
    reason: "RestoringFromCheckpoint",
    message: `${hasOwnCluster(pass) ? "HA metadata" : "Flink"} does not tell the last state; restoring from ${what}`,
    component: "Job",
  });
}

/**
 * For a job that Flink cannot restore; only when nothing of it is left that may write. True when the state is found and
 * recorded; otherwise the resource says what is awaited, or what a person must do. `problem`: in one word.
 */
export function restoreRetained(pass: JobPass, lost: string, problem?: string): boolean {
  const look = lookForRetained(pass);
  if (look.kind === "found") adoptRetained(pass, look);
  else if (look.kind === "open") awaitLook(pass, look);
  else needsPerson(pass, lost, look.why, problem);
  return look.kind === "found";
}
