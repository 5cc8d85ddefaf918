/** The webhook in the test's own process, with the rights of its account; the API server calls it by URL. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import type { KubeObject } from "../../src/api/kube-object.ts";
import { runWebhook, type WebhookOptions } from "../../src/webhook/run.ts";
import { repository } from "../../testbed/lib/paths.ts";
import type { ApiForTests } from "./api-testbed.ts";
import { kubeconfigOf } from "./operator.ts";

const MANIFESTS = join(repository, "deploy/webhook");

function read(file: string): KubeObject[] {
  const text = readFileSync(join(MANIFESTS, file), "utf8");
  return parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
}

interface Webhook {
  clientConfig: Record<string, unknown>;
  failurePolicy: string;
  timeoutSeconds: number;
  namespaceSelector: unknown;
}

export interface Asking {
  /** Where the API server calls; undefined: the configurations are as they are. */
  readonly port: number;
  readonly namespace: string;
  readonly failurePolicy?: "Fail" | "Ignore";
  readonly timeoutSeconds?: number;
}

/** What an installation gives, but for pods. */
export async function installWebhookRights(api: ApiForTests): Promise<void> {
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "sluice-system" } };
  const objects = read("webhook.yaml").filter(({ kind }) => !["Deployment", "Service"].includes(kind));
  const all = [namespace, ...objects].map((one) => stringify(one)).join("---\n");
  await api.kubectl(["apply", "-f", "-"], all);
}

/** The configurations as they are delivered, but for the way to the webhook and the namespaces. */
export async function askWebhook(api: ApiForTests, asking: Asking): Promise<void> {
  const { port, namespace, failurePolicy, timeoutSeconds } = asking;
  const objects = read("configurations.yaml").map((object) => {
    const webhooks = (object["webhooks"] as Webhook[]).map((webhook) => {
      const { service } = webhook.clientConfig as { service: { path: string } };
      return {
        ...webhook,
        clientConfig: { url: `https://localhost:${port}${service.path}` },
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
        ...(failurePolicy === undefined ? {} : { failurePolicy }),
        ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
      };
    });
    return { ...object, webhooks };
  });
  await api.kubectl(
    ["apply", "--server-side", "--force-conflicts", "-f", "-"],
    objects.map((one) => stringify(one)).join("---\n"),
  );
}

export async function stopAsking(api: ApiForTests): Promise<void> {
  const named = ["validatingwebhookconfiguration", "mutatingwebhookconfiguration"];
  for (const kind of named)
    await api.kubectl(["delete", kind, "sluice-operator-webhook", "--ignore-not-found"]);
}

export interface RunningWebhook {
  readonly port: number;
  readonly stop: () => Promise<void>;
}

export async function startWebhook(
  api: ApiForTests,
  folder: string,
  options: Partial<WebhookOptions> = {},
): Promise<RunningWebhook> {
  const kubeconfig = await kubeconfigOf(api, folder, {
    namespace: "sluice-system",
    name: "sluice-operator-webhook",
  });
  const stop = new AbortController();
  const listening = Promise.withResolvers<number>();
  const running = runWebhook(
    {
      kubeconfig,
      context: undefined,
      configFile: undefined,
      port: 0,
      healthPort: 0,
      namespace: "sluice-system",
      service: "sluice-operator-webhook-service",
      secret: "sluice-operator-webhook-certificates",
      configuration: "sluice-operator-webhook",
      certificates: undefined,
      logLevel: "fatal",
      env: {},
      interval: 200,
      drain: 0,
      onListen: listening.resolve,
      ...options,
      rotation: { dnsNames: ["localhost"], ...options.rotation },
    },
    stop.signal,
  );
  running.catch(listening.reject);
  return {
    port: await listening.promise,
    stop: async () => {
      stop.abort();
      await running;
    },
  };
}
