/** What a change of the spec would do to the job: the way that the decisions take, in words. Pure. */
import { modeOf, withSpecDefaults } from "../../api/defaults.ts";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";
import { type Action, isInPlaceAction, type Observed, type Options } from "../decision.ts";
import { deployedSpec, sameJson } from "../last-reconciled-spec.ts";
import { type DiffType, diffSpecs, type FieldChange } from "../spec-diff.ts";
import { NEW } from "./expected-world.ts";
import { type Ask, follow, type Way } from "./follow.ts";
import { risksOf } from "./risks.ts";

export type Verdict =
  /** The spec says what the resource says already. */
  | "nothing"
  /** The running cluster is not touched. */
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

export interface Plan {
  readonly name: string;
  readonly verdict: Verdict;
  /** One sentence. */
  readonly summary: string;
  /** Fields that differ from what is deployed, and what each asks for. */
  readonly changes: readonly (FieldChange & { readonly effect: string })[];
  readonly steps: readonly string[];
  readonly risks: readonly string[];
}

const EFFECTS: Record<DiffType, string> = {
  IGNORE: "no restart",
  IN_PLACE: "in place",
  SCALE: "scaled in place",
  UPGRADE: "restart",
  SAVEPOINT_REDEPLOY: "restart from initialSavepointPath",
};

type CreateCluster = Extract<Action, { type: "create-cluster" }>;

/** Where a started job's state comes from. */
export function originOf({ inputs: { restore, spec } }: CreateCluster): string {
  if (spec.job === undefined) return "no state: a session cluster has none";
  if (restore.kind === "none") return "an empty state";
  if (restore.kind === "last-state") return "the newest checkpoint in Flink's HA metadata";
  if (restore.path === LAST_STATE_MARKER) return "the newest checkpoint in Flink's HA metadata";
  if (!restore.path.endsWith(NEW)) return restore.path;
  return restore.path.endsWith(`/savepoint-${NEW}`)
    ? "the savepoint that is taken when it stops"
    : "its newest checkpoint";
}

/** Undefined: nothing that a person asks about. */
type Step<Type extends Action["type"]> = (action: Extract<Action, { type: Type }>) => string | undefined;

const STEPS: { readonly [Type in Action["type"]]: Step<Type> } = {
  "stop-with-savepoint": ({ formatType, targetDirectory, drain }) => {
    const where = targetDirectory === "" ? "the job's savepoint directory" : targetDirectory;
    return `stop the job with a ${formatType.toLowerCase()} savepoint in ${where}${drain ? ", drained" : ""}`;
  },
  "cancel-job": ({ bestEffort }) => `cancel the job${bestEffort ? "" : "; its newest checkpoint is kept"}`,
  "scale-job-manager-to-zero": () => "take the JobManager down, and the TaskManagers after it",
  "delete-job-manager": () => "delete the cluster's Deployment, Services and ConfigMaps",
  "delete-leftovers": ({ objects }) =>
    `delete what is left: ${objects.map(({ kind, name }) => `${kind} ${name}`).join(", ")}`,
  "delete-config-maps": ({ names, why }) => `delete the HA metadata (${names.join(", ")}): ${why}`,
  "remove-job-graphs": ({ configMap }) =>
    `remove the stored job graph from ${configMap}; the checkpoints in it stay`,
  "create-cluster": (action) => {
    const { existing, inputs } = action;
    if (existing !== undefined) return "complete the cluster's objects";
    const job =
      inputs.spec.job === undefined ? "it waits for session jobs" : `the job starts from ${originOf(action)}`;
    return `create the cluster for generation ${inputs.generation}; ${job}`;
  },
  "scale-task-managers": ({ replicas }) => `scale to ${replicas} TaskManagers; the job goes on`,
  "create-ingress": ({ ingress }) => `create the Ingress ${ingress.metadata.name}; the job goes on`,
  "delete-ingress": () => "delete the Ingress; the job goes on",
  "patch-object": ({ kind, name }) => `change the ${kind} ${name}; the job goes on`,
  // One that exists is only noted down.
  "create-snapshot": ({ snapshot }) =>
    snapshot.spec.savepoint?.alreadyExists === true ? undefined : "take a snapshot, beside the change",
  "trigger-savepoint": () => "take a savepoint, beside the change",
  "trigger-checkpoint": () => "take a checkpoint, beside the change",
  "submit-job": () => "submit the job",
  "add-finalizer": () => undefined,
  "remove-finalizer": () => undefined,
  "delete-snapshot": () => undefined,
  "dispose-savepoint": () => undefined,
};

function stepOf(action: Action): string | undefined {
  return (STEPS[action.type] as Step<Action["type"]>)(action);
}

function stepsOf({ actions }: Way): string[] {
  const steps = actions.flatMap((action) => stepOf(action) ?? []);
  return steps.filter((step, nth) => step !== steps[nth - 1]);
}

function condition(way: Way, type: string) {
  return way.end.resource.status?.conditions?.find((one) => one.type === type);
}

function startOf({ actions }: Way): CreateCluster | undefined {
  return actions.findLast(
    (one): one is CreateCluster => one.type === "create-cluster" && one.existing === undefined,
  );
}

interface Judgement {
  readonly verdict: Verdict;
  readonly summary: string;
}

function invalid(before: Observed, message: string): Judgement {
  const runs = deployedSpec(before.resource.status?.reconciliationStatus ?? {}) !== undefined;
  const rest = runs ? "and what runs goes on" : "and nothing is started";
  return { verdict: "invalid", summary: `is not valid, ${rest}: ${message}` };
}

function suspended(way: Way, isNew: boolean): Judgement {
  if (!isNew) return { verdict: "suspend", summary: `is suspended; ${savedIn(way)}` };
  return { verdict: "stays-suspended", summary: "stays suspended; the change counts when it is resumed" };
}

function waiting(way: Way): Judgement {
  const stalled = condition(way, "Stalled");
  const why = stalled?.status === "True" ? stalled : condition(way, "Ready");
  return { verdict: "waits", summary: `waits: ${why?.reason ?? "?"}: ${why?.message ?? "nothing is known"}` };
}

function judge(before: Observed, way: Way): Judgement {
  const stalled = condition(way, "Stalled");
  const isStalled = stalled?.status === "True";
  if (isStalled && /^(ValidationError|Unsupported)$/.test(stalled.reason))
    return invalid(before, stalled.message);
  const started = startOf(way);
  const isNew = before.cluster.deployment === undefined;
  if (started !== undefined) {
    const from = started.inputs.spec.job === undefined ? "" : `, from ${originOf(started)}`;
    return isNew
      ? { verdict: "start", summary: `starts${from}` }
      : { verdict: "restart", summary: `restarts${from}` };
  }
  if (!way.settled || isStalled) return waiting(way);
  if (way.actions.some(({ type }) => type === "scale-task-managers"))
    return { verdict: "in-place", summary: "is scaled in place; the job is not restarted" };
  if (way.actions.some(isInPlaceAction))
    return { verdict: "in-place", summary: "is changed in place; the job is not restarted" };
  if (way.end.resource.spec.job?.state === "suspended") return suspended(way, isNew);
  return {
    verdict: "recorded",
    summary: "goes on as it is; the change is recorded and nothing is restarted",
  };
}

function savedIn({ end }: Way): string {
  const { upgradeSavepointPath: path = "" } = end.resource.status?.jobStatus ?? {};
  if (path === LAST_STATE_MARKER) return "its state is in Flink's HA metadata";
  return path === "" ? "it keeps no state" : `its state is in ${path}`;
}

/** `observed`: of the resource as it is, or of a new one; `wanted`: what would be applied. */
export async function planChange(
  observed: Observed,
  wanted: FlinkDeployment,
  now: number,
  options: Options,
  ask: Ask,
): Promise<Plan> {
  const { resource } = observed;
  const { name } = wanted.metadata;
  const recorded = deployedSpec(resource.status?.reconciliationStatus ?? {})?.spec;
  const deployed = recorded ?? withSpecDefaults(resource.spec);
  const isNew = recorded === undefined;
  const isEdited = !sameJson(resource.spec, wanted.spec);
  const changes = isNew
    ? []
    : diffSpecs(resource.spec, wanted.spec, modeOf(deployed)).changes.map((change) => ({
        ...change,
        effect: change.path === "job.state" ? `job ${String(change.to)}` : EFFECTS[change.type],
      }));
  if (!isNew && !isEdited)
    return { name, verdict: "nothing", summary: "is unchanged", changes: [], steps: [], risks: [] };
  const generation = (resource.metadata.generation ?? 1) + (isEdited ? 1 : 0);
  const edited = { ...wanted, metadata: { ...resource.metadata, generation }, status: resource.status };
  const before: Observed = { ...observed, resource: edited as FlinkDeployment };
  const way = await follow(before, now, options, ask);
  const { verdict, summary } = judge(before, way);
  const risks = risksOf({ before: observed, wanted, way, started: startOf(way), verdict, options });
  return { name, verdict, summary, changes, steps: stepsOf(way), risks };
}
