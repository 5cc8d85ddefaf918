/** What tests of namespaces that deny have in common. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { KubeObject } from "../../src/api/kube-object.ts";
import { repository } from "../../testbed/lib/paths.ts";
import { type Cluster, ENFORCE_RESTRICTED } from "../../testbed/scenario.ts";

/** What the level asks of a pod. */
const POD_SECURITY = {
  runAsNonRoot: true,
  runAsUser: 9999,
  runAsGroup: 9999,
  seccompProfile: { type: "RuntimeDefault" },
};
const CONTAINER_SECURITY = { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } };

/** What the level asks of Flink's pods. */
export const podTemplate = {
  spec: {
    securityContext: POD_SECURITY,
    containers: [{ name: "flink-main-container", securityContext: CONTAINER_SECURITY }],
  },
};

const S3_PORT = 9000;

/** Holds a namespace of jobs to the level, and denies everything but what the example allows, and the testbed's state storage. */
export async function denyByDefault({ kubectl }: Cluster, namespace: string): Promise<void> {
  await kubectl(["label", "namespace", namespace, ENFORCE_RESTRICTED]);
  const example = readFileSync(join(repository, "examples/network-policy.yaml"), "utf8");
  const storage = {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "state-storage" },
    spec: {
      podSelector: {
        matchExpressions: [
          { key: "type", operator: "In", values: ["flink-native-kubernetes", "flink-standalone-kubernetes"] },
        ],
      },
      policyTypes: ["Egress"],
      egress: [{ ports: [{ port: S3_PORT, protocol: "TCP" }] }],
    },
  };
  await kubectl(["-n", namespace, "apply", "-f", "-"], `${example}\n---\n${stringify(storage)}`);
}

/** A pod of nobody's, in a namespace of its own that holds nothing back: whoever refuses it is the one that it calls. */
export class Stranger {
  readonly #cluster: Cluster;
  readonly #namespace: string;

  private constructor(cluster: Cluster, namespace: string) {
    this.#cluster = cluster;
    this.#namespace = namespace;
  }

  static async create(cluster: Cluster): Promise<Stranger> {
    const namespace = await cluster.testbed.freshNamespace("stranger");
    const pod: KubeObject = {
      apiVersion: "v1",
      kind: "Pod",
      // As the operator's, which in another namespace says nothing.
      metadata: { name: "stranger", labels: { "app.kubernetes.io/name": "sluice-operator" } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: "shell",
            image: "sluice.test/flink:2.3",
            imagePullPolicy: "Never",
            command: ["sleep", "3600"],
          },
        ],
      },
    };
    await cluster.kubectl(["-n", namespace, "apply", "-f", "-"], stringify(pod));
    await cluster.kubectl([
      "-n",
      namespace,
      "wait",
      "--for=condition=Ready",
      "pod/stranger",
      "--timeout=60s",
    ]);
    return new Stranger(cluster, namespace);
  }

  /** Whether a connection comes about, within seconds. */
  async reaches(host: string, port: number): Promise<boolean> {
    const connect = `timeout 5 bash -c 'exec 3<>/dev/tcp/${host}/${port}' && echo yes || echo no`;
    const said = await this.#cluster.kubectl([
      "-n",
      this.#namespace,
      "exec",
      "stranger",
      "--",
      "bash",
      "-c",
      connect,
    ]);
    return said.trim() === "yes";
  }

  /** From now on a namespace's pods take its connections. */
  async beAllowed(namespace: string, port: number): Promise<void> {
    const from = [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": this.#namespace } } }];
    const policy = {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "stranger" },
      spec: { podSelector: {}, ingress: [{ from, ports: [{ port, protocol: "TCP" }] }] },
    };
    await this.#cluster.kubectl(["-n", namespace, "apply", "-f", "-"], stringify(policy));
  }

  async delete(): Promise<void> {
    await this.#cluster.kubectl(["delete", "namespace", this.#namespace, "--wait=false"]);
  }
}
