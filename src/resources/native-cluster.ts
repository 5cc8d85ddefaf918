/**
 * The objects of a native Flink cluster, as Flink's own client creates them: the JobManager Deployment, and what
 * belongs to it. Flink looks its objects up by name and label, and the JobManager makes the TaskManager pods from what
 * is rendered here; test/differential/native-client holds every field against the real client.
 */
import { withSpecDefaults } from "../api/defaults.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { isHaActive } from "../flink/high-availability.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { EXECUTION_TARGET, JM_ENTRYPOINT_ARGS } from "../flink/kubernetes-options.ts";
import type { ClusterInputs } from "./cluster-inputs.ts";
import { clusterSideConfiguration } from "./cluster-side.ts";
import { flinkConfigMap, podTemplateConfigMap } from "./config-maps.ts";
import { assembledConfiguration, requireVersion, withoutOperatorOptions } from "./configuration.ts";
import { jobManagerDeployment } from "./job-manager.ts";
import { logFiles } from "./log-files.ts";
import { podTemplateFile } from "./mounts.ts";
import { jobManagerTemplate, taskManagerTemplate } from "./pod-template.ts";
import { readText } from "./read-option.ts";
import { internalService, restService } from "./services.ts";

export type { ClusterInputs } from "./cluster-inputs.ts";
export { deployConfiguration } from "./configuration.ts";

export interface RenderedCluster {
  /** The JobManager's. */
  readonly deployment: KubeObject;
  /** What belongs to it, still without an owner: see ownedBy. Their names: ownedObjectNames. */
  readonly owned: KubeObject[];
}

function startCommand(config: FlinkConfiguration): string {
  const target = readText(config, EXECUTION_TARGET);
  return `kubernetes-jobmanager.sh ${target} ${readText(config, JM_ENTRYPOINT_ARGS)}`;
}

/**
 * Deterministic: the same inputs give the same objects.
 * @throws InvalidClusterError when the job file asks for what Flink's client refuses too.
 */
export function renderNativeCluster(inputs: ClusterInputs): RenderedCluster {
  const spec = withSpecDefaults(inputs.spec);
  const version = requireVersion(spec);
  const { name: id, namespace } = inputs.owner;
  const assembled = assembledConfiguration(inputs);
  const config = clusterSideConfiguration(withoutOperatorOptions(assembled), id, namespace);
  const logs = logFiles(spec, inputs.logConfiguration);
  const workerTemplate = taskManagerTemplate(spec, assembled);
  const cluster = { id, namespace, mode: "native" as const, config };
  const deployment = jobManagerDeployment({
    ...cluster,
    version,
    template: jobManagerTemplate(spec, assembled),
    logFiles: Object.keys(logs),
    args: ["bash", "-c", startCommand(config)],
    mounted: workerTemplate === undefined ? [] : [podTemplateFile(id)],
  });
  const owned = [
    restService(cluster),
    // With HA the TaskManagers find the leader in a ConfigMap.
    ...(isHaActive(config) ? [] : [internalService(cluster)]),
    flinkConfigMap(cluster, version, logs),
    ...(workerTemplate === undefined ? [] : [podTemplateConfigMap(cluster, workerTemplate)]),
  ];
  return { deployment, owned };
}

/** The object with the created Deployment as its owner, so that it goes when the cluster goes. */
export function ownedBy(object: KubeObject, deployment: KubeObject): KubeObject {
  const { name, uid = "" } = deployment.metadata;
  const owner = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
  return { ...object, metadata: { ...object.metadata, ownerReferences: [owner] } };
}
