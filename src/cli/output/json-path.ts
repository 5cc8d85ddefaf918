/**
 * kubectl's JSONPath, as far as it is used for one resource or a list of them: `{.a.b}`, `['a.b']`, `[0]`, `[-1]`, `[*]`,
 * `..name`, `[?(@.type=="Ready")]`, `{range …}…{end}`, texts in quotes, and text around it all. Pure.
 */
import { UserError } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";

type Step = (value: unknown) => readonly unknown[];

function malformed(text: string, where: string): UserError {
  return new UserError(
    `the JSONPath "${text}" is not understood at "${where}"`,
    'Write it as kubectl has it: {.status.jobStatus.state}, {.status.conditions[?(@.type=="Ready")].message}.',
    EXIT_CODES.usage,
  );
}

function entriesOf(value: unknown): readonly unknown[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value);
}

const child =
  (name: string): Step =>
  (value) =>
    typeof value === "object" && value !== null && Object.hasOwn(value, name)
      ? [(value as Record<string, unknown>)[name]]
      : [];

const anywhere =
  (name: string): Step =>
  (value) => [...child(name)(value), ...entriesOf(value).flatMap(anywhere(name))];

const element =
  (nth: number): Step =>
  (value) => {
    const found: unknown = Array.isArray(value) ? value.at(nth) : undefined;
    return found === undefined ? [] : [found];
  };

const COMPARISONS: Readonly<Record<string, (a: unknown, b: unknown) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => Number(a) < Number(b),
  ">": (a, b) => Number(a) > Number(b),
  "<=": (a, b) => Number(a) <= Number(b),
  ">=": (a, b) => Number(a) >= Number(b),
};

function literal(text: string): unknown {
  const quoted = /^(["'])(.*)\1$/s.exec(text);
  if (quoted !== null) return quoted[2];
  if (text === "true" || text === "false") return text === "true";
  return Number(text);
}

/** `@.type=="Ready"`, or `@.type` for what has one. */
function filter(text: string, whole: string): Step {
  const [, path = "", operator, right = ""] = /^@(.*?)\s*(?:(==|!=|<=|>=|<|>)\s*(.+))?$/s.exec(text) ?? [];
  if (!text.startsWith("@")) throw malformed(whole, text);
  const steps = stepsOf(path, whole);
  const compare = operator === undefined ? undefined : COMPARISONS[operator];
  const fits = (one: unknown): boolean =>
    steps
      .reduce<readonly unknown[]>((found, step) => found.flatMap((value) => [...step(value)]), [one])
      .some((value) => compare === undefined || compare(value, literal(right.trim())));
  return (value) => entriesOf(value).filter(fits);
}

const PARTS: readonly (readonly [RegExp, (match: RegExpExecArray, whole: string) => Step])[] = [
  [/^\.\.([\w-]+)/, ([, name = ""]) => anywhere(name)],
  [/^\.\*/, () => entriesOf],
  [/^\.((?:[\w/-]|\\\.)+)/, ([, name = ""]) => child(name.replaceAll("\\.", "."))],
  [/^\[\*\]/, () => entriesOf],
  [/^\[(-?\d+)\]/, ([, nth]) => element(Number(nth))],
  [/^\[(["'])(.*?)\1\]/, ([, , name = ""]) => child(name)],
  [/^\[\?\(\s*(.+?)\s*\)\]/s, ([, condition = ""], whole) => filter(condition, whole)],
  [/^\.(?=\[|$)/, () => (value) => [value]],
];

function stepsOf(path: string, whole: string): Step[] {
  const steps: Step[] = [];
  let rest = path.trim().replace(/^[$@]/, "");
  if (/^\w/.test(rest)) rest = `.${rest}`;
  while (rest !== "") {
    const part = PARTS.map(([pattern, make]) => ({ match: pattern.exec(rest), make })).find(
      ({ match }) => match !== null,
    );
    if (part?.match === undefined || part.match === null) throw malformed(whole, rest);
    steps.push(part.make(part.match, whole));
    rest = rest.slice(part.match[0].length);
  }
  return steps;
}

/** What is there, in order. @throws UserError for a path that is none */
export function valuesAt(path: string, value: unknown): readonly unknown[] {
  const steps = stepsOf(path, path);
  return steps.reduce<readonly unknown[]>((found, step) => found.flatMap((one) => [...step(one)]), [value]);
}

export function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function parts(template: string): string[] {
  return template.match(/\{(?:"[^"]*"|'[^']*'|[^}"'])*\}|[^{]+|\{/gs) ?? [];
}

/** Where the `{end}` of a range is. */
function endOf(all: readonly string[], start: number): number {
  let depth = 0;
  for (let nth = start; nth < all.length; nth++) {
    const part = all[nth] ?? "";
    if (part.startsWith("{range")) depth++;
    else if (part === "{end}" && depth-- === 0) return nth;
  }
  return -1;
}

function inside(part: string): string {
  return part.slice(1, -1).trim();
}

/** The template with what it names in its places. @throws UserError for one that is not understood */
export function jsonPath(template: string, value: unknown): string {
  const whole = template.includes("{") ? template : `{${template}}`;
  const all = parts(whole);
  let text = "";
  for (let nth = 0; nth < all.length; nth++) {
    const part = all[nth] ?? "";
    if (part === "{" || part === "{end}") throw malformed(template, part);
    if (!part.startsWith("{")) text += part;
    else if (/^\{\s*["']/.test(part))
      text += inside(part).slice(1, -1).replaceAll("\\n", "\n").replaceAll("\\t", "\t");
    else if (/^\{\s*range\s/.test(part)) {
      const end = endOf(all, nth + 1);
      if (end < 0) throw malformed(template, part);
      const body = all.slice(nth + 1, end).join("");
      for (const one of valuesAt(inside(part).replace(/^range\s+/, ""), value)) text += jsonPath(body, one);
      nth = end;
    } else text += valuesAt(inside(part), value).map(asText).join(" ");
  }
  return text;
}
