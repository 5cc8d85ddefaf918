/**
 * How Kubernetes and Flink are expected to answer to what a decision does: every request works, and at once. A plan
 * follows the decisions through this, from what was really observed. Nothing in here decides anything.
 */
import { modeOf, withSpecDefaults } from "../../api/defaults.ts";
import {
  FLINK_DEPLOYMENT_FINALIZER,
  type FlinkJobState,
  GENERATION_ANNOTATION,
} from "../../api/flink-deployment.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { flattenConfiguration, getOption } from "../../flink/configuration.ts";
import { isHaConfigMap, isKubernetesHaActive } from "../../flink/high-availability.ts";
import { CHECKPOINTING_INTERVAL, CHECKPOINTS_DIR } from "../../flink/options.ts";
import type { CheckpointStatistics, FlinkAnswer, JobOverview } from "../../flink/rest-answers.ts";
import { commonLabels } from "../../resources/labels.ts";
import { ownedObjectNames } from "../../resources/names.ts";
import type { ClusterInputs } from "../../resources/native-cluster.ts";
import { scaleAnnotation, taskManagerCount } from "../../resources/task-manager-count.ts";
import {
  type Action,
  type FlinkAnswers,
  isSnapshotAction,
  type Observed,
  type ObservedCluster,
  type SnapshotAction,
} from "../decision.ts";
import type { Question } from "../deployment/questions.ts";
import { asChosen, carryOutInPlace } from "./in-place-objects.ts";

const ok = <T>(value: T): FlinkAnswer<T> => ({ ok: true, value });
const unknown = {
  ok: false,
  failure: { kind: "http", status: 404, message: "not known to the plan" },
} as const;

/** In place of what only the future knows, in paths. */
export const NEW = "(new)";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function configurationOf({ defaults, spec }: ClusterInputs): Record<string, string> {
  return { ...defaults, ...flattenConfiguration(spec.flinkConfiguration) };
}

export class ExpectedWorld {
  now: number;
  resource: Observed["resource"];
  readonly #observed: Observed;
  #cluster: Mutable<ObservedCluster>;
  /** As long as nothing was done to the cluster, what Flink really said counts. */
  #real: FlinkAnswers | undefined;
  #job: JobOverview | undefined;
  #savepoint: string | undefined;
  #checkpoints: FlinkAnswer<CheckpointStatistics>;
  #version: string;
  #snapshots: Observed["snapshots"];

  constructor(observed: Observed, now: number) {
    this.now = now;
    this.resource = observed.resource;
    this.#observed = observed;
    this.#cluster = { ...observed.cluster };
    const { flink, resource } = observed;
    this.#real = flink;
    const jobId = resource.status?.jobStatus?.jobId;
    this.#job = flink.jobs?.ok ? flink.jobs.value.find((one) => one.jobId === jobId) : undefined;
    this.#checkpoints = flink.checkpoints ?? unknown;
    this.#snapshots = observed.snapshots;
    this.#version = flink.config?.ok ? flink.config.value.flinkVersion : "";
  }

  observe(
    next: (
      resource: Observed["resource"],
      cluster: ObservedCluster,
      known: FlinkAnswers,
    ) => readonly Question[],
  ): Observed {
    const { resource } = this;
    const cluster = { ...this.#cluster };
    let flink: FlinkAnswers = {};
    for (;;) {
      const questions = next(resource, cluster, flink);
      if (questions.length === 0) break;
      for (const question of questions) flink = { ...flink, [question]: this.#answer(question) };
    }
    const snapshots = this.#snapshots;
    return {
      ...this.#observed,
      resource,
      cluster,
      flink,
      snapshots,
      failure: undefined,
      exceptionsReportedUntil: this.now,
    };
  }

  #answer(question: Question): FlinkAnswers[Question] {
    const real = this.#real?.[question];
    if (real !== undefined) return real;
    switch (question) {
      case "config":
        return ok({ flinkVersion: this.#version, flinkRevision: "" });
      case "jobs":
        return ok(this.#job === undefined ? [] : [this.#job]);
      case "applications":
        return ok([]);
      case "exceptions":
        return ok({ history: [] });
      case "checkpoints":
        return this.#checkpoints;
      case "metrics":
        return ok({});
      case "savepoint":
        return this.#savepoint === undefined
          ? unknown
          : ok({ state: "COMPLETED", location: this.#savepoint } as const);
      case "checkpoint":
        return ok({ state: "COMPLETED", checkpointId: 1 } as const);
    }
  }

  /** What an action brings about. */
  take(action: Action): void {
    this.#real = undefined;
    if (isSnapshotAction(action)) return this.#takeSnapshot(action);
    switch (action.type) {
      case "add-finalizer":
        this.resource = {
          ...this.resource,
          metadata: { ...this.resource.metadata, finalizers: [FLINK_DEPLOYMENT_FINALIZER] },
        };
        return;
      case "create-cluster":
        return this.#create(action.inputs);
      case "scale-job-manager-to-zero":
        return this.#stopJobManager();
      case "delete-job-manager":
        return this.#deleteCluster();
      case "scale-task-managers":
        return this.#scale(action.replicas, action.annotations);
      case "delete-leftovers": {
        const gone = new Set(action.objects.map(({ uid }) => uid));
        return this.#keep(({ metadata }) => !gone.has(metadata.uid ?? ""));
      }
      case "delete-config-maps": {
        const gone = new Set(action.names);
        this.#cluster.configMaps = this.#cluster.configMaps.filter(
          ({ metadata }) => !gone.has(metadata.name),
        );
        return;
      }
      case "create-ingress":
      case "delete-ingress":
      case "patch-object":
        return carryOutInPlace(this.#cluster, action, () => `ingress-${this.now}`);
      case "remove-job-graphs":
        return this.#removeKeys(action.configMap, new Set(action.keys));
      case "cancel-job":
        return this.#endJob("CANCELED");
      case "stop-with-savepoint":
        this.#savepoint = `${action.targetDirectory}/savepoint-${NEW}`;
        return this.#endJob("FINISHED");
      // Nothing that the next decision sees.
      case "remove-finalizer":
      case "submit-job":
    }
  }

  #takeSnapshot(action: SnapshotAction): void {
    if (action.type === "create-snapshot") this.#snapshots = [...(this.#snapshots ?? []), action.snapshot];
    if (action.type === "delete-snapshot")
      this.#snapshots = this.#snapshots?.filter(({ metadata }) => metadata.uid !== action.uid);
    if (action.type === "trigger-savepoint")
      this.#savepoint = `${action.targetDirectory ?? ""}/savepoint-${NEW}`;
  }

  #endJob(state: FlinkJobState): void {
    const endTime = this.now - 60_000;
    if (this.#job !== undefined) this.#job = { ...this.#job, state, endTime, lastModification: endTime };
    // Flink removes the HA metadata of a job that ended for good.
    this.#cluster.configMaps = this.#cluster.configMaps.filter((map) => !isHaConfigMap(map));
  }

  #stopJobManager(): void {
    const { deployment } = this.#cluster;
    if (deployment !== undefined)
      this.#cluster.deployment = { ...deployment, spec: { replicas: 0 }, status: {} };
    this.#cluster.pods = this.#cluster.pods.filter(
      ({ metadata }) => metadata.labels?.["component"] !== "jobmanager",
    );
    this.#job = undefined;
  }

  #deleteCluster(): void {
    const uid = this.#cluster.deployment?.metadata.uid;
    this.#cluster.deployment = undefined;
    this.#cluster.pods = [];
    this.#job = undefined;
    this.#keep(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid) !== true);
  }

  #keep(stays: (object: KubeObject) => boolean): void {
    const { services, configMaps, taskManagers } = this.#cluster;
    this.#cluster.services = services.filter(stays);
    this.#cluster.configMaps = configMaps.filter(stays);
    if (taskManagers !== undefined && !stays(taskManagers)) this.#cluster.taskManagers = undefined;
  }

  #removeKeys(name: string, keys: ReadonlySet<string>): void {
    this.#cluster.configMaps = this.#cluster.configMaps.map((map) => {
      if (map.metadata.name !== name) return map;
      const data = Object.entries((map["data"] ?? {}) as Record<string, string>);
      return { ...map, data: Object.fromEntries(data.filter(([key]) => !keys.has(key))) };
    });
  }

  #scale(replicas: number, annotations: Readonly<Record<string, string>>): void {
    const { taskManagers } = this.#cluster;
    if (taskManagers === undefined) return;
    const metadata = {
      ...taskManagers.metadata,
      annotations: { ...taskManagers.metadata.annotations, ...annotations },
    };
    this.#cluster.taskManagers = { ...taskManagers, metadata, spec: { replicas } };
  }

  #create(inputs: ClusterInputs): void {
    const { name, namespace, uid } = inputs.owner;
    const { apiVersion, kind } = this.resource;
    const spec = withSpecDefaults(inputs.spec);
    const config = configurationOf(inputs);
    const owner = this.#cluster.deployment?.metadata.uid ?? `deployment-${this.now}`;
    const creationTimestamp = new Date(this.now).toISOString();
    this.#cluster.deployment = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: {
        name,
        namespace,
        uid: owner,
        creationTimestamp,
        annotations: { [GENERATION_ANNOTATION]: String(inputs.generation) },
        ownerReferences: [{ apiVersion, kind, name, uid }],
      },
      spec: { replicas: 1 },
      status: { availableReplicas: 1 },
    };
    const ownerReferences = [{ apiVersion: "apps/v1", kind: "Deployment", name, uid: owner }];
    for (const owned of ownedObjectNames(name, spec, inputs.defaults)) {
      const metadata = { name: owned.name, namespace, uid: `${owned.name}-${this.now}`, ownerReferences };
      const object = asChosen({ apiVersion: "v1", kind: owned.kind, metadata }, inputs);
      if (owned.kind === "Service") this.#cluster.services = [...this.#cluster.services, object];
      else if (owned.kind === "ConfigMap") this.#cluster.configMaps = [...this.#cluster.configMaps, object];
      else {
        const replicas = taskManagerCount(spec, config);
        const annotated = { ...metadata, annotations: scaleAnnotation(spec) };
        this.#cluster.taskManagers = {
          ...object,
          apiVersion: "apps/v1",
          metadata: annotated,
          spec: { replicas },
        };
      }
    }
    this.#start(inputs, config);
  }

  /** The job runs, and has completed a checkpoint where it makes any. */
  #start(inputs: ClusterInputs, config: Record<string, string>): void {
    const { name, namespace } = inputs.owner;
    this.#version = inputs.spec.flinkVersion?.slice(1).replace("_", ".") ?? this.#version;
    this.#cluster.pods = ["jobmanager", "taskmanager"].map((component) => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: `${name}-${component}`, namespace, labels: { app: name, component } },
      status: { phase: "Running" },
    }));
    const { jobId } = inputs;
    if (jobId === undefined) return;
    this.#job = { jobId, name, state: "RUNNING", startTime: this.now, lastModification: this.now };
    this.#checkpoints = unknown;
    if (getOption(config, CHECKPOINTING_INTERVAL) === undefined) return;
    const externalPath = `${getOption(config, CHECKPOINTS_DIR) ?? ""}/${jobId}/chk-${NEW}`;
    const counts = { completed: 1, failed: 0, inProgress: 0, restored: 0, total: 1 };
    this.#checkpoints = ok({
      latest: { completed: { id: 1, externalPath, completionTime: this.now } },
      counts,
      history: [],
    });
    if (!isKubernetesHaActive(config)) return;
    const others = this.#cluster.configMaps.filter((map) => !isHaConfigMap(map));
    const labels = { ...commonLabels(name, modeOf(inputs.spec)), "configmap-type": "high-availability" };
    const metadata = { name: `${name}-${jobId}-config-map`, namespace, labels };
    const map = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { "checkpointID-1": externalPath } };
    this.#cluster.configMaps = [...others, map];
  }
}
