/**
 * Reads the output of the counting job (examples/counting-job) and says exactly which records are missing or double.
 * The S3 server of the testbed keeps objects as files, so a folder is all it needs.
 *
 *     node testbed/verify/counting.ts DIR
 */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** The records of one key after one start without state. */
export interface SplitReport {
  readonly start: string;
  readonly key: number;
  readonly records: number;
  readonly maxSequence: number;
}

/** Sequence numbers from `from` to `to`, both included, that are below the highest one seen and in no file. */
export interface Gap {
  readonly start: string;
  readonly key: number;
  readonly from: number;
  readonly to: number;
}

/** One record that is in the output more than once. */
export interface Duplicate {
  readonly start: string;
  readonly key: number;
  readonly sequence: number;
  readonly times: number;
}

/** From this record on, the count in the job's state and the position of its source do not belong together. */
export interface CountBreak {
  readonly start: string;
  readonly key: number;
  readonly sequence: number;
  readonly count: number;
  readonly expected: number;
}

export interface CountingResult {
  readonly records: number;
  /** The ids of all starts without state that have committed something, sorted. */
  readonly starts: readonly string[];
  /** How many those are: 1 for a job that was never started without its state after the first start. */
  readonly freshStarts: number;
  readonly splits: readonly SplitReport[];
  readonly missing: readonly Gap[];
  readonly duplicates: readonly Duplicate[];
  readonly countBreaks: readonly CountBreak[];
  /** Lines that are no records, as `file:line`: a torn file, or a file of somebody else. */
  readonly damaged: readonly string[];
}

interface Seen {
  readonly sequence: number;
  readonly count: number;
}

interface Split {
  readonly start: string;
  readonly key: number;
  readonly seen: Seen[];
}

const line = /^(?<start>\S+) (?<key>\d+) (?<sequence>\d+) (?<count>\d+)$/;

/** Files whose name begins with a dot are not visible yet: writers rename them when they are whole. */
async function visibleFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const nested = entries
    .filter(({ name }) => !name.startsWith("."))
    .map(async (entry) => {
      const full = path.join(folder, entry.name);
      return entry.isDirectory() ? await visibleFiles(full) : [full];
    });
  return (await Promise.all(nested)).flat().toSorted();
}

/**
 * A listing made while a job commits may lack a file and have a later one, which looks like a loss. Two equal ones in
 * a row lack nothing.
 */
async function settledFiles(folder: string): Promise<string[]> {
  let files = await visibleFiles(folder).catch(emptyIfAbsent);
  for (let attempt = 0; attempt < 20; attempt++) {
    const again = await visibleFiles(folder).catch(emptyIfAbsent);
    if (again.length === files.length && again.every((file, index) => file === files[index])) return files;
    files = again;
  }
  return files;
}

function collect(file: string, text: string, splits: Map<string, Split>): string[] {
  const damaged: string[] = [];
  const lines = text.split("\n");
  // What follows the last line feed is a line without its end: the file was cut.
  const rest = lines.pop();
  for (const [index, content] of lines.entries()) {
    const found = line.exec(content)?.groups;
    if (found === undefined) {
      damaged.push(`${file}:${index + 1}`);
      continue;
    }
    const { start = "", key = "" } = found;
    const id = `${start} ${key}`;
    const split = splits.get(id) ?? { start, key: Number(key), seen: [] };
    splits.set(id, split);
    split.seen.push({ sequence: Number(found["sequence"]), count: Number(found["count"]) });
  }
  if (rest !== "") damaged.push(`${file}:${lines.length + 1}`);
  return damaged;
}

interface Findings {
  readonly missing: Gap[];
  readonly duplicates: Duplicate[];
  readonly countBreaks: CountBreak[];
}

function inspect({ start, key, seen }: Split, findings: Findings): SplitReport {
  const sorted = seen.toSorted((a, b) => a.sequence - b.sequence || a.count - b.count);
  const times = new Map<number, number>();
  let previous = -1;
  // What the count is ahead of the sequence number: 1 for as long as nothing was lost.
  let ahead = 1;
  for (const { sequence, count } of sorted) {
    if (sequence > previous + 1) findings.missing.push({ start, key, from: previous + 1, to: sequence - 1 });
    if (sequence === previous) times.set(sequence, (times.get(sequence) ?? 1) + 1);
    if (count !== sequence + ahead) {
      findings.countBreaks.push({ start, key, sequence, count, expected: sequence + ahead });
      ahead = count - sequence;
    }
    previous = sequence;
  }
  for (const [sequence, n] of times) findings.duplicates.push({ start, key, sequence, times: n });
  return { start, key, records: sorted.length, maxSequence: previous };
}

/**
 * Reads a folder (with its subfolders) or the given files. A folder that does not exist counts as an empty one, since
 * a job makes it with its first commit.
 */
export async function verifyCounting(output: string | readonly string[]): Promise<CountingResult> {
  const files = typeof output === "string" ? await settledFiles(output) : output;
  const splits = new Map<string, Split>();
  const damaged: string[] = [];
  for (const file of files) damaged.push(...collect(file, await readFile(file, "utf8"), splits));
  const findings: Findings = { missing: [], duplicates: [], countBreaks: [] };
  const reports = [...splits.values()]
    .map((split) => inspect(split, findings))
    .toSorted((a, b) => a.start.localeCompare(b.start) || a.key - b.key);
  const starts = [...new Set(reports.map(({ start }) => start))];
  const records = reports.reduce((sum, split) => sum + split.records, 0);
  return {
    records,
    starts,
    freshStarts: starts.length,
    splits: reports,
    ...findings,
    damaged,
  };
}

function emptyIfAbsent(error: unknown): string[] {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
  throw error;
}

/** One line for each loss, double record, break or damaged line; none when every record is there exactly once. */
export function problems({ missing, duplicates, countBreaks, damaged }: CountingResult): string[] {
  return [
    ...missing.map(
      ({ start, key, from, to }) => `missing: start ${start} key ${key} sequence ${from}..${to}`,
    ),
    ...duplicates.map(
      ({ start, key, sequence, times }) =>
        `double: start ${start} key ${key} sequence ${sequence}, ${times} times`,
    ),
    ...countBreaks.map(
      ({ start, key, sequence, count, expected }) =>
        `count: start ${start} key ${key} sequence ${sequence} has count ${count}, expected ${expected}`,
    ),
    ...damaged.map((place) => `damaged: ${place}`),
  ];
}

async function main(folder: string | undefined): Promise<number> {
  if (folder === undefined) {
    console.error("usage: node testbed/verify/counting.ts DIR");
    return 2;
  }
  const report = await verifyCounting(folder);
  const found = problems(report);
  for (const problem of found.slice(0, 50)) console.log(problem);
  if (found.length > 50) console.log(`… and ${found.length - 50} more`);
  console.log(
    `${report.records} records of ${report.splits.length} splits, ${report.freshStarts} fresh starts, ${found.length} problems`,
  );
  return found.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv[2]);
