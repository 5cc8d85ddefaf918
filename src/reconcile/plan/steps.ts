/** What a plan does, in words. */
import type { ClusterInputs } from "../../resources/native-cluster.ts";
import type { Action, SubmitJob } from "../decision.ts";
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";
import { NEW } from "./expected-job.ts";
import type { Way } from "./follow.ts";

/** Of a cluster, with its job if it has one of its own, or of a session job. */
export interface Start {
  readonly hasJob: boolean;
  readonly restore: ClusterInputs["restore"];
}

function clusterStart({ spec, restore }: ClusterInputs): Start {
  return { hasJob: spec.job !== undefined, restore };
}

function jobStart({ request: { savepointPath: path } }: SubmitJob): Start {
  return { hasJob: true, restore: path === undefined ? { kind: "none" } : { kind: "savepoint", path } };
}

/** The last one on the way. */
export function startOf({ actions }: Way): Start | undefined {
  const starts = actions.flatMap((action) => {
    if (action.type === "submit-job") return jobStart(action);
    return action.type === "create-cluster" && action.existing === undefined
      ? clusterStart(action.inputs)
      : [];
  });
  return starts.at(-1);
}

/** Where a started job's state comes from. */
export function originOf({ restore }: Start): string {
  if (restore.kind === "none") return "an empty state";
  if (restore.kind === "last-state" || restore.path === LAST_STATE_MARKER) return HA_METADATA;
  if (!restore.path.endsWith(NEW)) return restore.path;
  return restore.path.endsWith(`/savepoint-${NEW}`)
    ? "the savepoint that is taken when it stops"
    : "its newest checkpoint";
}

export const HA_METADATA = "the newest checkpoint in Flink's HA metadata";

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
    const start = clusterStart(inputs);
    const job = start.hasJob ? `the job starts from ${originOf(start)}` : "it waits for session jobs";
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
  "submit-job": (action) => `submit the job; it starts from ${originOf(jobStart(action))}`,
  "add-finalizer": () => undefined,
  "remove-finalizer": () => undefined,
  "delete-snapshot": () => undefined,
  "dispose-savepoint": () => undefined,
};

function stepOf(action: Action): string | undefined {
  return (STEPS[action.type] as Step<Action["type"]>)(action);
}

export function stepsOf({ actions }: Way): string[] {
  const steps = actions.flatMap((action) => stepOf(action) ?? []);
  return steps.filter((step, nth) => step !== steps[nth - 1]);
}
