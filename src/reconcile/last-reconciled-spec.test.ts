import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withSpecDefaults } from "../api/defaults.ts";
import type { FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import { flinkSpec, withJob } from "../../testbed/gen/flink-deployment.ts";
import { parseRecordedSpec, sameJson, sameRecord, writeRecordedSpec } from "./last-reconciled-spec.ts";

const SPEC = flinkSpec(withJob({ upgradeMode: "last-state", state: "suspended" }));
const DEFAULTED = withSpecDefaults(SPEC);

function text(value: unknown): string {
  return JSON.stringify(value);
}

describe("a recorded spec", () => {
  it("reads back as it was written", () => {
    const recorded = { spec: DEFAULTED, firstDeployment: true };
    expect(parseRecordedSpec(writeRecordedSpec(recorded))).toEqual(recorded);
  });

  it("has the form of the Apache operator, with its defaults written out", () => {
    const parsed: unknown = JSON.parse(
      writeRecordedSpec({ spec: withSpecDefaults({ job: {} }), firstDeployment: false }),
    );
    expect(parsed).toEqual({
      spec: {
        flinkConfiguration: {},
        job: { parallelism: 0, args: [], state: "running", upgradeMode: "stateless" },
      },
      resource_metadata: { apiVersion: "flink.apache.org/v1beta1", firstDeployment: false },
    });
  });

  it("is the same text for the same spec, as stability is compared by text first", () => {
    const recorded = { spec: DEFAULTED, firstDeployment: false };
    expect(writeRecordedSpec(recorded)).toBe(writeRecordedSpec(structuredClone(recorded)));
    const once = writeRecordedSpec(recorded);
    expect(writeRecordedSpec(parseRecordedSpec(once)!)).toBe(once);
  });

  it.each<[string, unknown, boolean]>([
    [
      "the present form",
      { spec: SPEC, resource_metadata: { apiVersion: "flink.apache.org/v1beta1", firstDeployment: true } },
      true,
    ],
    [
      "the form before it, which held the object's metadata",
      {
        spec: SPEC,
        resource_metadata: {
          apiVersion: "flink.apache.org/v1beta1",
          metadata: { name: "job", generation: 7 },
          firstDeployment: false,
        },
      },
      false,
    ],
    ["the present form without metadata", { spec: SPEC, resource_metadata: null }, false],
    ["the oldest form, the spec itself", { apiVersion: "flink.apache.org/v1beta1", ...SPEC }, false],
    ["nulls written out", { spec: { ...SPEC, ingress: null, mode: null }, resource_metadata: {} }, false],
  ])("is read in %s", (_, value, firstDeployment) => {
    expect(parseRecordedSpec(text(value))).toEqual({ spec: DEFAULTED, firstDeployment });
  });

  it.each<[string, string | undefined]>([
    ["absent", undefined],
    ["empty", ""],
    ["blank", " \n"],
    ["cut off", '{"spec":{"image"'],
    ["a word", '"running"'],
    ["a number", "7"],
    ["null", "null"],
    ["a list", "[]"],
  ])("is none when the text is %s", (_, value) => {
    expect(parseRecordedSpec(value)).toBeUndefined();
  });

  it("never throws, whatever the text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (value) => {
        parseRecordedSpec(value);
      }),
    );
  });

  it("goes through any spec unchanged", () => {
    fc.assert(
      fc.property(fc.object(), fc.object(), fc.boolean(), (podTemplate, configuration, firstDeployment) => {
        const given = { ...SPEC, podTemplate, flinkConfiguration: configuration } as FlinkDeploymentSpec;
        const spec = withSpecDefaults(given);
        const read = parseRecordedSpec(writeRecordedSpec({ spec, firstDeployment }));
        expect(JSON.parse(text(read))).toEqual(JSON.parse(text({ spec, firstDeployment })));
      }),
    );
  });
});

describe("two records", () => {
  const one = writeRecordedSpec({ spec: DEFAULTED, firstDeployment: false });

  it.each<[string, string | undefined, string | undefined, boolean]>([
    ["of one text", one, one, true],
    ["absent", undefined, undefined, false],
    ["of which one is absent", one, undefined, false],
    ["that nobody can read", "{", "[", false],
    [
      "that differ in firstDeployment only",
      one,
      writeRecordedSpec({ spec: DEFAULTED, firstDeployment: true }),
      true,
    ],
    [
      "that two operators wrote, with other key order and nulls",
      one,
      text({
        resource_metadata: { firstDeployment: false },
        spec: { ingress: null, ...Object.fromEntries(Object.entries(DEFAULTED).toReversed()) },
      }),
      true,
    ],
    [
      "with another parallelism",
      one,
      writeRecordedSpec({
        spec: withSpecDefaults(flinkSpec(withJob({ ...SPEC.job, parallelism: 9 }))),
        firstDeployment: false,
      }),
      false,
    ],
    [
      "with another job state",
      one,
      writeRecordedSpec({
        spec: withSpecDefaults(flinkSpec(withJob({ ...SPEC.job, state: "running" }))),
        firstDeployment: false,
      }),
      false,
    ],
  ])("%s", (_, left, right, same) => {
    expect(sameRecord(left, right)).toBe(same);
    expect(sameRecord(right, left)).toBe(same);
  });
});

describe("equality of JSON", () => {
  it.each<[string, unknown, unknown, boolean]>([
    ["order of keys", { a: 1, b: [{ c: 1, d: 2 }] }, { b: [{ d: 2, c: 1 }], a: 1 }, true],
    ["null and absent", { a: null }, {}, true],
    ["undefined and absent", { a: undefined }, {}, true],
    ["order of a list", [1, 2], [2, 1], false],
    ["text and number", { a: "1" }, { a: 1 }, false],
    ["empty object and absent", { a: {} }, {}, false],
    ["1 and 1.0", JSON.parse("1"), JSON.parse("1.0"), true],
  ])("%s", (_, left, right, same) => {
    expect(sameJson(left, right)).toBe(same);
  });
});
