/**
 * How Kubernetes and Flink are expected to answer to what decisions do: every request works, and at once. A plan follows
 * the decisions through this, from what was really observed: over a cluster, and over the session jobs in it. Nothing in
 * here decides anything.
 */
import { modeOf, withSpecDefaults } from "../../api/defaults.ts";
import {
  API_VERSION,
  FLINK_DEPLOYMENT_FINALIZER,
  type FlinkDeployment,
  type FlinkDeploymentSpec,
  GENERATION_ANNOTATION,
} from "../../api/flink-deployment.ts";
import {
  FLINK_SESSION_JOB_FINALIZER,
  type FlinkSessionJob,
  type FlinkSessionJobStatus,
} from "../../api/flink-session-job.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { type FlinkConfiguration, flattenConfiguration } from "../../flink/configuration.ts";
import { isHaActive, isHaConfigMap, isKubernetesHaActive } from "../../flink/high-availability.ts";
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
  type ObservedSessionJob,
} from "../decision.ts";
import { nextQuestions, type Question } from "../deployment/questions.ts";
import { deployedSpec } from "../last-reconciled-spec.ts";
import { nextSessionJobQuestions } from "../session-job/questions.ts";
import { ExpectedJob } from "./expected-job.ts";
import { asChosen, carryOutInPlace } from "./in-place-objects.ts";

/** What is observed of one resource. */
export type Subject = Observed | ObservedSessionJob;

export function isCluster(subject: Subject): subject is Observed {
  return "cluster" in subject;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Member<Of extends Subject = Subject> {
  readonly observed: Of;
  resource: Of["resource"];
  readonly job: ExpectedJob;
}

/** Nothing of it is there. */
export const NO_CLUSTER: ObservedCluster = {
  deployment: undefined,
  taskManagers: undefined,
  pods: [],
  services: [],
  configMaps: [],
};

/** What tells whether the next JobManager goes on with the jobs of this one. */
interface Brings {
  readonly ha: boolean;
  readonly flinkVersion: string | undefined;
}

function bringsOf(spec: FlinkDeploymentSpec, defaults: FlinkConfiguration): Brings {
  const config = { ...defaults, ...flattenConfiguration(spec.flinkConfiguration) };
  return { ha: isHaActive(config), flinkVersion: spec.flinkVersion };
}

export class ExpectedWorld {
  /** Epoch milliseconds. */
  now: number;
  readonly #defaults: FlinkConfiguration;
  readonly #members: readonly Member[];
  readonly #owner: Member<Observed> | undefined;
  #cluster: Mutable<ObservedCluster>;
  #runs: Brings | undefined;
  #version: string;

  /** `subjects`: a cluster, if there is one, and session jobs in it. `defaults`: the operator's for that cluster. */
  constructor(subjects: readonly Subject[], now: number, defaults: FlinkConfiguration) {
    this.now = now;
    this.#defaults = defaults;
    this.#members = subjects.map((observed) => ({
      observed,
      resource: observed.resource,
      job: new ExpectedJob(observed.resource, observed),
    }));
    this.#owner = this.#members.find((one): one is Member<Observed> => isCluster(one.observed));
    const { cluster = NO_CLUSTER, flink, resource } = this.#owner?.observed ?? {};
    this.#cluster = { ...cluster };
    this.#version = flink?.config?.ok === true ? flink.config.value.flinkVersion : "";
    const deployed = deployedSpec(resource?.status?.reconciliationStatus ?? {})?.spec;
    this.#runs = deployed && bringsOf(deployed, defaults);
  }

  /** What a pass over the `nth` of them would see. */
  look(nth: number): Subject {
    const { observed, resource, job } = this.#member(nth);
    const session = this.#owner?.resource;
    const cluster = { ...this.#cluster };
    const common = { snapshots: job.snapshots, failure: undefined, exceptionsReportedUntil: this.now };
    if (!isCluster(observed)) {
      const own = resource as FlinkSessionJob;
      const flink = this.#ask(job, (known) => nextSessionJobQuestions(own, session, known, this.#defaults));
      const none = { submission: undefined, endingJobManagers: [] };
      return { ...observed, ...common, ...none, resource: own, session, flink };
    }
    const own = resource as FlinkDeployment;
    const flink = this.#ask(job, (known) => nextQuestions(own, cluster, known, this.#defaults));
    const others = this.#members.filter((one) => one !== this.#owner);
    const sessionJobs = others.map((one) => one.resource as FlinkSessionJob);
    return { ...observed, ...common, resource: own, cluster, sessionJobs, flink };
  }

  /** What is there in the end: with the newest checkpoint, for which no pass may have asked. */
  end(nth: number): Subject {
    const seen = this.look(nth);
    return { ...seen, flink: { ...seen.flink, checkpoints: this.#member(nth).job.checkpoints } };
  }

  /** The next status of the `nth` is written. */
  report(nth: number, status: FlinkSessionJobStatus): void {
    const member = this.#member(nth);
    member.resource = { ...member.resource, status };
  }

  /** Whether Flink went on by itself with the job of the `nth`. */
  wasBroughtBack(nth: number): boolean {
    return this.#member(nth).job.broughtBack;
  }

  #member(nth: number): Member {
    const member = this.#members[nth];
    if (member === undefined) throw new RangeError(`there are ${this.#members.length} resources`);
    return member;
  }

  #ask(job: ExpectedJob, next: (known: FlinkAnswers) => readonly Question[]): FlinkAnswers {
    const jobs = this.#members.flatMap((one) => one.job.overview ?? []);
    let known: FlinkAnswers = {};
    for (;;) {
      const questions = next(known);
      if (questions.length === 0) return known;
      for (const question of questions)
        known = { ...known, [question]: job.answer(question, { version: this.#version, jobs }) };
    }
  }

  /** What an action over the `nth` of them brings about. */
  take(nth: number, action: Action): void {
    const member = this.#member(nth);
    const { job } = member;
    job.touch();
    if (isSnapshotAction(action)) return job.takeSnapshot(action);
    switch (action.type) {
      case "add-finalizer": {
        const { metadata, kind } = member.resource;
        const finalizer =
          kind === "FlinkSessionJob" ? FLINK_SESSION_JOB_FINALIZER : FLINK_DEPLOYMENT_FINALIZER;
        member.resource = { ...member.resource, metadata: { ...metadata, finalizers: [finalizer] } };
        return;
      }
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
        return this.#endJob(member, "CANCELED");
      case "stop-with-savepoint":
        job.saveIn(action.targetDirectory);
        return this.#endJob(member, "FINISHED");
      case "submit-job": {
        const { request, configuration } = action;
        job.start(request.jobId, member.resource.metadata.name, configuration, this.now);
        return;
      }
      // Nothing that the next decision sees.
      case "remove-finalizer":
    }
  }

  #endJob(member: Member, state: "CANCELED" | "FINISHED"): void {
    member.job.end(state, this.now - 60_000);
    if (member !== this.#owner) return;
    // Flink removes the HA metadata of a job that ended for good.
    this.#cluster.configMaps = this.#cluster.configMaps.filter((map) => !isHaConfigMap(map));
  }

  #loseJobs(): void {
    for (const { job } of this.#members) job.lose();
  }

  #stopJobManager(): void {
    const { deployment } = this.#cluster;
    if (deployment !== undefined)
      this.#cluster.deployment = { ...deployment, spec: { replicas: 0 }, status: {} };
    this.#cluster.pods = this.#cluster.pods.filter(
      ({ metadata }) => metadata.labels?.["component"] !== "jobmanager",
    );
    this.#loseJobs();
  }

  #deleteCluster(): void {
    const uid = this.#cluster.deployment?.metadata.uid;
    this.#cluster.deployment = undefined;
    this.#cluster.pods = [];
    this.#loseJobs();
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
    const spec = withSpecDefaults(inputs.spec);
    const config = { ...inputs.defaults, ...flattenConfiguration(spec.flinkConfiguration) };
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
        ownerReferences: [{ apiVersion: API_VERSION, kind: "FlinkDeployment", name, uid }],
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

  #start(inputs: ClusterInputs, config: FlinkConfiguration): void {
    const { name, namespace } = inputs.owner;
    this.#version = inputs.spec.flinkVersion?.slice(1).replace("_", ".") ?? this.#version;
    this.#cluster.pods = ["jobmanager", "taskmanager"].map((component) => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: `${name}-${component}`, namespace, labels: { app: name, component } },
      status: { phase: "Running" },
    }));
    const { jobId } = inputs;
    if (jobId === undefined) return this.#startSession(inputs);
    const path = this.#owner?.job.start(jobId, name, config, this.now);
    if (path === undefined || !isKubernetesHaActive(config)) return;
    const others = this.#cluster.configMaps.filter((map) => !isHaConfigMap(map));
    const labels = { ...commonLabels(name, modeOf(inputs.spec)), "configmap-type": "high-availability" };
    const metadata = { name: `${name}-${jobId}-config-map`, namespace, labels };
    const map = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { "checkpointID-1": path } };
    this.#cluster.configMaps = [...others, map];
  }

  /** Another JobManager, which goes on with the jobs of the one before if it finds them in the HA metadata. */
  #startSession({ spec, defaults }: ClusterInputs): void {
    const [before, now] = [this.#runs, bringsOf(spec, defaults)];
    this.#runs = now;
    const finds = before?.ha === true && now.ha && before.flinkVersion === now.flinkVersion;
    this.#loseJobs();
    for (const { job } of finds ? this.#members : []) job.comeBack();
  }
}
