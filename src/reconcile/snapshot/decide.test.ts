import { describe, expect, it } from "vitest";
import type { FlinkStateSnapshot } from "../../api/flink-state-snapshot.ts";
import { refused, unknownTrigger, unreachable } from "../../../testbed/gen/flink-answers.ts";
import { ok } from "../../../testbed/gen/flink-answers.ts";
import { NOW, withoutFinalizer } from "../../../testbed/gen/flink-deployment.ts";
import {
  aCheckpoint,
  going,
  is,
  snapshot,
  type SnapshotOutcome,
  type SnapshotScene,
  SnapshotTrace,
  target,
  wants,
} from "../../../testbed/gen/snapshot.ts";
import { retryPause } from "./attempt.ts";

interface Step {
  readonly when: string;
  readonly scene?: SnapshotScene;
  readonly after?: number;
  readonly gives: Partial<Omit<SnapshotOutcome, "decision">>;
}

function play(trace: SnapshotTrace, steps: readonly Step[]): SnapshotOutcome {
  let last: SnapshotOutcome | undefined;
  for (const { when, scene, after, gives } of steps) {
    const outcome = trace.pass(scene, after);
    last = outcome;
    const names = Object.keys(gives) as (keyof typeof gives)[];
    expect(Object.fromEntries(names.map((name) => [name, outcome[name]])), when).toEqual(gives);
  }
  if (last === undefined) throw new Error("no steps");
  return last;
}

/** With the labels that a pass would give it, so that a test sees what it is about. */
function labelled(state: string, type = "SAVEPOINT") {
  return ({ metadata }: FlinkStateSnapshot): void =>
    void (metadata.labels = {
      "snapshot.type": type,
      "snapshot.trigger-type": "MANUAL",
      "snapshot.state": state,
      "job-reference.kind": "FlinkDeployment",
      "job-reference.name": "job",
    });
}

const unknown: SnapshotScene = { flink: { trigger: unknownTrigger("savepoint") } };
const inProgress: SnapshotScene = { flink: { trigger: ok({ state: "IN_PROGRESS" }) } };
const done: SnapshotScene = { flink: { trigger: ok({ state: "COMPLETED", location: "s3://sp" }) } };
const broken: SnapshotScene = {
  flink: {
    trigger: ok({ state: "COMPLETED", failure: "disk full", rootCauses: ["java.io.IOException: disk full"] }),
  },
};
const ended = target({ state: "FINISHED", runsOn: false, willRun: false, reachable: false });
const restarting = target({ state: "RESTARTING" });
const stopping = target({ runsOn: false });
const asked = is({ state: "TRIGGER_PENDING", triggerId: "a".repeat(32) });
const running = is({ state: "IN_PROGRESS", triggerId: "a".repeat(32) });
const completed = is({ state: "COMPLETED", path: "s3://sp" });

describe("a savepoint that is asked for", () => {
  it("is taken on, recorded, asked of Flink, followed and completed, with its labels", () => {
    const trace = new SnapshotTrace(snapshot());
    trace.resource.metadata.finalizers = [];
    expect(
      play(trace, [{ when: "new", gives: { actions: ["add-finalizer", "set-labels"], after: 0 } }]).decision
        .actions[1],
    ).toEqual({
      type: "set-labels",
      labels: {
        "snapshot.type": "SAVEPOINT",
        "snapshot.trigger-type": "MANUAL",
        "snapshot.state": "TRIGGER_PENDING",
        "job-reference.kind": "FlinkDeployment",
        "job-reference.name": "job",
      },
    });
    trace.resource = snapshot(labelled("TRIGGER_PENDING"));
    const first = play(trace, [
      { when: "taken on", gives: { state: "TRIGGER_PENDING", actions: ["trigger-savepoint"], after: 0 } },
    ]);
    const { triggerId } = trace.resource.status ?? {};
    expect(first.decision.actions[0]).toEqual({
      type: "trigger-savepoint",
      jobId: target().jobId,
      triggerId,
      targetDirectory: "s3://state/savepoints",
      formatType: "CANONICAL",
    });
    play(trace, [
      {
        when: "under way",
        scene: inProgress,
        gives: { state: "IN_PROGRESS", actions: ["set-labels"], after: 5000 },
      },
      {
        when: "done",
        scene: done,
        gives: { state: "COMPLETED", path: "s3://sp", failures: 0, after: undefined },
      },
      { when: "nothing more to do", gives: { state: "COMPLETED", events: [], after: undefined } },
    ]);
    expect(trace.resource.status?.triggerTimestamp).toBe(new Date(NOW + 2000).toISOString());
    expect(trace.resource.status?.resultTimestamp).toBe(new Date(NOW + 4000).toISOString());
  });

  it("goes where and in the form that its spec says", () => {
    const savepoint = { path: "s3://mine", formatType: "NATIVE" as const };
    const { decision } = new SnapshotTrace(snapshot(wants({ savepoint }))).pass();
    expect(decision.actions[0]).toMatchObject({ targetDirectory: "s3://mine", formatType: "NATIVE" });
  });

  it("is asked for with the same id when the request was lost", () => {
    const trace = new SnapshotTrace(snapshot(labelled("TRIGGER_PENDING"), asked));
    const { decision } = play(trace, [
      {
        when: "Flink does not know it",
        scene: unknown,
        gives: { actions: ["trigger-savepoint"], failures: 0 },
      },
    ]);
    expect(decision.actions[0]).toMatchObject({ triggerId: "a".repeat(32) });
  });

  it("is not asked for again while Flink does not answer", () => {
    const trace = new SnapshotTrace(snapshot(labelled("TRIGGER_PENDING"), asked));
    play(trace, [
      {
        when: "silence",
        scene: { failure: { action: "trigger-savepoint", reason: "timeout", message: "no answer" } },
        gives: { actions: [], events: [], failures: 0, after: 5000 },
      },
    ]);
  });
});

it.each<[string, SnapshotScene, boolean]>([
  ["nothing was asked, and there is no JobManager", { target: target({ reachable: false }) }, false],
  [
    "the request was lost, and the job restarts",
    { ...unknown, target: target({ state: "RESTARTING" }) },
    true,
  ],
])("Flink is not asked while %s", (_, scene, wasAsked) => {
  const changes = wasAsked ? [labelled("TRIGGER_PENDING"), asked] : [labelled("TRIGGER_PENDING")];
  const outcome = new SnapshotTrace(snapshot(...changes)).pass(scene);
  expect(outcome).toMatchObject({ state: "TRIGGER_PENDING", actions: [], events: [], failures: 0 });
  expect(outcome.after).toBeGreaterThan(0);
});

describe("a savepoint that fails", () => {
  it("is tried again with another id after a pause that doubles up to ten minutes", () => {
    const trace = new SnapshotTrace(snapshot(labelled("TRIGGER_PENDING")));
    trace.pass();
    const pauses: (number | undefined)[] = [];
    const ids = new Set<string | undefined>();
    for (let failures = 1; failures <= 9; failures++) {
      ids.add(trace.resource.status?.triggerId);
      const outcome = play(trace, [
        {
          when: `failure ${failures}`,
          scene: broken,
          gives: {
            state: "TRIGGER_PENDING",
            failures,
            actions: [],
            events: ["SavepointError"],
            error: "The savepoint failed: disk full",
          },
        },
      ]);
      pauses.push(outcome.after);
      const pause = retryPause(failures);
      play(trace, [
        { when: "too early", after: pause - 1, gives: { actions: [], events: [], after: 1 } },
        { when: "again", after: 1, gives: { actions: ["trigger-savepoint"] } },
      ]);
    }
    expect(pauses).toEqual([10, 20, 40, 80, 160, 320, 600, 600, 600].map((seconds) => seconds * 1000));
    expect(ids.size).toBe(9);
    const { throwableList } = JSON.parse(trace.resource.status?.error ?? "") as {
      throwableList: { message: string }[];
    };
    expect(throwableList[0]?.message).toBe("java.io.IOException: disk full");
    play(trace, [{ when: "then it succeeds", scene: done, gives: { state: "COMPLETED", error: undefined } }]);
  });

  it.each([
    [0, "FAILED"],
    [1, "TRIGGER_PENDING"],
    [-1, "TRIGGER_PENDING"],
  ])("with backoffLimit %i is %s after the first failure", (backoffLimit, state) => {
    const trace = new SnapshotTrace(snapshot(wants({ savepoint: {}, backoffLimit }), running));
    play(trace, [
      { when: "failed", scene: broken, gives: { state } },
      {
        when: "a day later",
        after: 86_400_000,
        gives: { state, actions: state === "FAILED" ? ["set-labels"] : ["trigger-savepoint", "set-labels"] },
      },
    ]);
  });

  it.each<[string, ReturnType<typeof is>, SnapshotScene, RegExp]>([
    [
      "is refused",
      asked,
      {
        ...unknown,
        failure: {
          action: "trigger-savepoint",
          reason: "http",
          message: "HTTP 400: bad path",
          httpStatus: 400,
        },
      },
      /refused.*bad path/,
    ],
    ["is forgotten with its JobManager", running, unknown, /JobManager was replaced/],
    ["was never given an id", is({ state: "IN_PROGRESS" }), {}, /JobManager was replaced/],
    [
      "has no directory",
      is({ state: "TRIGGER_PENDING" }),
      { target: target({ configuration: {} }) },
      /set spec.savepoint.path, or state.savepoints.dir/,
    ],
  ])("because it %s counts", (_, status, scene, error) => {
    const trace = new SnapshotTrace(snapshot(status));
    const outcome = trace.pass(scene);
    expect(outcome).toMatchObject({ state: "TRIGGER_PENDING", failures: 1, events: ["SavepointError"] });
    expect(outcome.error).toMatch(error);
    expect(trace.resource.status).not.toHaveProperty("triggerId");
  });

  it("says Flink's answer", () => {
    const trace = new SnapshotTrace(snapshot(asked));
    const failure = { action: "trigger-savepoint", reason: "http", message: "no", httpStatus: 400 } as const;
    trace.pass({ ...unknown, failure });
    expect(trace.resource.status?.error).toContain('"httpResponseCode":400');
  });

  it("as another operator left it is not taken for asked", () => {
    const trace = new SnapshotTrace(
      snapshot(
        is({
          state: "TRIGGER_PENDING",
          triggerId: "old",
          failures: 1,
          resultTimestamp: new Date(NOW).toISOString(),
        }),
      ),
    );
    const outcome = trace.pass({}, 10_000);
    expect(outcome.actions).toContain("trigger-savepoint");
    expect(trace.resource.status?.triggerId).not.toBe("old");
  });
});

describe("a job that does not run", () => {
  const MINUTE = 60_000;

  it.each<[string, ReturnType<typeof is>, SnapshotScene, number, string]>([
    ["ended before it was asked", is({}), { target: ended }, 1000, "ABANDONED"],
    [
      "is about to start",
      is({}),
      { target: target({ state: "RECONCILING", runsOn: false }) },
      1000,
      "TRIGGER_PENDING",
    ],
    ["restarts", is({}), { target: restarting }, 10 * MINUTE, "TRIGGER_PENDING"],
    ["has been restarting for long", is({}), { target: restarting }, 11 * MINUTE, "ABANDONED"],
    ["ended since", running, { target: ended }, 1000, "ABANDONED"],
    ["is gone since", running, { target: null }, 1000, "ABANDONED"],
    [
      "was stopped since, and the savepoint with it",
      running,
      { ...broken, target: stopping },
      1000,
      "ABANDONED",
    ],
    ["was stopped since, and forgot it", running, { ...unknown, target: stopping }, 1000, "ABANDONED"],
    [
      "is being stopped while Flink works on",
      running,
      { ...inProgress, target: stopping },
      1000,
      "IN_PROGRESS",
    ],
    ["was stopped when it was done", running, { ...done, target: stopping }, 1000, "COMPLETED"],
    [
      "restarted, and the savepoint failed",
      running,
      { ...broken, target: restarting },
      1000,
      "TRIGGER_PENDING",
    ],
    [
      "lost its JobManager",
      running,
      { target: target({ state: "RECONCILING", reachable: false }) },
      1000,
      "IN_PROGRESS",
    ],
    ["does not answer", running, { flink: { trigger: unreachable() } }, 1000, "IN_PROGRESS"],
  ])("as it %s", (_, status, scene, after, state) => {
    const outcome = new SnapshotTrace(snapshot(status)).pass(scene, after);
    expect(outcome.state).toBe(state);
    expect(outcome.events.includes("SnapshotAbandoned")).toBe(state === "ABANDONED");
    expect(outcome.after === undefined).toBe(state === "ABANDONED" || state === "COMPLETED");
    if (state === "ABANDONED")
      expect(outcome.error).toMatch(
        /^Secondary resource FlinkDeployment job (is not running|was not found)$/,
      );
  });

  it("is waited for anew after each pause", () => {
    const trace = new SnapshotTrace(
      snapshot(is({ failures: 7, resultTimestamp: new Date(NOW).toISOString() })),
    );
    expect(trace.pass({ target: restarting }, 19 * MINUTE).state).toBe("TRIGGER_PENDING");
    expect(trace.pass({ target: restarting }, 2 * MINUTE).state).toBe("ABANDONED");
  });
});

describe("a checkpoint", () => {
  const taken = ok({ state: "COMPLETED" as const, checkpointId: 7 });

  it.each<[string, SnapshotScene, Partial<SnapshotOutcome>]>([
    [
      "is there",
      { flink: { trigger: taken, details: ok({ id: 7, externalPath: "s3://chk-7" }) } },
      { state: "COMPLETED", path: "s3://chk-7", events: [] },
    ],
    [
      "is in memory",
      {
        flink: {
          trigger: taken,
          details: ok({ id: 7, externalPath: "<checkpoint-not-externally-addressable>" }),
        },
      },
      { state: "COMPLETED", path: "", events: ["CheckpointError"] },
    ],
    [
      "is forgotten",
      { flink: { trigger: taken, details: refused(404) } },
      { state: "COMPLETED", path: "", events: ["CheckpointError"] },
    ],
    ["cannot be asked for", { flink: { trigger: taken } }, { state: "IN_PROGRESS", events: [], after: 5000 }],
    ["failed", broken, { state: "TRIGGER_PENDING", failures: 1, events: ["CheckpointError"] }],
  ])("that %s", (_, scene, gives) => {
    expect(new SnapshotTrace(snapshot(aCheckpoint, running)).pass(scene)).toMatchObject(gives);
  });

  it("is a full one, and needs Flink 1.17", () => {
    const { decision } = new SnapshotTrace(snapshot(aCheckpoint)).pass();
    expect(decision.actions[0]).toMatchObject({ type: "trigger-checkpoint", checkpointType: "FULL" });
    const old = new SnapshotTrace(snapshot(aCheckpoint)).pass({ target: target({ flinkVersion: "v1_16" }) });
    expect(old.error).toMatch(/1\.17/);
  });
});

describe("a savepoint that exists already", () => {
  it.each([null, target(), ended])("is completed at once, whatever its job does", (job) => {
    const trace = new SnapshotTrace(
      snapshot(wants({ savepoint: { alreadyExists: true, path: "s3://old" } })),
    );
    play(trace, [
      {
        when: "registered",
        scene: { target: job },
        gives: { state: "COMPLETED", path: "s3://old", events: [] },
      },
    ]);
    expect(trace.resource.status).toMatchObject({
      triggerTimestamp: new Date(trace.now).toISOString(),
      resultTimestamp: new Date(trace.now).toISOString(),
    });
  });
});

describe("an invalid snapshot", () => {
  it("waits, says why once, and goes on when it is mended", () => {
    const trace = new SnapshotTrace(snapshot(labelled("TRIGGER_PENDING")));
    play(trace, [
      {
        when: "its job is not there yet",
        scene: { target: null },
        gives: { state: "TRIGGER_PENDING", events: ["ValidationError"], actions: [], after: 60_000 },
      },
      { when: "still not", scene: { target: null }, gives: { events: [], state: "TRIGGER_PENDING" } },
      { when: "it is", gives: { actions: ["trigger-savepoint"], error: undefined } },
    ]);
  });

  it("without a spec at all is no more than invalid", () => {
    const bare = snapshot((draft) => void delete (draft as Partial<FlinkStateSnapshot>).spec);
    expect(new SnapshotTrace(bare).pass({ target: null })).toMatchObject({ events: ["ValidationError"] });
  });
});

describe("a deletion", () => {
  const kept = wants({ savepoint: { disposeOnDelete: false } });
  const RELEASED = { actions: ["remove-finalizer"], events: [] };
  const LEFT = { actions: ["remove-finalizer"], events: ["CleanupFailed"] };
  const accepted = { path: "s3://sp", at: NOW, triggerId: "d".repeat(32) };
  const gone = "java.io.FileNotFoundException: Cannot find checkpoint or savepoint file/directory 's3://sp'";

  it.each<[string, ((draft: FlinkStateSnapshot) => void)[], SnapshotScene, Partial<SnapshotOutcome>]>([
    ["of a checkpoint", [aCheckpoint, completed], {}, RELEASED],
    ["that keeps the savepoint", [kept, completed], {}, RELEASED],
    ["of one that failed", [is({ state: "FAILED" })], {}, RELEASED],
    ["of one that was abandoned", [is({ state: "ABANDONED" })], {}, RELEASED],
    ["before anything was asked", [], {}, RELEASED],
    ["of one that Flink never got", [asked], unknown, RELEASED],
    [
      "of one that is not taken on",
      [completed, withoutFinalizer() as never],
      {},
      { actions: [], events: [] },
    ],
    ["while it is being taken", [running], inProgress, { actions: [], events: [], after: 5000 }],
    [
      "while it is being taken by a JobManager that does not answer",
      [running],
      { target: target({ reachable: false }) },
      { actions: [], events: ["CleanupFailed"] },
    ],
    [
      "while it was being taken by a job that is gone",
      [running],
      { target: null },
      { actions: ["remove-finalizer"] },
    ],
    ["asks for the disposal", [completed], {}, { actions: ["dispose-savepoint"], events: [], after: 0 }],
    [
      "asks a JobManager whose job has ended, too",
      [completed],
      { target: target({ state: "FINISHED", runsOn: false, willRun: false }) },
      { actions: ["dispose-savepoint"] },
    ],
    [
      "waits for the disposal",
      [completed],
      { disposal: accepted, flink: { disposal: ok({ state: "IN_PROGRESS" }) } },
      { actions: [], events: [], after: 5000 },
    ],
    [
      "ends with it",
      [completed],
      { disposal: accepted, flink: { disposal: ok({ state: "COMPLETED" }) } },
      RELEASED,
    ],
    [
      "ends when somebody else has disposed of it",
      [completed],
      {
        disposal: accepted,
        flink: { disposal: ok({ state: "COMPLETED", failure: "Could not", rootCauses: [gone] }) },
      },
      RELEASED,
    ],
    [
      "asks again when the JobManager has forgotten",
      [completed],
      { disposal: accepted, flink: { disposal: refused(404, "Operation not found under key: x") } },
      { actions: ["dispose-savepoint"] },
    ],
    [
      "says why the disposal fails",
      [completed],
      { disposal: accepted, flink: { disposal: ok({ state: "COMPLETED", failure: "no permission" }) } },
      { actions: [], events: ["CleanupFailed"], after: 60_000 },
    ],
    [
      "says that Flink does not take it",
      [completed],
      { disposal: { path: "s3://sp", at: NOW } },
      { actions: [], events: ["CleanupFailed"] },
    ],
    [
      "waits for a JobManager of a job that is there",
      [completed],
      { target: ended },
      { actions: [], events: ["CleanupFailed"] },
    ],
    ["does not wait for a job that is gone", [completed], { target: null }, LEFT],
    ["does not wait for a job that is going", [completed], { target: { ...ended, deleting: true } }, LEFT],
    [
      "tries a JobManager that is going",
      [completed],
      { target: target({ deleting: true }) },
      { actions: ["dispose-savepoint"], events: [] },
    ],
    [
      "does not try that twice",
      [completed],
      { target: target({ deleting: true }), disposal: accepted },
      LEFT,
    ],
    [
      "keeps what the job would restart from",
      [completed],
      { target: target({ restorePaths: ["s3://sp"] }) },
      LEFT,
    ],
  ])("%s", (_, changes, scene, gives) => {
    expect(new SnapshotTrace(snapshot(...changes, going())).pass(scene)).toMatchObject(gives);
  });

  it("that is blocked says so once, tries again, and goes on", () => {
    const trace = new SnapshotTrace(snapshot(completed, going()));
    const failing = {
      disposal: accepted,
      flink: { disposal: ok({ state: "COMPLETED" as const, failure: "no permission" }) },
    };
    play(trace, [
      { when: "it fails", scene: failing, gives: { events: ["CleanupFailed"] } },
      { when: "still", scene: failing, gives: { events: [], actions: [] } },
      {
        when: "a minute later",
        scene: failing,
        after: 60_000,
        gives: { events: [], actions: ["dispose-savepoint"] },
      },
    ]);
    expect(trace.resource.status?.error).toContain("disposeOnDelete: false");
    expect(trace.resource.status?.state).toBe("COMPLETED");
  });
});
