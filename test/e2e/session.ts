/** Session clusters and their jobs on a real Kubernetes with a real Flink: no record lost, none double, in whatever happens. */
import { beforeAll, describe, expect, it } from "vitest";
import { BUCKET, type JobOptions, until } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";
import { SessionJobs } from "./session-jobs.ts";

const JOBS = ["one", "two"] as const;
/** Short, as a change that fails is waited for as long. */
const READINESS = { "kubernetes.operator.deployment.readiness.timeout": "20 s" };

class TwoJobs {
  readonly jobs: SessionJobs;

  private constructor(jobs: SessionJobs) {
    this.jobs = jobs;
  }

  /** `two` keeps its checkpoints in a directory of its own. */
  static async start(flink: JobOptions["flink"]): Promise<TwoJobs> {
    const jobs = await SessionJobs.create(flink);
    await jobs.applyCluster({}, { "taskmanager.numberOfTaskSlots": "2", ...READINESS });
    const { namespace } = jobs.session;
    await jobs.apply("one");
    await jobs.apply("two", { "state.checkpoints.dir": `s3://${BUCKET}/${namespace}/checkpoints-two` });
    return new TwoJobs(jobs);
  }

  async allWell(): Promise<void> {
    for (const name of JOBS) await this.jobs.stable(name);
    for (const name of JOBS) await this.jobs.provesNoLoss(name);
  }

  ids(): Promise<(string | undefined)[]> {
    return Promise.all(JOBS.map((name) => this.jobs.jobId(name)));
  }
}

/** What every make test looks at. Called once for each version, in a file of its own. */
export function session(flink: JobOptions["flink"]): void {
  let both: TwoJobs;
  beforeAll(async () => {
    if (!nodeMissing()) both = await TwoJobs.start(flink);
  });

  describe.skipIf(nodeMissing())(`Flink ${flink}, a session cluster with two jobs`, () => {
    it("runs both, and takes a savepoint of one by a nonce", async () => {
      await both.allWell();
      const before = await both.ids();
      await both.jobs.patch("one", { savepointTriggerNonce: 1 });
      const path = await both.jobs.completedSavepoint("one");
      expect(path).toContain(`s3://${BUCKET}/${both.jobs.session.namespace}/savepoints/savepoint-`);
      expect(await both.ids()).toEqual(before);
    });

    it("changes one from a savepoint, and leaves the other alone", async () => {
      const [, two] = await both.ids();
      await both.jobs.patch("one", { parallelism: 2 });
      await both.allWell();
      expect((await both.ids())[1]).toBe(two);
    });

    it("loses its JobManager and all HA metadata, and both go on from their newest retained checkpoints", async () => {
      const [one = "", two = ""] = await both.ids();
      const { session } = both.jobs;
      await both.jobs.kubectl(
        "delete",
        "deployments,configmaps",
        "-l",
        `app=${session.name}`,
        "--wait=false",
      );
      for (const [name, id, folder] of [
        ["one", one, "checkpoints"],
        ["two", two, "checkpoints-two"],
      ] as const) {
        const from = await both.jobs.restoredFrom(name);
        const newest = both.jobs.newestCheckpoint(`${folder}/${id}`);
        expect(from).toBe(`s3://${BUCKET}/${session.namespace}/${folder}/${id}/chk-${newest}`);
      }
      await both.allWell();
      const after = await both.ids();
      expect(after.filter((id) => id === one || id === two)).toEqual([]);
    });

    it("goes in any order, and leaves nothing", async () => {
      await both.jobs.goesInAnyOrder(...JOBS);
    });
  });
}

/** The rest of their lives. */
export function sessionChanges(flink: JobOptions["flink"]): void {
  let both: TwoJobs;
  beforeAll(async () => {
    if (!nodeMissing()) both = await TwoJobs.start(flink);
  });

  describe.skipIf(nodeMissing())(`Flink ${flink}, changes of a session cluster with two jobs`, () => {
    it("of a job from its last state", async () => {
      await both.allWell();
      await both.jobs.patch("one", { parallelism: 2, upgradeMode: "last-state" });
      await both.allWell();
    });

    it("that suspend and resume one", async () => {
      const lifeCycle = async () => (await both.jobs.get("two")).status?.lifecycleState;
      await both.jobs.patch("two", { state: "suspended" });
      await until("SUSPENDED", 120, async () => (await lifeCycle()) === "SUSPENDED");
      await both.jobs.patch("two", { state: "running" });
      await both.allWell();
    });

    it("of which one cannot run, and gives way to the last stable one", async () => {
      const { entryClass } = (await both.jobs.get("two")).spec.job ?? {};
      await both.jobs.patch("two", { entryClass: "com.example.Missing" });
      const { status } = await until("ROLLED_BACK", 180, async () => {
        const found = await both.jobs.get("two");
        const { lifecycleState, jobStatus } = found.status ?? {};
        return lifecycleState === "ROLLED_BACK" && jobStatus?.state === "RUNNING" && found;
      });
      expect(status?.error).toContain("com.example.Missing");
      await both.jobs.provesNoLoss("two");
      await both.jobs.patch("two", { entryClass: entryClass ?? null });
      await both.allWell();
    });

    it("come to nothing with its JobManager pod", async () => {
      const before = await both.ids();
      await both.jobs.session.killPods("jobmanager");
      await both.allWell();
      expect(await both.ids()).toEqual(before);
    });

    it("of the cluster, which goes on with its jobs", async () => {
      const before = await both.ids();
      await both.jobs.session.patch({ flinkConfiguration: { "web.refresh-interval": "2500" } });
      await both.jobs.clusterStable();
      await both.allWell();
      expect(await both.ids()).toEqual(before);
    });

    it("of the cluster that cannot run, and gives way to the last stable one", async () => {
      const before = await both.ids();
      await both.jobs.session.patch({ image: "sluice.test/flink:none" });
      const { status } = await both.jobs.session.state("ROLLED_BACK", 240);
      expect(status?.error).toContain("was rolled back");
      await both.allWell();
      expect(await both.ids()).toEqual(before);
    });

    it("end with everything gone", async () => {
      await both.jobs.goesInAnyOrder(...JOBS);
    });
  });
}
