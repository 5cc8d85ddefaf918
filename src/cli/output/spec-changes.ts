/** What changes from one spec to another, leaf by leaf: `job.parallelism: 4 -> 2`. Credentials are not shown. */
import { modeOf } from "../../api/defaults.ts";
import type { FlinkDeploymentSpec } from "../../api/flink-deployment.ts";
import { diffSpecs, isSecret } from "../../reconcile/spec-diff.ts";

interface Leaf {
  readonly path: string;
  readonly from: unknown;
  readonly to: unknown;
}

const MAX_VALUE = 100;

type Fields = Readonly<Record<string, unknown>>;

const nameOf = (item: unknown): string | undefined => {
  const name = (item as { name?: unknown } | null | undefined)?.name;
  return typeof name === "string" ? name : undefined;
};

/** Containers, variables, ports and volumes are known by their names, not by their places. */
function fieldsOf(value: unknown): Fields | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (!Array.isArray(value)) return Object.fromEntries(Object.entries(value).map(([k, v]) => [`.${k}`, v]));
  const names = value.map(nameOf);
  const areNamed = names.length > 0 && !names.includes(undefined) && new Set(names).size === names.length;
  return areNamed ? Object.fromEntries(value.map((item, nth) => [`[${names[nth]}]`, item])) : undefined;
}

function leaves({ path, from, to }: Leaf): Leaf[] {
  const [before, after] = [fieldsOf(from), fieldsOf(to)];
  const isWhole = (from !== undefined && before === undefined) || (to !== undefined && after === undefined);
  if (isWhole || (before === undefined && after === undefined)) {
    return JSON.stringify(from) === JSON.stringify(to) ? [] : [{ path, from, to }];
  }
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return names.flatMap((name) => leaves({ path: path + name, from: before?.[name], to: after?.[name] }));
}

function inWords(value: unknown): string {
  if (value === undefined) return "(not set)";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const lines = text.trimEnd().split("\n").length;
  if (lines > 1) return `(${lines} lines)`;
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}...` : text;
}

/** One line for each leaf below a field that differs. */
export function leafChanges(change: Leaf): string[] {
  return leaves(change).map((leaf) => {
    // A list as a whole is shown as JSON.
    const shown = { path: leaf.path, from: JSON.stringify(leaf.from), to: JSON.stringify(leaf.to) };
    const [before, after] = isSecret(shown) ? ["***", "***"] : [inWords(leaf.from), inWords(leaf.to)];
    return `${leaf.path}: ${before} -> ${after}`;
  });
}

/** One line for each, indented. */
export function specChanges(from: FlinkDeploymentSpec, to: FlinkDeploymentSpec): string {
  return diffSpecs(from, to, modeOf(from))
    .changes.flatMap(leafChanges)
    .map((line) => `  ${line}\n`)
    .join("");
}
