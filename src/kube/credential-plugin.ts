/**
 * Users whose credentials come from a program (`exec`) or an identity provider (`auth-provider`, OIDC). The library
 * that knows how is heavy, so it is imported at the first call and only for such users; the calls themselves never go
 * through it.
 */
import type * as ClientNode from "@kubernetes/client-node";
import { KubeConfigError, type Selection } from "./kubeconfig.ts";

export interface CredentialSource {
  headers(): Promise<Readonly<Record<string, string>>>;
  certificate(): Promise<{ readonly cert: string | undefined; readonly key: string | undefined }>;
  /** Run the program again at the next call. */
  refresh(): void;
}

interface Credentials {
  readonly authorization: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** A program may open a browser and wait for its user. */
const DEADLINE_MS = 120_000;
/** The library knows when its token expires; it is asked again this often. */
const KEEP_MS = 10_000;

export function credentialPlugin(selection: Selection): CredentialSource {
  let library: Promise<ClientNode.KubeConfig> | undefined;
  let current: Promise<Credentials> | undefined;
  let fetchedAt = 0;

  const fetch = (): Promise<Credentials> => {
    if (current !== undefined && performance.now() - fetchedAt < KEEP_MS) return current;
    fetchedAt = performance.now();
    library ??= configured(selection);
    const fetching = askLibrary(library, selection);
    fetching.catch(() => {
      if (current === fetching) current = undefined;
    });
    current = fetching;
    return fetching;
  };

  return {
    headers: async () => {
      const { authorization } = await fetch();
      return authorization === undefined ? {} : { authorization };
    },
    certificate: async () => {
      const { cert, key } = await fetch();
      return { cert, key };
    },
    refresh: () => {
      library = undefined;
      current = undefined;
    },
  };
}

async function configured(selection: Selection): Promise<ClientNode.KubeConfig> {
  const { KubeConfig } = await import("@kubernetes/client-node");
  const { cluster, user, context } = selection;
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: context, server: cluster.server, skipTLSVerify: false }],
    users: [
      {
        name: context,
        ...(user.exec ? { exec: execWithInfo(selection) } : { authProvider: user["auth-provider"] }),
      },
    ],
    contexts: [{ name: context, cluster: context, user: context }],
    currentContext: context,
  });
  return config;
}

/** Programs built on client-go read what is wanted from this variable, and some refuse to start without it. */
function execWithInfo({ user: { exec }, cluster }: Selection): object {
  const apiVersion = exec?.apiVersion ?? "client.authentication.k8s.io/v1";
  const ca = cluster["certificate-authority-data"];
  const info = {
    apiVersion,
    kind: "ExecCredential",
    spec: {
      interactive: process.stdin.isTTY,
      ...(exec?.provideClusterInfo === true
        ? {
            cluster: {
              server: cluster.server,
              ...(ca === undefined ? {} : { "certificate-authority-data": ca }),
            },
          }
        : {}),
    },
  };
  return {
    ...exec,
    env: [...(exec?.env ?? []), { name: "KUBERNETES_EXEC_INFO", value: JSON.stringify(info) }],
  };
}

async function askLibrary(
  library: Promise<ClientNode.KubeConfig>,
  selection: Selection,
): Promise<Credentials> {
  const answer: { headers?: Record<string, unknown>; cert?: unknown; key?: unknown } = {};
  try {
    const config = await library;
    await within(config.applyToHTTPSOptions(answer as Parameters<typeof config.applyToHTTPSOptions>[0]));
  } catch (error) {
    throw pluginError(selection, error);
  }
  return {
    authorization: text(answer.headers?.["Authorization"]),
    cert: text(answer.cert),
    key: text(answer.key),
  };
}

function wordsOf(error: unknown): string {
  // Its words quote the output, which may be the credential itself.
  if (error instanceof SyntaxError) return "its output is no ExecCredential";
  return error instanceof Error ? error.message.replaceAll(/\s+/g, " ").trim().slice(0, 300) : "";
}

function pluginError({ user, description }: Selection, error: unknown): KubeConfigError {
  const command = user.exec?.command;
  const source =
    command === undefined ? `the provider "${user["auth-provider"]?.name}"` : `the program "${command}"`;
  const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
  const why = missing ? "it is not installed" : wordsOf(error) || "it failed";
  const next = missing
    ? (user.exec?.installHint?.trim() ?? "Install it, or correct its path in the kubeconfig.")
    : "Log in again, or run the program by hand to see what it wants.";
  return new KubeConfigError(`The ${description} gets its credentials from ${source}: ${why}`, next);
}

async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${DEADLINE_MS / 1000} s`)), DEADLINE_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function text(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : undefined;
}
