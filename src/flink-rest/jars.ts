/**
 * Jars of session jobs: brought to the JobManager, run, and taken away again. The job id is the caller's: Flink refuses
 * to run one id twice (isDuplicateJob), so that asking again is safe as long as the JobManager, or its HA metadata, lives.
 */
import { Readable } from "node:stream";
import type { JarRunRequest } from "../flink/jar-run.ts";
import type { FlinkAnswer, JarRun, StoredJar } from "../flink/rest-answers.ts";
import { nothing, type Send } from "./call.ts";
import { list, number, object, text } from "./read.ts";

export interface JarUpload {
  /** Letters, digits, dots and dashes, as Flink decodes others twice; ends in `.jar`, or Flink refuses it. */
  readonly fileName: string;
  /** Read once, piece by piece: the jar is never in memory as a whole. What it throws ends the call as `unreachable`. */
  readonly content: AsyncIterable<Uint8Array>;
  /** Milliseconds for all of it. */
  readonly timeoutMs: number;
}

/** Nothing in a jar looks like this line. */
const BOUNDARY = "----sluice-7f3a9c1e5d2b4860-jar";

async function* multipart({ fileName, content }: JarUpload): AsyncGenerator<Uint8Array, void> {
  yield Buffer.from(
    `--${BOUNDARY}\r\n` +
      `Content-Disposition: form-data; name="jarfile"; filename="${fileName}"\r\n` +
      "Content-Type: application/x-java-archive\r\n\r\n",
  );
  yield* content;
  yield Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
}

/** The id of a stored jar is the last part of its path on the JobManager. */
function jarId(fileName: string): string {
  return fileName.slice(fileName.lastIndexOf("/") + 1);
}

export function uploadJar(send: Send, upload: JarUpload): Promise<FlinkAnswer<{ readonly jarId: string }>> {
  const content = Readable.from(multipart(upload), { objectMode: false });
  const stream = { type: `multipart/form-data; boundary=${BOUNDARY}`, content };
  const { timeoutMs } = upload;
  return send({ method: "POST", path: "/jars/upload", stream, timeoutMs }, (json) => ({
    jarId: jarId(text(object(json, "the answer"), "filename")),
  }));
}

export function listJars(send: Send): Promise<FlinkAnswer<readonly StoredJar[]>> {
  return send({ method: "GET", path: "/jars" }, (json) =>
    list(object(json, "the answer")["files"], "files", (file) => ({
      jarId: text(file, "id"),
      fileName: text(file, "name"),
      uploaded: number(file, "uploaded"),
    })),
  );
}

/**
 * Runs main() and answers when it has submitted its job. A refusal may come for a job that is there all the same: one
 * that could not be restored is listed as FAILED. The overview tells.
 */
export function runJar(
  send: Send,
  id: string,
  body: JarRunRequest,
  timeoutMs: number,
): Promise<FlinkAnswer<JarRun>> {
  const path = `/jars/${id}/run`;
  return send({ method: "POST", path, body, timeoutMs }, (json) => ({
    jobId: text(object(json, "the answer"), "jobid"),
  }));
}

/** Flink answers 400 for one that is gone already. */
export function deleteJar(send: Send, id: string): Promise<FlinkAnswer<undefined>> {
  return send({ method: "DELETE", path: `/jars/${id}` }, nothing);
}
