/** The operator's pod. */
import { configurationFile } from "./configuration-files.ts";
import { labelsOf, type Names, type Release, selectorOf } from "./release.ts";
import type { Values } from "./values.ts";

export const FOLDER = "/conf";

/** `repository:tag`, or by digest. */
export function imageOf({ image: { repository, tag, digest } }: Values): string {
  return digest === "" ? `${repository}:${tag}` : `${repository}@${digest}`;
}

/** Undefined for what is empty: Kubernetes' default then. */
export function given<T extends object | string>(value: T): T | undefined {
  return (typeof value === "string" ? value : Object.keys(value)).length === 0 ? undefined : value;
}

export function withoutUndefined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

function args(values: Values): string[] {
  const { defaultConfiguration, operatorHealth, logLevel } = values;
  return [
    "operator",
    ...(defaultConfiguration.create ? [`--config=${FOLDER}/${configurationFile(values)}`] : []),
    `--health-port=${operatorHealth.port}`,
    `--log-level=${logLevel}`,
    // One replica too: while a node is cut off, its pod may run beside the one that replaces it.
    "--leader-elect",
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

export function probe(path: string, times: Readonly<Record<string, number>>): unknown {
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

/** Several replicas are on different nodes where that is possible. */
export function spread(
  { operatorPod: { topologySpreadConstraints: chosen } }: Values,
  replicas: number,
  matchLabels: Readonly<Record<string, string>>,
): readonly unknown[] {
  if (chosen.length > 0 || replicas <= 1) return chosen;
  return [
    {
      maxSkew: 1,
      topologyKey: "kubernetes.io/hostname",
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels },
    },
  ];
}

/** Where pods run, and from which registry. */
export function placement(values: Values): object {
  const { operatorPod: pod } = values;
  return {
    imagePullSecrets: given(values.imagePullSecrets),
    priorityClassName: given(pod.priorityClassName),
    securityContext: given(values.podSecurityContext),
    dnsPolicy: given(pod.dnsPolicy),
    dnsConfig: given(pod.dnsConfig),
    nodeSelector: given(pod.nodeSelector),
    affinity: given(pod.affinity),
    tolerations: given(pod.tolerations),
  };
}

export function operatorPodTemplate(values: Values, release: Release, names: Names): unknown {
  const { operatorPod: pod } = values;
  const labels = { ...pod.labels, ...labelsOf(values, release) };
  return {
    metadata: withoutUndefined({ labels, annotations: given(pod.annotations) }),
    spec: withoutUndefined({
      serviceAccountName: names.serviceAccount,
      ...placement(values),
      topologySpreadConstraints: given(spread(values, values.replicas, selectorOf(values, release))),
      initContainers: given(pod.initContainers),
      containers: [container(values), ...pod.sidecarContainers],
      volumes: given(volumes(values, names)),
    }),
  };
}
