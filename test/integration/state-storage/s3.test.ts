/** The S3 client against a real S3 server (versitygw, where it has been built), and the same questions to a file system. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { METADATA_FILE } from "../../../src/flink/checkpoint-metadata.ts";
import type { FlinkConfiguration } from "../../../src/flink/configuration.ts";
import { findRetained } from "../../../src/state-storage/retained-checkpoints.ts";
import { StateStorages } from "../../../src/state-storage/state-storage.ts";
import type { StorageAnswer } from "../../../src/state-storage/storage.ts";
import { repository, stateDir } from "../../../testbed/lib/paths.ts";
import { s3Missing, type S3Server, startS3 } from "./s3-server.ts";

const BUCKET = "state";
function valueOf<T>(answer: StorageAnswer<T>): T {
  if (!answer.ok) throw new Error(`${answer.failure.kind}: ${answer.failure.message}`);
  return answer.value;
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** A checkpoint of real Flink: its job's id, and the metadata by the checkpoint's folder. */
function recorded(): { job: string; files: Record<string, Buffer> } {
  const kept = join(repository, "testbed/flink-rest/recordings/2.3/checkpoints");
  const [job = ""] = readdirSync(kept);
  const names = readdirSync(join(kept, job));
  return {
    job,
    files: Object.fromEntries(
      names.map((name) => [name, readFileSync(join(kept, job, name, METADATA_FILE))]),
    ),
  };
}

let server: S3Server;
const storages = new StateStorages({ env: {}, callMs: 5000 });

describe.skipIf(s3Missing())("on a real S3 server", () => {
  const { job, files } = recorded();
  beforeAll(async () => {
    server = await startS3(BUCKET);
    for (const [name, body] of Object.entries(files)) {
      await server.put(`${BUCKET}/checkpoints/${job}/${name}/${METADATA_FILE}`, body);
      await server.put(`${BUCKET}/checkpoints/${job}/${name}/0a1b-state`, "state");
    }
    await server.put(`${BUCKET}/checkpoints/${job}/chk-4/0a1b-state`, "not complete");
    await server.put(`${BUCKET}/checkpoints/${job}/shared/0a1b`, "state");
  });
  afterAll(async () => {
    await server.stop();
    await storages.close();
  });

  const configuration = (more: FlinkConfiguration = {}): FlinkConfiguration => ({
    ...server.options,
    ...more,
  });
  const open = (more: FlinkConfiguration = {}) => storages.open(configuration(more));

  it("the newest complete checkpoint is found", async () => {
    const place = { directory: `s3://${BUCKET}/checkpoints/${job}`, shared: false, access: configuration() };
    const answer = await findRetained({ jobId: job, places: [place], savepoints: [] }, (access) =>
      storages.open(access),
    );
    expect(answer).toMatchObject({ kind: "found", path: `${place.directory}/chk-3`, checkpointId: 3 });
    const age = answer.kind === "found" ? Date.now() - answer.completed : Number.NaN;
    expect(age).toBeGreaterThan(-2000);
    expect(age).toBeLessThan(120_000);
  });

  it("a job that left nothing has none, and not another's", async () => {
    const directory = `s3a://${BUCKET}/checkpoints/${"0".repeat(32)}`;
    const place = { directory, shared: false, access: configuration() };
    const question = { jobId: "0".repeat(32), places: [place], savepoints: [] };
    expect(await findRetained(question, (access) => storages.open(access))).toEqual({ kind: "none" });
  });

  it("a list holds folders and objects directly below, with any name, from all pages", async () => {
    const names = ["a b", "a+b", "a%20b", "ä&<b>", "'(a)*!'", "~a"];
    for (const name of names) await server.put(`${BUCKET}/names/${name}`, "");
    await server.put(`${BUCKET}/names/deep/er/still`, "");
    const listed = valueOf(await open().list(`s3p://${BUCKET}/names/`, ""));
    expect([...listed].sort()).toEqual([...names, "deep"].sort());
    expect(valueOf(await open().list(`s3://${BUCKET}/names`, "a"))).toHaveLength(3);
    expect(valueOf(await open().list(`s3://${BUCKET}/name`, ""))).toEqual([]);
    for (const name of names) {
      expect(valueOf(await open().exists(`s3://${BUCKET}/names/${name}`)), name).toBe(true);
    }
  });

  it("a list has more than one page where there are more than a thousand", async () => {
    // The server keeps objects as files: a thousand requests would say no more.
    const many = join(server.data, BUCKET, "many");
    mkdirSync(many);
    for (let n = 0; n < 1001; n++) writeFileSync(join(many, `chk-${n}`), "");
    expect(new Set(valueOf(await open().list(`s3://${BUCKET}/many`, "chk-"))).size).toBe(1001);
  });

  it("an object is read from its start, as far as asked", async () => {
    await server.put(`${BUCKET}/object`, "0123456789");
    await server.put(`${BUCKET}/empty`, "");
    const start = valueOf(await open().readStart(`s3://${BUCKET}/object`, 4));
    expect([Buffer.from(start?.bytes ?? []).toString(), start?.size]).toEqual(["0123", 10]);
    const whole = valueOf(await open().readStart(`s3://${BUCKET}/object`, 99));
    expect([Buffer.from(whole?.bytes ?? []).toString(), whole?.size]).toEqual(["0123456789", 10]);
    expect(valueOf(await open().readStart(`s3://${BUCKET}/empty`, 4))).toMatchObject({ size: 0 });
    expect(valueOf(await open().readStart(`s3://${BUCKET}/none`, 4))).toBeUndefined();
    expect(valueOf(await open().exists(`s3://${BUCKET}/checkpoints`))).toBe(false);
  });

  it("an object is streamed whole", async () => {
    const body = Buffer.alloc(3_000_000, "0123456789");
    await server.put(`${BUCKET}/jars/job.jar`, body);
    const opened = valueOf(await open().getObject(`s3://${BUCKET}/jars/job.jar`));
    expect(opened?.size).toBe(body.length);
    expect((await textOf(opened?.body ?? Readable.from([]))) === body.toString()).toBe(true);
    expect(valueOf(await open().getObject(`s3://${BUCKET}/jars/other.jar`))).toBeUndefined();
  });

  it.each<[string, string, FlinkConfiguration, string, RegExp]>([
    ["a bucket that does not exist", "s3://nowhere/x", {}, "no-bucket", /bucket nowhere does not exist/],
    [
      "a wrong secret",
      `s3://${BUCKET}/x`,
      { "s3.secret-key": "wrong" },
      "forbidden",
      /SignatureDoesNotMatch/,
    ],
    ["an unknown key", `s3://${BUCKET}/x`, { "s3.access-key": "who" }, "refused", /No user exists/],
    [
      "nobody at the endpoint",
      `s3://${BUCKET}/x`,
      { "s3.endpoint": "http://127.0.0.1:1" },
      "unreachable",
      /127\.0\.0\.1:1 for bucket state: ECONNREFUSED/,
    ],
  ])("%s is a failure, in every question", async (_, uri, more, kind, message) => {
    const failure = { ok: false, failure: { kind, message: expect.stringMatching(message) } };
    expect(await open(more).list(uri, "")).toEqual(failure);
    expect(await open(more).exists(uri)).toEqual(failure);
    expect(await open(more).getObject(uri)).toEqual(failure);
  });

  it("keys of the operator's environment are used where the configuration has none", async () => {
    const own = new StateStorages({ env: server.env });
    const names = await own.open({ "s3.endpoint": server.endpoint }).list(`s3://${BUCKET}/checkpoints`, "");
    expect(valueOf(names)).toEqual([job]);
    await own.close();
  });

  it("a wrong region is corrected by what the server says", async () => {
    const names = await open({ "s3.region": "eu-west-1" }).list(`s3://${BUCKET}/checkpoints`, "");
    expect(valueOf(names)).toEqual([job]);
  });

  it("a server that hangs is given up in time", async () => {
    const hasty = new StateStorages({ env: {}, callMs: 300 });
    valueOf(await hasty.open(configuration()).list(`s3://${BUCKET}/checkpoints`, ""));
    await server.pause();
    try {
      expect(await hasty.open(configuration()).list(`s3://${BUCKET}/checkpoints`, "")).toEqual({
        ok: false,
        failure: { kind: "unreachable", message: expect.stringMatching(/no answer within 0\.3 s/) },
      });
      const impatient = storages.open(configuration(), AbortSignal.timeout(200));
      expect(await impatient.exists(`s3://${BUCKET}/object`)).toMatchObject({
        failure: { kind: "unreachable" },
      });
    } finally {
      server.resume();
      await hasty.close();
    }
  });
});

describe("on a file system", () => {
  let root: string;
  const files = new StateStorages({ env: {} }).open({});
  beforeAll(() => {
    mkdirSync(join(stateDir(), "runs"), { recursive: true });
    root = mkdtempSync(join(stateDir(), "runs", "files-"));
    for (const name of ["jobs/a/chk-1/_metadata", "jobs/a/chk-2/x", "jobs/a/shared/y"]) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), "0123456789");
    }
  });
  afterAll(() => rmSync(root, { recursive: true }));

  it("the same questions have the same answers", async () => {
    const uri = `file://${root}/jobs/a`;
    expect([...valueOf(await files.list(uri, "chk-"))].sort()).toEqual(["chk-1", "chk-2"]);
    const start = valueOf(await files.readStart(`${uri}/chk-1/_metadata`, 4));
    expect([Buffer.from(start?.bytes ?? []).toString(), start?.size]).toEqual(["0123", 10]);
    expect(valueOf(await files.exists(`${uri}/chk-2/_metadata`))).toBe(false);
    expect(valueOf(await files.exists(uri))).toBe(false);
    const opened = valueOf(await files.getObject(`${root}/jobs/a/shared/y`));
    expect(await textOf(opened?.body ?? Readable.from([]))).toBe("0123456789");
  });

  it("what is not there may be elsewhere", async () => {
    const failure = {
      ok: false,
      failure: { kind: "not-visible", message: expect.stringMatching(/not visible/) },
    };
    expect(await files.list(`file://${root}/jobs/b`, "")).toEqual(failure);
    expect(await files.readStart(`file://${root}/none/b/chk-1/_metadata`, 16)).toEqual(failure);
    expect(await files.getObject(`file://${root}/none/b/job.jar`)).toEqual(failure);
  });
});
