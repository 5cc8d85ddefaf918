import { describe, expect, it } from "vitest";
import { UserError } from "../command.ts";
import { customColumns } from "./custom-columns.ts";
import { jsonPath } from "./json-path.ts";

const JOB = {
  metadata: { name: "counting", labels: { "app.kubernetes.io/name": "x" } },
  status: {
    jobStatus: { state: "RUNNING" },
    conditions: [
      { type: "Reconciling", status: "False" },
      { type: "Ready", status: "True", message: "well" },
    ],
    counts: [1, 2, 3],
  },
};
const LIST = { items: [JOB, { ...JOB, metadata: { name: "second" } }] };

describe("a JSONPath as kubectl has it", () => {
  // kubectl 1.34 answers the same, but for a path without braces, which it prints as it is.
  it.each([
    ["{.metadata.name}", JOB, "counting"],
    [".metadata.name", JOB, "counting"],
    ["{$.metadata.name}", JOB, "counting"],
    ["{.status.counts[0]} {.status.counts[-1]}", JOB, "1 3"],
    ["{.status.counts}", JOB, "[1,2,3]"],
    ["{.status.counts[*]}", JOB, "1 2 3"],
    ["{.metadata.labels['app.kubernetes.io/name']}", JOB, "x"],
    ["{.metadata.labels.app\\.kubernetes\\.io/name}", JOB, "x"],
    ['{.status.conditions[?(@.type=="Ready")].message}', JOB, "well"],
    ["{.status.conditions[?(@.message)].type}", JOB, "Ready"],
    ["{.status.counts[?(@>1)]}", JOB, "2 3"],
    ["{..state}", JOB, "RUNNING"],
    ["{.nothing.there}", JOB, ""],
    ["{.items[*].metadata.name}", LIST, "counting second"],
    [
      '{range .items[*]}{.metadata.name}{"\\t"}{.status.jobStatus.state}{"\\n"}{end}',
      LIST,
      "counting\tRUNNING\nsecond\tRUNNING\n",
    ],
    ["name: {.metadata.name}!", JOB, "name: counting!"],
  ])("%s", (template, value, expected) => {
    expect(jsonPath(template, value)).toBe(expected);
  });

  it.each(["{.a[}", "{.a", "{range .items[*]}{.a}", "{.a}{end}", "{.a[?(b)]}"])(
    "%s is refused",
    (template) => {
      expect(() => jsonPath(template, JOB)).toThrow(UserError);
    },
  );
});

describe("columns of one's own", () => {
  it("have titles and paths", () => {
    const text = customColumns(
      'NAME:.metadata.name,READY:.status.conditions[?(@.type=="Ready")].status,NO:.no',
      LIST.items,
      true,
    );
    expect(text).toBe("NAME       READY   NO\ncounting   True    <none>\nsecond     True    <none>\n");
    expect(customColumns("N:{.metadata.name}", LIST.items, false)).toBe("counting\nsecond\n");
  });

  it.each(["", "NAME", "NAME:"])('"%s" is refused', (columns) => {
    expect(() => customColumns(columns, [], true)).toThrow(/custom-columns/);
  });
});
