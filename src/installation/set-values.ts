/**
 * `--set a.b=c,d[0]=e,f={g,h}` as Helm reads it: a backslash takes a dot, a comma, an equals sign or a bracket as it is;
 * true, false, null and whole numbers are what they say unless everything is to be text.
 */

type Key = string | number;

interface Assignment {
  readonly path: readonly Key[];
  readonly value: unknown;
}

export class SetError extends Error {
  override readonly name = "SetError";
}

/** Up to the first of `ends` that no backslash precedes; what comes after it, with the end itself. */
function until(text: string, ends: string): { readonly word: string; readonly rest: string } {
  let word = "";
  for (let at = 0; at < text.length; at++) {
    const letter = text.charAt(at);
    if (letter === "\\" && at + 1 < text.length) word += text.charAt(++at);
    else if (ends.includes(letter)) return { word, rest: text.slice(at) };
    else word += letter;
  }
  return { word, rest: "" };
}

function indexIn(word: string, whole: string): number {
  const index = Number(word);
  if (word !== "" && Number.isSafeInteger(index) && index >= 0 && index < 65_536) return index;
  throw new SetError(`"${whole}": [${word}] is no place in a list`);
}

function readPath(text: string, whole: string): { readonly path: Key[]; readonly rest: string } {
  const path: Key[] = [];
  let rest = text;
  for (;;) {
    const name = until(rest, ".=[");
    if (name.word !== "") path.push(name.word);
    rest = name.rest;
    while (rest.startsWith("[")) {
      const index = until(rest.slice(1), "]");
      path.push(indexIn(index.word, whole));
      rest = index.rest.slice(1);
    }
    if (rest.startsWith("=") && path.length > 0 && typeof path[0] === "string")
      return { path, rest: rest.slice(1) };
    if (!rest.startsWith(".")) throw new SetError(`"${whole}": expected NAME=VALUE, such as image.tag=1.0`);
    rest = rest.slice(1);
  }
}

const WORDS: Readonly<Record<string, unknown>> = { true: true, false: false, null: null };

function typed(word: string, asText: boolean): unknown {
  if (asText) return word;
  if (Object.hasOwn(WORDS, word)) return WORDS[word];
  return /^(?:0|-?[1-9]\d{0,14})$/.test(word) ? Number(word) : word;
}

function readList(
  text: string,
  whole: string,
  asText: boolean,
): { readonly value: unknown[]; readonly rest: string } {
  const value: unknown[] = [];
  let rest = text;
  for (;;) {
    const item = until(rest, ",}");
    if (item.rest === "") throw new SetError(`"${whole}": the list is not closed with }`);
    value.push(typed(item.word, asText));
    rest = item.rest.slice(1);
    if (item.rest.startsWith("}")) return { value, rest };
  }
}

function assignments(whole: string, asText: boolean): Assignment[] {
  const found: Assignment[] = [];
  let rest = whole;
  while (rest !== "") {
    const { path, rest: text } = readPath(rest, whole);
    if (text.startsWith("{")) {
      const list = readList(text.slice(1), whole, asText);
      found.push({ path, value: list.value });
      if (list.rest !== "" && !list.rest.startsWith(","))
        throw new SetError(`"${whole}": expected a comma after }`);
      rest = list.rest.slice(1);
    } else {
      const { word, rest: after } = until(text, ",");
      found.push({ path, value: typed(word, asText) });
      rest = after.slice(1);
    }
  }
  return found;
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A copy of `under` in which the place has the value. */
function placed(under: unknown, [key, ...path]: readonly Key[], value: unknown): unknown {
  if (key === undefined) return value;
  if (typeof key === "number") {
    const list: unknown[] = Array.isArray(under) ? [...(under as unknown[])] : [];
    while (list.length < key) list.push(null);
    list[key] = placed(list[key], path, value);
    return list;
  }
  const tree = isTree(under) ? under : {};
  // Not as a literal: a name such as __proto__ is a name like others.
  return Object.fromEntries([
    ...Object.entries(tree).filter(([name]) => name !== key),
    [key, placed(Object.hasOwn(tree, key) ? tree[key] : undefined, path, value)],
  ]);
}

/** @throws SetError */
export function setValues(
  values: Readonly<Record<string, unknown>>,
  text: string,
  asText = false,
): Record<string, unknown> {
  return assignments(text, asText).reduce<Record<string, unknown>>(
    (before, { path, value }) => placed(before, path, value) as Record<string, unknown>,
    { ...values },
  );
}
