import { describe, expect, it } from "vitest";
import { deployment, type Kind, look, settle } from "../../../testbed/model/play.ts";
import { World } from "../../../testbed/model/world.ts";
import type { FlinkDeployment, FlinkDeploymentSpec, UpgradeMode } from "../../api/flink-deployment.ts";
import type { Action } from "../decision.ts";
import { follow } from "./follow.ts";
import { type Plan, planChange, type Verdict } from "./plan.ts";

const OPTIONS = { defaults: {}, progressInterval: 1000, reconcileInterval: 15_000, entropy: "e".repeat(32) };
type Edit = (spec: FlinkDeploymentSpec) => FlinkDeploymentSpec;

const withJob =
  (job: FlinkDeploymentSpec["job"]): Edit =>
  (spec) => ({ ...spec, job: { ...spec.job, ...job } });
const withOptions =
  (options: object): Edit =>
  (spec) => ({ ...spec, flinkConfiguration: { ...(spec.flinkConfiguration as object), ...options } });

/** A world in which a job runs and has completed a checkpoint, and what it does from then on. */
function runningWorld(
  mode: UpgradeMode,
  ha: boolean,
  kind: Kind = "native",
): { world: World; done: Action[] } {
  const world = new World(deployment(mode, ha, kind));
  settle(world);
  while (world.storage.size === 0) world.tick();
  settle(world);
  const done: Action[] = [];
  const execute = world.execute.bind(world);
  world.execute = (action) => {
    done.push(action);
    execute(action);
  };
  return { world, done };
}

const ask = (world: World) => (question: Parameters<World["retained"]>[0]) =>
  Promise.resolve(world.retained(question));

function edited(world: World, edit: Edit): FlinkDeployment {
  return { ...world.resource, spec: edit(structuredClone(world.resource.spec)) };
}

function plan(world: World, edit: Edit): Promise<Plan> {
  const seen = look(world);
  const observed = { ...seen, flink: { ...seen.flink, ...world.answer("checkpoints") } };
  return planChange(observed, edited(world, edit), world.now, OPTIONS, ask(world));
}

/** What is asked for, in order; what is only asked for again, once. */
function shapes(actions: readonly Action[]): string[] {
  const all = actions.map((action) => {
    if (action.type !== "create-cluster") return action.type;
    return `${action.existing === undefined ? "create" : "complete"}, restore ${action.inputs.restore.kind}`;
  });
  return all.filter((shape, nth) => shape !== all[nth - 1]);
}

const EDITS: readonly (readonly [string, Edit])[] = [
  ["another parallelism", withJob({ parallelism: 2 })],
  ["another image", (spec) => ({ ...spec, image: "flink:other" })],
  ["a restart", (spec) => ({ ...spec, restartNonce: 1 })],
  ["suspension", withJob({ state: "suspended" })],
  ["another Flink version", (spec) => ({ ...spec, flinkVersion: "v2_2" })],
  ["an option", withOptions({ "taskmanager.numberOfTaskSlots": "2" })],
  ["an option of the operator", withOptions({ "kubernetes.operator.reconcile.interval": "10 s" })],
  ["another upgrade mode", withJob({ upgradeMode: "stateless" })],
  ["start over", withJob({ savepointRedeployNonce: 1 })],
  [
    "start from a given state",
    withJob({ savepointRedeployNonce: 1, initialSavepointPath: "s3://savepoints/one" }),
  ],
  ["no parallelism", withJob({ parallelism: 0 })],
  ["an Ingress", (spec) => ({ ...spec, ingress: { template: "jobs.example.org" } })],
  ["an annotation of a Service", withOptions({ "kubernetes.rest-service.annotations": "a:b" })],
  [
    "an Ingress and another parallelism",
    (spec) => withJob({ parallelism: 2 })({ ...spec, ingress: { template: "jobs.example.org" } }),
  ],
];

describe("what is planned is what happens", () => {
  const modes = ["savepoint", "last-state", "stateless"] as const;
  const worlds = modes.flatMap((mode) => [true, false].map((ha) => [mode, ha] as const));
  describe.each(worlds)("with upgradeMode %s, HA %s", (mode, ha) => {
    it.each(EDITS)("for %s", async (_what, edit) => {
      const { world, done } = runningWorld(mode, ha);
      const resource = { ...edited(world, edit), metadata: { ...world.resource.metadata, generation: 2 } };
      const { ways } = await follow([{ ...look(world), resource }], world.now, OPTIONS, ask(world));
      const [way] = ways;
      world.changeSpec(edit);
      settle(world);
      const seen = way?.actions.filter(({ type }) => type !== "scale-job-manager-to-zero");
      const happened = done.filter(({ type }) => type !== "scale-job-manager-to-zero");
      expect(shapes(seen ?? [])).toEqual(shapes(happened));
      const ended = ({ lifecycleState, jobStatus }: NonNullable<FlinkDeployment["status"]>) => [
        lifecycleState,
        jobStatus?.state,
      ];
      expect(ended(way?.end.resource.status ?? {})).toEqual(ended(world.resource.status ?? {}));
    });
  });

  it("for another number of TaskManagers in reactive mode", async () => {
    const { world } = runningWorld("savepoint", true, "reactive");
    const { verdict, steps } = await plan(world, (spec) => ({
      ...spec,
      taskManager: { ...spec.taskManager, replicas: 3 },
    }));
    expect([verdict, steps]).toEqual(["in-place", ["scale to 3 TaskManagers; the job goes on"]]);
  });
});

describe("a plan says", () => {
  it.each<[string, UpgradeMode, Edit, Verdict, RegExp, RegExp?]>([
    ["nothing", "savepoint", (spec) => spec, "nothing", /^is unchanged$/],
    [
      "that nothing is restarted",
      "savepoint",
      withJob({ upgradeMode: "stateless" }),
      "recorded",
      /goes on as it is/,
    ],
    [
      "what changes in place",
      "savepoint",
      (spec) => ({ ...spec, ingress: { template: "jobs.example.org" } }),
      "in-place",
      /is changed in place; the job is not restarted$/,
    ],
    [
      "from where it restarts",
      "savepoint",
      withJob({ parallelism: 2 }),
      "restart",
      /the savepoint that is taken when it stops$/,
    ],
    [
      "from the HA metadata",
      "last-state",
      withJob({ parallelism: 2 }),
      "restart",
      /newest checkpoint in Flink's HA metadata$/,
      /processed again/,
    ],
    [
      "that state is lost",
      "savepoint",
      withJob({ parallelism: 2, upgradeMode: "stateless" }),
      "restart",
      /from an empty state$/,
      /s3:\/\/checkpoints\/.* is thrown away: spec.job.upgradeMode is stateless/,
    ],
    [
      "that state may not fit",
      "savepoint",
      (spec) => ({ ...spec, image: "other" }),
      "restart",
      /savepoint/,
      /another image: whether the job accepts/,
    ],
    [
      "that state is dropped",
      "savepoint",
      withJob({ parallelism: 2, allowNonRestoredState: true }),
      "restart",
      /savepoint/,
      /dropped without a word/,
    ],
    [
      "where the state is when suspended",
      "savepoint",
      withJob({ state: "suspended" }),
      "suspend",
      /its state is in s3:\/\/savepoints\/savepoint/,
    ],
    ["what is not valid", "savepoint", withJob({ parallelism: 0 }), "invalid", /spec.job.parallelism.*/],
  ])("%s", async (_what, mode, edit, verdict, summary, risk) => {
    const { world, done } = runningWorld(mode, true);
    const found = await plan(world, edit);
    expect(found.verdict).toBe(verdict);
    expect(found.summary).toMatch(summary);
    if (risk !== undefined) expect(found.risks.join("\n")).toMatch(risk);
    expect(done).toEqual([]);
  });

  it("that it has to wait, and for what", async () => {
    const { world } = runningWorld("savepoint", false);
    world.restDown = true;
    const { verdict, summary } = await plan(world, withJob({ parallelism: 2 }));
    expect([verdict, summary]).toEqual([
      "waits",
      expect.stringMatching(/^waits: UpgradePending: .*to become reachable/),
    ]);
  });

  it("what each field asks for", async () => {
    const { world } = runningWorld("savepoint", true);
    const { changes } = await plan(world, (spec) =>
      withJob({ parallelism: 2, allowNonRestoredState: true })(spec),
    );
    expect(changes.map(({ path, effect }) => [path, effect])).toEqual([
      ["job.parallelism", "restart"],
      ["job.allowNonRestoredState", "no restart"],
    ]);
  });
});
