/**
 * A small model of Kubernetes and Flink around one FlinkDeployment, for properties of the decisions: what has an
 * effect outside has one here, and nothing else does. It knows what an honest observer would call lost state (a job
 * that starts from less than the newest durable state) and two writers (a cluster created while pods of another
 * run), and keeps a list of such violations.
 */
import {
  FLINK_DEPLOYMENT_FINALIZER,
  type FlinkDeployment,
  type FlinkJobState,
  GENERATION_ANNOTATION,
} from "../../src/api/flink-deployment.ts";
import type { KubeObject } from "../../src/api/kube-object.ts";
import { isKubernetesHaActive } from "../../src/flink/high-availability.ts";
import { flattenConfiguration } from "../../src/flink/configuration.ts";
import type { FlinkAnswer } from "../../src/flink/rest-answers.ts";
import type { Action, FlinkAnswers } from "../../src/reconcile/decision.ts";
import type { Question } from "../../src/reconcile/deployment/questions.ts";
import { LAST_STATE_MARKER } from "../../src/reconcile/upgrade-mode.ts";
import { withSpecDefaults } from "../../src/api/defaults.ts";
import { type OwnedObjectName, ownedObjectNames } from "../../src/resources/names.ts";
import type { ClusterInputs } from "../../src/resources/native-cluster.ts";

interface Job {
  id: string;
  state: FlinkJobState;
  progress: number;
  /** Paths of what could restore it, newest last. */
  durable: { id: number; path: string }[];
  restored: { id: number; path: string } | undefined;
  savepoint: { triggerId: string; path: string } | undefined;
}

interface Cluster {
  inputs: ClusterInputs;
  ha: boolean;
  job: Job | undefined;
}

function namesOf(inputs: ClusterInputs): readonly OwnedObjectName[] {
  return ownedObjectNames(inputs.owner.name, withSpecDefaults(inputs.spec), inputs.defaults);
}

const ok = <T>(value: T): FlinkAnswer<T> => ({ ok: true, value });
const notFound = { ok: false, failure: { kind: "http", status: 404, message: "not found" } } as const;
const unreachable = { ok: false, failure: { kind: "unreachable", message: "connection refused" } } as const;

export class World {
  now = 1_000_000;
  resource: FlinkDeployment;
  deployment: KubeObject | undefined;
  pods: KubeObject[] = [];
  services: KubeObject[] = [];
  configMaps: KubeObject[] = [];
  restDown = false;
  /** The next savepoint fails. */
  savepointFails = false;
  readonly violations: string[] = [];
  /** Where each job of this resource started from. */
  readonly starts: { progress: number; from: string }[] = [];
  /** Durable state by path: how far the job had come. */
  readonly storage = new Map<string, number>();
  /** The user asked for an empty or older start at this durable progress; starting below it is no loss. */
  forgiven = 0;
  private cluster: Cluster | undefined;
  private readonly triggers = new Map<string, { path?: string; failure?: string }>();
  private counter = 0;

  constructor(resource: FlinkDeployment) {
    this.resource = {
      ...resource,
      metadata: {
        ...resource.metadata,
        uid: "owner",
        generation: 1,
        finalizers: [FLINK_DEPLOYMENT_FINALIZER],
      },
    };
  }

  get job(): Job | undefined {
    return this.cluster?.job;
  }

  /** What the cluster was made with; undefined when there is none. */
  get deployed(): { readonly inputs: ClusterInputs; readonly ha: boolean } | undefined {
    return this.cluster;
  }

  private newId(): string {
    return (++this.counter).toString(16).padStart(32, "0");
  }

  entropy(): string {
    return this.newId();
  }

  changeSpec(change: (spec: FlinkDeployment["spec"]) => FlinkDeployment["spec"]): void {
    const { metadata } = this.resource;
    this.resource = {
      ...this.resource,
      spec: change(structuredClone(this.resource.spec)),
      metadata: { ...metadata, generation: (metadata.generation ?? 1) + 1 },
    };
  }

  // ---- what Sluice does ----

  execute(action: Action): void {
    switch (action.type) {
      case "add-finalizer":
      case "remove-finalizer":
        this.resource.metadata.finalizers =
          action.type === "add-finalizer" ? [FLINK_DEPLOYMENT_FINALIZER] : [];
        return;
      case "create-cluster":
        return this.create(action.inputs);
      case "scale-job-manager-to-zero":
        if (this.deployment?.metadata.uid === action.uid) this.deployment["spec"] = { replicas: 0 };
        return;
      case "delete-job-manager":
        if (this.deployment?.metadata.uid === action.uid) this.markDeleted();
        return;
      case "delete-config-maps":
        this.configMaps = this.configMaps.filter(({ metadata }) => !action.names.includes(metadata.name));
        return;
      case "remove-job-graphs": {
        const map = this.configMaps.find(({ metadata }) => metadata.name === action.configMap);
        const data = (map?.["data"] ?? {}) as Record<string, string>;
        for (const key of action.keys) delete data[key];
        return;
      }
      case "submit-job":
        throw new Error("a FlinkDeployment submits no jobs");
      case "cancel-job":
        if (this.job?.id === action.jobId && this.job.state === "RUNNING") this.job.state = "CANCELLING";
        return;
      case "stop-with-savepoint":
        if (this.job?.id !== action.jobId || this.job.state !== "RUNNING" || this.restDown) return;
        if (this.triggers.has(action.triggerId) || this.job.savepoint) return;
        this.job.savepoint = {
          triggerId: action.triggerId,
          path: `${action.targetDirectory}/savepoint-${++this.counter}`,
        };
    }
  }

  private create(inputs: ClusterInputs): void {
    const { name, namespace, uid } = inputs.owner;
    if (this.deployment === undefined) {
      if (this.pods.length > 0)
        this.violations.push("a cluster was created while pods of another were there");
      const ha = isKubernetesHaActive({
        ...inputs.defaults,
        ...flattenConfiguration(inputs.spec.flinkConfiguration),
      });
      this.deployment = {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: {
          name,
          namespace,
          uid: this.newId(),
          creationTimestamp: new Date(this.now).toISOString(),
          annotations: { [GENERATION_ANNOTATION]: String(inputs.generation) },
          ownerReferences: [{ apiVersion: "v1", kind: "FlinkDeployment", name, uid }],
        },
        spec: { replicas: 1 },
        status: {},
      };
      this.cluster = { inputs, ha, job: undefined };
    }
    const owner = this.deployment.metadata.uid ?? "";
    for (const { kind, name: owned } of namesOf(inputs)) {
      const list = kind === "Service" ? this.services : this.configMaps;
      if (list.some(({ metadata }) => metadata.name === owned)) continue;
      const ownerReferences = [{ apiVersion: "apps/v1", kind: "Deployment", name, uid: owner }];
      list.push({ apiVersion: "v1", kind, metadata: { name: owned, namespace, ownerReferences } });
    }
  }

  private markDeleted(): void {
    const { deployment } = this;
    if (deployment) deployment.metadata.deletionTimestamp ??= new Date(this.now).toISOString();
  }

  // ---- what Flink answers ----

  answer(question: Question): FlinkAnswers {
    const up = this.pods.some(({ metadata }) => metadata.labels?.["component"] === "jobmanager");
    if (this.restDown || !up) return { [question]: unreachable };
    const { job } = this;
    switch (question) {
      case "config":
        return { config: ok({ flinkVersion: "2.3.0", flinkRevision: "model" }) };
      case "jobs":
        return {
          jobs: ok(
            job
              ? [
                  {
                    jobId: job.id,
                    name: "model",
                    state: job.state,
                    startTime: 1,
                    lastModification: 1,
                  } as never,
                ]
              : [],
          ),
        };
      case "applications":
        return { applications: ok([]) };
      case "exceptions":
        return { exceptions: ok({ history: [] } as never) };
      case "checkpoints": {
        if (job === undefined) return { checkpoints: notFound };
        const last = job.durable.at(-1);
        const completed = last && { id: last.id, externalPath: last.path };
        const restored = job.restored && { id: job.restored.id, externalPath: job.restored.path };
        return { checkpoints: ok({ latest: { completed, restored } } as never) };
      }
      case "savepoint": {
        const id = this.resource.status?.jobStatus?.savepointInfo?.triggerId ?? "";
        const done = this.triggers.get(id);
        if (done)
          return {
            savepoint: ok({ state: "COMPLETED", location: done.path, failure: done.failure } as never),
          };
        if (job?.savepoint?.triggerId === id) return { savepoint: ok({ state: "IN_PROGRESS" } as never) };
        return { savepoint: notFound };
      }
    }
  }

  // ---- what happens by itself ----

  /** One step of Kubernetes' controllers and of Flink. */
  tick(): void {
    this.now += 1000;
    const { deployment } = this;
    if (deployment === undefined) {
      this.pods = this.pods.slice(1);
      return;
    }
    if (deployment.metadata.deletionTimestamp !== undefined) return this.collect(deployment);
    const replicas = (deployment["spec"] as { replicas: number }).replicas;
    const jobManager = this.pods.find(({ metadata }) => metadata.labels?.["component"] === "jobmanager");
    if (replicas === 0) {
      if (jobManager) this.pods = this.pods.filter((pod) => pod !== jobManager);
      deployment["status"] = {};
      if (this.cluster) this.cluster.job = undefined;
      return;
    }
    if (jobManager === undefined) return this.addPod("jobmanager");
    deployment["status"] = { availableReplicas: 1 };
    this.flink();
  }

  private addPod(component: string): void {
    const { name, namespace } = this.resource.metadata;
    this.pods.push({
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: `${name}-${component}-${++this.counter}`,
        ...(namespace === undefined ? {} : { namespace }),
        labels: { app: name, component },
      },
      status: { phase: "Running" },
    });
  }

  private collect(deployment: KubeObject): void {
    if (this.cluster) this.cluster.job = undefined;
    if (this.pods.length > 0) {
      this.pods = this.pods.slice(1);
      return;
    }
    const owned = ({ metadata }: KubeObject): boolean =>
      metadata.ownerReferences?.some(({ uid }) => uid === deployment.metadata.uid) !== true;
    this.services = this.services.filter(owned);
    this.configMaps = this.configMaps.filter(owned);
    this.deployment = undefined;
    this.cluster = undefined;
  }

  private flink(): void {
    const { cluster } = this;
    const jobId = cluster?.inputs.jobId;
    const complete =
      cluster &&
      namesOf(cluster.inputs).every(({ name }) =>
        [...this.services, ...this.configMaps].some(({ metadata }) => metadata.name === name),
      );
    if (cluster === undefined || jobId === undefined || !complete) return;
    if (cluster.job === undefined) return this.startJob(cluster, jobId);
    const { job } = cluster;
    if (job.state === "CANCELLING") return this.endJob(job, "CANCELED");
    if (job.state !== "RUNNING") return;
    if (this.pods.length === 1) this.addPod("taskmanager");
    if (job.savepoint) return this.finishSavepoint(job);
    job.progress++;
    if (job.progress % 2 === 0) this.checkpoint(cluster, job);
  }

  private haMap(jobId: string): KubeObject | undefined {
    return this.configMaps.find(
      ({ metadata }) => metadata.name === `${this.resource.metadata.name}-${jobId}-config-map`,
    );
  }

  private startJob(cluster: Cluster, jobId: string): void {
    const { name } = this.resource.metadata;
    const { restore } = cluster.inputs;
    let map = this.haMap(jobId);
    if (
      this.configMaps.some(
        ({ metadata }) =>
          metadata.labels?.["configmap-type"] !== undefined && metadata.name !== map?.metadata.name,
      )
    ) {
      this.violations.push("HA metadata of another job was left: Flink would bring that job back as well");
    }
    if (cluster.ha && map === undefined) {
      const labels = { app: name, type: "flink-native-kubernetes", "configmap-type": "high-availability" };
      map = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: `${name}-${jobId}-config-map`, labels },
        data: {},
      };
      this.configMaps.push(map);
    }
    const recorded = Object.entries((map?.["data"] ?? {}) as Record<string, string>).filter(([key]) =>
      key.startsWith("checkpointID-"),
    );
    const fromHa = recorded.at(-1)?.[1];
    const path = fromHa ?? (restore.kind === "savepoint" ? restore.path : undefined);
    if (fromHa === undefined && restore.kind === "last-state" && restore.marker) {
      cluster.job = this.newJob(jobId, "FAILED", 0, undefined);
      this.violations.push(`${LAST_STATE_MARKER} without HA metadata`);
      return;
    }
    const progress = path === undefined ? 0 : (this.storage.get(path) ?? -1);
    this.starts.push({ progress, from: path ?? "empty" });
    const newest = Math.max(0, ...this.storage.values());
    if (progress < newest && progress < newest - this.forgiven) {
      this.violations.push(`the job started at ${progress} (${path ?? "empty"}), but ${newest} was durable`);
    }
    cluster.job = this.newJob(jobId, "RUNNING", progress, path);
    if (path !== undefined && fromHa === undefined) this.remember(cluster, cluster.job, path);
  }

  private newJob(id: string, state: FlinkJobState, progress: number, path: string | undefined): Job {
    return {
      id,
      state,
      progress,
      durable: [],
      restored: path === undefined ? undefined : { id: ++this.counter, path },
      savepoint: undefined,
    };
  }

  private remember(cluster: Cluster, job: Job, path: string): void {
    const map = cluster.ha ? this.haMap(job.id) : undefined;
    if (map) map["data"] = { ["checkpointID-" + String(++this.counter).padStart(6, "0")]: path };
  }

  private checkpoint(cluster: Cluster, job: Job): void {
    const id = ++this.counter;
    const path = `s3://checkpoints/${job.id}/chk-${id}`;
    this.storage.set(path, job.progress);
    job.durable.push({ id, path });
    this.remember(cluster, job, path);
  }

  private finishSavepoint(job: Job): void {
    const savepoint = job.savepoint!;
    job.savepoint = undefined;
    if (this.savepointFails) {
      this.savepointFails = false;
      this.triggers.set(savepoint.triggerId, { failure: "disk full" });
      return;
    }
    this.storage.set(savepoint.path, job.progress);
    job.durable.push({ id: ++this.counter, path: savepoint.path });
    this.triggers.set(savepoint.triggerId, { path: savepoint.path });
    this.endJob(job, "FINISHED");
  }

  /** Flink removes the HA metadata of a job that ended for good. */
  private endJob(job: Job, state: FlinkJobState): void {
    job.state = state;
    this.configMaps = this.configMaps.filter((map) => map !== this.haMap(job.id));
  }

  // ---- faults ----

  killJobManager(): void {
    const { cluster } = this;
    if (cluster === undefined || this.job?.state === "FINISHED" || this.job?.state === "CANCELED") return;
    this.pods = this.pods.filter(({ metadata }) => metadata.labels?.["component"] !== "jobmanager");
    if (this.deployment) this.deployment["status"] = {};
    cluster.job = undefined;
    this.triggers.clear();
    // Without HA a new JobManager starts as the last one was told to: no fault of Sluice's.
    if (!cluster.ha) this.forgiven = Number.POSITIVE_INFINITY;
  }

  /** `kubectl delete`, with the propagation policies Foreground and Background. */
  deleteDeploymentByHand(background: boolean): void {
    if (this.job?.state === "FINISHED" || this.job?.state === "CANCELED") return;
    this.markDeleted();
    if (!background || this.deployment === undefined) return;
    const kept = this.pods;
    this.pods = [];
    this.collect(this.deployment);
    this.pods = kept;
  }
}
