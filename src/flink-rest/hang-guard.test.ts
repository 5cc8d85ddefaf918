/** JobManagers that accept calls and never answer: who waits for them, and how often they are asked. */
import { afterEach, describe, expect, test } from "vitest";
import { replayedCluster } from "../../testbed/flink-rest/replayed-cluster.ts";
import { FlinkRestServer } from "../../testbed/flink-rest/server.ts";
import { ManualClock } from "../kube/test-support/manual-clock.ts";
import { FlinkRestClient } from "./client.ts";
import { HangGuard, type HangGuardOptions } from "./hang-guard.ts";
import {
  createFlinkAgent,
  directTransport,
  type FlinkRequest,
  type FlinkTransport,
  TransportError,
} from "./transport.ts";

const GET: FlinkRequest = { method: "GET", path: "/jobs/overview", timeoutMs: 10_000 };
const TIMEOUT = new TransportError("timeout", "no answer within 10 s");

/** A JobManager as the guard sees it: it answers, or fails like this. */
class JobManager {
  fails: Error | undefined;
  asked = 0;
  readonly transport: FlinkTransport = () => {
    this.asked++;
    return this.fails ? Promise.reject(this.fails) : Promise.resolve({ status: 200, body: "{}" });
  };
}

function setUp(options: HangGuardOptions = {}) {
  const clock = new ManualClock();
  const answers: string[] = [];
  const guard = new HangGuard({ clock, random: () => 0.5, onAnswer: (key) => answers.push(key), ...options });
  const jobManager = new JobManager();
  const call = guard.guarded("team/job", jobManager.transport);
  const outcome = (request = GET): Promise<string> =>
    call(request).then(
      ({ status }) => String(status),
      (error: Error) => error.message,
    );
  return { clock, answers, guard, jobManager, call, outcome };
}

/** Fallen silent, and found out. */
async function silent(options: HangGuardOptions = {}) {
  const all = setUp(options);
  all.jobManager.fails = TIMEOUT;
  await all.outcome();
  all.jobManager.asked = 0;
  return all;
}

describe("a JobManager that answers", () => {
  test("is asked whatever it is asked, and failures are its own", async () => {
    const { outcome, jobManager, guard, clock } = setUp();
    expect(await outcome()).toBe("200");
    for (const kind of ["unreachable", "garbage"] as const) {
      jobManager.fails = new TransportError(kind, `it is ${kind}`);
      expect(await outcome()).toBe(`it is ${kind}`);
    }
    expect([jobManager.asked, guard.silent, clock.timers]).toEqual([3, 0, 0]);
  });
});

describe("a JobManager that hangs", () => {
  test("costs one call its deadline, and others nothing", async () => {
    const { outcome, jobManager, guard } = await silent();
    expect([await outcome(), await outcome({ ...GET, path: "/config" })]).toEqual([
      TIMEOUT.message,
      TIMEOUT.message,
    ]);
    expect([jobManager.asked, guard.silent]).toEqual([0, 1]);
  });

  test("is still told what is to be done", async () => {
    const { outcome, jobManager } = await silent();
    await outcome({ ...GET, method: "POST" });
    await outcome({ ...GET, method: "PATCH" });
    expect(jobManager.asked).toBe(2);
  });

  test("keeps nobody from another", async () => {
    const { guard } = await silent();
    const other = new JobManager();
    await guard.guarded("team/other", other.transport)(GET);
    expect(other.asked).toBe(1);
  });

  test("is asked more and more seldom", async () => {
    const { clock, jobManager, outcome } = await silent();
    const at: number[] = [];
    for (let second = 1; second <= 130; second++) {
      await clock.advance(1000);
      await outcome();
      if (jobManager.asked > at.length) at.push(second);
    }
    expect(at).toEqual([2, 6, 14, 30, 60, 90, 120]);
  });

  test("is asked by one call at a time, however many found out together", async () => {
    const { call, jobManager, clock, outcome } = setUp();
    jobManager.fails = TIMEOUT;
    await Promise.allSettled([call(GET), call(GET), call(GET)]);
    jobManager.asked = 0;
    await clock.advance(2000);
    expect(jobManager.asked).toBe(1);
    expect(await outcome()).toBe(TIMEOUT.message);
  });

  test.each([
    ["answers", undefined, "200"],
    ["refuses plainly", new TransportError("unreachable", "refused"), "refused"],
  ])("is let back as soon as it %s, and its resource is woken", async (_, fails, expected) => {
    const { clock, jobManager, outcome, answers, guard } = await silent();
    jobManager.fails = fails;
    expect(await outcome()).toBe(TIMEOUT.message);
    await clock.advance(2000);
    expect(answers).toEqual(["team/job"]);
    expect(await outcome()).toBe(expected);
    expect([guard.silent, clock.timers]).toEqual([0, 0]);
  });

  test.each([
    [59_000, 30_000],
    [61_000, 2000],
  ])("after an answer, and hanging again %i ms later, is asked after %i ms", async (later, expected) => {
    const { clock, jobManager, outcome } = await silent();
    for (let second = 0; second < 60; second++) {
      await clock.advance(1000);
      await outcome();
    }
    jobManager.fails = undefined;
    await clock.advance(30_000);
    expect(await outcome()).toBe("200");
    await clock.advance(later);
    jobManager.fails = TIMEOUT;
    await outcome();
    jobManager.asked = 0;
    await clock.advance(expected - 1);
    expect(jobManager.asked).toBe(0);
    await clock.advance(1);
    expect(jobManager.asked).toBe(1);
  });

  test("is asked at once when something about it changed, and once only", async () => {
    const { guard, jobManager, clock } = await silent();
    guard.changed("team/job");
    guard.changed("team/job");
    guard.changed("team/unknown");
    await clock.advance(0);
    expect(jobManager.asked).toBe(1);
    await clock.advance(3999);
    expect(jobManager.asked).toBe(1);
    await clock.advance(1);
    expect(jobManager.asked).toBe(2);
  });

  test("is forgotten when nobody wants anything of it any more", async () => {
    const { clock, jobManager, guard } = await silent();
    await clock.advance(150_000);
    expect(clock.timers).toBe(0);
    expect(guard.silent).toBe(0);
    expect(jobManager.asked).toBe(7);
  });
});

test("few of many that hang are asked at a time", async () => {
  const { clock, guard } = setUp({ concurrency: 3 });
  let most = 0;
  let underWay = 0;
  const hangs: FlinkTransport = async () => {
    most = Math.max(most, ++underWay);
    await new Promise<void>((resolve) => void clock.after(10_000, resolve));
    underWay--;
    throw TIMEOUT;
  };
  const found = Array.from({ length: 20 }, (_, nth) => guard.guarded(`team/${nth}`, hangs)(GET));
  const settled = Promise.allSettled(found);
  await clock.advance(10_000);
  await settled;
  most = 0;
  await clock.advance(60_000);
  expect(most).toBe(3);
});

test("nothing is asked after the end", async () => {
  const { clock, guard, jobManager } = await silent();
  guard.close();
  await clock.advance(60_000);
  expect([clock.timers, jobManager.asked]).toEqual([0, 0]);
});

describe("over real connections", () => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  test("a JobManager that hangs and recovers is found out, left alone, and found to answer", async () => {
    const server = await FlinkRestServer.start();
    const flink = server.add("team", "job", replayedCluster("2.3", "running"));
    const agent = createFlinkAgent();
    const recovered = Promise.withResolvers<string>();
    const guard = new HangGuard({ firstMs: 10, mostMs: 50, onAnswer: recovered.resolve });
    ends.push(
      () => server.close(),
      () => agent.close(),
      async () => guard.close(),
    );
    const client = new FlinkRestClient({
      transport: guard.guarded("team/job", directTransport(flink.url, agent)),
      timeoutMs: 2000,
    });
    expect((await client.jobsOverview()).ok).toBe(true);
    flink.fail({ fault: { kind: "hang" } });
    const first = await client.jobsOverview();
    const second = await client.jobsOverview();
    expect([first, second].map((one) => one.ok || one.failure.kind)).toEqual(["timeout", "timeout"]);
    expect(second).toEqual(first);
    flink.heal();
    expect(await recovered.promise).toBe("team/job");
    expect((await client.jobsOverview()).ok).toBe(true);
  });
});
