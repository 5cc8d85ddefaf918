/** `FlinkBlueGreenDeployment`, `flink.apache.org/v1beta1`: two FlinkDeployments that take turns. */
import { type Static, Type } from "typebox";
import { type API_VERSION, FlinkDeploymentSpec, IngressSpec, JobStatus } from "./flink-deployment.ts";
import type { Kind } from "./kind.ts";
import type { KubeObject, ObjectMeta } from "./kube-object.ts";
import { KubernetesType, StringEnum, StringMap } from "./schema.ts";

const optional = Type.Optional;

export const FlinkBlueGreenDeploymentSpec = Type.Object({
  /** `kubernetes.operator.bluegreen.*` options. */
  configuration: optional(StringMap),
  /** The ingress that is switched between the two. */
  ingress: optional(IngressSpec),
  template: optional(
    Type.Object({
      /** Accepted and ignored, as by the Apache operator. */
      metadata: optional(KubernetesType<Partial<ObjectMeta>>("ObjectMeta")),
      spec: optional(FlinkDeploymentSpec),
    }),
  ),
});
export type FlinkBlueGreenDeploymentSpec = Static<typeof FlinkBlueGreenDeploymentSpec>;

export const BlueGreenState = StringEnum(
  "INITIALIZING_BLUE",
  "ACTIVE_BLUE",
  "ACTIVE_GREEN",
  "SAVEPOINTING_BLUE",
  "SAVEPOINTING_GREEN",
  "TRANSITIONING_TO_BLUE",
  "TRANSITIONING_TO_GREEN",
);
export type BlueGreenState = Static<typeof BlueGreenState>;

/** Timestamps are ISO-8601; the epoch's start means unset. */
export const FlinkBlueGreenDeploymentStatus = Type.Object({
  jobStatus: optional(JobStatus),
  blueGreenState: optional(BlueGreenState),
  /** JSON: `{"spec": …}`. */
  lastReconciledSpec: optional(Type.String()),
  lastReconciledTimestamp: optional(Type.String()),
  abortTimestamp: optional(Type.String()),
  deploymentReadyTimestamp: optional(Type.String()),
  savepointTriggerId: optional(Type.String()),
  /** Plain text. */
  error: optional(Type.String()),
});
export type FlinkBlueGreenDeploymentStatus = Static<typeof FlinkBlueGreenDeploymentStatus>;

export interface FlinkBlueGreenDeployment extends KubeObject {
  apiVersion: typeof API_VERSION;
  kind: "FlinkBlueGreenDeployment";
  spec: FlinkBlueGreenDeploymentSpec;
  status?: FlinkBlueGreenDeploymentStatus;
}

export const FLINK_BLUE_GREEN_DEPLOYMENT: Kind = {
  kind: "FlinkBlueGreenDeployment",
  plural: "flinkbluegreendeployments",
  singular: "flinkbluegreendeployment",
  shortNames: ["flinkbgdep"],
  columns: { "Job Status": ".status.jobStatus.state" },
  spec: FlinkBlueGreenDeploymentSpec,
  status: FlinkBlueGreenDeploymentStatus,
};
