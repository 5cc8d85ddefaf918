import { expect, it } from "vitest";
import { grafanaJson, withoutVariables } from "./dashboard.ts";
import { dashboards } from "./dashboards.ts";

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

interface Made {
  readonly uid: string;
  readonly templating: { readonly list: readonly { readonly name: string }[] };
  readonly panels: readonly { readonly id: number; readonly title: string; readonly gridPos: Place }[];
}

const made = dashboards.map((one) => [one.title, one, JSON.parse(grafanaJson(one)) as Made] as const);

function overlap(a: Place, b: Place): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

it.each(made)("%s: each panel has a place and a number of its own", (_, __, { panels }) => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  const pairs = panels.flatMap((a, index) => panels.slice(index + 1).map((b) => [a, b] as const));
  expect(pairs.filter(([a, b]) => overlap(a.gridPos, b.gridPos)).map(([a, b]) => [a.title, b.title])).toEqual(
    [],
  );
});

it.each(made)("%s: what its queries choose by is there", (_, dashboard, { templating }) => {
  const names = new Set(templating.list.map(({ name }) => name));
  expect(names).toContain("datasource");
  for (const { expr } of dashboard.rows.flatMap(({ panels }) => panels.flatMap(({ queries }) => queries))) {
    const used = [...expr.matchAll(/\$(\w+)/g)]
      .map(([, name = ""]) => name)
      .filter((name) => !name.startsWith("__"));
    expect(used.filter((name) => !names.has(name))).toEqual([]);
    expect(withoutVariables(dashboard, expr)).not.toContain("$");
  }
});

it("no two have the same address", () => {
  expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(dashboards.length);
});
