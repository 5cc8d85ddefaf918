/** What the dashboards of Flink choose by. */
import type { Variable } from "./dashboard.ts";

export const NAMESPACE: Variable = {
  name: "namespace",
  title: "Namespace",
  metric: "flink_jobmanager_numRunningJobs",
  label: "namespace",
};
export const DEPLOYMENT: Variable = {
  name: "deployment",
  title: "FlinkDeployment",
  metric: 'flink_jobmanager_numRunningJobs{namespace=~"$namespace"}',
  label: "flink_deployment",
};
export const JOB: Variable = {
  name: "job",
  title: "Job",
  metric: 'flink_jobmanager_job_numRestarts{namespace=~"$namespace",flink_deployment=~"$deployment"}',
  label: "job_name",
};

/** Of the cluster's series, and of the job's. */
export const CLUSTER = 'namespace=~"$namespace",flink_deployment=~"$deployment"';
export const OF_JOB = `${CLUSTER},job_name=~"$job"`;
export const WHICH = "{{namespace}} {{job_name}}";
