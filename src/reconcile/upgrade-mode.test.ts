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

describe("whatever the facts", () => {
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

describe("a case for a person", () => {
  it("is said as the Apache operator says it, by which its lifecycle becomes FAILED", () => {
    fc.assert(
      fc.property(facts, (one) => {
        const outcome = chooseUpgrade(one);
        if (outcome.kind !== "fail") return;
        expect(outcome.message).toMatch(/HA metadata is not available.*Manual restore required\.$/);
      }),
      { numRuns: 3000 },
    );
  });
});
