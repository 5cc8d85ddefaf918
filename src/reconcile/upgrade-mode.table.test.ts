/** The decision table of specification 2.7, from test/data/tables/upgrade-mode.yaml. */
import { describe, expect, it } from "vitest";
import { type Difference, isSound, readTable } from "../../testbed/gen/tables.ts";
import type { UpgradeMode } from "../api/flink-deployment.ts";
import { chooseUpgrade, type UpgradeFacts, type UpgradeOutcome } from "./upgrade-mode.ts";

interface Case extends Difference {
  readonly case: string;
  readonly situation?: string;
  readonly facts?: Partial<UpgradeFacts>;
  readonly outcome: string;
}

interface Row {
  readonly row: number | string;
  readonly condition: string;
  readonly modes: readonly UpgradeMode[];
  readonly cases: readonly Case[];
}

const { healthy, situations, rows } = readTable("upgrade-mode") as {
  readonly healthy: Readonly<Record<keyof UpgradeFacts, string | boolean | null>>;
  readonly situations: Readonly<Record<string, Partial<UpgradeFacts>>>;
  readonly rows: readonly Row[];
};

/** `suspend -> restore`, `wait`, `wait, only` (nothing else may be done) or `fail`. */
function verdict(outcome: UpgradeOutcome): string {
  if (outcome.kind === "go") return `${outcome.suspend} -> ${outcome.restore}`;
  if (outcome.kind === "fail") return "fail";
  expect(outcome.kind).toBe("wait");
  return outcome.otherActions ? "wait" : "wait, only";
}

function factsOf({ situation, facts }: Case, upgradeMode: UpgradeMode): UpgradeFacts {
  if (situation !== undefined && !(situation in situations)) throw new Error(`no situation ${situation}`);
  const all = { ...healthy, ...situations[situation ?? ""], ...facts, upgradeMode };
  const unknown = Object.keys(all).find((fact) => !(fact in healthy));
  if (unknown !== undefined) throw new Error(`no fact ${unknown}`);
  const known = Object.entries(all).map(([fact, value]) => [fact, value ?? undefined]);
  return Object.fromEntries(known) as UpgradeFacts;
}

describe("the decision table (specification 2.7)", () => {
  it("has every row, in order", () => {
    const age = "8 with max.allowed.checkpoint.age";
    const application = [1, 2, 3].map((step) => `10, application ${step}`);
    expect(rows.map(({ row }) => row)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, age, 9, 10, ...application]);
  });

  const all = rows.flatMap(({ modes, cases }) =>
    modes.flatMap((mode) => cases.map((one) => factsOf(one, mode))),
  );
  const flags = Object.entries(healthy).flatMap(([fact, value]) =>
    typeof value === "boolean" ? [fact] : [],
  );

  it.each(flags)("has a case that %s decides", (fact) => {
    const decides = all.filter((facts) => {
      const opposite = { ...facts, [fact]: facts[fact as keyof UpgradeFacts] !== true };
      return verdict(chooseUpgrade(facts)) !== verdict(chooseUpgrade(opposite));
    });
    expect(decides).not.toEqual([]);
  });

  describe.each(rows)("row $row: $condition", ({ modes, cases }) => {
    describe.each(modes)("%s", (mode) => {
      it.each(cases)("$case: $outcome", (one) => {
        expect(verdict(chooseUpgrade(factsOf(one, mode)))).toBe(one.outcome);
        expect(isSound(one, one.outcome), "its difference from the Apache operator").toBe(true);
      });
    });
  });
});
