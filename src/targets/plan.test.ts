/** Plans of jobs without an operator, held against what the commands then do in the model. */
import { describe, expect, it } from "vitest";
import { ModelTarget } from "../../testbed/model/target.ts";
import { withoutNulls } from "../api/defaults.ts";
import type { FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import type { Plan } from "../reconcile/plan/plan.ts";
import { planJob } from "./plan.ts";
import { takeSavepoint } from "./savepoint.ts";
import { startJob } from "./start.ts";
import { stopJob } from "./stop.ts";

class Planned {
  readonly model = new ModelTarget();
  readonly #spec = structuredClone(this.model.world.resource.spec);

  spec(parallelism = 1): FlinkDeploymentSpec {
    const spec = withoutNulls(structuredClone(this.#spec));
    return { ...spec, job: { ...spec.job, parallelism } };
  }

  /** Asks that it leaves everything as it was. */
  async plan(parallelism?: number): Promise<Plan> {
    const { model } = this;
    const before = structuredClone([model.record, model.world.deployment, model.world.starts]);
    const plan = await planJob("job", this.spec(parallelism), model.command().surroundings);
    expect([model.record, model.world.deployment, model.world.starts]).toEqual(before);
    return plan;
  }

  async start(parallelism?: number): Promise<void> {
    const wishes = { spec: this.spec(parallelism), from: undefined, update: true };
    await startJob("job", wishes, this.model.command().surroundings);
    for (let tick = 0; tick < 7; tick++) this.model.world.tick();
  }

  async stop(): Promise<void> {
    await stopJob("job", { savepointDirectory: undefined, drain: false }, this.model.command().surroundings);
  }
}

describe("the plan of a job without an operator", () => {
  it("starts what never ran from an empty state, and it does", async () => {
    const one = new Planned();
    expect(await one.plan()).toMatchObject({ verdict: "start", summary: "starts, from an empty state" });
    await one.start();
    expect(one.model.world.starts).toMatchObject([{ from: "empty" }]);
  });

  it("is nothing for what runs like this, also after a savepoint was taken", async () => {
    const one = new Planned();
    await one.start();
    expect(await one.plan()).toMatchObject({ verdict: "nothing" });
    await takeSavepoint("job", one.model.command().surroundings);
    expect(await one.plan()).toMatchObject({ verdict: "nothing" });
  });

  it("restarts what is changed from the savepoint of its stop, and it does", async () => {
    const one = new Planned();
    await one.start();
    const plan = await one.plan(2);
    expect(plan).toMatchObject({
      verdict: "restart",
      summary: "restarts, from the savepoint that is taken when it stops",
    });
    expect(plan.changes.map(({ path }) => path)).toEqual(["job.parallelism"]);
    expect(plan.steps[0]).toMatch(/^stop the job with a canonical savepoint in s3:\/\/savepoints/);
    await one.start(2);
    expect(one.model.world.starts.at(-1)?.from).toMatch(/^s3:\/\/savepoints\//);
  });

  it("starts what was stopped from the path in the record, also from one that somebody wrote there", async () => {
    const one = new Planned();
    await one.start();
    await one.stop();
    const path = one.model.record?.["savepoint-path"];
    expect(await one.plan()).toMatchObject({ verdict: "start", summary: `starts, from ${path}` });
    one.model.world.storage.set("s3://mine", 5000);
    one.model.edit({ "savepoint-path": "s3://mine" });
    expect(await one.plan()).toMatchObject({ verdict: "start", summary: "starts, from s3://mine" });
    await one.start();
    expect(one.model.world.starts.at(-1)?.from).toBe("s3://mine");
  });
});
