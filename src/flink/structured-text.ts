/**
 * Lists and maps inside one configuration value. Flink reads two forms: its own (`a;b`, `k1:v1,k2:v2`, quotes protect a
 * separator and are doubled inside quotes) and, since 2.0, a YAML value (`[a, b]`, `{k1: v1}`). Malformed text is
 * undefined.
 */
import { parseDocument } from "yaml";

/** Reads from the opening quote at `start` to its closing one. */
function quoted(text: string, start: number): { value: string; end: number } | undefined {
  const quote = text[start];
  let value = "";
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] !== quote) value += text[at];
    else if (text[at + 1] === quote) value += text[at++];
    else return { value, end: at + 1 };
  }
  return undefined;
}

/** The parts between delimiters, without the white space around them; empty ones in the middle count. */
export function splitEscaped(text: string, delimiter: string): string[] | undefined {
  const parts: string[] = [];
  let previous: "nothing" | "value" | "delimiter" = "nothing";
  for (let at = 0; at < text.length;) {
    const char = text[at] ?? "";
    if (char === delimiter) {
      if (previous === "delimiter") parts.push("");
      previous = "delimiter";
      at++;
    } else if (/\s/.test(char)) {
      at++;
    } else if (previous === "value") {
      return undefined;
    } else if (char === "'" || char === '"') {
      const read = quoted(text, at);
      if (read === undefined) return undefined;
      parts.push(read.value);
      at = read.end;
      previous = "value";
    } else {
      const next = text.indexOf(delimiter, at);
      const end = next < 0 ? text.length : next;
      parts.push(text.slice(at, end).trim());
      at = end;
      previous = "value";
    }
  }
  return parts;
}

/** Quotes a part when it holds one of the characters that would end it. */
function escapePart(part: string, delimiter: string): string {
  return part.includes(delimiter) || /['"]/.test(part) ? `'${part.replaceAll("'", "''")}'` : part;
}

/** As YAML, every scalar kept as the text it is written as. */
function asYaml(text: string): unknown {
  const document = parseDocument(text, { schema: "failsafe", logLevel: "silent" });
  return document.errors.length > 0 ? undefined : document.toJS();
}

function stringValues(value: unknown): Record<string, string> | undefined {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
  const entries = Object.entries(value);
  if (entries.some(([, item]) => typeof item !== "string")) return undefined;
  return Object.fromEntries(entries) as Record<string, string>;
}

/** How a Flink reads structured values: `yaml` since 2.0 (any text is safe in it), `separated` before. */
export type StructuredForm = "yaml" | "separated";

/** As YAML where it is a list, else separated. */
export function parseList(text: string, form: StructuredForm = "yaml"): string[] | undefined {
  const yaml = form === "yaml" ? asYaml(text) : undefined;
  if (Array.isArray(yaml) && yaml.every((item) => typeof item === "string")) return yaml;
  return splitEscaped(text, ";");
}

export function parseMap(text: string, form: StructuredForm = "yaml"): Record<string, string> | undefined {
  const yaml = form === "yaml" ? stringValues(asYaml(text)) : undefined;
  if (yaml !== undefined) return yaml;
  const pairs = splitEscaped(text, ",")?.map((pair) => splitEscaped(pair, ":"));
  if (pairs === undefined || pairs.some((pair) => pair?.length !== 2)) return undefined;
  return Object.fromEntries(pairs as [string, string][]);
}

export function parseMapList(
  text: string,
  form: StructuredForm = "yaml",
): Record<string, string>[] | undefined {
  const yaml = form === "yaml" ? asYaml(text) : undefined;
  if (Array.isArray(yaml)) {
    const maps = yaml.map(stringValues);
    if (maps.every((map) => map !== undefined)) return maps;
  }
  const maps = splitEscaped(text, ";")?.map((part) => parseMap(part, form));
  return maps?.every((map) => map !== undefined) ? maps : undefined;
}

export function formatList(items: readonly string[], form: StructuredForm): string {
  return form === "yaml" ? JSON.stringify(items) : items.map((item) => escapePart(item, ";")).join(";");
}

export function formatMap(map: Readonly<Record<string, string>>, form: StructuredForm): string {
  if (form === "yaml") return JSON.stringify(map);
  return Object.entries(map)
    .map(([key, value]) => escapePart(`${escapePart(key, ":")}:${escapePart(value, ":")}`, ","))
    .join(",");
}

export function formatMapList(
  maps: readonly Readonly<Record<string, string>>[],
  form: StructuredForm,
): string {
  if (form === "yaml") return JSON.stringify(maps);
  return maps.map((map) => escapePart(formatMap(map, form), ";")).join(";");
}
