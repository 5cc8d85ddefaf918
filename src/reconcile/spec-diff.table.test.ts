/** The spec diff of specification 1.7, from test/data/tables/spec-diff.yaml. */
import { describe, expect, it } from "vitest";
import { flinkSpec } from "../../testbed/gen/flink-deployment.ts";
import { type Difference, isSound, readTable } from "../../testbed/gen/tables.ts";
import { FlinkDeploymentSpec, JobSpec, TaskManagerSpec } from "../api/flink-deployment.ts";
import { CONFIG_PREFIXES, describeDiff, type DiffType, diffSpecs, type SpecDiff } from "./spec-diff.ts";

const MODES = ["native", "standalone"] as const;

/** Fields of a spec; those of `job` are laid over a job that is there. */
type Part = Readonly<Record<string, unknown>>;
type Type = DiffType | { readonly native: DiffType; readonly standalone: DiffType };

interface Change extends Difference {
  readonly case?: string;
  readonly from: Part;
  readonly to: Part;
}
interface Same {
  readonly case: string;
  readonly a: Part;
  readonly b: Part;
}

const table = readTable("spec-diff") as {
  readonly fields: readonly (Change & { readonly field: string; readonly type: Type })[];
  readonly prefixes: readonly (Difference & { readonly prefix: string; readonly type: Type })[];
  readonly options: readonly { readonly option: string; readonly type: Type }[];
  readonly highest: readonly { readonly case: string; readonly to: Part; readonly type: Type }[];
  readonly same: readonly Same[];
  readonly templates: readonly (Same & { readonly type: DiffType })[];
  readonly shapes: readonly Same[];
  readonly texts: readonly (Change & { readonly text: string })[];
};

function spec({ job, ...fields }: Part): FlinkDeploymentSpec {
  const base = flinkSpec();
  const whole = job === undefined ? base.job : job === null ? null : { ...base.job, ...job };
  return { ...base, ...fields, job: whole } as FlinkDeploymentSpec;
}

function diff(from: Part, to: Part, mode: (typeof MODES)[number] = "native"): SpecDiff {
  return diffSpecs(spec(from), spec(to), mode);
}

function types(from: Part, to: Part): Record<string, DiffType> {
  return Object.fromEntries(MODES.map((mode) => [mode, diff(from, to, mode).type]));
}

function inBothModes(type: Type): Record<string, DiffType> {
  return typeof type === "string" ? { native: type, standalone: type } : { ...type };
}

const configured = (entries: Part): Part => ({ flinkConfiguration: entries });

describe("the type of a field (specification 1.7, step 2)", () => {
  it("is known of every field", () => {
    const fields = new Set(table.fields.map(({ field }) => field));
    const top = Object.keys(FlinkDeploymentSpec.properties).filter((name) => name !== "taskManager");
    const job = Object.keys(JobSpec.properties).map((name) => `job.${name}`);
    const taskManager = Object.keys(TaskManagerSpec.properties).map((name) => `taskManager.${name}`);
    expect([...fields].toSorted()).toEqual([...top, ...job, ...taskManager].toSorted());
  });

  it.each(table.fields)("$field $case: $type", (row) => {
    expect(types(row.from, row.to)).toEqual(inBothModes(row.type));
    const changed = diff(row.from, row.to).changes.map(({ path }) => path);
    expect(changed).toEqual([row.field === "flinkConfiguration" ? "flinkConfiguration.a.b" : row.field]);
    expect(isSound(row, "")).toBe(true);
  });
});

describe("the type of an option (specification 1.7, step 3)", () => {
  it("is known of every prefix, in order", () => {
    const expected = table.prefixes.map(({ prefix, type }) => [prefix, inBothModes(type)]);
    expect(expected).toEqual(CONFIG_PREFIXES.map(([prefix, type]) => [prefix, { ...type }]));
    expect(table.prefixes.every((row) => isSound(row, ""))).toBe(true);
  });

  it.each(table.options)("$option, added, changed and removed: $type", ({ option, type }) => {
    const [without, one, two] = [{}, { [option]: "1" }, { [option]: "2" }].map(configured) as [
      Part,
      Part,
      Part,
    ];
    for (const [from, to] of [
      [without, one],
      [one, two],
      [two, without],
    ] as const) {
      expect(types(from, to)).toEqual(inBothModes(type));
    }
  });
});

describe("the type of the whole change is the highest", () => {
  it.each(table.highest)("of $case: $type", ({ to, type }) => {
    expect(types(configured({}), { ...configured({}), ...to })).toEqual(inBothModes(type));
  });
});

const NONE = { type: "IGNORE", changes: [] };

describe("null, absent, empty and the default are the same", () => {
  it.each(table.same)("$case", ({ a, b }) => {
    expect(diff(a, b)).toEqual(NONE);
    expect(diff(b, a)).toEqual(NONE);
  });
});

describe.each<[string, (template: Part) => Part]>([
  ["spec", (podTemplate) => ({ podTemplate })],
  ["jobManager", (podTemplate) => ({ jobManager: { podTemplate } })],
  ["taskManager", (podTemplate) => ({ taskManager: { podTemplate } })],
])("pod templates of %s (specification 1.7, step 4)", (_, at) => {
  it.each(table.templates)("$case: $type", ({ a, b, type }) => {
    expect(diff(at(a), at(b)).type).toBe(type);
    expect(diff(at(b), at(a)).type).toBe(type);
  });
});

describe("quantities beside pod templates", () => {
  it.each(["jobManager", "taskManager"])("of %s are the same as number and as text", (side) => {
    const cpu = (value: unknown): Part => ({ [side]: { resources: { limits: { cpu: value } } } });
    expect(diff(cpu(1), cpu("1"))).toEqual(NONE);
    expect(diff(cpu(1), cpu("2")).type).toBe("UPGRADE");
  });
});

describe("the shape of flinkConfiguration makes no difference", () => {
  it.each(table.shapes)("$case", ({ a, b }) => {
    expect(diff(configured(a), configured(b))).toEqual(NONE);
  });
});

describe("the text of a change (specification 1.7, step 5)", () => {
  it.each(table.texts)("$case", (row) => {
    expect(describeDiff(diff(row.from, row.to))).toBe(row.text);
    expect(isSound(row, row.text)).toBe(true);
  });
});
