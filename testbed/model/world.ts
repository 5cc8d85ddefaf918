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
} from "../../src/api/flink-deployment.ts";
import type { FlinkStateSnapshot } from "../../src/api/flink-state-snapshot.ts";
import type { KubeObject } from "../../src/api/kube-object.ts";
import { isKubernetesHaActive } from "../../src/flink/high-availability.ts";
import type { FlinkAnswer } from "../../src/flink/rest-answers.ts";
import type { Action, FlinkAnswers, RetainedAnswer, RetainedQuestion } from "../../src/reconcile/decision.ts";
import type { Question } from "../../src/reconcile/deployment/questions.ts";
import { LAST_STATE_MARKER } from "../../src/reconcile/upgrade-mode.ts";
import { modeOf } from "../../src/api/defaults.ts";
import type { ClusterInputs } from "../../src/resources/native-cluster.ts";
import { FlinkSnapshots } from "./flink-snapshots.ts";
import {
  type Cluster,
  configurationOf,
  idOf,
  isOf,
  isOfAnotherAttempt,
  type Job,
  markOf,
  marksOf,
  namesOf,
  newestOf,
  podOf,
  statisticsOf,
  workersOf,
} from "./job.ts";
import { asChosen, carryOutInPlace } from "../../src/reconcile/plan/in-place-objects.ts";

const ok = <T>(value: T): FlinkAnswer<T> => ({ ok: true, value });
const notFound = { ok: false, failure: { kind: "http", status: 404, message: "not found" } } as const;
const unreachable = { ok: false, failure: { kind: "unreachable", message: "connection refused" } } as const;

/** A job of this image fails as soon as it is restored. */
export const BROKEN_IMAGE = "broken";

export class World {
  now = 1_000_000;
  resource: FlinkDeployment;
  deployment: KubeObject | undefined;
  /** Of a standalone cluster. */
  taskManagers: KubeObject | undefined;
  pods: KubeObject[] = [];
  services: KubeObject[] = [];
  ingress: KubeObject | undefined;
  configMaps: KubeObject[] = [];
  /** Undefined: FlinkStateSnapshot is not installed. */
  snapshots: FlinkStateSnapshot[] | undefined;
  readonly asked = new FlinkSnapshots();
  restDown = false;
  /** Being deleted, with everything in it. */
  namespaceGoes = false;
  /** The next savepoint fails, with these words. */
  savepointFails: boolean | string = false;
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

  /** What the cluster that is there was made from. */
  get deployed(): ClusterInputs["spec"] | undefined {
    return this.cluster?.inputs.spec;
  }

  /** Whether the cluster that is there keeps HA metadata. */
  get hasHa(): boolean {
    return this.cluster?.ha === true;
  }

  private newId(): string {
    return idOf(++this.counter);
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
        return this.create(action.inputs, action.existing !== undefined);
      case "scale-job-manager-to-zero":
        if (this.deployment?.metadata.uid === action.uid) this.deployment["spec"] = { replicas: 0 };
        return;
      case "delete-job-manager":
        if (this.deployment?.metadata.uid === action.uid) this.markDeleted();
        return;
      case "scale-task-managers":
        if (this.taskManagers?.metadata.uid !== action.uid) return;
        this.taskManagers["spec"] = { replicas: action.replicas };
        this.taskManagers.metadata.annotations = { ...action.annotations };
        return;
      case "delete-leftovers":
        return this.deleteLeftovers(action.objects.map(({ uid }) => uid));
      case "delete-config-maps":
        this.configMaps = this.configMaps.filter(({ metadata }) => !action.names.includes(metadata.name));
        return;
      case "remove-job-graphs": {
        const map = this.configMaps.find(({ metadata }) => metadata.name === action.configMap);
        const data = (map?.["data"] ?? {}) as Record<string, string>;
        for (const key of action.keys) delete data[key];
        return;
      }
      case "create-ingress":
      case "delete-ingress":
      case "patch-object":
        return carryOutInPlace(this, action, () => this.newId());
      case "submit-job":
        throw new Error("a FlinkDeployment submits no jobs");
      case "cancel-job":
        if (
          this.job?.id === action.jobId &&
          (this.job.state === "RUNNING" || this.job.state === "RESTARTING")
        )
          this.job.state = "CANCELLING";
        return;
      case "stop-with-savepoint":
        if (this.job?.id !== action.jobId || this.job.state !== "RUNNING" || this.restDown) return;
        if (this.triggers.has(action.triggerId) || this.job.savepoint) return;
        this.job.savepoint = {
          triggerId: action.triggerId,
          path: `${action.targetDirectory}/savepoint-${action.jobId.slice(0, 6)}-${++this.counter}`,
        };
        this.asked.abort();
        return;
      case "create-snapshot":
        return this.createSnapshot(action.snapshot);
      case "delete-snapshot":
        this.snapshots = this.snapshots?.filter(({ metadata }) => metadata.uid !== action.uid);
        return;
      case "trigger-savepoint":
      case "trigger-checkpoint":
        if (this.job?.id !== action.jobId || this.job.state !== "RUNNING" || this.restDown) return;
        if (action.type === "trigger-checkpoint")
          return this.asked.trigger("checkpoint", action.jobId, action.triggerId);
        return this.asked.trigger("savepoint", action.jobId, action.triggerId, action.targetDirectory);
      case "dispose-savepoint":
        if (!this.restDown) this.asked.dispose(action.path);
    }
  }

  private createSnapshot(wanted: FlinkStateSnapshot): void {
    const { metadata } = wanted;
    if (this.snapshots?.some((one) => one.metadata.name === metadata.name) !== false) return;
    const creationTimestamp = new Date(this.now).toISOString();
    this.snapshots.push({ ...wanted, metadata: { ...metadata, uid: this.newId(), creationTimestamp } });
  }

  private create(inputs: ClusterInputs, isKnown: boolean): void {
    const { name, namespace } = inputs.owner;
    const owner = markOf(inputs);
    if (!isKnown && isOfAnotherAttempt(this.deployment, inputs)) return;
    if (this.deployment === undefined) {
      if (this.pods.length > 0 || this.taskManagers !== undefined)
        this.violations.push("a cluster was created while pods of another were there");
      const ha = isKubernetesHaActive(configurationOf(inputs));
      this.deployment = {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: {
          name,
          namespace,
          uid: this.newId(),
          creationTimestamp: new Date(this.now).toISOString(),
          annotations: { ...marksOf(inputs), ...owner.annotations },
          ownerReferences: owner.references,
        },
        spec: { replicas: 1 },
        status: {},
      };
      const standalone = modeOf(inputs.spec) === "standalone";
      this.cluster = { inputs, ha, standalone, job: undefined };
    }
    const uid = this.deployment.metadata.uid ?? "";
    const ownerReferences = [{ apiVersion: "apps/v1", kind: "Deployment", name, uid }];
    for (const { kind, name: owned } of namesOf(inputs)) {
      if (kind === "Deployment") {
        const named = { name: owned, namespace, uid: this.newId(), ownerReferences };
        this.taskManagers ??= workersOf(inputs, named);
        continue;
      }
      const list = kind === "Service" ? this.services : this.configMaps;
      if (list.some(({ metadata }) => metadata.name === owned)) continue;
      const metadata = { name: owned, namespace, uid: this.newId(), ownerReferences };
      // By the job's id a ConfigMap tells whose configuration it is.
      list.push(asChosen({ apiVersion: "v1", kind, metadata, data: { jobId: inputs.jobId } }, inputs));
    }
  }

  private deleteLeftovers(uids: readonly string[]): void {
    const stays = ({ metadata }: KubeObject): boolean => !uids.includes(metadata.uid ?? "");
    this.services = this.services.filter(stays);
    this.configMaps = this.configMaps.filter(stays);
    if (this.taskManagers === undefined || stays(this.taskManagers)) return;
    this.taskManagers.metadata.deletionTimestamp ??= new Date(this.now).toISOString();
    if (this.pods.some(isOf("jobmanager")))
      this.violations.push("the TaskManagers were taken away from a JobManager");
  }

  private markDeleted(): void {
    const { deployment } = this;
    if (deployment) deployment.metadata.deletionTimestamp ??= new Date(this.now).toISOString();
  }

  // ---- what Flink answers ----

  get isUp(): boolean {
    return (
      !this.restDown && this.pods.some(({ metadata }) => metadata.labels?.["component"] === "jobmanager")
    );
  }

  answer(question: Question): FlinkAnswers {
    if (!this.isUp) return { [question]: unreachable };
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
      case "checkpoints":
        return { checkpoints: job === undefined ? notFound : statisticsOf(job) };
      case "metrics":
        return {
          metrics: job
            ? ok({ numRestarts: job.restarts, numberOfCompletedCheckpoints: job.durable.length })
            : notFound,
        };
      case "savepoint": {
        const id = this.resource.status?.jobStatus?.savepointInfo?.triggerId ?? "";
        const done = this.triggers.get(id);
        if (done)
          return {
            savepoint: ok({ state: "COMPLETED", location: done.path, failure: done.failure } as never),
          };
        if (job?.savepoint?.triggerId === id) return { savepoint: ok({ state: "IN_PROGRESS" } as never) };
        return { savepoint: this.asked.status("savepoint", job?.id ?? "", id) };
      }
      case "checkpoint": {
        const id = this.resource.status?.jobStatus?.checkpointInfo?.triggerId ?? "";
        return { checkpoint: this.asked.status("checkpoint", job?.id ?? "", id) };
      }
    }
  }

  // ---- what the state storage answers ----

  /** Flink keeps one checkpoint of each job, the newest, and its savepoints. */
  retained(question: RetainedQuestion): RetainedAnswer {
    return newestOf([...this.storage.keys()], question, this.now);
  }

  private discard(jobId: string): void {
    for (const path of this.storage.keys()) {
      if (path.startsWith(`s3://checkpoints/${jobId}/`)) this.storage.delete(path);
    }
  }

  // ---- what happens by itself ----

  /** One step of Kubernetes' controllers and of Flink. */
  tick(): void {
    this.now += 1000;
    const { deployment } = this;
    this.keepWorkers();
    if (deployment === undefined) return this.endOnePod();
    if (deployment.metadata.deletionTimestamp !== undefined) return this.collect(deployment);
    const replicas = (deployment["spec"] as { replicas: number }).replicas;
    const jobManager = this.pods.find(isOf("jobmanager"));
    if (replicas === 0) {
      if (jobManager) this.pods = this.pods.filter((pod) => pod !== jobManager);
      deployment["status"] = {};
      if (this.cluster) this.cluster.job = undefined;
      this.asked.forget();
      return;
    }
    if (jobManager === undefined) return this.addPod("jobmanager");
    deployment["status"] = { availableReplicas: 1 };
    this.flink();
  }

  /** What a Deployment does for its pods. */
  private keepWorkers(): void {
    const { taskManagers } = this;
    if (taskManagers === undefined) return;
    const going = taskManagers.metadata.deletionTimestamp !== undefined;
    const wanted = going ? 0 : (taskManagers["spec"] as { replicas: number }).replicas;
    const workers = this.pods.filter(isOf("taskmanager"));
    if (workers.length < wanted) this.addPod("taskmanager");
    else if (workers.length > wanted) this.pods = this.pods.filter((pod) => pod !== workers[0]);
    else if (going) this.taskManagers = undefined;
  }

  /** One of those that no Deployment keeps. */
  private endOnePod(): void {
    const kept = this.taskManagers === undefined ? (): boolean => false : isOf("taskmanager");
    const ending = this.pods.find((pod) => !kept(pod));
    this.pods = this.pods.filter((pod) => pod !== ending);
  }

  private addPod(component: string): void {
    this.pods.push(podOf(this.resource.metadata, component, ++this.counter));
  }

  private collect(deployment: KubeObject): void {
    if (this.cluster) this.cluster.job = undefined;
    this.asked.forget();
    const stays = ({ metadata }: KubeObject): boolean =>
      metadata.ownerReferences?.some(({ uid }) => uid === deployment.metadata.uid) !== true;
    if (this.taskManagers && !stays(this.taskManagers)) this.taskManagers = undefined;
    const before = this.pods.length;
    this.endOnePod();
    if (this.pods.length < before) return;
    this.services = this.services.filter(stays);
    this.configMaps = this.configMaps.filter(stays);
    this.deployment = undefined;
    this.cluster = undefined;
  }

  private flink(): void {
    const { cluster } = this;
    const jobId = cluster?.inputs.jobId;
    const complete =
      cluster &&
      namesOf(cluster.inputs).every(
        ({ kind, name }) =>
          kind === "Deployment" ||
          [...this.services, ...this.configMaps].some(({ metadata }) => metadata.name === name),
      );
    if (cluster === undefined || jobId === undefined || !complete) return;
    if (cluster.job === undefined) return this.startJob(cluster, jobId);
    const { job } = cluster;
    if (job.state === "CANCELLING") return this.endJob(job, "CANCELED");
    if (cluster.standalone) this.followWorkers(job);
    if (job.state !== "RUNNING") return;
    if (!cluster.standalone && this.pods.length === 1) this.addPod("taskmanager");
    this.asked.complete();
    if (job.savepoint) return this.finishSavepoint(job);
    job.progress++;
    if (job.progress % 2 === 0) this.checkpoint(cluster, job);
  }

  /** A job without TaskManagers waits for some, then goes on from its newest durable state. */
  private followWorkers(job: Job): void {
    const hasWorkers = this.pods.some(isOf("taskmanager"));
    if (job.state === "RUNNING" && !hasWorkers) {
      job.state = "RESTARTING";
      if (job.savepoint) this.triggers.set(job.savepoint.triggerId, { failure: "the job restarted" });
      job.savepoint = undefined;
    } else if (job.state === "RESTARTING" && hasWorkers) {
      const newest = job.durable.at(-1) ?? job.restored;
      job.progress = newest === undefined ? 0 : (this.storage.get(newest.path) ?? -1);
      job.state = "RUNNING";
    }
  }

  private haMap(jobId: string): KubeObject | undefined {
    return this.configMaps.find(
      ({ metadata }) => metadata.name === `${this.resource.metadata.name}-${jobId}-config-map`,
    );
  }

  private startJob(cluster: Cluster, jobId: string): void {
    const { name } = this.resource.metadata;
    const { restore } = cluster.inputs;
    const configuration = this.configMaps.find(({ metadata }) => metadata.name === `flink-config-${name}`);
    if ((configuration?.["data"] as { jobId?: string } | undefined)?.jobId !== jobId)
      this.violations.push("a cluster started with the configuration of another");
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
    if (cluster.inputs.spec.image === BROKEN_IMAGE) this.endJob(cluster.job, "FAILED");
  }

  private newJob(id: string, state: FlinkJobState, progress: number, path: string | undefined): Job {
    return {
      id,
      state,
      progress,
      durable: [],
      restored: path === undefined ? undefined : { id: ++this.counter, path },
      savepoint: undefined,
      restarts: 0,
    };
  }

  private remember(cluster: Cluster, job: Job, path: string): void {
    const map = cluster.ha ? this.haMap(job.id) : undefined;
    if (map) map["data"] = { ["checkpointID-" + String(++this.counter).padStart(6, "0")]: path };
  }

  private checkpoint(cluster: Cluster, job: Job): void {
    const id = ++this.counter;
    const path = `s3://checkpoints/${job.id}/chk-${id}`;
    this.discard(job.id);
    this.storage.set(path, job.progress);
    job.durable.push({ id, path });
    this.remember(cluster, job, path);
  }

  private finishSavepoint(job: Job): void {
    const savepoint = job.savepoint!;
    job.savepoint = undefined;
    if (this.savepointFails !== false) {
      const failure = this.savepointFails === true ? "disk full" : this.savepointFails;
      this.savepointFails = false;
      this.triggers.set(savepoint.triggerId, { failure });
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
    if (state === "FINISHED") this.discard(job.id);
    this.asked.abort();
    this.configMaps = this.configMaps.filter((map) => map !== this.haMap(job.id));
  }

  // ---- faults ----

  /** More restarts than any health check allows. */
  churn(): void {
    if (this.job !== undefined) this.job.restarts += 1000;
  }

  killJobManager(): void {
    const { cluster } = this;
    if (cluster === undefined || this.job?.state === "FINISHED" || this.job?.state === "CANCELED") return;
    this.pods = this.pods.filter((pod) => !isOf("jobmanager")(pod));
    if (this.deployment) this.deployment["status"] = {};
    cluster.job = undefined;
    this.triggers.clear();
    this.asked.forget();
    // Without HA a new JobManager starts as the last one was told to: no fault of Sluice's.
    if (!cluster.ha) this.forgiven = Number.POSITIVE_INFINITY;
  }

  killTaskManagers(): void {
    this.pods = this.pods.filter((pod) => !isOf("taskmanager")(pod));
  }

  deleteTaskManagersByHand(): void {
    if (this.taskManagers === undefined) return;
    this.taskManagers = undefined;
    this.killTaskManagers();
  }

  /** As if the Apache operator had made the standalone cluster: its objects are the resource's own. */
  handOver(): void {
    const { apiVersion, kind, metadata } = this.resource;
    const owner = { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? "" };
    const made = [
      ...this.services,
      ...this.configMaps.filter(({ metadata: { ownerReferences } }) => ownerReferences),
    ];
    for (const object of [...made, this.taskManagers ?? []].flat()) object.metadata.ownerReferences = [owner];
    delete this.taskManagers?.metadata.annotations;
  }

  /**
   * Somebody deletes the HA ConfigMaps, and the JobManager Deployment with them: a JobManager that runs would fail, start
   * its job once more as it was told to, and go back by itself.
   */
  loseHaMetadata(): void {
    if (this.job?.state === "FINISHED" || this.job?.state === "CANCELED") return;
    if (this.deployment !== undefined) this.deleteDeploymentByHand(true);
    this.configMaps = this.configMaps.filter(
      ({ metadata }) => metadata.labels?.["configmap-type"] !== "high-availability",
    );
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
