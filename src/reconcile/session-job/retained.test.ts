/** The session cluster does not know a job any more: it goes on from the newest that it left, or a person is told why not. */
import { describe, expect, it } from "vitest";
import { flink, job } from "../../../testbed/gen/flink-answers.ts";
import { NOW, withConfiguration, withoutHa } from "../../../testbed/gen/flink-deployment.ts";
import { pod, terminating } from "../../../testbed/gen/kube-objects.ts";
import { JOB_ID } from "../../../testbed/gen/recorded-status.ts";
import {
  follow,
  LEAVING,
  lists,
  notListed,
  startsAgain,
  traceOf,
} from "../../../testbed/gen/session-steps.ts";
import {
  editedJob,
  jobAnnounced,
  jobRunning,
  type JobScene,
  jobStopped,
  jobSubmitting,
  jobWith,
  OWN_HALF,
  recordedCluster,
  sessionCluster,
  type SessionJobChange,
  type SessionJobTrace,
} from "../../../testbed/gen/session.ts";
import { action, message } from "../../../testbed/gen/trace.ts";
import type { RetainedAnswer } from "../decision.ts";
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";

const DIRECTORY = `s3://state/checkpoints/${JOB_ID}`;
const CHECKPOINT = `${DIRECTORY}/chk-57`;
const FOUND: RetainedAnswer = { kind: "found", path: CHECKPOINT, checkpointId: 57, completed: NOW - 12_000 };
const lost: JobScene = { ...notListed, retained: FOUND };
const from = (path: string): SessionJobChange =>
  jobRunning({ restore: "savepoint", job: { upgradeSavepointPath: path } });
const three = editedJob(jobWith({ parallelism: 3 }));

describe("a job that its session cluster does not know any more", () => {
  it.each<[string, JobScene]>([
    ["with HA", {}],
    ["without HA", { session: sessionCluster(withoutHa(), recordedCluster()) }],
  ])("goes on from its newest retained checkpoint, which an event names, %s", (_, cluster) => {
    const trace = traceOf(from("s3://start"));
    const outcome = follow(trace, [
      {
        when: "lost",
        scene: () => ({ ...lost, ...cluster }),
        gives: {
          actions: [],
          events: ["Missing", "JobStatusChanged", "RestoringFromCheckpoint"],
          lifecycle: "UPGRADING",
          error: undefined,
          conditions: ["Reconciling: Restarting"],
        },
      },
    ]);
    expect(message(outcome, "RestoringFromCheckpoint")).toBe(
      `Flink does not tell the last state; restoring from retained checkpoint 57 of job ${JOB_ID}, completed 13 s ago: ${CHECKPOINT}`,
    );
    startsAgain(trace, CHECKPOINT);
  });

  it("is looked for where the session cluster keeps checkpoints, with its access, or where the job says", () => {
    const session = sessionCluster(withConfiguration({ "s3.access-key": "id" }), recordedCluster());
    const own =
      (flinkConfiguration: object): SessionJobChange =>
      ({ spec }) =>
        void Object.assign(spec, { flinkConfiguration });
    for (const [configuration, directory] of [
      [{}, DIRECTORY],
      [{ "state.checkpoints.dir": "s3://own" }, `s3://own/${JOB_ID}`],
    ] as const) {
      const trace = traceOf(own(configuration), from("s3://start"));
      trace.pass({ ...lost, session });
      const access = { "s3.access-key": "id" };
      expect(trace.asked).toEqual([
        { jobId: JOB_ID, places: [{ directory, shared: false, access }], savepoints: [] },
      ]);
    }
  });

  it("is looked for where it ran, also when its cluster keeps checkpoints elsewhere by now", () => {
    const trace = traceOf(
      jobAnnounced({ restore: "savepoint", job: { upgradeSavepointPath: "s3://start" } }),
      three,
    );
    trace.pass(lists("FINISHED"));
    const { jobId, recoveryInfo } = trace.resource.status?.jobStatus ?? {};
    const directory = `s3://state/checkpoints/${jobId}`;
    expect(recoveryInfo).toEqual({ jobId, startedFrom: "s3://start", checkpointDirectories: [directory] });
    trace.pass(lists("FINISHED"));
    const session = sessionCluster(
      withConfiguration({ "state.checkpoints.dir": "s3://new" }),
      recordedCluster(),
    );
    trace.pass({ ...notListed, session }, 10_000);
    expect(trace.asked.map(({ places }) => places)).toEqual([[{ directory, shared: false, access: {} }]]);
  });

  it("goes on with the change that waits", () => {
    const trace = traceOf(from("s3://start"), three);
    follow(trace, [
      {
        when: "lost",
        scene: () => lost,
        gives: { events: ["Missing", "JobStatusChanged", "RestoringFromCheckpoint", "SpecChanged"] },
      },
    ]);
    startsAgain(trace, CHECKPOINT);
  });

  it("and that is to be suspended remembers where to resume from", () => {
    const trace = traceOf(from("s3://start"), editedJob(jobWith({ state: "suspended" })));
    follow(trace, [{ when: "lost", scene: () => lost, gives: { actions: [], lifecycle: "SUSPENDED" } }]);
    expect(trace.resource.status?.jobStatus?.upgradeSavepointPath).toBe(CHECKPOINT);
    trace.change(editedJob(jobWith({ state: "running" })));
    trace.pass(notListed);
    startsAgain(trace, CHECKPOINT);
  });

  it("starts again from where it was started, if it left nothing", () => {
    const trace = traceOf(from("s3://start"));
    trace.pass(notListed);
    startsAgain(trace, "s3://start");
  });

  it("waits for the next cluster, if this one is about to go", () => {
    const trace = traceOf(from("s3://start"));
    trace.pass({ ...lost, session: LEAVING });
    const outcome = trace.pass({ ...notListed, session: LEAVING });
    expect(outcome).toMatchObject({ actions: [], conditions: ["Reconciling: SessionClusterUpgrading"] });
    startsAgain(trace, CHECKPOINT);
  });

  it("is not started beside another run of it, which is cancelled first", () => {
    const stray = job("RUNNING", { jobId: `aaaaaaaaaaaaaaaa${OWN_HALF}` });
    const trace = traceOf(from("s3://start"));
    const outcome = trace.pass({ flink: flink([stray]), retained: FOUND });
    expect(outcome).toMatchObject({ actions: ["cancel-job"], conditions: ["Reconciling: Cancelling"] });
    expect(trace.asked).toEqual([]);
  });

  it("is not started while a JobManager that goes may still run it", () => {
    const ending = pod("jobmanager", terminating());
    const trace = traceOf(from("s3://start"));
    const outcome = trace.pass({ ...lost, endingJobManagers: [ending] });
    expect(outcome).toMatchObject({ actions: [], conditions: ["Reconciling: ClusterShuttingDown"] });
    expect(trace.asked).toEqual([]);
  });

  it.each<[string, RetainedAnswer, string]>([
    [
      "waits for a storage that does not answer",
      { kind: "unreadable", message: "timeout", mendable: false },
      "Reconciling: CheckpointStorageUnreadable",
    ],
    [
      "waits for access to be given",
      { kind: "unreadable", message: "denied", mendable: true },
      "Stalled: CheckpointStorageUnreadable",
    ],
    [
      "needs a person where nobody can tell which is the newest",
      { kind: "unclear", message: "damaged" },
      "Stalled: RestoreFailed",
    ],
  ])("%s", (_, retained, condition) => {
    const outcome = traceOf(from("s3://start")).pass({ ...notListed, retained });
    expect(outcome.actions).toEqual([]);
    expect(outcome.conditions).toContain(condition);
  });

  it("with a savepoint asked for whose name would not tell whose it is needs a person", () => {
    const apache = "ffffffffa1b2c3d40000000000000003";
    const savepointInfo = { triggerTimestamp: NOW };
    const trace = traceOf(jobRunning({ restore: "savepoint", job: { jobId: apache, savepointInfo } }));
    const outcome = trace.pass(lost);
    expect(outcome.conditions).toEqual(["Stalled: RestoreFailed"]);
    expect(outcome.error).toContain("would not tell whose it is");
  });
});

describe("a job that ended, and Flink does not know its last checkpoint", () => {
  const ended = jobRunning({
    restore: "savepoint",
    jobState: "CANCELED",
    job: { upgradeSavepointPath: LAST_STATE_MARKER },
  });

  it("is started again from the retained one", () => {
    const trace = traceOf(ended);
    follow(trace, [
      {
        when: "cancelled by somebody",
        scene: () => ({ ...lists("CANCELED"), retained: FOUND }),
        gives: { actions: [], events: ["RestoringFromCheckpoint", "Submit"], lifecycle: "UPGRADING" },
      },
    ]);
    startsAgain(trace, CHECKPOINT);
  });

  it("is changed from it", () => {
    const trace = traceOf(ended, three);
    follow(trace, [
      {
        when: "changed",
        scene: () => ({ ...lists("CANCELED"), retained: FOUND }),
        gives: { actions: [], events: ["RestoringFromCheckpoint", "SpecChanged"], lifecycle: "UPGRADING" },
      },
    ]);
    startsAgain(trace, CHECKPOINT);
  });

  it("needs a person, if there is none", () => {
    for (const trace of [traceOf(ended), traceOf(ended, three)]) {
      const outcome = trace.pass(lists("CANCELED"));
      expect(outcome.actions).toEqual([]);
      expect(outcome.error).toContain(`no complete checkpoint of job ${JOB_ID}`.slice(3));
      expect(outcome.conditions[0]).toMatch(/^Stalled: (RestoreFailed|UpgradeFailed)$/);
    }
  });

  it("and was stopped so, as an Apache operator leaves it, starts from it", () => {
    const trace = traceOf(
      jobStopped({ restore: "last-state", job: { upgradeSavepointPath: LAST_STATE_MARKER } }),
    );
    trace.pass({ ...lists("FINISHED"), retained: FOUND });
    expect(action(trace.pass(lists("FINISHED")), "submit-job").request.savepointPath).toBe(CHECKPOINT);
  });
});

describe("an attempt whose job may have run and been lost unseen", () => {
  const submitting = jobSubmitting({ restore: "savepoint", job: { upgradeSavepointPath: "s3://start" } });

  it.each<[string, SessionJobChange[]]>([
    ["from a savepoint", [submitting]],
    ["from nothing", [jobSubmitting()]],
    ["and for which something else is wanted by now", [submitting, three]],
  ])("%s, goes on from what it left, under another id", (_, changes) => {
    const trace = traceOf(...changes);
    follow(trace, [
      {
        when: "looked for",
        scene: () => lost,
        gives: { actions: [], events: ["RestoringFromCheckpoint"], lifecycle: "UPGRADING" },
      },
    ]);
    startsAgain(trace, CHECKPOINT);
  });

  it("is the same request again, if it left nothing, or nobody can tell", () => {
    for (const retained of [{ kind: "none" }, { kind: "unclear", message: "hdfs" }] as const) {
      const trace = traceOf(submitting);
      const { request } = action(trace.pass({ ...notListed, retained }), "submit-job");
      expect(request).toMatchObject({ jobId: JOB_ID, savepointPath: "s3://start" });
      expect(trace.asked).toHaveLength(1);
    }
  });

  const asksNobody = (trace: SessionJobTrace, scene: JobScene, after?: number): void => {
    trace.pass(scene, after);
    expect(trace.asked).toEqual([]);
  };

  it("is not looked for as long as the request is under way, nor when its state counts no more", () => {
    asksNobody(traceOf(submitting), { ...lost, submission: { jobId: JOB_ID, state: "under-way" } });
    const redeploy = editedJob(jobWith({ savepointRedeployNonce: 1, initialSavepointPath: "s3://given" }));
    asksNobody(traceOf(submitting, redeploy), lost);
    asksNobody(traceOf(jobWith({ upgradeMode: "stateless" }), jobSubmitting()), lost);
  });

  it("is not looked for before anything can have run", () => {
    const trace = traceOf(
      jobAnnounced({ restore: "savepoint", job: { upgradeSavepointPath: "s3://start" } }),
    );
    asksNobody(trace, notListed);
    asksNobody(trace, lost, 2000);
  });
});
