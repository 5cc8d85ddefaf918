/** Pod templates (2.17): the common one, overlaid by that of the JobManager or TaskManager, and what Sluice adds. */
import type { Container } from "kubernetes-types/core/v1.d.ts";
import type { DefaultedSpec } from "../api/defaults.ts";
import type { PodTemplate } from "../api/flink-deployment.ts";
import { type FlinkConfiguration, getBoolean } from "../flink/configuration.ts";
import { JM_STARTUP_PROBE, MERGE_ARRAYS_BY_NAME } from "../flink/options.ts";
import { containerResources, type ProcessSpec } from "./process-resources.ts";

/** Flink knows its own container by this name. */
export const MAIN_CONTAINER = "flink-main-container";

export type ArrayMerge = "by-index" | "by-name";

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function nameOf(item: unknown): string | undefined {
  return isObject(item) && typeof item["name"] === "string" ? item["name"] : undefined;
}

function mergeByName(
  base: readonly unknown[],
  overlay: readonly unknown[],
  names: readonly string[],
): unknown[] {
  const overlays = new Map(overlay.map((item, index) => [names[index], item]));
  const merged = base.map((item) => {
    const name = nameOf(item);
    const over = overlays.get(name);
    overlays.delete(name);
    return over === undefined ? item : mergeValues(item, over, "by-name");
  });
  return [...merged, ...overlays.values()];
}

function mergeArrays(base: readonly unknown[], overlay: readonly unknown[], arrays: ArrayMerge): unknown[] {
  const names = overlay.map(nameOf);
  const named = [...base.map(nameOf), ...names].every((name) => name !== undefined);
  if (arrays === "by-name" && named) return mergeByName(base, overlay, names as string[]);
  const length = Math.max(base.length, overlay.length);
  return Array.from({ length }, (_, index) => {
    if (index >= overlay.length) return base[index];
    return index >= base.length ? overlay[index] : mergeValues(base[index], overlay[index], arrays);
  });
}

function mergeValues(base: unknown, overlay: unknown, arrays: ArrayMerge): unknown {
  if (Array.isArray(base) && Array.isArray(overlay)) return mergeArrays(base, overlay, arrays);
  if (!isObject(base) || !isObject(overlay)) return overlay;
  const merged = { ...base };
  for (const [field, value] of Object.entries(overlay)) {
    merged[field] = field in base ? mergeValues(base[field], value, arrays) : value;
  }
  return merged;
}

/** Fields without a value say nothing; in an overlay they would otherwise erase what they overlay. */
function withoutNulls<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutNulls) as T;
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(([, child]) => child !== null && child !== undefined);
  return Object.fromEntries(kept.map(([field, child]) => [field, withoutNulls(child)])) as T;
}

/** What counts of a template: the schema is that of a Pod, so a kind and even a status are accepted. */
function essence(template: PodTemplate): PodTemplate {
  const { metadata, spec } = withoutNulls(template);
  return { ...(metadata === undefined ? {} : { metadata }), ...(spec === undefined ? {} : { spec }) };
}

/** `overlay` over `base`: objects field by field, scalars replaced, arrays as asked for. Neither is changed. */
export function mergePodTemplates(
  base: PodTemplate | undefined,
  overlay: PodTemplate | undefined,
  arrays: ArrayMerge,
): PodTemplate | undefined {
  if (base === undefined) return overlay === undefined ? undefined : essence(overlay);
  if (overlay === undefined) return essence(base);
  return mergeValues(essence(base), essence(overlay), arrays) as PodTemplate;
}

/** The template with its main container (added when there is none) changed. */
export function withMainContainer(
  template: PodTemplate | undefined,
  change: (container: Container) => Container,
): PodTemplate {
  const containers = template?.spec?.containers ?? [];
  const changed = containers.some(({ name }) => name === MAIN_CONTAINER)
    ? containers.map((one) => (one.name === MAIN_CONTAINER ? change(one) : one))
    : [...containers, change({ name: MAIN_CONTAINER })];
  return { ...template, spec: { ...template?.spec, containers: changed } };
}

function withResources(
  template: PodTemplate | undefined,
  process: ProcessSpec | undefined,
): PodTemplate | undefined {
  const wanted = containerResources(process);
  if (wanted === undefined) return template;
  return withMainContainer(template, (container) => ({
    ...container,
    resources: {
      ...container.resources,
      requests: { ...container.resources?.requests, ...(wanted.requests as Record<string, string>) },
      limits: { ...container.resources?.limits, ...(wanted.limits as Record<string, string>) },
    },
  }));
}

/** Makes the Deployment "available" only once the dispatcher answers. It never gives up: Flink takes its time. */
function withStartupProbe(template: PodTemplate | undefined): PodTemplate {
  return withMainContainer(template, (container) => ({
    startupProbe: {
      httpGet: { path: "/config", port: "rest" },
      periodSeconds: 1,
      failureThreshold: 2_147_483_647,
    },
    ...container,
  }));
}

function arrayMerge(config: FlinkConfiguration): ArrayMerge {
  return getBoolean(config, MERGE_ARRAYS_BY_NAME) ? "by-name" : "by-index";
}

/** `config` is the assembled one, with the operator's own options. */
export function jobManagerTemplate(spec: DefaultedSpec, config: FlinkConfiguration): PodTemplate | undefined {
  const merged = mergePodTemplates(spec.podTemplate, spec.jobManager?.podTemplate, arrayMerge(config));
  const template = withResources(merged, spec.jobManager);
  return getBoolean(config, JM_STARTUP_PROBE) ? withStartupProbe(template) : template;
}

/** Undefined when the job file gives none: TaskManager pods then are as Flink makes them. */
export function taskManagerTemplate(
  spec: Pick<DefaultedSpec, "podTemplate" | "taskManager">,
  config: FlinkConfiguration,
): PodTemplate | undefined {
  const merged = mergePodTemplates(spec.podTemplate, spec.taskManager?.podTemplate, arrayMerge(config));
  return withResources(merged, spec.taskManager);
}
