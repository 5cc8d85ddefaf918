/** Jobs' records as files, with the content that the ConfigMap has in a cluster. Written under the job's lock only. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Refusal, type RecordStore, type StoredRecord } from "../target.ts";
import { readWhole, writeWhole } from "./files.ts";

const FILE = "record.json";

function parse(path: string, text: string): StoredRecord {
  try {
    const { data, version } = JSON.parse(text) as Partial<StoredRecord>;
    if (typeof version === "string" && typeof data === "object" && data !== null) return { data, version };
  } catch {
    // Said below.
  }
  throw new Refusal(
    "act",
    `${path} is damaged`,
    "Put back what was there; or remove the file when the job's state does not matter any more.",
  );
}

export class FileRecords implements RecordStore {
  readonly #folder: (name: string) => string;
  readonly #written: (name: string) => Promise<void>;

  /** `folder`: of a job. `written`: after each write. */
  constructor(folder: (name: string) => string, written: (name: string) => Promise<void>) {
    this.#folder = folder;
    this.#written = written;
  }

  async read(name: string): Promise<StoredRecord | undefined> {
    const path = this.describe(name);
    const text = readWhole(path);
    return text === undefined ? undefined : parse(path, text);
  }

  async write(
    name: string,
    data: StoredRecord["data"],
    version: string | undefined,
  ): Promise<string | undefined> {
    const found = await this.read(name);
    if (found?.version !== version) return undefined;
    const next = String(Number(version ?? 0) + 1);
    writeWhole(this.describe(name), `${JSON.stringify({ version: next, data }, undefined, 2)}\n`);
    await this.#written(name);
    return next;
  }

  describe(name: string): string {
    return join(this.#folder(name), FILE);
  }
}

/** The names of the jobs that have a folder in here. */
export function recordedJobs(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, FILE)))
    .toSorted();
}
