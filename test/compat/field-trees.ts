/**
 * The fields of the four kinds as the Apache Flink Kubernetes Operator documents them, and Sluice's additions, written
 * down by hand and without a look at src/api: the other side of the comparison.
 */

export type FieldType =
  | "string"
  | "integer"
  | "long"
  | "number"
  | "boolean"
  | "map"
  | "free"
  | "pod"
  | "resources"
  | "metadata"
  | { readonly enum: string }
  | { readonly list: FieldType }
  | { readonly object: Fields };
export interface Fields {
  readonly [field: string]: FieldType;
}

/** The same fields, one type: `of("string", "a b")`. */
function of(type: FieldType, names: string): Fields {
  return Object.fromEntries(names.split(" ").map((name) => [name, type]));
}

const job: Fields = {
  ...of("string", "jarURI entryClass initialSavepointPath"),
  parallelism: "integer",
  ...of("long", "savepointTriggerNonce checkpointTriggerNonce savepointRedeployNonce autoscalerResetNonce"),
  args: { list: "string" },
  state: { enum: "running suspended" },
  upgradeMode: { enum: "stateless last-state savepoint" },
  allowNonRestoredState: "boolean",
};

const ingress: Fields = {
  ...of("string", "template className"),
  ...of("map", "annotations labels"),
  tls: { list: { object: { hosts: { list: "string" }, secretName: "string" } } },
};

const part: Fields = {
  resource: { object: { cpu: "number", ...of("string", "memory ephemeralStorage") } },
  resources: "resources",
  replicas: "integer",
  podTemplate: "pod",
};

const deploymentSpec: Fields = {
  ...of("string", "image imagePullPolicy serviceAccount"),
  flinkVersion: { enum: "v1_13 v1_14 v1_15 v1_16 v1_17 v1_18 v1_19 v1_20 v2_0 v2_1 v2_2 v2_3 v2_4" },
  ingress: { object: ingress },
  podTemplate: "pod",
  jobManager: { object: part },
  taskManager: { object: part },
  logConfiguration: "map",
  mode: { enum: "native standalone" },
  flinkConfiguration: "free",
  restartNonce: "long",
  job: { object: job },
};

const triggerType: FieldType = { enum: "MANUAL PERIODIC UPGRADE UNKNOWN" };
const savepointFormat: FieldType = { enum: "CANONICAL NATIVE UNKNOWN" };
const checkpointFormat: FieldType = { enum: "FULL INCREMENTAL UNKNOWN" };
const savepoint: FieldType = {
  object: {
    ...of("long", "timeStamp triggerNonce"),
    location: "string",
    triggerType,
    formatType: savepointFormat,
  },
};
const jobStatus: FieldType = {
  object: {
    ...of("string", "jobName jobId startTime updateTime upgradeSavepointPath"),
    state: {
      enum: "INITIALIZING CREATED RUNNING FAILING FAILED CANCELLING CANCELED FINISHED RESTARTING SUSPENDED RECONCILING",
    },
    savepointInfo: {
      object: {
        lastSavepoint: savepoint,
        savepointHistory: { list: savepoint },
        triggerId: "string",
        ...of("long", "triggerTimestamp lastPeriodicSavepointTimestamp"),
        triggerType,
        formatType: savepointFormat,
      },
    },
    checkpointInfo: {
      object: {
        lastCheckpoint: {
          object: { ...of("long", "timeStamp triggerNonce"), triggerType, formatType: checkpointFormat },
        },
        triggerId: "string",
        ...of("long", "triggerTimestamp lastPeriodicCheckpointTimestamp"),
        triggerType,
        formatType: checkpointFormat,
      },
    },
  },
};
/** What Sluice adds to the status of both: told apart, since the Apache operator's CRD drops it. */
const additions: Fields = {
  history: {
    list: {
      object: {
        ...of("long", "revision generation"),
        ...of("string", "startTime outcomeTime stableTime image flinkVersion restoredFrom message spec"),
        outcome: { enum: "Deployed Stable Failed RolledBack Suspended" },
      },
    },
  },
};
const commonStatus: Fields = {
  ...additions,
  jobStatus,
  error: "string",
  observedGeneration: "long",
  lifecycleState: {
    enum: "CREATED SUSPENDED UPGRADING DEPLOYED STABLE ROLLING_BACK ROLLED_BACK FAILED DELETING DELETED",
  },
  reconciliationStatus: {
    object: {
      reconciliationTimestamp: "long",
      ...of("string", "lastReconciledSpec lastStableSpec"),
      state: { enum: "DEPLOYED UPGRADING ROLLING_BACK ROLLED_BACK" },
    },
  },
};

export interface KindTree {
  readonly plural: string;
  readonly spec: Fields;
  readonly status: Fields;
}

export const fieldTrees: Readonly<Record<string, KindTree>> = {
  FlinkDeployment: {
    plural: "flinkdeployments",
    spec: deploymentSpec,
    status: {
      ...commonStatus,
      clusterInfo: "map",
      jobManagerDeploymentStatus: { enum: "READY DEPLOYED_NOT_READY DEPLOYING MISSING ERROR" },
      taskManager: { object: { labelSelector: "string", replicas: "integer" } },
      conditions: {
        list: {
          object: {
            ...of("string", "type status reason message lastTransitionTime"),
            observedGeneration: "long",
          },
        },
      },
    },
  },
  FlinkSessionJob: {
    plural: "flinksessionjobs",
    spec: {
      deploymentName: "string",
      job: { object: job },
      flinkConfiguration: "free",
      restartNonce: "long",
    },
    status: commonStatus,
  },
  FlinkStateSnapshot: {
    plural: "flinkstatesnapshots",
    spec: {
      jobReference: { object: { kind: { enum: "FlinkDeployment FlinkSessionJob" }, name: "string" } },
      savepoint: {
        object: {
          path: "string",
          formatType: savepointFormat,
          ...of("boolean", "disposeOnDelete alreadyExists"),
        },
      },
      checkpoint: { object: {} },
      backoffLimit: "integer",
    },
    status: {
      state: { enum: "TRIGGER_PENDING IN_PROGRESS COMPLETED FAILED ABANDONED" },
      ...of("string", "triggerId triggerTimestamp resultTimestamp path error"),
      failures: "integer",
    },
  },
  FlinkBlueGreenDeployment: {
    plural: "flinkbluegreendeployments",
    spec: {
      configuration: "map",
      ingress: { object: ingress },
      template: { object: { metadata: "metadata", spec: { object: deploymentSpec } } },
    },
    status: {
      jobStatus,
      blueGreenState: {
        enum: "INITIALIZING_BLUE ACTIVE_BLUE ACTIVE_GREEN SAVEPOINTING_BLUE SAVEPOINTING_GREEN TRANSITIONING_TO_BLUE TRANSITIONING_TO_GREEN",
      },
      ...of("string", "lastReconciledSpec lastReconciledTimestamp abortTimestamp deploymentReadyTimestamp"),
      ...of("string", "savepointTriggerId error"),
    },
  },
};
