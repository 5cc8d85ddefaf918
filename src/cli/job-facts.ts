/** What people are told about a job, read off its resource. Pure. */
import { withJobDefaults, withoutNulls } from "../api/defaults.ts";
import type { FlinkDeployment, FlinkDeploymentSpec, FlinkDeploymentStatus } from "../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../api/flink-session-job.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { flattenConfiguration, getNumber } from "../flink/configuration.ts";
import { TASK_SLOTS } from "../flink/options.ts";

type Job = FlinkDeployment | FlinkSessionJob;

/** A resource of either kind, where a field that it does not have reads as absent. */
export interface AnyJob extends KubeObject {
  readonly spec: FlinkDeploymentSpec & { readonly deploymentName?: string };
  readonly status?: FlinkDeploymentStatus;
}

/** The job's parallelism; undefined for a session cluster. */
export function parallelismOf(spec: Job["spec"]): number | undefined {
  const { job, taskManager, flinkConfiguration } = withoutNulls(spec) as FlinkDeployment["spec"];
  if (job === undefined) return undefined;
  const slots = getNumber(flattenConfiguration(flinkConfiguration), TASK_SLOTS) ?? 1;
  return taskManager?.replicas ? taskManager.replicas * slots : job.parallelism;
}

/** What a stop makes of the state, one sentence. */
export function stateOnStop({ spec }: Job): { readonly text: string; readonly isLost: boolean } {
  const { upgradeMode } = withJobDefaults(spec.job ?? {});
  const texts = {
    savepoint: "with a savepoint",
    "last-state": "and its newest checkpoint is kept",
    stateless: "and its state is thrown away",
  };
  return { text: texts[upgradeMode], isLost: upgradeMode === "stateless" };
}
