/** From what a user wrote to the values of an installation: defaults, layers, and everything that is wrong with them. */
import type { JsonSchema } from "../api/json-schema.ts";
import { error, type Finding } from "../reconcile/validation/finding.ts";
import { checkValue } from "../reconcile/validation/schema-check.ts";
import { NAME_PATTERN, type Values, ValuesSchema } from "./values.ts";

export interface ValueSchema extends JsonSchema {
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, ValueSchema>>;
  readonly uniqueItems?: boolean;
  readonly pattern?: string;
  readonly "x-sluice-ignored"?: true;
}

type Tree = Readonly<Record<string, unknown>>;

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function defaultsOf(schema: ValueSchema): unknown {
  if (schema.default !== undefined) return structuredClone(schema.default);
  const children = Object.entries(schema.properties ?? {});
  return Object.fromEntries(children.map(([name, child]) => [name, defaultsOf(child)]));
}

export const ROOT = ValuesSchema as object as ValueSchema;

export function defaultValues(): Values {
  return defaultsOf(ROOT) as Values;
}

/** As Helm lays values files over one another: maps key by key, everything else as a whole. */
export function overlay(below: Tree, above: Tree): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...below };
  for (const [name, value] of Object.entries(above)) {
    const under = merged[name];
    merged[name] = isTree(value) && isTree(under) ? overlay(under, value) : value;
  }
  return merged;
}

/** Of what lies over the defaults, null takes a default away. */
function withoutNull(value: unknown): unknown {
  if (!isTree(value)) return value;
  const kept = Object.entries(value).filter(([, child]) => child !== null);
  return Object.fromEntries(kept.map(([name, child]) => [name, withoutNull(child)]));
}

/** The values as Helm has them in the end. */
export function mergeValues(below: Tree, above: Tree): Record<string, unknown> {
  return withoutNull(overlay(below, above)) as Record<string, unknown>;
}

const EMPTY: Readonly<Record<string, unknown>> = { string: "", boolean: false, array: [], object: {} };

/** What null took away is empty, as it is in a template; a number is its default again. */
function completed(schema: ValueSchema, value: unknown): unknown {
  if (value === undefined)
    return schema.properties ? defaultsOf(schema) : (EMPTY[schema.type ?? ""] ?? schema.default);
  if (schema.properties === undefined || !isTree(value)) return value;
  const children = Object.entries(schema.properties);
  return {
    ...value,
    ...Object.fromEntries(children.map(([name, child]) => [name, completed(child, value[name])])),
  };
}

/** What no schema can say. The chart's `sluice.check` says the same. */
function contradictions({ defaultConfiguration: files, image, ...values }: Values): Finding[] {
  const findings: Finding[] = [];
  if (files["config.yaml"] !== "" && files["flink-conf.yaml"] !== "")
    findings.push(
      error("defaultConfiguration", "has both config.yaml and flink-conf.yaml", "keep one of the two"),
    );
  if (image.repository.endsWith("flink-kubernetes-operator"))
    findings.push(
      error(
        "image.repository",
        "is the Apache operator's image",
        "name Sluice's, or remove image from your values",
      ),
    );
  for (const [index, object] of values.extraObjects.entries())
    if (!isObject(object))
      findings.push(
        error(
          `extraObjects[${index}]`,
          "is no object of Kubernetes",
          "give it apiVersion, kind and metadata.name",
        ),
      );
  for (const path of ["nameOverride", "fullnameOverride"] as const)
    if (!new RegExp(NAME_PATTERN).test(values[path]))
      findings.push(error(path, "is no name of an object", "use small letters, digits and dashes"));
  const lists = {
    watchNamespaces: values.watchNamespaces,
    "jobServiceAccount.namespaces": values.jobServiceAccount.namespaces,
  };
  for (const [path, list] of Object.entries(lists))
    if (new Set(list).size < list.length)
      findings.push(error(path, "names a namespace twice", "name it once"));
  return findings;
}

function isObject(value: unknown): boolean {
  if (!isTree(value)) return false;
  const { apiVersion, kind, metadata } = value;
  const named = [apiVersion, kind, isTree(metadata) ? metadata["name"] : undefined];
  return named.every((text) => typeof text === "string" && text !== "");
}

/** Of what a parent chart sets. */
const OF_PARENTS = ["global", "enabled"];

export interface ReadValues {
  readonly values: Values;
  /** Errors: with any, the values are not to be used. */
  readonly findings: readonly Finding[];
}

/** Later layers win. */
export function readValues(layers: readonly Tree[]): ReadValues {
  const merged = [defaultValues() as Tree, ...layers].reduce(mergeValues) as Record<string, unknown>;
  for (const name of OF_PARENTS) delete merged[name];
  const values = completed(ROOT, merged) as Values;
  const { wrong, unknown } = checkValue(values, ROOT);
  const findings = [...wrong, ...unknown.map(({ path, message, next }) => error(path, message, next))];
  return { values, findings: findings.length > 0 ? findings : contradictions(values) };
}

function ignoredIn(schema: ValueSchema, value: unknown, path: string): string[] {
  if (schema["x-sluice-ignored"]) {
    return JSON.stringify(value) === JSON.stringify(schema.default) ? [] : [path];
  }
  const children = Object.entries(schema.properties ?? {});
  return children.flatMap(([name, child]) =>
    ignoredIn(child, (value as Tree)[name], path === "" ? name : `${path}.${name}`),
  );
}

/** Values that are set and have no effect here. */
export function ignoredValues(values: Values): string[] {
  return ignoredIn(ROOT, values, "");
}
