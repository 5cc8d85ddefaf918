/**
 * Flink's REST API, as far as Sluice needs it. Never throws: an answer or a failure is an observation (rest-answers.ts).
 * Every call ends by its deadline. Ids are Flink's own 32 hexadecimal digits.
 */
import type { JarRunRequest } from "../flink/jar-run.ts";
import type {
  ApplicationOverview,
  CheckpointConfig,
  CheckpointReference,
  CheckpointStatistics,
  CheckpointTriggerStatus,
  ClusterConfig,
  DisposalStatus,
  FlinkAnswer,
  JarRun,
  JobExceptions,
  JobExecutionResult,
  JobMetrics,
  JobOverview,
  ResourceRequirements,
  SavepointStatus,
  StoredJar,
  TaskManager,
  VertexPressure,
} from "../flink/rest-answers.ts";
import * as applications from "./applications.ts";
import { type Send, sender } from "./call.ts";
import * as checkpoints from "./checkpoints.ts";
import * as cluster from "./cluster.ts";
import * as exceptions from "./exceptions.ts";
import * as jars from "./jars.ts";
import * as jobs from "./jobs.ts";
import type { Triggered } from "./operation.ts";
import * as pressure from "./pressure.ts";
import * as requirements from "./resource-requirements.ts";
import * as savepoints from "./savepoints.ts";
import type { FlinkTransport } from "./transport.ts";

const CALL_MS = 10_000;
const CANCEL_MS = 60_000;

export interface FlinkRestClientOptions {
  readonly transport: FlinkTransport;
  /** Milliseconds for each call. Default 10 s. */
  readonly timeoutMs?: number;
  /** Milliseconds for a cancellation. Default 60 s. */
  readonly cancelTimeoutMs?: number;
}

export class FlinkRestClient {
  readonly #send: Send;
  readonly #cancelMs: number;

  constructor({ transport, timeoutMs = CALL_MS, cancelTimeoutMs = CANCEL_MS }: FlinkRestClientOptions) {
    this.#send = sender(transport, timeoutMs);
    this.#cancelMs = cancelTimeoutMs;
  }

  config(): Promise<FlinkAnswer<ClusterConfig>> {
    return cluster.config(this.#send);
  }

  taskManagers(): Promise<FlinkAnswer<readonly TaskManager[]>> {
    return cluster.taskManagers(this.#send);
  }

  applicationsOverview(): Promise<FlinkAnswer<readonly ApplicationOverview[]>> {
    return applications.applicationsOverview(this.#send);
  }

  applicationExceptions(applicationId: string): Promise<FlinkAnswer<JobExceptions>> {
    return exceptions.applicationExceptions(this.#send, applicationId);
  }

  jobsOverview(): Promise<FlinkAnswer<readonly JobOverview[]>> {
    return jobs.jobsOverview(this.#send);
  }

  jobExceptions(jobId: string): Promise<FlinkAnswer<JobExceptions>> {
    return exceptions.jobExceptions(this.#send, jobId);
  }

  jobExecutionResult(jobId: string): Promise<FlinkAnswer<JobExecutionResult>> {
    return jobs.jobExecutionResult(this.#send, jobId);
  }

  jobMetrics(jobId: string, names: readonly string[]): Promise<FlinkAnswer<JobMetrics>> {
    return jobs.jobMetrics(this.#send, jobId, names);
  }

  jobPressure(jobId: string): Promise<FlinkAnswer<readonly VertexPressure[]>> {
    return pressure.jobPressure(this.#send, jobId);
  }

  cancelJob(jobId: string): Promise<FlinkAnswer<undefined>> {
    return jobs.cancelJob(this.#send, jobId, this.#cancelMs);
  }

  stopWithSavepoint(request: savepoints.StopWithSavepoint): Promise<FlinkAnswer<Triggered>> {
    return savepoints.stopWithSavepoint(this.#send, request);
  }

  triggerSavepoint(request: savepoints.SavepointRequest): Promise<FlinkAnswer<Triggered>> {
    return savepoints.triggerSavepoint(this.#send, request);
  }

  savepointStatus(jobId: string, triggerId: string): Promise<FlinkAnswer<SavepointStatus>> {
    return savepoints.savepointStatus(this.#send, jobId, triggerId);
  }

  disposeSavepoint(path: string): Promise<FlinkAnswer<Triggered>> {
    return savepoints.disposeSavepoint(this.#send, path);
  }

  disposalStatus(triggerId: string): Promise<FlinkAnswer<DisposalStatus>> {
    return savepoints.disposalStatus(this.#send, triggerId);
  }

  jobCheckpoints(jobId: string): Promise<FlinkAnswer<CheckpointStatistics>> {
    return checkpoints.jobCheckpoints(this.#send, jobId);
  }

  checkpointDetails(jobId: string, checkpointId: number): Promise<FlinkAnswer<CheckpointReference>> {
    return checkpoints.checkpointDetails(this.#send, jobId, checkpointId);
  }

  checkpointConfig(jobId: string): Promise<FlinkAnswer<CheckpointConfig>> {
    return checkpoints.checkpointConfig(this.#send, jobId);
  }

  triggerCheckpoint(request: checkpoints.CheckpointRequest): Promise<FlinkAnswer<Triggered>> {
    return checkpoints.triggerCheckpoint(this.#send, request);
  }

  checkpointStatus(jobId: string, triggerId: string): Promise<FlinkAnswer<CheckpointTriggerStatus>> {
    return checkpoints.checkpointStatus(this.#send, jobId, triggerId);
  }

  uploadJar(upload: jars.JarUpload): Promise<FlinkAnswer<{ readonly jarId: string }>> {
    return jars.uploadJar(this.#send, upload);
  }

  listJars(): Promise<FlinkAnswer<readonly StoredJar[]>> {
    return jars.listJars(this.#send);
  }

  /** `timeoutMs`: main() runs within it. */
  runJar(jarId: string, request: JarRunRequest, timeoutMs: number): Promise<FlinkAnswer<JarRun>> {
    return jars.runJar(this.#send, jarId, request, timeoutMs);
  }

  deleteJar(jarId: string): Promise<FlinkAnswer<undefined>> {
    return jars.deleteJar(this.#send, jarId);
  }

  getResourceRequirements(jobId: string): Promise<FlinkAnswer<ResourceRequirements>> {
    return requirements.getResourceRequirements(this.#send, jobId);
  }

  putResourceRequirements(jobId: string, wanted: ResourceRequirements): Promise<FlinkAnswer<undefined>> {
    return requirements.putResourceRequirements(this.#send, jobId, wanted);
  }
}
