/** What rendering comes to, and what it begins with, for clusters of both modes. */
import { type DefaultedSpec, type Mode, modeOf, withSpecDefaults } from "../api/defaults.ts";
import type { FlinkVersion } from "../api/flink-deployment.ts";
import type { KubeObject } from "../api/kube-object.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { type JarFetch, jarFetch } from "../flink/jar-fetch.ts";
import type { ClusterInputs } from "./cluster-inputs.ts";
import { clusterSideConfiguration } from "./cluster-side.ts";
import {
  assembledConfiguration,
  requireVersion,
  withFetchedJar,
  withoutOperatorOptions,
} from "./configuration.ts";
import { logFiles } from "./log-files.ts";

export interface RenderedCluster {
  /** The JobManager's. */
  readonly deployment: KubeObject;
  /** What belongs to it, still without an owner: see ownedBy. Their names: ownedObjectNames. */
  readonly owned: KubeObject[];
}

export interface ClusterBase {
  readonly id: string;
  readonly namespace: string;
  readonly mode: Mode;
  readonly version: FlinkVersion;
  /** Its jar where Flink finds it: one that is fetched first is a file in the pods. */
  readonly spec: DefaultedSpec;
  /** How the jar comes into the pods, unless it is in the image or Flink's to fetch. */
  readonly jar: JarFetch | undefined;
  /** With the options of the operator itself, which decide how the rest is rendered. */
  readonly assembled: FlinkConfiguration;
  /** As the cluster's processes read it. */
  readonly config: FlinkConfiguration;
  readonly logs: Readonly<Record<string, string>>;
}

/** @throws InvalidClusterError when the job file asks for what Flink refuses too. */
export function clusterBase(inputs: ClusterInputs): ClusterBase {
  const { name: id, namespace } = inputs.owner;
  const assembled = assembledConfiguration(inputs);
  const spec = withFetchedJar(withSpecDefaults(inputs.spec), assembled);
  return {
    id,
    namespace,
    mode: modeOf(spec),
    version: requireVersion(spec),
    spec,
    jar: jarFetch(inputs.spec.job?.jarURI, assembled),
    assembled,
    config: clusterSideConfiguration(withoutOperatorOptions(assembled), id, namespace),
    logs: logFiles(spec, inputs.logConfiguration),
  };
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
