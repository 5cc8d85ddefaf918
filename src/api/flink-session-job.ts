/** `FlinkSessionJob`, `flink.apache.org/v1beta1`: a job inside the session cluster of a FlinkDeployment. */
import { type Static, Type } from "typebox";
import { type API_VERSION, commonStatus, JobSpec } from "./flink-deployment.ts";
import type { Kind } from "./kind.ts";
import type { Condition, KubeObject } from "./kube-object.ts";
import { field, FreeForm, Int64, KubernetesType } from "./schema.ts";

export const FLINK_SESSION_JOB_FINALIZER = "flinksessionjobs.flink.apache.org/finalizer";

export const FlinkSessionJobSpec = Type.Object({
  deploymentName: field(
    Type.String(),
    "Name of the session FlinkDeployment in the same namespace. Cannot be changed.",
  ),
  job: field(JobSpec, "The job; required."),
  flinkConfiguration: field(FreeForm, "Laid over the session cluster's; flat or nested."),
  restartNonce: field(Int64, "A change restarts the job."),
});
export type FlinkSessionJobSpec = Static<typeof FlinkSessionJobSpec>;

export const FlinkSessionJobStatus = Type.Object({
  ...commonStatus,
  conditions: field(
    Type.Array(KubernetesType<Condition>("Condition")),
    "Ready, Reconciling, Stalled and Running.",
  ),
});
export type FlinkSessionJobStatus = Static<typeof FlinkSessionJobStatus>;

export interface FlinkSessionJob extends KubeObject {
  apiVersion: typeof API_VERSION;
  kind: "FlinkSessionJob";
  spec: FlinkSessionJobSpec;
  status?: FlinkSessionJobStatus;
}

export const FLINK_SESSION_JOB: Kind = {
  kind: "FlinkSessionJob",
  plural: "flinksessionjobs",
  singular: "flinksessionjob",
  shortNames: ["sessionjob"],
  columns: { "Job Status": ".status.jobStatus.state", "Lifecycle State": ".status.lifecycleState" },
  spec: FlinkSessionJobSpec,
  status: FlinkSessionJobStatus,
};
