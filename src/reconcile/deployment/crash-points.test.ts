/**
 * Every point between two external calls of every flow: Sluice dies there and starts again, and the end is the same.
 * crash.test.ts does it at random, with several flows and faults at once; here no point is left out.
 */
import { describe, expect, it, vi } from "vitest";
import {
  changeAnnotations,
  changeIngress,
  changeLogFile,
  countedPass,
  deployment,
  ended,
  explain,
  inPlaceOf,
  wantedInPlace,
  settle,
} from "../../../testbed/model/play.ts";
import { BROKEN_IMAGE, World } from "../../../testbed/model/world.ts";
import type { FlinkDeploymentSpec, UpgradeMode } from "../../api/flink-deployment.ts";

type Spec = FlinkDeploymentSpec;
const withJob =
  (job: Spec["job"]) =>
  (spec: Spec): Spec => ({ ...spec, job: { ...spec.job, ...job } });

interface Flow {
  readonly name: string;
  /** What has been before; the world is at rest then. */
  readonly before?: (world: World) => void;
  readonly event: (world: World) => void;
}

const running = (world: World): void => settle(world);
function suspended(world: World): void {
  settle(world);
  world.changeSpec(withJob({ state: "suspended" }));
  settle(world);
}

const FLOWS: readonly Flow[] = [
  { name: "first deployment", event: () => {} },
  { name: "change", before: running, event: (world) => world.changeSpec(withJob({ parallelism: 2 })) },
  {
    name: "suspension",
    before: running,
    event: (world) => world.changeSpec(withJob({ state: "suspended" })),
  },
  {
    name: "resumption",
    before: suspended,
    event: (world) => world.changeSpec(withJob({ state: "running" })),
  },
  {
    name: "restart",
    before: running,
    event: (world) => world.changeSpec((spec) => ({ ...spec, restartNonce: 1 })),
  },
  { name: "lost JobManager", before: running, event: (world) => world.deleteDeploymentByHand(true) },
  { name: "killed JobManager", before: running, event: (world) => world.killJobManager() },
  {
    name: "rollback",
    before: running,
    event: (world) => world.changeSpec((spec) => ({ ...spec, image: BROKEN_IMAGE })),
  },
  { name: "change of the Ingress", before: running, event: changeIngress },
  {
    name: "change in place of everything",
    before: running,
    event: (world) => [changeIngress, changeAnnotations, changeLogFile].forEach((change) => change(world)),
  },
  {
    name: "change in place and of the job",
    before: running,
    event: (world) => {
      [changeIngress, changeAnnotations, changeLogFile].forEach((change) => change(world));
      world.changeSpec(withJob({ parallelism: 2 }));
    },
  },
  {
    name: "failed savepoint",
    before: running,
    event: (world) => {
      world.savepointFails = true;
      world.changeSpec(withJob({ parallelism: 2 }));
    },
  },
];

vi.setConfig({ testTimeout: 60_000 });

/** More than any flow takes, with one crash. */
const ROUNDS = 60;

/** The flow, with a crash after `dieAfter` calls to the outside. Answers how many calls it made in all. */
function play(
  flow: Flow,
  mode: UpgradeMode,
  kind: "native" | "standalone",
  dieAfter: number,
): [World, number] {
  const world = new World(deployment(mode, true, kind));
  flow.before?.(world);
  while (flow.before !== undefined && world.job !== undefined && world.storage.size === 0) world.tick();
  flow.event(world);
  let made = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const left = dieAfter - made;
    const { calls } = countedPass(world, left > 0 ? left : Number.POSITIVE_INFINITY);
    made += calls;
    world.tick();
  }
  return [world, made];
}

function outcome(world: World): unknown {
  const { lifecycleState, reconciliationStatus, jobStatus } = world.resource.status ?? {};
  return {
    lifecycleState,
    state: reconciliationStatus?.state,
    jobState: jobStatus?.state,
    deployed: [world.deployed?.image, world.deployed?.job?.parallelism],
    inPlace: inPlaceOf(world),
    starts: world.starts.length,
  };
}

it("a change in place during a rollback goes with it", () => {
  const world = new World(deployment("savepoint", true));
  settle(world);
  world.changeSpec((spec) => ({ ...spec, image: BROKEN_IMAGE }));
  const rollsBack = (): boolean => world.resource.status?.lifecycleState === "ROLLING_BACK";
  for (let round = 0; round < ROUNDS && !rollsBack(); round++) {
    countedPass(world);
    world.tick();
  }
  expect(rollsBack()).toBe(true);
  [changeIngress, changeAnnotations, changeLogFile].forEach((change) => change(world));
  settle(world);
  expect(world.violations).toEqual([]);
  expect(world.resource.status?.lifecycleState).toBe("ROLLED_BACK");
  expect([ended(world), world.deployed?.image], explain(world)).toEqual([true, "flink"]);
  for (let round = 0; round < ROUNDS; round++) countedPass(world);
  expect(inPlaceOf(world)).toEqual(wantedInPlace(world));
});

describe.each(["native", "standalone"] as const)("of a %s cluster", (kind) => {
  describe.each(["savepoint", "last-state"] as const)("with upgradeMode %s", (mode) => {
    it.each(FLOWS.map((flow) => [flow.name, flow] as const))("a crash anywhere in a %s", (_name, flow) => {
      const [whole, calls] = play(flow, mode, kind, Number.POSITIVE_INFINITY);
      expect(whole.violations, explain(whole)).toEqual([]);
      for (let point = 1; point < calls; point++) {
        const [world] = play(flow, mode, kind, point);
        expect(world.violations, `after call ${point}: ${explain(world)}`).toEqual([]);
        expect(outcome(world), `after call ${point}: ${explain(world)}`).toEqual(outcome(whole));
        expect(ended(world)).toBe(ended(whole));
      }
      expect(calls).toBeGreaterThan(flow.name === "killed JobManager" ? 0 : 2);
    });

    it("a crash anywhere in a deletion leaves nothing", () => {
      const remove: Flow = {
        name: "deletion",
        before: running,
        event: (world) => (world.resource.metadata.deletionTimestamp = "2026-01-01T00:00:00Z"),
      };
      const [, calls] = play(remove, mode, kind, Number.POSITIVE_INFINITY);
      for (let point = 1; point < calls; point++) {
        const [world] = play(remove, mode, kind, point);
        expect(world.resource.metadata.finalizers, `after call ${point}`).toEqual([]);
        const left = [world.deployment, ...world.pods, ...world.services, ...world.configMaps];
        expect(left.filter((object) => object !== undefined)).toEqual([]);
      }
      expect(calls).toBeGreaterThan(2);
    });
  });
});
