/** A session cluster with two jobs on a real Kubernetes with a real Flink: no record lost, none double, any order of deletion. */
import { beforeAll, describe, expect, it } from "vitest";
import { until } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";
import { SessionJobs } from "./session-jobs.ts";

const JOBS = ["one", "two"] as const;

let jobs: SessionJobs;

beforeAll(async () => {
  if (nodeMissing()) return;
  jobs = await SessionJobs.create("2.3");
});

describe.skipIf(nodeMissing())("a session cluster with two jobs", () => {
  it("runs both", async () => {
    await jobs.applyCluster({}, { "taskmanager.numberOfTaskSlots": "2" });
    for (const name of JOBS) await jobs.apply(name);
    for (const name of JOBS) await jobs.stable(name);
    for (const name of JOBS) await jobs.provesNoLoss(name);
  });

  it("changes one from a savepoint, and leaves the other alone", async () => {
    const other = await jobs.jobId("two");
    await jobs.patch("one", { parallelism: 2 });
    await jobs.stable("one");
    await jobs.provesNoLoss("one");
    expect(await jobs.jobId("two")).toBe(other);
  });

  it("changes one from its last state", async () => {
    await jobs.patch("one", { parallelism: 1, upgradeMode: "last-state" });
    await jobs.stable("one");
    await jobs.provesNoLoss("one");
  });

  it("suspends and resumes one", async () => {
    await jobs.patch("two", { state: "suspended" });
    await until("SUSPENDED", 120, async () => (await jobs.get("two")).status?.lifecycleState === "SUSPENDED");
    await jobs.patch("two", { state: "running" });
    await jobs.stable("two");
    await jobs.provesNoLoss("two");
  });

  it("loses nothing with its JobManager pod", async () => {
    await jobs.session.killPods("jobmanager");
    for (const name of JOBS) await jobs.stable(name);
    for (const name of JOBS) await jobs.provesNoLoss(name);
  });

  it("goes in any order, and leaves nothing", async () => {
    await jobs.goesInAnyOrder(...JOBS);
  });
});
