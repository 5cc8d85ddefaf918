/** The logs of a job of this machine as one: merged by time, or followed as they come, processes that come later included. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { stateFolder } from "../targets/local/job-folders.ts";
import { type LocalLogLine, localLogs, LogReader } from "../targets/local/logs.ts";
import { type Streams, UserError } from "./command.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { type LogWish, mergeLines } from "./logs.ts";

/** Milliseconds between two looks at the files. */
const LOOK_MS = 200;

/** The job's folder. @throws UserError when there is no such job */
export function localJobFolder(
  name: string,
  options: Readonly<Record<string, unknown>>,
  { env }: Pick<Streams, "env">,
): string {
  const namespace = (options["namespace"] as string | undefined) ?? "default";
  const folder = join(stateFolder(options["stateDir"] as string | undefined, env), namespace, name);
  if (existsSync(join(folder, "record.json"))) return folder;
  throw new UserError(
    `there is no job ${name} on this machine, in namespace ${namespace}`,
    "List them with `sluice list --target local`.",
    EXIT_CODES["not-found"],
  );
}

type Wish = Pick<LogWish, "component" | "previous" | "tail" | "sinceSeconds">;

/** Of one file: its end, and what is new enough. */
function asWished(lines: readonly LocalLogLine[], { tail, sinceSeconds }: Wish): readonly LocalLogLine[] {
  const first = sinceSeconds === undefined ? 0 : Date.now() - sinceSeconds * 1000;
  const recent = lines.filter(({ time }) => first === 0 || new Date(time).getTime() >= first);
  return tail === undefined ? recent : recent.slice(recent.length - Math.min(tail, recent.length));
}

/** Everything until now. */
export function readLocalLogs(folder: string, wish: Wish): readonly LocalLogLine[] {
  const sources = localLogs(folder, wish.previous, wish.component);
  return mergeLines(sources.flatMap((source) => [...asWished(new LogReader(source).read(), wish)]));
}

/** Shows lines as they come, until `signal`, or for ever. */
export async function followLocalLogs(
  folder: string,
  wish: Wish,
  show: (line: LocalLogLine) => void,
  signal?: AbortSignal,
): Promise<void> {
  const readers = new Map<string, LogReader>();
  const isOver = (): boolean => signal?.aborted === true;
  for (let isFirst = true; !isOver(); isFirst = false) {
    for (const source of localLogs(folder, false, wish.component))
      if (!readers.has(source.path)) readers.set(source.path, new LogReader(source));
    const lines = [...readers.values()].flatMap((reader) =>
      isFirst ? [...asWished(reader.read(), wish)] : reader.read(),
    );
    for (const line of mergeLines(lines)) show(line);
    await pause(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}
