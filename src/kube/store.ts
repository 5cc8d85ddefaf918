/**
 * The objects of one type as last seen, by key and by declared indexes. Objects in it are shared: read only.
 *
 * It never goes back: an object is replaced only by a newer one (resourceVersion), whether it comes from a list, a
 * watch or an own write. The exception is a server whose history was set back (a restored backup): a list older than
 * what was seen replaces everything.
 */
import type { KubeObject } from "../api/kube-object.ts";
import { compareResourceVersions } from "./resource-version.ts";

/** `object` undefined: deleted. `previous` undefined: new. */
export type OnChange<T extends KubeObject> = (
  key: string,
  object: T | undefined,
  previous: T | undefined,
) => void;

/** For each name, the values under which an object is found. */
export type Indexes<T extends KubeObject> = Readonly<Record<string, (object: T) => readonly string[]>>;

/** `namespace/name`, or the bare name of a cluster-scoped object. */
export function keyOf({ metadata: { namespace, name } }: KubeObject): string {
  return keyFor(namespace, name);
}

export function keyFor(namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;
}

const BY_NAMESPACE = "namespace";

export class Store<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes: Indexes<T>;
  readonly #index = new Map<string, Map<string, Set<string>>>();
  readonly #onChange: OnChange<T>;
  /** Everything up to here has been seen. Empty: nothing yet. */
  #progress = "";
  #listing: { readonly seen: Set<string>; setBack: boolean } | undefined;

  constructor(onChange: OnChange<T>, indexes: Indexes<T> = {}) {
    this.#onChange = onChange;
    this.#indexes = { ...indexes, [BY_NAMESPACE]: (object) => [object.metadata.namespace ?? ""] };
    for (const name of Object.keys(this.#indexes)) this.#index.set(name, new Map());
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(namespace?: string): T[] {
    return namespace === undefined ? [...this.#objects.values()] : this.byIndex(BY_NAMESPACE, namespace);
  }

  /** @throws RangeError for an index that was not declared. */
  byIndex(index: string, value: string): T[] {
    const values = this.#index.get(index);
    if (!values) throw new RangeError(`The index "${index}" was not declared`);
    const found: T[] = [];
    for (const key of values.get(value) ?? []) {
      const object = this.#objects.get(key);
      if (object !== undefined) found.push(object);
    }
    return found;
  }

  beginList(): void {
    this.#listing = { seen: new Set(), setBack: false };
  }

  /** `resourceVersion` is the list's. */
  addPage(items: readonly T[], resourceVersion: string): void {
    if (this.#listing === undefined) return;
    if (this.#progress !== "" && compareResourceVersions(resourceVersion, this.#progress) < 0) {
      this.#listing.setBack = true;
    }
    for (const item of items) {
      const key = keyOf(item);
      this.#listing.seen.add(key);
      if (this.#listing.setBack) this.#replace(key, item);
      else this.#putNewer(key, item);
    }
  }

  /** What the list did not have is gone, unless it is younger than the list. */
  endList(resourceVersion: string): void {
    if (this.#listing === undefined) return;
    const { seen, setBack } = this.#listing;
    this.#listing = undefined;
    for (const [key, object] of this.#objects) {
      if (!seen.has(key) && (setBack || compareResourceVersions(versionOf(object), resourceVersion) <= 0)) {
        this.#remove(key, object);
      }
    }
    this.#progress = resourceVersion;
  }

  /** From the watch. */
  put(object: T): void {
    this.advance(versionOf(object));
    this.#putNewer(keyOf(object), object);
  }

  /** From the watch: the object as it was when it went. */
  delete(object: T): void {
    this.advance(versionOf(object));
    const key = keyOf(object);
    const held = this.#objects.get(key);
    // A younger one of the same name is another incarnation, which an own write has put here already.
    if (held !== undefined && compareResourceVersions(versionOf(object), versionOf(held)) >= 0) {
      this.#remove(key, held);
    }
  }

  /** The watch has passed this point. */
  advance(resourceVersion: string): void {
    if (this.#progress === "" || compareResourceVersions(resourceVersion, this.#progress) > 0) {
      this.#progress = resourceVersion;
    }
  }

  /**
   * The answer to an own write. Not taken where the watch is already past it: then what the store holds is as new, and
   * an object that it lacks has been deleted since.
   */
  putOwn(object: T): void {
    const passed = this.#progress !== "" && compareResourceVersions(versionOf(object), this.#progress) <= 0;
    const key = keyOf(object);
    if (!passed || this.#objects.has(key)) this.#putNewer(key, object);
  }

  #putNewer(key: string, object: T): void {
    const held = this.#objects.get(key);
    if (held === undefined || compareResourceVersions(versionOf(object), versionOf(held)) > 0) {
      this.#replace(key, object);
    }
  }

  #replace(key: string, object: T): void {
    const previous = this.#objects.get(key);
    if (previous !== undefined && sameVersion(previous, object)) return;
    if (previous !== undefined) this.#unindex(key, previous);
    this.#objects.set(key, object);
    this.#enter(key, object);
    this.#onChange(key, object, previous);
  }

  #remove(key: string, previous: T): void {
    this.#objects.delete(key);
    this.#unindex(key, previous);
    this.#onChange(key, undefined, previous);
  }

  #enter(key: string, object: T): void {
    for (const [name, values] of this.#index) {
      for (const value of this.#indexes[name]?.(object) ?? []) {
        const keys = values.get(value);
        if (keys === undefined) values.set(value, new Set([key]));
        else keys.add(key);
      }
    }
  }

  #unindex(key: string, object: T): void {
    for (const [name, values] of this.#index) {
      for (const value of this.#indexes[name]?.(object) ?? []) {
        const keys = values.get(value);
        keys?.delete(key);
        if (keys?.size === 0) values.delete(value);
      }
    }
  }
}

function versionOf({ metadata: { resourceVersion } }: KubeObject): string {
  return resourceVersion ?? "";
}

function sameVersion(a: KubeObject, b: KubeObject): boolean {
  return versionOf(a) === versionOf(b) && a.metadata.uid === b.metadata.uid;
}
