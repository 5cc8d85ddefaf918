/** `FlinkBlueGreenDeployment`, `flink.apache.org/v1beta1`: two FlinkDeployments that take turns. */
import { type Static, Type } from "typebox";
import { type API_VERSION, FlinkDeploymentSpec, IngressSpec, JobStatus } from "./flink-deployment.ts";
import type { Kind } from "./kind.ts";
import type { KubeObject, ObjectMeta } from "./kube-object.ts";
import { field, KubernetesType, StringEnum, StringMap } from "./schema.ts";

export const FlinkBlueGreenDeploymentSpec = Type.Object({
  configuration: field(StringMap, "Options under kubernetes.operator.bluegreen."),
  ingress: field(IngressSpec, "The ingress that is switched between the two."),
  template: field(
    Type.Object({
      metadata: field(KubernetesType<Partial<ObjectMeta>>("ObjectMeta"), "Accepted and ignored."),
      spec: field(FlinkDeploymentSpec, "Spec of the two FlinkDeployments."),
    }),
    "What the two FlinkDeployments are made from.",
  ),
});
export type FlinkBlueGreenDeploymentSpec = Static<typeof FlinkBlueGreenDeploymentSpec>;

const BlueGreenState = StringEnum(
  "INITIALIZING_BLUE",
  "ACTIVE_BLUE",
  "ACTIVE_GREEN",
  "SAVEPOINTING_BLUE",
  "SAVEPOINTING_GREEN",
  "TRANSITIONING_TO_BLUE",
  "TRANSITIONING_TO_GREEN",
);

/** Timestamps are ISO-8601; the epoch's start means unset. */
const FlinkBlueGreenDeploymentStatus = Type.Object({
  jobStatus: field(JobStatus, "Only its state is used."),
  blueGreenState: field(BlueGreenState, "Which of the two is active, and what is under way."),
  lastReconciledSpec: field(Type.String(), "The spec that is deployed or being deployed, as JSON."),
  lastReconciledTimestamp: field(Type.String(), "ISO 8601; the epoch means unset."),
  abortTimestamp: field(Type.String(), "ISO 8601: when the transition is given up; the epoch means unset."),
  deploymentReadyTimestamp: field(Type.String(), "ISO 8601; the epoch means unset."),
  savepointTriggerId: field(Type.String(), "Flink's asynchronous trigger in progress."),
  error: field(Type.String(), "What is wrong, as plain text."),
});
type FlinkBlueGreenDeploymentStatus = Static<typeof FlinkBlueGreenDeploymentStatus>;

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
