import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import {
  changeAnnotations,
  changeIngress,
  changeLogFile,
  deployment,
  ended,
  explain,
  inPlaceOf,
  type Kind,
  pass,
  settle,
  wantedInPlace,
} from "../../../testbed/model/play.ts";
import { BROKEN_IMAGE, World } from "../../../testbed/model/world.ts";
import type { UpgradeMode } from "../../api/flink-deployment.ts";
import { specOf } from "../history.ts";
import { sameJson } from "../last-reconciled-spec.ts";

type Step =
  | { readonly do: "pass"; readonly calls: number }
  /** Time goes by, and Sluice looks after each tick, or is not there. */
  | { readonly do: "watched" | "unwatched"; readonly ticks: number }
  | {
      readonly do:
        | "tick"
        | "scale-up"
        | "add-worker"
        | "kill-workers"
        | "delete-workers"
        | "hand-over"
        | "suspend"
        | "resume"
        | "restart"
        | "kill"
        | "delete"
        | "delete-background"
        | "lose-ha"
        | "settle"
        | "rest"
        | "break"
        | "mend"
        | "bad-savepoint"
        | "churn"
        | "ingress"
        | "annotate"
        | "log"
        | "delete-ingress";
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

const inPlace = ["ingress", "annotate", "log", "delete-ingress"] as const;
const changes = ["scale-up", "suspend", "resume", "restart", "rest", "bad-savepoint", ...inPlace] as const;
const faults = ["kill", "delete", "delete-background"] as const;
const workers = ["add-worker", "kill-workers", "delete-workers"] as const;
const gentle = fc.oneof(...passes, among(...changes));
const step = fc.oneof(...passes, among(...changes, ...faults));
const standaloneStep = fc.oneof(...passes, among(...changes, ...faults, ...workers, "hand-over"));
const gentleStandaloneStep = fc.oneof(...passes, among(...changes, ...workers, "hand-over"));
const scaling = fc.oneof(...passes, among(...workers, "scale-up", "rest"), among(...inPlace));
const unnoticed = fc.oneof(...passes, among(...inPlace), among("rest"));
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
  take(world, one);
  historyAgrees(world);
}

/** Whenever Sluice says that a cluster is deployed, the last entry of the history is that cluster's. */
function historyAgrees(world: World): void {
  const { history = [], reconciliationStatus = {} } = world.resource.status ?? {};
  const { state, lastReconciledSpec } = reconciliationStatus;
  const revisions = history.map(({ revision = 0 }) => revision);
  expect(revisions).toEqual(revisions.map((_, nth) => (revisions[0] ?? 0) + nth));
  expect(history.length).toBeLessThanOrEqual(5);
  const wanted = JSON.parse(lastReconciledSpec ?? "null")?.spec.job.state;
  const isDeployed = (state === "DEPLOYED" || state === "ROLLED_BACK") && wanted === "running";
  if (!isDeployed || world.deployed === undefined) return;
  const last = specOf(history.at(-1) ?? {});
  // A reactive cluster is scaled in place: what it was made with does not follow.
  const isReactive = JSON.stringify(world.resource.spec.flinkConfiguration).includes("reactive");
  const what = (spec: typeof last): unknown[] => [spec?.image, isReactive || spec?.job?.parallelism];
  if (!sameJson(what(last), what(world.deployed)))
    expect(what(last), explain(world)).toEqual(what(world.deployed));
}

function take(world: World, one: Step): void {
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
    case "break":
    case "mend":
      return world.changeSpec((spec) => ({ ...spec, image: one.do === "break" ? BROKEN_IMAGE : "flink" }));
    case "restart":
      return world.changeSpec((spec) => ({ ...spec, restartNonce: (spec.restartNonce ?? 0) + 1 }));
    case "add-worker":
      return world.changeSpec((spec) => ({
        ...spec,
        taskManager: { ...spec.taskManager, replicas: (spec.taskManager?.replicas ?? 1) + 1 },
      }));
    case "kill-workers":
      return world.killTaskManagers();
    case "delete-workers":
      return world.deleteTaskManagersByHand();
    case "hand-over":
      return world.handOver();
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
    case "churn":
      return world.churn();
    case "bad-savepoint":
      world.savepointFails = true;
      return;
    case "ingress":
      return changeIngress(world);
    case "annotate":
      return changeAnnotations(world);
    case "log":
      return changeLogFile(world);
    case "delete-ingress":
      world.ingress = undefined;
  }
}

vi.setConfig({ testTimeout: 60_000 });

describe("a crash between any two external calls", () => {
  for (const upgradeMode of ["savepoint", "last-state"] as const) {
    it(`with HA and upgradeMode ${upgradeMode} ends with one writer, the newest state and the newest spec`, () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
          run(new World(deployment(upgradeMode, true)), steps);
        }),
        { numRuns: 80 },
      );
    });

    it(`without HA and with upgradeMode ${upgradeMode} does the same as long as Kubernetes keeps its pods`, () => {
      fc.assert(
        fc.property(fc.array(gentle, { maxLength: 100 }), (steps) => {
          run(new World(deployment(upgradeMode, false)), steps);
        }),
        { numRuns: 50 },
      );
    });
  }

  for (const upgradeMode of ["savepoint", "last-state"] as const) {
    it(`with changes that fail and upgradeMode ${upgradeMode} ends with the last spec that works`, () => {
      const breaking = fc.oneof(...passes, among(...changes, "break", "break", "mend"));
      fc.assert(
        fc.property(fc.array(breaking, { maxLength: 100 }), (steps) => {
          const world = new World(deployment(upgradeMode, true));
          for (const one of steps) apply(world, one);
          settle(world);
          expect(world.violations, explain(world)).toEqual([]);
          if (!ended(world)) expect(nothingToGoBackTo(world), explain(world)).toBe(true);
          historyAgrees(world);
          run(world, [{ do: "mend" }]);
        }),
        { numRuns: 80 },
      );
    });

    it(`with HA metadata deleted by hand and upgradeMode ${upgradeMode} goes on from the newest retained checkpoint`, () => {
      fc.assert(
        fc.property(losing("lose-ha", "lose-ha", "delete", "delete-background", "kill"), (steps) => {
          run(established(upgradeMode, true), steps);
        }),
        { numRuns: 50, examples: [[unseen("lose-ha")], [givenUp]] },
      );
    });

    it(`without HA, with its JobManager deleted by hand and upgradeMode ${upgradeMode} does the same`, () => {
      fc.assert(
        fc.property(losing("delete", "delete-background"), (steps) => {
          run(established(upgradeMode, false), steps);
        }),
        { numRuns: 35, examples: [[unseen("delete")], [unseen("delete-background")]] },
      );
    });
  }

  it("with health checks ends with the newest state, however often the job is unhealthy", () => {
    const sick = fc.oneof(...passes, among("restart", "suspend", "resume", "kill"), among("churn"));
    fc.assert(
      fc.property(fc.array(sick, { maxLength: 100 }), (steps) => {
        const checked = deployment("savepoint", true);
        const key = "kubernetes.operator.cluster.health-check.enabled";
        Object.assign(checked.spec.flinkConfiguration as object, { [key]: "true" });
        run(new World(checked), steps);
      }),
      { numRuns: 60 },
    );
  });

  for (const kind of ["standalone", "reactive"] as const) {
    it(`of a ${kind} cluster with HA comes to the same`, () => {
      const upgradeMode = fc.constantFrom<UpgradeMode>("savepoint", "last-state");
      fc.assert(
        fc.property(upgradeMode, fc.array(standaloneStep, { maxLength: 120 }), (mode, steps) => {
          run(new World(deployment(mode, true, kind)), steps);
        }),
        { numRuns: 80 },
      );
    });

    it(`of a ${kind} cluster without HA does the same as long as Kubernetes keeps its JobManager`, () => {
      const upgradeMode = fc.constantFrom<UpgradeMode>("savepoint", "last-state");
      fc.assert(
        fc.property(upgradeMode, fc.array(gentleStandaloneStep, { maxLength: 100 }), (mode, steps) => {
          run(new World(deployment(mode, false, kind)), steps);
        }),
        { numRuns: 50 },
      );
    });
  }

  it("while a reactive job is scaled and loses its TaskManagers restarts it never", () => {
    fc.assert(
      fc.property(fc.array(scaling, { maxLength: 100 }), (steps) => {
        const world = new World(deployment("savepoint", true, "reactive"));
        settle(world);
        run(world, steps);
        expect(world.starts).toHaveLength(1);
      }),
      { numRuns: 50 },
    );
  });

  it.each<Kind>(["native", "standalone"])("in changes in place of a %s cluster restarts it never", (kind) => {
    fc.assert(
      fc.property(fc.array(unnoticed, { maxLength: 60 }), (steps) => {
        const world = new World(deployment("savepoint", true, kind));
        settle(world);
        run(world, steps);
        expect(world.starts).toHaveLength(1);
      }),
      { numRuns: 50 },
    );
  });

  it("of a stateless job starts it empty once for each change", () => {
    fc.assert(
      fc.property(fc.array(gentle, { maxLength: 60 }), (steps) => {
        const world = new World(deployment("stateless", true));
        world.forgiven = Number.POSITIVE_INFINITY;
        run(world, steps);
        expect(world.starts.every(({ from }) => from === "empty")).toBe(true);
        expect(world.starts.length).toBeLessThanOrEqual(world.resource.metadata.generation ?? 1);
      }),
      { numRuns: 35 },
    );
  });

  it.each<[Kind, typeof step]>([
    ["native", step],
    ["standalone", standaloneStep],
  ])("in the deletion of a %s cluster leaves nothing behind", (kind, any) => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 60 }), fc.array(any, { maxLength: 60 }), (before, after) => {
        const world = new World(deployment("last-state", true, kind));
        for (const one of before) apply(world, one);
        world.resource.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
        for (const one of after.filter(({ do: name }) => name === "pass" || name === "tick"))
          apply(world, one);
        for (let round = 0; round < 200 && world.resource.metadata.finalizers?.length !== 0; round++) {
          pass(world);
          world.tick();
        }
        const { deployment: jobManager, taskManagers, pods, services, configMaps } = world;
        const left = [jobManager, taskManagers, ...pods, ...services, ...configMaps];
        expect(left.filter((object) => object !== undefined)).toEqual([]);
        expect(world.resource.metadata.finalizers).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});

/** The spec is broken, and none ran before, or the last one was suspended. */
function nothingToGoBackTo(world: World): boolean {
  const { lastStableSpec } = world.resource.status?.reconciliationStatus ?? {};
  const stable = JSON.parse(lastStableSpec ?? "null");
  return world.resource.spec.image === BROKEN_IMAGE && stable?.spec.job.state !== "running";
}

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
  historyAgrees(world);
  const suspended = world.resource.spec.job?.state === "suspended";
  const outcome = world.resource.status?.history?.at(-1)?.outcome;
  // A job that was suspended before its first deployment has none.
  if (!suspended || outcome !== undefined) expect(outcome).toBe(suspended ? "Suspended" : "Stable");
  const recorded = JSON.parse(world.resource.status?.reconciliationStatus?.lastReconciledSpec ?? "null");
  if (recorded?.spec.job.state !== "running") return;
  const { job, taskManager } = world.resource.spec;
  expect(inPlaceOf(world), explain(world)).toEqual(wantedInPlace(world));
  expect(recorded.spec.job.parallelism).toBe(job?.parallelism);
  expect(recorded.spec.taskManager.replicas).toBe(taskManager?.replicas);
  if (world.resource.spec.mode !== "standalone") return;
  const replicas = (world.taskManagers?.["spec"] as { replicas?: number } | undefined)?.replicas;
  expect(replicas, explain(world)).toBe(taskManager?.replicas ?? job?.parallelism);
}
