/**
 * How Flink divides the memory of a JobManager and of a TaskManager, computed as Flink's own start scripts do, so that
 * a set-up that cannot start is found before anything is deployed. All sizes are bytes.
 *
 *     process = flink + metaspace + overhead
 *     flink   = heap + off-heap                                                        (JobManager)
 *     flink   = framework heap + task heap + framework off-heap + task off-heap + network + managed   (TaskManager)
 *
 * Exactly one of process, flink, or the fine-grained sizes is the base; the rest follows from it.
 */
import type { FlinkVersion } from "../api/flink-deployment.ts";
import { type FlinkConfiguration, hasOption, type Option } from "./configuration.ts";
import { isAtLeast } from "./flink-version.ts";
import { clampedShare, inverseShare, type Range } from "./memory-arithmetic.ts";
import { type MemoryProblem, MemoryReader, formatBytes, Unsatisfiable } from "./memory-reader.ts";

export type { MemoryProblem } from "./memory-reader.ts";

interface JvmMemory {
  readonly metaspace: number;
  readonly overhead: number;
}
interface Totals {
  /** What Flink itself uses. */
  readonly totalFlink: number;
  /** What the container is given. */
  readonly totalProcess: number;
}
interface JobManagerFlinkMemory {
  readonly heap: number;
  readonly offHeap: number;
}
interface TaskManagerFlinkMemory {
  readonly frameworkHeap: number;
  readonly frameworkOffHeap: number;
  readonly taskHeap: number;
  readonly taskOffHeap: number;
  readonly network: number;
  readonly managed: number;
}
export type JobManagerMemory = JobManagerFlinkMemory & JvmMemory & Totals;
export type TaskManagerMemory = TaskManagerFlinkMemory & JvmMemory & Totals;

/** Either the division of the memory, or why there is none. */
export type MemoryModel<T> =
  | { readonly memory: T; readonly problem?: undefined }
  | { readonly memory?: undefined; readonly problem: MemoryProblem };

/** Below this much heap Flink itself warns that a JobManager may not work. */
export const RECOMMENDED_JOB_MANAGER_HEAP = 128 * 1024 ** 2;

interface ProcessOptions {
  readonly process: Option;
  readonly flink: Option;
  readonly metaspace: Option;
  readonly overheadMin: Option;
  readonly overheadMax: Option;
  readonly overheadFraction: Option;
  /** All of them given: they are the base. */
  readonly fineGrained: readonly Option[];
}

function processOptions(prefix: string, fineGrained: readonly Option[]): ProcessOptions {
  const key = (name: string, fallback?: string): Option => ({
    key: `${prefix}.memory.${name}`,
    ...(fallback === undefined ? {} : { default: fallback }),
  });
  return {
    process: key("process.size"),
    flink: key("flink.size"),
    metaspace: key("jvm-metaspace.size", "256m"),
    overheadMin: key("jvm-overhead.min", "192m"),
    overheadMax: key("jvm-overhead.max", "1g"),
    overheadFraction: key("jvm-overhead.fraction", "0.1"),
    fineGrained,
  };
}

const JM_HEAP: Option = { key: "jobmanager.memory.heap.size" };
const JM_OFF_HEAP: Option = { key: "jobmanager.memory.off-heap.size", default: "128m" };

const FRAMEWORK_HEAP: Option = { key: "taskmanager.memory.framework.heap.size", default: "128m" };
const FRAMEWORK_OFF_HEAP: Option = { key: "taskmanager.memory.framework.off-heap.size", default: "128m" };
const TASK_HEAP: Option = { key: "taskmanager.memory.task.heap.size" };
const TASK_OFF_HEAP: Option = { key: "taskmanager.memory.task.off-heap.size", default: "0" };
const MANAGED_SIZE: Option = { key: "taskmanager.memory.managed.size", aliases: ["taskmanager.memory.size"] };
const MANAGED_FRACTION: Option = { key: "taskmanager.memory.managed.fraction", default: "0.4" };
const NETWORK_MIN: Option = {
  key: "taskmanager.memory.network.min",
  aliases: ["taskmanager.network.memory.min"],
  default: "64m",
};
const NETWORK_MAX: Option = {
  key: "taskmanager.memory.network.max",
  aliases: ["taskmanager.network.memory.max"],
};
const NETWORK_FRACTION: Option = {
  key: "taskmanager.memory.network.fraction",
  aliases: ["taskmanager.network.memory.fraction"],
  default: "0.1",
};
const NETWORK_BUFFERS: Option = { key: "taskmanager.network.numberOfBuffers" };
const SEGMENT_SIZE: Option = { key: "taskmanager.memory.segment-size", default: "32k" };

/** The option that everything else is derived from, and its bytes. */
interface Base {
  readonly option: Option;
  readonly bytes: number;
}

/** The beginning of a sentence about Flink's part: the size that the user wrote, and what is left of it. */
function flinkShare({ bytes }: Base, totalFlink: number): string {
  if (bytes === totalFlink) return formatBytes(bytes);
  return `${formatBytes(bytes)} leaves Flink ${formatBytes(totalFlink)}, which`;
}

/** How one of the two processes divides Flink's part. */
interface FlinkPart<T> {
  readonly options: ProcessOptions;
  fromFineGrained(read: MemoryReader): T;
  fromTotal(read: MemoryReader, totalFlink: number, base: Base): T;
  sum(memory: T): number;
}

function overheadRange(read: MemoryReader, options: ProcessOptions): Range {
  return read.range(options.overheadMin, options.overheadMax, options.overheadFraction);
}

function jvmFromProcess(read: MemoryReader, options: ProcessOptions, process: number): JvmMemory {
  const metaspace = read.size(options.metaspace);
  const overhead = clampedShare(process, overheadRange(read, options));
  if (metaspace + overhead > process) {
    throw new Unsatisfiable({
      option: options.process.key,
      message:
        `${formatBytes(process)} is less than the JVM itself takes: ` +
        `metaspace ${formatBytes(metaspace)} and overhead ${formatBytes(overhead)}`,
      grow: options.process,
    });
  }
  return { metaspace, overhead };
}

function jvmFromFlink(read: MemoryReader, options: ProcessOptions, totalFlink: number): JvmMemory {
  const metaspace = read.size(options.metaspace);
  const range = overheadRange(read, options);
  if (!read.has(options.process)) {
    return { metaspace, overhead: inverseShare(totalFlink + metaspace, range) };
  }
  const process = read.size(options.process);
  const overhead = process - totalFlink - metaspace;
  if (overhead < range.min || overhead > range.max) {
    throw new Unsatisfiable({
      option: options.process.key,
      message:
        `${formatBytes(process)} less Flink's ${formatBytes(totalFlink)} and metaspace ${formatBytes(metaspace)} ` +
        `leaves ${formatBytes(overhead)} of JVM overhead, outside ${formatBytes(range.min)} to ${formatBytes(range.max)}`,
      next: `set ${options.process.key} to ${formatBytes(totalFlink + metaspace + range.min)} to ${formatBytes(totalFlink + metaspace + range.max)}, or leave it out`,
      atLeast: totalFlink + metaspace + range.min,
    });
  }
  return { metaspace, overhead };
}

function divide<T>(read: MemoryReader, part: FlinkPart<T>): T & JvmMemory & Totals {
  const { options } = part;
  const finish = (flink: T, jvm: JvmMemory): T & JvmMemory & Totals => {
    const totalFlink = part.sum(flink);
    return { ...flink, ...jvm, totalFlink, totalProcess: totalFlink + jvm.metaspace + jvm.overhead };
  };
  if (options.fineGrained.every((option) => read.has(option))) {
    const flink = part.fromFineGrained(read);
    return finish(flink, jvmFromFlink(read, options, part.sum(flink)));
  }
  if (read.has(options.flink)) {
    const total = read.size(options.flink);
    return finish(
      part.fromTotal(read, total, { option: options.flink, bytes: total }),
      jvmFromFlink(read, options, total),
    );
  }
  if (read.has(options.process)) {
    const process = read.size(options.process);
    const jvm = jvmFromProcess(read, options, process);
    return finish(
      part.fromTotal(read, process - jvm.metaspace - jvm.overhead, {
        option: options.process,
        bytes: process,
      }),
      jvm,
    );
  }
  throw new Unsatisfiable({
    option: options.process.key,
    message: `no memory is configured: neither ${options.process.key}, nor ${options.flink.key}, nor ${options.fineGrained.map(({ key }) => key).join(" with ")}`,
    grow: options.process,
  });
}

const jobManagerPart = (): FlinkPart<JobManagerFlinkMemory> => {
  const options = processOptions("jobmanager", [JM_HEAP]);
  return {
    options,
    fromFineGrained(read) {
      const heap = read.size(JM_HEAP);
      const offHeap = read.size(JM_OFF_HEAP);
      if (!read.has(options.flink)) return { heap, offHeap };
      const total = read.size(options.flink);
      // The default off-heap size gives way to what the two given sizes leave.
      if (!read.has(JM_OFF_HEAP) && total >= heap) return { heap, offHeap: total - heap };
      if (total === heap + offHeap) return { heap, offHeap };
      throw new Unsatisfiable({
        option: options.flink.key,
        message: `${formatBytes(total)} is not heap ${formatBytes(heap)} plus off-heap ${formatBytes(offHeap)}`,
        next: `leave out ${options.flink.key} or ${JM_HEAP.key}`,
      });
    },
    fromTotal(read, totalFlink, base) {
      const offHeap = read.size(JM_OFF_HEAP);
      if (totalFlink <= offHeap) {
        throw new Unsatisfiable({
          option: base.option.key,
          message: `${flinkShare(base, totalFlink)} is no more than the off-heap memory, ${formatBytes(offHeap)}: nothing is left for the heap`,
          grow: base.option,
        });
      }
      return { heap: totalFlink - offHeap, offHeap };
    },
    sum: ({ heap, offHeap }) => heap + offHeap,
  };
};

type Network =
  | { readonly fixed: number; readonly range?: undefined }
  | { readonly fixed?: undefined; readonly range: Range };

/** A number of buffers counts only where none of the newer options is given. */
function networkSetting(read: MemoryReader, version: FlinkVersion): Network {
  const newer = [NETWORK_MIN, NETWORK_MAX, NETWORK_FRACTION].some((option) => read.has(option));
  if (!isAtLeast(version, 2, 0) && !newer && read.has(NETWORK_BUFFERS)) {
    return { fixed: read.count(NETWORK_BUFFERS) * read.size(SEGMENT_SIZE) };
  }
  const max = isAtLeast(version, 1, 17) ? NETWORK_MAX : { ...NETWORK_MAX, default: "1g" };
  return { range: read.range(NETWORK_MIN, max, NETWORK_FRACTION) };
}

/** The network memory as what remains of Flink's total, which has to fit its own limits. */
function remainingNetwork(
  read: MemoryReader,
  version: FlinkVersion,
  totalFlink: number,
  others: Omit<TaskManagerFlinkMemory, "network">,
  base: Base,
): number {
  const taken = sumTaskManager({ ...others, network: 0 });
  const network = totalFlink - taken;
  const setting = networkSetting(read, version);
  const { min, max } = setting.range ?? { min: setting.fixed, max: setting.fixed };
  if (network < min || network > max) {
    throw new Unsatisfiable({
      option: base.option.key,
      message: `${flinkShare(base, totalFlink)} less heap, off-heap and managed memory (${formatBytes(taken)}) makes the network memory ${formatBytes(network)}, outside ${formatBytes(min)} to ${formatBytes(max)}`,
      next: `change ${base.option.key}, or leave out ${TASK_HEAP.key}`,
    });
  }
  return network;
}

function sumTaskManager(memory: TaskManagerFlinkMemory): number {
  const { frameworkHeap, frameworkOffHeap, taskHeap, taskOffHeap, network, managed } = memory;
  return frameworkHeap + frameworkOffHeap + taskHeap + taskOffHeap + network + managed;
}

const fixedTaskManagerSizes = (
  read: MemoryReader,
): Pick<TaskManagerFlinkMemory, "frameworkHeap" | "frameworkOffHeap" | "taskOffHeap"> => ({
  frameworkHeap: read.size(FRAMEWORK_HEAP),
  frameworkOffHeap: read.size(FRAMEWORK_OFF_HEAP),
  taskOffHeap: read.size(TASK_OFF_HEAP),
});

function taskManagerFromTotal(
  read: MemoryReader,
  version: FlinkVersion,
  totalFlink: number,
  base: Base,
): TaskManagerFlinkMemory {
  const fixed = fixedTaskManagerSizes(read);
  const managed = read.has(MANAGED_SIZE)
    ? read.size(MANAGED_SIZE)
    : clampedShare(totalFlink, { min: 0, max: Infinity, fraction: read.fraction(MANAGED_FRACTION) });
  if (read.has(TASK_HEAP)) {
    const others = { ...fixed, managed, taskHeap: read.size(TASK_HEAP) };
    return { ...others, network: remainingNetwork(read, version, totalFlink, others, base) };
  }
  const setting = networkSetting(read, version);
  const network = setting.range === undefined ? setting.fixed : clampedShare(totalFlink, setting.range);
  const taken = sumTaskManager({ ...fixed, managed, network, taskHeap: 0 });
  if (taken > totalFlink) {
    throw new Unsatisfiable({
      option: base.option.key,
      message:
        `${flinkShare(base, totalFlink)} is less than framework heap ${formatBytes(fixed.frameworkHeap)}, ` +
        `framework off-heap ${formatBytes(fixed.frameworkOffHeap)}, task off-heap ${formatBytes(fixed.taskOffHeap)}, ` +
        `managed ${formatBytes(managed)} and network ${formatBytes(network)} together`,
      grow: base.option,
    });
  }
  return { ...fixed, managed, network, taskHeap: totalFlink - taken };
}

const taskManagerPart = (version: FlinkVersion): FlinkPart<TaskManagerFlinkMemory> => {
  const options = processOptions("taskmanager", [TASK_HEAP, MANAGED_SIZE]);
  return {
    options,
    fromFineGrained(read) {
      const others = {
        ...fixedTaskManagerSizes(read),
        taskHeap: read.size(TASK_HEAP),
        managed: read.size(MANAGED_SIZE),
      };
      if (read.has(options.flink)) {
        const total = read.size(options.flink);
        return {
          ...others,
          network: remainingNetwork(read, version, total, others, {
            option: options.flink,
            bytes: total,
          }),
        };
      }
      const setting = networkSetting(read, version);
      const base = sumTaskManager({ ...others, network: 0 });
      return { ...others, network: setting.fixed ?? inverseShare(base, setting.range) };
    },
    fromTotal: (read, totalFlink, base) => taskManagerFromTotal(read, version, totalFlink, base),
    sum: sumTaskManager,
  };
};

const MIB = 1024 ** 2;
const LARGEST_MIB = 1024 ** 2;

/** The least whole number of MiB of `option` with which the set-up works, all else unchanged. */
function leastMiB<T>(config: FlinkConfiguration, part: FlinkPart<T>, option: Option): number | undefined {
  const works = (size: number): boolean =>
    attempt({ ...config, [option.key]: `${size}m` }, part).problem === undefined;
  let high = 1;
  while (!works(high)) {
    high *= 2;
    if (high > LARGEST_MIB) return undefined;
  }
  let low = Math.floor(high / 2);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (works(middle)) high = middle;
    else low = middle;
  }
  return high;
}

type Attempt<T> =
  | { readonly memory: T & JvmMemory & Totals; readonly problem?: undefined }
  | { readonly problem: Unsatisfiable["problem"] };

function attempt<T>(config: FlinkConfiguration, part: FlinkPart<T>): Attempt<T> {
  try {
    return { memory: divide(new MemoryReader(config), part) };
  } catch (error) {
    if (error instanceof Unsatisfiable) return { problem: error.problem };
    throw error;
  }
}

function solve<T>(config: FlinkConfiguration, part: FlinkPart<T>): MemoryModel<T & JvmMemory & Totals> {
  const outcome = attempt(config, part);
  if (outcome.problem === undefined) return { memory: outcome.memory };
  const { option, message, next, grow, atLeast } = outcome.problem;
  const least = grow === undefined ? undefined : leastMiB(config, part, grow);
  const needed = least === undefined ? atLeast : least * MIB;
  const advice =
    least === undefined ? `lower the parts, or raise ${option}` : `set ${option} to at least ${least}m`;
  return {
    problem: {
      option,
      message,
      next: next ?? advice,
      ...(needed === undefined ? {} : { atLeast: needed }),
    },
  };
}

/**
 * Before Flink 2.0 the oldest options still count where nothing newer is the base; on Kubernetes they are the size of
 * the container.
 */
function withLegacyHeap<T>(
  config: FlinkConfiguration,
  prefix: string,
  version: FlinkVersion,
  { options }: FlinkPart<T>,
): FlinkConfiguration {
  const { process, flink, fineGrained } = options;
  const hasBase =
    hasOption(config, process) ||
    hasOption(config, flink) ||
    fineGrained.every((option) => hasOption(config, option));
  if (hasBase || isAtLeast(version, 2, 0)) return config;
  const megabytes = config[`${prefix}.heap.mb`];
  const size = config[`${prefix}.heap.size`] ?? (megabytes === undefined ? undefined : `${megabytes}m`);
  return size === undefined ? config : { ...config, [process.key]: size };
}

/** How a JobManager of this version divides its memory on Kubernetes. */
export function jobManagerMemory(
  config: FlinkConfiguration,
  version: FlinkVersion,
): MemoryModel<JobManagerMemory> {
  const part = jobManagerPart();
  return solve(withLegacyHeap(config, "jobmanager", version, part), part);
}

/** How a TaskManager of this version divides its memory on Kubernetes. */
export function taskManagerMemory(
  config: FlinkConfiguration,
  version: FlinkVersion,
): MemoryModel<TaskManagerMemory> {
  const part = taskManagerPart(version);
  return solve(withLegacyHeap(config, "taskmanager", version, part), part);
}
