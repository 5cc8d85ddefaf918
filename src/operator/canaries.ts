/**
 * Canaries (2.34): FlinkDeployments and FlinkSessionJobs that stand for no job. Nothing is deployed for them. Their
 * `restartNonce` is raised from time to time, and the change has to come back, through the watch and the queue, before
 * the next one: if it does not, this operator sees or does nothing any more, and is unhealthy.
 */
import type { KubeObject } from "../api/kube-object.ts";
import type { PassOutcome } from "../controller/pass-shell.ts";
import { type FlinkConfiguration, getDuration } from "../flink/configuration.ts";
import type { KubeClient } from "../kube/client.ts";
import { type Clock, systemClock } from "../kube/clock.ts";
import type { ResourceType } from "../kube/resource-type.ts";
import { isCanary } from "../reconcile/canary.ts";
import type { Logger } from "../telemetry/log.ts";

const TIMEOUT = { key: "kubernetes.operator.health.canary.resource.timeout", default: "1 min" };

interface Canary {
  /** The generation that has to come by; 0: none yet. */
  expected: number;
  seen: number;
  isFailing: boolean;
  cancel: () => void;
}

export interface CanaryOptions {
  readonly client: KubeClient;
  readonly configuration: () => FlinkConfiguration;
  readonly log: Logger;
  readonly clock?: Clock;
}

export class Canaries {
  readonly #options: CanaryOptions;
  readonly #clock: Clock;
  readonly #known = new Map<string, Canary>();

  constructor(options: CanaryOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Those whose change did not come back in time. */
  get failing(): readonly string[] {
    return [...this.#known].filter(([, { isFailing }]) => isFailing).map(([name]) => name);
  }

  /** The passes of a controller, but for canaries. `find` reads the cache. */
  around(
    type: ResourceType,
    find: (namespace: string, name: string) => KubeObject | undefined,
    pass: (key: string) => Promise<PassOutcome>,
  ): (key: string) => Promise<PassOutcome> {
    return async (key) => {
      const [namespace = "", name = ""] = key.split("/");
      const resource = find(namespace, name);
      const called = `${type.kind} ${key}`;
      const { deletionTimestamp, generation = 0 } = resource?.metadata ?? {};
      // One that was a job before is taken down as a job.
      if (resource === undefined || !isCanary(resource) || deletionTimestamp !== undefined) {
        this.#forget(called);
        return pass(key);
      }
      this.#seen(called, generation, () => this.#raise(type, resource));
      return { kind: "on-change" };
    };
  }

  close(): void {
    for (const called of this.#known.keys()) this.#forget(called);
  }

  #forget(called: string): void {
    this.#known.get(called)?.cancel();
    this.#known.delete(called);
  }

  #seen(called: string, generation: number, raise: () => Promise<number>): void {
    const known = this.#known.get(called);
    if (known !== undefined) {
      known.seen = Math.max(known.seen, generation);
      return;
    }
    const canary: Canary = { expected: 0, seen: generation, isFailing: false, cancel: () => {} };
    this.#known.set(called, canary);
    this.#follow(called, canary, raise);
  }

  #follow(called: string, canary: Canary, raise: () => Promise<number>): void {
    const timeout = getDuration(this.#options.configuration(), TIMEOUT) ?? 60_000;
    canary.cancel = this.#clock.after(timeout, () => void this.#check(called, canary, raise));
  }

  async #check(called: string, canary: Canary, raise: () => Promise<number>): Promise<void> {
    const { log } = this.#options;
    canary.isFailing = canary.seen < canary.expected;
    if (canary.isFailing) log.error({ canary: called }, "the canary's change did not come back");
    try {
      canary.expected = await raise();
    } catch (error) {
      // Without an API server there is nothing to be seen, and a restart would not bring it back.
      log.warn({ canary: called, error: String(error) }, "canary not changed, trying again");
    }
    if (this.#known.get(called) === canary) this.#follow(called, canary, raise);
  }

  /** The generation that results. */
  async #raise(type: ResourceType, { metadata: { namespace, name } }: KubeObject): Promise<number> {
    const { client } = this.#options;
    const current = await client.get<KubeObject>(type, namespace, name);
    if (current === undefined) return 0;
    const { restartNonce } = (current["spec"] ?? {}) as { restartNonce?: number };
    const { resourceVersion } = current.metadata;
    const patch = { metadata: { resourceVersion }, spec: { restartNonce: (restartNonce ?? 0) + 1 } };
    const changed = await client.patch(type, namespace, name, patch, { kind: "merge" });
    return changed.metadata.generation ?? 0;
  }
}
