/** Jars, against what real Flink was recorded to answer and against a cluster by script. */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { versions } from "../../testbed/flink-rest/local-flink.ts";
import { JAR, JOB, type Situation } from "../../testbed/flink-rest/recordings.ts";
import { replayedCluster } from "../../testbed/flink-rest/replayed-cluster.ts";
import { ScriptedCluster } from "../../testbed/flink-rest/scripted-cluster.ts";
import { FlinkRestServer } from "../../testbed/flink-rest/server.ts";
import { type FlinkAnswer, isDuplicateJob, isUnreachable } from "../flink/rest-answers.ts";
import { FlinkRestClient } from "./client.ts";
import { createFlinkAgent, directTransport } from "./transport.ts";

let server: FlinkRestServer;
const agent = createFlinkAgent();

beforeAll(async () => {
  server = await FlinkRestServer.start();
});
afterAll(async () => {
  await agent.close();
  await server.close();
});

const DEADLINE = 5000;
const run = { jobId: JOB, entryClass: "ScriptedJob", parallelism: 1 };

function clientOf(url: string): FlinkRestClient {
  return new FlinkRestClient({ transport: directTransport(url, agent) });
}

function valueOf<T>(answer: FlinkAnswer<T>): T {
  if (!answer.ok) throw new Error(answer.failure.message);
  return answer.value;
}

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array, void> {
  for (const text of texts) yield Buffer.from(text);
}

describe.each(versions)("Flink %s", (version) => {
  function flinkIn(situation: Situation): FlinkRestClient {
    return clientOf(server.add(version, situation, replayedCluster(version, situation)).url);
  }

  test("keeps a jar, runs it under the id that it was given, and forgets it", async () => {
    const flink = flinkIn("jar-run");
    const upload = { fileName: "recorded.jar", content: pieces("PK"), timeoutMs: DEADLINE };
    expect(valueOf(await flink.uploadJar(upload))).toEqual({ jarId: JAR });
    const [stored] = valueOf(await flink.listJars());
    expect(stored).toMatchObject({ jarId: JAR, fileName: "recorded.jar" });
    expect(stored?.uploaded).toBeGreaterThan(1.6e12);
    expect(valueOf(await flink.runJar(JAR, run, DEADLINE))).toEqual({ jobId: JOB });
    expect((await flinkIn("jar-run-not-restored").deleteJar(JAR)).ok).toBe(true);
  });

  test.each([
    ["jar-run-twice", 400, /Duplicate(Job|Application)SubmissionException: /, true],
    ["jar-run-throws", 400, /The main method caused an error: ordered to throw in main\(\)/, false],
    ["jar-run-not-restored", 400, /Cannot find checkpoint or savepoint file\/directory/, false],
    ["jar-gone", 500, /recorded\.jar does not exist/, false],
  ] as const)("refuses a run, in situation %s", async (situation, status, message, duplicate) => {
    const answer = await flinkIn(situation).runJar(JAR, run, DEADLINE);
    if (answer.ok) throw new Error("an answer");
    expect(answer.failure).toMatchObject({ kind: "http", status });
    expect(answer.failure.message).toMatch(message);
    expect([isDuplicateJob(answer.failure), isUnreachable(answer.failure)]).toEqual([duplicate, false]);
  });

  test("lists a job that could not be restored as failed, without a single checkpoint", async () => {
    const flink = flinkIn("jar-run-not-restored");
    expect(valueOf(await flink.jobsOverview())).toMatchObject([{ jobId: JOB, state: "FAILED" }]);
    expect(valueOf(await flink.jobCheckpoints(JOB)).latest).toEqual({});
  });

  test("has nothing to delete twice", async () => {
    expect(await flinkIn("jar-gone").deleteJar(JAR)).toMatchObject({
      ok: false,
      failure: { kind: "http", status: 400 },
    });
  });
});

describe("an upload", () => {
  test("arrives byte by byte as it was sent", async () => {
    const cluster = new ScriptedCluster({ version: "2.3" });
    const flink = clientOf(server.add("jars", "bytes", cluster).url);
    const parts = ["PK\u0003\u0004", "--", "\r\n", "x".repeat(100_000), "\r\n--"];
    valueOf(await flink.uploadJar({ fileName: "a-b.c.jar", content: pieces(...parts), timeoutMs: DEADLINE }));
    expect(cluster.jars.kept.map(({ content }) => content.toString("utf8"))).toEqual([parts.join("")]);
    const [stored] = valueOf(await flink.listJars());
    expect((await flink.deleteJar(stored?.jarId ?? "")).ok).toBe(true);
    expect(cluster.jars.kept).toEqual([]);
  });

  test("of which the source breaks off is no jar, and ends the call", async () => {
    const cluster = new ScriptedCluster({ version: "2.3" });
    const flink = clientOf(server.add("jars", "broken", cluster).url);
    async function* broken(): AsyncGenerator<Uint8Array, void> {
      yield Buffer.from("PK");
      throw new Error("the source broke off");
    }
    const answer = await flink.uploadJar({ fileName: "x.jar", content: broken(), timeoutMs: DEADLINE });
    expect(answer).toMatchObject({
      ok: false,
      failure: { kind: "unreachable", message: expect.stringContaining("broke off") as string },
    });
    expect(cluster.jars.kept).toEqual([]);
  });

  test("that takes too long ends by its deadline, and lets go of its source", async () => {
    const handle = server.add("jars", "slow", new ScriptedCluster({ version: "2.3" }));
    handle.fail({ fault: { kind: "hang" } });
    let released = false;
    async function* endless(): AsyncGenerator<Uint8Array, void> {
      try {
        for (;;) {
          yield Buffer.alloc(1024);
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        released = true;
      }
    }
    const answer = await clientOf(handle.url).uploadJar({
      fileName: "x.jar",
      content: endless(),
      timeoutMs: 300,
    });
    expect(answer).toMatchObject({ ok: false, failure: { kind: "timeout" } });
    await vi.waitFor(() => expect(released).toBe(true), DEADLINE);
  });

  /** Counts and hashes what arrives, and keeps none of it. */
  async function sink(): Promise<{ server: Server; url: string; seen: { bytes: number; hash: string } }> {
    const seen = { bytes: 0, hash: "" };
    const sinkServer = createServer((incoming, response) => {
      const hash = createHash("sha256");
      incoming.on("data", (chunk: Buffer) => {
        seen.bytes += chunk.length;
        hash.update(chunk);
      });
      incoming.on("end", () => {
        seen.hash = hash.digest("hex");
        response.end(JSON.stringify({ filename: "/tmp/id_x.jar", status: "success" }));
      });
    });
    await new Promise<void>((resolve) => sinkServer.listen(0, "127.0.0.1", resolve));
    return {
      server: sinkServer,
      url: `http://127.0.0.1:${(sinkServer.address() as AddressInfo).port}`,
      seen,
    };
  }

  test("never has the jar in memory", async () => {
    const { server: target, url, seen } = await sink();
    const MiB = 1024 * 1024;
    let ahead = 0;
    async function* large(): AsyncGenerator<Uint8Array, void> {
      for (let sent = 0; sent < 64; sent++) {
        ahead = Math.max(ahead, sent * MiB - seen.bytes);
        yield Buffer.alloc(MiB, sent);
      }
    }
    const answer = await clientOf(url).uploadJar({
      fileName: "x.jar",
      content: large(),
      timeoutMs: 30_000,
    });
    target.close();
    expect(valueOf(answer)).toEqual({ jarId: "id_x.jar" });
    expect(seen.bytes).toBeGreaterThan(64 * MiB);
    // What the source is ahead of the receiver is what is held in between: buffers of streams and sockets.
    expect(ahead).toBeLessThan(16 * MiB);
  });
});
