import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { ScriptedCluster } from "../../testbed/flink-rest/scripted-cluster.ts";
import { FlinkRestServer, type Handle } from "../../testbed/flink-rest/server.ts";
import { FlinkRestClient } from "../flink-rest/client.ts";
import { createFlinkAgent, directTransport, type FlinkAgent } from "../flink-rest/transport.ts";
import { EMPTY_JAR } from "../jars/empty-jar.ts";
import type { SubmitJob } from "../reconcile/decision.ts";
import { Submissions } from "./submissions.ts";

const KEY = "default/wordcount";
const JOB = "00000000000000010123abcd00004000";
const NEXT = "00000000000000020123abcd00004000";
const PATIENCE = 5000;

let server: FlinkRestServer;
let agent: FlinkAgent;
let jars: Server;
let downloads: string[] = [];
let cluster: ScriptedCluster;
let handle: Handle;
let submissions: Submissions;
let now = 0;
const wake = vi.fn<(key: string) => void>();

beforeAll(async () => {
  server = await FlinkRestServer.start();
  agent = createFlinkAgent();
  jars = createServer((request, response) => {
    downloads.push(request.url ?? "");
    if (request.url === "/job.jar") response.end("PK job");
    else if (request.url === "/slow.jar") response.write("PK");
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => jars.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  await agent.destroy();
  await server.close();
  jars.closeAllConnections();
  jars.close();
});

const OPERATOR = {
  "kubernetes.operator.user.artifacts.allowed-schemes": "http",
  "kubernetes.operator.user.artifacts.disallow-restricted-hosts": "false",
};

beforeEach(() => {
  downloads = [];
  now = 1_000_000;
  wake.mockClear();
  cluster = new ScriptedCluster({ version: "2.3" });
  handle = server.add("default", "session", cluster);
  submissions = new Submissions({
    jars: { fetchS3: () => Promise.reject(new Error("nothing comes from S3")) },
    operator: () => OPERATOR,
    now: () => now,
    wake,
  });
});
afterEach(() => submissions.close());

function submitJob(path: string | null = "/job.jar", jobId = JOB, timeout = PATIENCE): SubmitJob {
  const { port } = jars.address() as AddressInfo;
  return {
    type: "submit-job",
    request: { jobId, entryClass: "WordCount", flinkConfiguration: { "pipeline.name": "wordcount" } },
    jarURI: path === null ? undefined : `http://127.0.0.1:${port}${path}`,
    configuration: {},
    timeout,
  };
}

const clientOf = (timeoutMs = PATIENCE): FlinkRestClient =>
  new FlinkRestClient({ transport: directTransport(handle.url, agent), timeoutMs });

/** Begins one and waits for its end. */
async function outcome(action: SubmitJob = submitJob()): Promise<ReturnType<Submissions["of"]>> {
  submissions.begin(KEY, action, clientOf());
  expect(submissions.of(KEY)).toEqual({ jobId: action.request.jobId, state: "under-way" });
  await vi.waitFor(() => expect(submissions.of(KEY)?.state).not.toBe("under-way"), PATIENCE);
  return submissions.of(KEY);
}

const uploads = (): number => handle.requests.filter((call) => call === "POST /jars/upload").length;

describe("a submission", () => {
  it("brings the jar, runs it, takes it away again, and wakes whoever waits", async () => {
    const upload = vi.fn<(content: string) => void>();
    const run = cluster.jars.answer.bind(cluster.jars);
    cluster.jars.answer = (request, path) => {
      if (path[1] === "run") upload(cluster.jars.kept.map(({ content }) => content.toString()).join());
      return run(request, path);
    };
    expect(await outcome()).toEqual({ jobId: JOB, state: "done" });
    expect(upload).toHaveBeenCalledExactlyOnceWith("PK job");
    expect(cluster.job(JOB)).toMatchObject({ name: "wordcount", state: "RUNNING" });
    expect(cluster.jars.kept).toEqual([]);
    expect(cluster.jars.runs[0]).toMatchObject({ jobId: JOB, entryClass: "WordCount" });
    expect(wake).toHaveBeenCalledExactlyOnceWith(KEY);
  });

  it("made again runs nothing twice, and is as good as the first", async () => {
    await outcome();
    expect(await outcome()).toEqual({ jobId: JOB, state: "done" });
    expect(cluster.jars.runs.length).toBe(2);
    cluster.job(JOB)?.become("FINISHED");
    expect(await outcome()).toEqual({ jobId: JOB, state: "done" });
    expect(cluster.job(JOB)?.state).toBe("FINISHED");
  });

  it("is begun once while it lasts", async () => {
    submissions.begin(KEY, submitJob(), clientOf());
    submissions.begin(KEY, submitJob(), clientOf());
    await vi.waitFor(() => expect(submissions.of(KEY)?.state).toBe("done"), PATIENCE);
    expect(cluster.jars.runs.length).toBe(1);
  });

  it("without a jar brings an empty one", async () => {
    const seen: Buffer[] = [];
    const answer = cluster.jars.answer.bind(cluster.jars);
    cluster.jars.answer = (request, path) => {
      const answered = answer(request, path);
      if (path[0] === "upload") seen.push(...cluster.jars.kept.map(({ content }) => content));
      return answered;
    };
    expect((await outcome(submitJob(null)))?.state).toBe("done");
    expect(seen).toEqual([EMPTY_JAR]);
  });

  it("uses the jar that an interrupted one left, and removes those of earlier attempts", async () => {
    const flink = clientOf();
    for (const fileName of [`sluice-${JOB}.jar`, `sluice-${NEXT}.jar`, "mine.jar"]) {
      const content = (async function* () {
        yield Buffer.from("PK left");
      })();
      await flink.uploadJar({ fileName, content, timeoutMs: PATIENCE });
    }
    await outcome();
    expect(downloads).toEqual([]);
    expect(uploads()).toBe(3);
    expect(cluster.jars.kept.map(({ name }) => name)).toEqual(["mine.jar"]);
  });

  it("is forgotten with its resource", async () => {
    await outcome();
    submissions.forget(KEY);
    expect(submissions.of(KEY)).toBeUndefined();
  });
});

it("a submission that is forgotten before its jar is there does not run it", async () => {
  submissions.begin(KEY, submitJob(), clientOf());
  submissions.forget(KEY);
  const removals = (): string[] => handle.requests.filter((call) => call.startsWith("DELETE /jars/"));
  await vi.waitFor(() => expect(removals()).toHaveLength(1), PATIENCE);
  expect(uploads()).toBe(1);
  expect(cluster.jars.runs).toEqual([]);
  expect(submissions.of(KEY)).toBeUndefined();
});

describe("a submission that fails", () => {
  it.each<[string, () => void, RegExp, boolean]>([
    ["as the jar is not there", () => {}, /missing\.jar: HTTP 404$/, true],
    [
      "as main() throws",
      () => void (cluster.jars.throws = true),

      /ordered to throw in main/,
      true,
    ],
    [
      "as Flink takes no jars",
      () => handle.fail({ fault: { kind: "error", status: 500 }, path: /upload/ }),

      /HTTP 500/,
      true,
    ],
    [
      "as nobody answers",
      () => handle.fail({ fault: { kind: "reset" }, path: /^\/jars$/ }),

      /no connection/,
      true,
    ],
    [
      "in the run, of which nobody knows what became",
      () => handle.fail({ fault: { kind: "reset" }, path: /run$/ }),

      /no connection/,
      false,
    ],
    [
      "as Flink itself does not know what became of it",
      () =>
        handle.fail({
          fault: {
            kind: "error",
            status: 400,
            errors: [
              "Could not execute application.\nCaused by: java.util.concurrent.TimeoutException: late",
            ],
          },
          path: /run$/,
        }),

      /TimeoutException/,
      false,
    ],
  ])("%s, says so", async (what, arrange, message, refused) => {
    arrange();
    const action = submitJob(what.includes("jar is not there") ? "/missing.jar" : "/job.jar");
    const found = await outcome(action);
    expect(found).toMatchObject({ jobId: JOB, state: "failed", refused, retryAt: now + 2000 });
    expect(found).toHaveProperty("message", expect.stringMatching(message));
    expect(wake).toHaveBeenCalledExactlyOnceWith(KEY);
  });

  it("is tried again later and later", async () => {
    cluster.jars.throws = true;
    const pauses: number[] = [];
    for (let tries = 0; tries < 8; tries++) {
      const found = await outcome();
      if (found?.state === "failed") pauses.push(found.retryAt - now);
    }
    expect(pauses).toEqual([2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  it("stays uncertain until Flink refuses that very job", async () => {
    const refused = async (action?: SubmitJob): Promise<boolean | undefined> => {
      const found = await outcome(action);
      return found?.state === "failed" ? found.refused : undefined;
    };
    handle.fail({ fault: { kind: "reset" }, path: /run$/, times: 1 });
    expect(await refused()).toBe(false);
    expect(await refused(submitJob("/missing.jar"))).toBe(false);
    cluster.jars.throws = true;
    expect(await refused()).toBe(true);
    expect(await refused(submitJob("/missing.jar"))).toBe(true);
  });

  it("is another matter for another job", async () => {
    handle.fail({ fault: { kind: "reset" }, path: /run$/, times: 1 });
    await outcome();
    expect(await outcome(submitJob("/missing.jar", NEXT))).toMatchObject({
      jobId: NEXT,
      refused: true,
      retryAt: now + 2000,
    });
  });

  it("when it takes too long ends by its deadline", async () => {
    expect(await outcome(submitJob("/slow.jar", JOB, 200))).toMatchObject({ state: "failed", refused: true });
    handle.fail({ fault: { kind: "hang" }, path: /run$/ });
    expect(await outcome(submitJob("/job.jar", JOB, 200))).toMatchObject({ state: "failed", refused: false });
  });

  it("after the end wakes nobody", async () => {
    submissions.begin(KEY, submitJob("/slow.jar"), clientOf());
    await vi.waitFor(() => expect(downloads).toEqual(["/slow.jar"]), PATIENCE);
    submissions.close();
    await vi.waitFor(() => expect(submissions.of(KEY)?.state).toBe("failed"), PATIENCE);
    expect(wake).not.toHaveBeenCalled();
  });
});

it("many submissions wait for each other, and each comes to its end", async () => {
  const keys = Array.from({ length: 30 }, (_, index) => `default/job-${index}`);
  const ids = keys.map((_, index) => index.toString(16).padStart(32, "0"));
  for (const [index, key] of keys.entries())
    submissions.begin(key, submitJob("/job.jar", ids[index]), clientOf());
  await vi.waitFor(
    () => expect(keys.map((key) => submissions.of(key)?.state)).toEqual(keys.map(() => "done")),
    PATIENCE,
  );
  expect(ids.every((id) => cluster.job(id)?.state === "RUNNING")).toBe(true);
  expect(cluster.jars.kept).toEqual([]);
});
