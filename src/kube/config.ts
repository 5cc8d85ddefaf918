/**
 * Finds out how to reach the cluster. In this order: the file named, `KUBECONFIG` (several files merged), the pod's
 * own service account, `~/.kube/config`.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import type { ClusterAccess, Headers, TlsMaterial } from "./cluster-access.ts";
import { credentialPlugin, type CredentialSource } from "./credential-plugin.ts";
import {
  type Cluster,
  KubeConfigError,
  type KubeConfig,
  mergeKubeConfigs,
  parseKubeConfig,
  type Selection,
  selectContext,
  type User,
} from "./kubeconfig.ts";
import { proxyFor } from "./proxy.ts";
import { RereadingFile } from "./rereading-file.ts";

export interface KubeConfigOptions {
  readonly kubeconfig?: string | undefined;
  /** Instead of the file's current context. */
  readonly context?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where a pod's service account is mounted; for tests. */
  readonly serviceAccountFolder?: string | undefined;
}

const SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";

/** @throws KubeConfigError with the file, the context and the next step. */
export async function loadKubeConfig(options: KubeConfigOptions): Promise<ClusterAccess> {
  const { env } = options;
  const named = filesNamed(options);
  if (named.length > 0) return fromFiles(named, options);
  if (options.context === undefined) {
    const inCluster = await fromServiceAccount(env, options.serviceAccountFolder ?? SERVICE_ACCOUNT_FOLDER);
    if (inCluster) return inCluster;
  }
  const file = join(env["HOME"] ?? homedir(), ".kube", "config");
  if (env["KUBERNETES_SERVICE_HOST"] !== undefined && !existsSync(file)) {
    throw new KubeConfigError(
      `This pod has no service account token, and ${file} does not exist`,
      "Give the pod a service account with automountServiceAccountToken, or name a file with --kubeconfig.",
    );
  }
  return fromFiles([file], options);
}

function filesNamed({ kubeconfig, env }: KubeConfigOptions): string[] {
  if (kubeconfig !== undefined && kubeconfig !== "") return [kubeconfig];
  return (env["KUBECONFIG"] ?? "").split(delimiter).filter((file) => file !== "");
}

async function fromFiles(files: readonly string[], options: KubeConfigOptions): Promise<ClusterAccess> {
  const selection = selectContext(await readConfigs(files), options.context);
  const { cluster, user, description } = selection;
  const tls = tlsSource(cluster, user, description);
  // Everything that the files promise is read once now, so that a mistake shows at the start and not in a watch.
  await tls();
  const { headers, plugin, refresh } = headerSource(selection);
  return {
    server: cluster.server.replace(/\/+$/, ""),
    namespace: selection.namespace ?? "default",
    description,
    proxyUrl: proxyFor(cluster.server, cluster["proxy-url"], options.env),
    headers,
    tls:
      plugin === undefined ? tls : async () => ({ ...(await tls()), ...defined(await plugin.certificate()) }),
    refresh,
  };
}

async function readConfigs(files: readonly string[]): Promise<KubeConfig> {
  const configs: KubeConfig[] = [];
  for (const file of files) {
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      // As with kubectl, a list may name files that are not there.
      if (error.code === "ENOENT" && files.length > 1) return undefined;
      const why =
        error.code === "ENOENT" ? "does not exist" : `cannot be read (${error.code ?? error.message})`;
      throw new KubeConfigError(
        `The kubeconfig ${file} ${why}`,
        "Name one with --kubeconfig or the KUBECONFIG variable.",
      );
    });
    if (text !== undefined) configs.push(parseKubeConfig(text, file));
  }
  if (configs.length === 0) {
    throw new KubeConfigError(
      `None of ${files.join(", ")} exists`,
      "Correct the KUBECONFIG variable, or use --kubeconfig.",
    );
  }
  return mergeKubeConfigs(configs);
}

/** Undefined when this is no pod with a service account. */
async function fromServiceAccount(
  env: KubeConfigOptions["env"],
  folder: string,
): Promise<ClusterAccess | undefined> {
  const host = env["KUBERNETES_SERVICE_HOST"];
  const port = env["KUBERNETES_SERVICE_PORT"] ?? "443";
  if (host === undefined || host === "") return undefined;
  const token = new RereadingFile(join(folder, "token"));
  const ca = new RereadingFile(join(folder, "ca.crt"));
  try {
    await Promise.all([token.read(), ca.read()]);
  } catch {
    return undefined;
  }
  const namespace = await readFile(join(folder, "namespace"), "utf8").catch(() => "default");
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return {
    server,
    namespace: namespace.trim(),
    description: `the pod's service account in ${folder}`,
    proxyUrl: proxyFor(server, undefined, env),
    headers: async () => ({ authorization: `Bearer ${(await token.read()).trim()}` }),
    tls: async () => ({
      ca: await ca.read(),
      cert: undefined,
      key: undefined,
      servername: undefined,
      rejectUnauthorized: true,
    }),
    refresh: () => token.forget(),
  };
}

function tlsSource(cluster: Cluster, user: User, description: string): () => Promise<TlsMaterial> {
  const ca = pemSource("certificate-authority", cluster, description);
  const cert = pemSource("client-certificate", user, description);
  const key = pemSource("client-key", user, description);
  return async () => ({
    ca: await ca(),
    cert: await cert(),
    key: await key(),
    servername: cluster["tls-server-name"],
    rejectUnauthorized: cluster["insecure-skip-tls-verify"] !== true,
  });
}

/** Inline data goes before a file, as with kubectl. */
function pemSource(field: string, entry: object, description: string): () => Promise<string | undefined> {
  const values = entry as Record<string, string | undefined>;
  const data = values[`${field}-data`];
  const path = values[field];
  if (data !== undefined && data !== "") {
    const pem = Buffer.from(data, "base64").toString("utf8");
    return () => Promise.resolve(pem);
  }
  if (path === undefined || path === "") return () => Promise.resolve(undefined);
  const file = new RereadingFile(path);
  return () => readNamed(file, field, description);
}

async function readNamed(file: RereadingFile, field: string, description: string): Promise<string> {
  try {
    return await file.read();
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? "unreadable";
    throw new KubeConfigError(
      `The ${description} names ${file.path} as its ${field}, which cannot be read (${why})`,
      "Restore the file, or log in to the cluster again.",
      error,
    );
  }
}

interface HeaderSource {
  readonly headers: () => Promise<Headers>;
  readonly plugin: CredentialSource | undefined;
  readonly refresh: () => void;
}

function headerSource(selection: Selection): HeaderSource {
  const { user, description } = selection;
  const fixed = impersonation(user);
  if (user.tokenFile !== undefined && user.tokenFile !== "") {
    const file = new RereadingFile(user.tokenFile);
    const headers = async (): Promise<Headers> => ({
      ...fixed,
      authorization: `Bearer ${(await readNamed(file, "tokenFile", description)).trim()}`,
    });
    return { headers, plugin: undefined, refresh: () => file.forget() };
  }
  if (user.exec !== undefined || user["auth-provider"] !== undefined) {
    const plugin = credentialPlugin(selection);
    const headers = async (): Promise<Headers> => ({ ...fixed, ...(await plugin.headers()) });
    return { headers, plugin, refresh: () => plugin.refresh() };
  }
  if (user.token !== undefined && user.token !== "") {
    fixed["authorization"] = `Bearer ${user.token}`;
  } else if (user.username !== undefined && user.username !== "") {
    const pair = Buffer.from(`${user.username}:${user.password ?? ""}`).toString("base64");
    fixed["authorization"] = `Basic ${pair}`;
  }
  return { headers: () => Promise.resolve(fixed), plugin: undefined, refresh: () => undefined };
}

function impersonation(user: User): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  if (user.as !== undefined && user.as !== "") headers["impersonate-user"] = user.as;
  if (user["as-uid"] !== undefined) headers["impersonate-uid"] = user["as-uid"];
  if (user["as-groups"] !== undefined) headers["impersonate-group"] = [...user["as-groups"]];
  for (const [key, values] of Object.entries(user["as-user-extra"] ?? {})) {
    headers[`impersonate-extra-${encodeURIComponent(key).toLowerCase()}`] = [...values];
  }
  return headers;
}

function defined(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [key, value] of Object.entries(values)) if (value !== undefined) kept[key] = value;
  return kept;
}
