/**
 * The objects of a standalone Flink cluster (2.22): Deployments of JobManagers and of TaskManagers, Services and
 * configuration. The processes are Flink's own standalone ones; they know of Kubernetes only for high availability.
 * The TaskManagers' Deployment belongs to the JobManager's, as do all other objects of a cluster.
 */
import type { ClusterInputs } from "./cluster-inputs.ts";
import { flinkConfigMap } from "./config-maps.ts";
import { JOB_MANAGER_PROCESS, taskManagerProcess } from "./flink-process.ts";
import { jobManagerDeployment } from "./job-manager.ts";
import { jobManagerTemplate, taskManagerTemplate } from "./pod-template.ts";
import { prepared } from "./preparation.ts";
import { clusterBase, type RenderedCluster } from "./rendered-cluster.ts";
import { internalService, restService } from "./services.ts";
import { jobManagerArguments, userLibrary } from "./standalone-job.ts";
import { taskManagerDeployment } from "./task-manager.ts";

/**
 * Deterministic: the same inputs give the same objects.
 * @throws InvalidClusterError when the job file asks for what Flink refuses too.
 */
export function renderStandaloneCluster(inputs: ClusterInputs): RenderedCluster {
  const base = clusterBase(inputs);
  const { spec, assembled, config, logs } = base;
  const template = prepared(jobManagerTemplate(spec, assembled), JOB_MANAGER_PROCESS, base);
  // A jar on the class path has to be on every machine.
  const workerTemplate = prepared(taskManagerTemplate(spec, assembled), taskManagerProcess(config), base);
  const deployment = jobManagerDeployment({
    ...base,
    template,
    args: jobManagerArguments(spec, config),
    mounted: userLibrary(spec, config, template),
  });
  const owned = [
    restService(base),
    internalService(base),
    flinkConfigMap(base, logs),
    taskManagerDeployment(base, workerTemplate),
  ];
  return { deployment, owned };
}
