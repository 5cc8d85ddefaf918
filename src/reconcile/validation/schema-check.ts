/**
 * Types, enums and names of fields, by walking the schemas that the CRDs are made of. The API server checks types too,
 * but one at a time and without advice, and it drops unknown fields in silence.
 */
import { type JsonSchema, resolveSchema } from "../../api/json-schema.ts";
import { kinds } from "../../api/kinds.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { isSecret } from "../spec-diff.ts";
import { error, type Finding, joinPath, warning } from "./finding.ts";
import { nearest } from "./nearest.ts";

interface Findings {
  readonly wrong: Finding[];
  readonly unknown: Finding[];
  readonly empty: Finding[];
  readonly places: Places;
}

/** Where a field of a name would be right, for those on the wrong level. */
type Places = ReadonlyMap<string, string>;

const RANGES: Readonly<Record<string, number>> = { int32: 2_147_483_647, int64: Number.MAX_SAFE_INTEGER };

/** Nobody but the author knows what a variable of a container holds. */
const VARIABLE = /\.env\[\d+\]\.value$/;

function isHidden(value: unknown, path: string): boolean {
  if (typeof value === "boolean") return false;
  return VARIABLE.test(path) || isSecret({ path, from: undefined, to: value });
}

/** `the text "2"`, `the number 2`, `a list`: as the author sees it; without the value where it may be a credential. */
export function describeValue(value: unknown, path: string): string {
  if (isHidden(value, path) && typeof value !== "object")
    return typeof value === "string" ? "text" : "a number";
  if (typeof value === "string") return `the text ${JSON.stringify(value)}`;
  if (typeof value === "number") return `the number ${value}`;
  if (typeof value === "boolean") return String(value);
  return Array.isArray(value) ? "a list" : "a map";
}

const NAMES: Readonly<Record<string, string>> = {
  string: "text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  object: "a map",
  array: "a list",
};

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case "integer":
      return Number.isInteger(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && !Array.isArray(value);
    default:
      return typeof value === type;
  }
}

/** What turns a value of the wrong type into one of the right type. */
function typeAdvice(value: unknown, type: string): string | undefined {
  if (type === "string" && (typeof value === "number" || typeof value === "boolean"))
    return `put it in quotes: ${JSON.stringify(String(value))}`;
  if (typeof value !== "string") return undefined;
  const isNumber = /^-?\d+(\.\d+)?$/.test(value) && (type === "number" || !value.includes("."));
  if ((type === "integer" || type === "number") && isNumber) return `write it without quotes: ${value}`;
  if (type === "boolean" && /^(true|false)$/i.test(value)) {
    return `write it without quotes: ${value.toLowerCase()}`;
  }
  return undefined;
}

function checkScalar(value: unknown, schema: JsonSchema, path: string): Finding | undefined {
  const { type, enum: values, format } = schema;
  if (schema["x-kubernetes-int-or-string"]) {
    if (typeof value === "string" || Number.isInteger(value)) return undefined;
    const advice = typeof value === "number" ? `put it in quotes: "${value}"` : undefined;
    return error(path, `must be a whole number or text, is ${describeValue(value, path)}`, advice);
  }
  if (type !== undefined && !hasType(value, type)) {
    const message = `must be ${NAMES[type] ?? type}, is ${describeValue(value, path)}`;
    return error(path, message, isHidden(value, path) ? undefined : typeAdvice(value, type));
  }
  if (values !== undefined && !values.includes(value as string)) {
    const meant = nearest(String(value), values);
    const advice = meant === undefined ? undefined : `did you mean ${JSON.stringify(meant)}?`;
    return error(
      path,
      `must be one of ${values.join(", ")}; is ${describeValue(value, path)}`,
      advice,
      meant,
    );
  }
  const limit = RANGES[format ?? ""];
  if (limit !== undefined && Math.abs(value as number) > limit) {
    return error(path, `must be at most ${limit}, is ${String(value)}`);
  }
  return undefined;
}

function unknownField(name: string, known: readonly string[], path: string, places: Places): Finding {
  const elsewhere = nearest(name, places.keys());
  const meant = nearest(name, known) ?? (elsewhere === undefined ? undefined : places.get(elsewhere));
  return warning(path, "no such field", meant === undefined ? undefined : `did you mean ${meant}?`, meant);
}

function walk(value: unknown, given: JsonSchema, path: string, findings: Findings): void {
  const schema = resolveSchema(given);
  const wrong = checkScalar(value, schema, path);
  if (wrong !== undefined) {
    findings.wrong.push(wrong);
    return;
  }
  if (Array.isArray(value)) {
    if (schema.items === undefined) return;
    for (const [index, item] of value.entries()) visit(item, schema.items, joinPath(path, index), findings);
    return;
  }
  if (value === null || typeof value !== "object") return;
  for (const [name, child] of Object.entries(value)) {
    const childPath = joinPath(path, name);
    // Object.hasOwn: "constructor" is no field.
    const known = schema.properties !== undefined && Object.hasOwn(schema.properties, name);
    const childSchema = known ? schema.properties[name] : schema.additionalProperties;
    if (childSchema !== undefined) visit(child, childSchema, childPath, findings);
    else if (!schema["x-kubernetes-preserve-unknown-fields"]) {
      findings.unknown.push(
        unknownField(name, Object.keys(schema.properties ?? {}), childPath, findings.places),
      );
    }
  }
}

function visit(value: unknown, schema: JsonSchema, path: string, findings: Findings): void {
  if (value === undefined) return;
  if (value === null)
    findings.empty.push(warning(path, "is empty, which counts as absent", "fill it in, or remove it"));
  else walk(value, schema, path, findings);
}

/** Every field name of Sluice's own types, with its first place. */
function placesOf(schema: JsonSchema, path: string, places = new Map<string, string>()): Map<string, string> {
  const children = Object.entries(schema.properties ?? {}).map(
    ([name, child]) => [name, child, joinPath(path, name)] as const,
  );
  for (const [name, , childPath] of children) if (!places.has(name)) places.set(name, childPath);
  for (const [, child, childPath] of children) placesOf(child, childPath, places);
  return places;
}

/** Schemas are constant: one walk per kind. */
const placesByKind = new Map(kinds.map(({ kind, spec }) => [kind, placesOf(spec, "spec")]));

function check(resource: KubeObject): Findings {
  const kind = kinds.find((candidate) => candidate.kind === resource.kind);
  const findings: Findings = {
    wrong: [],
    unknown: [],
    empty: [],
    places: placesByKind.get(resource.kind) ?? new Map<string, string>(),
  };
  if (kind === undefined) return findings;
  const schema: JsonSchema = {
    type: "object",
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { "x-sluice-kubernetes-type": "ObjectMeta" },
      spec: kind.spec,
      // Not the author's.
      status: { "x-kubernetes-preserve-unknown-fields": true },
    },
  };
  walk(resource, schema, "", findings);
  return findings;
}

/** The same for a value that is no resource of an API. */
export function checkValue(value: unknown, schema: JsonSchema): Pick<Findings, "wrong" | "unknown"> {
  const findings: Findings = { wrong: [], unknown: [], empty: [], places: placesOf(schema, "") };
  walk(value, schema, "", findings);
  return findings;
}

/** Values of a wrong type or outside their enum. All are errors. */
export function wrongValues(resource: KubeObject): Finding[] {
  return check(resource).wrong;
}

/**
 * Fields that the API does not know, each with the nearest known one. Warnings: the API server drops them, so the
 * operator never sees them.
 */
export function unknownFields(resource: KubeObject): Finding[] {
  return check(resource).unknown;
}

/** Fields without a value, which the API server drops as well: an empty `job:` makes a session cluster. */
export function emptyFields(resource: KubeObject): Finding[] {
  return check(resource).empty;
}
