/** A job changes hands while an operator is at work, killed at any call: it is never restarted, and has one owner. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HandOverModel } from "../../../testbed/model/hand-over.ts";
import { explain } from "../../../testbed/model/play.ts";
import { Killed } from "../../../testbed/model/target.ts";
import { withoutNulls } from "../../api/defaults.ts";
import {
  FLINK_DEPLOYMENT_FINALIZER,
  type FlinkDeploymentSpec,
  OWNER_ANNOTATION,
} from "../../api/flink-deployment.ts";
import type { JobOwner } from "../record.ts";
import { takeSavepoint } from "../savepoint.ts";
import { startJob } from "../start.ts";
import { stopJob } from "../stop.ts";
import { handOver, type Hands } from "./adopt.ts";

const SPECS = new WeakMap<HandOverModel, FlinkDeploymentSpec>();
const INGRESS = { template: "{{name}}.example.org" };

function specOf(model: HandOverModel, parallelism = 1): FlinkDeploymentSpec {
  const spec = SPECS.get(model) ?? structuredClone(model.target.world.resource.spec);
  SPECS.set(model, spec);
  const plain = withoutNulls(structuredClone({ ...spec, ingress: INGRESS }));
  return { ...plain, job: { ...plain.job, parallelism } };
}

const FIRST = "s3://first";

function start(model: HandOverModel, parallelism: number, update: boolean): Promise<unknown> {
  const from = update ? undefined : ({ kind: "savepoint", path: FIRST } as const);
  const wishes = { spec: specOf(model, parallelism), from, update };
  return startJob("job", wishes, model.target.command().surroundings);
}

/**
 * A job without an operator, of which a savepoint was taken. Its spec says where it was started from: an operator that is
 * shown no more than that would start it from there once more.
 */
async function direct(): Promise<HandOverModel> {
  const model = new HandOverModel();
  model.target.world.storage.set(FIRST, 10);
  await start(model, 1, false);
  for (let nth = 0; nth < 5; nth++) model.tick();
  await takeSavepoint("job", model.target.command().surroundings);
  for (let nth = 0; nth < 5; nth++) model.tick();
  return model;
}

function handTo(model: HandOverModel, to: JobOwner, hands: Hands = model.hands()): Promise<boolean> {
  return handOver({
    to,
    hands,
    timeoutMs: 600_000,
    signal: new AbortController().signal,
    progress: () => undefined,
    time: model.time,
  });
}

async function operated(): Promise<HandOverModel> {
  const model = await direct();
  await handTo(model, "operator");
  return model;
}

const BEGIN = { operator: direct, direct: operated };
const OTHER = { operator: "direct", direct: "operator" } as const;

/** As the hand-over found it. */
function identity({ target: { world } }: HandOverModel): unknown {
  return { job: world.job?.id, deployment: world.deployment?.metadata.uid, starts: world.starts.length };
}

function expectUntouched(model: HandOverModel, before: unknown): void {
  const { world } = model.target;
  expect(world.violations, explain(world)).toEqual([]);
  expect(identity(model), explain(world)).toEqual(before);
  expect(world.job?.state, explain(world)).toBe("RUNNING");
  expect(world.deployment?.metadata.deletionTimestamp).toBeUndefined();
}

/** The new owner can do with it what it likes, and the old one has no say. */
async function expectOwned(model: HandOverModel, by: JobOwner): Promise<void> {
  const { target } = model;
  const { world, resource } = target;
  const { annotations = {}, ownerReferences = [] } = world.deployment?.metadata ?? {};
  expect(world.ingress).toBeDefined();
  if (by === "direct") {
    expect(resource).toBeUndefined();
    expect(annotations[OWNER_ANNOTATION]).toBe("sluice-job");
    expect(ownerReferences).toEqual([]);
    await start(model, 2, true);
  } else {
    expect(target.record).toBeUndefined();
    expect(resource?.metadata.finalizers).toEqual([FLINK_DEPLOYMENT_FINALIZER]);
    expect(resource?.metadata.annotations).toEqual({});
    const { savepointTriggerNonce, savepointRedeployNonce } = resource?.spec.job ?? {};
    expect({ savepointTriggerNonce, savepointRedeployNonce }).toEqual({});
    expect(annotations[OWNER_ANNOTATION]).toBeUndefined();
    expect(ownerReferences.map(({ uid }) => uid)).toEqual([resource?.metadata.uid]);
    await expect(start(model, 2, true)).rejects.toThrow("an operator looks after job");
    model.change(model.resource, { spec: specOf(model, 2) });
    for (let nth = 0; nth < 30; nth++) {
      model.pass();
      model.tick();
    }
  }
  expect(world.violations, explain(world)).toEqual([]);
  expect(world.job?.state, explain(world)).toBe("RUNNING");
  expect(world.deployed?.job?.parallelism).toBe(2);
  expect(world.starts.length, explain(world)).toBe(2);
  expect(world.ingress).toBeDefined();
}

/** Time goes by with an operator that is alive. */
function wait(model: HandOverModel): void {
  for (let nth = 0; nth < 5; nth++) {
    model.pass();
    model.tick();
  }
}

/** Kills the hand-over at every call, each time anew. */
async function killedAnywhere(
  to: JobOwner,
  then: (model: HandOverModel, before: unknown) => Promise<void>,
): Promise<number> {
  for (let calls = 0; ; calls++) {
    for (const late of [false, true]) {
      for (const busy of [false, true]) {
        const model = await BEGIN[to]();
        const before = identity(model);
        if (busy) model.meanwhile = () => model.pass();
        const error: unknown = await handTo(model, to, model.hands(calls, late)).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        if (error === undefined) return calls;
        if (!(error instanceof Killed)) throw error;
        // An operator that is faster than two calls in a row, every time, is not let go of.
        model.meanwhile = () => undefined;
        await then(model, before);
      }
    }
  }
}

describe.each(["operator", "direct"] as const)("a hand-over to %s", (to) => {
  it("leaves the job as it is, and the new owner can change it", async () => {
    const model = await BEGIN[to]();
    const before = identity(model);
    expect(await handTo(model, to)).toBe(true);
    wait(model);
    expectUntouched(model, before);
    expect(await handTo(model, to)).toBe(false);
    await expectOwned(model, to);
  });

  it("that was killed anywhere is finished by the next one", async () => {
    const calls = await killedAnywhere(to, async (model, before) => {
      expectUntouched(model, before);
      wait(model);
      expectUntouched(model, before);
      await handTo(model, to);
      expectUntouched(model, before);
      await expectOwned(model, to);
    });
    expect(calls).toBeGreaterThan(5);
  });

  it("that was killed anywhere can be taken back", async () => {
    await killedAnywhere(to, async (model, before) => {
      wait(model);
      // What has gone so far that the resource is being deleted is finished first.
      if (to === "direct" && model.resource?.metadata.deletionTimestamp !== undefined) {
        await expect(handTo(model, "operator")).rejects.toThrow("is being deleted");
        await handTo(model, "direct");
      }
      await handTo(model, OTHER[to]);
      wait(model);
      expectUntouched(model, before);
      await expectOwned(model, OTHER[to]);
    });
  });

  it("that was killed anywhere keeps commands of direct mode from acting, or lets them act alone", async () => {
    await killedAnywhere(to, async (model, before) => {
      const stopped = await stopJob(
        "job",
        { savepointDirectory: undefined, drain: false },
        model.target.command().surroundings,
      ).then(
        () => true,
        () => false,
      );
      if (!stopped) return expectUntouched(model, before);
      expect(model.resource).toBeUndefined();
      expect(model.target.world.violations).toEqual([]);
      expect(model.target.record?.["savepoint-path"]).toMatch(/^s3:/);
    });
  });

  it("goes well however the operator's passes fall", async () => {
    const moves = fc.array(fc.constantFrom("begin", "end", "pass", "tick", "nothing"), { maxLength: 24 });
    await fc.assert(
      fc.asyncProperty(moves, fc.nat(14), fc.boolean(), fc.boolean(), async (order, calls, late, back) => {
        const model = await BEGIN[to]();
        const before = identity(model);
        const left = [...order];
        const does = {
          begin: () => model.beginPass(),
          end: () => model.endPass(),
          pass: () => model.pass(),
          tick: () => model.tick(),
          nothing: () => undefined,
        };
        model.meanwhile = () => does[left.shift() ?? "nothing"]();
        await handTo(model, to, model.hands(calls, late)).catch((error: unknown) => {
          if (!(error instanceof Killed)) throw error;
        });
        expectUntouched(model, before);
        if (model.resource?.metadata.deletionTimestamp !== undefined) await handTo(model, "direct");
        const end = back ? OTHER[to] : to;
        await handTo(model, end);
        wait(model);
        expectUntouched(model, before);
        await expectOwned(model, end);
      }),
      { numRuns: 100 },
    );
  });
});
