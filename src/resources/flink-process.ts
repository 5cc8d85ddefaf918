/** What differs between a JobManager's pods and a TaskManager's: the options that each is made by. */
import type { FlinkVersion } from "../api/flink-deployment.ts";
import { type FlinkConfiguration, getOption, type Option } from "../flink/configuration.ts";
import {
  JM_ANNOTATIONS,
  JM_ENV_PREFIX,
  JM_LABELS,
  JM_NODE_SELECTOR,
  JM_SERVICE_ACCOUNT,
  JM_TOLERATIONS,
  TM_ANNOTATIONS,
  TM_CPU,
  TM_ENV_PREFIX,
  TM_LABELS,
  TM_NODE_SELECTOR,
  TM_SERVICE_ACCOUNT,
  TM_TOLERATIONS,
} from "../flink/kubernetes-options.ts";
import {
  jobManagerMemory,
  type JobManagerMemory,
  type MemoryModel,
  taskManagerMemory,
  type TaskManagerMemory,
} from "../flink/memory-model.ts";
import { TASK_SLOTS } from "../flink/options.ts";
import type { Component } from "./labels.ts";
import { JOB_MANAGER, type ProcessOptions, TASK_MANAGER } from "./process-resources.ts";

export interface FlinkProcess extends ProcessOptions {
  readonly component: Component;
  readonly memoryModel: (
    config: FlinkConfiguration,
    version: FlinkVersion,
  ) => MemoryModel<JobManagerMemory | TaskManagerMemory>;
  readonly serviceAccount: Option;
  readonly labels: Option;
  readonly annotations: Option;
  readonly nodeSelector: Option;
  readonly tolerations: Option;
  /** Environment variables: `<prefix>NAME: value`. */
  readonly envPrefix: string;
}

/** The variable with the address under which the others reach a JobManager. */
export const POD_IP_VARIABLE = "_POD_IP_ADDRESS";

export const JOB_MANAGER_PROCESS: FlinkProcess = {
  ...JOB_MANAGER,
  component: "jobmanager",
  memoryModel: jobManagerMemory,
  serviceAccount: JM_SERVICE_ACCOUNT,
  labels: JM_LABELS,
  annotations: JM_ANNOTATIONS,
  nodeSelector: JM_NODE_SELECTOR,
  tolerations: JM_TOLERATIONS,
  envPrefix: JM_ENV_PREFIX,
};

const TASK_MANAGER_PROCESS: FlinkProcess = {
  ...TASK_MANAGER,
  component: "taskmanager",
  memoryModel: taskManagerMemory,
  serviceAccount: TM_SERVICE_ACCOUNT,
  labels: TM_LABELS,
  annotations: TM_ANNOTATIONS,
  nodeSelector: TM_NODE_SELECTOR,
  tolerations: TM_TOLERATIONS,
  envPrefix: TM_ENV_PREFIX,
};

/** As Flink's own resource manager has it: a CPU for each slot. */
export function taskManagerProcess(config: FlinkConfiguration): FlinkProcess {
  return { ...TASK_MANAGER_PROCESS, cpu: { ...TM_CPU, default: getOption(config, TASK_SLOTS) ?? "1" } };
}
