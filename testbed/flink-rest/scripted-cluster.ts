/**
 * A Flink cluster by script, for tests of scale and of faults: a plain object, no timers, so thousands fit in one process.
 * It keeps the rules that real Flink was seen to keep (real-flink.test.ts): a repeated trigger id changes nothing, a
 * second stop with another id fails the job, ended operations are forgotten after a while, statistics may be old.
 */
import type { FlinkJobState } from "../../src/api/flink-deployment.ts";
import type { Version } from "./local-flink.ts";
import { JOB, OTHER_TRIGGER, TRIGGER, UNKNOWN } from "./recordings.ts";
import { ScriptedJars } from "./scripted-jars.ts";
import { type JobScript, ScriptedJob } from "./scripted-job.ts";
import type { RestAnswer, RestCluster, RestRequest } from "./server.ts";
import { applicationTemplate, failedOperation, type Json, recorded, unknownJob } from "./templates.ts";

export interface SavepointScript {
  /** Milliseconds a snapshot takes; "until-told" ends with `endSnapshots`. Default 0. */
  readonly takes?: number | "until-told";
  /** `break`: the savepoint is there, but the job fails instead of stopping. Default complete. */
  readonly outcome?: "complete" | "fail" | "break";
}

export interface ClusterScript {
  readonly version: Version;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  readonly snapshots?: SavepointScript;
  /** Milliseconds that an ended operation is remembered. Default five minutes. */
  readonly remembers?: number;
  /** Milliseconds that checkpoint statistics are answered out of the cache. Default 0; Flink's own is 3000. */
  readonly statisticsCache?: number;
  readonly taskManagers?: number;
  /** Default false. */
  readonly adaptive?: boolean;
}

interface Operation {
  readonly kind: "savepoint" | "stop" | "checkpoint";
  readonly job: ScriptedJob | undefined;
  readonly checkpoint: ReturnType<ScriptedJob["begin"]> | undefined;
  readonly began: number;
  ended?: number;
  result?: Json;
}

const REMEMBERS = 300_000;
const accepted: RestAnswer = { status: 202, body: {} };

function errors(status: number, text: string): RestAnswer {
  return { status, body: { errors: [text] } };
}

export class ScriptedCluster implements RestCluster {
  readonly version: Version;
  snapshots: SavepointScript;
  readonly jars: ScriptedJars;
  readonly #script: ClusterScript;
  readonly #now: () => number;
  readonly #jobs = new Map<string, ScriptedJob>();
  readonly #operations = new Map<string, Operation>();
  readonly #statistics = new Map<string, { readonly read: number; readonly answer: Json }>();
  readonly #disposals = new Map<string, string>();
  /** Savepoints that were disposed of. A second disposal fails, as real Flink's does. */
  readonly disposed: string[] = [];
  #applicationState: string | undefined;

  constructor(script: ClusterScript) {
    this.#script = script;
    this.version = script.version;
    this.snapshots = script.snapshots ?? {};
    this.#now = script.now ?? Date.now;
    this.jars = new ScriptedJars({
      version: script.version,
      now: this.#now,
      start: ({ savepointPath, ...job }) => {
        if (this.#jobs.has(job.jobId)) return false;
        this.addJob({ ...job, ...(savepointPath === undefined ? {} : { restoredFrom: savepointPath }) });
        return true;
      },
    });
  }

  addJob(script: JobScript): ScriptedJob {
    const job = new ScriptedJob(script, this.version, this.#now);
    this.#jobs.set(job.jobId, job);
    return job;
  }

  job(jobId: string): ScriptedJob | undefined {
    return this.#jobs.get(jobId);
  }

  /** A periodic checkpoint of the job is complete. Answers its path. */
  checkpoint(job: ScriptedJob): string {
    const checkpoint = job.begin(false, "file:/scripted/checkpoints");
    job.end(checkpoint, "COMPLETED");
    return checkpoint.path;
  }

  /** main() failed, with or without a job to show for it. Only Flink 2.3 and newer tell. */
  failApplication(): void {
    this.#applicationState = "FAILED";
  }

  /** The JobManager was replaced: requests are forgotten, jobs and their checkpoints are not. */
  restart(): void {
    for (const operation of this.#operations.values())
      if (operation.ended === undefined) this.#fail(operation);
    this.#operations.clear();
    this.#statistics.clear();
    this.jars.clear();
  }

  /** Ends snapshots that are to last until told. */
  endSnapshots(): void {
    this.#settle(true);
  }

  answer(request: RestRequest): RestAnswer {
    this.#settle(false);
    const { method, path } = request;
    const [, collection, id, ...rest] = path.split("/");
    if (collection === "jobs" && id !== undefined && id !== "overview") {
      return this.#aboutJob(request, id, rest);
    }
    if (collection === "jars") {
      return this.jars.answer(request, id === undefined ? [] : [id, ...rest]);
    }
    switch (`${method} ${path}`) {
      case "GET /config":
        return recorded(this.version, "running", "GET /config");
      case "GET /jobs/overview":
        return { status: 200, body: { jobs: [...this.#jobs.values()].map((job) => job.overview()) } };
      case "GET /applications/overview":
        return this.#applications();
      case "GET /taskmanagers":
        return this.#taskManagers();
      case "POST /savepoint-disposal":
        return this.#dispose((request.body ?? {}) as Json);
      default:
        if (collection === "savepoint-disposal" && method === "GET") return this.#disposal(id ?? "");
        return errors(404, `Unable to load requested file ${path}.`);
    }
  }

  #dispose({ "savepoint-path": path }: Json): RestAnswer {
    const id = crypto.randomUUID().replaceAll("-", "");
    const again = this.disposed.includes(String(path));
    if (!again) this.disposed.push(String(path));
    this.#disposals.set(id, again ? OTHER_TRIGGER : TRIGGER);
    return { status: 200, body: { "request-id": id } };
  }

  #disposal(id: string): RestAnswer {
    const like = this.#disposals.get(id) ?? UNKNOWN;
    return recorded(this.version, "disposed", `GET /savepoint-disposal/${like}`);
  }

  #aboutJob({ method, path, body }: RestRequest, jobId: string, rest: readonly string[]): RestAnswer {
    const job = this.#jobs.get(jobId);
    const [what = "", id = ""] = rest;
    const given = (body ?? {}) as Json;
    if (method === "POST" && ["stop", "savepoints", "checkpoints"].includes(what)) {
      return this.#trigger(what, jobId, given);
    }
    if (
      method === "GET" &&
      (what === "savepoints" || (what === "checkpoints" && /^[0-9a-f]{32}$/.test(id)))
    ) {
      return this.#operation(what, jobId, id);
    }
    if (job === undefined) {
      return unknownJob(this.version, method, path, jobId) ?? errors(404, `Job ${jobId} not found`);
    }
    switch (`${method} ${rest.join("/")}`) {
      case "PATCH ":
        return this.#cancel(job);
      case "GET checkpoints":
        return this.#checkpointStatistics(job);
      case "GET checkpoints/config":
        return recorded(
          this.version,
          job.checkpointing ? "running" : "no-checkpoints",
          `GET /jobs/${JOB}/checkpoints/config`,
        );
      case "GET exceptions":
        return { status: 200, body: job.exceptions() };
      case "GET execution-result":
        return job.executionResult();
      case "GET metrics":
        return recorded(
          this.version,
          "running",
          `GET /jobs/${JOB}/metrics?get=numRestarts,fullRestarts,numberOfCompletedCheckpoints`,
        );
      case "GET resource-requirements":
      case "PUT resource-requirements":
        return this.#requirements(job, method, given);
      default:
        return this.#details(job, what, rest) ?? errors(404, `Unable to load requested file ${path}.`);
    }
  }

  #details(job: ScriptedJob, what: string, rest: readonly string[]): RestAnswer | undefined {
    if (what !== "checkpoints" || rest[1] !== "details") return undefined;
    const body = job.details(Number(rest[2]));
    return body === undefined
      ? errors(404, `Could not find checkpointing statistics for checkpoint ${rest[2]}.`)
      : { status: 200, body };
  }

  #applications(): RestAnswer {
    const template = applicationTemplate(this.version);
    if (template === undefined) return recorded(this.version, "running", "GET /applications/overview");
    const [job] = this.#jobs.values();
    const state: Partial<Record<FlinkJobState, string>> = {
      FINISHED: "FINISHED",
      CANCELED: "CANCELED",
      FAILED: "FAILED",
    };
    const status = this.#applicationState ?? state[job?.state ?? "RUNNING"] ?? "RUNNING";
    const jobs = job === undefined ? {} : { [job.state]: this.#jobs.size };
    return { status: 200, body: { applications: [{ ...template, status, jobs }] } };
  }

  #taskManagers(): RestAnswer {
    const { body } = recorded(this.version, "running", "GET /taskmanagers");
    const [template] = (body as { taskmanagers: Json[] }).taskmanagers;
    const taskmanagers = Array.from({ length: this.#script.taskManagers ?? 1 }, (_, index) => ({
      ...template,
      id: `scripted-taskmanager-${index + 1}`,
    }));
    return { status: 200, body: { taskmanagers } };
  }

  #checkpointStatistics(job: ScriptedJob): RestAnswer {
    const cached = this.#statistics.get(job.jobId);
    if (cached !== undefined && this.#now() - cached.read < (this.#script.statisticsCache ?? 0)) {
      return { status: 200, body: cached.answer };
    }
    const answer = job.statistics();
    this.#statistics.set(job.jobId, { read: this.#now(), answer });
    return { status: 200, body: answer };
  }

  #requirements(job: ScriptedJob, method: string, body: Json): RestAnswer {
    const call = `GET /jobs/${JOB}/resource-requirements`;
    if (this.#script.adaptive !== true || job.ended) return recorded(this.version, "running", call);
    const vertex = Object.keys(recorded(this.version, "adaptive", call).body as Json)[0] ?? "";
    if (method === "GET") return { status: 200, body: { [vertex]: { parallelism: job.bounds } } };
    const wanted = body[vertex] as { parallelism: ScriptedJob["bounds"] } | undefined;
    if (wanted === undefined) return errors(400, "Job vertex was not found in the JobGraph.");
    job.bounds = wanted.parallelism;
    return { status: 200, body: {} };
  }

  #cancel(job: ScriptedJob): RestAnswer {
    if (job.state === "FINISHED" || job.state === "FAILED") {
      return recorded(
        this.version,
        job.state === "FINISHED" ? "finished" : "failed",
        `PATCH /jobs/${JOB}?mode=cancel`,
      );
    }
    for (const operation of this.#pendingOf(job)) this.#fail(operation);
    job.become("CANCELED");
    return accepted;
  }

  #key(what: string, jobId: string, triggerId: string): string {
    return `${what === "checkpoints" ? "checkpoints" : "savepoints"} ${jobId} ${triggerId}`;
  }

  #pendingOf(job: ScriptedJob | undefined): Operation[] {
    return [...this.#operations.values()].filter((one) => one.ended === undefined && one.job === job);
  }

  #trigger(what: string, jobId: string, body: Json): RestAnswer {
    const triggerId =
      typeof body["triggerId"] === "string" ? body["triggerId"] : crypto.randomUUID().replaceAll("-", "");
    const answer = { status: 202, body: { "request-id": triggerId } };
    const key = this.#key(what, jobId, triggerId);
    if (this.#operations.has(key)) return answer;
    const known = this.#jobs.get(jobId);
    const job = known?.ended === true ? undefined : known;
    const kind = what === "stop" ? "stop" : what === "savepoints" ? "savepoint" : "checkpoint";
    const before = this.#pendingOf(job).filter((one) => one.kind !== "checkpoint");
    const target = body["targetDirectory"] ?? body["target-directory"];
    const folder = typeof target === "string" ? target : "file:/scripted/savepoints";
    const checkpoint = job?.begin(
      kind !== "checkpoint",
      kind === "checkpoint" ? "file:/scripted/checkpoints" : folder,
    );
    const operation: Operation = { kind, job, checkpoint, began: this.#now() };
    this.#operations.set(key, operation);
    if (job === undefined) {
      const call = `GET /jobs/${UNKNOWN}/savepoints/${TRIGGER}`;
      const { body: found } = recorded(this.version, "unknown", call, { [UNKNOWN]: jobId });
      this.#end(operation, (found as { operation: Json }).operation);
    } else if (kind === "stop") {
      for (const one of before) this.#fail(one);
      if (before.some((one) => one.kind === "stop")) {
        this.#fail(operation);
        job.fail("org.apache.flink.util.FlinkRuntimeException", "Stop-with-savepoint failed.");
      }
    }
    this.#settle(false);
    return answer;
  }

  #end(operation: Operation, result: Json): void {
    operation.ended = this.#now();
    operation.result = result;
  }

  #fail(operation: Operation): void {
    const { job, checkpoint } = operation;
    if (checkpoint !== undefined) job?.end(checkpoint, "FAILED");
    this.#end(operation, failedOperation(this.version, "stop-twice"));
  }

  #settle(told: boolean): void {
    const { takes = 0 } = this.snapshots;
    const remembers = this.#script.remembers ?? REMEMBERS;
    for (const [key, operation] of this.#operations) {
      const { ended, began } = operation;
      if (ended !== undefined && this.#now() - ended >= remembers) this.#operations.delete(key);
      const over = takes === "until-told" ? told : this.#now() - began >= takes;
      if (ended === undefined && over) this.#finish(operation);
    }
  }

  #finish(operation: Operation): void {
    const { job, checkpoint, kind } = operation;
    if (job === undefined || checkpoint === undefined) return;
    const { outcome = "complete" } = this.snapshots;
    if (outcome === "fail") {
      job.end(checkpoint, "FAILED");
      return this.#end(operation, failedOperation(this.version, "savepoint-failed"));
    }
    job.end(checkpoint, "COMPLETED");
    if (outcome === "break" && kind === "stop") {
      const broken = failedOperation(this.version, "stop-broken", {
        "file:/flink/savepoints/savepoint-000000-00000000000e": checkpoint.path,
        [JOB]: job.jobId,
      });
      job.fail("java.lang.IllegalStateException", "ordered to break");
      return this.#end(operation, broken);
    }
    if (kind === "stop") job.become("FINISHED");
    this.#end(
      operation,
      kind === "checkpoint" ? { checkpointId: checkpoint.id } : { location: checkpoint.path },
    );
  }

  #operation(what: string, jobId: string, triggerId: string): RestAnswer {
    const found = this.#operations.get(this.#key(what, jobId, triggerId));
    if (found === undefined) {
      const call = `GET /jobs/${UNKNOWN}/${what}/${UNKNOWN}`;
      return recorded(this.version, "unknown", call, {
        [`triggerId=${UNKNOWN}`]: `triggerId=${triggerId}`,
        [UNKNOWN]: jobId,
      });
    }
    const id = found.ended === undefined ? "IN_PROGRESS" : "COMPLETED";
    return { status: 200, body: { status: { id }, operation: found.result ?? null } };
  }
}
