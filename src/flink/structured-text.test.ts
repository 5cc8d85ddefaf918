import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatList,
  formatMap,
  formatMapList,
  parseList,
  parseMap,
  parseMapList,
  splitEscaped,
  type StructuredForm,
} from "./structured-text.ts";

describe("splitting at a separator", () => {
  it.each<[name: string, text: string, parts: string[] | undefined]>([
    ["plain parts", "a;b;c", ["a", "b", "c"]],
    ["white space around parts, not inside", "  a b ;\tc ", ["a b", "c"]],
    ["a separator in single quotes", "'a;b';c", ["a;b", "c"]],
    ["a separator in double quotes", `"a;b";c`, ["a;b", "c"]],
    ["a doubled quote inside quotes", "'it''s';x", ["it's", "x"]],
    ["a quote in the middle of a part is a character", "it's;x", ["it's", "x"]],
    ["white space inside quotes", "' a '", [" a "]],
    ["an empty part in the middle", "a;;b", ["a", "", "b"]],
    ["an empty part at the start, when two separators stand there", ";;a", ["", "a"]],
    ["no part at the ends", ";a;", ["a"]],
    ["nothing", "", []],
    ["a quote that is not closed", "'a;b", undefined],
    ["text after a closing quote", "'a'b", undefined],
  ])("%s", (_, text, parts) => {
    expect(splitEscaped(text, ";")).toEqual(parts);
  });
});

describe("lists and maps", () => {
  it.each<[name: string, text: string, form: StructuredForm, list: string[] | undefined]>([
    ["separated", "a;b", "separated", ["a", "b"]],
    ["separated, for a Flink that knows YAML too", "a;b", "yaml", ["a", "b"]],
    ["a YAML list", "[a, 'b;c', 1]", "yaml", ["a", "b;c", "1"]],
    ["a YAML block list", "- a\n- 1.0", "yaml", ["a", "1.0"]],
    ["brackets are nothing special before 2.0", "[a, b]", "separated", ["[a, b]"]],
    ["one item", "local:///x.jar", "yaml", ["local:///x.jar"]],
    ["lists in lists are no list of texts", "[[a]]", "yaml", ["[[a]]"]],
  ])("list: %s", (_, text, form, list) => {
    expect(parseList(text, form)).toEqual(list);
  });

  it.each<[name: string, text: string, form: StructuredForm, map: Record<string, string> | undefined]>([
    ["separated", "a:b, c : d", "separated", { a: "b", c: "d" }],
    ["a quoted pair with separators in it", `'a.b/c:"x, y"',d:e`, "separated", { "a.b/c": "x, y", d: "e" }],
    ["a YAML map", "{a: b, 'c': 1, d: true}", "yaml", { a: "b", c: "1", d: "true" }],
    ["a YAML block map", "a: b\nc: d", "yaml", { a: "b", c: "d" }],
    ["what is both, for a Flink that knows YAML", "a: 'b,c:d'", "yaml", { a: "b,c:d" }],
    ["nothing", "", "separated", {}],
    ["a key without a value", "a,b:c", "separated", undefined],
    ["a value with a colon", "a:b:c", "separated", undefined],
  ])("map: %s", (_, text, form, map) => {
    expect(parseMap(text, form)).toEqual(map);
  });

  it.each<[name: string, text: string, form: StructuredForm, maps: object[] | undefined]>([
    ["separated", "a:b,c:d;e:f", "separated", [{ a: "b", c: "d" }, { e: "f" }]],
    ["a YAML list of maps", "[{a: b}, {c: 1}]", "yaml", [{ a: "b" }, { c: "1" }]],
    ["one map", "a:b", "yaml", [{ a: "b" }]],
    ["a part that is no map", "a:b;c", "separated", undefined],
  ])("list of maps: %s", (_, text, form, maps) => {
    expect(parseMapList(text, form)).toEqual(maps);
  });
});

const forms = fc.constantFrom<StructuredForm>("separated", "yaml");
/** The separated form has no way to write an empty part, nor white space at the ends without quotes. */
const part = fc.string({ minLength: 1 }).filter((text) => text.trim() === text);
const map = fc.dictionary(
  part.filter((key) => key !== "__proto__"),
  part,
  { minKeys: 1, maxKeys: 4, noNullPrototype: true },
);

describe("what is written is read back", () => {
  it("lists", () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), forms, (list, form) => {
        expect(parseList(formatList(list, form), form)).toEqual(list);
      }),
    );
  });

  it("maps, and lists of them", () => {
    fc.assert(
      fc.property(map, forms, (one, form) => {
        expect(parseMap(formatMap(one, form), form)).toEqual(one);
        expect(parseMapList(formatMapList([one, one], form), form)).toEqual([one, one]);
      }),
    );
  });

  it("any list at all since 2.0", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (list) => {
        expect(parseList(formatList(list, "yaml"), "yaml")).toEqual(list);
      }),
    );
  });
});
