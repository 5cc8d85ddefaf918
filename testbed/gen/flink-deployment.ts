/** Builds FlinkDeployments for tests: a valid, small one, changed by what a test is about. */
import {
  API_VERSION,
  type DesiredJobState,
  FLINK_DEPLOYMENT_FINALIZER,
  type FlinkDeployment,
  type FlinkDeploymentSpec,
  type FlinkVersion,
  type UpgradeMode,
} from "../../src/api/flink-deployment.ts";

/** Changes a draft in place; later changes see what earlier ones did. */
export type Change<T> = (draft: T) => void;
export type ResourceChange = Change<FlinkDeployment>;

/** The moment at which a test's clock starts, epoch milliseconds. */
export const NOW = Date.parse("2026-03-01T12:00:00Z");
export const OWNER_UID = "owner-uid";

const STATE = {
  "state.checkpoints.dir": "s3://state/checkpoints",
  "state.savepoints.dir": "s3://state/savepoints",
  "execution.checkpointing.interval": "10 s",
  "jobmanager.memory.process.size": "1g",
  "taskmanager.memory.process.size": "1g",
};
const HA = { "high-availability.type": "kubernetes", "high-availability.storageDir": "s3://state/ha" };

/** An application with Kubernetes HA that Sluice has taken on (finalizer) and done nothing for yet (no status). */
export function flinkDeployment(...changes: ResourceChange[]): FlinkDeployment {
  const draft: FlinkDeployment = {
    apiVersion: API_VERSION,
    kind: "FlinkDeployment",
    metadata: {
      name: "job",
      namespace: "default",
      uid: OWNER_UID,
      generation: 1,
      finalizers: [FLINK_DEPLOYMENT_FINALIZER],
    },
    spec: {
      image: "flink:2.3",
      flinkVersion: "v2_3",
      serviceAccount: "flink",
      flinkConfiguration: { ...STATE, ...HA },
      jobManager: { resource: { memory: "1g", cpu: 1 } },
      taskManager: { resource: { memory: "1g", cpu: 1 } },
      job: { jarURI: "local:///opt/flink/usrlib/job.jar", parallelism: 2, upgradeMode: "savepoint" },
    },
  };
  for (const change of changes) change(draft);
  return draft;
}

/** The spec of `flinkDeployment`, for tests of what only reads specs. */
export function flinkSpec(...changes: ResourceChange[]): FlinkDeploymentSpec {
  return flinkDeployment(...changes).spec;
}

/** Some fields of the spec; `undefined` and `null` are written as such. */
export function withSpec(fields: object): ResourceChange {
  return ({ spec }) => void Object.assign(spec, fields);
}

/** Some fields of `spec.job`. */
export function withJob(fields: object): ResourceChange {
  return ({ spec }) => void (spec.job = { ...spec.job, ...fields });
}

/** Entries of `spec.flinkConfiguration`; a null value takes the entry away. */
export function withConfiguration(entries: Readonly<Record<string, unknown>>): ResourceChange {
  return ({ spec }) => {
    const merged = { ...(spec.flinkConfiguration as Record<string, unknown>), ...entries };
    spec.flinkConfiguration = Object.fromEntries(
      Object.entries(merged).filter(([, value]) => value !== null),
    );
  };
}

export const withoutHa = (): ResourceChange =>
  withConfiguration({ "high-availability.type": null, "high-availability.storageDir": null });
export const standalone = (): ResourceChange => withSpec({ mode: "standalone" });
export const reactive = (): ResourceChange => withConfiguration({ "scheduler-mode": "reactive" });
export const withUpgradeMode = (upgradeMode: UpgradeMode): ResourceChange => withJob({ upgradeMode });
export const withJobState = (state: DesiredJobState): ResourceChange => withJob({ state });
export const withParallelism = (parallelism: number): ResourceChange => withJob({ parallelism });
export const withImage = (image: string): ResourceChange => withSpec({ image });
export const withFlinkVersion = (flinkVersion: FlinkVersion): ResourceChange => withSpec({ flinkVersion });

/** An edit by the user: the changes, and the next generation. */
export function edited(...changes: ResourceChange[]): ResourceChange {
  return (draft) => {
    for (const change of changes) change(draft);
    draft.metadata.generation = (draft.metadata.generation ?? 0) + 1;
  };
}

export function withoutFinalizer(): ResourceChange {
  return ({ metadata }) => void (metadata.finalizers = []);
}

/** `kubectl delete`: the API server sets the time and counts it as a change of the spec. */
export function deleted(): ResourceChange {
  return edited(({ metadata }) => void (metadata.deletionTimestamp = new Date(NOW).toISOString()));
}
