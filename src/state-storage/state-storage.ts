/**
 * State storage by URI, as Flink's configuration writes it: `s3://`, `s3a://`, `s3p://`, `file://`. Who opens it says with
 * which Flink configuration (its `s3.*` options) and with which environment; connections are shared.
 */
import { Agent } from "undici";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { parseLocation } from "../flink/state-location.ts";
import { FileStorage } from "./file-storage.ts";
import type { Environment } from "./s3-access.ts";
import { S3Storage } from "./s3-storage.ts";
import {
  done,
  fail,
  type ObjectStart,
  type OpenObject,
  type Storage,
  type StorageAnswer,
} from "./storage.ts";

export interface StateStorageOptions {
  readonly env: Environment;
  /** Milliseconds for one call. Default 10 s. */
  readonly callMs?: number;
}

/** The storages of one process. */
export class StateStorages {
  readonly #options: StateStorageOptions;
  readonly #agent: Agent;

  constructor(options: StateStorageOptions) {
    this.#options = options;
    this.#agent = new Agent({ connections: 4, connect: { timeout: options.callMs ?? 10_000 } });
  }

  /** `signal` ends everything that is under way, beside each call's own deadline. */
  open(configuration: FlinkConfiguration, signal?: AbortSignal): StateStorage {
    const { env, callMs } = this.#options;
    const timing = callMs === undefined ? {} : { callMs };
    return new StateStorage(
      new S3Storage({ configuration, env, dispatcher: this.#agent, signal, ...timing }),
    );
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

export class StateStorage implements Storage {
  readonly #s3: Storage;
  readonly #files: Storage = new FileStorage();

  constructor(s3: Storage) {
    this.#s3 = s3;
  }

  list(uri: string, prefix: string): Promise<StorageAnswer<readonly string[]>> {
    return this.#at(uri, (storage) => storage.list(uri, prefix));
  }

  readStart(uri: string, length: number): Promise<StorageAnswer<ObjectStart | undefined>> {
    return this.#at(uri, (storage) => storage.readStart(uri, length));
  }

  getObject(uri: string): Promise<StorageAnswer<OpenObject | undefined>> {
    return this.#at(uri, (storage) => storage.getObject(uri));
  }

  /** Whether there is an object (not a folder) at `uri`. */
  async exists(uri: string): Promise<StorageAnswer<boolean>> {
    const found = await this.readStart(uri, 1);
    return found.ok ? done(found.value !== undefined) : found;
  }

  async #at<T>(uri: string, use: (storage: Storage) => Promise<StorageAnswer<T>>): Promise<StorageAnswer<T>> {
    const location = parseLocation(uri);
    if (location.kind === "unsupported") return fail("unsupported", location.problem);
    return use(location.kind === "s3" ? this.#s3 : this.#files);
  }
}
