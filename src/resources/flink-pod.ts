/**
 * The pod of a Flink process: the user's template with Flink's container, volumes and settings put into it. Precedence
 * is that of Flink's client: explicit option, then template, then default; lists are appended to.
 */
import type {
  Container,
  ContainerPort,
  EnvVar,
  PodSpec,
  ResourceRequirements,
  Toleration,
} from "kubernetes-types/core/v1.d.ts";
import type { FlinkVersion, PodTemplate } from "../api/flink-deployment.ts";
import { type FlinkConfiguration, getOption, hasOption, type Option } from "../flink/configuration.ts";
import {
  ENTRY_PATH,
  HOST_NETWORK,
  IMAGE,
  IMAGE_PULL_POLICY,
  IMAGE_PULL_SECRETS,
  LOG_DIR,
} from "../flink/kubernetes-options.ts";
import type { FlinkProcess } from "./flink-process.ts";
import { InvalidClusterError } from "./invalid-cluster.ts";
import { configuredVariables, type Mounted } from "./mounts.ts";
import { nonEmpty } from "./non-empty.ts";
import { MAIN_CONTAINER } from "./pod-template.ts";
import {
  readBoolean,
  readLimitFactor,
  readList,
  readMap,
  readMapList,
  readNumber,
  readText,
  readWord,
} from "./read-option.ts";

export interface FlinkPod {
  readonly process: FlinkProcess;
  readonly version: FlinkVersion;
  /** As the cluster's processes read it. */
  readonly config: FlinkConfiguration;
  readonly template: PodTemplate | undefined;
  /** Of the program at `kubernetes.entry.path`. */
  readonly args: readonly string[];
  readonly ports: readonly ContainerPort[];
  /** Variables that Flink itself needs. */
  readonly env: readonly EnvVar[];
  readonly mounted: readonly Mounted[];
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

function processMebibytes({
  process,
  config,
  version,
}: Pick<FlinkPod, "process" | "config" | "version">): number {
  const { memory, problem } = process.memoryModel(config, version);
  if (memory === undefined) {
    throw new InvalidClusterError(problem.option, `${problem.option}: ${problem.message}; ${problem.next}`);
  }
  return Math.floor(memory.totalProcess / MEBIBYTE);
}

/** What the process needs, on top of what the template asks for. */
export function processResources(
  pod: Pick<FlinkPod, "process" | "config" | "version">,
  own: ResourceRequirements = {},
): ResourceRequirements {
  const { process, config } = pod;
  const memory = processMebibytes(pod);
  const cpu = readNumber(config, process.cpu);
  const memoryLimit = Math.floor(memory * readLimitFactor(config, process.memoryFactor));
  const cpuLimit = cpu * readLimitFactor(config, process.cpuFactor);
  return {
    ...own,
    requests: { ...own.requests, memory: `${memory}Mi`, cpu: cpuText(cpu) },
    limits: { ...own.limits, memory: `${memoryLimit}Mi`, cpu: cpuText(cpuLimit) },
  };
}

function environment({ process, config, env }: FlinkPod): EnvVar[] {
  const prefix = process.envPrefix;
  const own = Object.entries(config)
    .filter(([key]) => key.startsWith(prefix) && key.length > prefix.length)
    .map(([key, value]) => ({ name: key.slice(prefix.length), value }));
  const logDir = getOption(config, LOG_DIR);
  return [
    ...own,
    ...env,
    ...(logDir === undefined ? [] : [{ name: "FLINK_LOG_DIR", value: logDir }]),
    ...configuredVariables(config),
  ];
}

/** The image of Flink's container, and when it is pulled. */
export function flinkImage(
  { config, version }: Pick<FlinkPod, "config" | "version">,
  own: Container,
): Required<Pick<Container, "image" | "imagePullPolicy">> {
  // Flink's client defaults to its own release; only the job file's version is known here.
  const image: Option = { ...IMAGE, default: `flink:${version.slice(1).replace("_", ".")}` };
  const policies = ["IfNotPresent", "Always", "Never"] as const;
  const pullPolicy =
    own.imagePullPolicy !== undefined && !hasOption(config, IMAGE_PULL_POLICY)
      ? own.imagePullPolicy
      : readWord(config, IMAGE_PULL_POLICY, policies);
  return { image: settled(config, image, own.image), imagePullPolicy: pullPolicy };
}

function mainContainer(pod: FlinkPod, own: Container): Container {
  const { config } = pod;
  return {
    ...own,
    name: MAIN_CONTAINER,
    ...flinkImage(pod, own),
    command: [readText(config, ENTRY_PATH)],
    args: [...pod.args],
    resources: processResources(pod, own.resources),
    // In the host's network every port of the container is the host's already.
    ports: [...(own.ports ?? []), ...(readBoolean(config, HOST_NETWORK) ? [] : pod.ports)],
    env: [...(own.env ?? []), ...environment(pod)],
    volumeMounts: [...(own.volumeMounts ?? []), ...pod.mounted.map(({ mount }) => mount)],
    // Kubernetes then keeps the end of the log of a process that failed, from where the status can say why.
    terminationMessagePolicy: own.terminationMessagePolicy ?? "FallbackToLogsOnError",
  };
}

function tolerations(config: FlinkConfiguration, option: Option): Toleration[] {
  return readMapList(config, option).map((map) => {
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

export function flinkPodSpec(pod: FlinkPod): PodSpec {
  const { config, process } = pod;
  // A Deployment's pods always restart; Kubernetes refuses any other policy.
  const { restartPolicy: _, ...own } = pod.template?.spec ?? {};
  const containers = own.containers ?? [];
  const main = containers.find(({ name }) => name === MAIN_CONTAINER) ?? { name: MAIN_CONTAINER };
  const account = settled(config, process.serviceAccount, own.serviceAccount ?? own.serviceAccountName);
  const hostNetwork = readBoolean(config, HOST_NETWORK);
  const pullSecrets = readList(config, IMAGE_PULL_SECRETS)
    .filter((name) => name.trim() !== "")
    .map((name) => ({ name: name.trim() }));
  return {
    ...own,
    containers: [...containers.filter(({ name }) => name !== MAIN_CONTAINER), mainContainer(pod, main)],
    volumes: [...(own.volumes ?? []), ...pod.mounted.flatMap(({ volume }) => volume ?? [])],
    serviceAccount: account,
    serviceAccountName: account,
    hostNetwork,
    dnsPolicy: dnsPolicy(own.dnsPolicy, hostNetwork),
    ...nonEmpty("nodeSelector", { ...own.nodeSelector, ...readMap(config, process.nodeSelector) }),
    ...nonEmpty("imagePullSecrets", [...(own.imagePullSecrets ?? []), ...pullSecrets]),
    ...nonEmpty("tolerations", [...(own.tolerations ?? []), ...tolerations(config, process.tolerations)]),
  };
}
