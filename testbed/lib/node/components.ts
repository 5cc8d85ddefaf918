/** The node size's processes: how each is started and how it shows that it is well. */
import { join } from "node:path";
import { flags } from "../control-plane.ts";
import { get } from "../http.ts";
import { start } from "../processes.ts";
import { containerdAnswers } from "./containers.ts";
import { bridgeAddress, nodeName, ports, s3Access, s3Dir } from "./layout.ts";

/** Everything needed to start the components again later, from another process. Kept as JSON. */
export interface Programs {
  readonly kubernetes: string;
  readonly etcd: string;
  readonly coredns: string;
  readonly versitygw: string;
  readonly baseImages: string;
}

function detached(dir: string, name: string, command: string, args: readonly string[], env = {}): void {
  start({ name, command, args, env, dir, lifetime: "detached" });
}

export function startScheduler(dir: string, { kubernetes }: Programs): void {
  const args = flags({ kubeconfig: `${dir}/pki/admin.kubeconfig`, "leader-elect": false, "secure-port": 0 });
  detached(dir, "kube-scheduler", join(kubernetes, "kube-scheduler"), args);
}

export function startContainerd(dir: string): void {
  detached(dir, "containerd", "containerd", ["--config", `${dir}/containerd.toml`]);
}

export function startKubelet(dir: string, { kubernetes }: Programs): void {
  const args = flags({
    config: `${dir}/kubelet.json`,
    kubeconfig: `${dir}/pki/kubelet.kubeconfig`,
    "root-dir": `${dir}/kubelet`,
    "cert-dir": `${dir}/pki/kubelet`,
    "hostname-override": nodeName,
    "node-ip": bridgeAddress,
  });
  detached(dir, "kubelet", join(kubernetes, "kubelet"), args);
}

export function startProxy(dir: string, { kubernetes }: Programs): void {
  const args = flags({ config: `${dir}/kube-proxy.json`, "hostname-override": nodeName });
  detached(dir, "kube-proxy", join(kubernetes, "kube-proxy"), args);
}

export function startDns(dir: string, { coredns }: Programs): void {
  detached(dir, "coredns", join(coredns, "coredns"), ["-conf", `${dir}/Corefile`]);
}

export function startS3(dir: string, { versitygw }: Programs): void {
  const { accessKey, secretKey, region } = s3Access;
  const address = `${bridgeAddress}:${ports.s3}`;
  const args = [...flags({ port: address, region }), "posix", s3Dir(dir)];
  const env = { ROOT_ACCESS_KEY: accessKey, ROOT_SECRET_KEY: secretKey };
  detached(dir, "versitygw", join(versitygw, "versitygw"), args, env);
}

export interface Health {
  readonly dir: string;
  readonly url: string;
  readonly caPem: string;
  readonly token: string;
  readonly etcdPort: number;
}

async function answersOk(url: string): Promise<boolean> {
  return (await get(url)).status === 200;
}

/**
 * The components in the order of their start, each with its question; `undefined` where being alive is all there is
 * to see. Questions may throw: that is a no.
 */
export const components: Readonly<Record<string, ((health: Health) => Promise<boolean>) | undefined>> = {
  etcd: ({ etcdPort }) => answersOk(`http://127.0.0.1:${etcdPort}/health`),
  "kube-apiserver": async ({ url, caPem, token }) =>
    (await get(`${url}/readyz`, { caPem, token })).status === 200,
  "kube-controller-manager": undefined,
  "kube-scheduler": undefined,
  containerd: ({ dir }) => containerdAnswers(dir),
  kubelet: () => answersOk(`http://${bridgeAddress}:${ports.kubeletHealth}/healthz`),
  "kube-proxy": () => answersOk(`http://${bridgeAddress}:${ports.proxyHealth}/healthz`),
  coredns: () => answersOk(`http://${bridgeAddress}:${ports.dnsReady}/ready`),
  // Without credentials it refuses, which is an answer.
  versitygw: async () => (await get(`http://${bridgeAddress}:${ports.s3}/`)).status === 403,
};
