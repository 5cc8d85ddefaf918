/** The control plane's command lines: what etcd, the API server and the controllers are told. Pure. */

/** Garbage collection, namespaces, tokens and workloads, but nothing that expects nodes. */
export const apiSizeControllers: readonly string[] = [
  "clusterrole-aggregation-controller",
  "deployment-controller",
  "garbage-collector-controller",
  "job-controller",
  "namespace-controller",
  "replicaset-controller",
  "resourcequota-controller",
  "root-ca-certificate-publisher-controller",
  "serviceaccount-controller",
  "ttl-after-finished-controller",
];

export interface ControlPlane {
  readonly pki: string;
  readonly etcdData: string;
  readonly etcdPort: number;
  readonly etcdPeerPort: number;
  readonly apiPort: number;
  /** Where the API server listens. */
  readonly bindAddress: string;
  /** What pods reach the API server by. Undefined: nobody, as there are no pods. */
  readonly advertiseAddress?: string;
  readonly serviceRange: string;
  readonly podRange?: string;
  /** `*` for all of Kubernetes'. Empty: no controllers run, and pods need no service account. */
  readonly controllers: readonly string[];
}

/** `{ "a-b": "c" }` to `--a-b=c`, in the order given. */
export function flags(values: Readonly<Record<string, string | number | boolean | undefined>>): string[] {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `--${name}=${value}`);
}

export function etcdArgs({ etcdData, etcdPort, etcdPeerPort }: ControlPlane): string[] {
  const client = `http://127.0.0.1:${etcdPort}`;
  const peer = `http://127.0.0.1:${etcdPeerPort}`;
  return flags({
    "data-dir": etcdData,
    "listen-client-urls": client,
    "advertise-client-urls": client,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": `default=${peer}`,
    // The data outlives a killed process, which is all that tests do to it; it need not outlive a power cut.
    "unsafe-no-fsync": true,
    "log-level": "warn",
  });
}

export function apiServerArgs(plane: ControlPlane): string[] {
  const { pki } = plane;
  return flags({
    "etcd-servers": `http://127.0.0.1:${plane.etcdPort}`,
    "bind-address": plane.bindAddress,
    "secure-port": plane.apiPort,
    "advertise-address": plane.advertiseAddress ?? "127.0.0.1",
    "endpoint-reconciler-type": plane.advertiseAddress === undefined ? "none" : undefined,
    "service-cluster-ip-range": plane.serviceRange,
    "allow-privileged": true,
    "authorization-mode": "Node,RBAC",
    "disable-admission-plugins": plane.controllers.length === 0 ? "ServiceAccount" : undefined,
    "client-ca-file": `${pki}/ca.crt`,
    "tls-cert-file": `${pki}/apiserver.crt`,
    "tls-private-key-file": `${pki}/apiserver.key`,
    "token-auth-file": `${pki}/tokens.csv`,
    "service-account-issuer": "https://kubernetes.default.svc",
    "service-account-key-file": `${pki}/service-accounts.pub`,
    "service-account-signing-key-file": `${pki}/service-accounts.key`,
    "kubelet-client-certificate": `${pki}/admin.crt`,
    "kubelet-client-key": `${pki}/admin.key`,
    "kubelet-preferred-address-types": "InternalIP",
    profiling: false,
  });
}

export function controllerManagerArgs(plane: ControlPlane): string[] {
  const { pki } = plane;
  return flags({
    kubeconfig: `${pki}/admin.kubeconfig`,
    controllers: plane.controllers.join(","),
    "root-ca-file": `${pki}/ca.crt`,
    "service-account-private-key-file": `${pki}/service-accounts.key`,
    "cluster-signing-cert-file": `${pki}/ca.crt`,
    "cluster-signing-key-file": `${pki}/ca.key`,
    "service-cluster-ip-range": plane.serviceRange,
    "cluster-cidr": plane.podRange,
    "leader-elect": false,
    // No port: nobody asks for its health, its effects are what tests wait for.
    "secure-port": 0,
    "kube-api-qps": 300,
    "kube-api-burst": 600,
  });
}
