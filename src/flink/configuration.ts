/** Flink configuration as a flat map of text, the form that everything inside Sluice works on. */
import { parseDuration } from "./duration.ts";
import { parseMap, type StructuredForm } from "./structured-text.ts";

export { parseList } from "./structured-text.ts";

export type FlinkConfiguration = Readonly<Record<string, string>>;

function scalar(value: unknown): string {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

/**
 * Flattens `spec.flinkConfiguration`: keys are joined with ".", arrays become their elements joined with ";", scalars
 * their text. `{"a.b": 1}` and `{a: {b: 1}}` are the same. Null values are left out.
 */
export function flattenConfiguration(value: unknown): Record<string, string> {
  const flat: Record<string, string> = {};
  const walk = (node: unknown, prefix: string): void => {
    if (node === null || node === undefined) return;
    if (typeof node === "object" && !Array.isArray(node)) {
      for (const [key, child] of Object.entries(node)) walk(child, prefix === "" ? key : `${prefix}.${key}`);
    } else if (prefix !== "") {
      flat[prefix] = Array.isArray(node) ? node.map(scalar).join(";") : scalar(node);
    }
  };
  walk(value, "");
  return flat;
}

/** An option that Sluice reads: its name, older names that Flink still accepts, and its default as text. */
export interface Option {
  readonly key: string;
  readonly aliases?: readonly string[];
  readonly default?: string;
}

/** The value by name or alias, else the default. The newest name wins when several are set. */
export function getOption(config: FlinkConfiguration, option: Option): string | undefined {
  for (const key of [option.key, ...(option.aliases ?? [])]) {
    const value = config[key];
    if (value !== undefined) return value;
  }
  return option.default;
}

/** Whether it is set under any of its names. */
export function hasOption(config: FlinkConfiguration, option: Option): boolean {
  return [option.key, ...(option.aliases ?? [])].some((key) => config[key] !== undefined);
}

/** The names under which the option is set; used to remove or replace it without leaving another spelling behind. */
export function withoutOption(config: FlinkConfiguration, option: Option): Record<string, string> {
  const names = new Set([option.key, ...(option.aliases ?? [])]);
  return Object.fromEntries(Object.entries(config).filter(([key]) => !names.has(key)));
}

export function getBoolean(config: FlinkConfiguration, option: Option): boolean {
  return getOption(config, option)?.trim().toLowerCase() === "true";
}

/** Milliseconds; an unparsable value counts as not set (validation names it). */
export function getDuration(config: FlinkConfiguration, option: Option): number | undefined {
  const text = getOption(config, option);
  const parsed = text === undefined ? undefined : parseDuration(text);
  return parsed ?? (option.default === undefined ? undefined : parseDuration(option.default));
}

export function getNumber(config: FlinkConfiguration, option: Option): number | undefined {
  const text = getOption(config, option);
  if (text === undefined || text.trim() === "") return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** How the Flink that a configuration is for reads lists and maps; the newer way when it does not tell. */
export function structuredForm(config: FlinkConfiguration): StructuredForm {
  return config["$internal.flink.version"]?.startsWith("v1_") === true ? "separated" : "yaml";
}

/**
 * The entries of a map option, which is one value (`k1:v1,k2:v2`) or, when that is absent, every key below its name.
 * Undefined when it is not set, "malformed" when Flink could not read it either.
 */
export function getMap(
  config: FlinkConfiguration,
  option: Option,
): Readonly<Record<string, string>> | "malformed" | undefined {
  const text = getOption(config, option);
  if (text !== undefined) return parseMap(text, structuredForm(config)) ?? "malformed";
  const prefix = `${option.key}.`;
  const below = Object.entries(config).filter(([key]) => key.startsWith(prefix));
  if (below.length === 0) return undefined;
  return Object.fromEntries(below.map(([key, value]) => [key.slice(prefix.length), value]));
}

/** Without the option in any form, entries below its name included. */
export function withoutMap(config: FlinkConfiguration, option: Option): Record<string, string> {
  return Object.fromEntries(
    Object.entries(withoutOption(config, option)).filter(([key]) => !key.startsWith(`${option.key}.`)),
  );
}
