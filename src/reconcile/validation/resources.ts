/** Rules on memory, CPU and replicas of JobManager and TaskManager. */
import type { DefaultedSpec } from "../../api/defaults.ts";
import type { Resource, ResourceRequirements } from "../../api/flink-deployment.ts";
import type { FlinkConfiguration } from "../../flink/configuration.ts";
import {
  jobManagerMemory,
  type MemoryProblem,
  RECOMMENDED_JOB_MANAGER_HEAP,
  taskManagerMemory,
} from "../../flink/memory-model.ts";
import { formatBytes } from "../../flink/memory-reader.ts";
import { parseMemory, parseQuantity } from "../../flink/memory-size.ts";
import { enableHighAvailability, isHighAvailabilityActive } from "./configuration.ts";
import { configPath, error, type Finding, joinPath, warning } from "./finding.ts";
import type { Subject } from "./subject.ts";

type Side = "jobManager" | "taskManager";
type Quantities = NonNullable<ResourceRequirements["limits"]>;

const MEMORY_FORMS = "write it as 2g, 2048m or 2Gi";
const QUANTITY_FORMS = "write it as a Kubernetes quantity: 500m, 1, 2Gi";
/** What Flink's own default configuration gives the processes. */
const USUAL: Record<Side, string> = { jobManager: "1600m", taskManager: "1728m" };

function checkQuantity(name: string, value: string | number, path: string): Finding[] {
  const amount = name === "memory" ? parseMemory(String(value)) : parseQuantity(value);
  const shown = JSON.stringify(value);
  if (amount === undefined) {
    return name === "memory"
      ? [error(path, `is no memory size: ${shown}`, MEMORY_FORMS)]
      : [error(path, `is no quantity: ${shown}`, QUANTITY_FORMS)];
  }
  const mustBePositive = name === "memory" || name === "cpu";
  if (mustBePositive && amount <= 0) return [error(path, `must be more than 0, is ${shown}`)];
  return amount < 0 ? [error(path, `must not be negative, is ${shown}`)] : [];
}

function quantities(of: Quantities | undefined): [string, string | number][] {
  return Object.entries(of ?? {}).filter(([, value]) => value !== null && value !== undefined);
}

function checkRequirements(resources: ResourceRequirements | undefined, path: string): Finding[] {
  const findings = (["requests", "limits"] as const).flatMap((section) =>
    quantities(resources?.[section]).flatMap(([name, value]) =>
      checkQuantity(name, value, joinPath(`${path}.${section}`, name)),
    ),
  );
  for (const [name, parse] of [
    ["cpu", (value: string | number) => parseQuantity(value)],
    ["memory", (value: string | number) => parseMemory(String(value))],
  ] as const) {
    const request = resources?.requests?.[name];
    const limit = resources?.limits?.[name];
    if (request === undefined || limit === undefined) continue;
    const [least, most] = [parse(request), parse(limit)];
    if (least !== undefined && most !== undefined && least > most) {
      findings.push(
        error(
          `${path}.requests.${name}`,
          `must not be more than its limit: ${request} is more than ${limit}`,
        ),
      );
    }
  }
  return findings;
}

function checkResource(resource: Resource | undefined, path: string): Finding[] {
  const findings: Finding[] = [];
  const { memory, ephemeralStorage, cpu } = resource ?? {};
  if (memory !== undefined && memory.trim() !== "" && parseMemory(memory) === undefined) {
    findings.push(error(`${path}.memory`, `is no memory size: ${JSON.stringify(memory)}`, MEMORY_FORMS));
  }
  if (ephemeralStorage !== undefined && parseQuantity(ephemeralStorage) === undefined) {
    const message = `is no quantity: ${JSON.stringify(ephemeralStorage)}`;
    findings.push(error(`${path}.ephemeralStorage`, message, QUANTITY_FORMS));
  }
  if (cpu !== undefined && cpu < 0) findings.push(error(`${path}.cpu`, `must not be negative, is ${cpu}`));
  return findings;
}

interface GivenMemory {
  readonly path: string;
  /** Undefined: it cannot be read, which another rule says. */
  readonly bytes: number | undefined;
}

/** The memory that the spec itself gives: the newer form wins; a request before a limit. */
function givenMemory(spec: DefaultedSpec, side: Side): GivenMemory | undefined {
  const { resources, resource } = spec[side] ?? {};
  const candidates: [string, string | number | undefined][] = [
    [`spec.${side}.resources.requests.memory`, resources?.requests?.["memory"]],
    [`spec.${side}.resources.limits.memory`, resources?.limits?.["memory"]],
    [`spec.${side}.resource.memory`, resource?.memory],
  ];
  const found = candidates.find(([, value]) => value !== undefined && String(value).trim() !== "");
  return found && { path: found[0], bytes: parseMemory(String(found[1])) };
}

function memoryFinding(
  problem: MemoryProblem,
  side: Side,
  given: GivenMemory | undefined,
  key: string,
): Finding {
  const { option, message, next, atLeast } = problem;
  if (option !== key) {
    const total = given?.bytes === undefined ? "" : `, of ${formatBytes(given.bytes)} in ${given.path}`;
    return error(configPath(option), message + total, next);
  }
  if (message.startsWith("no memory")) {
    return error(
      `spec.${side}.resource.memory`,
      `is required: ${message}`,
      `set it, for example to ${USUAL[side]}, Flink's own default`,
    );
  }
  const path = given?.path ?? configPath(key);
  if (atLeast === undefined || (given?.bytes ?? 0) >= atLeast) {
    return error(path, `does not fit Flink's memory model: ${message}`, next);
  }
  const needed = `${Math.ceil(atLeast / 1024 ** 2)}m`;
  const advice = `set it to at least ${needed} (Flink's own default is ${USUAL[side]})`;
  return error(path, `is too small for Flink: ${message}`, advice, needed);
}

/** Whether Flink can divide the memory; with the sizes that it would come to where it cannot. */
function checkMemory({ spec, config }: Subject, side: Side): Finding[] {
  const given = givenMemory(spec, side);
  if (given !== undefined && (given.bytes === undefined || given.bytes <= 0)) return [];
  const key = `${side.toLowerCase()}.memory.process.size`;
  const complete: FlinkConfiguration = given === undefined ? config : { ...config, [key]: `${given.bytes}b` };
  const version = spec.flinkVersion ?? "v1_20";
  if (side === "taskManager") {
    const { problem } = taskManagerMemory(complete, version);
    return problem === undefined ? [] : [memoryFinding(problem, side, given, key)];
  }
  const { problem, memory } = jobManagerMemory(complete, version);
  if (problem !== undefined) return [memoryFinding(problem, side, given, key)];
  if (memory.heap >= RECOMMENDED_JOB_MANAGER_HEAP) return [];
  return [
    warning(
      given?.path ?? configPath(key),
      `leaves the JobManager a heap of ${formatBytes(memory.heap)}; Flink recommends at least ${formatBytes(RECOMMENDED_JOB_MANAGER_HEAP)}`,
      `Flink's own default is ${USUAL[side]}`,
    ),
  ];
}

function checkCommon(subject: Subject, side: Side): Finding[] {
  const part = subject.spec[side];
  return [
    ...checkMemory(subject, side),
    ...checkResource(part?.resource, `spec.${side}.resource`),
    ...checkRequirements(part?.resources, `spec.${side}.resources`),
  ];
}

export function checkJobManager(subject: Subject): Finding[] {
  const findings = checkCommon(subject, "jobManager");
  const replicas = subject.spec.jobManager?.replicas ?? 1;
  const path = "spec.jobManager.replicas";
  if (replicas < 1) findings.push(error(path, `must be at least 1, is ${replicas}`));
  else if (replicas > 1 && !isHighAvailabilityActive(subject.config)) {
    findings.push(error(path, `${replicas} JobManagers need high availability`, enableHighAvailability()));
  }
  return findings;
}

export function checkTaskManager(subject: Subject): Finding[] {
  const findings = checkCommon(subject, "taskManager");
  const replicas = subject.spec.taskManager?.replicas;
  if (replicas !== undefined && replicas < 1) {
    findings.push(error("spec.taskManager.replicas", `must be at least 1, is ${replicas}`));
  }
  return findings;
}
