/** Carries out one action of a decision. Every action may be repeated: a crash after it and before the next pass is normal. */
import {
  ATTEMPT_ANNOTATION,
  FLINK_DEPLOYMENT_FINALIZER,
  type FlinkDeployment,
} from "../api/flink-deployment.ts";
import { FLINK_SESSION_JOB_FINALIZER, type FlinkSessionJob } from "../api/flink-session-job.ts";
import type { KubeObject } from "../api/kube-object.ts";
import type { FlinkRestClient } from "../flink-rest/client.ts";
import { KubeApiError } from "../kube/api-error.ts";
import type { KubeClient } from "../kube/client.ts";
import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  FLINK_DEPLOYMENTS,
  FLINK_SESSION_JOBS,
  type ResourceType,
  SERVICES,
} from "../kube/resource-type.ts";
import {
  type Action,
  type ActionFailure,
  isInPlaceAction,
  isSnapshotAction,
  type SubmitJob,
} from "../reconcile/decision.ts";
import { isOwnedBy } from "../reconcile/pass.ts";
import { renderCluster } from "../resources/cluster.ts";
import { taskManagerDeploymentName } from "../resources/names.ts";
import { type ClusterInputs, ownedBy } from "../resources/native-cluster.ts";
import { addFinalizer, removeFinalizer } from "./finalizer.ts";
import { runFlinkAction } from "./flink-actions.ts";
import { runInPlaceAction } from "./in-place-actions.ts";
import { runSnapshotAction } from "./snapshot-actions.ts";

export interface Target {
  readonly client: KubeClient;
  readonly flink: FlinkRestClient;
  readonly resource: FlinkDeployment | FlinkSessionJob;
  /** Begins a submission; what becomes of it is observed. */
  readonly submit: (action: SubmitJob) => void;
}

const HELD = {
  FlinkDeployment: { type: FLINK_DEPLOYMENTS, finalizer: FLINK_DEPLOYMENT_FINALIZER },
  FlinkSessionJob: { type: FLINK_SESSION_JOBS, finalizer: FLINK_SESSION_JOB_FINALIZER },
} as const;

const TYPES: Readonly<Record<string, ResourceType>> = {
  Service: SERVICES,
  ConfigMap: CONFIG_MAPS,
  Deployment: DEPLOYMENTS,
};

function typeOf({ kind }: { readonly kind: string }): ResourceType {
  const type = TYPES[kind];
  if (type === undefined) throw new Error(`no resource type for kind ${kind}`);
  return type;
}

function isStatus(error: unknown, status: number): boolean {
  return error instanceof KubeApiError && error.status === status;
}

function attemptOf({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[ATTEMPT_ANNOTATION];
}

/** One without a word of it is the Apache operator's, or an older Sluice's. */
function isSameAttempt(found: KubeObject, wanted: KubeObject): boolean {
  return attemptOf(found) === undefined || attemptOf(found) === attemptOf(wanted);
}

async function createDeployment(
  client: KubeClient,
  wanted: KubeObject,
  { uid }: ClusterInputs["owner"],
): Promise<KubeObject> {
  try {
    return await client.create(DEPLOYMENTS, wanted);
  } catch (error) {
    if (!isStatus(error, 409)) throw error;
    // Made by an earlier pass whose answer was lost, or somebody else's: the owner tells.
    const found = await client.get<KubeObject>(DEPLOYMENTS, wanted.metadata.namespace, wanted.metadata.name);
    if (found === undefined || !isOwnedBy(found, uid) || !isSameAttempt(found, wanted)) throw error;
    return found;
  }
}

/**
 * An object of an earlier Deployment that the garbage collector has not reached yet is replaced. One of the resource's
 * own (`resource`, a uid) was made by the Apache operator, whose cluster this completes.
 */
async function createOwned(client: KubeClient, wanted: KubeObject, resource: string): Promise<void> {
  const type = typeOf(wanted);
  const { namespace, name } = wanted.metadata;
  try {
    await client.create(type, wanted);
  } catch (error) {
    if (!isStatus(error, 409)) throw error;
    const found = await client.get<KubeObject>(type, namespace, name);
    const owners = new Set([wanted.metadata.ownerReferences?.[0]?.uid, resource]);
    if (found?.metadata.ownerReferences?.some(({ uid }) => owners.has(uid))) return;
    const foreign = (found?.metadata.ownerReferences ?? []).every(({ kind }) => kind !== "Deployment");
    if (found !== undefined && foreign) throw error;
    if (found?.metadata.uid !== undefined)
      await client.delete(type, namespace, name, { uid: found.metadata.uid });
    await client.create(type, wanted);
  }
}

async function createCluster(
  client: KubeClient,
  action: Extract<Action, { type: "create-cluster" }>,
): Promise<void> {
  const { deployment, owned } = renderCluster(action.inputs);
  const { owner } = action.inputs;
  const created = action.existing ?? (await createDeployment(client, deployment, owner));
  await Promise.all(owned.map((object) => createOwned(client, ownedBy(object, created), owner.uid)));
}

async function scaleTaskManagers(
  client: KubeClient,
  { metadata }: Target["resource"],
  { uid, replicas, annotations }: Extract<Action, { type: "scale-task-managers" }>,
): Promise<void> {
  const name = taskManagerDeploymentName(metadata.name);
  const patch = { metadata: { uid, annotations }, spec: { replicas } };
  await client.patch(DEPLOYMENTS, metadata.namespace, name, patch, { kind: "merge" });
}

async function deleteLeftovers(
  client: KubeClient,
  namespace: string,
  { objects }: Extract<Action, { type: "delete-leftovers" }>,
): Promise<void> {
  await Promise.all(
    objects.map(({ kind, name, uid }) => {
      const propagation = kind === "Deployment" ? { propagation: "Foreground" as const } : {};
      return client.delete(typeOf({ kind }), namespace, name, { uid, ...propagation });
    }),
  );
}

async function deleteConfigMaps(
  client: KubeClient,
  namespace: string,
  names: readonly string[],
): Promise<void> {
  await Promise.all(names.map((name) => client.delete(CONFIG_MAPS, namespace, name)));
}

async function run(action: Action, target: Target): Promise<ActionFailure | undefined> {
  const { client, flink, resource } = target;
  const { namespace = "default", name } = resource.metadata;
  if (isSnapshotAction(action)) return runSnapshotAction(action, { client, flink, namespace });
  if (isInPlaceAction(action)) return runInPlaceAction(action, client, resource.metadata);
  switch (action.type) {
    case "add-finalizer":
    case "remove-finalizer": {
      const { type, finalizer } = HELD[resource.kind];
      const change = action.type === "add-finalizer" ? addFinalizer : removeFinalizer;
      await change(client, type, resource, finalizer);
      return undefined;
    }
    case "create-cluster":
      await createCluster(client, action);
      return undefined;
    case "scale-job-manager-to-zero": {
      const patch = { metadata: { uid: action.uid }, spec: { replicas: 0 } };
      await client.patch(DEPLOYMENTS, namespace, name, patch, { kind: "merge" });
      return undefined;
    }
    case "delete-job-manager":
      await client.delete(DEPLOYMENTS, namespace, name, { uid: action.uid, propagation: "Foreground" });
      return undefined;
    case "scale-task-managers":
      await scaleTaskManagers(client, resource, action);
      return undefined;
    case "delete-leftovers":
      await deleteLeftovers(client, namespace, action);
      return undefined;
    case "delete-config-maps":
      await deleteConfigMaps(client, namespace, action.names);
      return undefined;
    case "remove-job-graphs": {
      const data = Object.fromEntries(action.keys.map((key) => [key, null]));
      await client.patch(CONFIG_MAPS, namespace, action.configMap, { data }, { kind: "merge" });
      return undefined;
    }
    case "submit-job":
      target.submit(action);
      return undefined;
    case "cancel-job":
    case "stop-with-savepoint":
      return runFlinkAction(action, flink);
  }
}

/** What was thrown as a value; undefined for what was not needed any more. */
export function failureOf<T extends string>(action: T, error: unknown): ActionFailure<T> | undefined {
  const creates = action.startsWith("create-");
  if (isStatus(error, 404) && !creates) return undefined;
  if (error instanceof KubeApiError) return { action, reason: error.reason, message: error.message };
  if (error instanceof Error) return { action, reason: error.name, message: error.message };
  throw error;
}

/** The failure as a value; undefined when it is done, or was not needed any more. */
export async function execute(action: Action, target: Target): Promise<ActionFailure | undefined> {
  try {
    return await run(action, target);
  } catch (error) {
    return failureOf(action.type, error);
  }
}
