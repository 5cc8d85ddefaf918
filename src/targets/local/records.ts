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

export interface FileRecordsOptions {
  /** Holds a folder for each job. */
  readonly jobs: string;
  /** Of a job. */
  readonly folder: (name: string) => string;
  /** After each write. */
  readonly written: (name: string) => Promise<void>;
}

export class FileRecords implements RecordStore {
  readonly #options: FileRecordsOptions;

  constructor(options: FileRecordsOptions) {
    this.#options = options;
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
    await this.#options.written(name);
    return next;
  }

  async list(): Promise<readonly string[]> {
    const { jobs } = this.#options;
    if (!existsSync(jobs)) return [];
    return readdirSync(jobs)
      .filter((name) => existsSync(join(jobs, name, FILE)))
      .toSorted();
  }

  describe(name: string): string {
    return join(this.#options.folder(name), FILE);
  }
}
