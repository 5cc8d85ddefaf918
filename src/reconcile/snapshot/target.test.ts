import { describe, expect, it } from "vitest";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import {
  deleted,
  edited,
  flinkDeployment,
  type ResourceChange,
  withConfiguration,
  withJob,
  withJobState,
  withSpec,
} from "../../../testbed/gen/flink-deployment.ts";
import {
  cancelling,
  deploying,
  JOB_ID,
  running,
  stopped,
  stoppingWithSavepoint,
  submitting,
  suspended,
} from "../../../testbed/gen/recorded-status.ts";
import { targetOfDeployment, targetOfSessionJob } from "./target.ts";

const SUSPENDED = withJobState("suspended");

it.each<[string, ResourceChange[], { runsOn: boolean; willRun: boolean; reachable: boolean }]>([
  ["new", [], { runsOn: false, willRun: true, reachable: false }],
  ["new and suspended", [SUSPENDED], { runsOn: false, willRun: false, reachable: false }],
  ["being submitted", [submitting()], { runsOn: false, willRun: true, reachable: false }],
  ["starting", [deploying()], { runsOn: true, willRun: true, reachable: false }],
  ["running", [running()], { runsOn: true, willRun: true, reachable: true }],
  ["restarting", [running({ jobState: "RESTARTING" })], { runsOn: true, willRun: true, reachable: true }],
  ["failed", [running({ jobState: "FAILED" })], { runsOn: false, willRun: false, reachable: true }],
  [
    "without its JobManager",
    [running({ jobManager: "MISSING" })],
    { runsOn: true, willRun: true, reachable: false },
  ],
  ["being stopped", [stoppingWithSavepoint()], { runsOn: false, willRun: true, reachable: true }],
  ["being cancelled", [cancelling()], { runsOn: false, willRun: true, reachable: true }],
  [
    "being stopped to be suspended",
    [stoppingWithSavepoint(), edited(SUSPENDED)],
    { runsOn: false, willRun: false, reachable: true },
  ],
  ["stopped for a change", [stopped()], { runsOn: false, willRun: true, reachable: true }],
  ["suspended", [SUSPENDED, suspended()], { runsOn: false, willRun: false, reachable: false }],
  ["about to be resumed", [suspended()], { runsOn: false, willRun: true, reachable: false }],
  ["being deleted", [running(), deleted()], { runsOn: false, willRun: false, reachable: true }],
])("a job that is %s", (_, changes, expected) => {
  expect(targetOfDeployment(flinkDeployment(...changes), {})).toMatchObject(expected);
});

describe("what a snapshot needs of a job", () => {
  it("is its id, its version as deployed, its options as deployed or live, and what it restarts from", () => {
    const changes = [
      running({ job: { upgradeSavepointPath: "s3://upgrade" } }),
      edited(
        withSpec({ flinkVersion: "v1_16" }),
        withConfiguration({ "state.savepoints.dir": "s3://new", "execution.checkpointing.interval": "1 d" }),
        withJob({ initialSavepointPath: "s3://initial" }),
      ),
    ];
    const target = targetOfDeployment(flinkDeployment(...changes), { "rest.port": "9999" });
    expect(target).toMatchObject({
      kind: "FlinkDeployment",
      name: "job",
      deleting: false,
      jobId: JOB_ID,
      state: "RUNNING",
      flinkVersion: "v2_3",
      restorePaths: ["s3://upgrade", "s3://initial"],
      configuration: {
        "rest.port": "9999",
        "state.savepoints.dir": "s3://new",
        "execution.checkpointing.interval": "10 s",
      },
    });
  });

  it("is there for a session job, too: the cluster answers, and the job's options lie over its own", () => {
    const { job: _, ...cluster } = flinkDeployment().spec;
    const session = { ...flinkDeployment(running()), spec: cluster } as FlinkDeployment;
    const { status, metadata, apiVersion } = flinkDeployment(running());
    const job = {
      apiVersion,
      kind: "FlinkSessionJob",
      metadata: { ...metadata, name: "in-session" },
      spec: {
        deploymentName: "job",
        job: { jarURI: "https://example.com/job.jar", parallelism: 1 },
        flinkConfiguration: { state: { savepoints: { dir: "s3://mine" } } },
      },
      status,
    } as FlinkSessionJob;
    const found = targetOfSessionJob(job, session, {});
    expect(found).toMatchObject({
      kind: "FlinkSessionJob",
      name: "in-session",
      jobId: JOB_ID,
      runsOn: true,
      reachable: true,
      flinkVersion: "v2_3",
    });
    expect(found.configuration["state.savepoints.dir"]).toBe("s3://mine");
    expect(targetOfSessionJob(job, undefined, {})).toMatchObject({ reachable: false, runsOn: true });
  });
});
