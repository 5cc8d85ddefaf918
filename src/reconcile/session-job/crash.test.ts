import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { UpgradeMode } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import { settle, worldOf } from "../../../testbed/model/session-play.ts";
import type { SessionWorld } from "../../../testbed/model/session-world.ts";
import { parseRecordedSpec } from "../last-reconciled-spec.ts";

/** Both jobs have made checkpoints. */
function established(ha: boolean, upgradeMode: UpgradeMode): SessionWorld {
  const world = worldOf(ha, upgradeMode);
  settle(world);
  for (let round = 0; round < 20 && !world.hasState; round++) world.tick();
  expect(world.hasState).toBe(true);
  return world;
}

type Who = "a" | "b" | "cluster";

type Step =
  | { readonly do: "pass" | "act"; readonly who: Who; readonly calls: number }
  | { readonly do: "look"; readonly who: Who }
  | { readonly do: "scale" | "suspend" | "resume" | "restart"; readonly who: "a" | "b" }
  | {
      readonly do:
        | "tick"
        | "settle"
        | "crash"
        | "rest"
        | "bad-savepoint"
        | "bad-jar"
        | "lose-answer"
        | "image"
        | "version"
        | "kill"
        | "delete-deployment"
        | "lose-ha"
        | "delete-deployment-background";
    };

/** A job's next attempt runs, makes a checkpoint and is lost while Sluice is not there. */
function unseen(fault: "kill" | "lose-ha" | "delete-deployment-background"): Step[] {
  const ticks = (count: number): Step[] => Array.from({ length: count }, () => ({ do: "tick" }));
  const passes = (count: number): Step[] =>
    Array.from({ length: count }, (): Step[] => [{ do: "pass", who: "a", calls: 99 }, { do: "tick" }]).flat();
  return [{ do: "scale", who: "a" }, ...passes(5), ...ticks(4), { do: fault }, { do: "crash" }, ...ticks(6)];
}

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
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom("scale", "suspend", "resume", "restart"), who: jobs }),
  },
  among(6, "tick"),
  among(3, "settle"),
  among(3, "crash", "lose-answer"),
  among(2, "rest", "bad-savepoint", "bad-jar"),
  among(4, "image", "version"),
];
const gentle = fc.oneof(...common);
const step = fc.oneof(...common, among(2, "kill", "delete-deployment", "delete-deployment-background"));

type JobEdit = (spec: FlinkSessionJob["spec"]) => FlinkSessionJob["spec"];

const withJob =
  (change: (job: NonNullable<FlinkSessionJob["spec"]["job"]>) => object): JobEdit =>
  (spec) => ({ ...spec, job: { ...spec.job, ...change(spec.job ?? {}) } });

function edit(world: SessionWorld, name: "a" | "b", what: "scale" | "suspend" | "resume" | "restart"): void {
  const edits: Record<typeof what, JobEdit> = {
    scale: withJob(({ parallelism = 1 }) => ({ parallelism: parallelism + 1 })),
    suspend: withJob(() => ({ state: "suspended" })),
    resume: withJob(() => ({ state: "running" })),
    restart: (spec) => ({ ...spec, restartNonce: (spec.restartNonce ?? 0) + 1 }),
  };
  world.changeJob(name, edits[what]);
}

function apply(world: SessionWorld, one: Step): void {
  switch (one.do) {
    case "pass":
      return void world.pass(one.who, one.calls);
    case "look":
      return world.look(one.who);
    case "act":
      return void world.act(one.who, one.calls);
    case "scale":
    case "suspend":
    case "resume":
    case "restart":
      return edit(world, one.who, one.do);
    case "image":
      return world.changeCluster((spec) => ({ ...spec, image: `${spec.image}+` }));
    case "version": {
      const next = world.world.resource.spec.flinkVersion === "v2_2" ? "v2_3" : "v2_2";
      return world.changeCluster((spec) => ({ ...spec, flinkVersion: next }));
    }
    case "tick":
      return world.tick();
    case "settle":
      return void settle(world);
    case "crash":
      return world.crash();
    case "kill":
      return world.loseJobManager((kubernetes) => kubernetes.killJobManager());
    case "lose-ha":
      return world.loseJobManager((kubernetes) => kubernetes.loseHaMetadata());
    case "delete-deployment":
    case "delete-deployment-background":
      return world.loseJobManager((kubernetes) =>
        kubernetes.deleteDeploymentByHand(one.do === "delete-deployment-background"),
      );
    case "rest":
      return void (world.restDown = !world.restDown);
    case "bad-savepoint":
      return void (world.savepointFails = true);
    case "bad-jar":
      return void (world.jarBroken = true);
    case "lose-answer":
      return void (world.losesAnswer = true);
  }
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
        { numRuns: 50 },
      );
    });

    it(`without HA and with upgradeMode ${upgradeMode} does the same as long as Kubernetes keeps its pods`, () => {
      fc.assert(
        fc.property(fc.array(gentle, { maxLength: 150 }), (steps) => run(worldOf(false, upgradeMode), steps)),
        { numRuns: 50 },
      );
    });
  }

  for (const upgradeMode of ["savepoint", "last-state"] as const) {
    it(`with HA metadata deleted by hand and upgradeMode ${upgradeMode} goes on from the newest retained checkpoints`, () => {
      const start = established(true, upgradeMode);
      const losing = fc.oneof(...common, among(3, "lose-ha", "kill", "delete-deployment-background"));
      fc.assert(
        fc.property(fc.array(losing, { maxLength: 120 }), (steps) => run(start.copy(), steps)),
        { numRuns: 50, examples: [[unseen("lose-ha")]] },
      );
    });

    it(`without HA, with its JobManager killed or deleted and upgradeMode ${upgradeMode} does the same`, () => {
      const start = established(false, upgradeMode);
      const losing = fc.oneof(
        ...common,
        among(3, "kill", "delete-deployment", "delete-deployment-background"),
      );
      fc.assert(
        fc.property(fc.array(losing, { maxLength: 120 }), (steps) => run(start.copy(), steps)),
        { numRuns: 50, examples: [[unseen("kill")], [unseen("delete-deployment-background")]] },
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
      { numRuns: 35 },
    );
  });
});

describe("a job that starts or stops while its cluster is changed", () => {
  const one = fc.constantFrom<Step>(
    { do: "look", who: "a" },
    { do: "act", who: "a", calls: 99 },
    { do: "pass", who: "a", calls: 99 },
    { do: "look", who: "cluster" },
    { do: "act", who: "cluster", calls: 99 },
    { do: "tick" },
    { do: "tick" },
  );
  const change = fc.constantFrom<Step["do"]>("image", "version").map((name) => ({ do: name }) as Step);
  const disturbances: Step[] = [{ do: "crash" }, { do: "lose-answer" }, { do: "restart", who: "a" }];
  const sequence = fc.tuple(
    fc.constantFrom<Step[]>(
      [],
      [{ do: "suspend", who: "a" }, { do: "settle" }, { do: "resume", who: "a" }],
      [{ do: "restart", who: "a" }],
    ),
    fc.array(one, { maxLength: 16 }),
    fc.option(fc.constantFrom(...disturbances)),
    fc.array(one, { maxLength: 8 }),
    change,
    fc.array(one, { maxLength: 24 }),
  );

  it.each([
    [true, "savepoint"],
    [true, "last-state"],
    [false, "savepoint"],
    [false, "last-state"],
  ] as const)("is seen by it, or sees it (HA: %s, upgradeMode %s)", (ha, upgradeMode) => {
    const settled = worldOf(ha, upgradeMode);
    settle(settled);
    fc.assert(
      fc.property(sequence, ([begin, before, disturbance, between, change, after]) => {
        const world = settled.copy();
        const disturbed = disturbance === null ? [] : [disturbance];
        run(world, [...begin, ...before, ...disturbed, ...between, change, ...after]);
      }),
      { numRuns: 50 },
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
      { numRuns: 35 },
    );
  });
});

/** A cluster is held by jobs that nobody deletes. */
function isFree(world: SessionWorld, name: Who, deleted: readonly Who[]): boolean {
  return name !== "cluster" || ["a", "b"].every((job) => deleted.includes(job as Who) || !world.exists(job));
}
