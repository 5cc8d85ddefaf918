/** What to ask Flink about a session job. Gathering repeats until nothing is left to ask. */
import { withJobStatusDefaults } from "../../api/defaults.ts";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import { type FlinkConfiguration, flattenConfiguration } from "../../flink/configuration.ts";
import type { FlinkAnswers } from "../decision.ts";
import { hasToProveItself, type Question, questionsAbout } from "../deployment/questions.ts";
import { phaseOf } from "../phase.ts";
import { sessionConfiguration } from "../session-cluster.ts";

/** `defaults`: the operator's for the session cluster. */
export function nextSessionJobQuestions(
  resource: FlinkSessionJob,
  session: FlinkDeployment | undefined,
  answers: FlinkAnswers,
  defaults: FlinkConfiguration = {},
): readonly Question[] {
  if (session?.status?.jobManagerDeploymentStatus !== "READY") return [];
  const status = withJobStatusDefaults(resource.status);
  const { jobId, state, savepointInfo, checkpointInfo } = status.jobStatus;
  const phase = phaseOf(status);
  if (phase === "new") return [];
  const wanted: Question[] = ["jobs"];
  const follows = phase === "running" || phase === "stopping";
  if (follows && (savepointInfo.triggerId ?? "") !== "") wanted.push("savepoint");
  if (phase === "running" && (checkpointInfo.triggerId ?? "") !== "") wanted.push("checkpoint");
  const job = answers.jobs?.ok ? answers.jobs.value.find((one) => one.jobId === jobId) : undefined;
  if (follows && job !== undefined) {
    const config = {
      ...sessionConfiguration(session, defaults),
      ...flattenConfiguration(resource.spec.flinkConfiguration),
    };
    wanted.push(...questionsAbout(job, state, config, hasToProveItself(status.reconciliationStatus, config)));
  }
  return wanted.filter((question) => answers[question] === undefined);
}
