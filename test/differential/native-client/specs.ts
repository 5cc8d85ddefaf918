/** What the clusters of the table are put together from. */
import type { FlinkDeploymentSpec, FlinkVersion, PodTemplate } from "../../../src/api/flink-deployment.ts";
import type { ClusterInputs } from "../../../src/resources/native-cluster.ts";

export interface Cluster {
  readonly name: string;
  readonly spec: FlinkDeploymentSpec;
  /** Default: all. */
  readonly versions?: readonly FlinkVersion[];
  readonly restore?: ClusterInputs["restore"];
  /** The resource's name. */
  readonly id?: string;
  /** Which file Flink's client finds in its configuration folder. Default: the one Sluice writes for that version. */
  readonly clientFile?: "config.yaml" | "flink-conf.yaml";
}

const JAR = "local:///opt/flink/usrlib/job.jar";
export const job = { jarURI: JAR, parallelism: 2 };
export const SINCE_2: readonly FlinkVersion[] = ["v2_2", "v2_3"];

/** Enough for Flink to start, with what a row adds or replaces. */
export function application(extra: FlinkDeploymentSpec = {}): FlinkDeploymentSpec {
  return {
    image: "registry.example/job:7",
    serviceAccount: "flink",
    job,
    jobManager: { resource: { cpu: 1, memory: "1600m" } },
    taskManager: { resource: { cpu: 1, memory: "1728m" } },
    ...extra,
  };
}

/** With these options; the two process sizes stay. */
export function withOptions(flinkConfiguration: Record<string, unknown>): FlinkDeploymentSpec {
  return application({ flinkConfiguration });
}

export function session(extra: FlinkDeploymentSpec = {}): FlinkDeploymentSpec {
  const { job: _, ...rest } = application();
  return { ...rest, ...extra };
}

export const HA = { "high-availability.type": "kubernetes", "high-availability.storageDir": "s3://state/ha" };

export const common: PodTemplate = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "ignored-name", labels: { team: "data" }, annotations: { "example.org/a": "1" } },
  spec: {
    initContainers: [
      { name: "fetch", image: "fetch:1", volumeMounts: [{ name: "scratch", mountPath: "/scratch" }] },
      { name: "check", image: "check:1" },
    ],
    containers: [
      {
        name: "flink-main-container",
        env: [
          { name: "MODE", value: "on" },
          { name: "SECRET", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
        ],
        ports: [{ name: "metrics", containerPort: 9249 }],
        volumeMounts: [{ name: "scratch", mountPath: "/scratch" }],
        securityContext: { runAsUser: 9999 },
        livenessProbe: { tcpSocket: { port: 6123 }, initialDelaySeconds: 60 },
      },
      { name: "sidecar", image: "sidecar:1", command: ["sh", "-c", "sleep infinity"] },
    ],
    volumes: [
      { name: "scratch", emptyDir: { sizeLimit: "1Gi" } },
      { name: "ca", configMap: { name: "ca", items: [{ key: "ca.pem", path: "ca.pem" }] } },
    ],
    nodeSelector: { disk: "ssd" },
    tolerations: [{ key: "flink", operator: "Exists" }],
    imagePullSecrets: [{ name: "from-template" }],
    terminationGracePeriodSeconds: 120,
    securityContext: { fsGroup: 9999 },
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 1,
            podAffinityTerm: {
              topologyKey: "kubernetes.io/hostname",
              labelSelector: { matchLabels: { app: "x" } },
            },
          },
        ],
      },
    },
  },
};

export const decisions: PodTemplate = {
  spec: {
    serviceAccountName: "from-template",
    dnsPolicy: "Default",
    schedulerName: "other",
    restartPolicy: "Never",
    containers: [
      {
        name: "flink-main-container",
        image: "from-template:1",
        imagePullPolicy: "Always",
        command: ["ignored"],
        args: ["ignored"],
        resources: { requests: { memory: "1Mi", "ephemeral-storage": "1Gi" }, limits: { cpu: "9" } },
      },
    ],
  },
};
