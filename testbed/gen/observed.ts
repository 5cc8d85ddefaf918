/** Observations for decisions: what Kubernetes holds, and those of Flink's answers that a pass would ask for. */
import type { FlinkDeployment } from "../../src/api/flink-deployment.ts";
import type { FlinkStateSnapshot } from "../../src/api/flink-state-snapshot.ts";
import type { FlinkSessionJob } from "../../src/api/flink-session-job.ts";
import type { FlinkConfiguration } from "../../src/flink/configuration.ts";
import type {
  ActionFailure,
  FlinkAnswers,
  Observed,
  ObservedCluster,
  Options,
  RetainedAnswer,
} from "../../src/reconcile/decision.ts";
import { nextQuestions } from "../../src/reconcile/deployment/questions.ts";
import { silence } from "./flink-answers.ts";
import { nothing } from "./kube-objects.ts";

export interface Scene {
  readonly cluster?: ObservedCluster;
  /** Everything that Flink would answer; only what is asked reaches the decision. */
  readonly flink?: FlinkAnswers;
  /** What the state storage answers if it is asked: that nothing is there, unless said otherwise. */
  readonly retained?: RetainedAnswer;
  /** Undefined: FlinkStateSnapshot is not installed. */
  readonly snapshots?: readonly FlinkStateSnapshot[];
  readonly disposed?: readonly string[];
  readonly sessionJobs?: readonly FlinkSessionJob[];
  readonly failure?: ActionFailure;
  readonly exceptionsReportedUntil?: number;
}

/** Asks as the shell does, round by round; what the scene has no answer for is unreachable. */
export function askedOf(
  resource: FlinkDeployment,
  cluster: ObservedCluster,
  script: FlinkAnswers,
  defaults: FlinkConfiguration = {},
): FlinkAnswers {
  const nobody = silence();
  let answers: FlinkAnswers = {};
  for (;;) {
    const questions = nextQuestions(resource, cluster, answers, defaults);
    if (questions.length === 0) return answers;
    for (const question of questions)
      answers = { ...answers, [question]: script[question] ?? nobody[question] };
  }
}

export function observed(
  resource: FlinkDeployment,
  scene: Scene = {},
  defaults: FlinkConfiguration = {},
): Observed {
  const cluster = scene.cluster ?? nothing();
  return {
    resource,
    cluster,
    flink: askedOf(resource, cluster, scene.flink ?? {}, defaults),
    snapshots: scene.snapshots,
    disposed: scene.disposed ?? [],
    failure: scene.failure,
    exceptionsReportedUntil: scene.exceptionsReportedUntil ?? 0,
    ...(scene.sessionJobs === undefined ? {} : { sessionJobs: scene.sessionJobs }),
  };
}

export const PROGRESS_INTERVAL = 5000;
export const RECONCILE_INTERVAL = 60_000;

export function options(fields: Partial<Options> = {}): Options {
  return {
    defaults: {},
    progressInterval: PROGRESS_INTERVAL,
    reconcileInterval: RECONCILE_INTERVAL,
    entropy: "e".repeat(32),
    ...fields,
  };
}
