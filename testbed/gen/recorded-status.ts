/** Statuses as they are recorded in each phase of a FlinkDeployment (reconcile/deployment/decide.ts). */
import { withSpecDefaults } from "../../src/api/defaults.ts";
import type {
  DesiredJobState,
  FlinkDeployment,
  FlinkJobState,
  JobManagerDeploymentStatus,
  JobStatus,
  ReconciliationState,
  ReconciliationStatus,
  UpgradeMode,
} from "../../src/api/flink-deployment.ts";
import { writeRecordedSpec } from "../../src/reconcile/last-reconciled-spec.ts";
import { NOW, type ResourceChange } from "./flink-deployment.ts";

export const JOB_ID = "a0000000000000000000000000000001";
export const TRIGGER_ID = "b0000000000000000000000000000001";
/** An hour before the test's clock starts. */
export const STARTED = NOW - 3_600_000;

interface Recorded {
  readonly jobState: DesiredJobState;
  readonly state: ReconciliationState;
  readonly restore: UpgradeMode;
  readonly stable: boolean;
}

function reconciliation(
  resource: FlinkDeployment,
  { jobState, state, restore, stable }: Recorded,
): ReconciliationStatus {
  const spec = withSpecDefaults(structuredClone(resource.spec));
  const job = spec.job && { ...spec.job, state: jobState, upgradeMode: restore };
  const lastReconciledSpec = writeRecordedSpec({
    spec: { ...spec, ...(job ? { job } : {}) },
    firstDeployment: false,
  });
  return {
    reconciliationTimestamp: STARTED,
    lastReconciledSpec,
    ...(stable ? { lastStableSpec: lastReconciledSpec } : {}),
    state,
  };
}

/** What a test may say about a recorded status. */
export interface StatusDetails {
  /** How the deployment was restored, or is to be restored. */
  readonly restore?: UpgradeMode;
  readonly jobState?: FlinkJobState;
  readonly job?: Partial<JobStatus>;
  readonly jobManager?: JobManagerDeploymentStatus;
  readonly error?: string;
  /** Whether the recorded spec has run; true unless said otherwise. */
  readonly stable?: boolean;
}

function recordAs(
  recorded: Pick<Recorded, "jobState" | "state">,
  defaults: Required<Pick<StatusDetails, "jobState" | "jobManager">> & Pick<StatusDetails, "job">,
): (details?: StatusDetails) => ResourceChange {
  return (details = {}) =>
    (resource) => {
      resource.status = {
        observedGeneration: resource.metadata.generation ?? 1,
        jobManagerDeploymentStatus: details.jobManager ?? defaults.jobManager,
        ...(details.error === undefined ? {} : { error: details.error }),
        jobStatus: {
          jobId: JOB_ID,
          state: details.jobState ?? defaults.jobState,
          updateTime: String(STARTED),
          ...defaults.job,
          ...details.job,
        },
        reconciliationStatus: reconciliation(resource, {
          ...recorded,
          restore: details.restore ?? "stateless",
          stable: details.stable ?? defaults.jobState !== "RECONCILING",
        }),
      };
    };
}

const started = { jobName: "example", startTime: String(STARTED) };

/** An attempt is recorded; its objects may or may not be there. */
export const submitting = recordAs(
  { jobState: "suspended", state: "UPGRADING" },
  { jobState: "RECONCILING", jobManager: "MISSING" },
);
/** Deployed; RUNNING and stable unless said otherwise. */
export const running = recordAs(
  { jobState: "running", state: "DEPLOYED" },
  { jobState: "RUNNING", jobManager: "READY", job: started },
);
/** The cluster's objects were made, and nothing was seen of it since. */
export const deploying = recordAs(
  { jobState: "running", state: "DEPLOYED" },
  { jobState: "RECONCILING", jobManager: "DEPLOYING" },
);
/** A stop is under way, with the savepoint TRIGGER_ID. */
export const stoppingWithSavepoint = recordAs(
  { jobState: "running", state: "UPGRADING" },
  {
    jobState: "RUNNING",
    jobManager: "READY",
    job: {
      ...started,
      savepointInfo: { triggerId: TRIGGER_ID, triggerTimestamp: NOW, formatType: "CANONICAL" },
    },
  },
);
/** A stop is under way: the job is being cancelled. */
export const cancelling = recordAs(
  { jobState: "running", state: "UPGRADING" },
  { jobState: "CANCELLING", jobManager: "READY", job: started },
);
/** Stopped for a change; what is left of its cluster goes, then the next attempt comes. */
export const stopped = recordAs(
  { jobState: "suspended", state: "UPGRADING" },
  { jobState: "FINISHED", jobManager: "READY", job: started },
);
export const suspended = recordAs(
  { jobState: "suspended", state: "DEPLOYED" },
  { jobState: "FINISHED", jobManager: "MISSING", job: started },
);
