import { describe, expect, it } from "vitest";
import { isReady, settle, worldOf } from "../../../testbed/model/session-play.ts";
import type { SessionWorld } from "../../../testbed/model/session-world.ts";
import type { FlinkDeploymentSpec, UpgradeMode } from "../../api/flink-deployment.ts";
import type { FlinkSessionJobSpec } from "../../api/flink-session-job.ts";
import type { Action } from "../decision.ts";
import type { Subject } from "./expected-world.ts";
import { follow } from "./follow.ts";
import { type Change, type Plan, planChanges, type Verdict } from "./plan.ts";

const OPTIONS = { defaults: {}, progressInterval: 1000, reconcileInterval: 15_000, entropy: "e".repeat(32) };

/** What changes, of the cluster, of job `a`, or of both at once. */
interface Edit {
  readonly cluster?: (spec: FlinkDeploymentSpec) => FlinkDeploymentSpec;
  readonly a?: (spec: FlinkSessionJobSpec) => FlinkSessionJobSpec;
}

const job = (change: FlinkSessionJobSpec["job"]): Edit => ({
  a: (spec) => ({ ...spec, job: { ...spec.job, ...change } }),
});
const clusterOption = (options: object): Edit => ({
  cluster: (spec) => ({
    ...spec,
    flinkConfiguration: { ...(spec.flinkConfiguration as object), ...options },
  }),
});

const EDITS: readonly (readonly [string, Edit])[] = [
  ["another parallelism", job({ parallelism: 2 })],
  ["another jar", job({ jarURI: "https://example.com/other.jar" })],
  ["a restart", { a: (spec) => ({ ...spec, restartNonce: 1 }) }],
  [
    "an option of the job",
    { a: (spec) => ({ ...spec, flinkConfiguration: { "pipeline.max-parallelism": "8" } }) },
  ],
  ["suspension", job({ state: "suspended" })],
  ["another upgrade mode", job({ upgradeMode: "stateless" })],
  ["start over", job({ savepointRedeployNonce: 1 })],
  [
    "start from a given state",
    job({ savepointRedeployNonce: 1, initialSavepointPath: "s3://savepoints/one" }),
  ],
  ["no parallelism", job({ parallelism: 0 })],
  ["another image of the cluster", { cluster: (spec) => ({ ...spec, image: "flink:other" }) }],
  ["another Flink version of the cluster", { cluster: (spec) => ({ ...spec, flinkVersion: "v2_3" }) }],
  ["an option of the cluster", clusterOption({ "taskmanager.numberOfTaskSlots": "2" })],
  ["an annotation of the cluster's Service", clusterOption({ "kubernetes.rest-service.annotations": "a:b" })],
  ["the cluster's HA switched off", clusterOption({ "high-availability.type": "none" })],
  [
    "no valid Flink version of the cluster",
    { cluster: (spec) => ({ ...spec, flinkVersion: "v9_9" as never }) },
  ],
  [
    "another image of the cluster and no parallelism",
    { cluster: (spec) => ({ ...spec, image: "flink:other" }), ...job({ parallelism: 0 }) },
  ],
  [
    "another image of the cluster and another parallelism",
    { cluster: (spec) => ({ ...spec, image: "flink:other" }), ...job({ parallelism: 2 }) },
  ],
];

/** Both jobs run and have completed checkpoints. */
function runningWorld(mode: UpgradeMode, ha: boolean): SessionWorld {
  const world = worldOf(ha, mode);
  expect(settle(world)).toBe(true);
  while (!world.hasState) world.tick();
  expect(settle(world)).toBe(true);
  return world;
}

const NAMES = ["cluster", "a", "b"] as const;

function look(world: SessionWorld): readonly Subject[] {
  return NAMES.map((name) => world.observe(name)!);
}

/** As they would be with the edit. */
function edited(world: SessionWorld, { cluster, a }: Edit): readonly Subject[] {
  const changes: Record<string, ((spec: never) => object) | undefined> = { cluster, a };
  return look(world).map((subject, nth) => {
    const change = changes[NAMES[nth] ?? ""];
    const { resource } = subject;
    if (change === undefined) return subject;
    const spec = change(structuredClone(resource.spec) as never);
    const metadata = { ...resource.metadata, generation: (resource.metadata.generation ?? 1) + 1 };
    return { ...subject, resource: { ...resource, spec, metadata } } as Subject;
  });
}

const ask = (world: SessionWorld) => (question: Parameters<SessionWorld["retained"]>[0]) =>
  Promise.resolve(world.retained(question));

/** Without ids and paths, which differ; what is only asked for again, once. */
function shapes(actions: readonly Action[]): string[] {
  const all = actions.flatMap((action) => {
    if (action.type === "scale-job-manager-to-zero") return [];
    if (action.type === "create-cluster") return action.existing === undefined ? "create" : "complete";
    if (action.type !== "submit-job") return action.type;
    const { savepointPath, parallelism } = action.request;
    return `submit with parallelism ${parallelism} from ${originOf(savepointPath)}`;
  });
  return all.filter((shape, nth) => shape !== all[nth - 1]);
}

function originOf(path: string | undefined): string {
  if (path === undefined || path === "s3://savepoints/one") return String(path);
  return path.replace(/^.*\/(savepoint|chk)-.*$/, "$1");
}

/** What is really done, by name. */
function happens(world: SessionWorld, { cluster, a }: Edit): readonly Action[][] {
  const done = new Map<string, Action[]>(NAMES.map((name) => [name, []]));
  const execute = world.execute.bind(world);
  world.execute = (name, action) => {
    done.get(name)?.push(action);
    execute(name, action);
  };
  if (cluster !== undefined) world.changeCluster(cluster);
  if (a !== undefined) world.changeJob("a", a);
  const resources = (): readonly Subject["resource"][] => [world.world.resource, ...world.resources.values()];
  const isStalled = ({ status }: Subject["resource"]): boolean =>
    status?.conditions?.some(({ type, status: is }) => type === "Stalled" && is === "True") === true;
  expect(world.settle(() => resources().every((one) => isReady(one) || isStalled(one)))).toBe(true);
  return [...done.values()];
}

const ended = ({ status }: Subject["resource"]): unknown => [
  status?.lifecycleState,
  status?.jobStatus?.state,
];

const idsOf = ({ resources }: SessionWorld): readonly unknown[] =>
  [...resources.values()].map(({ status }) => status?.jobStatus?.jobId);
const isRunning = ({ resources }: SessionWorld, nth: number): boolean =>
  [...resources.values()][nth]?.status?.jobStatus?.state === "RUNNING";

async function happensAsPlanned(world: SessionWorld, edit: Edit): Promise<void> {
  const { ways } = await follow(edited(world, edit), world.world.now, OPTIONS, ask(world));
  const before = idsOf(world);
  const happened = happens(world, edit);
  expect(ways.map(({ actions }) => shapes(actions))).toEqual(happened.map(shapes));
  const resources = [world.world.resource, ...world.resources.values()];
  expect(ways.map(({ end }) => ended(end.resource))).toEqual(resources.map(ended));
  // Flink went on with a job by itself if another cluster has it, and under the same id.
  const isReplaced = shapes(happened[0] ?? []).includes("create");
  const kept = idsOf(world).map((id, nth) => isReplaced && id === before[nth] && isRunning(world, nth));
  expect(ways.slice(1).map(({ broughtBack }) => broughtBack)).toEqual(kept);
}

describe("what is planned for a session cluster and its jobs is what happens", () => {
  const modes = ["savepoint", "last-state", "stateless"] as const;
  const worlds = modes.flatMap((mode) => [true, false].map((ha) => [mode, ha] as const));
  describe.each(worlds)("with upgradeMode %s, HA %s", (mode, ha) => {
    it.each(EDITS)("for %s", (_what, edit) => happensAsPlanned(runningWorld(mode, ha), edit));

    it.each(EDITS)("while the JobManager is gone, for %s", (_what, edit) => {
      const world = runningWorld(mode, ha);
      world.loseJobManager((kubernetes) => kubernetes.deleteDeploymentByHand(true));
      world.tick();
      return happensAsPlanned(world, edit);
    });
  });
});

/** Of the edit alone: what is not in it, is in no file. */
function plan(world: SessionWorld, edit: Edit): Promise<Plan[]> {
  const inFile = [edit.cluster !== undefined, edit.a !== undefined, false];
  const then = edited(world, edit);
  const changes = look(world).map((observed, nth): Change => {
    return { observed, wanted: inFile[nth] === true ? then[nth]?.resource : undefined };
  });
  return planChanges(changes, world.world.now, OPTIONS, ask(world));
}

/** The verdicts by name, and what is said. */
const said = (plans: readonly Plan[]): unknown[] =>
  plans.map(({ name, verdict, summary }) => [name, verdict, summary]);

const IMAGE: Edit = { cluster: (spec) => ({ ...spec, image: "flink:other" }) };
const VERSION: Edit = { cluster: (spec) => ({ ...spec, flinkVersion: "v2_3" }) };

describe("a plan of a session job says", () => {
  it.each<[string, UpgradeMode, Edit, Verdict, RegExp, RegExp?]>([
    ["nothing", "savepoint", { a: (spec) => ({ ...spec }) }, "nothing", /^is unchanged$/],
    [
      "that nothing is restarted",
      "savepoint",
      job({ upgradeMode: "stateless" }),
      "recorded",
      /goes on as it is/,
    ],
    [
      "from where it restarts",
      "savepoint",
      job({ parallelism: 2 }),
      "restart",
      /^restarts, from the savepoint that is taken when it stops$/,
      /not rolled back by itself/,
    ],
    [
      "from its newest checkpoint",
      "last-state",
      job({ parallelism: 2 }),
      "restart",
      /^restarts, from (its newest checkpoint|s3:\/\/checkpoints\/.*\/chk-\d+)$/,
      /processed again/,
    ],
    [
      "that state is lost",
      "stateless",
      job({ parallelism: 2 }),
      "restart",
      /from an empty state$/,
      /present state.* is thrown away: spec.job.upgradeMode is stateless/,
    ],
    [
      "that state may not fit",
      "savepoint",
      job({ jarURI: "https://example.com/other.jar" }),
      "restart",
      /savepoint/,
      /another jar: whether the job accepts/,
    ],
    [
      "where the state is when suspended",
      "savepoint",
      job({ state: "suspended" }),
      "suspend",
      /is in s3:\/\/savepoints\/savepoint/,
    ],
    [
      "what is not valid",
      "savepoint",
      job({ parallelism: 0 }),
      "invalid",
      /what runs goes on: spec.job.parallelism/,
    ],
    [
      "that it stays with its cluster",
      "savepoint",
      { a: (spec) => ({ ...spec, deploymentName: "elsewhere" }) },
      "invalid",
      /spec.deploymentName/,
    ],
  ])("%s", async (_what, mode, edit, verdict, summary, risk) => {
    const world = runningWorld(mode, true);
    const [found, ...others] = await plan(world, edit);
    expect(found).toMatchObject({
      kind: "FlinkSessionJob",
      name: "a",
      verdict,
      summary: expect.stringMatching(summary),
    });
    if (risk !== undefined) expect(found?.risks.join("\n")).toMatch(risk);
    expect(others).toEqual([]);
  });

  it("the steps, and what each field asks for", async () => {
    const [found] = await plan(
      runningWorld("savepoint", true),
      job({ parallelism: 2, allowNonRestoredState: true }),
    );
    expect(found?.steps).toEqual([
      "stop the job with a canonical savepoint in s3://savepoints",
      "submit the job; it starts from the savepoint that is taken when it stops",
    ]);
    expect(found?.changes.map(({ path, effect }) => [path, effect])).toEqual([
      ["job.parallelism", "restart"],
      ["job.allowNonRestoredState", "no restart"],
    ]);
  });

  it("that it waits, and for what", async () => {
    const world = runningWorld("savepoint", true);
    world.restDown = true;
    expect(said(await plan(world, job({ parallelism: 2 })))).toEqual([
      ["a", "waits", expect.stringMatching(/^waits: UpgradePending: .*to become reachable$/)],
    ]);
  });

  it("that its session cluster is not there", async () => {
    const world = worldOf(true, "savepoint");
    const observed = world.observe("a")!;
    const plans = await planChanges([{ observed, wanted: observed.resource }], 0, OPTIONS, ask(world));
    expect(said(plans)).toEqual([
      [
        "a",
        "waits",
        "waits: SessionClusterMissing: there is no FlinkDeployment session in namespace default",
      ],
    ]);
  });

  it("that it starts together with its cluster", async () => {
    const world = worldOf(true, "savepoint");
    const changes = look(world).map((observed) => ({ observed, wanted: observed.resource }));
    expect(said(await planChanges(changes, world.world.now, OPTIONS, ask(world)))).toEqual([
      ["session", "start", "starts, and with it the session jobs a, b"],
      ["a", "start", "starts, from an empty state"],
      ["b", "start", "starts, from an empty state"],
    ]);
  });
});

describe("a plan of a session cluster says of the jobs in it", () => {
  const together = "restarts, and with it the session jobs a, b";

  it("that Flink goes on with them", async () => {
    const plans = await plan(runningWorld("savepoint", true), IMAGE);
    const back = "restarts with its session cluster, from the newest checkpoint in Flink's HA metadata";
    expect(said(plans)).toEqual([
      ["session", "restart", together],
      ["a", "restart", back],
      ["b", "restart", back],
    ]);
    expect(plans[1]?.risks).toEqual([
      expect.stringMatching(/^records since the newest checkpoint are processed again/),
      "another image: whether the job accepts the state shows only when it starts",
    ]);
    expect(plans[1]?.steps).toEqual([]);
  });

  it.each<[UpgradeMode, boolean, Edit, RegExp]>([
    ["savepoint", false, IMAGE, /^restarts, from the savepoint that is taken when it stops$/],
    ["savepoint", true, VERSION, /^restarts, from the savepoint that is taken when it stops$/],
    ["last-state", true, VERSION, /^restarts, from (its newest checkpoint|s3:.*chk-\d+)$/],
    ["stateless", false, IMAGE, /^restarts, from an empty state$/],
  ])("that they are stopped and start again, with upgradeMode %s, HA %s", async (mode, ha, edit, summary) => {
    expect(said(await plan(runningWorld(mode, ha), edit))).toEqual([
      ["session", "restart", together],
      ["a", "restart", expect.stringMatching(summary)],
      ["b", "restart", expect.stringMatching(summary)],
    ]);
  });

  it.each<[boolean, RegExp]>([
    [
      true,
      /^is not valid, and what was deployed before restarts with its session cluster, .*: spec\.job\.parallelism/,
    ],
    [
      false,
      /^is not valid, and what was deployed before restarts, from the savepoint .*: spec\.job\.parallelism/,
    ],
  ])("that one which is not valid shares its fate all the same, HA %s", async (ha, summary) => {
    const plans = await plan(runningWorld("savepoint", ha), { ...IMAGE, ...job({ parallelism: 0 }) });
    expect(said(plans).slice(0, 2)).toEqual([
      ["session", "restart", together],
      ["a", "invalid", expect.stringMatching(summary)],
    ]);
  });

  it("that nothing brings them back where another Flink version cannot read the HA metadata", async () => {
    const world = runningWorld("stateless", true);
    world.loseJobManager((kubernetes) => kubernetes.deleteDeploymentByHand(true));
    world.tick();
    const back = await plan(world, IMAGE);
    expect(said(back).slice(1)).toEqual([
      ["a", "restart", expect.stringMatching(/from the newest checkpoint in Flink's HA metadata$/)],
      ["b", "restart", expect.stringMatching(/from the newest checkpoint in Flink's HA metadata$/)],
    ]);
    expect(said(await plan(world, VERSION)).slice(1)).toEqual([
      ["a", "restart", "restarts, from an empty state"],
      ["b", "restart", "restarts, from an empty state"],
    ]);
  });

  it("nothing where they go on", async () => {
    const plans = await plan(
      runningWorld("savepoint", true),
      clusterOption({ "kubernetes.rest-service.annotations": "a:b" }),
    );
    expect(said(plans)).toEqual([
      ["session", "in-place", "is changed in place; its session jobs are not restarted"],
    ]);
  });

  it("which one holds it up", async () => {
    const world = runningWorld("savepoint", false);
    const changes = look(world).map((observed): Change => {
      const { resource, flink } = observed;
      if (resource.metadata.name !== "a") return { observed, wanted: undefined };
      const jobs = { ok: false, failure: { kind: "timeout", message: "no answer" } } as const;
      return { observed: { ...observed, flink: { ...flink, jobs } }, wanted: undefined };
    });
    const [cluster, ...jobs] = changes;
    const wanted = edited(world, IMAGE)[0]?.resource;
    const plans = await planChanges([{ ...cluster!, wanted }, ...jobs], world.world.now, OPTIONS, ask(world));
    expect(said(plans)[0]).toEqual([
      "session",
      "waits",
      expect.stringMatching(/^waits: SessionJobsStopping: .*stopped with their state: a/),
    ]);
  });

  it("that those of nobody are lost", async () => {
    const world = runningWorld("savepoint", false);
    const stray = {
      jobId: "f".repeat(32),
      name: "by hand",
      state: "RUNNING",
      startTime: 1,
      lastModification: 1,
    } as const;
    const withStray = ({ observed, wanted }: Change): Change => {
      const { jobs } = observed.flink;
      const value = [...(jobs?.ok ? jobs.value : []), stray];
      return { observed: { ...observed, flink: { ...observed.flink, jobs: { ok: true, value } } }, wanted };
    };
    const then = edited(world, IMAGE);
    const changes = look(world).map((observed, nth) =>
      withStray({ observed, wanted: nth === 0 ? then[0]?.resource : undefined }),
    );
    const [cluster] = await planChanges(changes, world.world.now, OPTIONS, ask(world));
    expect(cluster?.risks).toEqual([
      `jobs that no FlinkSessionJob manages are lost with the cluster: ${stray.jobId} by hand`,
    ]);
  });
});
