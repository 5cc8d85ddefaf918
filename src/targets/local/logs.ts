/** The logs of a job's processes on this machine, as lines with the time that Flink gave them. */
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";

/** Of one process; a new start begins a new file. */
interface Source {
  readonly path: string;
  /** `jobmanager`, `taskmanager-1`. */
  readonly role: string;
}

export interface LocalLogLine {
  /** RFC 3339 in the time of this machine, without a zone; of a line without one, that of the line before. */
  readonly time: string;
  readonly text: string;
  /** The process. */
  readonly pod: string;
}

const STAMP = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)[,.](\d{3})/;

export function parseLocalLines(role: string, text: string, before = ""): LocalLogLine[] {
  let time = before;
  return text.split("\n").flatMap((line) => {
    if (line === "") return [];
    const [, day, clock, fraction] = STAMP.exec(line) ?? [];
    if (day !== undefined) time = `${day}T${clock}.${fraction}`;
    return [{ time, pod: role, text: line }];
  });
}

/** `previous`: of the start before this one. `component`: `jobmanager` or `taskmanager`. */
export function localLogs(folder: string, previous: boolean, component: string | undefined): Source[] {
  const logs = join(folder, previous ? "logs.previous" : "logs");
  let names: string[] = [];
  try {
    names = readdirSync(logs);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return names
    .filter((name) => name.endsWith(".out") && name.startsWith(component ?? ""))
    .toSorted()
    .map((name) => ({ path: join(logs, name), role: name.slice(0, -".out".length) }));
}

/** What comes to a file, from a place on. */
export class LogReader {
  readonly source: Source;
  #inode = 0;
  #offset = 0;
  #time = "";

  constructor(source: Source) {
    this.source = source;
  }

  /** Whole lines since the last call; of a file in its place, from its beginning. Empty when there is none. */
  read(): LocalLogLine[] {
    let file: number;
    try {
      file = openSync(this.source.path, "r");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
    try {
      const { ino, size } = statSync(this.source.path);
      if (ino !== this.#inode || size < this.#offset) this.#offset = 0;
      this.#inode = ino;
      return this.#take(file, size);
    } finally {
      closeSync(file);
    }
  }

  #take(file: number, size: number): LocalLogLine[] {
    const bytes = Buffer.alloc(Math.max(0, size - this.#offset));
    const got = readSync(file, bytes, 0, bytes.length, this.#offset);
    // Up to the last end of a line: what is cut is not a whole character either.
    const end = bytes.subarray(0, got).lastIndexOf(10) + 1;
    this.#offset += end;
    const lines = parseLocalLines(this.source.role, bytes.toString("utf8", 0, end), this.#time);
    this.#time = lines.at(-1)?.time ?? this.#time;
    return lines;
  }
}
