/** The configuration files of the node's programs. Pure: folder in, texts out. */
import { bridge, bridgeAddress, cgroup, containerdSocket, podRange, ports, serviceRange } from "./layout.ts";

/** File name below the testbed's folder → content. */
export function configFiles(dir: string, containerdRoot: string): Record<string, string> {
  return {
    "containerd.toml": containerdConfig(dir, containerdRoot),
    "cni/10-sluice.conflist": json(cniConfig(dir)),
    "kubelet.json": json(kubeletConfig(dir)),
    "kube-proxy.json": json(proxyConfig(dir)),
    Corefile: corefile(dir),
    // What pods with dnsPolicy Default get: the same server, so that no question leaves the machine.
    "resolv.conf": `nameserver ${bridgeAddress}\n`,
  };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function containerdConfig(dir: string, root: string): string {
  // restrict_oom_score_adj: without it no sandbox starts where root lacks CAP_SYS_RESOURCE.
  // Everything that is mounted is below `state`, so that `down` finds it after a crash.
  return `version = 2
root = "${root}"
state = "${dir}/containerd"
oom_score = 0
[grpc]
  address = "${containerdSocket(dir)}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "sluice.test/pause:1"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${dir}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "${dir}/runc"
        SystemdCgroup = false
`;
}

function cniConfig(dir: string): unknown {
  return {
    cniVersion: "1.0.0",
    name: "sluice",
    plugins: [
      {
        type: "bridge",
        bridge,
        isGateway: true,
        hairpinMode: true,
        // No masquerading: pods reach each other and this machine, and nothing beyond.
        ipMasq: false,
        ipam: {
          type: "host-local",
          dataDir: `${dir}/ipam`,
          ranges: [[{ subnet: podRange, rangeStart: "10.213.0.10", gateway: bridgeAddress }]],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      },
    ],
  };
}

function kubeletConfig(dir: string): unknown {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: bridgeAddress,
    port: ports.kubelet,
    healthzBindAddress: bridgeAddress,
    healthzPort: ports.kubeletHealth,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: `${dir}/pki/ca.crt` },
    },
    authorization: { mode: "Webhook" },
    tlsCertFile: `${dir}/pki/kubelet.crt`,
    tlsPrivateKeyFile: `${dir}/pki/kubelet.key`,
    cgroupDriver: "cgroupfs",
    cgroupRoot: `/${cgroup}`,
    clusterDNS: [bridgeAddress],
    clusterDomain: "cluster.local",
    resolvConf: `${dir}/resolv.conf`,
    containerRuntimeEndpoint: `unix://${containerdSocket(dir)}`,
    podLogsDir: `${dir}/pod-logs`,
    volumePluginDir: `${dir}/volume-plugins`,
    failSwapOn: false,
    oomScoreAdj: 0,
    maxPods: 200,
    registryPullQPS: 0,
    eventRecordQPS: 0,
    // The disk is shared with everything else on the machine: only an all but full one may hurt the tests.
    evictionHard: {
      "memory.available": "100Mi",
      "nodefs.available": "1%",
      "nodefs.inodesFree": "1%",
      "imagefs.available": "1%",
    },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
  };
}

function proxyConfig(dir: string): unknown {
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: "iptables",
    bindAddress: bridgeAddress,
    healthzBindAddress: `${bridgeAddress}:${ports.proxyHealth}`,
    metricsBindAddress: `${bridgeAddress}:${ports.proxyMetrics}`,
    clientConnection: { kubeconfig: `${dir}/pki/admin.kubeconfig` },
    clusterCIDR: podRange,
    nodePortAddresses: [podRange],
    oomScoreAdj: 0,
    iptables: { localhostNodePorts: false, minSyncPeriod: "0s" },
    // The machine's own limits stay as they are.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
  };
}

function corefile(dir: string): string {
  // Two blocks, since within one the template would answer before the cluster is asked. Unknown names are denied at
  // once instead of being forwarded: no question leaves the machine.
  return `cluster.local:53 in-addr.arpa:53 {
  bind ${bridgeAddress}
  errors
  ready ${bridgeAddress}:${ports.dnsReady}
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${dir}/pki/admin.kubeconfig
    ttl 2
  }
}
.:53 {
  bind ${bridgeAddress}
  template ANY ANY {
    rcode NXDOMAIN
  }
}
`;
}

/** Where the Service addresses are routed to, so that this machine's own packets get a source address pods can answer. */
export const serviceRoute: readonly string[] = [serviceRange, "dev", bridge, "src", bridgeAddress];
