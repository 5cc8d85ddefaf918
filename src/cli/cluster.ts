/** What commands that talk to a cluster share: the client, and errors that say what to do. */
import { API_VERSION, type FlinkDeployment } from "../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../api/flink-session-job.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { wayToFlink } from "../controller/flink-clients.ts";
import { parseDuration } from "../flink/duration.ts";
import { KubeApiError } from "../kube/api-error.ts";
import type { ClusterAccess } from "../kube/cluster-access.ts";
import { KubeClient } from "../kube/client.ts";
import { loadKubeConfig } from "../kube/config.ts";
import { KubeConfigError } from "../kube/kubeconfig.ts";
import { objectPath } from "../kube/request.ts";
import type { ResourceType } from "../kube/resource-type.ts";
import { type Streams, UserError } from "./command.ts";
import { JOB_TYPES, parseReference, type Reference } from "./reference.ts";
import { EXIT_CODES } from "./exit-codes.ts";

/** For each call, in milliseconds. */
const DEADLINE_MS = 15_000;
export const INSTALL_CRDS = "Install Sluice's CRDs: kubectl apply --server-side -f deploy/crds/";

export type ResourceWithJob = FlinkDeployment | FlinkSessionJob;

export interface Cluster {
  readonly client: KubeClient;
  readonly namespace: string;
  /** How JobManagers are reached. */
  readonly flinkRest: "direct" | "proxy";
}

const RIGHT = "that right (docs/cli.md says what each command needs)";

function nextStep({ code, cause, message }: KubeApiError, where: string, rights: string): string {
  if (cause instanceof KubeConfigError) return cause.next;
  // The message names the call.
  const isOurs = message.includes(`/apis/${API_VERSION}`);
  const missing = isOurs ? `${INSTALL_CRDS}; or choose` : "Choose another namespace with -n, or";
  const steps: Partial<Record<KubeApiError["code"], string>> = {
    unauthorized: `Log in to the cluster again (${where}).`,
    forbidden: `Ask for ${rights}, or choose another user with --context.`,
    "not-found": `${missing} another cluster with --context.`,
    invalid: "Mend what the API server or an admission webhook does not accept; nothing was changed.",
    "bad-request": "Mend what the API server or an admission webhook does not accept; nothing was changed.",
  };
  return steps[code] ?? `Check that the cluster can be reached (${where}), or choose another with --context.`;
}

/** Every call is made as that user, if the credentials may do so. @throws UserError */
function asUser(
  access: ClusterAccess,
  user: string | undefined,
  groups: readonly string[] = [],
): ClusterAccess {
  if (user === undefined && groups.length === 0) return access;
  if (user === undefined)
    throw new UserError("--as-group needs --as", "A user of any name will do.", EXIT_CODES.usage);
  const headers = {
    "impersonate-user": user,
    ...(groups.length === 0 ? {} : { "impersonate-group": [...groups] }),
  };
  return { ...access, headers: async () => ({ ...(await access.headers()), ...headers }) };
}

/** Milliseconds; as kubectl takes it, a bare number is seconds. @throws UserError */
function deadlineOf(text: string | undefined): number {
  if (text === undefined) return DEADLINE_MS;
  const milliseconds = parseDuration(/^\d+$/.test(text) ? `${text}s` : text);
  if (milliseconds !== undefined && milliseconds > 0) return milliseconds;
  throw new UserError(
    `--request-timeout is a duration such as 10s or 2m, not "${text}"`,
    undefined,
    EXIT_CODES.usage,
  );
}

/** Runs `work` with a client of the cluster that the options name; `rights`: what it needs there. @throws UserError */
export async function withCluster<T>(
  options: Readonly<Record<string, unknown>>,
  { env }: Streams,
  work: (cluster: Cluster) => Promise<T>,
  rights: string = RIGHT,
): Promise<T> {
  const text = (name: string): string | undefined => options[name] as string | undefined;
  let client: KubeClient | undefined;
  try {
    const found = await loadKubeConfig({ kubeconfig: text("kubeconfig"), context: text("context"), env });
    const access = asUser(found, text("as"), options["asGroup"] as readonly string[] | undefined);
    client = new KubeClient(access, { deadlineMs: deadlineOf(text("requestTimeout")) });
    const kubeconfig = text("kubeconfig") ?? env["KUBECONFIG"];
    const flinkRest = wayToFlink({ env, kubeconfig, flinkRest: undefined });
    return await work({ client, namespace: text("namespace") ?? access.namespace, flinkRest });
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

/** With everything that the API server knows of it, `managedFields` as well; undefined when there is none. */
async function read<T extends KubeObject>(
  { client, namespace }: Cluster,
  type: ResourceType,
  name: string,
): Promise<T | undefined> {
  try {
    return JSON.parse(await client.getText(objectPath(type, namespace, name))) as T;
  } catch (error) {
    // Without the CRD, the answer does not name the resource.
    const isMissing = error instanceof KubeApiError && error.code === "not-found";
    if (!isMissing || !error.message.includes(`"${name}" not found`)) throw error;
    return undefined;
  }
}

export interface Found<T extends KubeObject = KubeObject> {
  readonly type: ResourceType;
  readonly resource: T;
}

/** The resource that is meant. @throws UserError */
export async function readReferenced<T extends KubeObject>(
  cluster: Cluster,
  { type, name }: Reference,
  types: readonly ResourceType[] = JOB_TYPES,
): Promise<Found<T>> {
  const wanted = type === undefined ? types : [type];
  for (const one of wanted) {
    const resource = await read<T>(cluster, one, name);
    if (resource !== undefined) return { type: one, resource };
  }
  throw new UserError(
    `there is no ${wanted.map(({ kind }) => kind).join(" or ")} ${name} in namespace ${cluster.namespace}`,
    "List them with `sluice get -A`, and choose the namespace with -n.",
    EXIT_CODES["not-found"],
  );
}

/** The resource that runs the job of that name. @throws UserError, also for a type that runs none */
export async function readJob(cluster: Cluster, text: string): Promise<Found<ResourceWithJob>> {
  const reference = parseReference(text);
  if (reference.type !== undefined && !JOB_TYPES.includes(reference.type)) {
    const known = JOB_TYPES.map(({ kind }) => kind).join(" or ");
    throw new UserError(`a ${reference.type.kind} runs no job`, `Name a ${known}.`, EXIT_CODES.usage);
  }
  return readReferenced(cluster, reference);
}

interface OpenApiSchema {
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly "x-kubernetes-group-version-kind"?: readonly { readonly kind: string }[];
}

/** Whether the cluster's CRD of that kind has `status.history`; undefined when it does not say. */
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
