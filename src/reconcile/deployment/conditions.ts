/**
 * Conditions. `Running` is the Apache operator's. `Ready`, `Reconciling` and `Stalled` follow kstatus, so that
 * `kubectl wait`, Argo CD and Flux agree: Ready is the one to wait for; Reconciling says Sluice is at work, Stalled
 * that a person must act.
 */
import type { FlinkDeploymentStatus } from "../../api/flink-deployment.ts";
import type { Condition } from "../../api/kube-object.ts";
import { errorMessage } from "../status-error.ts";
import { type Pass, recordedSpec } from "../pass.ts";

type Verdict = Pick<Condition, "status" | "reason" | "message">;

function runningCondition(status: FlinkDeploymentStatus): Verdict {
  const state = status.jobStatus?.state ?? "RECONCILING";
  return {
    status: state === "RUNNING" ? "True" : "False",
    reason: state[0] + state.slice(1).toLowerCase(),
    message: `Job status ${state}`,
  };
}

const MAX_MESSAGE = 1024;

function stalledVerdict(pass: Pass): Verdict {
  if (pass.stalled) return { status: "True", ...pass.stalled };
  return { status: "False", reason: "Progressing", message: "nothing needs a person" };
}

function readyVerdict(pass: Pass, stalled: Verdict): Verdict {
  const { status } = pass;
  const recorded = recordedSpec(pass);
  const jobState = status.jobStatus.state;
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
  if (status.observedGeneration !== generation) {
    return {
      status: "False",
      reason: "ChangePending",
      message: `generation ${generation} is not deployed yet`,
    };
  }
  if (status.reconciliationStatus.state === "DEPLOYED" && jobState === "RUNNING") {
    return { status: "True", reason: "Running", message: "the job is RUNNING" };
  }
  if (status.reconciliationStatus.state === "DEPLOYED" && jobState === "FINISHED") {
    return { status: "True", reason: "Finished", message: "the job is FINISHED" };
  }
  const message = errorMessage(status.error) ?? `the job is ${jobState ?? "not deployed"}`;
  return { status: "False", reason: "NotRunning", message };
}

function upsert(pass: Pass, type: string, verdict: Verdict): Condition {
  const previous = pass.status.conditions.find((condition) => condition.type === type);
  const flipped = previous?.status !== verdict.status;
  const now = new Date(Math.floor(pass.now / 1000) * 1000).toISOString().replace(".000Z", "Z");
  return {
    type,
    status: verdict.status,
    reason: verdict.reason,
    message: verdict.message.slice(0, MAX_MESSAGE),
    lastTransitionTime: flipped ? now : (previous?.lastTransitionTime ?? now),
    observedGeneration: pass.resource.metadata.generation ?? 1,
  };
}

export function setConditions(pass: Pass): void {
  const stalled = stalledVerdict(pass);
  const ready = readyVerdict(pass, stalled);
  const working = ready.status === "False" && stalled.status === "False";
  const reconciling: Verdict = working
    ? { status: "True", reason: ready.reason, message: ready.message }
    : { status: "False", reason: ready.reason, message: ready.message };
  pass.status.conditions = [
    ...(recordedSpec(pass) === undefined ? [] : [upsert(pass, "Running", runningCondition(pass.status))]),
    upsert(pass, "Ready", ready),
    upsert(pass, "Reconciling", reconciling),
    upsert(pass, "Stalled", stalled),
  ];
}
