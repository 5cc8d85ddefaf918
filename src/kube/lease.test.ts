import { describe, expect, onTestFinished, test } from "vitest";
import { KubeApiError } from "./api-error.ts";
import type { KubeClient } from "./client.ts";
import { LeaderElector } from "./lease.ts";
import type { Lease, LeaseSpec } from "./lease-rules.ts";
import { ManualClock } from "./test-support/manual-clock.ts";

/** A server that holds one Lease. */
class Server {
  lease: Lease | undefined;
  #version = 0;
  isAway = false;

  change(spec: LeaseSpec): void {
    const metadata = { name: "l", namespace: "n", resourceVersion: String(++this.#version) };
    this.lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec };
  }

  get client(): KubeClient {
    const conflict = new KubeApiError("conflict", { status: 409, reason: "Conflict", code: "conflict" });
    const away = new KubeApiError("away", { status: 0, reason: "", code: "network" });
    const answer = async <T>(work: () => T): Promise<T> => {
      if (this.isAway) throw away;
      return work();
    };
    const write = (lease: Lease): Lease => {
      if (lease.metadata.resourceVersion !== this.lease?.metadata.resourceVersion) throw conflict;
      this.change(lease.spec ?? {});
      return structuredClone(this.lease as Lease);
    };
    const client = {
      get: () => answer(() => structuredClone(this.lease)),
      create: (_: unknown, lease: Lease) => answer(() => write(lease)),
      replace: (_: unknown, lease: Lease) => answer(() => write(lease)),
    };
    return client as unknown as KubeClient;
  }
}

interface Stage {
  readonly server: Server;
  readonly clock: ManualClock;
  readonly elector: LeaderElector;
  /** Epoch milliseconds. */
  time: number;
  lost: number;
  /** Time goes by, and what is due happens. */
  readonly pass: (ms: number) => Promise<void>;
}

async function leading(): Promise<Stage> {
  const server = new Server();
  const clock = new ManualClock();
  const stage: Stage = {
    server,
    clock,
    time: 0,
    lost: 0,
    elector: new LeaderElector(server.client, {
      namespace: "n",
      name: "l",
      identity: "me",
      onElected: () => undefined,
      onLost: () => stage.lost++,
      clock,
      timeOfDay: () => stage.time,
    }),
    pass: async (ms) => {
      stage.time += ms;
      await clock.advance(ms);
    },
  };
  stage.elector.start();
  onTestFinished(() => stage.elector.stop());
  await stage.pass(0);
  expect(stage.elector.isLeader).toBe(true);
  return stage;
}

describe("a leader that was stopped and goes on", () => {
  test("may do nothing before it has renewed its lease", async () => {
    const { elector, server, pass } = await leading();
    server.isAway = true;
    await pass(9999);
    expect(elector.isLeader).toBe(true);
    await pass(1);
    expect(elector.isLeader).toBe(false);
  });

  test("may do nothing either when only the time of day has gone on: the machine slept", async () => {
    const stage = await leading();
    stage.time += 10_000;
    expect(stage.elector.isLeader).toBe(false);
    await stage.pass(2000);
    expect([stage.elector.isLeader, stage.lost]).toEqual([true, 0]);
  });

  test("is not misled by a time of day that is set back", async () => {
    const stage = await leading();
    stage.server.isAway = true;
    stage.time -= 3_600_000;
    await stage.pass(10_000);
    expect(stage.elector.isLeader).toBe(false);
  });

  test("has lost it also when the other one, which took over, has given it back", async () => {
    const stage = await leading();
    const { spec } = stage.server.lease as { spec: LeaseSpec };
    const theirs = { ...spec, holderIdentity: "them", leaseTransitions: 1 };
    stage.server.change(theirs);
    stage.server.change({ ...theirs, holderIdentity: "" });
    await stage.pass(2000);
    await stage.pass(2000);
    expect([stage.elector.isLeader, stage.lost]).toEqual([false, 1]);
    expect(stage.server.lease?.spec?.holderIdentity).toBe("");
  });

  test("has lost it when it was deleted", async () => {
    const stage = await leading();
    stage.server.lease = undefined;
    await stage.pass(2000);
    await stage.pass(2000);
    expect([stage.elector.isLeader, stage.lost]).toEqual([false, 1]);
  });

  test("keeps it when a renewal arrived and its answer did not", async () => {
    const stage = await leading();
    const { spec } = stage.server.lease as { spec: LeaseSpec };
    stage.server.change({ ...spec, renewTime: "2026-01-01T00:00:00.000000Z" });
    await stage.pass(2000);
    await stage.pass(2000);
    await stage.pass(2000);
    expect([stage.elector.isLeader, stage.lost]).toEqual([true, 0]);
  });
});

test("who steps down may do nothing from then on", async () => {
  const { elector } = await leading();
  const stopped = elector.stop();
  expect(elector.isLeader).toBe(false);
  await stopped;
});
