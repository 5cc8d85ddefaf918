/** What to ask Flink in this pass, given what is known so far. Gathering repeats until nothing is left to ask. */
import { withStatusDefaults } from "../../api/defaults.ts";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import { flattenConfiguration, hasOption } from "../../flink/configuration.ts";
import { isAtLeast } from "../../flink/flink-version.ts";
import { LAST_STATE_MAX_CHECKPOINT_AGE } from "../../flink/options.ts";
import type { FlinkAnswers, ObservedCluster } from "../decision.ts";
import { isTerminal } from "../upgrade-mode.ts";
import { phaseOf } from "./decide.ts";
import { isAvailable } from "./observe-job-manager.ts";

export type Question = keyof FlinkAnswers;

function followUps(resource: FlinkDeployment, answers: FlinkAnswers): Question[] {
  const status = withStatusDefaults(resource.status);
  if (answers.jobs?.ok !== true) return [];
  const job = answers.jobs.value.find(({ jobId }) => jobId === status.jobStatus.jobId);
  const version = resource.spec.flinkVersion;
  if (job === undefined)
    return version !== undefined && isAtLeast(version, 2, 3) ? ["applications", "exceptions"] : [];
  if (isTerminal(job.state)) return job.state === status.jobStatus.state ? [] : ["checkpoints", "exceptions"];
  const byAge = hasOption(
    flattenConfiguration(resource.spec.flinkConfiguration),
    LAST_STATE_MAX_CHECKPOINT_AGE,
  );
  return byAge ? ["checkpoints", "exceptions"] : ["exceptions"];
}

export function nextQuestions(
  resource: FlinkDeployment,
  cluster: ObservedCluster,
  answers: FlinkAnswers,
): readonly Question[] {
  const { deployment } = cluster;
  if (deployment?.metadata.deletionTimestamp !== undefined || !isAvailable(deployment)) return [];
  const status = withStatusDefaults(resource.status);
  const phase = phaseOf(status);
  if (phase === "new" || phase === "submitting") return [];
  const { triggerId } = status.jobStatus.savepointInfo;
  const wanted: Question[] = ["jobs"];
  if (status.jobManagerDeploymentStatus !== "READY") wanted.unshift("config");
  if (phase === "stopping" && triggerId !== undefined && triggerId !== "") wanted.push("savepoint");
  if (phase === "running" || phase === "stopping") wanted.push(...followUps(resource, answers));
  return wanted.filter((question) => answers[question] === undefined);
}
