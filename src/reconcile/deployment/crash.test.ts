import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { FlinkDeployment, UpgradeMode } from "../../api/flink-deployment.ts";
import type { FlinkAnswers, Observed } from "../decision.ts";
import { World } from "../../../testbed/model/world.ts";
import { sameJson } from "../last-reconciled-spec.ts";
import { decide } from "./decide.ts";
import { nextQuestions } from "./questions.ts";

const STATE = {
  "state.checkpoints.dir": "s3://checkpoints",
  "state.savepoints.dir": "s3://savepoints",
  "execution.checkpointing.interval": "10 s",
  "jobmanager.memory.process.size": "1g",
  "taskmanager.memory.process.size": "1g",
};
const HA = { "high-availability.type": "kubernetes", "high-availability.storageDir": "s3://ha" };

function deployment(upgradeMode: UpgradeMode, ha: boolean): FlinkDeployment {
  return {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkDeployment",
    metadata: { name: "job", namespace: "default" },
    spec: {
      image: "flink",
      flinkVersion: "v2_3",
      serviceAccount: "flink",
      flinkConfiguration: { ...STATE, ...(ha ? HA : {}) },
      jobManager: { resource: { memory: "1g" } },
      taskManager: { resource: { memory: "1g" } },
      job: { jarURI: "local:///job.jar", parallelism: 1, upgradeMode },
    },
  };
}

function look(world: World): Observed {
  const resource = structuredClone(world.resource);
  const {
    pods,
    services,
    configMaps,
    deployment: found,
  } = structuredClone({
    deployment: world.deployment,
    pods: world.pods,
    services: world.services,
    configMaps: world.configMaps,
  });
  const cluster = { deployment: found, pods, services, configMaps };
  let flink: FlinkAnswers = {};
  for (;;) {
    const questions = nextQuestions(resource, cluster, flink);
    if (questions.length === 0) break;
    flink = questions.reduce((all, question) => ({ ...all, ...world.answer(question) }), flink);
  }
  return { resource, cluster, flink, failure: undefined, exceptionsReportedUntil: 0 };
}

/** One pass that dies after `calls` calls to the outside. True when it had nothing to do. */
function pass(world: World, calls = Number.POSITIVE_INFINITY): boolean {
  const observed = look(world);
  const options = {
    defaults: {},
    progressInterval: 1000,
    reconcileInterval: 15_000,
    entropy: world.entropy(),
  };
  let decision = decide(observed, world.now, options);
  const { question } = decision;
  if (question !== undefined) {
    const retained = { question, answer: world.retained(question) };
    decision = decide({ ...observed, retained }, world.now, options);
  }
  let left = calls;
  if (!sameJson(observed.resource.status, decision.status)) {
    if (left-- <= 0) return false;
    // Optimistic locking: a spec that changed meanwhile makes the write fail.
    if (world.resource.metadata.generation !== observed.resource.metadata.generation) return false;
    world.resource = { ...world.resource, status: structuredClone(decision.status) };
  }
  for (const action of decision.actions) {
    if (left-- <= 0) return false;
    world.execute(structuredClone(action));
  }
  return decision.actions.length === 0 && sameJson(observed.resource.status, decision.status);
}

function settle(world: World): void {
  world.restDown = false;
  for (let round = 0; round < 400; round++) {
    const quiet = pass(world);
    const { conditions = [], lifecycleState } = world.resource.status ?? {};
    const ready = conditions.some(({ type, status }) => type === "Ready" && status === "True");
    if (quiet && (ready || lifecycleState === "FAILED") && ended(world)) return;
    world.tick();
  }
}

function ended(world: World): boolean {
  const suspended = world.resource.spec.job?.state === "suspended";
  return suspended
    ? world.deployment === undefined && world.pods.length === 0
    : world.job?.state === "RUNNING";
}

type Step =
  | { readonly do: "pass"; readonly calls: number }
  /** Time goes by, and Sluice looks after each tick, or is not there. */
  | { readonly do: "watched" | "unwatched"; readonly ticks: number }
  | {
      readonly do:
        | "tick"
        | "scale-up"
        | "suspend"
        | "resume"
        | "restart"
        | "kill"
        | "delete"
        | "delete-background"
        | "lose-ha"
        | "settle"
        | "rest"
        | "bad-savepoint";
    };

const passes: fc.WeightedArbitrary<Step>[] = [
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("pass" as const), calls: fc.constantFrom(0, 1, 2, 99) }),
  },
  { weight: 8, arbitrary: fc.constant({ do: "tick" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "settle" as const }) },
];

function among(...names: Step["do"][]): fc.WeightedArbitrary<Step> {
  return { weight: 4, arbitrary: fc.constantFrom(...names).map((name) => ({ do: name }) as Step) };
}

const changes = ["scale-up", "suspend", "resume", "restart", "rest", "bad-savepoint"] as const;
const gentle = fc.oneof(...passes, among(...changes));
const step = fc.oneof(...passes, among(...changes, "kill", "delete", "delete-background"));
/** Few steps, each of which gets anywhere: losses come in every phase of a start, seen and unseen. */
function losing(...faults: Step["do"][]): fc.Arbitrary<readonly Step[]> {
  const time = fc.record({
    do: fc.constantFrom("watched" as const, "watched" as const, "unwatched" as const),
    ticks: fc.integer({ min: 1, max: 12 }),
  });
  const cut = fc.record({ do: fc.constant("pass" as const), calls: fc.constantFrom(0, 1, 2) });
  const fault = among(...faults);
  return fc.array(
    fc.oneof<fc.WeightedArbitrary<Step>[]>(
      { weight: 6, arbitrary: time },
      { weight: 3, arbitrary: cut },
      { ...fault, weight: 4 },
      among("scale-up", "suspend", "resume"),
    ),
    { maxLength: 40 },
  );
}

/** A cluster that was created, made a checkpoint and was lost while Sluice was not there. */
function unseen(fault: "lose-ha" | "delete" | "delete-background"): Step[] {
  return [{ do: fault }, { do: "watched", ticks: 4 }, { do: "unwatched", ticks: 3 }, { do: fault }];
}

/** A start that is given up for a change, and comes up while Sluice is not there to take it down. */
const givenUp: readonly Step[] = [
  { do: "scale-up" },
  { do: "watched", ticks: 7 },
  { do: "scale-up" },
  { do: "pass", calls: 1 },
  { do: "pass", calls: 1 },
  { do: "unwatched", ticks: 3 },
];

function apply(world: World, one: Step): void {
  switch (one.do) {
    case "pass":
      pass(world, one.calls);
      return;
    case "watched":
    case "unwatched":
      for (let tick = 0; tick < one.ticks; tick++) {
        if (one.do === "watched") pass(world);
        world.tick();
      }
      return;
    case "tick":
      return world.tick();
    case "settle":
      return settle(world);
    case "scale-up":
      return world.changeSpec((spec) => ({
        ...spec,
        job: { ...spec.job, parallelism: (spec.job?.parallelism ?? 1) + 1 },
      }));
    case "suspend":
    case "resume":
      return world.changeSpec((spec) => ({
        ...spec,
        job: { ...spec.job, state: one.do === "suspend" ? "suspended" : "running" },
      }));
    case "restart":
      return world.changeSpec((spec) => ({ ...spec, restartNonce: (spec.restartNonce ?? 0) + 1 }));
    case "kill":
      return world.killJobManager();
    case "delete":
    case "delete-background":
      return world.deleteDeploymentByHand(one.do === "delete-background");
    case "lose-ha":
      return world.loseHaMetadata();
    case "rest":
      world.restDown = !world.restDown;
      return;
    case "bad-savepoint":
      world.savepointFails = true;
  }
}

function explain(world: World): string {
  return JSON.stringify(
    { starts: world.starts, status: world.resource.status, job: world.job },
    undefined,
    1,
  );
}

vi.setConfig({ testTimeout: 60_000 });

describe("a crash between any two external calls", () => {
  for (const upgradeMode of ["savepoint", "last-state"] as const) {
    it(`with HA and upgradeMode ${upgradeMode} ends with one writer, the newest state and the newest spec`, () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
          run(new World(deployment(upgradeMode, true)), steps);
        }),
        { numRuns: 250 },
      );
    });

    it(`without HA and with upgradeMode ${upgradeMode} does the same as long as Kubernetes keeps its pods`, () => {
      fc.assert(
        fc.property(fc.array(gentle, { maxLength: 100 }), (steps) => {
          run(new World(deployment(upgradeMode, false)), steps);
        }),
        { numRuns: 150 },
      );
    });
  }

  for (const upgradeMode of ["savepoint", "last-state"] as const) {
    it(`with HA metadata deleted by hand and upgradeMode ${upgradeMode} goes on from the newest retained checkpoint`, () => {
      fc.assert(
        fc.property(losing("lose-ha", "lose-ha", "delete", "delete-background", "kill"), (steps) => {
          run(established(upgradeMode, true), steps);
        }),
        { numRuns: 150, examples: [[unseen("lose-ha")], [givenUp]] },
      );
    });

    it(`without HA, with its JobManager deleted by hand and upgradeMode ${upgradeMode} does the same`, () => {
      fc.assert(
        fc.property(losing("delete", "delete-background"), (steps) => {
          run(established(upgradeMode, false), steps);
        }),
        { numRuns: 100, examples: [[unseen("delete")], [unseen("delete-background")]] },
      );
    });
  }

  it("of a stateless job starts it empty once for each change", () => {
    fc.assert(
      fc.property(fc.array(gentle, { maxLength: 60 }), (steps) => {
        const world = new World(deployment("stateless", true));
        world.forgiven = Number.POSITIVE_INFINITY;
        run(world, steps);
        expect(world.starts.every(({ from }) => from === "empty")).toBe(true);
        expect(world.starts.length).toBeLessThanOrEqual(world.resource.metadata.generation ?? 1);
      }),
      { numRuns: 100 },
    );
  });

  it("in a deletion leaves nothing behind", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.array(step, { maxLength: 60 }), (before, after) => {
        const world = new World(deployment("last-state", true));
        for (const one of before) apply(world, one);
        world.resource.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
        for (const one of after.filter(({ do: name }) => name === "pass" || name === "tick"))
          apply(world, one);
        for (let round = 0; round < 200 && world.resource.metadata.finalizers?.length !== 0; round++) {
          pass(world);
          world.tick();
        }
        const left = [world.deployment, ...world.pods, ...world.services, ...world.configMaps];
        expect(left.filter((object) => object !== undefined)).toEqual([]);
        expect(world.resource.metadata.finalizers).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

/** A job that has made a checkpoint. */
function established(upgradeMode: UpgradeMode, ha: boolean): World {
  const world = new World(deployment(upgradeMode, ha));
  settle(world);
  while (world.storage.size === 0) world.tick();
  return world;
}

function run(world: World, steps: readonly Step[]): void {
  for (const one of steps) apply(world, one);
  settle(world);
  expect(world.violations, explain(world)).toEqual([]);
  expect(ended(world), explain(world)).toBe(true);
  const recorded = JSON.parse(world.resource.status?.reconciliationStatus?.lastReconciledSpec ?? "null");
  if (recorded?.spec.job.state !== "running") return;
  expect(recorded.spec.job.parallelism).toBe(world.resource.spec.job?.parallelism);
}
