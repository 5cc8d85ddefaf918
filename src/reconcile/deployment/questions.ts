/** What to ask Flink in this pass, given what is known so far. Gathering repeats until nothing is left to ask. */
import { withStatusDefaults } from "../../api/defaults.ts";
import type { FlinkDeployment, FlinkJobState, ReconciliationStatus } from "../../api/flink-deployment.ts";
import {
  type FlinkConfiguration,
  flattenConfiguration,
  getBoolean,
  hasOption,
} from "../../flink/configuration.ts";
import { isAtLeast } from "../../flink/flink-version.ts";
import { HEALTH_CHECK, LAST_STATE_MAX_CHECKPOINT_AGE, ROLLBACK } from "../../flink/options.ts";
import type { JobOverview } from "../../flink/rest-answers.ts";
import type { FlinkAnswers, ObservedCluster } from "../decision.ts";
import { deployedSpec, sameRecord } from "../last-reconciled-spec.ts";
import { phaseOf } from "../phase.ts";
import { isTerminal } from "../upgrade-mode.ts";
import { isAvailable } from "./observe-job-manager.ts";

export type Question = keyof FlinkAnswers;

function ownJob(resource: FlinkDeployment, answers: FlinkAnswers): JobOverview | undefined {
  const own = resource.status?.jobStatus?.jobId;
  return answers.jobs?.ok === true ? answers.jobs.value.find(({ jobId }) => jobId === own) : undefined;
}

/**
 * Whose exceptions tell what is wrong: the resource's own job, or what Flink 2.3 lists as a failed job "(application
 * driver)" when main() failed before it had one.
 */
export function jobWithExceptions(resource: FlinkDeployment, answers: FlinkAnswers): string {
  const own = resource.status?.jobStatus?.jobId ?? "";
  if (answers.jobs?.ok !== true || ownJob(resource, answers) !== undefined) return own;
  return answers.jobs.value.find(({ state }) => state === "FAILED")?.jobId ?? own;
}

function followUps(
  resource: FlinkDeployment,
  answers: FlinkAnswers,
  defaults: FlinkConfiguration,
): Question[] {
  if (answers.jobs?.ok !== true) return [];
  const { jobStatus, reconciliationStatus } = withStatusDefaults(resource.status);
  const deployed = deployedSpec(reconciliationStatus)?.spec;
  // The jobs of a session cluster are asked about by those who look after them.
  if (deployed !== undefined && deployed.job === undefined) return [];
  const job = ownJob(resource, answers);
  if (job === undefined) {
    const version = deployed?.flinkVersion;
    return version !== undefined && isAtLeast(version, 2, 3) ? ["applications", "exceptions"] : [];
  }
  const config = { ...defaults, ...flattenConfiguration(resource.spec.flinkConfiguration) };
  const isChecked = getBoolean(config, HEALTH_CHECK);
  const proves = hasToProveItself(reconciliationStatus, config) || isChecked;
  const asked = questionsAbout(job, jobStatus.state, config, proves);
  return isChecked && !isTerminal(job.state) ? [...asked, "metrics"] : asked;
}

/** Whether it takes more than a RUNNING job for the deployed spec to count as stable (healthy.ts). */
export function hasToProveItself(
  { lastReconciledSpec, lastStableSpec }: ReconciliationStatus,
  config: FlinkConfiguration,
): boolean {
  return getBoolean(config, ROLLBACK) && !sameRecord(lastReconciledSpec, lastStableSpec);
}

/** About a job that Flink lists. `known`: the state that is recorded. `proves`: its checkpoints tell whether it works. */
export function questionsAbout(
  job: JobOverview,
  known: FlinkJobState | undefined,
  config: FlinkConfiguration,
  proves = false,
): Question[] {
  if (isTerminal(job.state)) return job.state === known ? [] : ["checkpoints", "exceptions"];
  const needsCheckpoints = proves || hasOption(config, LAST_STATE_MAX_CHECKPOINT_AGE);
  return needsCheckpoints ? ["checkpoints", "exceptions"] : ["exceptions"];
}

/** `defaults`: the operator's for this resource. */
export function nextQuestions(
  resource: FlinkDeployment,
  cluster: ObservedCluster,
  answers: FlinkAnswers,
  defaults: FlinkConfiguration = {},
): readonly Question[] {
  const { deployment } = cluster;
  if (deployment?.metadata.deletionTimestamp !== undefined || !isAvailable(deployment)) return [];
  const status = withStatusDefaults(resource.status);
  const phase = phaseOf(status);
  if (phase === "new" || phase === "submitting") return [];
  const { savepointInfo, checkpointInfo } = status.jobStatus;
  const wanted: Question[] = ["jobs"];
  if (status.jobManagerDeploymentStatus !== "READY") wanted.unshift("config");
  const isUp = phase === "running" || phase === "stopping";
  if (isUp && (savepointInfo.triggerId ?? "") !== "") wanted.push("savepoint");
  if (phase === "running" && (checkpointInfo.triggerId ?? "") !== "") wanted.push("checkpoint");
  if (isUp) wanted.push(...followUps(resource, answers, defaults));
  return wanted.filter((question) => answers[question] === undefined);
}
