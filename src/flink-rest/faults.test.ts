/** Whatever the other side does, a call ends by its deadline with a failure of the right kind. */
import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePorts } from "../../testbed/lib/ports.ts";
import { JOB } from "../../testbed/flink-rest/recordings.ts";
import { replayedCluster } from "../../testbed/flink-rest/replayed-cluster.ts";
import { type Fault, FlinkRestServer, type Handle } from "../../testbed/flink-rest/server.ts";
import { isUnknownJob, isUnreachable } from "../flink/rest-answers.ts";
import { FlinkRestClient } from "./client.ts";
import {
  createFlinkAgent,
  directTransport,
  type FlinkTransport,
  serviceProxyTransport,
  TransportError,
} from "./transport.ts";

const DEADLINE = 300;
// Far above the deadline, far below a hang: what the machine's load may add.
const SOON = 5000;
/** Where the answer is not a timeout: no busy machine makes it one. */
const PATIENCE = 30_000;

let server: FlinkRestServer;
let flink: Handle;
const agent = createFlinkAgent();

beforeAll(async () => {
  server = await FlinkRestServer.start();
  flink = server.add("team", "faulty", replayedCluster("2.3", "running"));
});
afterAll(async () => {
  await server.close();
  await agent.close();
});

function clientOf(transport: FlinkTransport, deadline = PATIENCE): FlinkRestClient {
  return new FlinkRestClient({ transport, timeoutMs: deadline, cancelTimeoutMs: deadline });
}

/** How the API server's client sends, as far as the proxy needs it. */
const throughProxy = (): FlinkTransport =>
  serviceProxyTransport(
    directTransport(`http://127.0.0.1:${server.port}`, agent),
    "team",
    "faulty-rest:8081",
  );

const faults: [Fault, string, Record<string, unknown>, boolean][] = [
  [{ kind: "hang" }, "hangs", { kind: "timeout" }, true],
  [{ kind: "stall" }, "stalls in the middle of its answer", { kind: "timeout" }, true],
  [{ kind: "slow", ms: 2 * DEADLINE }, "is too slow", { kind: "timeout" }, true],
  [{ kind: "reset" }, "resets the connection", { kind: "unreachable" }, true],
  [{ kind: "garbage" }, "answers HTML", { kind: "garbage" }, false],
  [{ kind: "garbage", text: "" }, "answers nothing", { kind: "garbage" }, false],
  [{ kind: "garbage", text: '{"jobs":7}' }, "answers other JSON", { kind: "garbage" }, false],
  [{ kind: "garbage", text: '{"jobs":[{"jid":1}]}' }, "answers wrong types", { kind: "garbage" }, false],
  [{ kind: "garbage", status: 404 }, "answers a 404 that is not Flink's", { kind: "garbage" }, false],
  [{ kind: "garbage", status: 502 }, "is behind a gateway that finds nobody", { kind: "unreachable" }, true],
  [{ kind: "oversize" }, "answers without end", { kind: "garbage" }, false],
  [{ kind: "error", status: 500 }, "fails inside", { kind: "http", status: 500 }, false],
  [{ kind: "error", status: 503 }, "has no leader yet", { kind: "http", status: 503 }, true],
];

describe.each([
  ["directly", () => directTransport(flink.url, agent)],
  ["through the service proxy", throughProxy],
] as const)("%s", (_, transport) => {
  test.each(faults)("%j: a JobManager that %s", async (fault, _, expected, unreachable) => {
    flink.fail({ fault });
    const began = performance.now();
    const timed = expected["kind"] === "timeout";
    const answer = await clientOf(transport(), timed ? DEADLINE : PATIENCE).jobsOverview();
    if (timed) expect(performance.now() - began).toBeLessThan(SOON);
    flink.heal();
    if (answer.ok) throw new Error("an answer");
    expect(answer.failure).toMatchObject(expected);
    expect(isUnreachable(answer.failure)).toBe(unreachable);
    expect(isUnknownJob(answer.failure)).toBe(false);
    if (expected["kind"] !== "http") expect(answer.failure).not.toHaveProperty("status");
    expect(answer.failure.message).toMatch(/^GET \/jobs\/overview: /);
    expect(answer.failure.message.length).toBeLessThan(300);
    expect((await clientOf(transport()).jobsOverview()).ok, "works again afterwards").toBe(true);
  });
});

function raise(error: Error): ReturnType<FlinkRestClient["config"]> {
  return clientOf(serviceProxyTransport(() => Promise.reject(error), "team", "faulty-rest:8081")).config();
}

test("nobody listens", async () => {
  const [port] = await freePorts(1);
  const answer = await clientOf(directTransport(`http://127.0.0.1:${port}`, agent)).cancelJob(JOB);
  expect(answer).toMatchObject({ ok: false, failure: { kind: "unreachable" } });
  expect(!answer.ok && answer.failure.message).toContain("ECONNREFUSED");
});

test("a name that does not resolve", async () => {
  const answer = await clientOf(directTransport("http://nobody-rest.nowhere.invalid:8081", agent)).config();
  expect(!answer.ok && isUnreachable(answer.failure)).toBe(true);
});

describe("another protocol on the port", () => {
  let other: Server;
  let url = "";
  beforeAll(async () => {
    other = createServer((socket) => socket.on("error", () => {}).end("SSH-2.0-OpenSSH_9.2\r\n"));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    other.close();
  });

  test("is garbage or a broken connection, never an answer", async () => {
    const answer = await clientOf(directTransport(url, agent)).config();
    expect(answer.ok).toBe(false);
  });
});

test("only reading is tried again when a kept connection turns out to be closed", async () => {
  const handle = server.add("team", "stale", replayedCluster("2.3", "canceled"));
  const client = clientOf(directTransport(handle.url, agent));
  handle.fail({ fault: { kind: "reset" }, times: 1 });
  expect((await client.jobsOverview()).ok).toBe(true);
  handle.fail({ fault: { kind: "reset" }, times: 1 });
  expect((await client.cancelJob(JOB)).ok).toBe(false);
  expect(handle.requests).toEqual(["GET /jobs/overview", "GET /jobs/overview", `PATCH /jobs/${JOB}`]);
});

test("a thousand hanging clusters hold up nobody else", async () => {
  const hanging = Array.from({ length: 1000 }, (_, index) => {
    const handle = server.add("many", `hanging-${index}`, replayedCluster("2.3", "running"));
    handle.fail({ fault: { kind: "hang" } });
    return handle;
  });
  // Twice as many as have a place at once, so half of them wait in line until their deadline.
  const narrow = createFlinkAgent({ concurrency: 500 });
  const calls = hanging.map(({ url }) => clientOf(directTransport(url, narrow), DEADLINE).jobsOverview());
  expect((await clientOf(directTransport(flink.url, agent)).jobsOverview()).ok).toBe(true);
  const failures = (await Promise.all(calls)).flatMap((answer) => (answer.ok ? [] : [answer.failure]));
  expect(failures.filter(isUnreachable)).toHaveLength(1000);
  // Who was never asked must not count as one that hangs.
  const kinds = failures.map(({ kind, message }) =>
    message.includes("not sent") ? `${kind}, not sent` : kind,
  );
  expect([...new Set(kinds)].sort()).toEqual(["timeout", "unreachable, not sent"]);
  expect(kinds.filter((kind) => kind === "timeout").length).toBeGreaterThanOrEqual(500);
  expect(narrow.limiter.underWay).toBe(0);
  await narrow.close();
});

test("messages hold neither credentials nor long texts", async () => {
  const secret = "s3://KEY:SECRET@bucket/x";
  const errors = [`java.io.IOException: cannot write to ${secret} ${"y".repeat(100_000)}`];
  flink.fail({ fault: { kind: "error", status: 500, errors } });
  const answer = await clientOf(directTransport(flink.url, agent)).jobsOverview();
  flink.heal();
  if (answer.ok) throw new Error("an answer");
  const text = JSON.stringify(answer.failure);
  expect(text).not.toContain("SECRET");
  expect(text).toContain("cannot write to s3://***@bucket/x");
  expect(text.length).toBeLessThan(2000);
});

describe("what the API server itself says about the proxied Service", () => {
  test.each([
    [404, "NotFound", "unreachable"],
    [403, "Forbidden", "unreachable"],
    [503, "ServiceUnavailable", "unreachable"],
    [504, "Timeout", "timeout"],
  ] as const)("%i %s is %s, and not a word about the job", async (code, reason, kind) => {
    const message = `services "faulty-rest" ${reason}`;
    const status = { kind: "Status", apiVersion: "v1", status: "Failure", reason, code, message };
    const raw: FlinkTransport = () => Promise.resolve({ status: code, body: JSON.stringify(status) });
    const answer = await clientOf(serviceProxyTransport(raw, "team", "faulty-rest:8081")).cancelJob(JOB);
    expect(answer).toMatchObject({
      ok: false,
      failure: { kind, message: expect.stringContaining(message) as string },
    });
    expect(!answer.ok && isUnreachable(answer.failure)).toBe(true);
    expect(answer).not.toHaveProperty("failure.status");
  });

  test("its own timeout and its own network errors are told apart", async () => {
    const late = Object.assign(new Error("no answer in time"), { code: "timeout" });
    expect(await raise(late)).toMatchObject({ failure: { kind: "timeout" } });
    expect(await raise(new Error("broken"))).toMatchObject({ failure: { kind: "unreachable" } });
    expect(await raise(new TransportError("timeout", "late"))).toMatchObject({
      failure: { kind: "timeout" },
    });
  });

  test("a Service that is not there", async () => {
    const raw = directTransport(`http://127.0.0.1:${server.port}`, agent);
    const answer = await clientOf(serviceProxyTransport(raw, "team", "gone-rest:8081")).jobCheckpoints(JOB);
    expect(answer).toMatchObject({ ok: false, failure: { kind: "unreachable" } });
  });
});
