/** What Flink has in the model. */
import { withSpecDefaults } from "../../src/api/defaults.ts";
import {
  ATTEMPT_ANNOTATION,
  type FlinkJobState,
  GENERATION_ANNOTATION,
  OWNER_ANNOTATION,
} from "../../src/api/flink-deployment.ts";
import type { KubeObject, OwnerReference } from "../../src/api/kube-object.ts";
import { flattenConfiguration } from "../../src/flink/configuration.ts";
import type { JarRunRequest } from "../../src/flink/jar-run.ts";
import type { FlinkAnswers, RetainedAnswer, RetainedQuestion } from "../../src/reconcile/decision.ts";
import { type OwnedObjectName, ownedObjectNames } from "../../src/resources/names.ts";
import { scaleAnnotation, taskManagerCount } from "../../src/resources/task-manager-count.ts";
import type { ClusterInputs } from "../../src/resources/native-cluster.ts";

export interface Job {
  id: string;
  state: FlinkJobState;
  progress: number;
  /** Paths of what could restore it, newest last. */
  durable: { id: number; path: string }[];
  restored: { id: number; path: string } | undefined;
  savepoint: { triggerId: string; path: string } | undefined;
  restarts: number;
}

/** In a session cluster. `owner`: the name of its resource. */
export interface SessionJob {
  readonly id: string;
  readonly owner: string;
  readonly request: JarRunRequest;
  state: FlinkJobState;
  progress: number;
  durable: { readonly id: number; readonly path: string }[];
  readonly restored: { readonly id: number; readonly path: string } | undefined;
  savepoint: { readonly triggerId: string; readonly path: string } | undefined;
}

/** What Flink's checkpoint statistics name as the latest ones: a savepoint is not among the completed checkpoints. */
export function statisticsOf({
  durable,
  restored,
}: Pick<Job, "durable" | "restored">): NonNullable<FlinkAnswers["checkpoints"]> {
  const isSavepoint = ({ path }: { readonly path: string }): boolean =>
    (path.split("/").at(-1) ?? "").startsWith("savepoint-");
  const reference = (one: Job["restored"]) => one && { id: one.id, externalPath: one.path };
  const latest = {
    completed: reference(durable.findLast((one) => !isSavepoint(one))),
    savepoint: reference(durable.findLast(isSavepoint)),
    restored: reference(restored),
  };
  return { ok: true, value: { latest } as never };
}

export interface Cluster {
  inputs: ClusterInputs;
  ha: boolean;
  standalone: boolean;
  job: Job | undefined;
}
export function configurationOf({ defaults, spec }: ClusterInputs): Record<string, string> {
  return { ...defaults, ...flattenConfiguration(spec.flinkConfiguration) };
}

export function isOf(component: "jobmanager" | "taskmanager"): (pod: KubeObject) => boolean {
  return ({ metadata }) => metadata.labels?.["component"] === component;
}

export function namesOf(inputs: ClusterInputs): readonly OwnedObjectName[] {
  return ownedObjectNames(inputs.owner.name, withSpecDefaults(inputs.spec), inputs.defaults);
}

/** The TaskManagers' Deployment of a standalone cluster. */
export function workersOf(inputs: ClusterInputs, metadata: KubeObject["metadata"]): KubeObject {
  const spec = withSpecDefaults(inputs.spec);
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { ...metadata, annotations: scaleAnnotation(spec) },
    spec: { replicas: taskManagerCount(spec, configurationOf(inputs)) },
  };
}

/** By what a Deployment is known to be its owner's. */
export function markOf({ owner: { name, uid, isRecord = false } }: ClusterInputs): {
  readonly annotations: Record<string, string>;
  readonly references: OwnerReference[];
} {
  if (isRecord) return { annotations: { [OWNER_ANNOTATION]: uid }, references: [] };
  return { annotations: {}, references: [{ apiVersion: "v1", kind: "FlinkDeployment", name, uid }] };
}

/** The `nth` id of a job: as ids are, they differ from their first digits on, and Flink names savepoints after these. */
export function idOf(nth: number): string {
  const prefix = (nth * 0x9e3779) & 0xffffff;
  return prefix.toString(16).padStart(6, "0") + nth.toString(16).padStart(26, "0");
}

/** What the state storage answers that holds these paths, each of which ends in its checkpoint's id. */
export function newestOf(
  paths: readonly string[],
  { places, savepoints, asked }: RetainedQuestion,
  now: number,
): RetainedAnswer {
  const folders = places.map(({ directory }) => `${directory}/`);
  if (asked !== undefined) folders.push(`${asked.directory}/${asked.prefix}`);
  const found = paths
    .filter((path) => savepoints.includes(path) || folders.some((folder) => path.startsWith(folder)))
    .map((path) => ({ path, checkpointId: Number(path.split("-").at(-1)) }))
    .sort((a, b) => a.checkpointId - b.checkpointId)
    .at(-1);
  return found === undefined ? { kind: "none" } : { kind: "found", completed: now, ...found };
}

/** By what a Deployment is known to be an attempt's. */
export function marksOf({ generation, attemptId }: ClusterInputs): Record<string, string> {
  return { [GENERATION_ANNOTATION]: String(generation), [ATTEMPT_ANNOTATION]: attemptId };
}

/** The name is taken. */
export function isOfAnotherAttempt(
  deployment: KubeObject | undefined,
  { attemptId }: ClusterInputs,
): boolean {
  const { [ATTEMPT_ANNOTATION]: attempt = attemptId } = deployment?.metadata.annotations ?? {};
  return attempt !== attemptId;
}

export function podOf(
  { name, namespace }: KubeObject["metadata"],
  component: string,
  nth: number,
): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `${name}-${component}-${nth}`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { app: name, component },
    },
    status: { phase: "Running" },
  };
}
