/** What commands that talk to a cluster share: the client, and errors that say what to do. */
import { API_VERSION, type FlinkDeployment } from "../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../api/flink-session-job.ts";
import { KubeApiError } from "../kube/api-error.ts";
import { KubeClient } from "../kube/client.ts";
import { loadKubeConfig } from "../kube/config.ts";
import { KubeConfigError } from "../kube/kubeconfig.ts";
import { objectPath } from "../kube/request.ts";
import { type Streams, UserError } from "./command.ts";
import type { JobReference } from "./job-reference.ts";

/** For each call, in milliseconds. */
const DEADLINE_MS = 15_000;
export const INSTALL_CRDS = "Install Sluice's CRDs: kubectl apply --server-side -f deploy/crds/";

export type ResourceWithJob = FlinkDeployment | FlinkSessionJob;

export interface Cluster {
  readonly client: KubeClient;
  readonly namespace: string;
}

const DEPLOYMENT_RIGHTS = "the rights get and patch on what the message names";

function nextStep({ code, cause }: KubeApiError, where: string, rights: string): string {
  if (cause instanceof KubeConfigError) return cause.next;
  const steps: Partial<Record<KubeApiError["code"], string>> = {
    unauthorized: `Log in to the cluster again (${where}).`,
    forbidden: `Ask for ${rights}, or choose another user with --context.`,
    "not-found": `${INSTALL_CRDS}; or choose another cluster with --context.`,
    invalid: "Mend what the API server or an admission webhook does not accept; nothing was changed.",
    "bad-request": "Mend what the API server or an admission webhook does not accept; nothing was changed.",
  };
  return steps[code] ?? `Check that the cluster can be reached (${where}), or choose another with --context.`;
}

/** Runs `work` with a client of the cluster that the options name; `rights`: what it needs there. @throws UserError */
export async function withCluster<T>(
  options: Readonly<Record<string, unknown>>,
  { env }: Streams,
  work: (cluster: Cluster) => Promise<T>,
  rights: string = DEPLOYMENT_RIGHTS,
): Promise<T> {
  const text = (name: string): string | undefined => options[name] as string | undefined;
  let client: KubeClient | undefined;
  try {
    const access = await loadKubeConfig({ kubeconfig: text("kubeconfig"), context: text("context"), env });
    client = new KubeClient(access, { deadlineMs: DEADLINE_MS });
    return await work({ client, namespace: text("namespace") ?? access.namespace });
  } catch (error) {
    if (error instanceof KubeConfigError) throw new UserError(error.message, error.next);
    if (!(error instanceof KubeApiError)) throw error;
    throw new UserError(
      error.message,
      nextStep(error, client?.access.description ?? "the kubeconfig", rights),
    );
  } finally {
    await client?.close();
  }
}

/** The resource with everything that the API server knows of it, `managedFields` as well. @throws UserError */
export async function readResource(
  { client, namespace }: Cluster,
  { type, name, short }: JobReference,
): Promise<ResourceWithJob> {
  try {
    return JSON.parse(await client.getText(objectPath(type, namespace, name))) as ResourceWithJob;
  } catch (error) {
    // Without the CRD, the answer does not name the resource.
    const isMissing = error instanceof KubeApiError && error.code === "not-found";
    if (!isMissing || !error.message.includes(`"${name}" not found`)) throw error;
    throw new UserError(
      `there is no ${type.kind} ${name} in namespace ${namespace}`,
      `List them with \`kubectl get ${short.split("/")[0]} -A\`, and choose the namespace with -n.`,
    );
  }
}

interface OpenApiSchema {
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly "x-kubernetes-group-version-kind"?: readonly { readonly kind: string }[];
}

/** Whether the cluster's CRD has `status.history`; undefined when it does not say. */
export async function hasHistoryField({ client }: Cluster, kind: string): Promise<boolean | undefined> {
  try {
    const text = await client.getText(`/openapi/v3/apis/${API_VERSION}`);
    const { components } = JSON.parse(text) as { components: { schemas: Record<string, OpenApiSchema> } };
    const schema = Object.values(components.schemas).find((one) =>
      one["x-kubernetes-group-version-kind"]?.some((of) => of.kind === kind),
    );
    return schema && schema.properties?.["status"]?.properties?.["history"] !== undefined;
  } catch (error) {
    if (error instanceof KubeApiError) return undefined;
    throw error;
  }
}
