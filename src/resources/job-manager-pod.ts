/**
 * The JobManager's pod: the user's template with Flink's container, volumes and settings put into it. Precedence is
 * that of Flink's client: explicit option, then template, then default; lists are appended to.
 */
import type {
  Container,
  EnvVar,
  PodSpec,
  ResourceRequirements,
  Toleration,
  Volume,
  VolumeMount,
} from "kubernetes-types/core/v1.d.ts";
import type { FlinkVersion, PodTemplate } from "../api/flink-deployment.ts";
import { type FlinkConfiguration, getOption, hasOption, type Option } from "../flink/configuration.ts";
import {
  BLOB_PORT,
  ENTRY_PATH,
  EXECUTION_TARGET,
  HOST_NETWORK,
  IMAGE,
  IMAGE_PULL_POLICY,
  IMAGE_PULL_SECRETS,
  JM_CPU,
  JM_CPU_LIMIT_FACTOR,
  JM_ENTRYPOINT_ARGS,
  JM_ENV_PREFIX,
  JM_MEMORY_LIMIT_FACTOR,
  JM_NODE_SELECTOR,
  JM_RPC_PORT,
  JM_SERVICE_ACCOUNT,
  JM_TOLERATIONS,
  LOG_DIR,
} from "../flink/kubernetes-options.ts";
import { jobManagerMemory } from "../flink/memory-model.ts";
import { REST_PORT } from "../flink/options.ts";
import { InvalidClusterError } from "./invalid-cluster.ts";
import { mountedThings } from "./job-manager-mounts.ts";
import { nonEmpty } from "./non-empty.ts";
import { MAIN_CONTAINER } from "./pod-template.ts";
import {
  readBoolean,
  readLimitFactor,
  readList,
  readMap,
  readMapList,
  readNumber,
  readPort,
  readText,
  readWord,
} from "./read-option.ts";

export interface JobManagerPod {
  /** The cluster's id, which is the resource's name. */
  readonly id: string;
  readonly version: FlinkVersion;
  /** As the cluster's processes read it. */
  readonly config: FlinkConfiguration;
  readonly template: PodTemplate | undefined;
  /** Names of the log files in the configuration's ConfigMap. */
  readonly logFiles: readonly string[];
  readonly hasTaskManagerTemplate: boolean;
}

const MEBIBYTE = 1024 ** 2;

/** The option when it is set, else what the template says, else the option's default. */
function settled(config: FlinkConfiguration, option: Option, fromTemplate: string | undefined): string {
  if (fromTemplate !== undefined && !hasOption(config, option)) return fromTemplate;
  return readText(config, option);
}

/** Without the noise of floating point: no CPU is finer than a millionth. */
function cpuText(cpu: number): string {
  return String(Math.round(cpu * 1e6) / 1e6);
}

function processMebibytes(config: FlinkConfiguration, version: FlinkVersion): number {
  const { memory, problem } = jobManagerMemory(config, version);
  if (memory === undefined) {
    throw new InvalidClusterError(problem.option, `${problem.option}: ${problem.message}; ${problem.next}`);
  }
  return Math.floor(memory.totalProcess / MEBIBYTE);
}

function resources({ config, version }: JobManagerPod, own: ResourceRequirements = {}): ResourceRequirements {
  const memory = processMebibytes(config, version);
  const cpu = readNumber(config, JM_CPU);
  const memoryLimit = Math.floor(memory * readLimitFactor(config, JM_MEMORY_LIMIT_FACTOR));
  const cpuLimit = cpu * readLimitFactor(config, JM_CPU_LIMIT_FACTOR);
  return {
    ...own,
    requests: { ...own.requests, memory: `${memory}Mi`, cpu: cpuText(cpu) },
    limits: { ...own.limits, memory: `${memoryLimit}Mi`, cpu: cpuText(cpuLimit) },
  };
}

function environment(config: FlinkConfiguration): EnvVar[] {
  const own = Object.entries(config)
    .filter(([key]) => key.startsWith(JM_ENV_PREFIX) && key.length > JM_ENV_PREFIX.length)
    .map(([key, value]) => ({ name: key.slice(JM_ENV_PREFIX.length), value }));
  const logDir = getOption(config, LOG_DIR);
  return [
    ...own,
    { name: "_POD_IP_ADDRESS", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "status.podIP" } } },
    ...(logDir === undefined ? [] : [{ name: "FLINK_LOG_DIR", value: logDir }]),
  ];
}

function ports(config: FlinkConfiguration): { name: string; containerPort: number }[] {
  return [
    { name: "rest", containerPort: readPort(config, REST_PORT) },
    { name: "jobmanager-rpc", containerPort: readPort(config, JM_RPC_PORT) },
    { name: "blobserver", containerPort: readPort(config, BLOB_PORT) },
  ];
}

function startCommand(config: FlinkConfiguration): string {
  const target = readText(config, EXECUTION_TARGET);
  return `kubernetes-jobmanager.sh ${target} ${readText(config, JM_ENTRYPOINT_ARGS)}`;
}

interface Mounts {
  readonly volumes: readonly Volume[];
  readonly mounts: readonly VolumeMount[];
  readonly env: readonly EnvVar[];
}

function mainContainer(pod: JobManagerPod, own: Container, { mounts, env }: Mounts): Container {
  const { config, version } = pod;
  // Flink's client defaults to its own release; only the job file's version is known here.
  const image: Option = { ...IMAGE, default: `flink:${version.slice(1).replace("_", ".")}` };
  const policies = ["IfNotPresent", "Always", "Never"] as const;
  const pullPolicy =
    own.imagePullPolicy !== undefined && !hasOption(config, IMAGE_PULL_POLICY)
      ? own.imagePullPolicy
      : readWord(config, IMAGE_PULL_POLICY, policies);
  return {
    ...own,
    name: MAIN_CONTAINER,
    image: settled(config, image, own.image),
    imagePullPolicy: pullPolicy,
    command: [readText(config, ENTRY_PATH)],
    args: ["bash", "-c", startCommand(config)],
    resources: resources(pod, own.resources),
    // In the host's network every port of the container is the host's already.
    ports: [...(own.ports ?? []), ...(readBoolean(config, HOST_NETWORK) ? [] : ports(config))],
    env: [...(own.env ?? []), ...environment(config), ...env],
    volumeMounts: [...(own.volumeMounts ?? []), ...mounts],
    // Kubernetes then keeps the end of the log of a JobManager that failed, from where the status can say why.
    terminationMessagePolicy: own.terminationMessagePolicy ?? "FallbackToLogsOnError",
  };
}

function tolerations(config: FlinkConfiguration): Toleration[] {
  return readMapList(config, JM_TOLERATIONS).map((map) => {
    const entries = Object.entries(map).map(([key, value]) => [key.toLowerCase(), value] as const);
    const { key, operator, value, effect, tolerationseconds } = Object.fromEntries(entries);
    return {
      ...(key === undefined ? {} : { key }),
      ...(operator === undefined ? {} : { operator }),
      ...(value === undefined ? {} : { value }),
      ...(effect === undefined ? {} : { effect }),
      ...(tolerationseconds === undefined ? {} : { tolerationSeconds: Number(tolerationseconds) }),
    };
  });
}

function dnsPolicy(own: string | undefined, hostNetwork: boolean): string {
  if (hostNetwork) return "ClusterFirstWithHostNet";
  return own === undefined || own.trim() === "" ? "ClusterFirst" : own;
}

export function jobManagerPodSpec(pod: JobManagerPod): PodSpec {
  const { config } = pod;
  // A Deployment's pods always restart; Kubernetes refuses any other policy.
  const { restartPolicy: _, ...own } = pod.template?.spec ?? {};
  const containers = own.containers ?? [];
  const main = containers.find(({ name }) => name === MAIN_CONTAINER) ?? { name: MAIN_CONTAINER };
  const things = mountedThings(pod);
  const account = settled(config, JM_SERVICE_ACCOUNT, own.serviceAccount ?? own.serviceAccountName);
  const hostNetwork = readBoolean(config, HOST_NETWORK);
  const pullSecrets = readList(config, IMAGE_PULL_SECRETS)
    .filter((name) => name.trim() !== "")
    .map((name) => ({ name: name.trim() }));
  return {
    ...own,
    containers: [
      ...containers.filter(({ name }) => name !== MAIN_CONTAINER),
      mainContainer(pod, main, things),
    ],
    volumes: [...(own.volumes ?? []), ...things.volumes],
    serviceAccount: account,
    serviceAccountName: account,
    hostNetwork,
    dnsPolicy: dnsPolicy(own.dnsPolicy, hostNetwork),
    ...nonEmpty("nodeSelector", { ...own.nodeSelector, ...readMap(config, JM_NODE_SELECTOR) }),
    ...nonEmpty("imagePullSecrets", [...(own.imagePullSecrets ?? []), ...pullSecrets]),
    ...nonEmpty("tolerations", [...(own.tolerations ?? []), ...tolerations(config)]),
  };
}
