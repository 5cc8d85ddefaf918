/**
 * Conditions. `Running` is the Apache operator's. `Ready`, `Reconciling` and `Stalled` follow kstatus, so that
 * `kubectl wait`, Argo CD and Flux agree: Ready is the one to wait for; Reconciling says Sluice is at work, Stalled
 * that a person must act.
 */
import type { FlinkSessionJobStatus } from "../../api/flink-session-job.ts";
import type { Condition } from "../../api/kube-object.ts";
import { withoutCredentials } from "../../flink/credentials.ts";
import { errorMessage } from "../status-error.ts";
import { type JobPass, recordedSpec } from "../pass.ts";

export type Verdict = Pick<Condition, "status" | "reason" | "message">;

/** What runs, in its own words. */
export interface Health {
  readonly running: Verdict;
  /** As long as nothing is awaited and nobody has to act. */
  readonly ready: Verdict;
}

function runningCondition(status: FlinkSessionJobStatus): Verdict {
  const state = status.jobStatus?.state ?? "RECONCILING";
  return {
    status: state === "RUNNING" ? "True" : "False",
    reason: state[0] + state.slice(1).toLowerCase(),
    message: `Job status ${state}`,
  };
}

const MAX_MESSAGE = 1024;

/** Of a resource with a job. */
function jobHealth(pass: JobPass): Health {
  const { status } = pass;
  const { state } = status.jobStatus;
  const running = runningCondition(status);
  if (status.reconciliationStatus.state === "DEPLOYED" && state === "RUNNING") {
    return { running, ready: { status: "True", reason: "Running", message: "the job is RUNNING" } };
  }
  if (status.reconciliationStatus.state === "DEPLOYED" && state === "FINISHED") {
    return { running, ready: { status: "True", reason: "Finished", message: "the job is FINISHED" } };
  }
  const message = errorMessage(status.error) ?? `the job is ${state ?? "not deployed"}`;
  return { running, ready: { status: "False", reason: "NotRunning", message } };
}

function stalledVerdict(pass: JobPass): Verdict {
  if (pass.stalled) return { status: "True", ...pass.stalled };
  return { status: "False", reason: "Progressing", message: "nothing needs a person" };
}

function readyVerdict(pass: JobPass, stalled: Verdict, health: Health): Verdict {
  const recorded = recordedSpec(pass);
  if (stalled.status === "True") return { status: "False", reason: stalled.reason, message: stalled.message };
  if (
    pass.spec.job?.state === "suspended" &&
    (recorded === undefined || recorded.spec.job?.state === "suspended")
  ) {
    if (pass.progress === undefined)
      return { status: "True", reason: "Suspended", message: "suspended as asked" };
  }
  if (pass.progress) return { status: "False", ...pass.progress };
  const { generation } = pass.resource.metadata;
  if (pass.status.observedGeneration !== generation) {
    return {
      status: "False",
      reason: "ChangePending",
      message: `generation ${generation} is not deployed yet`,
    };
  }
  return health.ready;
}

function upsert(pass: JobPass, type: string, verdict: Verdict): Condition {
  const previous = pass.status.conditions.find((condition) => condition.type === type);
  const flipped = previous?.status !== verdict.status;
  const now = new Date(Math.floor(pass.now / 1000) * 1000).toISOString().replace(".000Z", "Z");
  return {
    type,
    status: verdict.status,
    reason: verdict.reason,
    message: withoutCredentials(verdict.message).slice(0, MAX_MESSAGE),
    lastTransitionTime: flipped ? now : (previous?.lastTransitionTime ?? now),
    observedGeneration: pass.resource.metadata.generation ?? 1,
  };
}

export function setConditions(pass: JobPass, health: Health = jobHealth(pass)): void {
  const stalled = stalledVerdict(pass);
  const ready = readyVerdict(pass, stalled, health);
  const working = ready.status === "False" && stalled.status === "False";
  const reconciling: Verdict = working
    ? { status: "True", reason: ready.reason, message: ready.message }
    : { status: "False", reason: ready.reason, message: ready.message };
  pass.status.conditions = [
    ...(recordedSpec(pass) === undefined ? [] : [upsert(pass, "Running", health.running)]),
    upsert(pass, "Ready", ready),
    upsert(pass, "Reconciling", reconciling),
    upsert(pass, "Stalled", stalled),
  ];
}
