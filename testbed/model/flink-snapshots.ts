/**
 * The savepoints and checkpoints that a model's job is asked for while it runs on: what a JobManager knows of them goes
 * with it, what was taken stays. Asking again with an id that is known changes nothing.
 */
import type { FlinkAnswer, SavepointStatus } from "../../src/flink/rest-answers.ts";

interface Operation {
  readonly jobId: string;
  readonly type: "savepoint" | "checkpoint";
  readonly directory: string;
  result: { readonly path: string } | { readonly failure: string } | undefined;
}

const unknown = (type: string, id: string): FlinkAnswer<never> => ({
  ok: false,
  failure: { kind: "http", status: 404, message: `There is no ${type} operation with triggerId=${id}` },
});

export class FlinkSnapshots {
  /** Every one that was taken, by where it is. */
  readonly taken: string[] = [];
  /** Of these, what was disposed of. */
  readonly disposed: string[] = [];
  /** The next one fails. */
  fails = false;
  /** JobManagers that were lost so far: each may cost a snapshot that was taken and never told. */
  forgotten = 0;
  private readonly operations = new Map<string, Operation>();

  trigger(type: Operation["type"], jobId: string, id: string, directory = "s3://checkpoints"): void {
    const key = `${type} ${jobId} ${id}`;
    if (!this.operations.has(key)) this.operations.set(key, { jobId, type, directory, result: undefined });
  }

  status(type: Operation["type"], jobId: string, id: string): FlinkAnswer<SavepointStatus> {
    const operation = this.operations.get(`${type} ${jobId} ${id}`);
    if (operation === undefined) return unknown(type, id);
    const { result } = operation;
    if (result === undefined) return { ok: true, value: { state: "IN_PROGRESS" } };
    if ("failure" in result) return { ok: true, value: { state: "COMPLETED", failure: result.failure } };
    return { ok: true, value: { state: "COMPLETED", location: result.path } };
  }

  /** The job runs: what is under way is done. */
  complete(): void {
    for (const operation of this.operations.values()) {
      if (operation.result !== undefined) continue;
      if (this.fails) {
        operation.result = { failure: "disk full" };
        this.fails = false;
        continue;
      }
      const path = `${operation.directory}/${operation.type}-${this.taken.length}`;
      this.taken.push(path);
      operation.result = { path };
    }
  }

  /** The job ends or fails over. */
  abort(): void {
    for (const operation of this.operations.values()) operation.result ??= { failure: "the job was stopped" };
  }

  /** The JobManager is lost. */
  forget(): void {
    if (this.operations.size > 0) this.forgotten++;
    this.operations.clear();
  }

  dispose(path: string): void {
    if (this.taken.includes(path) && !this.disposed.includes(path)) this.disposed.push(path);
  }
}
