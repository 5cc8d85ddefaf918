/**
 * The objects of a native Flink cluster, as Flink's own client creates them: the JobManager Deployment, and what
 * belongs to it. Flink looks its objects up by name and label, and the JobManager makes the TaskManager pods from what
 * is rendered here; test/differential/native-client holds every field against the real client.
 */
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { isHaActive } from "../flink/high-availability.ts";
import { EXECUTION_TARGET, JM_ENTRYPOINT_ARGS } from "../flink/kubernetes-options.ts";
import type { ClusterInputs } from "./cluster-inputs.ts";
import { flinkConfigMap, podTemplateConfigMap } from "./config-maps.ts";
import { JOB_MANAGER_PROCESS, taskManagerProcess } from "./flink-process.ts";
import { jobManagerDeployment } from "./job-manager.ts";
import { podTemplateFile } from "./mounts.ts";
import { jobManagerTemplate, taskManagerTemplate } from "./pod-template.ts";
import { prepared } from "./preparation.ts";
import { readText } from "./read-option.ts";
import { clusterBase, type RenderedCluster } from "./rendered-cluster.ts";
import { internalService, restService } from "./services.ts";

export type { ClusterInputs } from "./cluster-inputs.ts";
export { deployConfiguration } from "./configuration.ts";
export { ownedBy } from "./rendered-cluster.ts";

function startCommand(config: FlinkConfiguration): string {
  const target = readText(config, EXECUTION_TARGET);
  return `kubernetes-jobmanager.sh ${target} ${readText(config, JM_ENTRYPOINT_ARGS)}`;
}

/**
 * Deterministic: the same inputs give the same objects.
 * @throws InvalidClusterError when the job file asks for what Flink's client refuses too.
 */
export function renderNativeCluster(inputs: ClusterInputs): RenderedCluster {
  const base = clusterBase(inputs);
  const { id, spec, assembled, config, logs } = base;
  const workers = taskManagerProcess(config);
  const workerTemplate = prepared(taskManagerTemplate(spec, assembled), workers, { ...base, jar: undefined });
  const deployment = jobManagerDeployment({
    ...base,
    template: prepared(jobManagerTemplate(spec, assembled), JOB_MANAGER_PROCESS, base),
    args: ["bash", "-c", startCommand(config)],
    mounted: workerTemplate === undefined ? [] : [podTemplateFile(id)],
  });
  const owned = [
    restService(base),
    // With HA the TaskManagers find the leader in a ConfigMap.
    ...(isHaActive(config) ? [] : [internalService(base)]),
    flinkConfigMap(base, logs),
    ...(workerTemplate === undefined ? [] : [podTemplateConfigMap(base, workerTemplate)]),
  ];
  return { deployment, owned };
}
