/** The operator in the test's own process, with the rights of an account. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import type { KubeObject } from "../../src/api/kube-object.ts";
import { type OperatorOptions, runOperator } from "../../src/operator/run.ts";
import { repository } from "../../testbed/lib/paths.ts";
import type { ApiForTests } from "./api-testbed.ts";

const MANIFESTS = join(repository, "deploy/operator");

/** What an installation gives, but for the operator's pod. */
export async function installRights(api: ApiForTests): Promise<void> {
  const installed = parseAllDocuments(readFileSync(join(MANIFESTS, "operator.yaml"), "utf8"))
    .map((document) => document.toJS() as KubeObject)
    .filter(({ kind }) => kind !== "Deployment");
  await api.kubectl(["apply", "-f", "-"], installed.map((one) => stringify(one)).join("---\n"));
  await api.kubectl(["apply", "-f", join(MANIFESTS, "rbac.yaml")]);
}

/** A kubeconfig of a service account, in the folder. */
export async function kubeconfigOf(
  api: Pick<ApiForTests, "kubectl" | "caPem" | "url">,
  folder: string,
  account: { readonly namespace: string; readonly name: string },
): Promise<string> {
  const { namespace, name } = account;
  const token = (await api.kubectl(["-n", namespace, "create", "token", name])).trim();
  const ca = Buffer.from(api.caPem).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "operator",
    clusters: [{ name: "api", cluster: { server: api.url, "certificate-authority-data": ca } }],
    users: [{ name: "operator", user: { token } }],
    contexts: [{ name: "operator", context: { cluster: "api", user: "operator", namespace } }],
  };
  const file = join(folder, "kubeconfig");
  await writeFile(file, stringify(config));
  return file;
}

/** A folder that the returned function removes. */
export async function ownFolder(): Promise<[folder: string, remove: () => Promise<void>]> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-operator-"));
  return [folder, () => rm(folder, { recursive: true })];
}

/** Runs it until the returned function is called, which waits for its end. */
export function startOperator(
  options: Partial<OperatorOptions> & Pick<OperatorOptions, "kubeconfig">,
): () => Promise<void> {
  const stop = new AbortController();
  const running = runOperator(
    {
      context: undefined,
      namespace: undefined,
      configFile: undefined,
      flinkRest: undefined,
      healthPort: 0,
      workers: 2,
      logLevel: "fatal",
      leaderElection: { isAskedFor: false, namespace: "sluice-system" },
      env: {},
      ...options,
    },
    stop.signal,
  );
  return async () => {
    stop.abort();
    await running;
  };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
