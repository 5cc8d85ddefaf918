/** How deletions end (specification 2.24), from test/data/tables/deletion.yaml, in the model of Kubernetes and Flink. */
import { describe, expect, it } from "vitest";
import { readTable } from "../../../testbed/gen/tables.ts";
import { countedPass, deployment, type Kind, pass, settle } from "../../../testbed/model/play.ts";
import { BROKEN_IMAGE, World } from "../../../testbed/model/world.ts";
import { SAVEPOINT_ON_DELETION } from "../../flink/options.ts";

const COLUMNS = ["state", "savepoint", "flink", "namespace"] as const;
type Combination = Readonly<Record<(typeof COLUMNS)[number], string>>;

const table = readTable("deletion") as {
  readonly states: readonly string[];
  readonly savepoint: readonly string[];
  readonly flink: readonly string[];
  readonly namespace: readonly string[];
  readonly rows: readonly (Combination & { readonly outcome: string })[];
};

const ALL: readonly Combination[] = table.states.flatMap((state) =>
  table.savepoint.flatMap((savepoint) =>
    table.flink.flatMap((flink) =>
      table.namespace.map((namespace) => ({ state, savepoint, flink, namespace })),
    ),
  ),
);

function rowsFor(combination: Combination): readonly { readonly outcome: string }[] {
  return table.rows.filter((row) =>
    COLUMNS.every((column) => row[column] === "any" || row[column] === combination[column]),
  );
}

function changeImage(world: World, image: string): void {
  world.changeSpec((spec) => ({ ...spec, image }));
}

function setState(world: World, state: "running" | "suspended"): void {
  world.changeSpec((spec) => ({ ...spec, job: { ...spec.job, state } }));
}

/** By itself, at the end of its input; Flink removes its HA metadata. */
function finishJob(world: World): void {
  if (world.job !== undefined) world.job.state = "FINISHED";
  world.configMaps = world.configMaps.filter(({ metadata }) => metadata.labels === undefined);
}

/** `kubectl delete`, of the resource or of its namespace. */
function remove(world: World, withNamespace: boolean): void {
  world.changeSpec((spec) => spec);
  world.resource.metadata.deletionTimestamp = new Date(world.now).toISOString();
  world.namespaceGoes = withNamespace;
}

/** What the namespace controller does with everything that has no finalizer; pods take their time. */
function loseNamespace(world: World): void {
  world.deployment = undefined;
  world.taskManagers = undefined;
  world.services = [];
  world.configMaps = [];
}

/** From a job that runs, or, before that, from nothing. */
const STATES: Readonly<Record<string, (world: World) => void>> = {
  new: () => undefined,
  starting: (world) => {
    while (world.deployment === undefined) pass(world);
  },
  running: settle,
  failed: (world) => {
    changeImage(world, BROKEN_IMAGE);
    while (world.resource.status?.jobStatus?.state !== "FAILED") {
      pass(world);
      world.tick();
    }
  },
  finished: (world) => {
    settle(world);
    finishJob(world);
    while (world.resource.status?.jobStatus?.state !== "FINISHED") pass(world);
  },
  "stopping for a change": (world) => {
    settle(world);
    changeImage(world, "other");
    while (world.job?.savepoint === undefined) pass(world);
  },
  suspended: (world) => {
    settle(world);
    setState(world, "suspended");
    settle(world);
  },
  "JobManager lost": (world) => {
    settle(world);
    world.deleteDeploymentByHand(true);
  },
};

const isGone = (world: World): boolean => world.resource.metadata.finalizers?.length === 0;

/** Passes, and time that goes by, until the resource is gone or nothing more happens. */
function follow(world: World, { flink, namespace }: Combination, events: string[]): void {
  for (let round = 0; round < 60 && !isGone(world); round++) {
    if (flink === "fails savepoints") world.savepointFails = true;
    if (flink === "is silent") world.restDown = true;
    events.push(...countedPass(world).events.map(({ message }) => message));
    if (namespace === "goes" && round === 5) loseNamespace(world);
    world.tick();
  }
}

function stalled(world: World): { readonly reason: string; readonly message: string } | undefined {
  return world.resource.status?.conditions?.find(
    ({ type, status }) => type === "Stalled" && status === "True",
  );
}

function setSavepoint(world: World, wanted: boolean): void {
  world.changeSpec((spec) => ({
    ...spec,
    flinkConfiguration: { ...(spec.flinkConfiguration as object), [SAVEPOINT_ON_DELETION.key]: wanted },
  }));
}

function outcomeOf(kind: Kind, combination: Combination): string {
  const { state, savepoint, namespace } = combination;
  const world = new World(deployment("savepoint", true, kind));
  setSavepoint(world, savepoint === "wanted");
  STATES[state]?.(world);
  remove(world, namespace === "goes");
  const events: string[] = [];
  follow(world, combination, events);
  let said = "";
  if (!isGone(world)) {
    const { reason = "nothing", message = "" } = stalled(world) ?? {};
    said = `says ${reason}`;
    expect(message, "the next step").toContain("Set that option to false");
    setSavepoint(world, false);
    follow(world, combination, events);
  }
  expect(isGone(world), "the resource goes").toBe(true);
  const { deployment: jobManager, taskManagers, pods, services, configMaps, violations } = world;
  expect({ jobManager, taskManagers, pods, services, configMaps, violations }).toEqual({
    jobManager: undefined,
    taskManagers: undefined,
    pods: [],
    services: [],
    configMaps: [],
    violations: [],
  });
  if (said !== "") return said;
  const saved = events.some((message) => message.startsWith("Savepoint before the deletion: s3://"));
  return saved ? "gone with a savepoint" : "gone";
}

describe("the deletion of a FlinkDeployment", () => {
  it("has one row for each combination", () => {
    expect(ALL.filter((one) => rowsFor(one).length !== 1)).toEqual([]);
    expect(Object.keys(STATES)).toEqual(table.states);
  });

  describe.each<Kind>(["native", "standalone"])("%s", (kind) => {
    it.each(ALL)("$state, savepoint $savepoint, Flink $flink, its namespace $namespace", (combination) => {
      expect(outcomeOf(kind, combination)).toBe(rowsFor(combination)[0]?.outcome);
    });
  });
});
