/** How far a resource has come with a spec: what `--wait` waits for, and what is printed meanwhile. Pure. */
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../api/flink-session-job.ts";
import { errorMessage } from "../reconcile/status-error.ts";

export interface Readiness {
  /** `ready`: the spec has its effect; `stalled`: somebody has to act; `waiting`: not there yet. */
  readonly state: "ready" | "stalled" | "waiting";
  /** One line. */
  readonly text: string;
}

type Status = NonNullable<FlinkDeployment["status"]>;

function condition({ conditions = [] }: Status, type: string, generation: number) {
  return conditions.find((one) => one.type === type && (one.observedGeneration ?? 0) >= generation);
}

/** An operator that writes no condition Ready: by the lifecycle state. */
function byLifecycle(status: Status, generation: number): Readiness["state"] {
  if ((status.observedGeneration ?? 0) < generation) return "waiting";
  const { lifecycleState: state } = status;
  if (state === "STABLE" || state === "SUSPENDED") return "ready";
  return state === "FAILED" || state === "ROLLED_BACK" ? "stalled" : "waiting";
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

/** With the spec of that generation. */
export function readinessOf(resource: FlinkDeployment | FlinkSessionJob, generation: number): Readiness {
  const { status } = resource;
  if (status === undefined) return { state: "waiting", text: "no operator has looked at it yet" };
  const words = [status.lifecycleState, status.jobStatus?.state].filter((word) => word !== undefined);
  const prefix = words.join(" ");
  const writesConditions = status.conditions?.some(({ type }) => type === "Ready") === true;
  if (!writesConditions) {
    const state = byLifecycle(status, generation);
    const error = errorMessage(status.error);
    return { state, text: oneLine(error === undefined ? prefix : `${prefix}: ${error}`) };
  }
  const ready = condition(status, "Ready", generation);
  const stalled = condition(status, "Stalled", generation);
  if (ready === undefined)
    return { state: "waiting", text: `${prefix}: the operator has not seen the change yet` };
  const text = oneLine(`${prefix}: ${ready.reason}: ${ready.message}`);
  if (ready.status === "True") return { state: "ready", text };
  return { state: stalled?.status === "True" ? "stalled" : "waiting", text };
}
