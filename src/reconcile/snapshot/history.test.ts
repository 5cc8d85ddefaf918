import { describe, expect, it } from "vitest";
import fc from "fast-check";
import type { FlinkStateSnapshot } from "../../api/flink-state-snapshot.ts";
import { NOW } from "../../../testbed/gen/flink-deployment.ts";
import { aCheckpoint, going, is, made, snapshot } from "../../../testbed/gen/snapshot.ts";
import { outdatedSnapshots } from "./history.ts";

const HOUR = 3_600_000;
const STATES = ["COMPLETED", "FAILED", "TRIGGER_PENDING", "IN_PROGRESS", "ABANDONED"] as const;
const LIMITS = { maxCount: 2, maxAge: 24 * HOUR };

function outdated(snapshots: FlinkStateSnapshot[], limits = LIMITS, needed?: Set<string>): string[] {
  return outdatedSnapshots(snapshots, "savepoint", limits, NOW, needed).map(({ metadata }) => metadata.name);
}

describe("of snapshots that nobody asked for by hand", () => {
  const failed = is({ state: "FAILED" });
  const inProgress = is({ state: "IN_PROGRESS" });

  it.each<[string, FlinkStateSnapshot[], string[]]>([
    ["none", [], []],
    ["a single old one is kept", [made("PERIODIC", 99 * HOUR)], []],
    ["a single one that failed is kept", [made("PERIODIC", 99 * HOUR, failed)], []],
    [
      "the oldest beyond the count go",
      [made("PERIODIC", 1 * HOUR), made("UPGRADE", 3 * HOUR), made("PERIODIC", 2 * HOUR)],
      [`job-upgrade-${3 * HOUR}`],
    ],
    [
      "the old ones go",
      [made("PERIODIC", 1 * HOUR), made("PERIODIC", 25 * HOUR)],
      [`job-periodic-${25 * HOUR}`],
    ],
    [
      "the newest completed one is kept, though others are newer",
      [made("PERIODIC", 1 * HOUR, failed), made("PERIODIC", 2 * HOUR, failed), made("PERIODIC", 30 * HOUR)],
      [`job-periodic-${2 * HOUR}`],
    ],
    [
      "one in progress is kept",
      [made("PERIODIC", 1 * HOUR), made("PERIODIC", 2 * HOUR), made("PERIODIC", 3 * HOUR, inProgress)],
      [`job-periodic-${2 * HOUR}`],
    ],
    [
      "those that go already do not count",
      [made("PERIODIC", 1 * HOUR), made("PERIODIC", 2 * HOUR), made("PERIODIC", 3 * HOUR, going())],
      [],
    ],
    [
      "manual ones neither go nor count",
      [made("PERIODIC", 1 * HOUR), made("PERIODIC", 2 * HOUR), made("MANUAL", 99 * HOUR), snapshot()],
      [],
    ],
    [
      "checkpoints are others",
      [made("PERIODIC", 1 * HOUR), made("PERIODIC", 2 * HOUR), made("PERIODIC", 99 * HOUR, aCheckpoint)],
      [],
    ],
  ])("%s", (_, snapshots, expected) => {
    expect(outdated(snapshots)).toEqual(expected);
  });

  it("one that the job would restart from is kept", () => {
    const [old, newer] = [made("UPGRADE", 99 * HOUR), made("PERIODIC", 1 * HOUR)];
    expect(outdated([old, newer], LIMITS, new Set([old.status?.path ?? ""]))).toEqual([]);
    expect(outdated([old, newer])).toEqual([old.metadata.name]);
  });

  it("there is always one left, and a completed one if there was any", () => {
    const some = fc.uniqueArray(
      fc.record({
        age: fc.integer({ min: 1, max: 50 }),
        state: fc.constantFrom(...STATES),
      }),
      { selector: ({ age }) => age, minLength: 1, maxLength: 12 },
    );
    const limits = fc.record({
      maxCount: fc.integer({ min: 0, max: 5 }),
      maxAge: fc.integer({ min: 0, max: 40 * HOUR }),
    });
    fc.assert(
      fc.property(some, limits, (all, bounds) => {
        const snapshots = all.map(({ age, state }) => made("PERIODIC", age * HOUR, is({ state })));
        const gone = new Set(outdated(snapshots, bounds));
        const left = snapshots.filter(({ metadata }) => !gone.has(metadata.name));
        expect(left.length).toBeGreaterThan(0);
        const isDone = ({ status }: FlinkStateSnapshot): boolean => status?.state === "COMPLETED";
        const newest = snapshots.filter(isDone).sort((a, b) => age(a) - age(b))[0];
        if (newest !== undefined) expect(left).toContain(newest);
      }),
    );
  });
});

function age({ metadata }: FlinkStateSnapshot): number {
  return NOW - Date.parse(metadata.creationTimestamp ?? "");
}
