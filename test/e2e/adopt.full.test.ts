/** A job changes hands between direct mode and the operator, by commands that are killed on the way; Flink does not notice. */
import { describe, expect, it } from "vitest";
import { DirectJob } from "../../testbed/direct-job.ts";
import { attachCluster } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";

/** What a restart, or another cluster, would change. */
async function identity({ job }: DirectJob): Promise<unknown> {
  const { kubectl } = job.cluster;
  const fields =
    "jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[0].restartCount} {end}";
  const pods = await kubectl(["-n", job.namespace, "get", "pods", "-l", `app=${job.name}`, "-o", fields]);
  const service = `/api/v1/namespaces/${job.namespace}/services/${job.name}-rest:8081/proxy`;
  const overview = JSON.parse(await kubectl(["get", "--raw", `${service}/jobs/overview`])) as {
    jobs: { jid: string; state: string; "start-time": number }[];
  };
  return { pods, jobs: overview.jobs.map(({ jid, state, "start-time": start }) => ({ jid, state, start })) };
}

describe.skipIf(nodeMissing())("a job that changes hands", () => {
  it("goes to the operator and back with the same pods, and each owner changes it without loss", async () => {
    const direct = await DirectJob.create(attachCluster());
    const { job } = direct;
    await direct.run("start", "-f", direct.file);
    await direct.job.provesNoLoss();
    const before = await identity(direct);

    for (const line of [/leaves alone yet/, /telling the operator/]) {
      expect(await direct.kill(line, "adopt", "counting")).toBe(true);
      expect(await direct.try("stop", "counting")).toMatchObject({ code: 1 });
    }
    expect(await direct.run("adopt", "counting")).toMatch(/looked after by the operator now/);
    expect(await direct.run("adopt", "counting")).toMatch(/looked after by the operator already/);
    await job.stable();
    expect(await identity(direct)).toEqual(before);
    expect(await direct.try("stop", "counting")).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/an operator looks after it/),
    });
    await job.provesNoLoss();
    await job.patch({ job: { parallelism: 2 } });
    await job.stable();
    await job.provesNoLoss();

    const operated = await identity(direct);
    expect(await direct.kill(/not its cluster/, "adopt", "counting", "--to", "direct")).toBe(true);
    expect(await direct.run("adopt", "counting", "--to", "direct")).toMatch(
      /looked after by direct mode now/,
    );
    expect(await identity(direct)).toEqual(operated);
    expect(await direct.run("status", "counting")).toMatch(/counting +STABLE +RUNNING +true/);
    await job.provesNoLoss();
    expect(await identity(direct)).toEqual(operated);
    expect(await direct.run("update", "-f", direct.file)).toMatch(/^counting updated from s3:/);
    await job.provesNoLoss();
    await direct.run("stop", "counting");
    expect(await direct.objects()).toEqual([]);
    await direct.remove();
  });
});
