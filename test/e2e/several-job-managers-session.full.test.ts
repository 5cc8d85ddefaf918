/** Session jobs in a cluster with several JobManagers: their jars are run where they were brought, whoever leads. */
import { beforeAll, describe, expect, it } from "vitest";
import { nodeMissing } from "../support/node-testbed.ts";
import { SessionJobs } from "./session-jobs.ts";
import { replaceLeader } from "./several-job-managers.ts";

const JOBS = ["one", "two"] as const;

let jobs: SessionJobs;

beforeAll(async () => {
  if (nodeMissing()) return;
  jobs = await SessionJobs.create("2.3");
});

async function allWell(): Promise<void> {
  for (const name of JOBS) await jobs.stable(name);
  for (const name of JOBS) await jobs.provesNoLoss(name);
}

/** Reasons of the events of the session jobs. */
async function reasons(): Promise<string[]> {
  const query = [
    "--field-selector",
    "involvedObject.kind=FlinkSessionJob",
    "-o",
    "jsonpath={.items[*].reason}",
  ];
  return (await jobs.kubectl("get", "events", ...query)).split(" ");
}

describe.skipIf(nodeMissing())("a session cluster with three JobManagers", () => {
  it("runs two jobs, each at the first try", async () => {
    const { jobManager } = jobs.session.manifest().spec;
    await jobs.applyCluster(
      { jobManager: { ...jobManager, replicas: 3 } },
      { "taskmanager.numberOfTaskSlots": "2" },
    );
    await jobs.clusterStable();
    for (const name of JOBS) await jobs.apply(name);
    await allWell();
    expect(await reasons()).not.toContain("Error");
  });

  it("loses the one that leads, and goes on with both", async () => {
    const before = await Promise.all(JOBS.map((name) => jobs.jobId(name)));
    await replaceLeader(jobs.session);
    await allWell();
    expect(await Promise.all(JOBS.map((name) => jobs.jobId(name)))).toEqual(before);
  });

  it("changes a job while another one leads, at the first try", async () => {
    await jobs.patch("one", { parallelism: 2 });
    await allWell();
    expect(await reasons()).not.toContain("Error");
  });

  it("goes in any order, and leaves nothing", async () => {
    await jobs.goesInAnyOrder(...JOBS);
  });
});
