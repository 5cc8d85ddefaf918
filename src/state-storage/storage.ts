/** What state storages have in common. Nothing here throws: a failure is a value, and says who can do what about it. */
import type { Readable } from "node:stream";

export type StorageFailureKind =
  /** A scheme or a kind of credentials that Sluice does not know. */
  | "unsupported"
  /** A path that is not there as seen from this process; elsewhere it may be. */
  | "not-visible"
  | "forbidden"
  | "no-bucket"
  /** No whole answer: no connection, no answer in time, or a server that has trouble of its own. */
  | "unreachable"
  /** Anything else that the storage says no to. */
  | "refused";

export interface StorageFailure {
  readonly kind: StorageFailureKind;
  readonly message: string;
}

export type StorageAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: StorageFailure };

export interface ObjectStart {
  readonly bytes: Uint8Array;
  /** Of the whole object, in bytes. */
  readonly size: number;
  /** Epoch milliseconds, by the storage's clock. */
  readonly modified: number;
}

export interface OpenObject {
  /** Bytes; undefined where the storage does not say. */
  readonly size: number | undefined;
  /** Fails when nothing comes for the deadline of one call. Must be read or destroyed. */
  readonly body: Readable;
}

/** A place for state, by URIs as Flink writes them. An object that is not there is `undefined`, not a failure. */
export interface Storage {
  /**
   * Names directly below the folder `uri` that begin with `prefix`. Buckets know no folders: there one that does not
   * exist is an empty one; on a file system it is the failure `not-visible`.
   */
  list(uri: string, prefix: string): Promise<StorageAnswer<readonly string[]>>;
  /** The object's first `length` bytes, fewer where it is shorter. `length` is at least 1. */
  readStart(uri: string, length: number): Promise<StorageAnswer<ObjectStart | undefined>>;
  getObject(uri: string): Promise<StorageAnswer<OpenObject | undefined>>;
}

export function fail(kind: StorageFailureKind, message: string): { ok: false; failure: StorageFailure } {
  return { ok: false, failure: { kind, message } };
}

export const done = <T>(value: T): { ok: true; value: T } => ({ ok: true, value });

/** The code of a system error, or its name. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === "string") return code;
  return error.cause === undefined ? error.name : errorCode(error.cause);
}
