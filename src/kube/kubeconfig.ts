/** Kubeconfig files, read: merging, choosing a context, and saying what is missing. Pure; the files are read elsewhere. */
import { dirname, isAbsolute, join } from "node:path";
import { parse } from "yaml";
import { yamlProblem } from "../flink/yaml-problem.ts";

/** Something the user can mend: the message names the file and the context, `next` the step that helps. */
export class KubeConfigError extends Error {
  readonly next: string;

  constructor(message: string, next: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "KubeConfigError";
    this.next = next;
  }
}

export interface Cluster {
  readonly server?: string;
  readonly "certificate-authority"?: string;
  readonly "certificate-authority-data"?: string;
  readonly "tls-server-name"?: string;
  readonly "insecure-skip-tls-verify"?: boolean;
  readonly "proxy-url"?: string;
}

/** A program that prints credentials. */
interface ExecPlugin {
  readonly apiVersion?: string;
  readonly command?: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly installHint?: string;
  readonly provideClusterInfo?: boolean;
}

export interface User {
  readonly token?: string;
  readonly tokenFile?: string;
  readonly username?: string;
  readonly password?: string;
  readonly "client-certificate"?: string;
  readonly "client-certificate-data"?: string;
  readonly "client-key"?: string;
  readonly "client-key-data"?: string;
  readonly as?: string;
  readonly "as-uid"?: string;
  readonly "as-groups"?: readonly string[];
  readonly "as-user-extra"?: Readonly<Record<string, readonly string[]>>;
  readonly exec?: ExecPlugin;
  readonly "auth-provider"?: { readonly name: string; readonly config?: Readonly<Record<string, unknown>> };
}

interface Context {
  readonly cluster?: string;
  readonly user?: string;
  readonly namespace?: string;
}

/** One file, or several merged. */
export interface KubeConfig {
  /** As they were given, for messages. */
  readonly files: readonly string[];
  readonly currentContext: string | undefined;
  readonly contexts: ReadonlyMap<string, Context>;
  readonly clusters: ReadonlyMap<string, Cluster>;
  readonly users: ReadonlyMap<string, User>;
}

/** What one context stands for. */
export interface Selection {
  readonly context: string;
  /** Undefined where the context names none. */
  readonly namespace: string | undefined;
  readonly cluster: Cluster & { readonly server: string };
  readonly user: User;
  /** For messages: which context of which files. */
  readonly description: string;
}

/** @throws KubeConfigError when the text is no kubeconfig. */
export function parseKubeConfig(text: string, file: string): KubeConfig {
  let document: unknown;
  try {
    // Its warnings quote the text.
    document = parse(text, { logLevel: "error" });
  } catch (error) {
    throw new KubeConfigError(
      `${file} is ${yamlProblem(error)}`,
      "Correct the file, or name another with --kubeconfig.",
    );
  }
  if (document === null || document === undefined) document = {};
  if (typeof document !== "object" || Array.isArray(document)) {
    throw new KubeConfigError(
      `${file} is not a kubeconfig: it holds no map`,
      "Name a kubeconfig file with --kubeconfig.",
    );
  }
  const config = document as Record<string, unknown>;
  const current = config["current-context"];
  return {
    files: [file],
    currentContext: typeof current === "string" && current !== "" ? current : undefined,
    contexts: named<Context>(config["contexts"], "context"),
    clusters: withPaths(named<Cluster>(config["clusters"], "cluster"), ["certificate-authority"], file),
    users: withPaths(
      named<User>(config["users"], "user"),
      ["client-certificate", "client-key", "tokenFile"],
      file,
    ),
  };
}

/** For each name the first file that has it wins, as with kubectl. */
export function mergeKubeConfigs(configs: readonly KubeConfig[]): KubeConfig {
  const first = <T>(pick: (config: KubeConfig) => ReadonlyMap<string, T>): Map<string, T> =>
    new Map(configs.toReversed().flatMap((config) => [...pick(config)]));
  return {
    files: configs.flatMap((config) => config.files),
    currentContext: configs.find((config) => config.currentContext !== undefined)?.currentContext,
    contexts: first((config) => config.contexts),
    clusters: first((config) => config.clusters),
    users: first((config) => config.users),
  };
}

/** @throws KubeConfigError when the context, its cluster or its user is missing. */
export function selectContext(config: KubeConfig, wanted: string | undefined): Selection {
  const files = config.files.join(", ");
  const name = wanted ?? config.currentContext;
  const known = [...config.contexts.keys()].toSorted().join(", ") || "none";
  if (name === undefined) {
    throw new KubeConfigError(
      `${files} names no current context`,
      `Choose one with --context; known: ${known}.`,
    );
  }
  const context = config.contexts.get(name);
  if (!context) {
    throw new KubeConfigError(
      `${files} has no context "${name}"`,
      `Choose another with --context; known: ${known}.`,
    );
  }
  const description = `context "${name}" of ${files}`;
  const cluster = config.clusters.get(context.cluster ?? "");
  if (!cluster) {
    const missing = `The ${description} names the cluster "${context.cluster ?? ""}", which the file does not define`;
    throw new KubeConfigError(
      missing,
      `Add it under "clusters", or choose another context; known: ${known}.`,
    );
  }
  if (typeof cluster.server !== "string" || !isHttpUrl(cluster.server)) {
    const wrong = `The cluster "${context.cluster}" of the ${description} has no usable server: ${shown(cluster.server)}`;
    throw new KubeConfigError(wrong, 'Set "server" to a URL such as https://host:6443.');
  }
  const user = context.user === undefined || context.user === "" ? {} : config.users.get(context.user);
  if (!user) {
    const missing = `The ${description} names the user "${context.user}", which the file does not define`;
    throw new KubeConfigError(missing, `Add it under "users", or choose another context; known: ${known}.`);
  }
  const namespace = context.namespace === "" ? undefined : context.namespace;
  return { context: name, namespace, cluster: { ...cluster, server: cluster.server }, user, description };
}

/** Without what may be a user's name and password. */
function shown(server: unknown): string {
  return String(server).replace(/^.*@/s, "***@");
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

function named<T>(list: unknown, key: string): Map<string, T> {
  const found = new Map<string, T>();
  if (!Array.isArray(list)) return found;
  for (const entry of list as Record<string, unknown>[]) {
    const name = entry?.["name"];
    const value = entry?.[key] ?? {};
    if (typeof name === "string" && typeof value === "object" && !found.has(name))
      found.set(name, value as T);
  }
  return found;
}

/** Relative paths in a kubeconfig are relative to its folder. */
function withPaths<T extends object>(
  entries: Map<string, T>,
  fields: readonly string[],
  file: string,
): Map<string, T> {
  for (const [name, entry] of entries) {
    const absolute: Record<string, string> = {};
    for (const field of fields) {
      const path: unknown = entry[field as keyof T];
      if (typeof path === "string" && path !== "" && !isAbsolute(path))
        absolute[field] = join(dirname(file), path);
    }
    entries.set(name, { ...entry, ...absolute });
  }
  return entries;
}
