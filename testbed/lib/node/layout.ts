/** Names, addresses and folders of the node size. There is one of it on a machine. */
import { join } from "node:path";
import { cacheDir, stateDir } from "../paths.ts";

export const nodeName = "sluice-node";
/** The pods' bridge. Every server of the testbed listens on its address: pods and this machine reach it, nobody else. */
export const bridge = "sluice0";
export const bridgeAddress = "10.213.0.1";
export const podRange = "10.213.0.0/24";
export const serviceRange = "10.214.0.0/16";
/** All pods live below this control group: what is in it can be killed without asking who it is. */
export const cgroup = "sluice-testbed";

export const ports = {
  api: 6443,
  kubelet: 10250,
  kubeletHealth: 10248,
  proxyHealth: 10256,
  proxyMetrics: 10249,
  dnsReady: 8181,
  s3: 9000,
} as const;

/** Test credentials, known on purpose: the server is reachable from this machine and its pods only. */
export const s3Access = {
  accessKey: "sluice-test",
  secretKey: "sluice-test-secret",
  region: "us-east-1",
} as const;
export const s3Endpoint: string = `http://${bridgeAddress}:${ports.s3}`;

export function nodeDir(): string {
  return join(stateDir(), "node");
}

/** Image contents survive `down`, so that hundreds of megabytes are imported once. */
export function containerdRoot(): string {
  return join(cacheDir(), "containerd");
}

export function containerdSocket(dir: string): string {
  return join(dir, "containerd.sock");
}

export function s3Dir(dir: string): string {
  return join(dir, "s3");
}
