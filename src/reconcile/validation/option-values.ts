/** Rules on single options of the spec's own configuration: names, values, and options that do nothing there. */
import { isQuartzCron } from "../../flink/cron.ts";
import { parseDuration } from "../../flink/duration.ts";
import { parseFlinkMemory } from "../../flink/memory-size.ts";
import { parseMap } from "../../flink/structured-text.ts";
import {
  AUTOSCALER_PREFIX,
  findOption,
  knownOptions,
  OPERATOR_PREFIX,
  type OptionType,
} from "../../flink/option-catalogue.ts";
import { isSecret } from "../spec-diff.ts";
import { configPath, error, type Finding, warning } from "./finding.ts";
import { nearest } from "./nearest.ts";
import type { Subject } from "./subject.ts";

interface Form {
  readonly accepts: (text: string) => boolean;
  readonly what: string;
  readonly example: string;
}

const isDuration = (text: string): boolean => parseDuration(text) !== undefined;
const isNumber = (text: string): boolean => text !== "" && Number.isFinite(Number(text));

const FORMS: Record<Exclude<OptionType, "text" | { oneOf: readonly string[] }>, Form> = {
  boolean: { accepts: (text) => /^(true|false)$/i.test(text), what: "true or false", example: "true" },
  duration: { accepts: isDuration, what: "a duration", example: "30 s, 10 min or PT10M" },
  integer: { accepts: (text) => /^-?\d+$/.test(text), what: "a whole number", example: "2" },
  number: { accepts: isNumber, what: "a number", example: "0.5" },
  memory: {
    accepts: (text) => parseFlinkMemory(text) !== undefined,
    what: "a memory size of Flink's",
    example: "512m or 2g",
  },
  map: {
    accepts: (text) => parseMap(text) !== undefined,
    what: "a map",
    example: "key1:value1,key2:value2",
  },
  schedule: {
    accepts: (text) => isDuration(text) || isQuartzCron(text),
    what: "a duration or a Quartz cron expression",
    example: '6 h or "0 0 3 * * ?"',
  },
};

function checkValue(key: string, value: string, type: OptionType): Finding | undefined {
  const text = value.trim();
  const path = configPath(key);
  if (type === "text") return undefined;
  if (typeof type === "object") {
    if (type.oneOf.some((word) => word.toLowerCase() === text.toLowerCase())) return undefined;
    const meant = nearest(text, type.oneOf);
    return error(
      path,
      `must be one of ${type.oneOf.join(", ")}; is ${JSON.stringify(value)}`,
      meant === undefined ? undefined : `did you mean ${meant}?`,
      meant,
    );
  }
  const form = FORMS[type];
  if (form.accepts(text)) return undefined;
  // Upstream's way to switch an interval off.
  if (type === "schedule" && text === "") return undefined;
  const isHidden = isSecret({ path: key, from: undefined, to: value });
  const what = isHidden ? `must be ${form.what}` : `must be ${form.what}, is ${JSON.stringify(value)}`;
  return error(path, what, `for example ${form.example}`);
}

function checkOption(key: string, value: string): Finding | undefined {
  const option = findOption(key);
  if (option === undefined) {
    if (!key.startsWith(OPERATOR_PREFIX) && !key.startsWith(AUTOSCALER_PREFIX)) return undefined;
    const meant = nearest(key, knownOptions.keys());
    const advice = meant === undefined ? undefined : `did you mean ${meant}?`;
    return warning(configPath(key), "no such option, so it does nothing", advice, meant);
  }
  if (option.operatorOnly) {
    return warning(
      configPath(key),
      "does nothing here: it is read from the operator's own configuration only",
      "set it there, or remove it",
    );
  }
  return checkValue(key, value, option.type);
}

export function checkOptions({ own }: Subject): Finding[] {
  return Object.entries(own).flatMap(([key, value]) => checkOption(key, value) ?? []);
}
