/** Starts the control plane's processes and knows when they are ready. Both sizes use it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { apiServerArgs, controllerManagerArgs, etcdArgs, type ControlPlane } from "./control-plane.ts";
import { get } from "./http.ts";
import { kubeconfig } from "./kubeconfig.ts";
import { CertificateAuthority } from "./pki.ts";
import { assertAlive, signal, start } from "./processes.ts";
import { waitFor } from "./wait.ts";

export interface Launch {
  readonly plane: ControlPlane;
  readonly dir: string;
  /** Folders with the programs. */
  readonly kubernetes: string;
  readonly etcd: string;
  readonly lifetime: "parent" | "detached";
}

export interface Identities {
  readonly authority: CertificateAuthority;
  readonly url: string;
  readonly caPem: string;
  readonly token: string;
  readonly kubeconfigPath: string;
}

/** Certificates, the service account key, and the administrator's token and kubeconfig. */
export async function createIdentities(plane: ControlPlane): Promise<Identities> {
  const { pki, bindAddress, advertiseAddress, apiPort } = plane;
  const authority = await CertificateAuthority.create(pki);
  const service = plane.serviceRange.replace(/\.0\/\d+$/, ".1");
  const addresses = new Set(["127.0.0.1", service, advertiseAddress ?? "127.0.0.1"]);
  if (bindAddress !== "0.0.0.0") addresses.add(bindAddress);
  const hosts = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
  const names = [...hosts.map((host) => `DNS:${host}`), ...[...addresses].map((address) => `IP:${address}`)];
  const [, admin] = await Promise.all([
    authority.issue("apiserver", { user: "kube-apiserver", names }),
    authority.issue("admin", { user: "testbed-admin", groups: ["system:masters"] }),
    authority.signingKey("service-accounts"),
  ]);
  // Known on purpose: the server listens on this machine only and lives for one run.
  const token = "sluice-testbed-admin";
  writeFileSync(join(pki, "tokens.csv"), `${token},testbed-admin,testbed-admin,"system:masters"\n`);
  const url = `https://${bindAddress}:${apiPort}`;
  const kubeconfigPath = join(pki, "admin.kubeconfig");
  writeFileSync(kubeconfigPath, kubeconfig(url, authority.pem, admin), { mode: 0o600 });
  return { authority, url, caPem: authority.pem, token, kubeconfigPath };
}

export function startEtcd({ plane, dir, etcd, lifetime }: Launch): void {
  start({ name: "etcd", command: join(etcd, "etcd"), args: etcdArgs(plane), dir, lifetime });
}

export function startApiServer({ plane, dir, kubernetes, lifetime }: Launch): void {
  const command = join(kubernetes, "kube-apiserver");
  start({ name: "kube-apiserver", command, args: apiServerArgs(plane), dir, lifetime });
}

export function startControllerManager({ plane, dir, kubernetes, lifetime }: Launch): void {
  const command = join(kubernetes, "kube-controller-manager");
  start({ name: "kube-controller-manager", command, args: controllerManagerArgs(plane), dir, lifetime });
}

/** Waits until the API server calls itself ready, or throws with the log of whichever process ended. */
export async function waitUntilReady(
  { dir }: Pick<Launch, "dir">,
  { url, caPem, token }: Pick<Identities, "url" | "caPem" | "token">,
): Promise<void> {
  await waitFor(
    "the API server to be ready",
    async () => {
      const { status, body } = await get(`${url}/readyz`, { caPem, token });
      if (status !== 200) throw new Error(`readyz answers ${status}: ${body.slice(0, 500)}`);
      return true;
    },
    {
      deadline: 120_000,
      alive: () => {
        assertAlive(dir, "etcd");
        assertAlive(dir, "kube-apiserver");
      },
    },
  );
}

export function resumeComponent(dir: string, name: string): void {
  signal(dir, name, "SIGCONT");
}
