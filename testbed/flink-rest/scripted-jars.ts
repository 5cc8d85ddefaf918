/** The jars of a scripted cluster: kept, run and deleted as real Flink was recorded to do it. */
import type { Version } from "./local-flink.ts";
import { JAR, JOB } from "./recordings.ts";
import type { RestAnswer, RestRequest } from "./server.ts";
import { type Json, recorded } from "./templates.ts";

/** What a run request asks for. */
export interface Run {
  readonly jobId: string;
  readonly name: string;
  readonly savepointPath?: string;
}

export interface JarScript {
  readonly version: Version;
  readonly now: () => number;
  /** False when there is, or was, a job with that id. */
  readonly start: (run: Run) => boolean;
}

const FILE_NAME = "recorded.jar";

function multipart(bytes: Buffer): { readonly name: string; readonly content: Buffer } {
  const head = bytes.indexOf("\r\n\r\n");
  const boundary = bytes.subarray(0, bytes.indexOf("\r\n"));
  const name = /filename="([^"]*)"/.exec(bytes.subarray(0, head).toString("utf8"))?.[1] ?? "";
  return { name, content: bytes.subarray(head + 4, bytes.lastIndexOf(boundary) - 2) };
}

export class ScriptedJars {
  readonly #script: JarScript;
  readonly #kept = new Map<
    string,
    { readonly name: string; readonly content: Buffer; readonly at: number }
  >();
  readonly #runs: Json[] = [];
  /** main() throws from now on. */
  throws = false;

  constructor(script: JarScript) {
    this.#script = script;
  }

  /** What was uploaded and not deleted. */
  get kept(): readonly { readonly name: string; readonly content: Buffer }[] {
    return [...this.#kept.values()];
  }

  /** Bodies of the run requests. */
  get runs(): readonly Json[] {
    return this.#runs;
  }

  /** The JobManager restarted: its folder of jars is gone. */
  clear(): void {
    this.#kept.clear();
  }

  answer({ method, body }: RestRequest, [id, what]: readonly string[]): RestAnswer {
    if (method === "POST" && id === "upload") return this.#upload(body as Buffer);
    if (method === "GET" && id === undefined) return this.#list();
    const known = id !== undefined && this.#kept.has(id);
    if (method === "POST" && what === "run") return this.#run(known, body as Json);
    if (!known) return this.#recorded("jar-gone", "DELETE", id);
    this.#kept.delete(id);
    return this.#recorded("jar-run-not-restored", "DELETE", id);
  }

  #recorded(
    situation: "jar-gone" | "jar-run-not-restored",
    method: "DELETE",
    id: string | undefined,
  ): RestAnswer {
    return recorded(this.#script.version, situation, `${method} /jars/${JAR}`, { [JAR]: id ?? "" });
  }

  #upload(bytes: Buffer): RestAnswer {
    const { name, content } = multipart(bytes);
    const id = `${crypto.randomUUID()}_${name}`;
    this.#kept.set(id, { name, content, at: this.#script.now() });
    return recorded(this.#script.version, "jar-run", "POST /jars/upload", { [JAR]: id });
  }

  #list(): RestAnswer {
    const { status, body } = recorded(this.#script.version, "jar-run", "GET /jars");
    const [template] = (body as { files: Json[] }).files;
    const files = [...this.#kept].map(([id, { name, at }]) => ({ ...template, id, name, uploaded: at }));
    return { status, body: { ...(body as Json), files } };
  }

  #run(known: boolean, body: Json): RestAnswer {
    const { version, start } = this.#script;
    const call = `POST /jars/${JAR}/run`;
    const jobId = String(body["jobId"]);
    this.#runs.push(body);
    if (!known) return recorded(version, "jar-gone", call);
    if (this.throws) return recorded(version, "jar-run-throws", call);
    const configuration = (body["flinkConfiguration"] ?? {}) as Json;
    const path = body["savepointPath"];
    const name = configuration["pipeline.name"];
    const started = start({
      jobId,
      name: typeof name === "string" ? name : FILE_NAME,
      ...(typeof path === "string" ? { savepointPath: path } : {}),
    });
    return started
      ? recorded(version, "jar-run", call, { [JOB]: jobId })
      : recorded(version, "jar-run-twice", call);
  }
}
