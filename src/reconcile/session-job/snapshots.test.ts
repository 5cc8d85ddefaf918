/** Savepoints and checkpoints of session jobs: the rules are those of applications (../snapshot), here that they apply. */
import { describe, expect, it } from "vitest";
import { flink, job, ok, unknownTrigger } from "../../../testbed/gen/flink-answers.ts";
import { NOW, withConfiguration, withFlinkVersion } from "../../../testbed/gen/flink-deployment.ts";
import { TRIGGER_ID } from "../../../testbed/gen/recorded-status.ts";
import {
  editedJob,
  jobRunning,
  type JobScene,
  jobStopping,
  jobWith,
  recordedCluster,
  sessionCluster,
  type SessionJobChange,
  type SessionJobTrace,
} from "../../../testbed/gen/session.ts";
import { follow, lists, notListed, NOT_READY, savedAt, traceOf } from "../../../testbed/gen/session-steps.ts";
import { made, SAVEPOINTS } from "../../../testbed/gen/snapshot.ts";
import { action } from "../../../testbed/gen/trace.ts";
import { parseRecordedSpec } from "../last-reconciled-spec.ts";

const HOUR = 3_600_000;

function option(values: Record<string, string>): SessionJobChange {
  return ({ spec }) =>
    void (spec.flinkConfiguration = { ...(spec.flinkConfiguration as object | undefined), ...values });
}

const legacy = option({ "kubernetes.operator.snapshot.resource.enabled": "false" });
const hourly = option({ "kubernetes.operator.periodic.savepoint.interval": "1 h" });
const born: SessionJobChange = ({ metadata }) =>
  void (metadata.creationTimestamp = new Date(NOW).toISOString());

const runs = lists("RUNNING");
const withObjects: JobScene = { ...runs, snapshots: [] };

function running(...changes: SessionJobChange[]): SessionJobTrace {
  return traceOf(born, ...changes, jobRunning({ restore: "savepoint" }));
}

function bumped(
  trace: SessionJobTrace,
  nonce: "savepointTriggerNonce" | "checkpointTriggerNonce" = "savepointTriggerNonce",
) {
  trace.change(editedJob(jobWith({ [nonce]: 7 })));
  return trace;
}

function handled(trace: SessionJobTrace): number | undefined {
  const { lastReconciledSpec } = trace.resource.status?.reconciliationStatus ?? {};
  return parseRecordedSpec(lastReconciledSpec)?.spec.job?.savepointTriggerNonce;
}

describe("a nonce of a session job", () => {
  it("becomes a FlinkStateSnapshot that names the session job, once", () => {
    const trace = bumped(running());
    const first = trace.pass(withObjects);
    const { snapshot } = action(first, "create-snapshot");
    expect(snapshot.metadata.name).toBe(`wordcount-savepoint-manual-${trace.now}`);
    expect(snapshot.metadata.labels).toMatchObject({
      "job-reference.kind": "FlinkSessionJob",
      "job-reference.name": "wordcount",
    });
    expect(snapshot.spec).toEqual({
      jobReference: { kind: "FlinkSessionJob", name: "wordcount" },
      // The session cluster's directory.
      savepoint: { path: SAVEPOINTS, formatType: "CANONICAL", disposeOnDelete: false },
    });
    expect(first).toMatchObject({ lifecycle: "STABLE", conditions: ["Ready: Running"] });
    expect(handled(trace)).toBe(7);
    expect(trace.pass({ ...runs, snapshots: [snapshot] }).actions).toEqual([]);
    expect(trace.pass({ ...runs, snapshots: [snapshot] }).actions).toEqual([]);
  });

  it("asks Flink where there are no such objects, and keeps what came of it in the status", () => {
    const trace = bumped(running(legacy));
    const first = action(trace.pass(withObjects), "trigger-savepoint");
    expect(first.targetDirectory).toBe(SAVEPOINTS);
    const lost = trace.pass({ flink: flink([job("RUNNING")], { savepoint: unknownTrigger("savepoint") }) });
    expect(action(lost, "trigger-savepoint")).toEqual(first);
    expect(trace.pass(lists("RUNNING", savedAt("s3://done"))).actions).toEqual([]);
    expect(trace.resource.status?.jobStatus?.savepointInfo?.savepointHistory).toMatchObject([
      { location: "s3://done", triggerType: "MANUAL", triggerNonce: 7 },
    ]);
  });

  it("for a checkpoint does the same", () => {
    expect(
      action(bumped(running(), "checkpointTriggerNonce").pass(withObjects), "create-snapshot").snapshot.spec,
    ).toEqual({ jobReference: { kind: "FlinkSessionJob", name: "wordcount" }, checkpoint: {} });
    const trace = bumped(running(legacy), "checkpointTriggerNonce");
    expect(trace.pass(runs).actions).toEqual(["trigger-checkpoint"]);
    const checkpoint = ok({ state: "COMPLETED" as const, checkpointId: 3 });
    trace.pass(lists("RUNNING", { checkpoint }));
    expect(trace.resource.status?.jobStatus?.checkpointInfo?.lastCheckpoint).toMatchObject({
      triggerType: "MANUAL",
    });
  });

  it("for a checkpoint is refused by the version of Flink that the cluster runs, not by the one it is to run", () => {
    const old = sessionCluster(withFlinkVersion("v1_16"), recordedCluster(), withFlinkVersion("v2_3"));
    const trace = bumped(running(), "checkpointTriggerNonce");
    expect(trace.pass({ ...withObjects, session: old }).events).toEqual(["CheckpointError"]);
  });

  it.each<[string, JobScene]>([
    ["the cluster does not answer", { session: NOT_READY, snapshots: [] }],
    ["the job restarts", { ...lists("RESTARTING"), snapshots: [] }],
    ["the job is lost", { ...notListed, snapshots: [] }],
    [
      "the cluster is about to be restarted",
      { ...withObjects, session: sessionCluster(recordedCluster({ state: "UPGRADING" })) },
    ],
  ])("waits while %s", (_, scene) => {
    const trace = bumped(running());
    expect(trace.pass(scene).actions).toEqual([]);
    expect(handled(trace)).toBeUndefined();
    expect(trace.pass(withObjects).actions).toEqual(["create-snapshot"]);
  });

  it("gives way to a change, and comes after it", () => {
    const trace = bumped(running(legacy));
    trace.pass(runs);
    trace.change(editedJob(jobWith({ parallelism: 9 })));
    const stop = trace.pass(lists("RUNNING", { savepoint: ok({ state: "IN_PROGRESS" }) }));
    expect(stop.actions).toEqual(["stop-with-savepoint"]);
    expect(stop.events).toContain("SavepointError");
    expect(handled(trace)).toBeUndefined();
  });
});

describe("a schedule", () => {
  it.each<[string, SessionJobChange]>([
    ["of the job", hourly],
    ["as cron", option({ "kubernetes.operator.periodic.savepoint.interval": "0 0 * * * ?" })],
  ])("%s takes a savepoint when it is due, and not before", (_, schedule) => {
    const trace = running(schedule);
    expect(trace.pass(withObjects).actions).toEqual([]);
    const { snapshot } = action(trace.pass(withObjects, HOUR + 1000), "create-snapshot");
    expect(snapshot.metadata.name).toMatch(/^wordcount-savepoint-periodic-/);
    expect(trace.pass({ ...runs, snapshots: [snapshot] }).actions).toEqual([]);
  });

  it("of the session cluster counts for its jobs", () => {
    const session = sessionCluster(
      withConfiguration({ "kubernetes.operator.periodic.checkpoint.interval": "1 h" }),
      recordedCluster(),
    );
    const outcome = running().pass({ ...withObjects, session }, HOUR + 1000);
    expect(action(outcome, "create-snapshot").snapshot.spec).toHaveProperty("checkpoint");
  });
});

describe("the savepoint of an upgrade", () => {
  const upgraded = (...changes: SessionJobChange[]): SessionJobTrace => {
    const trace = traceOf(
      born,
      ...changes,
      jobWith({ parallelism: 1 }),
      jobRunning({ restore: "savepoint" }),
    );
    trace.change(editedJob(jobWith({ parallelism: 2 })));
    return trace;
  };

  it("becomes a FlinkStateSnapshot beside the upgrade, and not an entry in the status", () => {
    const trace = upgraded();
    follow(trace, [
      { when: "stopped", scene: () => withObjects, gives: { actions: ["stop-with-savepoint"] } },
    ]);
    const saved = trace.pass({ ...lists("FINISHED", savedAt("s3://up")), snapshots: [] });
    const { snapshot } = action(saved, "create-snapshot");
    expect(snapshot.metadata.name).toMatch(/^wordcount-savepoint-upgrade-/);
    expect(snapshot.spec.savepoint).toMatchObject({ path: "s3://up", alreadyExists: true });
    const info = trace.resource.status?.jobStatus?.savepointInfo;
    expect(info).toMatchObject({ lastSavepoint: { location: "s3://up" }, savepointHistory: [] });
    expect(trace.pass({ ...lists("FINISHED"), snapshots: [snapshot] }).actions).toEqual([]);
  });

  it("is in the status where there are no such objects", () => {
    const trace = upgraded(legacy);
    trace.pass(withObjects);
    const saved = trace.pass({ ...lists("FINISHED", savedAt("s3://up")), snapshots: [] });
    expect(saved.actions).toEqual([]);
    expect(trace.resource.status?.jobStatus?.savepointInfo?.savepointHistory).toMatchObject([
      { location: "s3://up", triggerType: "UPGRADE" },
    ]);
  });

  it("before a deletion is announced before the finalizer goes", () => {
    const trace = traceOf(
      option({ "kubernetes.operator.job.savepoint-on-deletion": "true" }),
      jobStopping({
        restore: "savepoint",
        job: { savepointInfo: { triggerId: TRIGGER_ID, triggerTimestamp: NOW, triggerType: "UPGRADE" } },
      }),
      editedJob(({ metadata }) => void (metadata.deletionTimestamp = new Date(NOW).toISOString())),
    );
    expect(trace.pass({ ...lists("FINISHED", savedAt("s3://end")), snapshots: [] }).actions).toEqual([
      "create-snapshot",
    ]);
    expect(trace.pass({ ...lists("FINISHED"), snapshots: [] }).actions).toEqual([
      "create-snapshot",
      "remove-finalizer",
    ]);
  });
});

describe("clean-up", () => {
  it("deletes periodic snapshots beyond the limit, and nobody else's", () => {
    const trace = running(option({ "kubernetes.operator.savepoint.history.max.count": "2" }));
    const snapshots = [
      made("PERIODIC", 3000),
      made("MANUAL", 2500),
      made("PERIODIC", 2000),
      made("UPGRADE", 1000),
    ];
    const outcome = trace.pass({ ...runs, snapshots });
    expect(action(outcome, "delete-snapshot").uid).toBe("uid-PERIODIC-3000");
  });

  it("disposes of what the status lists beyond the limit, and drops it when that is done", () => {
    const savepoint = (location: string) => ({ location, timeStamp: NOW, triggerType: "UPGRADE" as const });
    const savepointHistory = ["s3://1", "s3://2", "s3://3"].map(savepoint);
    const trace = traceOf(
      legacy,
      option({ "kubernetes.operator.savepoint.history.max.count": "2" }),
      jobRunning({ restore: "savepoint", job: { savepointInfo: { savepointHistory } } }),
    );
    expect(action(trace.pass(runs), "dispose-savepoint").path).toBe("s3://1");
    expect(trace.pass({ ...runs, disposed: ["s3://1"] }).actions).toEqual([]);
    expect(trace.resource.status?.jobStatus?.savepointInfo?.savepointHistory).toHaveLength(2);
  });
});
