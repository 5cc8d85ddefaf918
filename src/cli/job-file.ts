/**
 * Reads job files: YAML or JSON, several documents in one file, `List` objects, folders, standard input. Each resource
 * keeps the way back to its lines. Values are read as kubectl reads them.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type ScalarTag,
  visit,
} from "yaml";
import type { KubeObject } from "../api/kube-object.ts";
import { joinPath, parsePath } from "../reconcile/validation/finding.ts";
import { type Streams, UserError } from "./command.ts";

export interface Position {
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

/** Something wrong with the file itself. */
interface FileProblem extends Position {
  readonly message: string;
  readonly next?: string;
}

/** One object of a file; an item of a `List` counts as one. */
export interface JobDocument {
  /** The file as the user named it; `stdin` for standard input. */
  readonly file: string;
  readonly value: unknown;
  /**
   * Where a path such as `spec.job.parallelism` is: its key, or its value; the nearest place above it when it is not
   * there. Nested and flat spellings of an option are the same.
   */
  readonly locate: (path: string, what?: "key" | "value") => Position;
}

export interface JobFile {
  readonly file: string;
  /** Found in a folder, not named by the user. */
  readonly found: boolean;
  readonly documents: readonly JobDocument[];
  readonly problems: readonly FileProblem[];
}

// kubectl reads YAML 1.1 in these two respects, and file modes in pod templates depend on the second.
const WORDS: ScalarTag = {
  tag: "tag:yaml.org,2002:bool",
  default: true,
  test: /^(?:yes|Yes|YES|on|On|ON|no|No|NO|off|Off|OFF)$/,
  resolve: (text) => /^(?:yes|on)$/i.test(text),
};
const OCTAL: ScalarTag = {
  tag: "tag:yaml.org,2002:int",
  default: true,
  test: /^[-+]?0[0-7]+$/,
  resolve: (text) => Number.parseInt(text, 8),
};

const ADVICE: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "indent with spaces",
  BAD_INDENT: "indent it like its neighbours",
  BAD_ALIAS: "define the anchor before it is used",
};

function duplicateKeys(document: Document, position: (offset: number) => Position): FileProblem[] {
  const problems: FileProblem[] = [];
  visit(document, {
    Map: (_, map) => {
      const first = new Map<unknown, number>();
      for (const { key } of map.items) {
        // A merge key may stand several times.
        if (!isScalar(key) || key.value === "<<" || !key.range) continue;
        const name = String(key.value);
        const before = first.get(name);
        if (before === undefined) first.set(name, key.range[0]);
        else {
          problems.push({
            ...position(key.range[0]),
            message: `duplicate key ${JSON.stringify(name)}, first on line ${position(before).line}`,
            next: "keep one",
          });
        }
      }
    },
  });
  return problems;
}

interface Step {
  readonly key: Node | undefined;
  readonly value: Node | undefined;
  /** How much of the wanted name the key covers: an option may be nested. */
  readonly rest: string;
}

function pairFor(map: Node | undefined, name: string): Step | undefined {
  if (!isMap(map)) return undefined;
  for (const { key, value } of map.items) {
    if (!isScalar(key)) continue;
    const text = String(key.value);
    if (text === name || name.startsWith(`${text}.`)) {
      return { key, value: isNode(value) ? value : undefined, rest: name.slice(text.length + 1) };
    }
  }
  return undefined;
}

function itemOf(list: Node | undefined, index: number): Node | undefined {
  if (!isSeq(list)) return undefined;
  const item = list.items[index];
  return isNode(item) ? item : undefined;
}

/** The offset of a path below a node, or of what is there of it. */
function offsetOf(document: Document, root: Node | null, path: string, what: "key" | "value"): number {
  let node: Node | undefined = root ?? undefined;
  let offset = node?.range?.[0] ?? 0;
  const follow = (next: Node | undefined): Node | undefined =>
    isAlias(next) ? next.resolve(document) : next;
  for (const step of parsePath(path)) {
    let rest = String(step);
    while (rest !== "") {
      const found: Step | undefined =
        typeof step === "number"
          ? { key: itemOf(node, step), value: itemOf(node, step), rest: "" }
          : pairFor(node, rest);
      if (found?.key?.range === undefined || found.key.range === null) return offset;
      const isLeaf = isScalar(found.value) && found.value.range && found.value.source !== "";
      offset = what === "value" && isLeaf ? (found.value.range?.[0] ?? offset) : found.key.range[0];
      node = follow(found.value);
      rest = found.rest;
    }
  }
  return offset;
}

/** The objects of one document: itself, or the items of a list. */
function objectsOf(value: unknown): { readonly value: unknown; readonly path: string }[] {
  const { kind, items } = (value ?? {}) as Partial<KubeObject> & { items?: unknown };
  if (typeof kind === "string" && kind.endsWith("List") && Array.isArray(items)) {
    return items.map((item: unknown, index) => ({ value: item, path: joinPath("items", index) }));
  }
  return value === null || value === undefined ? [] : [{ value, path: "" }];
}

/** Reads one file's text. A document that does not parse gives one problem and no objects. */
export function parseJobFile(file: string, text: string, found = false): JobFile {
  const lines = new LineCounter();
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    merge: true,
    customTags: (tags) => [WORDS, OCTAL, ...tags],
  });
  const documents: JobDocument[] = [];
  const problems: FileProblem[] = [];
  for (const document of Array.isArray(parsed) ? parsed : []) {
    // Those after the first are mostly its consequences.
    const [wrong] = document.errors;
    if (wrong !== undefined) {
      const next = ADVICE[wrong.code];
      problems.push({
        ...position(wrong.pos[0]),
        message: wrong.message,
        ...(next === undefined ? {} : { next }),
      });
      continue;
    }
    problems.push(...duplicateKeys(document, position));
    for (const { value, path } of objectsOf(document.toJS())) {
      documents.push({
        file,
        value,
        locate: (inner, what = "value") => {
          const full =
            path === "" ? inner : `${path}${inner.startsWith("[") || inner === "" ? "" : "."}${inner}`;
          return position(offsetOf(document, document.contents, full, what));
        },
      });
    }
  }
  return { file, found, documents, problems };
}

const isJobFileName = (name: string): boolean => /\.(ya?ml|json)$/i.test(name);

async function filesIn(folder: string, recursive: boolean): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const nested = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return recursive ? filesIn(path, true) : [];
      return isJobFileName(entry.name) ? [path] : [];
    }),
  );
  return nested.flat().sort();
}

async function textOf(stdin: Streams["stdin"]): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stdin) {
    text += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function unreadable(name: string, error: unknown): UserError {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  const cause = { ENOENT: "no such file or folder", EACCES: "permission denied" }[code] ?? code;
  return new UserError(`cannot read ${name}: ${cause}`);
}

/**
 * Reads what `-f` names: files, folders (with `recursive` also those below), `-` for standard input. Throws UserError
 * for a file that cannot be read.
 */
export async function readJobFiles(
  names: readonly string[],
  recursive: boolean,
  stdin: Streams["stdin"],
): Promise<JobFile[]> {
  const read = async (name: string): Promise<JobFile[]> => {
    if (name === "-") return [parseJobFile("stdin", await textOf(stdin))];
    try {
      if (!(await stat(name)).isDirectory()) return [parseJobFile(name, await readFile(name, "utf8"))];
      const files = await filesIn(name, recursive);
      return await Promise.all(
        files.map(async (file) => parseJobFile(file, await readFile(file, "utf8"), true)),
      );
    } catch (error) {
      throw unreadable(name, error);
    }
  };
  return (await Promise.all(names.map(read))).flat();
}
