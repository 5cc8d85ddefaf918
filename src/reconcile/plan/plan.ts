/** What a change of specs would do to the jobs: the way that the decisions take, in words. Pure. */
import { modeOf } from "../../api/defaults.ts";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import type { Observed, Options } from "../decision.ts";
import { deployedSpec, sameJson } from "../last-reconciled-spec.ts";
import { type DiffType, diffSpecs, type FieldChange } from "../spec-diff.ts";
import { isCluster, type Subject } from "./expected-world.ts";
import { type Ask, follow, type Way } from "./follow.ts";
import { risksOf } from "./risks.ts";
import { startOf, stepsOf } from "./steps.ts";
import { judge, type Verdict } from "./verdict.ts";

export type { Verdict } from "./verdict.ts";

export interface Plan {
  readonly kind: (FlinkDeployment | FlinkSessionJob)["kind"];
  readonly name: string;
  readonly verdict: Verdict;
  /** One sentence. */
  readonly summary: string;
  /** Fields that differ from what is deployed, and what each asks for. */
  readonly changes: readonly (FieldChange & { readonly effect: string })[];
  readonly steps: readonly string[];
  readonly risks: readonly string[];
}

export interface Change {
  /** Of the resource as it is, or of a new one. */
  readonly observed: Subject;
  /** What would be applied. Undefined: nothing; it shares a session cluster with what is changed. */
  readonly wanted: FlinkDeployment | FlinkSessionJob | undefined;
}

const EFFECTS: Record<DiffType, string> = {
  IGNORE: "no restart",
  IN_PLACE: "in place",
  SCALE: "scaled in place",
  UPGRADE: "restart",
  SAVEPOINT_REDEPLOY: "restart from initialSavepointPath",
};

export function unchanged({ kind, metadata: { name } }: Subject["resource"]): Plan {
  return { kind, name, verdict: "nothing", summary: "is unchanged", changes: [], steps: [], risks: [] };
}

function recordOf({ status }: Subject["resource"]) {
  return deployedSpec(status?.reconciliationStatus ?? {})?.spec;
}

function isEdited({ observed: { resource }, wanted }: Change): boolean {
  return wanted !== undefined && !sameJson(resource.spec, wanted.spec);
}

/** There is something to do for its own sake. */
function isDue(change: Change): boolean {
  const isNew = change.wanted !== undefined && recordOf(change.observed.resource) === undefined;
  return isNew || isEdited(change);
}

function fieldsOf({ observed: { resource }, wanted }: Change): Plan["changes"] {
  const recorded = recordOf(resource);
  if (recorded === undefined || wanted === undefined) return [];
  return diffSpecs(resource.spec, wanted.spec, modeOf(recorded)).changes.map((change) => ({
    ...change,
    effect: change.path === "job.state" ? `job ${String(change.to)}` : EFFECTS[change.type],
  }));
}

/** As it would be seen when it was applied. */
function edited(change: Change): Subject {
  const { observed, wanted } = change;
  const { metadata, status } = observed.resource;
  if (!isDue(change)) return observed;
  const generation = (metadata.generation ?? 1) + (isEdited(change) ? 1 : 0);
  const resource = { ...wanted, metadata: { ...metadata, generation }, status };
  return { ...observed, resource } as Subject;
}

/** Whether the change of its session cluster reaches the job. */
function isTouched(way: Way): boolean {
  const isStopped = way.actions.some(({ type }) => type === "cancel-job" || type === "stop-with-savepoint");
  return way.broughtBack || isStopped || startOf(way) !== undefined;
}

/** Of a session cluster: which jobs share its fate. */
function withJobs(plan: Plan, subjects: readonly Subject[], ways: readonly Way[]): Plan {
  const isStart = plan.verdict === "start" || plan.verdict === "restart";
  const moved = subjects.filter((subject, nth) => {
    const way = ways[nth]!;
    return !isCluster(subject) && (way.broughtBack || startOf(way) !== undefined);
  });
  if (!isStart || moved.length === 0) return plan;
  const names = moved.map(({ resource }) => resource.metadata.name).join(", ");
  return { ...plan, summary: `${plan.summary}, and with it the session jobs ${names}` };
}

/** `changes`: of a cluster, and of session jobs in it. A job that nobody changes is left out unless its cluster's change reaches it. */
export async function planChanges(
  changes: readonly Change[],
  now: number,
  options: Options,
  ask: Ask,
): Promise<Plan[]> {
  if (!changes.some(isDue)) return changes.flatMap(({ wanted }) => (wanted ? unchanged(wanted) : []));
  const subjects = changes.map(edited);
  const { ways } = await follow(subjects, now, options, ask);
  const isClusterDue = changes.some((change) => isCluster(change.observed) && isDue(change));
  return ways.flatMap((way, nth) => {
    const [change, subject] = [changes[nth]!, subjects[nth]!];
    const reached = !isCluster(subject) && isClusterDue && isTouched(way);
    if (!isDue(change) && !reached) return change.wanted === undefined ? [] : unchanged(change.wanted);
    const plan = planOf(change, subject, way, { subjects, options });
    return isCluster(subject) ? withJobs(plan, subjects, ways) : plan;
  });
}

/** What is planned together. */
interface Context {
  readonly subjects: readonly Subject[];
  readonly options: Options;
}

function planOf(change: Change, subject: Subject, way: Way, { subjects, options }: Context): Plan {
  const { observed } = change;
  const { kind, metadata } = observed.resource;
  const { verdict, summary } = judge(subject, way);
  const cluster = subjects.find(isCluster);
  const risks = risksOf({ before: observed, wanted: subject, cluster, way, verdict, options });
  return {
    kind,
    name: metadata.name,
    verdict,
    summary,
    changes: fieldsOf(change),
    steps: stepsOf(way),
    risks,
  };
}

/** Of one application or cluster without session jobs. `observed`: of the resource as it is, or of a new one; `wanted`: what would be applied. */
export async function planChange(
  observed: Observed,
  wanted: FlinkDeployment,
  now: number,
  options: Options,
  ask: Ask,
): Promise<Plan> {
  const [plan] = await planChanges([{ observed, wanted }], now, options, ask);
  return plan ?? unchanged(wanted);
}
