/** What a plan comes to, in one sentence. */
import { withJobStatusDefaults } from "../../api/defaults.ts";
import { isInPlaceAction } from "../decision.ts";
import { deployedSpec } from "../last-reconciled-spec.ts";
import { phaseOf } from "../phase.ts";
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";
import { isCluster, type Subject } from "./expected-world.ts";
import type { Way } from "./follow.ts";
import { HA_METADATA, originOf, startOf } from "./steps.ts";

export type Verdict =
  /** The spec says what the resource says already. */
  | "nothing"
  /** What runs is not touched. */
  | "recorded"
  | "in-place"
  | "start"
  | "restart"
  | "suspend"
  | "stays-suspended"
  /** Not valid: what runs goes on. */
  | "invalid"
  /** Something has to happen first. */
  | "waits";

export interface Judgement {
  readonly verdict: Verdict;
  /** One sentence, without its subject. */
  readonly summary: string;
}

/** Nothing of it is there that a start could replace. */
function isNew(before: Subject): boolean {
  if (isCluster(before)) return before.cluster.deployment === undefined;
  return ["new", "announced", "suspended"].includes(phaseOf(withJobStatusDefaults(before.resource.status)));
}

function condition({ end }: Way, type: string) {
  return end.resource.status?.conditions?.find((one) => one.type === type);
}

/** `start`: of what was valid before, for another reason. */
function invalid(before: Subject, message: string, start: Judgement | undefined): Judgement {
  const runs = deployedSpec(before.resource.status?.reconciliationStatus ?? {}) !== undefined;
  const goesOn = runs ? "what runs goes on" : "nothing is started";
  const rest = start === undefined ? goesOn : `what was deployed before ${start.summary}`;
  return { verdict: "invalid", summary: `is not valid, and ${rest}: ${message}` };
}

function savedIn({ end }: Way): string {
  const { upgradeSavepointPath: path = "" } = end.resource.status?.jobStatus ?? {};
  if (path === LAST_STATE_MARKER) return "its state is in Flink's HA metadata";
  return path === "" ? "it keeps no state" : `its state is in ${path}`;
}

function suspended(before: Subject, way: Way): Judgement {
  if (!isNew(before)) return { verdict: "suspend", summary: `is suspended; ${savedIn(way)}` };
  return { verdict: "stays-suspended", summary: "stays suspended; the change counts when it is resumed" };
}

function waiting(way: Way): Judgement {
  const stalled = condition(way, "Stalled");
  const why = stalled?.status === "True" ? stalled : condition(way, "Ready");
  return { verdict: "waits", summary: `waits: ${why?.reason ?? "?"}: ${why?.message ?? "nothing is known"}` };
}

/** Undefined: neither the job nor its cluster is started. */
function started(before: Subject, way: Way): Judgement | undefined {
  if (way.broughtBack)
    return { verdict: "restart", summary: `restarts with its session cluster, from ${HA_METADATA}` };
  const start = startOf(way);
  if (start === undefined) return undefined;
  const from = start.hasJob ? `, from ${originOf(start)}` : "";
  return isNew(before)
    ? { verdict: "start", summary: `starts${from}` }
    : { verdict: "restart", summary: `restarts${from}` };
}

function stays({ resource: { kind, spec } }: Subject): string {
  const isSession = kind === "FlinkDeployment" && spec.job === undefined;
  return isSession ? "its session jobs are not restarted" : "the job is not restarted";
}

export function judge(before: Subject, way: Way): Judgement {
  const stalled = condition(way, "Stalled");
  const isStalled = stalled?.status === "True";
  const start = started(before, way);
  if (isStalled && /^(ValidationError|Unsupported)$/.test(stalled.reason))
    return invalid(before, stalled.message, start);
  if (start !== undefined) return start;
  if (!way.settled || isStalled) return waiting(way);
  if (way.actions.some(({ type }) => type === "scale-task-managers"))
    return { verdict: "in-place", summary: `is scaled in place; ${stays(before)}` };
  if (way.actions.some(isInPlaceAction))
    return { verdict: "in-place", summary: `is changed in place; ${stays(before)}` };
  if (way.end.resource.spec.job?.state === "suspended") return suspended(before, way);
  return {
    verdict: "recorded",
    summary: "goes on as it is; the change is recorded and nothing is restarted",
  };
}
