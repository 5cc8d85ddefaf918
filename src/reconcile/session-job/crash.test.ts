import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { FlinkDeployment, UpgradeMode } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import { SessionWorld } from "../../../testbed/model/session-world.ts";
import { parseRecordedSpec } from "../last-reconciled-spec.ts";

const STATE = {
  "state.checkpoints.dir": "s3://checkpoints",
  "state.savepoints.dir": "s3://savepoints",
  "execution.checkpointing.interval": "10 s",
};
const HA = { "high-availability.type": "kubernetes", "high-availability.storageDir": "s3://ha" };

function cluster(ha: boolean): FlinkDeployment {
  return {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkDeployment",
    metadata: { name: "session", namespace: "default" },
    spec: {
      image: "flink",
      flinkVersion: "v2_2",
      serviceAccount: "flink",
      flinkConfiguration: { ...STATE, ...(ha ? HA : {}) },
      jobManager: { resource: { memory: "1g" } },
      taskManager: { resource: { memory: "1g" } },
    },
  };
}

function sessionJob(name: string, upgradeMode: UpgradeMode, digit: string): FlinkSessionJob {
  return {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkSessionJob",
    metadata: {
      name,
      namespace: "default",
      uid: `${digit.repeat(8)}-0000-4000-8000-000000000000`,
      generation: 1,
      finalizers: ["flinksessionjobs.flink.apache.org/finalizer"],
    },
    spec: {
      deploymentName: "session",
      job: { jarURI: "https://example.com/job.jar", parallelism: 1, upgradeMode },
    },
  };
}

function worldOf(ha: boolean, upgradeMode: UpgradeMode): SessionWorld {
  return new SessionWorld(cluster(ha), [
    sessionJob("a", upgradeMode, "a"),
    sessionJob("b", upgradeMode, "b"),
  ]);
}

type Who = "a" | "b" | "cluster";

type Step =
  | { readonly do: "pass" | "act"; readonly who: Who; readonly calls: number }
  | { readonly do: "look"; readonly who: Who }
  | { readonly do: "scale" | "suspend" | "resume" | "restart"; readonly who: "a" | "b" }
  | { readonly do: "image" | "version" | Disturbance };

type Disturbance =
  | "tick"
  | "settle"
  | "crash"
  | "rest"
  | "bad-savepoint"
  | "bad-jar"
  | "lose-answer"
  | "kill"
  | "delete-deployment"
  | "delete-deployment-background";

const who = fc.constantFrom<Who>("a", "a", "b", "cluster");
const jobs = fc.constantFrom("a" as const, "b" as const);
const calls = fc.constantFrom(0, 1, 2, 99);

function among(weight: number, ...names: Step["do"][]): fc.WeightedArbitrary<Step> {
  return { weight, arbitrary: fc.constantFrom(...names).map((name) => ({ do: name }) as Step) };
}

const common: fc.WeightedArbitrary<Step>[] = [
  { weight: 6, arbitrary: fc.record({ do: fc.constant("pass" as const), who, calls }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("look" as const), who }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("act" as const), who, calls }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("scale", "suspend", "resume", "restart"), who: jobs }),
  },
  among(8, "tick"),
  among(1, "settle"),
  among(4, "crash", "rest", "bad-savepoint", "bad-jar", "lose-answer"),
  among(2, "image", "version"),
];
const gentle = fc.oneof(...common);
const step = fc.oneof(...common, among(2, "kill", "delete-deployment", "delete-deployment-background"));

function apply(world: SessionWorld, one: Step): void {
  switch (one.do) {
    case "pass":
      world.pass(one.who, one.calls);
      return;
    case "look":
      return world.look(one.who);
    case "act":
      world.act(one.who, one.calls);
      return;
    case "scale":
      return world.changeJob(one.who, (spec) => ({
        ...spec,
        job: { ...spec.job, parallelism: (spec.job?.parallelism ?? 1) + 1 },
      }));
    case "suspend":
    case "resume":
      return world.changeJob(one.who, (spec) => ({
        ...spec,
        job: { ...spec.job, state: one.do === "suspend" ? "suspended" : "running" },
      }));
    case "restart":
      return world.changeJob(one.who, (spec) => ({ ...spec, restartNonce: (spec.restartNonce ?? 0) + 1 }));
    case "image":
      return world.changeCluster((spec) => ({ ...spec, image: `${spec.image}+` }));
    case "version":
      return world.changeCluster((spec) => ({
        ...spec,
        flinkVersion: spec.flinkVersion === "v2_2" ? "v2_3" : "v2_2",
      }));
    case "tick":
    case "settle":
    case "crash":
    case "rest":
    case "bad-savepoint":
    case "bad-jar":
    case "lose-answer":
    case "kill":
    case "delete-deployment":
    case "delete-deployment-background":
      return disturb(world, one.do);
  }
}

function disturb(world: SessionWorld, what: Disturbance): void {
  switch (what) {
    case "tick":
      return world.tick();
    case "settle":
      settle(world);
      return;
    case "crash":
      return world.crash();
    case "kill":
      return world.killJobManager();
    case "delete-deployment":
    case "delete-deployment-background":
      return world.deleteDeploymentByHand(what === "delete-deployment-background");
    case "rest":
      world.restDown = !world.restDown;
      return;
    case "bad-savepoint":
      world.savepointFails = true;
      return;
    case "bad-jar":
      world.jarBroken = true;
      return;
    case "lose-answer":
      world.losesAnswer = true;
  }
}

function isReady(resource: {
  status?: { conditions?: readonly { type: string; status: string }[] };
}): boolean {
  return (
    resource.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true
  );
}

/** True when everything is at rest, and as it is wanted. */
function settle(world: SessionWorld): boolean {
  world.heal();
  for (let round = 0; round < 400; round++) {
    const quiet = world.names.map((name) => world.pass(name)).every(Boolean);
    const ready = [world.world.resource, ...world.resources.values()].every(isReady);
    if (quiet && ready) return true;
    world.tick();
  }
  return false;
}

function explain(world: SessionWorld): string {
  const { starts, violations } = world;
  const statuses = Object.fromEntries(
    [world.world.resource, ...world.resources.values()].map(({ metadata, spec, status }) => {
      const recorded = parseRecordedSpec(status?.reconciliationStatus?.lastReconciledSpec)?.spec;
      return [
        metadata.name,
        {
          spec: spec.job,
          recorded: recorded?.job,
          ...status,
          reconciliationStatus: status?.reconciliationStatus?.state,
        },
      ];
    }),
  );
  return JSON.stringify({ violations, starts, statuses }, undefined, 1);
}

function ends(world: SessionWorld): void {
  expect(settle(world), explain(world)).toBe(true);
  expect(world.violations, explain(world)).toEqual([]);
  for (const [name, { spec, status }] of world.resources) {
    const active = world.activeJobs(name);
    const wanted = spec.job?.state === "suspended" ? [] : [status?.jobStatus?.jobId];
    expect(
      active.map(({ id }) => id),
      explain(world),
    ).toEqual(wanted);
    if (wanted.length === 0) continue;
    expect(active[0]?.state).toBe("RUNNING");
    expect(active[0]?.request.parallelism, explain(world)).toBe(spec.job?.parallelism);
  }
  const image = parseRecordedSpec(world.world.resource.status?.reconciliationStatus?.lastReconciledSpec);
  expect(image?.spec.image).toBe(world.world.resource.spec.image);
  expect(image?.spec.flinkVersion).toBe(world.world.resource.spec.flinkVersion);
}

function run(world: SessionWorld, steps: readonly Step[]): void {
  for (const one of steps) apply(world, one);
  ends(world);
}

vi.setConfig({ testTimeout: 120_000 });

it("two session jobs start in a new cluster", () => {
  const world = worldOf(true, "savepoint");
  ends(world);
  expect(world.starts.map(({ owner }) => owner).sort()).toEqual(["a", "b"]);
});

describe("a crash between any two calls, with passes over each other", () => {
  for (const upgradeMode of ["savepoint", "last-state"] as const) {
    it(`with HA and upgradeMode ${upgradeMode} ends with one job each, the newest state and the newest spec`, () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 150 }), (steps) => run(worldOf(true, upgradeMode), steps)),
        { numRuns: 300 },
      );
    });

    it(`without HA and with upgradeMode ${upgradeMode} does the same as long as Kubernetes keeps its pods`, () => {
      fc.assert(
        fc.property(fc.array(gentle, { maxLength: 150 }), (steps) => run(worldOf(false, upgradeMode), steps)),
        { numRuns: 300 },
      );
    });
  }

  it("of stateless jobs ends with one job each", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(step, { maxLength: 100 }), (ha, steps) => {
        const world = worldOf(ha, "stateless");
        run(world, steps);
        expect(world.starts.every(({ from }) => from === "empty") || ha).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe("a deletion in any order", () => {
  const order = fc.shuffledSubarray<Who>(["a", "b", "cluster"], { minLength: 1 });
  it.each([true, false])("leaves nothing behind, and is not held up by what goes too (HA: %s)", (ha) => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        order,
        fc.array(
          fc.oneof(
            ...common.slice(0, 3),
            among(4, "tick"),
            among(1, "kill", "delete-deployment-background", "crash"),
          ),
          {
            maxLength: 60,
          },
        ),
        (before, names, after) => {
          const world = worldOf(ha, "savepoint");
          for (const one of before) apply(world, one);
          world.heal();
          for (const name of names) world.delete(name);
          for (const one of after) apply(world, one);
          for (
            let round = 0;
            round < 400 && names.some((name) => world.exists(name) && isFree(world, name, names));
            round++
          ) {
            for (const name of world.names) world.pass(name);
            world.tick();
          }
          for (const name of names) {
            if (isFree(world, name, names)) expect(world.exists(name), explain(world)).toBe(false);
          }
          if (world.exists("cluster")) return;
          const { deployment, pods, services, configMaps } = world.world;
          expect([deployment, ...pods, ...services, ...configMaps].filter(Boolean)).toEqual([]);
        },
      ),
      { numRuns: 200 },
    );
  });
});

/** A cluster is held by jobs that nobody deletes. */
function isFree(world: SessionWorld, name: Who, deleted: readonly Who[]): boolean {
  return name !== "cluster" || ["a", "b"].every((job) => deleted.includes(job as Who) || !world.exists(job));
}
