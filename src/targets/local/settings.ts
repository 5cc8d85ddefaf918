/** What commands were told about a job's surroundings, for those who go on without them: the supervisor, the next command. */
import { join } from "node:path";
import { readWhole, writeWhole } from "./files.ts";

export interface Settings {
  /** Folders of Flink distributions by `spec.flinkVersion`. */
  readonly flinkHomes: Readonly<Record<string, string>>;
}

const pathIn = (folder: string): string => join(folder, "settings.json");

export function readSettings(folder: string): Settings {
  const text = readWhole(pathIn(folder));
  return text === undefined ? { flinkHomes: {} } : (JSON.parse(text) as Settings);
}

export function writeSettings(folder: string, settings: Settings): void {
  writeWhole(pathIn(folder), `${JSON.stringify(settings, undefined, 2)}\n`);
}
