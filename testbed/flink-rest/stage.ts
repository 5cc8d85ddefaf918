/** Runs ScriptedJob on a session cluster and gives its runs their orders. */
import { randomBytes } from "node:crypto";
import { mkdirSync, openAsBlob, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FormData, request } from "undici";
import type { LocalFlink } from "./local-flink.ts";

/** See ScriptedJob.java. */
export type Order = "throw" | "fail" | "finish" | "hold" | "break";

export const checkpointing: Readonly<Record<string, string>> = { "execution.checkpointing.interval": "1 s" };

/** An id as Flink makes them. */
export function newId(): string {
  return randomBytes(16).toString("hex");
}

interface Uploaded {
  readonly status: number;
  readonly body: { readonly filename: string };
  /** By which Flink knows it. */
  readonly jarId: string;
}

export async function upload(flink: LocalFlink, jar: string, name: string): Promise<Uploaded> {
  const form = new FormData();
  form.append("jarfile", await openAsBlob(jar), name);
  const signal = AbortSignal.timeout(30_000);
  const answer = await request(`${flink.url}/jars/upload`, { method: "POST", body: form, signal });
  const body = (await answer.body.json()) as Uploaded["body"];
  return {
    status: answer.statusCode,
    body,
    jarId: body.filename.slice(body.filename.lastIndexOf("/") + 1),
  };
}

export class Stage {
  readonly flink: LocalFlink;
  readonly #jarId: string;

  private constructor(flink: LocalFlink, jarId: string) {
    this.flink = flink;
    this.#jarId = jarId;
  }

  static async open(flink: LocalFlink, jar: string): Promise<Stage> {
    return new Stage(flink, (await upload(flink, jar, "scripted-job.jar")).jarId);
  }

  /** Submits a run and answers its job id. `name` is the job's, and what its orders go to. */
  async submit(name: string, configuration = checkpointing, savepointPath?: string): Promise<string> {
    const orders = this.folderOf(name);
    const jobId = newId();
    const body = {
      entryClass: "ScriptedJob",
      programArgsList: [orders],
      jobId,
      flinkConfiguration: configuration,
      ...(savepointPath === undefined ? {} : { savepointPath }),
    };
    const answer = await request(`${this.flink.url}/jars/${this.#jarId}/run`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
      signal: AbortSignal.timeout(60_000),
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`submission of ${name}: ${text.slice(0, 3000)}`);
    return jobId;
  }

  /** For the orders of a run; there from then on. */
  folderOf(name: string): string {
    const folder = this.#ordersOf(name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  order(name: string, order: Order): void {
    writeFileSync(join(this.folderOf(name), order), "");
  }

  revoke(name: string, order: Order): void {
    rmSync(join(this.#ordersOf(name), order));
  }

  #ordersOf(name: string): string {
    return join(this.flink.folder, "orders", name);
  }
}
