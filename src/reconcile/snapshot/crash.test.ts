import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { FlinkStateSnapshot } from "../../api/flink-state-snapshot.ts";
import {
  flinkDeployment,
  type ResourceChange,
  withConfiguration,
  withoutHa,
} from "../../../testbed/gen/flink-deployment.ts";
import { passDeployment, passSnapshot } from "../../../testbed/model/snapshot-passes.ts";
import { World } from "../../../testbed/model/world.ts";
import { parseRecordedSpec } from "../last-reconciled-spec.ts";
import { isOpen } from "./decide.ts";
import { snapshotTypeOf, triggerTypeOf } from "./resource.ts";

/** A world with a job that runs, and what is seen of its snapshots. */
class Scene {
  readonly world: World;
  bumps = 0;
  givenUp = 0;

  constructor(resources: boolean, ...changes: ResourceChange[]) {
    this.world = new World(flinkDeployment(...changes));
    if (resources) this.world.snapshots = [];
    this.settle();
  }

  get snapshots(): FlinkStateSnapshot[] {
    return this.world.snapshots ?? [];
  }

  get handled(): number | undefined {
    const { lastReconciledSpec } = this.world.resource.status?.reconciliationStatus ?? {};
    return parseRecordedSpec(lastReconciledSpec)?.spec.job?.savepointTriggerNonce;
  }

  /** Nothing is wanted that was not begun. */
  get isIdle(): boolean {
    const { triggerType, triggerId } = this.world.resource.status?.jobStatus?.savepointInfo ?? {};
    const { savepointTriggerNonce } = this.world.resource.spec.job ?? {};
    return this.handled === savepointTriggerNonce && triggerType !== "MANUAL" && (triggerId ?? "") === "";
  }

  pass(calls?: number): boolean {
    const { quiet, events } = passDeployment(this.world, calls);
    this.givenUp += events.filter(
      ({ reason, message }) => reason === "SavepointError" && !/tried again|after it/.test(message),
    ).length;
    return quiet;
  }

  passAll(calls?: number): boolean {
    return this.snapshots.map((one) => passSnapshot(this.world, one, calls).quiet).every(Boolean);
  }

  /** One that was not asked for yet, so that each asks for one of its own. */
  bump(): void {
    if (!this.isIdle) return;
    this.bumps++;
    this.world.changeSpec((spec) => ({ ...spec, job: { ...spec.job, savepointTriggerNonce: this.bumps } }));
  }

  settle(): void {
    const { world } = this;
    world.restDown = false;
    world.asked.fails = false;
    for (let round = 0; round < 900; round++) {
      const quiet = [this.pass(), this.passAll()].every(Boolean);
      const suspended = world.resource.spec.job?.state === "suspended";
      const there = suspended
        ? world.deployment === undefined
        : world.job?.state === "RUNNING" && this.isIdle;
      if (quiet && there && !this.snapshots.some(isOpen)) return;
      world.tick();
    }
    throw new Error(
      `never settles: ${JSON.stringify([world.resource.status, world.snapshots], undefined, 1)}`,
    );
  }
}

type Step =
  | { readonly do: "pass" | "snapshots"; readonly calls: number }
  | { readonly do: "tick" | "bump" | "rest" | "fail" | "settle" | "change" | "suspend" | "kill" };

const steady = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom("pass" as const, "snapshots" as const),
      calls: fc.constantFrom(0, 1, 2, 99),
    }),
  },
  {
    weight: 8,
    arbitrary: fc
      .constantFrom("tick", "bump", "bump", "rest", "fail", "settle")
      .map((name): Step => ({ do: name })),
  },
);
const wild = fc.oneof(
  { weight: 8, arbitrary: steady },
  {
    weight: 1,
    arbitrary: fc.constantFrom("change", "suspend", "kill").map((name): Step => ({ do: name })),
  },
);

function apply(scene: Scene, step: Step): void {
  const { world } = scene;
  switch (step.do) {
    case "pass":
      return void scene.pass(step.calls);
    case "snapshots":
      return void scene.passAll(step.calls);
    case "tick":
      return world.tick();
    case "bump":
      return scene.bump();
    case "rest":
      return void (world.restDown = !world.restDown);
    case "fail":
      return void (world.asked.fails = true);
    case "settle":
      return scene.settle();
    case "change":
      return world.changeSpec((spec) => ({ ...spec, restartNonce: (spec.restartNonce ?? 0) + 1 }));
    case "suspend":
      return world.changeSpec((spec) => {
        const state = spec.job?.state === "suspended" ? "running" : "suspended";
        return { ...spec, job: { ...spec.job, state } };
      });
    case "kill":
      return world.killJobManager();
  }
}

function play(scene: Scene, steps: readonly Step[]): void {
  for (const step of steps) apply(scene, step);
  scene.world.changeSpec((spec) => ({ ...spec, job: { ...spec.job, state: "running" } }));
  scene.settle();
}

const legacy = withConfiguration({ "kubernetes.operator.snapshot.resource.enabled": "false" });

vi.setConfig({ testTimeout: 60_000 });

describe("a crash between any two calls", () => {
  it("makes of each nonce one FlinkStateSnapshot, and of that one savepoint", () => {
    fc.assert(
      fc.property(fc.array(steady, { maxLength: 80 }), (steps) => {
        const scene = new Scene(true);
        play(scene, steps);
        const { world, snapshots, bumps } = scene;
        expect(snapshots.map(({ status }) => status?.state)).toEqual(
          Array.from({ length: bumps }, () => "COMPLETED"),
        );
        expect(new Set(snapshots.map(({ status }) => status?.path))).toEqual(new Set(world.asked.taken));
        expect(world.asked.taken).toHaveLength(bumps);
        expect(scene.handled ?? 0).toBe(bumps);
      }),
      { numRuns: 50 },
    );
  });

  it("beside changes, suspensions and lost JobManagers makes one object for each nonce, and every object ends", () => {
    fc.assert(
      fc.property(fc.array(wild, { maxLength: 100 }), (steps) => {
        const scene = new Scene(true);
        play(scene, steps);
        const { world, snapshots, bumps } = scene;
        expect(snapshots.filter((one) => triggerTypeOf(one) === "MANUAL")).toHaveLength(bumps);
        for (const { status } of snapshots) expect(["COMPLETED", "ABANDONED"]).toContain(status?.state);
        const paths = snapshots.flatMap(({ status }) => status?.path ?? []);
        expect(new Set(paths).size).toBe(paths.length);
        const isThere = (path: string): boolean =>
          world.asked.taken.includes(path) || world.storage.has(path);
        expect(paths.filter((path) => !isThere(path))).toEqual([]);
        const upgrades = snapshots.filter((one) => triggerTypeOf(one) === "UPGRADE");
        const { lastSavepoint } = world.resource.status?.jobStatus?.savepointInfo ?? {};
        expect(upgrades.at(-1)?.spec.savepoint?.path).toBe(lastSavepoint?.location);
        expect(world.violations).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  it("without objects takes one savepoint for each nonce, or says that it was given up", () => {
    fc.assert(
      fc.property(fc.array(steady, { maxLength: 80 }), (steps) => {
        const scene = new Scene(false, legacy);
        play(scene, steps);
        const { world, bumps, givenUp } = scene;
        expect(world.asked.taken.length + givenUp).toBe(bumps);
        const { savepointHistory = [] } = world.resource.status?.jobStatus?.savepointInfo ?? {};
        expect(savepointHistory.map(({ location }) => location)).toEqual(world.asked.taken.slice(-10));
      }),
      { numRuns: 50 },
    );
  });

  it("without objects holds no change up, and takes no savepoint for the state of a stop", () => {
    fc.assert(
      fc.property(fc.array(wild, { maxLength: 100 }), (steps) => {
        const scene = new Scene(false, legacy, withoutHa());
        scene.world.forgiven = Number.POSITIVE_INFINITY;
        play(scene, steps);
        expect(scene.world.violations).toEqual([]);
        expect(scene.world.starts.every(({ from }) => !scene.world.asked.taken.includes(from))).toBe(true);
      }),
      { numRuns: 35 },
    );
  });

  it("takes one checkpoint for each object that asks for it", () => {
    fc.assert(
      fc.property(fc.array(steady, { maxLength: 60 }), (steps) => {
        const scene = new Scene(true);
        scene.world.execute({
          type: "create-snapshot",
          snapshot: {
            apiVersion: "flink.apache.org/v1beta1",
            kind: "FlinkStateSnapshot",
            metadata: { name: "mine", namespace: "default" },
            spec: { jobReference: { kind: "FlinkDeployment", name: "job" }, checkpoint: {} },
          },
        });
        play(scene, steps);
        const checkpoints = scene.snapshots.filter((one) => snapshotTypeOf(one) === "checkpoint");
        expect(checkpoints.map(({ status }) => status?.state)).toEqual(["COMPLETED"]);
        expect(scene.world.asked.taken.filter((path) => path.includes("/checkpoint-"))).toEqual([
          checkpoints[0]?.status?.path,
        ]);
      }),
      { numRuns: 60 },
    );
  });
});
