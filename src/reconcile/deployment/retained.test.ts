/** HA metadata does not tell a job's last state: its newest retained checkpoint does, or a person is told why not. */
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../api/kube-object.ts";
import { flink, refused } from "../../../testbed/gen/flink-answers.ts";
import {
  edited,
  flinkDeployment,
  NOW,
  type ResourceChange,
  withConfiguration,
  withJobState,
  withoutHa,
  withParallelism,
  withUpgradeMode,
} from "../../../testbed/gen/flink-deployment.ts";
import { cluster, haConfigMap, nothing, pod } from "../../../testbed/gen/kube-objects.ts";
import {
  JOB_ID,
  running,
  STARTED,
  stopped,
  submitting,
  suspended,
} from "../../../testbed/gen/recorded-status.ts";
import {
  bringUpSteps,
  gone,
  imagePullBackOff,
  ownJob,
  recordedJob,
  type SceneOf,
  tearDownSteps,
} from "../../../testbed/gen/steps.ts";
import { action, condition, message, play, Trace } from "../../../testbed/gen/trace.ts";
import { observed, options } from "../../../testbed/gen/observed.ts";
import type { RetainedAnswer } from "../decision.ts";
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";
import { decide } from "./decide.ts";

const DIRECTORY = `s3://state/checkpoints/${JOB_ID}`;
const CHECKPOINT = `${DIRECTORY}/chk-57`;
const [create] = bringUpSteps([]);

function checkpoint(path = CHECKPOINT, completed = NOW - 12_000): RetainedAnswer {
  return { kind: "found", path, checkpointId: 57, completed };
}

/** The scene, with this answer of the state storage. */
function holding(scene: SceneOf, retained: RetainedAnswer = checkpoint()): SceneOf {
  return (resource) => ({ ...scene(resource), retained });
}

const lost = (...changes: ResourceChange[]): Trace => new Trace(flinkDeployment(...changes, running()));

function restoredFrom(trace: Trace): unknown {
  return action(play(trace, [create!]), "create-cluster").inputs.restore;
}

const fromCheckpoint = { kind: "savepoint", path: CHECKPOINT };

describe("a lost JobManager whose state HA metadata does not tell", () => {
  it.each<[string, ResourceChange[]]>([
    ["as the metadata was deleted with it", []],
    ["in upgrade mode last-state", [withUpgradeMode("last-state")]],
    ["as there is no HA", [withoutHa()]],
  ])("%s, comes back from the newest retained checkpoint, which an event names", (_, changes) => {
    const trace = lost(...changes);
    const outcome = play(trace, [
      {
        when: "lost",
        scene: holding(gone([])),
        gives: {
          actions: [],
          events: ["Missing", "RestoringFromCheckpoint", "RecoverDeployment"],
          lifecycle: "UPGRADING",
          jobState: "RECONCILING",
          error: undefined,
          conditions: ["Reconciling: Submitting"],
        },
      },
    ]);
    expect(message(outcome, "RestoringFromCheckpoint")).toBe(
      `HA metadata does not tell the last state; restoring from retained checkpoint 57 of job ${JOB_ID}, completed 13 s ago: ${CHECKPOINT}`,
    );
    expect(outcome.decision.events.find(({ reason }) => reason === "RestoringFromCheckpoint")?.type).toBe(
      "Normal",
    );
    expect(recordedJob(trace)).toMatchObject({ state: "suspended", upgradeMode: "savepoint" });
    // Another job: what the old one left cannot be mistaken for its own.
    expect(trace.resource.status?.jobStatus?.jobId).not.toBe(JOB_ID);
    expect(restoredFrom(trace)).toEqual(fromCheckpoint);
    play(trace, bringUpSteps([]).slice(1));
  });

  it("is asked about strictly its own job, at the place and with the access of its configuration", () => {
    const trace = lost(
      withConfiguration({ "s3.endpoint": "http://minio:9000", "s3.access-key": "id", "rest.port": "1" }),
    );
    trace.pass(holding(gone([]))(trace.resource));
    expect(trace.asked).toEqual([
      {
        jobId: JOB_ID,
        places: [
          {
            directory: DIRECTORY,
            shared: false,
            access: { "s3.endpoint": "http://minio:9000", "s3.access-key": "id" },
          },
        ],
        savepoints: [],
      },
    ]);
    expect(JSON.stringify(trace.resource.status?.conditions)).not.toContain("minio");
  });

  it.each([
    ["while it was stopped with a savepoint of which nobody heard", NOW - 5000, undefined, true],
    ["after a savepoint that completed", NOW - 5000, NOW - 1000, false],
    ["and was to stop only in an earlier life", STARTED - 600_000, undefined, false],
  ])("%s: the savepoint may be where it goes on", (_, triggerTimestamp, completed, isAsked) => {
    const trace = lost();
    trace.change(({ status }) => {
      if (status?.jobStatus === undefined) throw new Error("no job");
      const lastSavepoint =
        completed === undefined ? {} : { lastSavepoint: { timeStamp: completed, location: "s3://x" } };
      status.jobStatus.savepointInfo = {
        triggerTimestamp,
        triggerType: "UPGRADE",
        ...lastSavepoint,
      } as never;
    });
    trace.pass(holding(gone([]))(trace.resource));
    const asked = {
      directory: "s3://state/savepoints",
      prefix: `savepoint-${JOB_ID.slice(0, 6)}-`,
      access: {},
    };
    expect(trace.asked[0]?.asked).toEqual(isAsked ? asked : undefined);
  });

  it("is not asked about while a pod of it may still write, nor where HA metadata tells", () => {
    const trace = lost();
    play(trace, [
      {
        when: "a TaskManager is left",
        scene: holding(() => ({ cluster: nothing({ pods: [pod("taskmanager")] }) })),
        gives: { actions: [], conditions: ["Reconciling: ClusterShuttingDown"] },
      },
      { when: "gone, with HA metadata", scene: holding(gone()), gives: { events: ["RecoverDeployment"] } },
    ]);
    expect(trace.asked).toEqual([]);
    expect(recordedJob(trace).upgradeMode).toBe("last-state");
  });

  it("is looked for also where it ran before the last change, and where it was found before", () => {
    const moved = withConfiguration({ "state.checkpoints.dir": "s3://new/", "s3.entropy.key": "_e_" });
    const trace = new Trace(
      flinkDeployment(running(), edited(moved), stopped({ restore: "last-state", stable: false })),
    );
    trace.change(({ status }) => {
      const before = new Trace(flinkDeployment(running())).resource.status?.reconciliationStatus;
      Object.assign(status?.reconciliationStatus ?? {}, { lastStableSpec: before?.lastReconciledSpec });
      Object.assign(status?.jobStatus ?? {}, { upgradeSavepointPath: `s3://found/${JOB_ID}/chk-3` });
    });
    trace.pass(holding(gone([]))(trace.resource));
    expect(trace.asked[0]?.places.map(({ directory }) => directory)).toEqual([
      `s3://new/${JOB_ID}`,
      DIRECTORY,
      `s3://found/${JOB_ID}`,
    ]);
  });

  it("takes a newer savepoint of the same job into account, and of no other", () => {
    const own = `s3://state/savepoints/savepoint-${JOB_ID.slice(0, 6)}-0123456789ab`;
    const others = "s3://state/savepoints/savepoint-ffffff-0123456789ab";
    const info = (location: string) => ({
      savepointInfo: { lastSavepoint: { location, timeStamp: STARTED } },
    });
    const trace = new Trace(flinkDeployment(running({ job: info(own) })));
    const outcome = trace.pass(holding(gone([]), checkpoint(own))(trace.resource));
    expect(message(outcome, "RestoringFromCheckpoint")).toContain("restoring from savepoint 57 of job");
    expect(trace.asked[0]?.savepoints).toEqual([own]);
    const another = new Trace(flinkDeployment(running({ job: info(others) })));
    another.pass(holding(gone([]))(another.resource));
    expect(another.asked[0]?.savepoints).toEqual([]);
    // From before the attempt: another's, whose id begins like this job's.
    const { lastSavepoint } = info(own).savepointInfo;
    const older = { savepointInfo: { lastSavepoint: { ...lastSavepoint, timeStamp: STARTED - 1 } } };
    for (const [restore, savepoints] of [
      ["savepoint", []],
      ["last-state", [own]],
    ] as const) {
      const trace = new Trace(flinkDeployment(running({ restore, job: older })));
      trace.pass(holding(gone([]))(trace.resource));
      expect(trace.asked[0]?.savepoints).toEqual(savepoints);
    }
  });
});

describe("as long as the storage was not asked", () => {
  const resource = flinkDeployment(withoutHa(), running());
  const scene = observed(resource, gone([])(resource));

  it("a decision names the question and only waits", () => {
    const { question, actions, status, events } = decide(scene, NOW, options());
    expect(question).toMatchObject({ jobId: JOB_ID });
    expect({ actions, events: events.map(({ reason }) => reason) }).toEqual({
      actions: [],
      events: ["Missing"],
    });
    const ready = status.conditions?.find(({ type }) => type === "Ready");
    expect(ready).toMatchObject({ status: "False", reason: "LookingForCheckpoint" });
    expect(status.reconciliationStatus?.state).toBe("DEPLOYED");
  });

  it("the answer to another question is none", () => {
    const other = { jobId: "f".repeat(32), places: [], savepoints: [] };
    const decision = decide(
      { ...scene, retained: { question: other, answer: checkpoint() } },
      NOW,
      options(),
    );
    expect(decision.question).toMatchObject({ jobId: JOB_ID });
    expect(decision.status.reconciliationStatus?.state).toBe("DEPLOYED");
  });
});

describe("a job that left no checkpoint", () => {
  const none: RetainedAnswer = { kind: "none" };

  it("starts again from where it was started", () => {
    const trace = new Trace(
      flinkDeployment(
        withoutHa(),
        running({ restore: "savepoint", job: { upgradeSavepointPath: "s3://sp" } }),
      ),
    );
    const outcome = play(trace, [
      {
        when: "lost",
        scene: holding(gone([]), none),
        gives: { events: ["Missing", "RestoringFromCheckpoint", "RecoverDeployment"] },
      },
    ]);
    expect(message(outcome, "RestoringFromCheckpoint")).toBe(
      `HA metadata does not tell the last state; restoring from where job ${JOB_ID} was started from, as no complete checkpoint of job ${JOB_ID} is in ${DIRECTORY}: s3://sp`,
    );
    expect(restoredFrom(trace)).toEqual({ kind: "savepoint", path: "s3://sp" });
  });

  it("may have made some, which Flink deletes with the cluster if it is told to", () => {
    const option = "execution.checkpointing.externalized-checkpoint-retention";
    const path = { restore: "savepoint", job: { upgradeSavepointPath: "s3://sp" } } as const;
    for (const [value, verdict] of [
      ["DELETE_ON_CANCELLATION", "Stalled: RestoreFailed"],
      ["RETAIN_ON_CANCELLATION", "Reconciling: Submitting"],
    ] as const) {
      const trace = new Trace(
        flinkDeployment(withoutHa(), withConfiguration({ [option]: value }), running(path)),
      );
      expect(trace.pass(holding(gone([]), none)(trace.resource)).conditions).toEqual([verdict]);
    }
  });

  it.each<[string, string | undefined]>([
    ["and started empty", undefined],
    ["and was last restored by HA metadata", LAST_STATE_MARKER],
    ["any more, where one was found before", CHECKPOINT],
    ["any more, nor its savepoint", `s3://sp/savepoint-${JOB_ID.slice(0, 6)}-0`],
  ])("%s is a person's case, who learns where was looked", (_, upgradeSavepointPath) => {
    const trace = new Trace(
      flinkDeployment(
        withoutHa(),
        running({ restore: "savepoint", job: upgradeSavepointPath ? { upgradeSavepointPath } : {} }),
      ),
    );
    const outcome = trace.pass(holding(gone([]), none)(trace.resource));
    expect(outcome).toMatchObject({
      actions: [],
      conditions: ["Stalled: RestoreFailed"],
      lifecycle: "FAILED",
    });
    expect(outcome.error).toBe(
      "HA metadata is not available: the JobManager is lost. Manual restore required. " +
        `No complete checkpoint of job ${JOB_ID} is in ${DIRECTORY}. ` +
        "Set spec.job.initialSavepointPath to a savepoint or retained checkpoint and change spec.job.savepointRedeployNonce.",
    );
  });
});

describe("a storage that cannot be read", () => {
  it.each([
    [false, "Reconciling: CheckpointStorageUnreadable", []],
    [true, "Stalled: CheckpointStorageUnreadable", ["CheckpointStorageUnreadable"]],
  ])(
    "is waited for, said, and never taken for an empty one (a person can mend it: %s)",
    (mendable, verdict, events) => {
      const trace = lost();
      const unreadable: RetainedAnswer = { kind: "unreadable", message: "bucket state: SlowDown", mendable };
      const text = "the newest retained checkpoint cannot be looked for: bucket state: SlowDown";
      const outcome = play(trace, [
        {
          when: "lost",
          scene: holding(gone([]), unreadable),
          gives: { actions: [], events: ["Missing", ...events], conditions: [verdict] },
        },
        {
          when: "still",
          scene: holding(gone([]), unreadable),
          gives: { actions: [], events: [], jobManager: "MISSING", conditions: [verdict] },
        },
      ]);
      expect(condition(outcome, "Ready")?.message).toBe(text);
      expect(recordedJob(trace).state).toBe("running");
      play(trace, [
        {
          when: "readable again",
          scene: holding(gone([])),
          gives: { events: ["RestoringFromCheckpoint", "RecoverDeployment"] },
        },
      ]);
      expect(restoredFrom(trace)).toEqual(fromCheckpoint);
    },
  );

  it("for good is a person's case, with the reason", () => {
    const trace = lost();
    const unclear: RetainedAnswer = { kind: "unclear", message: "hdfs:// cannot be read by Sluice yet" };
    const outcome = trace.pass(holding(gone([]), unclear)(trace.resource));
    expect(outcome.conditions).toEqual(["Stalled: RestoreFailed"]);
    expect(outcome.error).toMatch(
      /Manual restore required\. Its newest checkpoint cannot be told: hdfs:\/\/ cannot be read by Sluice yet\. Set/,
    );
  });
});

describe("nothing is looked for", () => {
  const off = "sluice.recovery.retained-checkpoint.enabled";

  it.each<[string, ResourceChange, RegExp]>([
    ["where that is switched off", withConfiguration({ [off]: "false" }), /switched off \(sluice\.recovery/],
    [
      "without a directory",
      withConfiguration({ "state.checkpoints.dir": null }),
      /No checkpoint directory is configured \(execution\.checkpointing\.dir\)/,
    ],
    [
      "where all runs of the job had one id",
      withConfiguration({ "$internal.pipeline.job-id": "0".repeat(32) }),
      /fixes the job's id/,
    ],
    [
      "where another HA store may hold the job",
      withConfiguration({ "high-availability.type": "zookeeper" }),
      /high availability is not Kubernetes'/i,
    ],
  ])("%s", (_, change, why) => {
    const trace = lost(change);
    const outcome = trace.pass(holding(gone([]))(trace.resource));
    expect(outcome).toMatchObject({ actions: [], conditions: ["Stalled: RestoreFailed"] });
    expect(outcome.error).toMatch(why);
    expect(trace.asked).toEqual([]);
  });

  it("for a job whose state its owner does not keep", () => {
    const trace = lost(withoutHa(), withUpgradeMode("stateless"));
    play(trace, [
      { when: "lost", scene: holding(gone([])), gives: { events: ["Missing", "RecoverDeployment"] } },
    ]);
    expect(restoredFrom(trace)).toEqual({ kind: "none" });
    expect(trace.asked).toEqual([]);
  });

  it("and switching it on later is enough", () => {
    const trace = lost(withConfiguration({ [off]: "false" }));
    play(trace, [
      { when: "off", scene: holding(gone([])), gives: { conditions: ["Stalled: RestoreFailed"] } },
      {
        when: "on",
        edit: edited(withConfiguration({ [off]: null })),
        scene: holding(gone([])),
        gives: { events: ["RestoringFromCheckpoint", "RecoverDeployment"] },
      },
    ]);
  });
});

describe("a checkpoint directory in which jobs have no folders of their own", () => {
  const flat = withConfiguration({ "state.checkpoints.create-subdir": "false" });
  const shared = "s3://state/checkpoints/chk-57";

  it("gives its only checkpoint, if that was made since the job started", () => {
    const trace = lost(flat);
    trace.pass(holding(gone([]), checkpoint(shared))(trace.resource));
    expect(trace.asked[0]?.places[0]).toMatchObject({ directory: "s3://state/checkpoints", shared: true });
    expect(restoredFrom(trace)).toEqual({ kind: "savepoint", path: shared });
  });

  it("but not an older one: it may be another job's", () => {
    const trace = lost(flat);
    const outcome = trace.pass(holding(gone([]), checkpoint(shared, STARTED - 1))(trace.resource));
    expect(outcome.conditions).toEqual(["Stalled: RestoreFailed"]);
    expect(outcome.error).toMatch(/chk-57, is older than the job's last start/);
  });
});

/** Flink remembers that the job ended, and nothing of its checkpoints. */
function forgotten(state: "FAILED" | "CANCELED", configMaps: readonly KubeObject[] = []): SceneOf {
  return (resource) => ({
    cluster: cluster(resource, undefined, { configMaps }),
    flink: flink([{ ...ownJob(resource, state), endTime: STARTED }], { checkpoints: refused(404) }),
  });
}

describe("a job that ended, and Flink does not know its last checkpoint", () => {
  it("is started again when there is a retained one, looked for again when its cluster is gone", () => {
    const trace = lost();
    const newer = `${DIRECTORY}/chk-58`;
    play(trace, [
      {
        when: "cancelled by somebody: first of all, is there anything to go back to?",
        scene: holding(forgotten("CANCELED")),
        gives: { actions: [], events: ["JobStatusChanged", "Submit"], lifecycle: "UPGRADING" },
      },
      {
        when: "its cluster goes",
        scene: holding(forgotten("CANCELED")),
        gives: { actions: ["delete-job-manager"] },
      },
      {
        when: "gone, and one more checkpoint is there",
        scene: holding(gone([]), checkpoint(newer)),
        gives: { actions: [], events: ["RestoringFromCheckpoint"], jobState: "RECONCILING" },
      },
    ]);
    expect(restoredFrom(trace)).toEqual({ kind: "savepoint", path: newer });
  });

  it("keeps its cluster when there is none", () => {
    const trace = lost(withConfiguration({ "kubernetes.operator.job.restart.failed": "true" }));
    play(trace, [
      {
        when: "failed",
        scene: forgotten("FAILED"),
        gives: { actions: [], lifecycle: "FAILED", conditions: ["Stalled: RestoreFailed"] },
      },
      { when: "still", scene: forgotten("FAILED"), gives: { actions: [], events: [] } },
    ]);
    expect(trace.resource.status?.jobStatus?.upgradeSavepointPath).toBe(LAST_STATE_MARKER);
  });

  it("is changed from the retained one", () => {
    const trace = lost();
    play(trace, [
      { when: "failed", scene: forgotten("FAILED"), gives: { lifecycle: "FAILED", jobState: "FAILED" } },
      {
        when: "the user tries something else",
        edit: edited(withParallelism(4)),
        scene: holding(forgotten("FAILED")),
        gives: { actions: [], events: ["SpecChanged"], lifecycle: "UPGRADING" },
      },
      {
        when: "the cluster goes",
        scene: holding(forgotten("FAILED")),
        gives: { actions: ["delete-job-manager"] },
      },
      { when: "gone", scene: holding(gone([])), gives: { events: ["RestoringFromCheckpoint"] } },
    ]);
    expect(recordedJob(trace)).toMatchObject({ parallelism: 4, upgradeMode: "savepoint" });
    expect(restoredFrom(trace)).toEqual(fromCheckpoint);
  });
});

describe("a change of a job whose state HA metadata does not tell", () => {
  it("and whose cluster is gone starts from the retained checkpoint with the change", () => {
    const trace = lost(withoutHa());
    play(trace, [
      {
        when: "lost and changed",
        edit: edited(withParallelism(4)),
        scene: holding(gone([])),
        gives: {
          actions: [],
          events: ["Missing", "RestoringFromCheckpoint", "SpecChanged"],
          lifecycle: "UPGRADING",
        },
      },
      { when: "recorded", scene: holding(gone([])), gives: { actions: [], jobState: "RECONCILING" } },
    ]);
    expect(recordedJob(trace)).toMatchObject({ parallelism: 4, upgradeMode: "savepoint" });
    expect(restoredFrom(trace)).toEqual(fromCheckpoint);
  });

  it("to a suspended one remembers where to resume from", () => {
    const trace = lost(withoutHa());
    play(trace, [
      {
        when: "lost and suspended",
        edit: edited(withJobState("suspended")),
        scene: holding(gone([])),
        gives: { events: ["Missing", "RestoringFromCheckpoint", "SpecChanged"], lifecycle: "SUSPENDED" },
      },
    ]);
    expect(trace.resource.status?.jobStatus?.upgradeSavepointPath).toBe(CHECKPOINT);
    expect(recordedJob(trace)).toMatchObject({ state: "suspended", upgradeMode: "savepoint" });
  });

  it("and whose JobManager cannot run takes the cluster down only when there is something to go back to", () => {
    const broken = imagePullBackOff([], NOW);
    const trace = lost(withoutHa());
    play(trace, [
      {
        when: "broken, changed, and nothing retained",
        edit: edited(withParallelism(4)),
        scene: holding(broken, { kind: "none" }),
        gives: { actions: [], lifecycle: "FAILED", conditions: ["Stalled: ImagePullBackOff"] },
      },
      {
        when: "there is one",
        scene: holding(broken),
        gives: { actions: [], events: ["SpecChanged"], lifecycle: "UPGRADING" },
      },
      ...tearDownSteps([]).slice(0, 1),
    ]);
    // Nothing is restored from before the cluster is gone.
    expect(recordedJob(trace).upgradeMode).toBe("last-state");
    play(trace, tearDownSteps([]).slice(1));
    play(trace, [{ when: "gone", scene: holding(gone([])), gives: { events: ["RestoringFromCheckpoint"] } }]);
    expect(restoredFrom(trace)).toEqual(fromCheckpoint);
  });
});

describe("HA metadata that goes missing between a stop and a start", () => {
  it.each<[string, ResourceChange]>([
    ["when the job is stopped", stopped({ restore: "last-state" })],
    ["when the attempt is recorded", submitting({ restore: "last-state" })],
    [
      "but for an empty map, where there had been a checkpoint",
      submitting({ restore: "last-state", job: { upgradeSavepointPath: LAST_STATE_MARKER } }),
    ],
  ])("%s makes the retained checkpoint the start", (name, status) => {
    const trace = new Trace(flinkDeployment(withUpgradeMode("last-state"), status));
    const left = name.startsWith("but") ? [haConfigMap()] : [];
    play(trace, [
      {
        when: "gone",
        scene: holding(gone(left)),
        gives: { actions: [], events: ["RestoringFromCheckpoint"], jobState: "RECONCILING" },
      },
    ]);
    if (left.length > 0) {
      // Flink would take up what is left of the old job beside the new one.
      play(trace, [{ when: "it goes", scene: gone(left), gives: { actions: ["delete-config-maps"] } }]);
    }
    expect(restoredFrom(trace)).toEqual(fromCheckpoint);
  });

  it("while it was suspended by last-state is found missing when it is resumed", () => {
    const trace = new Trace(
      flinkDeployment(
        withUpgradeMode("last-state"),
        withJobState("suspended"),
        suspended({ restore: "last-state", job: { upgradeSavepointPath: LAST_STATE_MARKER } }),
        edited(withJobState("running")),
      ),
    );
    play(trace, [
      { when: "resumed", scene: gone([]), gives: { events: ["SpecChanged"] } },
      { when: "gone", scene: holding(gone([])), gives: { events: ["RestoringFromCheckpoint"] } },
    ]);
    expect(restoredFrom(trace)).toEqual(fromCheckpoint);
  });
});
