import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  flattenConfiguration,
  getBoolean,
  getDuration,
  getMap,
  getNumber,
  getOption,
  hasOption,
  type Option,
  structuredForm,
  withoutMap,
  withoutOption,
} from "./configuration.ts";

describe("flattening", () => {
  it.each<[name: string, value: unknown, flat: Record<string, string>]>([
    ["flat keys stay", { "a.b": "c" }, { "a.b": "c" }],
    ["nested keys are joined", { a: { b: { c: 1 } } }, { "a.b.c": "1" }],
    ["both spellings meet", { "a.b": { c: 1 }, a: { "b.d": 2 } }, { "a.b.c": "1", "a.b.d": "2" }],
    ["scalars become text", { a: true, b: 2, c: 1.5, d: "x" }, { a: "true", b: "2", c: "1.5", d: "x" }],
    ["arrays are joined", { a: ["x", 2, true] }, { a: "x;2;true" }],
    ["objects in arrays are lost", { a: ["x", { b: 1 }] }, { a: "x;" }],
    ["an empty array is an empty text", { a: [] }, { a: "" }],
    ["nulls say nothing", { a: null, b: { c: undefined } }, {}],
    ["nothing", undefined, {}],
    ["a text instead of a map", "a: b", {}],
  ])("%s", (_, value, flat) => {
    expect(flattenConfiguration(value)).toEqual(flat);
  });

  it("changes nothing the second time", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }), (value) => {
        const once = flattenConfiguration(value);
        expect(flattenConfiguration(once)).toEqual(once);
      }),
    );
  });
});

const option: Option = { key: "new.name", aliases: ["old.name"], default: "10" };

describe("options", () => {
  it("are read by name, then alias, then default", () => {
    expect(getOption({ "new.name": "a", "old.name": "b" }, option)).toBe("a");
    expect(getOption({ "old.name": "b" }, option)).toBe("b");
    expect(getOption({}, option)).toBe("10");
    expect(hasOption({ "old.name": "b" }, option)).toBe(true);
    expect(hasOption({}, option)).toBe(false);
  });

  it("are removed under all their names", () => {
    expect(withoutOption({ "new.name": "a", "old.name": "b", other: "c" }, option)).toEqual({ other: "c" });
  });

  it("as numbers, durations and flags fall back when they cannot be read", () => {
    expect(getNumber({ "new.name": "7" }, option)).toBe(7);
    expect(getNumber({ "new.name": "seven" }, option)).toBeUndefined();
    expect(getNumber({ "new.name": " " }, option)).toBeUndefined();
    expect(getDuration({ "new.name": "2 s" }, option)).toBe(2000);
    expect(getDuration({ "new.name": "soon" }, option)).toBe(10);
    expect(getBoolean({ "new.name": " TRUE " }, option)).toBe(true);
    expect(getBoolean({ "new.name": "yes" }, option)).toBe(false);
  });
});

describe("map options", () => {
  const labels: Option = { key: "labels" };

  it("are one text, or every key below the name", () => {
    expect(getMap({ labels: "a:b" }, labels)).toEqual({ a: "b" });
    expect(getMap({ "labels.a": "b", "labels.c.d": "e", labelsx: "f" }, labels)).toEqual({
      a: "b",
      "c.d": "e",
    });
    expect(getMap({ labels: "a:b", "labels.c": "d" }, labels)).toEqual({ a: "b" });
    expect(getMap({}, labels)).toBeUndefined();
    expect(getMap({ labels: "a" }, labels)).toBe("malformed");
  });

  it("are read as the Flink they are for reads them", () => {
    expect(structuredForm({ "$internal.flink.version": "v1_20" })).toBe("separated");
    expect(structuredForm({ "$internal.flink.version": "v2_3" })).toBe("yaml");
    expect(structuredForm({})).toBe("yaml");
    const config = { labels: "{a: b}" };
    expect(getMap(config, labels)).toEqual({ a: "b" });
    expect(getMap({ ...config, "$internal.flink.version": "v1_20" }, labels)).toEqual({ "{a": "b}" });
  });

  it("are removed in both forms", () => {
    expect(withoutMap({ labels: "a:b", "labels.c": "d", labelsx: "e" }, labels)).toEqual({ labelsx: "e" });
  });
});
