import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  beginPass,
  deployment,
  ended,
  explain,
  pass,
  type Request,
  settle,
} from "../../../testbed/model/play.ts";
import { World } from "../../../testbed/model/world.ts";

/**
 * Two operators, of which one leads at any time. The one that led before was stopped in the middle of a pass. Of what it
 * had not sent, nothing leaves any more when it wakes up (src/kube/fence.ts); what was just leaving arrives whenever it
 * likes.
 */
type Change = "scale-up" | "suspend" | "resume" | "restart" | "kill" | "delete";
type Step = { readonly do: "watched"; readonly ticks: number } | { readonly do: Change };

const GENTLE: readonly Change[] = ["scale-up", "suspend", "resume", "restart"];

function steps(changes: readonly Change[], maxLength: number): fc.Arbitrary<readonly Step[]> {
  return fc.array(
    fc.oneof<fc.WeightedArbitrary<Step>[]>(
      {
        weight: 3,
        arbitrary: fc.record({ do: fc.constant("watched" as const), ticks: fc.integer({ min: 1, max: 12 }) }),
      },
      { weight: 2, arbitrary: fc.constantFrom(...changes).map((name) => ({ do: name })) },
    ),
    { maxLength },
  );
}

function take(world: World, step: Step): void {
  switch (step.do) {
    case "watched":
      for (let tick = 0; tick < step.ticks; tick++) {
        pass(world);
        world.tick();
      }
      return;
    case "kill":
      return world.killJobManager();
    case "delete":
      return world.deleteDeploymentByHand(false);
    case "restart":
      return world.changeSpec((spec) => ({ ...spec, restartNonce: (spec.restartNonce ?? 0) + 1 }));
    case "scale-up":
      return world.changeSpec((spec) => ({
        ...spec,
        job: { ...spec.job, parallelism: (spec.job?.parallelism ?? 1) + 1 },
      }));
    case "suspend":
    case "resume":
      return world.changeSpec((spec) => ({
        ...spec,
        job: { ...spec.job, state: step.do === "suspend" ? "suspended" : "running" },
      }));
  }
}

/**
 * Passes until one has such a request, which is on its way when its operator is stopped. `skipped`: how many of them
 * arrive before.
 */
function stoppedInPass(world: World, kind: Kind, skipped: number): Request | undefined {
  let arrived = 0;
  for (let round = 0; round < 30; round++) {
    for (const request of beginPass(world).requests) {
      const isMeant = (request.name === "status") === (kind === "status");
      if (isMeant && arrived++ >= skipped) return request;
      if (!request.send()) break;
    }
    world.tick();
  }
  return undefined;
}

/** What is on its way. */
type Kind = "status" | "action";

/** Passes until the next request is the creation of a cluster, which is not sent. */
function untilCreation(world: World): Request {
  for (let round = 0; round < 60; round++) {
    for (const request of beginPass(world).requests) {
      if (request.name === "create-cluster") return request;
      if (!request.send()) break;
    }
    world.tick();
  }
  throw new Error(`no cluster is created: ${explain(world)}`);
}

interface Flow {
  readonly before: readonly Step[];
  /** Something that leads to actions. */
  readonly change: Step;
  readonly kind: Kind;
  readonly skipped: number;
  /** What the other operator, which leads now, sees until the request arrives. */
  readonly meanwhile: readonly Step[];
}

function flows(changes: readonly Change[]): fc.Arbitrary<readonly Flow[]> {
  const change = fc.constantFrom(...changes).map((name): Step => ({ do: name }));
  const flow = fc.record({
    before: steps(changes, 4),
    change,
    kind: fc.constantFrom<Kind>("status", "action", "action", "action"),
    skipped: fc.integer({ min: 0, max: 3 }),
    meanwhile: steps(changes, 10),
  });
  return fc.array(flow, { minLength: 1, maxLength: 3 });
}

function play(world: World, all: readonly Flow[]): void {
  settle(world);
  // A job that has made a checkpoint: before, nobody could go back to anything.
  while (world.storage.size === 0) world.tick();
  for (const { before, change, kind, skipped, meanwhile } of all) {
    for (const step of [...before, change]) take(world, step);
    const late = stoppedInPass(world, kind, skipped);
    for (const step of meanwhile) take(world, step);
    late?.send();
  }
  settle(world);
  expect(world.violations, explain(world)).toEqual([]);
  expect(ended(world), explain(world)).toBe(true);
}

describe("a request of an operator that does not lead any more, however late it arrives,", () => {
  for (const upgradeMode of ["savepoint", "last-state"] as const) {
    it(`does no harm with HA and upgradeMode ${upgradeMode}`, () => {
      fc.assert(
        fc.property(flows([...GENTLE, "kill", "delete"]), (all) =>
          play(new World(deployment(upgradeMode, true)), all),
        ),
        { numRuns: 60 },
      );
    });

    it(`does no harm without HA and with upgradeMode ${upgradeMode}`, () => {
      fc.assert(
        // Not "delete": seed -821652079, path 27:1:1:1:1:0:6:10:15:17 fails (ADR 17, what is left).
        fc.property(flows(GENTLE), (all) => play(new World(deployment(upgradeMode, false)), all)),
        { numRuns: 60 },
      );
    });
  }

  it("does not start a job from the state of an earlier attempt at the same spec", () => {
    const world = new World(deployment("savepoint", false));
    settle(world);
    take(world, { do: "scale-up" });
    const late = untilCreation(world);
    settle(world);
    for (let tick = 0; tick < 6; tick++) world.tick();
    world.deleteDeploymentByHand(false);
    // The attempt from the newest checkpoint is recorded, of the same generation, and its cluster is next.
    untilCreation(world);
    late.send();
    settle(world);
    expect(world.violations, explain(world)).toEqual([]);
    expect(ended(world), explain(world)).toBe(true);
  });
});
