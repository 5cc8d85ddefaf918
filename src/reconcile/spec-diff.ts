/**
 * What a change of the spec does to the running job. Same algorithm and same text as the Apache operator: each
 * differing field has a type, the change has the highest of them.
 */
import { type DefaultedSpec, type Mode, modeOf, withSpecDefaults } from "../api/defaults.ts";
import type { FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import { flattenConfiguration } from "../flink/configuration.ts";
import {
  INTERNAL_SERVICE_ANNOTATIONS,
  INTERNAL_SERVICE_LABELS,
  REST_SERVICE_ANNOTATIONS,
  REST_SERVICE_LABELS,
} from "../flink/kubernetes-options.ts";
import { areReadAgain, type LogFiles } from "../resources/log-files.ts";
import { sameJson } from "./last-reconciled-spec.ts";

/** `IN_PLACE`, which the Apache operator does not have: objects of the cluster change, and Flink notices nothing. */
export type DiffType = "IGNORE" | "IN_PLACE" | "SCALE" | "UPGRADE" | "SAVEPOINT_REDEPLOY";

const RANK: Record<DiffType, number> = {
  IGNORE: 0,
  IN_PLACE: 1,
  SCALE: 2,
  UPGRADE: 3,
  SAVEPOINT_REDEPLOY: 4,
};

export interface FieldChange {
  /** Path below the spec, `job.parallelism`. */
  readonly path: string;
  readonly type: DiffType;
  readonly from: unknown;
  readonly to: unknown;
}

export interface SpecDiff {
  /** The highest type of all changes; IGNORE when there are none. */
  readonly type: DiffType;
  readonly changes: readonly FieldChange[];
}

interface FieldRule {
  readonly type: DiffType;
  /** A nonce that is taken away changes nothing. */
  readonly ignoreWhenCleared?: true;
}

const UPGRADE: FieldRule = { type: "UPGRADE" };
const IGNORE: FieldRule = { type: "IGNORE" };
const IN_PLACE: FieldRule = { type: "IN_PLACE" };

/** Every field that is not UPGRADE. `SCALE` holds in standalone mode only; natively it is an UPGRADE. */
const RULES: Readonly<Record<string, FieldRule>> = {
  ingress: IN_PLACE,
  restartNonce: { type: "UPGRADE", ignoreWhenCleared: true },
  "job.parallelism": { type: "SCALE" },
  "job.upgradeMode": IGNORE,
  "job.initialSavepointPath": IGNORE,
  "job.allowNonRestoredState": IGNORE,
  "job.savepointTriggerNonce": IGNORE,
  "job.checkpointTriggerNonce": IGNORE,
  "job.autoscalerResetNonce": IGNORE,
  "job.savepointRedeployNonce": { type: "SAVEPOINT_REDEPLOY", ignoreWhenCleared: true },
  "taskManager.replicas": { type: "SCALE" },
};

/** By the first matching prefix; natively only the overrides can be scaled in place. */
export const CONFIG_PREFIXES: readonly (readonly [string, Record<Mode, DiffType>])[] = [
  ["job.autoscaler", { native: "IGNORE", standalone: "IGNORE" }],
  ["parallelism.default", { native: "IGNORE", standalone: "IGNORE" }],
  ["kubernetes.operator", { native: "IGNORE", standalone: "IGNORE" }],
  ["sluice.secret.", { native: "UPGRADE", standalone: "UPGRADE" }],
  ["sluice.jar.", { native: "UPGRADE", standalone: "UPGRADE" }],
  ["sluice.metrics.prometheus", { native: "UPGRADE", standalone: "UPGRADE" }],
  ["sluice.", { native: "IGNORE", standalone: "IGNORE" }],
  ...[
    REST_SERVICE_ANNOTATIONS,
    REST_SERVICE_LABELS,
    INTERNAL_SERVICE_ANNOTATIONS,
    INTERNAL_SERVICE_LABELS,
  ].map(({ key }) => [key, { native: "IN_PLACE", standalone: "IN_PLACE" }] as const),
  ["pipeline.jobvertex-parallelism-overrides", { native: "SCALE", standalone: "UPGRADE" }],
];

function ruleFor(path: string, mode: Mode, from: unknown, to: unknown): FieldRule {
  if (path === "logConfiguration") return areReadAgain(from as LogFiles, to as LogFiles) ? IN_PLACE : UPGRADE;
  const rule = RULES[path] ?? UPGRADE;
  return rule.type === "SCALE" && mode === "native" ? UPGRADE : rule;
}

function change(path: string, from: unknown, to: unknown, rule: FieldRule): FieldChange {
  const type = rule.ignoreWhenCleared && to === undefined ? "IGNORE" : rule.type;
  return { path, type, from, to };
}

/** Null, absent and empty are the same. */
function comparable(value: unknown): unknown {
  if (value === undefined || value === null) return undefined;
  const empty = typeof value === "object" && !Array.isArray(value) && Object.keys(value).length === 0;
  return empty ? undefined : value;
}

const MAPS = new Set(["labels", "annotations", "nodeSelector", "limits", "requests"]);

/** Java's classes do not keep empty lists and maps; other empty objects, such as `emptyDir`, they do. */
function isKept([name, value]: [string, unknown]): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return !MAPS.has(name) || comparable(value) !== undefined;
}

/**
 * What a value comes to in the cluster: of a pod template metadata and spec; a quantity is the same as number and as
 * text (a spec that the Apache operator recorded holds text and no more of a template than these two).
 */
function deployable(name: string, value: unknown): unknown {
  if (typeof value === "number") return String(value);
  if (Array.isArray(value)) return value.map((item) => deployable("", item));
  if (typeof value !== "object" || value === null) return value;
  const { metadata, spec } = value as Record<string, unknown>;
  if (name !== "podTemplate") {
    const kept = Object.entries(value).filter(isKept);
    return Object.fromEntries(kept.map(([key, child]) => [key, deployable(key, child)]));
  }
  return (comparable(metadata) ?? comparable(spec)) ? deployable("", { metadata, spec }) : undefined;
}

function isSame(name: string, before: unknown, after: unknown): boolean {
  return sameJson(before, after) || sameJson(deployable(name, before), deployable(name, after));
}

function compareFields(
  from: Readonly<Record<string, unknown>>,
  to: Readonly<Record<string, unknown>>,
  prefix: string,
  mode: Mode,
): FieldChange[] {
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  return names.flatMap((name) => {
    if (prefix === "" && name === "flinkConfiguration") return [];
    const path = `${prefix}${name}`;
    const [before, after] = [comparable(from[name]), comparable(to[name])];
    if (
      prefix === "" &&
      (name === "job" || name === "taskManager") &&
      (name === "taskManager" || (before && after))
    ) {
      return compareFields(
        (before ?? {}) as Record<string, unknown>,
        (after ?? {}) as Record<string, unknown>,
        `${name}.`,
        mode,
      );
    }
    return isSame(name, before, after)
      ? []
      : [change(path, before, after, ruleFor(path, mode, before, after))];
  });
}

function compareConfiguration(from: unknown, to: unknown, mode: Mode): FieldChange[] {
  const [before, after] = [flattenConfiguration(from), flattenConfiguration(to)];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys.flatMap((key) => {
    if (before[key] === after[key]) return [];
    const type = CONFIG_PREFIXES.find(([prefix]) => key.startsWith(prefix))?.[1][mode] ?? "UPGRADE";
    return [{ path: `flinkConfiguration.${key}`, type, from: before[key], to: after[key] }];
  });
}

/** What is not written out is there with its default. */
function fields(spec: DefaultedSpec): Record<string, unknown> {
  return { ...spec, mode: modeOf(spec), jobManager: { replicas: 1, ...spec.jobManager } };
}

export function diffSpecs(before: FlinkDeploymentSpec, after: FlinkDeploymentSpec, mode: Mode): SpecDiff {
  const [from, to] = [withSpecDefaults(before), withSpecDefaults(after)];
  const changes = [
    ...compareFields(fields(from), fields(to), "", mode),
    ...compareConfiguration(from.flinkConfiguration, to.flinkConfiguration, mode),
  ];
  const type = changes.reduce<DiffType>((max, { type }) => (RANK[type] > RANK[max] ? type : max), "IGNORE");
  return { type, changes };
}

/** Whether more is to be done than to change objects that Flink does not look at. */
export function concernsFlink({ type }: Pick<SpecDiff, "type">): boolean {
  return RANK[type] > RANK.IN_PLACE;
}

/** The spec with those of the changes that take effect in place, and with no others. */
export function withInPlaceChanges(spec: DefaultedSpec, changes: readonly FieldChange[]): DefaultedSpec {
  const result: Record<string, unknown> = { ...spec };
  let config: Record<string, unknown> | undefined;
  for (const { path, type, to } of changes) {
    if (type !== "IN_PLACE") continue;
    if (path === "ingress") result["ingress"] = to;
    // It may be another spec that they are changes of.
    else if (path === "logConfiguration" && areReadAgain(spec.logConfiguration, to as LogFiles)) {
      result["logConfiguration"] = to;
    } else if (path.startsWith("flinkConfiguration.")) {
      config ??= flattenConfiguration(spec.flinkConfiguration);
      config[path.slice("flinkConfiguration.".length)] = to;
    }
  }
  if (config !== undefined) result["flinkConfiguration"] = config;
  return withSpecDefaults(result);
}

function render(value: unknown): string {
  if (value === undefined || value === null) return "null";
  if (Array.isArray(value)) return `[${value.map(render).join(",")}]`;
  if (typeof value === "object") return "{..}";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Names of what holds credentials: Flink's own list of sensitive options, and what is usual in addresses and arguments. */
const SECRET =
  /passw|secret|token|(access|account|api|service|private).?key|credential|signature|auth.?params|basic.?auth|jaas|http.?headers?|[?&]sig=|\bsas\b/i;
const USER_INFO = /:\/\/[^/\s@]+@/;

/** Credentials are never shown: neither by the name of the option, nor inside an argument or address. */
export function isSecret({ path, from, to }: Pick<FieldChange, "path" | "from" | "to">): boolean {
  return [path, render(from), render(to)].some((text) => SECRET.test(text) || USER_INFO.test(text));
}

/** `Diff: FlinkDeploymentSpec[job.parallelism : 2 -> 4]`, the text of the SpecChanged event. */
export function describeDiff(diff: SpecDiff, kind = "FlinkDeployment"): string {
  const parts = diff.changes.map((one) => {
    const hidden = isSecret(one);
    return `${one.path} : ${hidden ? "***" : render(one.from)} -> ${hidden ? "***" : render(one.to)}`;
  });
  return `Diff: ${kind}Spec[${parts.join(", ")}]`;
}
