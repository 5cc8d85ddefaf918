import { describe, expect, onTestFinished, test } from "vitest";
import type { KubeClient } from "../../../src/kube/client.ts";
import { LeaderElector, type LeaderElectorOptions } from "../../../src/kube/lease.ts";
import type { Lease } from "../../../src/kube/lease-rules.ts";
import { LEASES } from "../../../src/kube/resource-type.ts";
import { FaultProxy } from "../../../testbed/fault-proxy.ts";
import { apiTestbed } from "../../support/api-testbed.ts";
import { clientFor, until } from "./support.ts";

/** For tests that must not end by time alone. */
const patient = { leaseDurationMs: 20_000, renewDeadlineMs: 15_000 };
const durations = { leaseDurationMs: 2000, renewDeadlineMs: 1400, retryPeriodMs: 200 };

class Candidate {
  readonly elector: LeaderElector;
  elected = 0;
  lost = 0;

  constructor(
    client: KubeClient,
    namespace: string,
    identity: string,
    options: Partial<LeaderElectorOptions> = {},
  ) {
    this.elector = new LeaderElector(client, {
      namespace,
      name: "operator",
      identity,
      ...durations,
      onElected: () => this.elected++,
      onLost: () => this.lost++,
      ...options,
    });
    onTestFinished(() => this.elector.stop());
    this.elector.start();
  }
}

async function fresh(): Promise<{
  client: KubeClient;
  namespace: string;
  lease: () => Promise<Lease | undefined>;
}> {
  const api = apiTestbed();
  const client = clientFor(api);
  const namespace = await api.freshNamespace("lease");
  return { client, namespace, lease: () => client.get<Lease>(LEASES, namespace, "operator") };
}

describe("of several candidates", () => {
  test("one leads, and the next follows as soon as it steps down", async () => {
    const { client, namespace, lease } = await fresh();
    const candidates = ["a", "b", "c"].map((identity) => new Candidate(client, namespace, identity, patient));
    const leaders = (): Candidate[] => candidates.filter(({ elector }) => elector.isLeader);
    await until("one leads", () => leaders().length > 0);
    const [first] = leaders();
    const before = (await lease())?.spec;
    await until("it renews", async () => (await lease())?.spec?.renewTime !== before?.renewTime);
    expect(leaders()).toEqual([first]);
    expect((await lease())?.spec).toMatchObject({ leaseTransitions: 0, leaseDurationSeconds: 20 });
    const stepped = performance.now();
    await first?.elector.stop();
    await until("another leads", () => leaders().length > 0);
    expect(performance.now() - stepped).toBeLessThan(10_000);
    expect(leaders()).toHaveLength(1);
    expect((await lease())?.spec?.leaseTransitions).toBeGreaterThan(0);
    expect(candidates.map(({ lost }) => lost)).toEqual([0, 0, 0]);
  });

  test("one that died is followed after its duration, not before", async () => {
    const { client, namespace } = await fresh();
    const renewTime = "2001-01-01T00:00:00.000000Z";
    // Its own time says nothing: clocks differ.
    await client.create(LEASES, {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "operator", namespace },
      spec: {
        holderIdentity: "dead",
        leaseDurationSeconds: 2,
        acquireTime: renewTime,
        renewTime,
        leaseTransitions: 3,
      },
    });
    const began = performance.now();
    const next = new Candidate(client, namespace, "next");
    await until("it leads", () => next.elector.isLeader);
    expect(performance.now() - began).toBeGreaterThan(1900);
    expect(next.elected).toBe(1);
  });
});

describe("a leader", () => {
  test("that cannot reach the server steps down before another one takes over", async () => {
    const { client, namespace } = await fresh();
    const proxy = await FaultProxy.start(apiTestbed());
    onTestFinished(() => proxy.close());
    const cut = clientFor({ url: proxy.url, caPem: undefined, token: undefined });
    const first = new Candidate(cut, namespace, "first");
    await until("it leads", () => first.elector.isLeader);
    const second = new Candidate(client, namespace, "second");
    let together = false;
    proxy.freeze();
    await until("the second leads", () => {
      together ||= first.elector.isLeader && second.elector.isLeader;
      return second.elector.isLeader;
    });
    expect([together, first.lost, first.elector.isLeader]).toEqual([false, 1, false]);
    proxy.thaw();
  });

  test("whose record another one has overwritten is told at once", async () => {
    const { client, namespace, lease } = await fresh();
    const first = new Candidate(client, namespace, "first");
    await until("it leads", () => first.elector.isLeader);
    await client.patch(
      LEASES,
      namespace,
      "operator",
      { spec: { holderIdentity: "thief" } },
      { kind: "merge" },
    );
    await until("it has lost", () => first.lost === 1);
    expect(first.elector.isLeader).toBe(false);
    await first.elector.stop();
    expect((await lease())?.spec?.holderIdentity).toBe("thief");
  });

  test("goes on when the server fails for less than the deadline", async () => {
    const { namespace } = await fresh();
    const proxy = await FaultProxy.start(apiTestbed());
    onTestFinished(() => proxy.close());
    const client = clientFor({ url: proxy.url, caPem: undefined, token: undefined });
    const first = new Candidate(client, namespace, "first", patient);
    await until("it leads", () => first.elector.isLeader);
    proxy.inject({
      fault: { kind: "answer", status: 500 },
      times: 3,
      match: ({ method }) => method === "PUT",
    });
    await until("the failures are over", () => proxy.pendingFaults === 0);
    const before = proxy.requests.length;
    await until("it renews again", () => proxy.requests.length > before + 2);
    expect([first.elector.isLeader, first.lost]).toEqual([true, 0]);
  });
});
