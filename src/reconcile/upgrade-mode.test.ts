import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FlinkJobState, UpgradeMode } from "../api/flink-deployment.ts";
import {
  chooseUpgrade,
  isTerminal,
  LAST_STATE_MARKER,
  type UpgradeFacts,
  type UpgradeOutcome,
} from "./upgrade-mode.ts";

/** A job that runs on a reachable cluster with usable HA metadata, and a savepoint directory. */
const HEALTHY: UpgradeFacts = {
  upgradeMode: "savepoint",
  jobState: "RUNNING",
  deployedMode: "stateless",
  flinkVersionChanged: false,
  restReachable: true,
  haMetadata: true,
  haInBoth: true,
  lastPath: undefined,
  savepointDirectory: true,
  lastStateFallback: true,
  jobCancelEnabled: false,
  neverStarted: false,
  jobManagerMissing: false,
  jobManagerFailed: false,
  maxCheckpointAge: undefined,
  jobAge: undefined,
  completedCheckpointAge: undefined,
  pendingCheckpointAge: undefined,
};

/** `suspend -> restore`, `wait`, `wait, only` (nothing else may be done) or `fail`. */
function verdict(outcome: UpgradeOutcome): string {
  if (outcome.kind === "go") return `${outcome.suspend} -> ${outcome.restore}`;
  if (outcome.kind === "fail") return "fail";
  return outcome.otherActions ? "wait" : "wait, only";
}

function choose(facts: Partial<UpgradeFacts>): string {
  return verdict(chooseUpgrade({ ...HEALTHY, ...facts }));
}

type Row = readonly [string, Partial<UpgradeFacts>, string];

const NO_HA = { haMetadata: false, haInBoth: false } as const;
const UNREACHABLE = { restReachable: false, jobState: "RECONCILING" } as const;
const MISSING = { ...UNREACHABLE, jobManagerMissing: true } as const;
const FAILING_JM = { ...UNREACHABLE, jobManagerFailed: true } as const;
const NEVER_STARTED = { ...UNREACHABLE, haMetadata: false, neverStarted: true } as const;

function check(rows: readonly Row[]): void {
  it.each(rows)("%s", (_, facts, expected) => {
    expect(choose(facts)).toBe(expected);
  });
}

describe("row 1: stateless", () => {
  const stateless = { upgradeMode: "stateless" } as const;
  check([
    ["a running job is thrown away", stateless, "STATELESS -> stateless"],
    ["so is one that cannot be reached", { ...stateless, ...MISSING }, "STATELESS -> stateless"],
    ["so is one that is being cancelled", { ...stateless, jobState: "CANCELLING" }, "STATELESS -> stateless"],
    ["a finished job needs no stopping", { ...stateless, jobState: "FINISHED" }, "NOOP -> stateless"],
    ["a failed job needs no stopping", { ...stateless, jobState: "FAILED" }, "NOOP -> stateless"],
    [
      "another Flink version changes nothing",
      { ...stateless, flinkVersionChanged: true },
      "STATELESS -> stateless",
    ],
  ]);
});

describe("row 2: the job has ended", () => {
  for (const upgradeMode of ["savepoint", "last-state"] as const) {
    describe(upgradeMode, () => {
      const path = { upgradeMode, lastPath: "s3://chk-6" };
      check([
        [
          "a finished job is restored from its last path",
          { ...path, jobState: "FINISHED", ...NO_HA },
          "NOOP -> savepoint",
        ],
        ["so is a failed one", { ...path, jobState: "FAILED", ...NO_HA }, "NOOP -> savepoint"],
        [
          "so is a failed one whose JobManager answers, whatever HA has left",
          { ...path, jobState: "FAILED" },
          "NOOP -> savepoint",
        ],
        [
          "so is a cancelled one without JobManager, whatever HA has left",
          { ...path, ...MISSING, jobState: "CANCELED" },
          "NOOP -> savepoint",
        ],
        [
          "without any checkpoint it starts empty, as it had nothing",
          { upgradeMode, jobState: "FINISHED", ...NO_HA },
          "NOOP -> savepoint",
        ],
        [
          "a failed job with HA metadata and without JobManager is not believed to be final",
          { ...path, ...MISSING, jobState: "FAILED" },
          "LAST_STATE -> last-state",
        ],
        [
          "a last path that was never known is a case for a person",
          { upgradeMode, jobState: "FAILED", lastPath: LAST_STATE_MARKER, ...NO_HA },
          "fail",
        ],
        [
          "unless HA metadata is still there",
          { upgradeMode, jobState: "FAILED", lastPath: LAST_STATE_MARKER },
          "LAST_STATE -> last-state",
        ],
        [
          "which another Flink version cannot read",
          { upgradeMode, jobState: "FAILED", lastPath: LAST_STATE_MARKER, flinkVersionChanged: true },
          "fail",
        ],
        [
          "nor a new configuration without HA",
          { upgradeMode, jobState: "FAILED", lastPath: LAST_STATE_MARKER, haInBoth: false },
          "fail",
        ],
        [
          "another Flink version takes the last path",
          { ...path, jobState: "FAILED", flinkVersionChanged: true },
          "NOOP -> savepoint",
        ],
      ]);
    });
  }
});

describe("row 3: the job is being cancelled", () => {
  check([
    ["savepoint waits, and nothing else happens", { jobState: "CANCELLING" }, "wait, only"],
    ["last-state too", { upgradeMode: "last-state", jobState: "CANCELLING" }, "wait, only"],
  ]);
});

describe("rows 4 to 6: savepoint", () => {
  check([
    ["a running job stops with a savepoint", {}, "SAVEPOINT -> savepoint"],
    ["also without HA", NO_HA, "SAVEPOINT -> savepoint"],
    ["also for another Flink version", { flinkVersionChanged: true }, "SAVEPOINT -> savepoint"],
    ["a running job that does not answer is waited for", { restReachable: false }, "wait"],
    ["a restarting job falls back to HA metadata", { jobState: "RESTARTING" }, "LAST_STATE -> last-state"],
    ["a restarting job without HA is cancelled", { jobState: "RESTARTING", ...NO_HA }, "CANCEL -> savepoint"],
    ["an unreachable job falls back to HA metadata", UNREACHABLE, "LAST_STATE -> last-state"],
    [
      "without the fallback a restarting job is waited for",
      { jobState: "RESTARTING", lastStateFallback: false },
      "wait",
    ],
    [
      "without the fallback an unreachable job is waited for, though there is HA metadata",
      { ...MISSING, lastStateFallback: false },
      "wait",
    ],
    [
      "without the fallback another Flink version still cancels a restarting job",
      { jobState: "RESTARTING", lastStateFallback: false, flinkVersionChanged: true },
      "CANCEL -> savepoint",
    ],
    [
      "without the fallback a JobManager that never started is replaced",
      { ...NEVER_STARTED, lastStateFallback: false },
      "NOOP -> savepoint",
    ],
    [
      "without the fallback a lost JobManager without HA metadata is a case for a person",
      { ...MISSING, haMetadata: false, lastStateFallback: false },
      "fail",
    ],
  ]);
});

describe("row 7: last-state with another Flink version", () => {
  const other = { upgradeMode: "last-state", flinkVersionChanged: true } as const;
  check([
    ["a running job stops with a savepoint", other, "SAVEPOINT -> savepoint"],
    [
      "without a savepoint directory it is cancelled",
      { ...other, savepointDirectory: false },
      "CANCEL -> savepoint",
    ],
    ["a restarting job is cancelled", { ...other, jobState: "RESTARTING" }, "CANCEL -> savepoint"],
    ["an unreachable job is waited for, whatever HA has", { ...other, ...UNREACHABLE }, "wait"],
    ["a lost JobManager with HA metadata is recovered first", { ...other, ...MISSING }, "wait"],
    ["a JobManager that never started is replaced", { ...other, ...NEVER_STARTED }, "NOOP -> savepoint"],
    [
      "a lost JobManager without HA metadata is a case for a person",
      { ...other, ...MISSING, haMetadata: false },
      "fail",
    ],
  ]);
});

describe("row 8: last-state, the job runs", () => {
  const running = { upgradeMode: "last-state" } as const;
  check([
    ["HA metadata is quickest", running, "LAST_STATE -> last-state"],
    ["unless cancelling is asked for", { ...running, jobCancelEnabled: true }, "CANCEL -> savepoint"],
    ["without HA the job is cancelled", { ...running, ...NO_HA }, "CANCEL -> savepoint"],
    [
      "HA that is switched off by the change does not count",
      { ...running, haInBoth: false },
      "CANCEL -> savepoint",
    ],
    ["HA without metadata yet does not count", { ...running, haMetadata: false }, "CANCEL -> savepoint"],
    [
      "an unreachable job is left to its HA metadata even if cancelling is asked for",
      { ...running, restReachable: false, jobCancelEnabled: true },
      "LAST_STATE -> last-state",
    ],
    ["neither HA nor a reachable job: wait", { ...running, ...NO_HA, restReachable: false }, "wait"],
  ]);
});

describe("row 8: with a limit to the age of the checkpoint", () => {
  const limited = { upgradeMode: "last-state", maxCheckpointAge: 60_000, jobAge: 600_000 } as const;
  const old = { completedCheckpointAge: 120_000 } as const;
  check([
    ["a job younger than that goes on", { ...limited, jobAge: 59_999 }, "LAST_STATE -> last-state"],
    [
      "a younger checkpoint will do",
      { ...limited, completedCheckpointAge: 59_999 },
      "LAST_STATE -> last-state",
    ],
    ["an older one takes a savepoint", { ...limited, ...old }, "SAVEPOINT -> savepoint"],
    ["one of exactly that age too", { ...limited, completedCheckpointAge: 60_000 }, "SAVEPOINT -> savepoint"],
    ["none at all too", limited, "SAVEPOINT -> savepoint"],
    ["a younger one in progress is waited for", { ...limited, ...old, pendingCheckpointAge: 59_999 }, "wait"],
    [
      "one in progress for longer is not",
      { ...limited, ...old, pendingCheckpointAge: 60_000 },
      "SAVEPOINT -> savepoint",
    ],
    [
      "a young checkpoint and a reachable job without HA: cancel",
      { ...limited, ...NO_HA, completedCheckpointAge: 1 },
      "CANCEL -> savepoint",
    ],
    ["an old one without HA: savepoint", { ...limited, ...NO_HA, ...old }, "SAVEPOINT -> savepoint"],
    [
      "no limit, no question",
      { ...limited, ...old, maxCheckpointAge: undefined },
      "LAST_STATE -> last-state",
    ],
  ]);
});

describe("rows 9 and 10: last-state, the job does not run", () => {
  const mode = { upgradeMode: "last-state" } as const;
  check([
    [
      "a restarting job is left to its HA metadata",
      { ...mode, jobState: "RESTARTING" },
      "LAST_STATE -> last-state",
    ],
    [
      "or cancelled where that is asked for",
      { ...mode, jobState: "RESTARTING", jobCancelEnabled: true },
      "CANCEL -> savepoint",
    ],
    ["without HA it is cancelled", { ...mode, jobState: "FAILING", ...NO_HA }, "CANCEL -> savepoint"],
    [
      "a created job without HA is cancelled",
      { ...mode, jobState: "CREATED", ...NO_HA },
      "CANCEL -> savepoint",
    ],
  ]);
});

describe("what is left for an application cluster that does not answer", () => {
  const mode = { upgradeMode: "last-state" } as const;
  check([
    ["HA metadata in both configurations", { ...mode, ...MISSING }, "LAST_STATE -> last-state"],
    ["also while its JobManager fails", { ...mode, ...FAILING_JM }, "LAST_STATE -> last-state"],
    [
      "HA only in the old configuration: wait for the job",
      { ...mode, ...UNREACHABLE, haInBoth: false },
      "wait",
    ],
    [
      "a JobManager that never started has nothing to lose",
      { ...mode, ...NEVER_STARTED },
      "NOOP -> savepoint",
    ],
    ["also when it fails", { ...mode, ...NEVER_STARTED, jobManagerFailed: true }, "NOOP -> savepoint"],
    [
      "but not if it was to restore from HA metadata: that was there once",
      { ...mode, ...NEVER_STARTED, deployedMode: "last-state" },
      "wait",
    ],
    ["a lost JobManager without HA metadata: a person", { ...mode, ...MISSING, haMetadata: false }, "fail"],
    [
      "a failing JobManager without HA metadata: a person",
      { ...mode, ...FAILING_JM, haMetadata: false },
      "fail",
    ],
    [
      "a starting JobManager without HA metadata: wait",
      { ...mode, ...UNREACHABLE, haMetadata: false },
      "wait",
    ],
  ]);

  it("says what the Apache operator says, by which its lifecycle becomes FAILED", () => {
    const outcome = chooseUpgrade({ ...HEALTHY, ...mode, ...MISSING, haMetadata: false });
    expect(outcome).toMatchObject({
      message: expect.stringMatching(/HA metadata is not available.*Manual restore required\.$/),
    });
  });
});

describe("whatever the facts", () => {
  const states: FlinkJobState[] = [
    "INITIALIZING",
    "CREATED",
    "RUNNING",
    "FAILING",
    "FAILED",
    "CANCELLING",
    "CANCELED",
    "FINISHED",
    "RESTARTING",
    "SUSPENDED",
    "RECONCILING",
  ];
  const mode = fc.constantFrom<UpgradeMode>("stateless", "last-state", "savepoint");
  const age = fc.option(fc.constantFrom(1, 100, 10_000), { nil: undefined });
  const facts: fc.Arbitrary<UpgradeFacts> = fc.record({
    upgradeMode: mode,
    jobState: fc.option(fc.constantFrom(...states), { nil: undefined }),
    deployedMode: mode,
    flinkVersionChanged: fc.boolean(),
    restReachable: fc.boolean(),
    haMetadata: fc.boolean(),
    haInBoth: fc.boolean(),
    lastPath: fc.option(fc.constantFrom("s3://a", LAST_STATE_MARKER), { nil: undefined }),
    savepointDirectory: fc.boolean(),
    lastStateFallback: fc.boolean(),
    jobCancelEnabled: fc.boolean(),
    neverStarted: fc.boolean(),
    jobManagerMissing: fc.boolean(),
    jobManagerFailed: fc.boolean(),
    maxCheckpointAge: age,
    jobAge: age,
    completedCheckpointAge: age,
    pendingCheckpointAge: age,
  });

  function holds(name: string, claim: (facts: UpgradeFacts, outcome: UpgradeOutcome) => boolean): void {
    it(name, () => {
      fc.assert(
        fc.property(facts, (one) => claim(one, chooseUpgrade(one))),
        { numRuns: 3000 },
      );
    });
  }

  holds(
    "a job that is to keep its state never starts stateless",
    ({ upgradeMode }, outcome) =>
      upgradeMode === "stateless" || outcome.kind !== "go" || outcome.restore !== "stateless",
  );
  holds(
    "a job that asks for none never waits, and starts stateless",
    ({ upgradeMode }, outcome) =>
      upgradeMode !== "stateless" || (outcome.kind === "go" && outcome.restore === "stateless"),
  );
  holds(
    "last-state is restored only with HA metadata that the new cluster can use",
    ({ haMetadata, haInBoth, flinkVersionChanged }, outcome) =>
      outcome.kind !== "go" ||
      (outcome.suspend !== "LAST_STATE" && outcome.restore !== "last-state") ||
      (haMetadata && haInBoth && !flinkVersionChanged),
  );
  holds(
    "taking the JobManager away and restoring last-state go together",
    (_, outcome) =>
      outcome.kind !== "go" || (outcome.suspend === "LAST_STATE") === (outcome.restore === "last-state"),
  );
  holds(
    "a savepoint is asked of a running job only, and a cancellation of a job that can hear it",
    ({ jobState, restReachable }, outcome) => {
      if (outcome.kind !== "go") return true;
      if (outcome.suspend === "SAVEPOINT") return jobState === "RUNNING";
      if (outcome.suspend === "CANCEL") return restReachable && !isTerminal(jobState);
      return true;
    },
  );
  holds(
    "a job that is not known to have ended, or never to have run, is never just left behind",
    ({ jobState, neverStarted, upgradeMode }, outcome) =>
      upgradeMode === "stateless" ||
      outcome.kind !== "go" ||
      outcome.suspend !== "NOOP" ||
      isTerminal(jobState) ||
      neverStarted,
  );
  holds(
    "the marker is never used as a path",
    ({ lastPath, jobState }, outcome) =>
      outcome.kind !== "go" ||
      outcome.suspend !== "NOOP" ||
      outcome.restore !== "savepoint" ||
      !isTerminal(jobState) ||
      lastPath !== LAST_STATE_MARKER,
  );
});
