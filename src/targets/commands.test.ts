/** Whole commands against a model of Kubernetes and Flink, killed at any call. */
import { describe, expect, it } from "vitest";
import { explain } from "../../testbed/model/play.ts";
import { Killed, ModelTarget } from "../../testbed/model/target.ts";
import { withoutNulls } from "../api/defaults.ts";
import type { FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import { TargetPasses } from "./passes.ts";
import { takeSavepoint } from "./savepoint.ts";
import { startJob, type StartWishes } from "./start.ts";
import { stopJob, type Stopped } from "./stop.ts";
import { Refusal } from "./target.ts";

type Command = (surroundings: ReturnType<ModelTarget["command"]>["surroundings"]) => Promise<unknown>;

function spec(model: ModelTarget, change: Partial<FlinkDeploymentSpec["job"]> = {}): FlinkDeploymentSpec {
  const { spec } = withoutNulls(structuredClone(SPEC(model)));
  return { ...spec, job: { ...spec.job, ...change } };
}

const SPECS = new WeakMap<ModelTarget, { spec: FlinkDeploymentSpec }>();

/** As the model began with it: later its resource is what the record says. */
function SPEC(model: ModelTarget): { spec: FlinkDeploymentSpec } {
  const known = SPECS.get(model) ?? { spec: structuredClone(model.world.resource.spec) };
  SPECS.set(model, known);
  return known;
}

const start = (model: ModelTarget, wishes: Partial<StartWishes> = {}): Command => {
  const all = { spec: spec(model), from: undefined, update: false, ...wishes };
  return (surroundings) => startJob("job", all, surroundings);
};
const update =
  (model: ModelTarget): Command =>
  (surroundings) =>
    startJob("job", { spec: spec(model, { parallelism: 2 }), from: undefined, update: true }, surroundings);
const stop: Command = (surroundings) =>
  stopJob("job", { savepointDirectory: undefined, drain: false }, surroundings);

/** A job that has run for a while. */
async function running(): Promise<ModelTarget> {
  const model = new ModelTarget();
  await start(model)(model.command().surroundings);
  for (let tick = 0; tick < 7; tick++) model.world.tick();
  return model;
}

async function stopped(): Promise<ModelTarget> {
  const model = await running();
  await stop(model.command().surroundings);
  return model;
}

/** Nothing of a cluster, and no HA metadata. */
function expectNothingLeft({ world }: ModelTarget): void {
  const { deployment, taskManagers, pods, services, configMaps } = world;
  expect([deployment, taskManagers, ...pods, ...services, ...configMaps].filter(Boolean)).toEqual([]);
}

function expectRunning({ world }: ModelTarget, parallelism: number): void {
  expect(world.violations, explain(world)).toEqual([]);
  expect(world.job?.state).toBe("RUNNING");
  expect(world.deployed?.job?.parallelism).toBe(parallelism);
}

/** Kills `command` at every call that it makes, each time anew, and hands over what is left. Answers how many there were. */
async function killedAnywhere(
  before: () => Promise<ModelTarget>,
  command: (model: ModelTarget) => Command,
  then: (model: ModelTarget) => Promise<void>,
): Promise<number> {
  for (let calls = 0; ; calls++) {
    for (const late of [false, true]) {
      const model = await before();
      const { surroundings } = model.command(calls, late);
      const error: unknown = await command(model)(surroundings).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error === undefined) return calls;
      if (!(error instanceof Killed)) throw error;
      await then(model);
    }
  }
}

describe("a command that was killed anywhere", () => {
  it("update, run again, ends with one cluster, the newest state and the new spec", async () => {
    const calls = await killedAnywhere(running, update, async (model) => {
      await update(model)(model.command().surroundings);
      expectRunning(model, 2);
    });
    expect(calls).toBeGreaterThan(6);
  });

  it("update, followed by a stop and a start, loses nothing", async () => {
    await killedAnywhere(running, update, async (model) => {
      await stop(model.command().surroundings);
      expectNothingLeft(model);
      await start(model)(model.command().surroundings);
      expectRunning(model, 1);
    });
  });

  it("stop, run again, leaves the state and nothing else", async () => {
    const calls = await killedAnywhere(
      running,
      () => stop,
      async (model) => {
        const { path } = (await stop(model.command().surroundings)) as Stopped;
        expect(model.record?.["savepoint-path"]).toBe(path);
        expect(path).toMatch(/^s3:\/\/savepoints\//);
        expectNothingLeft(model);
      },
    );
    expect(calls).toBeGreaterThan(4);
  });

  it("start, run again, ends with one cluster from the recorded state", async () => {
    const calls = await killedAnywhere(stopped, start, async (model) => {
      await start(model)(model.command().surroundings);
      expectRunning(model, 1);
    });
    expect(calls).toBeGreaterThan(2);
  });

  it("start from elsewhere is not begun anew by the next one", async () => {
    const elsewhere = async (): Promise<ModelTarget> => {
      const model = await stopped();
      model.world.storage.set("s3://elsewhere", 1000);
      return model;
    };
    const from = { kind: "savepoint", path: "s3://elsewhere" } as const;
    await killedAnywhere(
      elsewhere,
      (model) => start(model, { from }),
      async (model) => {
        await start(model, { from })(model.command().surroundings);
        expectRunning(model, 1);
        const starts = model.world.starts.filter((one) => one.from === "s3://elsewhere");
        expect(starts.length, explain(model.world)).toBe(1);
      },
    );
  });
});

describe("the record", () => {
  it("takes a path from somebody else, once", async () => {
    const model = await stopped();
    model.world.storage.set("s3://mine", 5000);
    model.edit({ "savepoint-path": "s3://mine" });
    await stop(model.command().surroundings);
    expect(model.record?.["savepoint-path"]).toBe("s3://mine");
    await start(model)(model.command().surroundings);
    expect(model.world.starts.at(-1)).toEqual({ from: "s3://mine", progress: 5000 });
    for (let tick = 0; tick < 7; tick++) model.world.tick();
    await stop(model.command().surroundings);
    await start(model)(model.command().surroundings);
    expect(model.world.starts.at(-1)?.from).toMatch(/^s3:\/\/savepoints\//);
    expectRunning(model, 1);
  });

  it("says null for a start from scratch, whoever wrote that", async () => {
    const model = await stopped();
    model.edit({ "savepoint-path": "null" });
    model.world.forgiven = Number.POSITIVE_INFINITY;
    await start(model)(model.command().surroundings);
    expect(model.world.starts.at(-1)?.from).toBe("empty");
  });

  it("made by hand says where the first start is from", async () => {
    const model = new ModelTarget();
    model.world.storage.set("s3://mine", 5000);
    model.edit({ "savepoint-path": "s3://mine" });
    await start(model)(model.command().surroundings);
    expect(model.world.starts).toEqual([{ from: "s3://mine", progress: 5000 }]);
  });

  it("with a path where nothing is keeps the job from starting", async () => {
    const model = await stopped();
    model.edit({ "savepoint-path": "s3://gone" });
    await expect(start(model)(model.command().surroundings)).rejects.toThrow(
      "there is no complete savepoint or checkpoint at s3://gone",
    );
    expectNothingLeft(model);
  });
});

describe("a savepoint", () => {
  const savepoint: Command = (surroundings) => takeSavepoint("job", surroundings);

  it("leaves the job running, and is not where it goes on from", async () => {
    const model = await running();
    const path = String(await savepoint(model.command().surroundings));
    expect(path).toMatch(/^s3:\/\/savepoints/);
    expect(model.record?.["savepoint-path"]).toBe("null");
    expect(String(await savepoint(model.command().surroundings))).not.toBe(path);
    for (let tick = 0; tick < 7; tick++) model.world.tick();
    const { path: last } = (await stop(model.command().surroundings)) as Stopped;
    expect(last).not.toBe(path);
    await start(model)(model.command().surroundings);
    expectRunning(model, 1);
    expect(model.world.starts.length).toBe(2);
  });

  it("killed anywhere and taken again leaves the job running", async () => {
    await killedAnywhere(
      running,
      () => savepoint,
      async (model) => {
        expect(String(await savepoint(model.command().surroundings))).toMatch(/^s3:\/\/savepoints/);
        expectRunning(model, 1);
        expect(model.world.starts.length).toBe(1);
      },
    );
  });

  it("of a job that does not run is refused, and says where its state is", async () => {
    const model = await stopped();
    await expect(savepoint(model.command().surroundings)).rejects.toThrow(
      `job does not run; its state is at ${model.record?.["savepoint-path"]}`,
    );
    await expect(savepoint(new ModelTarget().command().surroundings)).rejects.toThrow("there is no job job");
  });
});

describe("a stop", () => {
  it("of a job that failed records what it left", async () => {
    const model = await running();
    const { job } = model.world;
    if (job === undefined) throw new Error("no job");
    const newest = job.durable.at(-1)?.path;
    job.state = "FAILED";
    const outcome = (await stop(model.command().surroundings)) as Stopped;
    expect(outcome).toEqual({ kind: "stopped", isSavepoint: false, path: newest });
    expectNothingLeft(model);
    await start(model)(model.command().surroundings);
    expectRunning(model, 1);
  });

  it("whose savepoint fails stops nothing", async () => {
    const model = await running();
    model.world.savepointFails = true;
    const failed: unknown = await stop(model.command().surroundings).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failed).toBeInstanceOf(Refusal);
    expect(String(failed)).toMatch(/the savepoint failed, and the job goes on running/);
    expectRunning(model, 1);
    // Nor later, by whoever looks after the job between two commands.
    const { surroundings } = model.command();
    const passes = new TargetPasses(surroundings.target, {
      tell: () => undefined,
      now: () => model.world.now,
    });
    for (let nth = 0; nth < 60; nth++) {
      await passes.pass("job");
      model.world.tick();
    }
    expectRunning(model, 1);
    await start(model)(model.command().surroundings);
    expectRunning(model, 1);
    expect(model.world.starts.length).toBe(1);
  });

  it("of a job whose tasks still start has its savepoint a moment later", async () => {
    const model = await running();
    model.world.savepointFails = "Failure reason: Not all required tasks are currently running.";
    const { path } = (await stop(model.command().surroundings)) as Stopped;
    expect(path).toMatch(/^s3:\/\/savepoints\//);
    expectNothingLeft(model);
  });

  it("of a job whose JobManager somebody deleted leaves its newest state", async () => {
    const model = await running();
    model.world.deleteDeploymentByHand(true);
    for (let tick = 0; tick < 5; tick++) model.world.tick();
    const { path } = (await stop(model.command().surroundings)) as Stopped;
    expect(path).toBeDefined();
    expectNothingLeft(model);
    await start(model)(model.command().surroundings);
    expectRunning(model, 1);
  });
});
