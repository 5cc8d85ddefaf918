/**
 * One pass over a FlinkDeployment. What is recorded in the status says which phase the resource is in:
 *
 *            first attempt                            create, adopt
 *   (new) ───────────────────► submitting ─────────────────────────────────► running ◄─┐
 *                                  ▲                                            │      │ recover a lost JobManager
 *                                  │ cluster gone                change, suspend│      │ (record an attempt)
 *                                  │                                            ▼      │
 *                               stopped ◄──── savepoint or cancel done ──── stopping ──┘ (stop failed: running again)
 *                                  ▲                                            │
 *                                  └─────────── resume ─────── suspended ◄──────┘
 *
 *   phase        reconciliationStatus.state   lastReconciledSpec.job.state   jobStatus.state
 *   new          -                            -                              -
 *   submitting   UPGRADING                    suspended                      RECONCILING
 *   running      DEPLOYED                     running                        what Flink says
 *   stopping     UPGRADING                    running                        what Flink says, or CANCELLING
 *   stopped      UPGRADING                    suspended                      terminal
 *   suspended    DEPLOYED                     suspended                      terminal
 *
 * A rollback (roll-back.ts) goes the same way, with ROLLING_BACK and ROLLED_BACK in place of UPGRADING and DEPLOYED.
 */
import { type DefaultedSpec, modeOf } from "../../api/defaults.ts";
import { FLINK_DEPLOYMENT_FINALIZER } from "../../api/flink-deployment.ts";
import { isSupported } from "../../flink/flink-version.ts";
import { taskManagerCount } from "../../resources/task-manager-count.ts";
import { type Decision, isOptional, type Observed, type Options } from "../decision.ts";
import { keepHistory } from "../history.ts";
import { lifecycleState } from "../lifecycle-state.ts";
import {
  beginPass,
  complain,
  component,
  effectiveConfiguration,
  emit,
  hasOwnCluster,
  isUnderWay,
  type JobPass,
  lastReconciledSpec,
  type Pass,
  record,
  recordedSpec,
  requeue,
  stall,
  waitFor,
} from "../pass.ts";
import { type Phase, phaseOf } from "../phase.ts";
import { concernsFlink, describeDiff, diffSpecs, type SpecDiff } from "../spec-diff.ts";
import { isError, statusError } from "../status-error.ts";
import { isTerminal, type UpgradeFacts } from "../upgrade-mode.ts";
import { findingsToMessage } from "../validation/finding.ts";
import { validateFlinkDeployment } from "../validation/flink-deployment.ts";
import { observeHealth } from "./cluster-health.ts";
import { setConditions } from "./conditions.ts";
import { decideDeletion } from "./delete.ts";
import { continueAttempt, continueStopped, firstAttempt } from "./deploy.ts";
import {
  bringClusterInPlace,
  changeInPlace,
  keepIngress,
  lacksLogFiles,
  reportInPlaceFailure,
} from "./in-place.ts";
import { applicationNotFound, observeClusterInfo, observeJob } from "./observe-job.ts";
import { leaveNothing } from "./leave-nothing.ts";
import { observeJobManager, reportTaskManagers } from "./observe-job-manager.ts";
import { recover } from "./recover.ts";
import { isRollback, leaveRollback, reportRollback, rollBack, workOnStableSpec } from "./roll-back.ts";
import { isSession, observeSession, reconcileSession, sessionHealth } from "./session.ts";
import { announceUpgradeSavepoint, takeJobSnapshots } from "./snapshots.ts";
import { followStop, recordStopped, stopForChange, upgradeFacts } from "./stop.ts";
import { canScaleInPlace, keepTaskManagers, scaleInPlace } from "./task-managers.ts";
import { tearDown } from "./tear-down.ts";

function observe(pass: Pass): void {
  if (isSession(pass)) return observeSession(pass);
  const phase = phaseOf(pass.status);
  if (phase !== "running" && phase !== "stopping") return;
  observeJobManager(pass);
  observeClusterInfo(pass);
  if (pass.status.jobManagerDeploymentStatus === "READY") observeJob(pass, applicationNotFound);
  observeHealth(pass);
}

/** Who starts a job from scratch by a command says so in so many words: no path is missing there. */
function mayBeAbsent({ options, resource }: Pass, path: string): boolean {
  const isMissing = (resource.spec.job?.initialSavepointPath ?? "") === "";
  return options.isRecord === true && isMissing && path === "spec.job.initialSavepointPath";
}

/** What is wrong with the user's spec; undefined when nothing is. */
function problemOfSpec(pass: Pass): string | undefined {
  const recorded = recordedSpec(pass);
  const findings = validateFlinkDeployment(
    pass.resource,
    effectiveConfiguration(pass, pass.spec),
    recorded && { spec: recorded.spec },
    pass.options.defaults,
  ).filter(({ severity, path }) => severity === "error" && !mayBeAbsent(pass, path));
  return findings.length === 0 ? undefined : findingsToMessage(findings);
}

/** Falls back on what is deployed where there is a problem. False when there is nothing valid to work with. */
export function useValidSpec(pass: JobPass, problem: string | undefined): boolean {
  const { status } = pass;
  if (isError(status.error, "ValidationException")) delete status.error;
  pass.invalid = problem;
  if (pass.invalid === undefined) return true;
  complain(pass, { reason: "ValidationError", message: pass.invalid, component: "Operator" });
  const recorded = lastReconciledSpec(pass);
  if (recorded === undefined) {
    pass.requeueAfter = undefined;
    return false;
  }
  pass.generation = status.observedGeneration ?? pass.generation;
  const { job } = recorded.spec;
  const resumes = isUnderWay(status);
  // The recorded upgradeMode says how the job was started; what may happen to its state is the user's to say.
  const upgradeMode = pass.spec.job?.upgradeMode ?? "savepoint";
  pass.spec = {
    ...recorded.spec,
    ...(job ? { job: { ...job, upgradeMode, ...(resumes ? { state: "running" } : {}) } } : {}),
  };
  return true;
}

/** The user throws the current state away and says where to start instead. */
export function redeployFromSavepoint(pass: JobPass): void {
  const { jobStatus } = pass.status;
  const path = pass.spec.job?.initialSavepointPath ?? "";
  if (path !== "") jobStatus.upgradeSavepointPath = path;
  const { jobs } = pass.flink;
  if (jobs?.ok && jobs.value.some(({ jobId, state }) => jobId === jobStatus.jobId && !isTerminal(state))) {
    pass.actions.push({ type: "cancel-job", jobId: jobStatus.jobId ?? "", bestEffort: true });
  }
  // Nothing that the job left counts any more. By its id a session job is waited for: nothing else shows that it ended.
  if (hasOwnCluster(pass)) delete jobStatus.jobId;
  recordStopped(pass, path === "" ? "stateless" : "savepoint");
  waitFor(pass, "SavepointRedeploy", `restarting from ${path === "" ? "an empty state" : path}`);
  requeue(pass, 0);
}

export function announce(pass: JobPass, diff: SpecDiff): void {
  const text = describeDiff(diff, pass.resource.kind);
  emit(pass, {
    type: "Normal",
    reason: "SpecChanged",
    message: `${diff.type} change(s) detected (${text}), starting reconciliation.`,
    component: component(pass),
    key: `generation-${pass.generation}`,
  });
}

/** True when the change has to wait, and what else there is to do for the job may be done meanwhile. */
export function changeRunning(pass: JobPass, diff: SpecDiff, facts: UpgradeFacts): boolean {
  const { status } = pass;
  const before = status.reconciliationStatus.reconciliationTimestamp;
  const handled = stopForChange(pass, facts);
  const begun = isUnderWay(status) || status.reconciliationStatus.reconciliationTimestamp !== before;
  if (begun) announce(pass, diff);
  return !begun && !handled;
}

/** The spec is the deployed one, as far as Flink is concerned. */
function lookAfter(pass: Pass): void {
  if (rollBack(pass, () => upgradeFacts(pass))) return;
  recover(pass);
  takeJobSnapshots(pass);
}

function reconcileRunning(pass: Pass, diff: SpecDiff): void {
  if (!concernsFlink(diff)) {
    followInPlace(pass, diff);
    pass.status.observedGeneration = pass.generation;
    return lookAfter(pass);
  }
  if (diff.type === "SCALE" && canScaleInPlace(pass)) {
    if (!bringClusterInPlace(pass)) return recover(pass);
    scaleInPlace(pass);
    return announce(pass, diff);
  }
  if (changeRunning(pass, diff, upgradeFacts(pass))) recover(pass);
}

function followInPlace(pass: Pass, diff: SpecDiff): void {
  if (diff.type === "IN_PLACE" && changeInPlace(pass, diff)) announce(pass, diff);
}

function reconcileSuspended(pass: Pass, diff: SpecDiff): void {
  const { status, spec } = pass;
  if (spec.job?.state === "suspended") {
    status.observedGeneration = pass.generation;
    if (!tearDown(pass)) return;
    status.jobManagerDeploymentStatus = "MISSING";
    if (pass.options.isRecord === true) leaveNothing(pass);
    return;
  }
  resume(pass, diff);
}

/** From the state in which it was suspended. */
export function resume(pass: JobPass, diff: SpecDiff): void {
  const { status, spec } = pass;
  announce(pass, diff);
  const saved = recordedSpec(pass)?.spec.job?.upgradeMode ?? "stateless";
  record(pass, spec, {
    jobState: "suspended",
    upgradeMode: spec.job?.upgradeMode === "stateless" ? "stateless" : saved,
    state: "UPGRADING",
  });
  if (!isTerminal(status.jobStatus.state)) status.jobStatus.state = "FINISHED";
  waitFor(pass, "Resuming", "resuming the job");
  requeue(pass, 0);
}

/** What the wanted spec changes of the recorded one. */
export function changeOf(pass: JobPass, recorded: DefaultedSpec, phase: Phase): SpecDiff {
  // Between a stop and a start the record says "suspended" for a job that is to run: no difference to act on.
  const between = phase === "stopped" || phase === "announced" || phase === "submitting";
  const base =
    between && recorded.job !== undefined
      ? { ...recorded, job: { ...recorded.job, state: pass.spec.job?.state ?? "running" } }
      : recorded;
  const diff = diffSpecs(base, pass.spec, modeOf(recorded));
  const isMore = phase === "running" && hasOwnCluster(pass) && lacksLogFiles(pass, diff);
  return isMore ? { ...diff, type: "UPGRADE" } : diff;
}

function reconcileCluster(pass: Pass): void {
  const { status } = pass;
  const phase = phaseOf(status);
  const before = { ...status.reconciliationStatus };
  const diff = changeOf(pass, recordedSpec(pass)?.spec ?? pass.spec, phase);
  if (phase === "running" || phase === "stopping") followInPlace(pass, diff);
  reconcileSession(pass, phase, concernsFlink(diff) ? diff.type : "IGNORE");
  if (!concernsFlink(diff) || isUnderWay({ reconciliationStatus: before })) return;
  const { reconciliationTimestamp: time } = status.reconciliationStatus;
  if (isUnderWay(status) || time !== before.reconciliationTimestamp) announce(pass, diff);
}

/** While the user leaves of the spec that failed what Flink knows as it is, the stable one is worked on. */
export function followRollback(pass: JobPass): void {
  const failed = lastReconciledSpec(pass);
  if (failed === undefined || !isRollback(pass)) return;
  const diff = changeOf(pass, failed.spec, phaseOf(pass.status));
  if (concernsFlink(diff)) return leaveRollback(pass);
  workOnStableSpec(pass, diff.changes);
}

function reconcile(pass: Pass): void {
  followRollback(pass);
  if (isSession(pass)) return reconcileCluster(pass);
  const { status, spec } = pass;
  const recorded = recordedSpec(pass);
  if (recorded === undefined) {
    if (spec.job?.state !== "suspended") return firstAttempt(pass);
    status.observedGeneration = pass.generation;
    pass.requeueAfter = undefined;
    return;
  }
  const phase = phaseOf(status);
  const diff = changeOf(pass, recorded.spec, phase);
  if (diff.type === "SAVEPOINT_REDEPLOY") {
    announce(pass, diff);
    return redeployFromSavepoint(pass);
  }
  if (phase === "running") return reconcileRunning(pass, diff);
  if (phase === "stopping") {
    followStop(pass);
    return keepTaskManagers(pass);
  }
  if (phase === "suspended") return reconcileSuspended(pass, diff);
  if (phase === "stopped") return continueStopped(pass);
  continueAttempt(pass, concernsFlink(diff));
}

/** An action that the outside world refused: said in status and event; the queue tries again with back-off. */
function reportFailure(pass: JobPass): void {
  const { failure } = pass;
  // A refused savepoint has its own way (stop.ts); by the next try it is history.
  if (failure === undefined || failure.action === "stop-with-savepoint") return;
  const refused = pass.actions.find(({ type }) => type === failure.action);
  if (refused === undefined || isOptional(refused)) return;
  const message = `${failure.action}: ${failure.message}`;
  complain(pass, { reason: failure.reason, message, component: component(pass) });
  pass.status.error = statusError("DeploymentFailedException", message, { reason: failure.reason });
  stall(pass, failure.reason, message);
}

/** What is wrong with the user's spec, beside what is wrong with the job, and behind it. */
function reportInvalid(pass: JobPass, message: string): void {
  pass.status.error ??= statusError("ValidationException", message);
  const deployed = recordedSpec(pass) === undefined ? "" : `; generation ${pass.generation} stays deployed`;
  stall(pass, "ValidationError", `${message}${deployed}`);
}

/** Of a native session cluster the jobs' needs are the number of TaskManagers, and Flink alone knows it. */
function setTaskManagerStatus(pass: Pass): void {
  const spec = recordedSpec(pass)?.spec;
  if (spec === undefined || (spec.job === undefined && modeOf(spec) === "native")) return;
  const phase = phaseOf(pass.status);
  const running =
    spec.job === undefined ? phase === "running" || phase === "stopping" : spec.job.state === "running";
  pass.status.taskManager = {
    labelSelector: running ? `component=taskmanager,app=${pass.resource.metadata.name}` : "",
    replicas: running ? taskManagerCount(spec, effectiveConfiguration(pass, spec)) : 0,
  };
}

/**
 * Nothing is deployed, so that there is no older spec that the status could be about: what is wrong with this one is the
 * resource's error, for those who know no conditions.
 */
function judgeUndeployed(pass: Pass): void {
  const { status, stalled } = pass;
  if (recordedSpec(pass) !== undefined || status.lifecycleState === "DELETING") return;
  if (stalled === undefined) {
    delete status.error;
    return;
  }
  status.observedGeneration = pass.resource.metadata.generation ?? 1;
  if (status.error === undefined || isError(status.error, "ReconciliationException"))
    status.error = statusError("ReconciliationException", stalled.message);
}

/** What there is to say when everything is decided. */
export function reportProblems(pass: JobPass): void {
  reportFailure(pass);
  // What failed is being replaced.
  if (isUnderWay(pass.status) && pass.stalled?.reason === "JobFailed") pass.stalled = undefined;
  if (pass.invalid !== undefined) reportInvalid(pass, pass.invalid);
  if (pass.onStableSpec && pass.stalled === undefined) reportRollback(pass);
}

function finish(pass: Pass): Decision {
  announceUpgradeSavepoint(pass);
  reportProblems(pass);
  reportInPlaceFailure(pass);
  if (pass.stalled === undefined) reportTaskManagers(pass);
  setTaskManagerStatus(pass);
  judgeUndeployed(pass);
  setConditions(pass, isSession(pass) ? sessionHealth(pass) : undefined);
  pass.status.lifecycleState = lifecycleState(pass.status);
  keepHistory(pass);
  const { actions, status, events, requeueAfter, exceptionsReportedUntil, question } = pass;
  return { actions, status, events, requeueAfter, exceptionsReportedUntil, question };
}

/** Of what is deployed, if anything is: an edit that asks for more than Sluice can do is invalid, and the job goes on. */
function unsupported(pass: Pass): string | undefined {
  const { flinkVersion } = recordedSpec(pass)?.spec ?? pass.spec;
  if (flinkVersion === undefined || isSupported(flinkVersion)) return undefined;
  return `spec.flinkVersion: Flink version ${flinkVersion} is not supported`;
}

const NOTHING = { actions: [], events: [], requeueAfter: undefined };

export function decide(observed: Observed, now: number, options: Options): Decision {
  const pass = beginPass(observed, now, options);
  const { resource, exceptionsReportedUntil } = observed;
  const isTakenOn = resource.metadata.finalizers?.includes(FLINK_DEPLOYMENT_FINALIZER) === true;
  if (resource.metadata.deletionTimestamp !== undefined) {
    if (!isTakenOn) return { ...NOTHING, status: resource.status ?? {}, exceptionsReportedUntil };
    observe(pass);
    leaveRollback(pass);
    decideDeletion(pass);
    return finish(pass);
  }
  const reason = unsupported(pass);
  if (reason !== undefined) {
    complain(pass, { reason: "UnsupportedFlinkVersion", message: reason, component: "Operator" });
    stall(pass, "Unsupported", reason);
    pass.requeueAfter = undefined;
    return finish(pass);
  }
  if (!isTakenOn) {
    pass.actions.push({ type: "add-finalizer" });
    waitFor(pass, "Starting", "taking the resource on");
    requeue(pass, 0);
    return finish(pass);
  }
  observe(pass);
  if (useValidSpec(pass, problemOfSpec(pass))) {
    reconcile(pass);
    keepIngress(pass);
  }
  return finish(pass);
}
