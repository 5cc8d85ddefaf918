/**
 * What a JobManager or TaskManager gets: `resources` (Kubernetes' form) or the older `resource`. CPU and memory become
 * Flink options, for Flink computes its memory model from them; anything else goes to the main container (2.14).
 */
import type { FlinkVersion, Resource, ResourceRequirements } from "../api/flink-deployment.ts";
import type { Option } from "../flink/configuration.ts";
import { isAtLeast } from "../flink/flink-version.ts";
import {
  JM_CPU,
  JM_CPU_LIMIT_FACTOR,
  JM_MEMORY_LIMIT_FACTOR,
  JM_PROCESS_MEMORY,
  TM_CPU,
  TM_CPU_LIMIT_FACTOR,
  TM_MEMORY_LIMIT_FACTOR,
  TM_PROCESS_MEMORY,
} from "../flink/kubernetes-options.ts";
import { formatFlinkMemory, parseFlinkMemory, parseMemory, parseQuantity } from "../flink/memory-size.ts";

export interface ProcessSpec {
  readonly resource?: Resource | undefined;
  readonly resources?: ResourceRequirements | undefined;
}

export interface ProcessOptions {
  readonly memory: Option;
  readonly memoryFactor: Option;
  readonly cpu: Option;
  readonly cpuFactor: Option;
}

export const JOB_MANAGER: ProcessOptions = {
  memory: JM_PROCESS_MEMORY,
  memoryFactor: JM_MEMORY_LIMIT_FACTOR,
  cpu: JM_CPU,
  cpuFactor: JM_CPU_LIMIT_FACTOR,
};
export const TASK_MANAGER: ProcessOptions = {
  memory: TM_PROCESS_MEMORY,
  memoryFactor: TM_MEMORY_LIMIT_FACTOR,
  cpu: TM_CPU,
  cpuFactor: TM_CPU_LIMIT_FACTOR,
};

type Quantities = Readonly<Record<string, string | number>>;

/** Present as soon as it has any request or limit; the older form is then ignored. */
function requirements(spec: ProcessSpec): { requests: Quantities; limits: Quantities } | undefined {
  const { requests = {}, limits = {} } = spec.resources ?? {};
  return Object.keys(requests).length + Object.keys(limits).length > 0 ? { requests, limits } : undefined;
}

/** In the spelling that Flink reads. What cannot be parsed is left for validation, or for Flink, to name. */
function memoryText(text: string): string {
  const flink = parseFlinkMemory(text);
  if (flink !== undefined) return formatFlinkMemory(flink);
  const bytes = parseMemory(text);
  return bytes === undefined ? text : String(bytes);
}

function limitFactor(limit: string | number, request: string | number): string | undefined {
  const above = parseQuantity(limit);
  const below = parseQuantity(request);
  return above === undefined || below === undefined || below <= 0 ? undefined : String(above / below);
}

/** The options that one process's resources become. */
export function resourceOptions(
  spec: ProcessSpec | undefined,
  options: ProcessOptions,
  version: FlinkVersion,
): Record<string, string> {
  if (spec === undefined) return {};
  const config: Record<string, string> = {};
  const setCpu = (cpu: number): void => {
    config[options.cpu.key] = String(cpu);
    const [older] = options.cpu.aliases ?? [];
    if (older !== undefined && !isAtLeast(version, 1, 17)) config[older] = String(cpu);
  };
  const wanted = requirements(spec);
  if (wanted === undefined) {
    if (spec.resource?.memory !== undefined) config[options.memory.key] = memoryText(spec.resource.memory);
    if (spec.resource?.cpu !== undefined) setCpu(spec.resource.cpu);
    return config;
  }
  const { requests, limits } = wanted;
  // Kubernetes takes a missing request from the limit.
  const memory = requests["memory"] ?? limits["memory"];
  if (memory !== undefined) config[options.memory.key] = memoryText(String(memory));
  const cpu = parseQuantity(requests["cpu"] ?? limits["cpu"] ?? "");
  if (cpu !== undefined) setCpu(cpu);
  for (const [name, option] of [
    ["cpu", options.cpuFactor],
    ["memory", options.memoryFactor],
  ] as const) {
    const [request, limit] = [requests[name], limits[name]];
    const factor = request === undefined || limit === undefined ? undefined : limitFactor(limit, request);
    if (factor !== undefined) config[option.key] = factor;
  }
  return config;
}

function otherThanCpuAndMemory(quantities: Quantities): Quantities {
  return Object.fromEntries(
    Object.entries(quantities).filter(([name]) => name !== "cpu" && name !== "memory"),
  );
}

/** Ephemeral storage, GPUs and the like, for the main container. Undefined when there are none. */
export function containerResources(
  spec: ProcessSpec | undefined,
): { requests: Quantities; limits: Quantities } | undefined {
  if (spec === undefined) return undefined;
  const wanted = requirements(spec);
  if (wanted === undefined) {
    const storage = spec.resource?.ephemeralStorage;
    if (storage === undefined || storage.trim() === "") return undefined;
    const quantities = { "ephemeral-storage": storage };
    return { requests: quantities, limits: quantities };
  }
  const requests = otherThanCpuAndMemory(wanted.requests);
  const limits = otherThanCpuAndMemory(wanted.limits);
  return Object.keys(requests).length + Object.keys(limits).length > 0 ? { requests, limits } : undefined;
}
