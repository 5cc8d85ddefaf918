/** Finds a job's newest complete checkpoint, or a savepoint of the same job that is newer, where it may have left them. */
import { METADATA_FILE, METADATA_HEAD_BYTES, readMetadataHead } from "../flink/checkpoint-metadata.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { baseName, below, parentOf } from "../flink/state-location.ts";
import type { CheckpointPlace, RetainedAnswer, RetainedQuestion } from "../reconcile/decision.ts";
import { done, type Storage, type StorageAnswer, type StorageFailure } from "./storage.ts";

const NONE = { kind: "none" } as const;

function unreadable({ kind, message }: StorageFailure): RetainedAnswer {
  // Sluice will not see more by looking again.
  if (kind === "unsupported" || kind === "not-visible") return { kind: "unclear", message };
  return { kind: "unreadable", message, mendable: kind !== "unreachable" };
}

/** The snapshot in the folder `path`; `id`: which checkpoint it has to be. */
async function readSnapshot(storage: Storage, path: string, id?: number): Promise<RetainedAnswer> {
  const file = below(path, METADATA_FILE);
  const found = await storage.readStart(file, METADATA_HEAD_BYTES);
  if (!found.ok) return unreadable(found.failure);
  if (found.value === undefined) return NONE;
  const head = readMetadataHead(found.value.bytes);
  if (head.kind === "cut") return NONE;
  if (head.kind === "foreign") return { kind: "unclear", message: `${file}: ${head.problem}` };
  if (id !== undefined && head.checkpointId !== id) {
    return { kind: "unclear", message: `${file} is checkpoint ${head.checkpointId}'s` };
  }
  return { kind: "found", path, checkpointId: head.checkpointId, completed: found.value.modified };
}

/** The numbers of the folders `chk-<n>`, highest first. */
function checkpointIds(names: readonly string[]): number[] {
  return names
    .flatMap((name) => /^chk-(?<id>\d{1,15})$/.exec(name)?.groups?.["id"] ?? [])
    .map(Number)
    .sort((a, b) => b - a);
}

async function newestIn(storage: Storage, { directory, shared }: CheckpointPlace): Promise<RetainedAnswer> {
  const names = await storage.list(directory, "chk-");
  if (!names.ok) return unreadable(names.failure);
  let newest: RetainedAnswer = NONE;
  for (const id of checkpointIds(names.value)) {
    const part = await readSnapshot(storage, below(directory, `chk-${id}`), id);
    if (part.kind === "none") continue;
    if (part.kind !== "found" || !shared) return part;
    if (newest.kind === "found") {
      const message = `${directory} holds several checkpoints (${newest.path}, ${part.path}), and does not say whose`;
      return { kind: "unclear", message };
    }
    newest = part;
  }
  return newest;
}

/** A folder that is not there is empty where its surroundings can be seen. */
async function namesIn(
  storage: Storage,
  directory: string,
  prefix: string,
): Promise<StorageAnswer<readonly string[]>> {
  const names = await storage.list(directory, prefix);
  const parent = parentOf(directory);
  if (names.ok || names.failure.kind !== "not-visible" || parent === undefined) return names;
  const above = await storage.list(parent, baseName(directory));
  return above.ok && !above.value.includes(baseName(directory)) ? done([]) : names;
}

/** The newest complete one of a job's savepoints. */
async function newestSavepoint(
  storage: Storage,
  { directory, prefix }: NonNullable<RetainedQuestion["asked"]>,
): Promise<RetainedAnswer> {
  const names = await namesIn(storage, directory, prefix);
  if (!names.ok) return unreadable(names.failure);
  let newest: RetainedAnswer = NONE;
  for (const name of names.value) {
    const part = await readSnapshot(storage, below(directory, name));
    if (part.kind === "unclear" || part.kind === "unreadable") return part;
    newest = newer(newest, part);
  }
  return newest;
}

function newer(one: RetainedAnswer, other: RetainedAnswer): RetainedAnswer {
  if (one.kind !== "found") return other;
  return other.kind === "found" && other.checkpointId > one.checkpointId ? other : one;
}

/**
 * `open` gives the storage that a Flink configuration leads to. Ids rise over a job's checkpoints and savepoints alike, so
 * the highest is the newest. One part that cannot be told makes the whole unclear: what cannot be seen may be newer.
 */
export async function findRetained(
  { places, savepoints, asked }: RetainedQuestion,
  open: (access: FlinkConfiguration) => Storage,
): Promise<RetainedAnswer> {
  const looks = [
    ...places.map((place) => () => newestIn(open(place.access), place)),
    ...savepoints.map((path) => () => readSnapshot(open(places[0]?.access ?? {}), path)),
    ...(asked === undefined ? [] : [() => newestSavepoint(open(asked.access), asked)]),
  ];
  let newest: RetainedAnswer = NONE;
  for (const look of looks) {
    const part = await look();
    if (part.kind === "unclear" || part.kind === "unreadable") return part;
    newest = newer(newest, part);
  }
  return newest;
}

/** Milliseconds for one look, however many calls it takes. */
const LOOK_MS = 30_000;

interface Looks {
  readonly retained: (question: RetainedQuestion) => Promise<RetainedAnswer>;
  /** Whether a savepoint or checkpoint is there and complete; `access`: Flink's `s3.*` options. */
  readonly snapshot: (path: string, access: FlinkConfiguration) => Promise<RetainedAnswer>;
}

/** Looks that end within their own deadline. */
export function looksInto(storages: {
  open(access: FlinkConfiguration, signal: AbortSignal): Storage;
}): Looks {
  return {
    retained: (question) => {
      const signal = AbortSignal.timeout(LOOK_MS);
      return findRetained(question, (access) => storages.open(access, signal));
    },
    snapshot: (path, access) => readSnapshot(storages.open(access, AbortSignal.timeout(LOOK_MS)), path),
  };
}
