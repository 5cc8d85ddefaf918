/**
 * A cluster's Flink configuration, assembled from operator defaults, the user's `flinkConfiguration` and what the rest
 * of the job file means, in the Apache operator's order (2.14, 2.12): later writers win, except for `setDefault`.
 */
import { type DefaultedJobSpec, type DefaultedSpec, modeOf, withSpecDefaults } from "../api/defaults.ts";
import {
  API_VERSION,
  type FlinkVersion,
  ATTEMPT_ANNOTATION,
  GENERATION_ANNOTATION,
  OWNER_ANNOTATION,
} from "../api/flink-deployment.ts";
import {
  type FlinkConfiguration,
  flattenConfiguration,
  getOption,
  hasOption,
  type Option,
  structuredForm,
  withoutMap,
  withoutOption,
} from "../flink/configuration.ts";
import { isAtLeast } from "../flink/flink-version.ts";
import { isHaActive } from "../flink/high-availability.ts";
import { FETCHED_JAR, jarFetch } from "../flink/jar-fetch.ts";
import {
  CLUSTER_ID,
  EXECUTION_TARGET,
  HA_CLUSTER_ID,
  IMAGE,
  IMAGE_PULL_POLICY,
  JM_ANNOTATIONS,
  JM_OWNER_REFERENCE,
  JM_REPLICAS,
  NAMESPACE,
  REST_SERVICE_TYPE,
  SERVICE_ACCOUNT,
  STANDALONE_CLUSTER_MODE,
  TM_REPLICAS,
} from "../flink/kubernetes-options.ts";
import {
  CHECKPOINT_STATISTICS_CACHE,
  CHECKPOINTING_INTERVAL,
  EXTERNALIZED_RETENTION,
  HA_STORAGE_DIR,
  IGNORE_UNCLAIMED_STATE,
  JOB_ID,
  SAVEPOINT_PATH,
} from "../flink/options.ts";
import { prometheusReporter } from "../flink/prometheus.ts";
import { withoutSecretValues } from "../flink/secret-values.ts";
import { formatList, formatMap, formatMapList, type StructuredForm } from "../flink/structured-text.ts";
import { LAST_STATE_MARKER } from "../reconcile/upgrade-mode.ts";
import type { ClusterInputs } from "./cluster-inputs.ts";
import { distributionDefaults } from "./distribution-defaults.ts";
import { InvalidClusterError } from "./invalid-cluster.ts";
import { JOB_MANAGER, resourceOptions, TASK_MANAGER } from "./process-resources.ts";
import { readMap } from "./read-option.ts";
import { classpathEntry, CLASSPATHS } from "./standalone-job.ts";
import { jobParallelism, taskManagerCount } from "./task-manager-count.ts";

/** Under these spellings Flink 1.x and 2.x both read them, and people look for them in the JobManager's log. */
const OLD_SAVEPOINT_PATH = "execution.savepoint.path";
const OLD_IGNORE_UNCLAIMED_STATE = "execution.savepoint.ignore-unclaimed-state";

const WEB_CANCEL: Option = { key: "web.cancel.enable" };
const SUBMIT_FAILED_JOB: Option = { key: "execution.submit-failed-job-on-application-error" };
const PIPELINE_NAME: Option = { key: "pipeline.name" };

/** Read by the operator, meaningless to Flink. The template files would be on the operator's disk. */
const NOT_FOR_FLINK = [
  "kubernetes.operator.",
  "job.autoscaler.",
  "sluice.",
  "kubernetes.pod-template-file",
] as const;

type Draft = Record<string, string>;

function setDefault(config: Draft, option: Option, value: string): void {
  if (!hasOption(config, option)) config[option.key] = value;
}

/** Sets the option under `key` and under no other of its names. */
function setOnly(config: Draft, option: Option, value: string, key = option.key): Draft {
  return { ...withoutOption(config, option), [key]: value };
}

/** The version that the job file names. @throws InvalidClusterError when it names none. */
export function requireVersion(spec: Pick<DefaultedSpec, "flinkVersion">): FlinkVersion {
  if (spec.flinkVersion === undefined) {
    throw new InvalidClusterError("spec.flinkVersion", "spec.flinkVersion is not set");
  }
  return spec.flinkVersion;
}

function applyPods(config: Draft, spec: DefaultedSpec, version: FlinkVersion): Draft {
  let result = config;
  if (spec.image !== undefined && spec.image.trim() !== "") {
    const key = isAtLeast(version, 1, 17) ? IMAGE.key : "kubernetes.container.image";
    result = setOnly(result, IMAGE, spec.image, key);
  }
  if (spec.imagePullPolicy !== undefined && spec.imagePullPolicy.trim() !== "") {
    result[IMAGE_PULL_POLICY.key] = spec.imagePullPolicy;
  }
  if (spec.serviceAccount !== undefined) result[SERVICE_ACCOUNT.key] = spec.serviceAccount;
  const replicas = spec.jobManager?.replicas ?? 0;
  const workers = spec.taskManager?.replicas ?? 0;
  return {
    ...result,
    ...resourceOptions(spec.jobManager, JOB_MANAGER, version),
    ...(replicas > 0 ? { [JM_REPLICAS.key]: String(replicas) } : {}),
    ...resourceOptions(spec.taskManager, TASK_MANAGER, version),
    ...(workers > 0 ? { [TM_REPLICAS.key]: String(workers) } : {}),
  };
}

/** What a job means wherever it runs. */
function applyJobDefaults(config: Draft, name: string, job: DefaultedJobSpec): void {
  setDefault(config, PIPELINE_NAME, name);
  if (job.upgradeMode === "last-state") setDefault(config, CHECKPOINTING_INTERVAL, "5 min");
  setDefault(config, EXTERNALIZED_RETENTION, "RETAIN_ON_CANCELLATION");
}

/**
 * The configuration that goes with a job into a session cluster: its own, and what being a job means where neither it
 * nor the cluster says otherwise. `cluster`: what the cluster was deployed with.
 */
export function sessionJobConfiguration(
  name: string,
  job: DefaultedJobSpec,
  own: FlinkConfiguration,
  cluster: FlinkConfiguration,
): Record<string, string> {
  const known: Draft = { ...cluster, ...own };
  applyJobDefaults(known, name, job);
  const added = Object.entries(known).filter(([key]) => key in own || !(key in cluster));
  const config = withoutOption(withoutOperatorOptions(Object.fromEntries(added)), SAVEPOINT_PATH);
  // Where the state comes from, and the job's id, are not the configuration's to say.
  return Object.fromEntries(Object.entries(config).filter(([key]) => !key.startsWith("$internal.")));
}

function applyJob(config: Draft, name: string, job: DefaultedJobSpec, form: StructuredForm): Draft {
  applyJobDefaults(config, name, job);
  if (job.entryClass !== undefined) config["$internal.application.main"] = job.entryClass;
  if (job.args.length > 0) config["$internal.application.program-args"] = formatList(job.args, form);
  if (job.allowNonRestoredState === undefined) return config;
  const allowed = String(job.allowNonRestoredState);
  return setOnly(config, IGNORE_UNCLAIMED_STATE, allowed, OLD_IGNORE_UNCLAIMED_STATE);
}

/** What runs, and where it finds its jar. */
function applyMode(config: Draft, spec: DefaultedSpec, form: StructuredForm): void {
  const { job } = spec;
  if (modeOf(spec) === "standalone") {
    config[EXECUTION_TARGET.key] = "remote";
    config[STANDALONE_CLUSTER_MODE.key] = job === undefined ? "SESSION" : "APPLICATION";
    config[TM_REPLICAS.key] = String(taskManagerCount(spec, config));
    const entry = classpathEntry(job?.jarURI ?? "");
    if (entry !== undefined) config[CLASSPATHS.key] = formatList([entry], form);
    return;
  }
  config[EXECUTION_TARGET.key] = job === undefined ? "kubernetes-session" : "kubernetes-application";
  if (job?.jarURI !== undefined) config["pipeline.jars"] = formatList([job.jarURI], form);
}

function applyApplication(config: Draft, name: string, spec: DefaultedSpec, form: StructuredForm): Draft {
  applyMode(config, spec, form);
  const { job } = spec;
  if (job === undefined) return config;
  config["parallelism.default"] = String(jobParallelism(spec, job, config));
  // The JobManager has to outlive its job, or nobody could tell how the job ended.
  config["execution.shutdown-on-application-finish"] = "false";
  setDefault(config, SUBMIT_FAILED_JOB, "true");
  // A cached answer may name a checkpoint that is not the job's last: read when a job has ended, it would lose state.
  setDefault(config, CHECKPOINT_STATISTICS_CACHE, "0 ms");
  return applyJob(config, name, job, form);
}

function applyRestore(config: Draft, restore: ClusterInputs["restore"]): Draft {
  const clean = withoutOption(config, SAVEPOINT_PATH);
  if (restore.kind === "savepoint") return { ...clean, [OLD_SAVEPOINT_PATH]: restore.path };
  // A path that leads nowhere: should the HA metadata vanish, Flink fails instead of starting empty.
  if (restore.kind === "last-state" && restore.marker)
    return { ...clean, [OLD_SAVEPOINT_PATH]: LAST_STATE_MARKER };
  return clean;
}

/** What only a deployment adds: ownership, where the state comes from, the job's id. */
function applyDeployment(
  config: Draft,
  inputs: ClusterInputs,
  version: FlinkVersion,
  isApplication: boolean,
): Draft {
  const { owner, restore, jobId, attemptId } = inputs;
  if (!isApplication) return config;
  const result = applyRestore(config, restore);
  const storage = getOption(result, HA_STORAGE_DIR);
  if (storage !== undefined) {
    // One per attempt: a result kept from an earlier one would make Flink believe that the job is done. Flink 2.3 keeps
    // results of applications as well, under an id that it derives from the cluster's name: the same in every attempt.
    for (const store of isAtLeast(version, 2, 3) ? ["job", "application"] : ["job"]) {
      setDefault(result, { key: `${store}-result-store.delete-on-commit` }, "false");
      result[`${store}-result-store.storage-path`] =
        `${storage}/${store}-result-store/${owner.name}/${attemptId}`;
    }
  }
  if (jobId !== undefined) setDefault(result, JOB_ID, jobId);
  return result;
}

function ownerReference({ owner }: ClusterInputs): Record<string, string> {
  return {
    apiVersion: API_VERSION,
    kind: "FlinkDeployment",
    name: owner.name,
    uid: owner.uid,
    blockOwnerDeletion: "true",
    controller: "false",
  };
}

/** With the path of the jar in the pods, where it is fetched into them. `config`: with the operator's own options. */
export function withFetchedJar(spec: DefaultedSpec, config: FlinkConfiguration): DefaultedSpec {
  const { job } = spec;
  if (job === undefined || jarFetch(job.jarURI, config) === undefined) return spec;
  return { ...spec, job: { ...job, jarURI: `local://${FETCHED_JAR}` } };
}

/** With the options of the operator itself, which decide how the rest is rendered. */
export function assembledConfiguration(inputs: ClusterInputs): Record<string, string> {
  const own = flattenConfiguration(inputs.spec.flinkConfiguration);
  let config: Draft = withoutSecretValues({ ...inputs.defaults, ...own });
  const spec = withFetchedJar(withSpecDefaults(inputs.spec), config);
  const version = requireVersion(spec);
  const { name, namespace, uid, isRecord = false } = inputs.owner;
  for (const { option, value } of distributionDefaults(version)) setDefault(config, option, value);
  setDefault(config, REST_SERVICE_TYPE, "ClusterIP");
  // Cancelling a job in the web interface would end it behind the operator's back.
  setDefault(config, WEB_CANCEL, "false");
  config = { ...config, ...prometheusReporter(config) };
  config["$internal.flink.version"] = version;
  const form = structuredForm(config);
  config = applyPods(config, spec, version);
  config = applyApplication(config, name, spec, form);
  config[NAMESPACE.key] = namespace;
  config[CLUSTER_ID.key] = name;
  if (isHaActive(config)) config = setOnly(config, HA_CLUSTER_ID, name);
  const annotations = {
    ...readMap(config, JM_ANNOTATIONS),
    [GENERATION_ANNOTATION]: String(inputs.generation),
    [ATTEMPT_ANNOTATION]: inputs.attemptId,
    ...(isRecord ? { [OWNER_ANNOTATION]: uid } : {}),
  };
  config = { ...withoutMap(config, JM_ANNOTATIONS), [JM_ANNOTATIONS.key]: formatMap(annotations, form) };
  if (uid !== "" && !isRecord) config[JM_OWNER_REFERENCE.key] = formatMapList([ownerReference(inputs)], form);
  return applyDeployment(config, inputs, version, spec.job !== undefined);
}

/** What of it Flink is given. */
export function withoutOperatorOptions(config: FlinkConfiguration): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config).filter(([key]) => !NOT_FOR_FLINK.some((prefix) => key.startsWith(prefix))),
  );
}

/**
 * The configuration to start the cluster with: what Flink's own client would be given.
 * @throws InvalidClusterError when the job file has no version, or annotations that are no map.
 */
export function deployConfiguration(inputs: ClusterInputs): Record<string, string> {
  return withoutOperatorOptions(assembledConfiguration(inputs));
}
