/** State on a file system that this process sees under the same path as Flink: a volume mounted in both, or one machine. */
import { open, readdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { parseLocation } from "../flink/state-location.ts";
import {
  done,
  errorCode,
  fail,
  type ObjectStart,
  type OpenObject,
  type Storage,
  type StorageAnswer,
} from "./storage.ts";

/** Milliseconds for one call: a network file system without its server does not answer. */
const CALL_MS = 10_000;

function pathOf(uri: string): string {
  const location = parseLocation(uri);
  return location.kind === "file" ? location.path : uri;
}

function notVisible(path: string): ReturnType<typeof fail> {
  return fail(
    "not-visible",
    `${path} is not visible from here: Sluice would need the same volume at the same path`,
  );
}

function failure(error: unknown, path: string): ReturnType<typeof fail> {
  const code = errorCode(error);
  if (code === "EACCES" || code === "EPERM")
    return fail("forbidden", `${path} may not be read by Sluice (${code})`);
  return fail("unreachable", `${path} cannot be read (${code})`);
}

// A folder is no object.
const isMissing = (error: unknown): boolean => ["ENOENT", "ENOTDIR", "EISDIR"].includes(errorCode(error));

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function inTime<T>(path: string, work: Promise<StorageAnswer<T>>): Promise<StorageAnswer<T>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<StorageAnswer<T>>((resolve) => {
    const answer = fail("unreachable", `${path} gave no answer within ${CALL_MS / 1000} s`);
    timer = setTimeout(() => resolve(answer), CALL_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

export class FileStorage implements Storage {
  list(uri: string, prefix: string): Promise<StorageAnswer<readonly string[]>> {
    const path = pathOf(uri);
    const names = readdir(path).then(
      (found) => done(found.filter((name) => name.startsWith(prefix))),
      (error: unknown) => (isMissing(error) ? notVisible(path) : failure(error, path)),
    );
    return inTime(path, names);
  }

  readStart(uri: string, length: number): Promise<StorageAnswer<ObjectStart | undefined>> {
    const path = pathOf(uri);
    return inTime(path, this.#readStart(path, length));
  }

  getObject(uri: string): Promise<StorageAnswer<OpenObject | undefined>> {
    const path = pathOf(uri);
    return inTime(path, this.#open(path));
  }

  /** Whether it is gone, or its whole surroundings are unknown here. */
  async #missing(path: string): Promise<StorageAnswer<undefined>> {
    const seen = (await exists(dirname(path))) || (await exists(dirname(dirname(path))));
    return seen ? done(undefined) : notVisible(path);
  }

  async #readStart(path: string, length: number): Promise<StorageAnswer<ObjectStart | undefined>> {
    try {
      await using file = await open(path, "r");
      const { size, mtimeMs } = await file.stat();
      const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, 0);
      return done({ bytes: buffer.subarray(0, bytesRead), size, modified: Math.floor(mtimeMs) });
    } catch (error) {
      return isMissing(error) ? this.#missing(path) : failure(error, path);
    }
  }

  async #open(path: string): Promise<StorageAnswer<OpenObject | undefined>> {
    try {
      const file = await open(path, "r");
      const { size } = await file.stat();
      return done({ size, body: file.createReadStream() });
    } catch (error) {
      return isMissing(error) ? this.#missing(path) : failure(error, path);
    }
  }
}
