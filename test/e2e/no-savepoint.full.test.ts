/** A stop whose savepoint cannot be written: the bucket has no space left, or is somebody else's. The job goes on. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DirectJob } from "../../testbed/direct-job.ts";
import { attachCluster, BUCKET } from "../../testbed/scenario.ts";
import { StrictS3 } from "../../testbed/strict-s3.ts";
import { nodeMissing } from "../support/node-testbed.ts";

describe.skipIf(nodeMissing())("a stop that cannot have its savepoint", () => {
  let s3: StrictS3;
  let direct: DirectJob;

  beforeAll(async () => {
    s3 = await StrictS3.start(BUCKET);
    direct = await DirectJob.create(attachCluster(), { s3 });
    await direct.run("start", "-f", direct.file);
    await direct.job.provesNoLoss();
  });

  afterAll(() => s3?.stop());

  it.each([
    ["denied", /403|Access ?Denied/i],
    ["full", /507|space/i],
  ])("as the bucket is %s stops nothing, and says why", async (bucket, cause) => {
    if (bucket === "full") s3.fill();
    const [before, state] = [await direct.objects(), (await direct.record())["savepoint-path"]];
    const failed = await direct.try("stop", "counting", "--savepoint-dir", `s3://${bucket}/savepoints`);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringMatching(/the job goes on running/) });
    expect(failed.stderr).toMatch(cause);
    expect(await direct.objects()).toEqual(before);
    expect((await direct.record())["savepoint-path"]).toBe(state);
    expect(await direct.run("start", "-f", direct.file)).toBe("counting runs already");
    await direct.job.provesNoLoss();
  });

  it("stops with a savepoint where there is space and right", async () => {
    expect(await direct.run("stop", "counting")).toMatch(/stopped with savepoint s3:/);
    expect(await direct.objects()).toEqual([]);
    await direct.remove();
  });
});
