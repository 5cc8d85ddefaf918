/** Builds session clusters and session jobs for tests, with the statuses of each phase. */
import { withJobDefaults, withSpecDefaults } from "../../src/api/defaults.ts";
import {
  API_VERSION,
  type FlinkDeployment,
  type FlinkJobState,
  type JobManagerDeploymentStatus,
  type JobStatus,
  type ReconciliationState,
  type UpgradeMode,
} from "../../src/api/flink-deployment.ts";
import { FLINK_SESSION_JOB_FINALIZER, type FlinkSessionJob } from "../../src/api/flink-session-job.ts";
import type { FlinkStateSnapshot } from "../../src/api/flink-state-snapshot.ts";
import type {
  ActionFailure,
  FlinkAnswers,
  ObservedSessionJob,
  Options,
  RetainedAnswer,
  RetainedQuestion,
  Submission,
} from "../../src/reconcile/decision.ts";
import type { KubeObject } from "../../src/api/kube-object.ts";
import { writeRecordedSpec } from "../../src/reconcile/last-reconciled-spec.ts";
import { decideSessionJob } from "../../src/reconcile/session-job/decide.ts";
import { nextSessionJobQuestions } from "../../src/reconcile/session-job/questions.ts";
import { silence } from "./flink-answers.ts";
import { type Change, flinkDeployment, NOW, type ResourceChange, withSpec } from "./flink-deployment.ts";
import { options } from "./observed.ts";
import { JOB_ID, STARTED, TRIGGER_ID } from "./recorded-status.ts";
import { type Outcome, outcomeOf } from "./trace.ts";

export interface ClusterDetails {
  readonly state?: ReconciliationState;
  readonly jobManager?: JobManagerDeploymentStatus;
  /** Of the recorded spec; the resource's own unless given. */
  readonly change?: ResourceChange;
  readonly stable?: boolean;
}

/** A session cluster, recorded as it is; later changes are edits by the user. */
export function recordedCluster(details: ClusterDetails = {}): ResourceChange {
  return (resource) => {
    const { state = "DEPLOYED", jobManager = "READY", stable = true } = details;
    const recorded = structuredClone(resource);
    details.change?.(recorded);
    const text = writeRecordedSpec({ spec: withSpecDefaults(recorded.spec), firstDeployment: false });
    resource.status = {
      observedGeneration: resource.metadata.generation ?? 1,
      jobManagerDeploymentStatus: jobManager,
      reconciliationStatus: {
        reconciliationTimestamp: STARTED,
        lastReconciledSpec: text,
        ...(stable ? { lastStableSpec: text } : {}),
        state,
      },
    };
  };
}

/** `job`, a session cluster with Kubernetes HA. */
export function sessionCluster(...changes: ResourceChange[]): FlinkDeployment {
  return flinkDeployment(withSpec({ job: null }), ...changes);
}

export type SessionJobChange = Change<FlinkSessionJob>;

/** In the session cluster `job`. */
export function sessionJob(...changes: SessionJobChange[]): FlinkSessionJob {
  const draft: FlinkSessionJob = {
    apiVersion: API_VERSION,
    kind: "FlinkSessionJob",
    metadata: {
      name: "wordcount",
      namespace: "default",
      uid: "0123abcd-0000-4000-8000-000000000001",
      generation: 1,
      finalizers: [FLINK_SESSION_JOB_FINALIZER],
    },
    spec: {
      deploymentName: "job",
      job: {
        jarURI: "https://example.com/wordcount.jar",
        entryClass: "WordCount",
        parallelism: 2,
        upgradeMode: "savepoint",
      },
    },
  };
  for (const change of changes) change(draft);
  return draft;
}

/** The second half of the job ids of `sessionJob`. */
export const OWN_HALF = "0123abcd00004000";

export function jobWith(fields: object): SessionJobChange {
  return ({ spec }) => void (spec.job = { ...spec.job, ...fields });
}

export function editedJob(...changes: SessionJobChange[]): SessionJobChange {
  return (draft) => {
    for (const change of changes) change(draft);
    draft.metadata.generation = (draft.metadata.generation ?? 0) + 1;
  };
}

export function deletedJob(): SessionJobChange {
  return editedJob(({ metadata }) => void (metadata.deletionTimestamp = new Date(NOW).toISOString()));
}

export interface JobDetails {
  readonly restore?: UpgradeMode;
  readonly jobState?: FlinkJobState;
  readonly job?: Partial<JobStatus>;
  readonly error?: string;
  readonly stable?: boolean;
}

function recordJob(
  jobState: "running" | "suspended",
  state: ReconciliationState,
  flink: FlinkJobState,
  job: Partial<JobStatus> = {},
): (details?: JobDetails) => SessionJobChange {
  return (details = {}) =>
    (resource) => {
      const { restore = "stateless", stable = flink !== "RECONCILING", error } = details;
      const recorded = { ...withJobDefaults(resource.spec.job ?? {}), state: jobState, upgradeMode: restore };
      const spec = { ...withSpecDefaults(structuredClone(resource.spec)), job: recorded };
      const text = writeRecordedSpec({ spec, firstDeployment: false });
      resource.status = {
        observedGeneration: resource.metadata.generation ?? 1,
        ...(error === undefined ? {} : { error }),
        jobStatus: {
          jobId: JOB_ID,
          state: details.jobState ?? flink,
          updateTime: String(STARTED),
          ...job,
          ...details.job,
        },
        reconciliationStatus: {
          reconciliationTimestamp: STARTED,
          lastReconciledSpec: text,
          ...(stable ? { lastStableSpec: text } : {}),
          state,
        },
      };
    };
}

const started = { jobName: "example", startTime: String(STARTED) };

export const jobAnnounced = recordJob("suspended", "UPGRADING", "INITIALIZING");
export const jobSubmitting = recordJob("suspended", "UPGRADING", "RECONCILING");
export const jobRunning = recordJob("running", "DEPLOYED", "RUNNING", started);
export const jobStopping = recordJob("running", "UPGRADING", "RUNNING", {
  ...started,
  savepointInfo: { triggerId: TRIGGER_ID, triggerTimestamp: NOW, formatType: "CANONICAL" },
});
export const jobCancelling = recordJob("running", "UPGRADING", "CANCELLING", started);
export const jobStopped = recordJob("suspended", "UPGRADING", "FINISHED", started);
export const jobSuspended = recordJob("suspended", "DEPLOYED", "FINISHED", started);

export interface JobScene {
  /** The session cluster that it names; a ready one unless given, null for none. */
  readonly session?: FlinkDeployment | null;
  /** Everything that Flink would answer; only what is asked reaches the decision. */
  readonly flink?: FlinkAnswers;
  readonly submission?: Submission;
  /** What the state storage answers when it is asked; nothing is there unless given. */
  readonly retained?: RetainedAnswer;
  readonly endingJobManagers?: readonly KubeObject[];
  readonly failure?: ActionFailure;
  readonly snapshots?: readonly FlinkStateSnapshot[];
  readonly disposed?: readonly string[];
}

export function observedJob(resource: FlinkSessionJob, scene: JobScene = {}): ObservedSessionJob {
  const session =
    scene.session === undefined ? sessionCluster(recordedCluster()) : (scene.session ?? undefined);
  const nobody = silence();
  let flink: FlinkAnswers = {};
  for (;;) {
    const questions = nextSessionJobQuestions(resource, session, flink);
    if (questions.length === 0) break;
    for (const question of questions) {
      flink = { ...flink, [question]: scene.flink?.[question] ?? nobody[question] };
    }
  }
  const { submission, failure, snapshots, disposed = [], endingJobManagers = [] } = scene;
  const known = { submission, endingJobManagers, failure, snapshots, disposed, exceptionsReportedUntil: 0 };
  return { resource, session, flink, ...known };
}

/** Follows one FlinkSessionJob over several passes, as Trace does a FlinkDeployment. */
export class SessionJobTrace {
  now = NOW;
  resource: FlinkSessionJob;
  /** What the state storage was asked, pass by pass. */
  readonly asked: RetainedQuestion[] = [];
  readonly #fields: Partial<Options>;
  #attempts = 0;

  constructor(resource: FlinkSessionJob, fields: Partial<Options> = {}) {
    this.resource = resource;
    this.#fields = { defaults: {}, ...fields };
  }

  change(change: SessionJobChange): void {
    const draft = structuredClone(this.resource);
    change(draft);
    this.resource = draft;
  }

  /** One pass, `after` milliseconds after the one before. */
  pass(scene: JobScene = {}, after = 1000): Outcome {
    this.now += after;
    const entropy = (++this.#attempts).toString(16).padStart(32, "e");
    const seen = observedJob(this.resource, scene);
    const given = options({ ...this.#fields, entropy });
    let decision = decideSessionJob(seen, this.now, given);
    const { question } = decision;
    if (question !== undefined) {
      this.asked.push(question);
      const answer = scene.retained ?? { kind: "none" };
      decision = decideSessionJob({ ...seen, retained: { question, answer } }, this.now, given);
    }
    const status = JSON.parse(JSON.stringify(decision.status)) as typeof decision.status;
    this.resource = { ...this.resource, status };
    return outcomeOf(decision);
  }
}

export function decideJobOnce(resource: FlinkSessionJob, scene: JobScene = {}): Outcome {
  return new SessionJobTrace(resource).pass(scene, 0);
}
