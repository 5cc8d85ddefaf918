/** How parallel a job runs, and how many TaskManagers that takes (2.14). */
import { type DefaultedJobSpec, type DefaultedSpec, modeOf } from "../api/defaults.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { type FlinkConfiguration, getMap, getNumber, type Option } from "../flink/configuration.ts";
import { TM_REPLICAS } from "../flink/kubernetes-options.ts";
import { TASK_SLOTS } from "../flink/options.ts";

const OVERRIDES: Option = { key: "pipeline.jobvertex-parallelism-overrides" };

type Sizes = Pick<DefaultedSpec, "mode" | "taskManager" | "job">;

/** The most that an override asks of any vertex; undefined without overrides. */
function largestOverride(config: FlinkConfiguration): number | undefined {
  const overrides = getMap(config, OVERRIDES);
  if (overrides === undefined || overrides === "malformed") return undefined;
  const wanted = Object.values(overrides).map(Number).filter(Number.isFinite);
  return wanted.length === 0 ? undefined : Math.max(...wanted);
}

function slots(config: FlinkConfiguration): number {
  return getNumber(config, TASK_SLOTS) ?? 1;
}

/** `parallelism.default` of the job. */
export function jobParallelism(spec: Sizes, job: DefaultedJobSpec, config: FlinkConfiguration): number {
  const replicas = spec.taskManager?.replicas;
  if (replicas !== undefined) return replicas * slots(config);
  return (modeOf(spec) === "standalone" ? largestOverride(config) : undefined) ?? job.parallelism;
}

/** How many TaskManagers a standalone cluster is given, and a native one asks for. */
export function taskManagerCount(spec: Sizes, config: FlinkConfiguration): number {
  const replicas = spec.taskManager?.replicas;
  if (replicas !== undefined) return replicas;
  if (spec.job === undefined) return getNumber(config, TM_REPLICAS) ?? 1;
  return Math.ceil(jobParallelism(spec, spec.job, config) / slots(config));
}

const SCALE_ANNOTATION = "sluice/scale";

/**
 * On a TaskManager Deployment: the field of the job file that its number of replicas was last made from. Whoever
 * scales the Deployment itself after that, an autoscaler for example, has the last word until that field changes; so
 * a new default of the operator's for the slots does not reach a cluster that runs with the old one.
 */
export function scaleAnnotation({ taskManager, job }: Sizes): Record<string, string> {
  const replicas = taskManager?.replicas;
  const field = replicas === undefined ? `parallelism ${job?.parallelism ?? 0}` : `replicas ${replicas}`;
  return { [SCALE_ANNOTATION]: field };
}

/** Whether a TaskManager Deployment was given `count` replicas for this spec; the Apache operator leaves no note. */
export function isScaledFor({ metadata, spec }: KubeObject, sizes: Sizes, count: number): boolean {
  const noted = metadata.annotations?.[SCALE_ANNOTATION];
  if (noted !== undefined) return noted === scaleAnnotation(sizes)[SCALE_ANNOTATION];
  return ((spec as { replicas?: number } | undefined)?.replicas ?? 1) === count;
}
