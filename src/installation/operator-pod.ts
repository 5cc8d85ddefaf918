/** The operator's pod. */
import { configurationFile } from "./configuration-files.ts";
import { labelsOf, type Names, type Release, selectorOf } from "./release.ts";
import type { Values } from "./values.ts";

const FOLDER = "/conf";

/** `repository:tag`, or by digest. */
export function imageOf({ image: { repository, tag, digest } }: Values): string {
  return digest === "" ? `${repository}:${tag}` : `${repository}@${digest}`;
}

/** Undefined for what is empty: Kubernetes' default then. */
function given<T extends object | string>(value: T): T | undefined {
  return (typeof value === "string" ? value : Object.keys(value)).length === 0 ? undefined : value;
}

function withoutUndefined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

function args(values: Values): string[] {
  const { defaultConfiguration, operatorHealth, replicas, logLevel } = values;
  return [
    "operator",
    ...(defaultConfiguration.create ? [`--config=${FOLDER}/${configurationFile(values)}`] : []),
    `--health-port=${operatorHealth.port}`,
    `--log-level=${logLevel}`,
    ...(replicas > 1 ? ["--leader-elect"] : []),
  ];
}

function environment(values: Values): unknown[] {
  const { watchNamespaces, operatorPod } = values;
  return [
    // Jobs with a remote jar fetch it with the same image.
    { name: "SLUICE_IMAGE", value: imageOf(values) },
    { name: "SLUICE_POD_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
    ...(watchNamespaces.length > 0 ? [{ name: "WATCH_NAMESPACES", value: watchNamespaces.join(",") }] : []),
    ...operatorPod.env,
  ];
}

function probe(path: string, times: Readonly<Record<string, number>>): unknown {
  return { httpGet: { path, port: "health" }, timeoutSeconds: 5, ...times };
}

function container(values: Values): unknown {
  const { operatorHealth, operatorPod, operatorVolumeMounts, defaultConfiguration } = values;
  const mounts = [
    ...(defaultConfiguration.create ? [{ name: "conf", mountPath: FOLDER, readOnly: true }] : []),
    ...(operatorVolumeMounts.create ? operatorVolumeMounts.data : []),
  ];
  return withoutUndefined({
    name: "operator",
    image: imageOf(values),
    imagePullPolicy: values.image.pullPolicy,
    args: args(values),
    env: environment(values),
    envFrom: given(operatorPod.envFrom),
    ports: [{ name: "health", containerPort: operatorHealth.port }],
    startupProbe: probe("/healthz", operatorHealth.startupProbe),
    livenessProbe: probe("/healthz", operatorHealth.livenessProbe),
    readinessProbe: probe("/readyz", { periodSeconds: 1 }),
    lifecycle: given(values.postStart) && { postStart: values.postStart },
    resources: given(operatorPod.resources),
    securityContext: given(values.operatorSecurityContext),
    volumeMounts: given(mounts),
  });
}

function volumes({ defaultConfiguration, operatorVolumes }: Values, { fullname }: Names): unknown[] {
  return [
    ...(defaultConfiguration.create ? [{ name: "conf", configMap: { name: `${fullname}-config` } }] : []),
    ...(operatorVolumes.create ? operatorVolumes.data : []),
  ];
}

function spread(values: Values, release: Release): readonly unknown[] {
  const { topologySpreadConstraints: chosen } = values.operatorPod;
  if (chosen.length > 0 || values.replicas <= 1) return chosen;
  const matchLabels = selectorOf(values, release);
  return [
    {
      maxSkew: 1,
      topologyKey: "kubernetes.io/hostname",
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels },
    },
  ];
}

export function operatorPodTemplate(values: Values, release: Release, names: Names): unknown {
  const { operatorPod: pod } = values;
  const labels = { ...pod.labels, ...labelsOf(values, release) };
  return {
    metadata: withoutUndefined({ labels, annotations: given(pod.annotations) }),
    spec: withoutUndefined({
      serviceAccountName: names.serviceAccount,
      imagePullSecrets: given(values.imagePullSecrets),
      priorityClassName: given(pod.priorityClassName),
      securityContext: given(values.podSecurityContext),
      dnsPolicy: given(pod.dnsPolicy),
      dnsConfig: given(pod.dnsConfig),
      nodeSelector: given(pod.nodeSelector),
      affinity: given(pod.affinity),
      tolerations: given(pod.tolerations),
      topologySpreadConstraints: given(spread(values, release)),
      initContainers: given(pod.initContainers),
      containers: [container(values), ...pod.sidecarContainers],
      volumes: given(volumes(values, names)),
    }),
  };
}
