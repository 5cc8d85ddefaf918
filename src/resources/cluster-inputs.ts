import type { FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";

/** Everything that decides what a native cluster's objects look like. */
export interface ClusterInputs {
  /** The FlinkDeployment. An empty `uid`: it exists in a file only, so nothing refers to it as its owner. */
  readonly owner: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    /** It is in no API server: an annotation tells whose the cluster is, and no reference that a garbage collector follows. */
    readonly isRecord?: boolean;
  };
  /** The user's spec; defaults are applied here. */
  readonly spec: FlinkDeploymentSpec;
  /** Of the spec; an annotation on the Deployment and its pods tells it to later passes. */
  readonly generation: number;
  /** 32 hexadecimal digits. Without, Flink chooses. */
  readonly jobId?: string;
  /** `marker`: at least one checkpoint is recorded in the HA metadata. */
  readonly restore:
    | { readonly kind: "none" }
    | { readonly kind: "savepoint"; readonly path: string }
    | { readonly kind: "last-state"; readonly marker: boolean };
  /** Different for each start of the cluster; part of a path. */
  readonly attemptId: string;
  /** The operator's default configuration, for this namespace and Flink version. */
  readonly defaults: FlinkConfiguration;
  /** The operator's default log files, by name. Sluice's own without. */
  readonly logConfiguration?: Readonly<Record<string, string>>;
}
