/** Records as ConfigMaps. */
import type { KubeObject } from "../../api/kube-object.ts";
import { type KubeClient, isKubeError } from "../../kube/client.ts";
import { CONFIG_MAPS } from "../../kube/resource-type.ts";
import type { RecordStore, StoredRecord } from "../target.ts";

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

/** Not `app`: the record outlives the cluster, and is none of its objects. */
const LABELS = { "app.kubernetes.io/managed-by": "sluice", "app.kubernetes.io/component": "job-record" };

export class ConfigMapRecords implements RecordStore {
  readonly #client: KubeClient;
  readonly #namespace: string;
  /** As read last: labels and annotations of others stay. */
  readonly #found = new Map<string, ConfigMap>();

  constructor(client: KubeClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  async list(): Promise<readonly string[]> {
    const labelSelector = Object.entries(LABELS)
      .map(([key, value]) => `${key}=${value}`)
      .join(",");
    const { items } = await this.#client.list<ConfigMap>(CONFIG_MAPS, {
      namespace: this.#namespace,
      labelSelector,
    });
    const prefix = this.#named("");
    return items
      .filter(({ metadata }) => metadata.name.startsWith(prefix))
      .map(({ metadata }) => metadata.name.slice(prefix.length))
      .toSorted((a, b) => a.localeCompare(b));
  }

  describe(name: string): string {
    return `ConfigMap ${this.#named(name)} in namespace ${this.#namespace}`;
  }

  async read(name: string): Promise<StoredRecord | undefined> {
    const found = await this.#client.get<ConfigMap>(CONFIG_MAPS, this.#namespace, this.#named(name));
    if (found === undefined) {
      this.#found.delete(name);
      return undefined;
    }
    return this.#keep(name, found);
  }

  async write(
    name: string,
    data: Readonly<Record<string, string>>,
    version: string | undefined,
  ): Promise<string | undefined> {
    try {
      const written = await this.#send(name, data, version);
      return this.#keep(name, written).version;
    } catch (error) {
      if (isKubeError(error, "conflict") || isKubeError(error, "already-exists")) return undefined;
      // Deleted meanwhile: to make it anew would bring back what somebody threw away.
      if (isKubeError(error, "not-found") && version !== undefined) return undefined;
      throw error;
    }
  }

  /** Of that version only. False: it is another one by now. */
  async delete(name: string, version: string): Promise<boolean> {
    try {
      await this.#client.delete(CONFIG_MAPS, this.#namespace, this.#named(name), {
        resourceVersion: version,
      });
    } catch (error) {
      if (isKubeError(error, "precondition-failed") || isKubeError(error, "conflict")) return false;
      throw error;
    }
    this.#found.delete(name);
    return true;
  }

  #send(
    name: string,
    data: Readonly<Record<string, string>>,
    version: string | undefined,
  ): Promise<ConfigMap> {
    const metadata = { name: this.#named(name), namespace: this.#namespace, labels: LABELS };
    if (version === undefined) {
      const made = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { ...data } };
      return this.#client.create<ConfigMap>(CONFIG_MAPS, made);
    }
    const found = this.#found.get(name);
    const labels = { ...found?.metadata.labels, ...LABELS };
    return this.#client.replace<ConfigMap>(CONFIG_MAPS, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { ...(found?.metadata ?? metadata), labels, resourceVersion: version },
      data: { ...data },
    });
  }

  #keep(name: string, object: ConfigMap): StoredRecord {
    this.#found.set(name, object);
    return { data: object.data ?? {}, version: object.metadata.resourceVersion ?? "" };
  }

  #named(name: string): string {
    return `sluice-${name}`;
  }
}
