/** Session clusters in the model: changes that cannot run, TaskManagers that come and go, crashes between any two calls. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import {
  type ResourceChange,
  standalone,
  withConfiguration,
  withImage,
  withoutHa,
  withSpec,
} from "../../../testbed/gen/flink-deployment.ts";
import { jobWith, sessionCluster, sessionJob } from "../../../testbed/gen/session.ts";
import { MISSING_IMAGE, SessionWorld } from "../../../testbed/model/session-world.ts";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import { deployedSpec } from "../last-reconciled-spec.ts";

vi.setConfig({ testTimeout: 120_000 });

const JOBS = ["a", "b"] as const;
type Who = (typeof JOBS)[number] | "cluster";

function worldOf(...changes: ResourceChange[]): SessionWorld {
  const timeout = { "kubernetes.operator.deployment.readiness.timeout": "5 s" };
  const cluster = sessionCluster(withImage("flink"), withConfiguration(timeout), ...changes);
  const jobs = JOBS.map((name) =>
    sessionJob(jobWith({ parallelism: 1 }), ({ metadata }) => {
      metadata.name = name;
      metadata.uid = `${name.repeat(8)}-0000-4000-8000-000000000000`;
    }),
  );
  return new SessionWorld(cluster, jobs);
}

function conditionOf({ status }: FlinkDeployment | FlinkSessionJob, type: string): string | undefined {
  const found = status?.conditions?.find((one) => one.type === type && one.status === "True");
  return found && `${type}: ${found.reason}`;
}

const jobsAreReady = (world: SessionWorld): boolean =>
  [...world.resources.values()].every((job) => conditionOf(job, "Ready") !== undefined);

const isWell = (world: SessionWorld): boolean =>
  conditionOf(world.world.resource, "Ready") !== undefined && jobsAreReady(world);

const isRolledBack = (world: SessionWorld): boolean =>
  conditionOf(world.world.resource, "Stalled") === "Stalled: RolledBack" && jobsAreReady(world);

function explain({ world, resources, starts, violations }: SessionWorld): string {
  const statuses = [world.resource, ...resources.values()].map(({ metadata, status }) => [
    metadata.name,
    status,
  ]);
  return JSON.stringify({ violations, starts, statuses }, undefined, 1);
}

function everyJobRunsOnce(world: SessionWorld): void {
  expect(world.violations, explain(world)).toEqual([]);
  for (const [name, { status }] of world.resources) {
    const active = world.activeJobs(name).map(({ id }) => id);
    expect(active, explain(world)).toEqual([status?.jobStatus?.jobId]);
  }
}

function deployed({ world }: SessionWorld): FlinkDeployment["spec"] | undefined {
  return deployedSpec(world.resource.status?.reconciliationStatus ?? {})?.spec;
}

type Step =
  | { readonly do: "look" | "pass" | "act"; readonly who: Who }
  | { readonly do: "die"; readonly who: Who; readonly calls: number }
  | { readonly do: "tick" | "crash" | "kill" | "lose-workers" | "restart-job" }
  | { readonly do: "scale"; readonly replicas: number }
  | { readonly do: "image"; readonly image: string }
  | { readonly do: "version" };

function withReplicas(replicas: number): ResourceChange {
  return withSpec({ taskManager: { replicas, resource: { memory: "1g", cpu: 1 } } });
}

function change(world: SessionWorld, edit: ResourceChange): void {
  world.changeCluster((spec) => {
    const draft = { ...world.world.resource, spec };
    edit(draft);
    return draft.spec;
  });
}

function apply(world: SessionWorld, step: Step): void {
  switch (step.do) {
    case "look":
      return world.look(step.who);
    case "pass":
      return void world.pass(step.who);
    case "act":
      return void world.act(step.who);
    case "die":
      world.pass(step.who, step.calls);
      return world.crash();
    case "tick":
      return world.tick();
    case "crash":
      return world.crash();
    case "kill":
      return world.loseJobManager((kubernetes) => kubernetes.killJobManager());
    case "lose-workers":
      return world.world.deleteTaskManagersByHand();
    case "restart-job":
      return world.changeJob("a", (spec) => ({ ...spec, restartNonce: (spec.restartNonce ?? 0) + 1 }));
    case "scale":
      return change(world, withReplicas(step.replicas));
    case "image":
      return change(world, withImage(step.image));
    case "version": {
      const { flinkVersion } = world.world.resource.spec;
      return change(world, withSpec({ flinkVersion: flinkVersion === "v2_2" ? "v2_3" : "v2_2" }));
    }
  }
}

const who = fc.constantFrom<Who>("cluster", "cluster", "a", "b");
const quiet: fc.WeightedArbitrary<Step>[] = [
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom("look", "pass", "act"), who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("die"), who, calls: fc.constantFrom(0, 1, 2) }) },
  { weight: 8, arbitrary: fc.constant({ do: "tick" }) },
  { weight: 1, arbitrary: fc.constant({ do: "lose-workers" }) },
];
const edits: fc.WeightedArbitrary<Step>[] = [
  { weight: 1, arbitrary: fc.constant({ do: "restart-job" }) },
  { weight: 1, arbitrary: fc.constant({ do: "version" }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("scale"), replicas: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("image"),
      image: fc.constantFrom("flink", "newer", MISSING_IMAGE),
    }),
  },
];

const clusters: [string, boolean, ResourceChange[]][] = [
  ["native, with HA", true, []],
  ["native, without HA", false, [withoutHa()]],
  ["standalone, with HA", true, [standalone(), withReplicas(2)]],
  ["standalone, without HA", false, [standalone(), withReplicas(2), withoutHa()]],
];

describe.each(clusters)("a session cluster, %s", (_, hasHa, changes) => {
  const settled = worldOf(...changes);

  it("comes up and runs its jobs", () => {
    expect(
      settled.settle(() => isWell(settled)),
      explain(settled),
    ).toBe(true);
    everyJobRunsOnce(settled);
  });

  it("whose change cannot run gives way, wherever a crash comes, and its jobs go on", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(...quiet), { maxLength: 40 }), (steps) => {
        const world = settled.copy();
        apply(world, { do: "image", image: MISSING_IMAGE });
        for (const step of steps) apply(world, step);
        expect(
          world.settle(() => isRolledBack(world)),
          explain(world),
        ).toBe(true);
        everyJobRunsOnce(world);
        expect(deployed(world)?.image).toBe("flink");
        apply(world, { do: "image", image: "newer" });
        expect(
          world.settle(() => isWell(world)),
          explain(world),
        ).toBe(true);
        everyJobRunsOnce(world);
        expect(deployed(world)?.image).toBe("newer");
      }),
      { numRuns: 12 },
    );
  });

  it("ends with what is wanted, whatever is edited and lost on the way", () => {
    const faults: fc.WeightedArbitrary<Step>[] = hasHa
      ? [{ weight: 1, arbitrary: fc.constant({ do: "kill" }) }]
      : [];
    fc.assert(
      fc.property(fc.array(fc.oneof(...quiet, ...edits, ...faults), { maxLength: 90 }), (steps) => {
        const world = settled.copy();
        for (const step of steps) apply(world, step);
        if (world.world.resource.spec.image === MISSING_IMAGE) apply(world, { do: "image", image: "last" });
        expect(
          world.settle(() => isWell(world)),
          explain(world),
        ).toBe(true);
        everyJobRunsOnce(world);
        const { spec } = world.world.resource;
        expect(deployed(world)).toMatchObject({ image: spec.image, flinkVersion: spec.flinkVersion });
        const workers = world.world.taskManagers?.["spec"] as { replicas: number } | undefined;
        expect(workers?.replicas).toBe(spec.mode === "standalone" ? spec.taskManager?.replicas : undefined);
      }),
      { numRuns: 25 },
    );
  });
});
