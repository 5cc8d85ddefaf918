/** Options as the renderer needs them: a value that Flink could not read either is an InvalidClusterError. */
import {
  type FlinkConfiguration,
  getMap,
  getOption,
  type Option,
  structuredForm,
} from "../flink/configuration.ts";
import { parseList, parseMapList } from "../flink/structured-text.ts";
import { InvalidClusterError } from "./invalid-cluster.ts";

function refuse(option: Option, text: string, expected: string): InvalidClusterError {
  return new InvalidClusterError(option.key, `${option.key}: "${text}" is not ${expected}`);
}

export function readText(config: FlinkConfiguration, option: Option): string {
  const text = getOption(config, option);
  if (text === undefined) throw new InvalidClusterError(option.key, `${option.key} is not set`);
  return text;
}

export function readNumber(config: FlinkConfiguration, option: Option): number {
  const text = readText(config, option).trim();
  const value = text === "" ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw refuse(option, text, "a number");
  return value;
}

/** How much more than the request the limit is; at least 1. */
export function readLimitFactor(config: FlinkConfiguration, option: Option): number {
  const factor = readNumber(config, option);
  if (factor < 1) throw new InvalidClusterError(option.key, `${option.key} must be at least 1, is ${factor}`);
  return factor;
}

/** One port; 0 stands for "any". Kubernetes needs fixed ones, so lists and ranges are refused. */
export function readPort(config: FlinkConfiguration, option: Option): number {
  const text = readText(config, option).trim();
  if (!/^\d+$/.test(text) || Number(text) > 65_535) throw refuse(option, text, "one fixed port");
  return Number(text);
}

export function readBoolean(config: FlinkConfiguration, option: Option): boolean {
  const text = readText(config, option);
  const lower = text.trim().toLowerCase();
  if (lower !== "true" && lower !== "false") throw refuse(option, text, "true or false");
  return lower === "true";
}

/** One of the words, in their own spelling; the option's may differ in case. */
export function readWord<const T extends string>(
  config: FlinkConfiguration,
  option: Option,
  words: readonly T[],
): T {
  const text = readText(config, option);
  const found = words.find((word) => word.toLowerCase() === text.trim().toLowerCase());
  if (found === undefined) throw refuse(option, text, `one of ${words.join(", ")}`);
  return found;
}

/** Empty when it is not set. */
export function readMap(config: FlinkConfiguration, option: Option): Readonly<Record<string, string>> {
  const map = getMap(config, option);
  if (map === "malformed") {
    throw refuse(option, readText(config, option), "a map of the form key1:value1,key2:value2");
  }
  return map ?? {};
}

export function readList(config: FlinkConfiguration, option: Option): readonly string[] {
  const text = getOption(config, option);
  if (text === undefined) return [];
  const list = parseList(text, structuredForm(config));
  if (list === undefined) throw refuse(option, text, "a list of the form a;b");
  return list;
}

export function readMapList(
  config: FlinkConfiguration,
  option: Option,
): readonly Readonly<Record<string, string>>[] {
  const text = getOption(config, option);
  if (text === undefined) return [];
  const list = parseMapList(text, structuredForm(config));
  if (list === undefined) {
    throw refuse(option, text, "a list of maps of the form key1:value1,key2:value2;key1:value3");
  }
  return list;
}
