/** The values that `-f`, `--set` and `--set-string` give. */
import { overlay, readValues } from "../../installation/read-values.ts";
import { SetError, setValues } from "../../installation/set-values.ts";
import type { Values } from "../../installation/values.ts";
import { type Streams, UserError } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { readJobFiles } from "../job-file.ts";

type Tree = Readonly<Record<string, unknown>>;
type Options = Readonly<Record<string, unknown>>;

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function fileLayers(names: readonly string[], streams: Streams): Promise<Tree[]> {
  const files = await readJobFiles(names, false, streams.stdin);
  return files.flatMap(({ file, documents, problems: [problem] }) => {
    if (problem !== undefined)
      throw new UserError(`${file}:${problem.line}:${problem.column}: ${problem.message}`, problem.next);
    return documents.map(({ value }) => {
      if (isTree(value)) return value;
      throw new UserError(`${file} is no map of values`, "docs/reference/installation.md has all of them.");
    });
  });
}

const list = (options: Options, name: string): readonly string[] =>
  (options[name] as string[] | undefined) ?? [];

/** What the user wrote, files first; undefined when there is nothing. @throws UserError */
export async function userValues(options: Options, streams: Streams): Promise<Tree | undefined> {
  const files = list(options, "values");
  const set = list(options, "set");
  const texts = list(options, "setString");
  if (files.length + set.length + texts.length === 0) return undefined;
  const base = (await fileLayers(files, streams)).reduce<Tree>(overlay, {});
  try {
    const typed = set.reduce((values, text) => setValues(values, text), base);
    return texts.reduce((values, text) => setValues(values, text, true), typed);
  } catch (error) {
    if (error instanceof SetError) throw new UserError(`--set ${error.message}`, undefined, EXIT_CODES.usage);
    throw error;
  }
}

/** With the defaults. @throws UserError that names every mistake */
export function completeValues(user: Tree): Values {
  const { values, findings } = readValues([user]);
  if (findings.length === 0) return values;
  const lines = findings.map(
    ({ path, message, next }) => `${path}: ${message}${next === undefined ? "" : `; ${next}`}`,
  );
  throw new UserError(
    `the values cannot be used:\n  ${lines.join("\n  ")}`,
    "docs/reference/installation.md has every value; nothing was changed.",
  );
}
