/**
 * The webhook's own certificates: kept in a Secret, shared by all replicas, made anew in time (rotation.ts), and told to
 * the API server in the webhook configurations. Replicas do this side by side: a Secret is written only on top of the
 * version that was read.
 */
import type { KubeObject } from "../api/kube-object.ts";
import { isKubeError, type KubeClient } from "../kube/client.ts";
import { pause, systemClock } from "../kube/clock.ts";
import { MUTATING_WEBHOOKS, type ResourceType, SECRETS, VALIDATING_WEBHOOKS } from "../kube/resource-type.ts";
import type { Logger } from "../telemetry/log.ts";
import type { CertificateAndKey } from "./certificate.ts";
import {
  bundleOf,
  fromSecret,
  type Kept,
  rotated,
  type RotationOptions,
  type SecretData,
  toSecret,
} from "./rotation.ts";

interface Secret extends KubeObject {
  data?: SecretData;
  type?: string;
}

interface WebhookConfiguration extends KubeObject {
  webhooks?: { readonly clientConfig?: { readonly caBundle?: string } }[];
}

export interface OwnCertificatesOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Of the Secret. */
  readonly secret: string;
  /** Of both webhook configurations; one that does not exist is left out. */
  readonly configuration: string;
  readonly rotation: RotationOptions;
  /** Milliseconds between two looks. */
  readonly interval: number;
  readonly log: Logger;
  /** Called with each look. */
  readonly use: (serving: CertificateAndKey) => void;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

const CALL = { deadlineMs: 10_000 };

export class OwnCertificates {
  readonly #options: OwnCertificatesOptions;
  /** Why the last look failed. */
  #problem: string | undefined = "certificates not looked at yet";

  constructor(options: OwnCertificatesOptions) {
    this.#options = options;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  /** Looks until the signal is aborted. What fails is tried again; what is served meanwhile stays. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const settled = await this.look().catch((error: unknown) => {
        this.#problem = String(error);
        this.#options.log.warn({ error: String(error) }, "certificates not looked after, trying again");
        return false;
      });
      await pause(
        systemClock,
        settled ? this.#options.interval : Math.min(1000, this.#options.interval),
        signal,
      );
    }
  }

  /** One look. False when something changed, so that another one is due. @throws KubeApiError */
  async look(): Promise<boolean> {
    const { client, namespace, secret: name, rotation, now = Date.now, use, log } = this.#options;
    const found = await client.get<Secret>(SECRETS, namespace, name, CALL);
    const before = fromSecret(found?.data);
    // Whoever can be told of it or not: what is kept was told before.
    if (before !== undefined) use(before.serving);
    const isTold = before !== undefined && (await this.#tell(before));
    const kept = rotated(before, isTold, now(), rotation);
    if (kept !== before) {
      if (!(await this.#keep(found, kept))) return false;
      log.info({ secret: name }, "certificates made");
      // Told before it is used: the API server must not meet a certificate whose authority it does not know.
      await this.#tell(kept);
    }
    use(kept.serving);
    this.#problem = undefined;
    return kept === before;
  }

  /** False when another replica wrote first. */
  async #keep(found: Secret | undefined, kept: Kept): Promise<boolean> {
    const { client, namespace, secret: name } = this.#options;
    const data = toSecret(kept);
    try {
      if (found === undefined) {
        const metadata = { name, namespace };
        await client.create<Secret>(SECRETS, { apiVersion: "v1", kind: "Secret", metadata, data }, {}, CALL);
      } else {
        await client.replace<Secret>(SECRETS, { ...found, data }, CALL);
      }
      return true;
    } catch (error) {
      if (isKubeError(error, "conflict") || isKubeError(error, "already-exists")) return false;
      throw error;
    }
  }

  /** True when all configurations already had the bundle. */
  async #tell(kept: Kept): Promise<boolean> {
    const caBundle = Buffer.from(bundleOf(kept)).toString("base64");
    const both = [VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS].map((type) => this.#tellOne(type, caBundle));
    return (await Promise.all(both)).every((had) => had);
  }

  async #tellOne(type: ResourceType, caBundle: string): Promise<boolean> {
    const { client, configuration: name, log } = this.#options;
    const found = await client.get<WebhookConfiguration>(type, undefined, name, CALL);
    if (
      found === undefined ||
      found.webhooks?.every(({ clientConfig }) => clientConfig?.caBundle === caBundle)
    )
      return true;
    const webhooks = (found.webhooks ?? []).map((one) => ({
      ...one,
      clientConfig: { ...one.clientConfig, caBundle },
    }));
    try {
      await client.replace(type, { ...found, webhooks }, CALL);
      log.info({ kind: type.kind, name }, "told the API server which authority signs");
    } catch (error) {
      // Somebody changed it meanwhile: the next look tells.
      if (!isKubeError(error, "conflict")) throw error;
    }
    return false;
  }
}
