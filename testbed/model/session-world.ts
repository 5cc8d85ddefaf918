/**
 * The model of world.ts with a session cluster, its jobs, and the FlinkSessionJobs that stand for them. Passes over
 * different resources may overlap: each looks first and acts later, as in one process with several workers. What an
 * honest observer would object to is kept as violations: two jobs writing for one resource, a job that starts from less
 * than its newest durable state, a job id that runs twice, a cluster taken down under jobs that would have been stopped.
 */
import { FlinkSnapshots } from "./flink-snapshots.ts";
import type { FlinkDeployment, FlinkJobState } from "../../src/api/flink-deployment.ts";
import type { FlinkSessionJob, FlinkSessionJobStatus } from "../../src/api/flink-session-job.ts";
import type { KubeObject } from "../../src/api/kube-object.ts";
import type { JarRunRequest } from "../../src/flink/jar-run.ts";
import type { FlinkAnswer } from "../../src/flink/rest-answers.ts";
import type {
  Action,
  Decision,
  FlinkAnswers,
  Observed,
  ObservedSessionJob,
  Options,
  RetainedAnswer,
  RetainedQuestion,
  Submission,
  SubmitJob,
} from "../../src/reconcile/decision.ts";
import { decide } from "../../src/reconcile/deployment/decide.ts";
import { nextQuestions, type Question } from "../../src/reconcile/deployment/questions.ts";
import { sameJson } from "../../src/reconcile/last-reconciled-spec.ts";
import { decideSessionJob } from "../../src/reconcile/session-job/decide.ts";
import { nextSessionJobQuestions } from "../../src/reconcile/session-job/questions.ts";
import { isTerminal } from "../../src/reconcile/upgrade-mode.ts";
import { idOf, isOf, newestOf, type SessionJob as Job, statisticsOf } from "./job.ts";
import { World } from "./world.ts";

interface Look {
  readonly version: number;
  readonly decision: Decision<FlinkSessionJobStatus>;
}

interface UnderWay {
  readonly action: SubmitJob;
  /** A run request of this process got no answer. */
  unanswered: boolean;
  submission: Submission;
}

const CLUSTER = "cluster";

/** A JobManager of this image never starts. */
export const MISSING_IMAGE = "missing";

const ok = <T>(value: T): FlinkAnswer<T> => ({ ok: true, value });
const notFound = { ok: false, failure: { kind: "http", status: 404, message: "not found" } } as const;
const unreachable = { ok: false, failure: { kind: "unreachable", message: "connection refused" } } as const;

export class SessionWorld {
  readonly world: World;
  readonly resources = new Map<string, FlinkSessionJob>();
  readonly violations: string[] = [];
  /** How often Flink took each job id. */
  readonly taken = new Map<string, number>();
  readonly starts: { readonly owner: string; readonly progress: number; readonly from: string }[] = [];
  restDown = false;
  savepointFails = false;
  jarBroken = false;
  /** The answer to the next run request is lost. */
  losesAnswer = false;
  private readonly storage = new Map<string, { readonly owner: string; readonly progress: number }>();
  private readonly versions = new Map<string, number>();
  private readonly looks = new Map<string, Look>();
  private readonly submissions = new Map<string, UnderWay>();
  /** Of this JobManager: its jobs, also ended ones; requests that it works on; ended operations. */
  private jobManager: string | undefined;
  private jobs = new Map<string, Job>();
  private requests: { readonly key: string; readonly request: JarRunRequest }[] = [];
  private triggers = new Map<string, { readonly path?: string; readonly failure?: string }>();
  /** Ids of jobs that ended, where HA remembers them. */
  private readonly results = new Set<string>();
  private killed = false;
  private counter = 0;

  constructor(cluster: FlinkDeployment, jobs: readonly FlinkSessionJob[]) {
    this.world = new World(cluster);
    for (const job of jobs) this.resources.set(job.metadata.name, job);
  }

  /** As it is now; neither changes with the other. */
  copy(): SessionWorld {
    const fieldsOf = (from: object): object => Object.fromEntries(Object.entries(from));
    const world = Object.assign(
      Object.create(World.prototype) as World,
      structuredClone(fieldsOf(this.world)),
    );
    const asked = Object.assign(new FlinkSnapshots(), world.asked);
    Object.assign(world, { asked });
    const own = structuredClone(
      Object.fromEntries(Object.entries(this).filter(([name]) => name !== "world")),
    );
    return Object.assign(Object.create(SessionWorld.prototype) as SessionWorld, own, { world });
  }

  get names(): readonly string[] {
    return [CLUSTER, ...this.resources.keys()];
  }

  activeJobs(owner: string): readonly Job[] {
    return [...this.jobs.values()].filter((job) => job.owner === owner && !isTerminal(job.state));
  }

  // ---- passes ----

  private options(): Options {
    // The second half of a session job's id is the resource's.
    const entropy =
      idOf(++this.counter).slice(0, 6) + this.counter.toString(16).padStart(10, "0").padEnd(26, "0");
    return { defaults: {}, progressInterval: 1000, reconcileInterval: 15_000, entropy };
  }

  private ask(next: (known: FlinkAnswers) => readonly Question[], resource: FlinkSessionJob | undefined) {
    let known: FlinkAnswers = {};
    for (;;) {
      const questions = next(known);
      if (questions.length === 0) return known;
      for (const question of questions) known = { ...known, ...this.answer(question, resource) };
    }
  }

  /** What a pass would see; undefined when there is nothing to see. */
  observe(name: string): Observed | ObservedSessionJob | undefined {
    const common = { failure: undefined, exceptionsReportedUntil: 0 };
    const session = this.isGone(this.world.resource) ? undefined : structuredClone(this.world.resource);
    if (name === CLUSTER) {
      if (session === undefined) return undefined;
      const cluster = structuredClone(this.objects());
      const sessionJobs = structuredClone([...this.resources.values()].filter((job) => !this.isGone(job)));
      const flink = this.ask((known) => nextQuestions(session, cluster, known), undefined);
      return { ...common, resource: session, cluster, flink, sessionJobs };
    }
    const found = this.resources.get(name);
    if (found === undefined || this.isGone(found)) return undefined;
    const resource = structuredClone(found);
    const submission = structuredClone(this.submissions.get(name)?.submission);
    const flink = this.ask((known) => nextSessionJobQuestions(resource, session, known), resource);
    return { ...common, resource, session, flink, submission };
  }

  /** What the state storage answers. */
  retained(question: RetainedQuestion): RetainedAnswer {
    return newestOf([...this.storage.keys()], question, this.world.now);
  }

  /** Reads everything and decides; `act` carries it out. */
  look(name: string): void {
    if (this.looks.has(name)) return;
    const version = this.versions.get(name) ?? 0;
    const observed = this.observe(name);
    if (observed === undefined) return;
    const options = this.options();
    const { now } = this.world;
    const decideOn = (seen: Observed | ObservedSessionJob): Decision<FlinkSessionJobStatus> =>
      "cluster" in seen ? decide(seen, now, options) : decideSessionJob(seen, now, options);
    let decision = decideOn(observed);
    const { question } = decision;
    if (question !== undefined)
      decision = decideOn({ ...observed, retained: { question, answer: this.retained(question) } });
    this.looks.set(name, { version, decision });
  }

  /** Writes the status and acts, unless it dies after `calls` calls to the outside. True when nothing was to be done. */
  act(name: string, calls = Number.POSITIVE_INFINITY): boolean {
    const look = this.looks.get(name);
    this.looks.delete(name);
    const resource = name === CLUSTER ? this.world.resource : this.resources.get(name);
    if (look === undefined || resource === undefined) return true;
    const { decision, version } = look;
    let left = calls;
    const writes = !sameJson(resource.status ?? {}, decision.status) || this.versions.get(name) !== version;
    const quiet = sameJson(resource.status ?? {}, decision.status) && decision.actions.length === 0;
    if (writes && (this.versions.get(name) ?? 0) !== version) return false;
    if (!sameJson(resource.status ?? {}, decision.status)) {
      if (left-- <= 0) return false;
      this.touch(name, { status: structuredClone(decision.status) });
    }
    for (const action of decision.actions) {
      if (left-- <= 0) return false;
      this.execute(name, structuredClone(action));
    }
    return quiet;
  }

  pass(name: string, calls?: number): boolean {
    this.looks.delete(name);
    this.look(name);
    return this.act(name, calls);
  }

  /** The process dies: what it was about to do, and what it knew, is gone. */
  crash(): void {
    this.looks.clear();
    this.submissions.clear();
  }

  private objects() {
    const { deployment, taskManagers, pods, services, configMaps } = this.world;
    return { deployment, taskManagers, pods, services, configMaps };
  }

  private isGone({ metadata }: FlinkDeployment | FlinkSessionJob): boolean {
    return metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0;
  }

  private touch(name: string, change: object): void {
    this.versions.set(name, (this.versions.get(name) ?? 0) + 1);
    if (name === CLUSTER) this.world.resource = { ...this.world.resource, ...change };
    else this.resources.set(name, { ...this.resources.get(name)!, ...change });
  }

  /** Passes over everything, and steps of all else, until it is `done` and nothing is to be done. False: it never is. */
  settle(done: () => boolean): boolean {
    this.heal();
    for (let round = 0; round < 400; round++) {
      const quiet = this.names.map((name) => this.pass(name)).every(Boolean);
      if (quiet && done()) return true;
      this.tick();
    }
    return false;
  }

  // ---- what users do ----

  changeJob(name: string, change: (spec: FlinkSessionJob["spec"]) => FlinkSessionJob["spec"]): void {
    const { metadata, spec } = this.resources.get(name)!;
    const generation = (metadata.generation ?? 1) + 1;
    this.touch(name, { spec: change(structuredClone(spec)), metadata: { ...metadata, generation } });
  }

  changeCluster(change: (spec: FlinkDeployment["spec"]) => FlinkDeployment["spec"]): void {
    this.versions.set(CLUSTER, (this.versions.get(CLUSTER) ?? 0) + 1);
    this.world.changeSpec(change);
  }

  delete(name: string): void {
    const resource = name === CLUSTER ? this.world.resource : this.resources.get(name)!;
    if (resource.metadata.deletionTimestamp !== undefined) return;
    const metadata = { ...resource.metadata, deletionTimestamp: new Date(this.world.now).toISOString() };
    this.touch(name, { metadata });
  }

  exists(name: string): boolean {
    const resource = name === CLUSTER ? this.world.resource : this.resources.get(name);
    return resource !== undefined && !this.isGone(resource);
  }

  // ---- what Sluice does ----

  execute(name: string, action: Action): void {
    if (name === CLUSTER) return this.world.execute(action);
    const resource = this.resources.get(name)!;
    // Others are for clusters.
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check
    switch (action.type) {
      case "add-finalizer":
      case "remove-finalizer": {
        const finalizers =
          action.type === "add-finalizer" ? ["flinksessionjobs.flink.apache.org/finalizer"] : [];
        if (finalizers.length === 0 && this.activeJobs(name).length > 0 && this.isUp()) {
          this.violations.push(`${name} was let go while its job runs`);
        }
        return this.touch(name, { metadata: { ...resource.metadata, finalizers } });
      }
      case "submit-job":
        return this.submit(name, action);
      case "cancel-job": {
        const job = this.isReachable() ? this.jobs.get(action.jobId) : undefined;
        if (job !== undefined && !isTerminal(job.state)) job.state = "CANCELLING";
        return;
      }
      case "stop-with-savepoint": {
        const job = this.isReachable() ? this.jobs.get(action.jobId) : undefined;
        if (job?.state !== "RUNNING" || job.savepoint || this.triggers.has(action.triggerId)) return;
        const path = `${action.targetDirectory}/savepoint-${action.jobId.slice(0, 6)}-${++this.counter}`;
        job.savepoint = { triggerId: action.triggerId, path };
        return;
      }
      case "create-cluster":
      case "scale-job-manager-to-zero":
      case "delete-job-manager":
      case "scale-task-managers":
      case "delete-leftovers":
      case "delete-config-maps":
      case "remove-job-graphs":
      case "create-snapshot":
      case "delete-snapshot":
      case "trigger-savepoint":
      case "trigger-checkpoint":
      case "dispose-savepoint":
        throw new Error(`a session job does not ${action.type}`);
    }
  }

  private submit(name: string, action: SubmitJob): void {
    const { jobId } = action.request;
    const before = this.submissions.get(name);
    const same = before?.submission.jobId === jobId ? before : undefined;
    if (same?.submission.state === "under-way") return;
    const unanswered = same?.unanswered ?? false;
    this.submissions.set(name, { action, unanswered, submission: { jobId, state: "under-way" } });
  }

  // ---- what Flink answers ----

  private isUp(): boolean {
    return this.jobManager !== undefined;
  }

  private isReachable(): boolean {
    return this.isUp() && !this.restDown;
  }

  private answer(question: Question, resource: FlinkSessionJob | undefined): FlinkAnswers {
    if (!this.isReachable()) return { [question]: unreachable };
    const { jobId = "", savepointInfo } = resource?.status?.jobStatus ?? {};
    const job = this.jobs.get(jobId);
    switch (question) {
      case "config":
        return { config: ok({ flinkVersion: "2.3.0", flinkRevision: "model" }) };
      case "jobs":
        return {
          jobs: ok(
            [...this.jobs.values()].map(({ id, owner, state }) => ({
              jobId: id,
              name: owner,
              state,
              startTime: 1,
              lastModification: 1,
            })),
          ),
        };
      case "applications":
        return { applications: ok([]) };
      case "exceptions":
        return { exceptions: ok({ history: [] }) };
      case "checkpoints":
        return { checkpoints: job === undefined ? notFound : statisticsOf(job) };
      case "savepoint": {
        const id = savepointInfo?.triggerId ?? "";
        const done = this.triggers.get(id);
        if (done !== undefined) {
          const value = { state: "COMPLETED", location: done.path, failure: done.failure };
          return { savepoint: ok(value as never) };
        }
        return { savepoint: job?.savepoint?.triggerId === id ? ok({ state: "IN_PROGRESS" }) : notFound };
      }
      case "checkpoint":
      case "metrics":
        throw new Error(`nobody asks for the ${question} of a session job`);
    }
  }

  // ---- what happens by itself ----

  /** One step of Kubernetes' controllers, of Flink, and of the submissions under way. */
  tick(): void {
    this.world.tick();
    const pod = this.world.pods.find(isOf("jobmanager"));
    this.keepFromStarting(pod);
    const status = this.world.deployment?.["status"] as { availableReplicas?: number } | undefined;
    const name = pod !== undefined && (status?.availableReplicas ?? 0) > 0 ? pod.metadata.name : undefined;
    if (name !== this.jobManager) this.replaceJobManager(name);
    if (this.isUp()) {
      for (const { key, request } of this.requests.splice(0)) this.run(key, request);
      for (const job of this.jobs.values()) this.advance(job);
    }
    for (const [key, underWay] of this.submissions) this.advanceSubmission(key, underWay);
  }

  /** The image is not there. */
  private keepFromStarting(pod: KubeObject | undefined): void {
    const { deployment, deployed } = this.world;
    if (pod === undefined || deployment === undefined || deployed?.image !== MISSING_IMAGE) return;
    deployment["status"] = {};
    const state = { waiting: { reason: "ImagePullBackOff", message: "no such image" } };
    pod["status"] = { phase: "Pending", containerStatuses: [{ name: "flink-main-container", state }] };
  }

  /** Whether tasks have slots. Natively Flink makes TaskManagers as it needs them. */
  private hasTaskManagers(): boolean {
    return this.world.deployed?.mode !== "standalone" || this.world.pods.some(isOf("taskmanager"));
  }

  private advanceSubmission(key: string, underWay: UnderWay): void {
    const { action, submission } = underWay;
    if (submission.state !== "under-way") return;
    const { jobId } = action.request;
    const waits = this.requests.some((one) => one.key === key && one.request.jobId === jobId);
    if (waits) return;
    if (this.jarBroken || !this.isReachable()) return this.failSubmission(underWay, !underWay.unanswered);
    this.requests.push({ key, request: action.request });
    if (!this.losesAnswer) return;
    this.losesAnswer = false;
    underWay.unanswered = true;
    this.failSubmission(underWay, false);
  }

  private failSubmission(underWay: UnderWay, refused: boolean): void {
    const { jobId } = underWay.submission;
    const retryAt = this.world.now + 2000;
    underWay.submission = { jobId, state: "failed", message: "no jar", refused, retryAt };
  }

  /** main() has run: Flink has the job, or has had it before. */
  private run(key: string, request: JarRunRequest): void {
    const { jobId } = request;
    if (!this.jobs.has(jobId) && !this.results.has(jobId)) this.start(request);
    const underWay = this.submissions.get(key);
    if (underWay?.submission.jobId === jobId && underWay.submission.state === "under-way") {
      underWay.submission = { jobId, state: "done" };
    }
  }

  private start(request: JarRunRequest): void {
    const owner = request.flinkConfiguration?.["pipeline.name"] ?? "";
    const path = request.savepointPath;
    const times = (this.taken.get(request.jobId) ?? 0) + 1;
    this.taken.set(request.jobId, times);
    if (times > 1 && !this.killed) this.violations.push(`job ${request.jobId} of ${owner} ran twice`);
    if (this.activeJobs(owner).length > 0) this.violations.push(`two jobs of ${owner} run at a time`);
    this.begin(request, owner, path);
  }

  private begin(request: JarRunRequest, owner: string, path: string | undefined): void {
    const progress = path === undefined ? 0 : (this.storage.get(path)?.progress ?? -1);
    const newest = Math.max(
      0,
      ...[...this.storage.values()].filter((one) => one.owner === owner).map((one) => one.progress),
    );
    const from = path ?? "empty";
    this.starts.push({ owner, progress, from });
    const stateless = this.resources.get(owner)?.spec.job?.upgradeMode === "stateless";
    if (progress < newest && !stateless) {
      this.violations.push(`${owner} started at ${progress} (${from}), but ${newest} was durable`);
    }
    const restored = path === undefined ? undefined : { id: ++this.counter, path };
    const job: Job = {
      id: request.jobId,
      owner,
      request,
      state: "RUNNING",
      progress,
      durable: [],
      restored,
      savepoint: undefined,
    };
    this.jobs.set(job.id, job);
    if (this.hasHa()) this.remember(job, path);
  }

  private hasHa(): boolean {
    return this.world.hasHa;
  }

  private advance(job: Job): void {
    if (job.state === "CANCELLING") return this.end(job, "CANCELED");
    if (job.state !== "RUNNING" || !this.hasTaskManagers()) return;
    if (job.savepoint) return this.finishSavepoint(job, job.savepoint);
    job.progress++;
    if (job.progress % 2 === 0) this.checkpoint(job, `s3://checkpoints/${job.id}/chk-${++this.counter}`);
  }

  /** Flink keeps one checkpoint of each job, the newest, and its savepoints. */
  private discard(jobId: string): void {
    for (const path of this.storage.keys()) {
      if (path.startsWith(`s3://checkpoints/${jobId}/`)) this.storage.delete(path);
    }
  }

  private checkpoint(job: Job, path: string): void {
    this.discard(job.id);
    this.storage.set(path, { owner: job.owner, progress: job.progress });
    job.durable.push({ id: ++this.counter, path });
    if (this.hasHa()) this.remember(job, path);
  }

  private finishSavepoint(job: Job, { triggerId, path }: NonNullable<Job["savepoint"]>): void {
    job.savepoint = undefined;
    if (this.savepointFails) {
      this.savepointFails = false;
      this.triggers.set(triggerId, { failure: "disk full" });
      return;
    }
    this.checkpoint(job, path);
    this.triggers.set(triggerId, { path });
    this.end(job, "FINISHED");
  }

  private end(job: Job, state: FlinkJobState): void {
    job.state = state;
    if (state === "FINISHED") this.discard(job.id);
    if (this.hasHa()) this.results.add(job.id);
    this.world.configMaps = this.world.configMaps.filter(
      ({ metadata }) => metadata.name !== this.mapOf(job.id),
    );
  }

  private mapOf(jobId: string): string {
    return `${this.world.resource.metadata.name}-${jobId}-config-map`;
  }

  private remember(job: Job, path: string | undefined): void {
    const { name } = this.world.resource.metadata;
    const data: Record<string, string> = { request: JSON.stringify(job.request), owner: job.owner };
    if (path !== undefined) data["checkpointID-1"] = path;
    const map: KubeObject = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {
        name: this.mapOf(job.id),
        labels: { app: name, type: "flink-native-kubernetes", "configmap-type": "high-availability" },
      },
      data: { ...data, version: this.world.deployed?.flinkVersion ?? "" },
    };
    const others = this.world.configMaps.filter(({ metadata }) => metadata.name !== map.metadata.name);
    this.world.configMaps = [...others, map];
  }

  private replaceJobManager(name: string | undefined): void {
    const running = [...this.jobs.values()].filter(({ state }) => !isTerminal(state));
    if (this.jobManager !== undefined) this.judgeLoss(running);
    this.jobManager = name;
    this.jobs = new Map();
    this.requests = [];
    this.triggers = new Map();
    if (name !== undefined && this.hasHa()) this.recover();
  }

  /** A JobManager went down with these jobs. */
  private judgeLoss(running: readonly Job[]): void {
    const kept = new Set(this.world.configMaps.map(({ metadata }) => metadata.name));
    for (const { id, owner } of running) {
      const resource = this.resources.get(owner);
      const matters =
        resource !== undefined && !this.isGone(resource) && resource.spec.job?.upgradeMode !== "stateless";
      if (matters && !this.killed && !kept.has(this.mapOf(id))) {
        this.violations.push(`the session cluster was taken down under ${owner}`);
      }
    }
  }

  private recover(): void {
    const version = this.world.deployed?.flinkVersion;
    for (const map of this.world.configMaps) {
      const data = (map["data"] ?? {}) as Record<string, string>;
      if (data["request"] === undefined) continue;
      if (data["version"] !== version) {
        const { upgradeMode } = this.resources.get(data["owner"] ?? "")?.spec.job ?? {};
        const what = `${data["owner"]} was left to a Flink that cannot read its HA metadata`;
        if (upgradeMode !== "stateless" || !this.killed) this.violations.push(what);
        continue;
      }
      const request = JSON.parse(data["request"]) as JarRunRequest;
      this.begin(request, data["owner"] ?? "", data["checkpointID-1"] ?? request.savepointPath);
    }
  }

  // ---- faults ----

  /** Nobody could know the end of a job that only the JobManager knows of: such a fault waits. */
  private hidesAnEnd(): boolean {
    return [...this.jobs.values()].some(({ id, owner, state }) => {
      const known = this.resources.get(owner)?.status?.jobStatus;
      return isTerminal(state) && known?.jobId === id && !isTerminal(known.state);
    });
  }

  /** `fault`: of the model of Kubernetes. */
  loseJobManager(fault: (world: World) => void): void {
    if (this.hidesAnEnd()) return;
    this.killed = true;
    fault(this.world);
  }

  /** Whether each job has left something in the state storage. */
  get hasState(): boolean {
    const owners = [...this.storage.values()].map(({ owner }) => owner);
    return [...this.resources.keys()].every((name) => owners.includes(name));
  }

  /** Everything works from now on. */
  heal(): void {
    this.restDown = false;
    this.jarBroken = false;
    this.losesAnswer = false;
    this.savepointFails = false;
  }
}
