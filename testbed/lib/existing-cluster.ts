/** The cluster of the caller's KUBECONFIG in the place of a testbed of our own. */
import { readFileSync } from "node:fs";
import type { ApiTestbed } from "../api.ts";
import { run } from "./exec.ts";
import { freshNamespace } from "./namespaces.ts";

interface View {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly "certificate-authority-data"?: string };
  }[];
  readonly users: readonly { readonly user: { readonly token?: string } }[];
}

function refuse(what: string): never {
  throw new Error(`${what}: not on an existing cluster (SLUICE_USE_EXISTING_CLUSTER=1)`);
}

function kubectl(args: readonly string[], stdin?: string): Promise<string> {
  return run("kubectl", args, { stdin });
}

export async function existingCluster(): Promise<ApiTestbed> {
  const path = process.env["KUBECONFIG"];
  if (path === undefined || path === "") throw new Error("SLUICE_USE_EXISTING_CLUSTER=1 needs KUBECONFIG");
  const view = JSON.parse(
    await kubectl(["config", "view", "--minify", "--raw", "--flatten", "-o", "json"]),
  ) as View;
  const cluster = view.clusters[0]?.cluster;
  if (cluster === undefined) throw new Error(`${path} has no current cluster`);
  return {
    url: cluster.server,
    kubeconfigPath: path,
    adminKubeconfig: readFileSync(path, "utf8"),
    caPem: Buffer.from(cluster["certificate-authority-data"] ?? "", "base64").toString(),
    token: view.users[0]?.user.token ?? "",
    binDir: "",
    dataDir: "",
    existing: true,
    controllers: true,
    kubectl,
    freshNamespace: (prefix) => freshNamespace(kubectl, true, prefix),
    killApiServer: async () => refuse("killing the API server"),
    restartApiServer: async () => refuse("restarting the API server"),
    stallApiServer: async () => refuse("stalling the API server"),
    resumeApiServer: () => refuse("resuming the API server"),
    stop: async () => {},
  };
}
