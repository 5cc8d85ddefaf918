import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyMergePatch, hasLeftover, includes, mergePatch } from "./merge-patch.ts";

describe("an object", () => {
  it.each<[string, unknown, unknown, boolean]>([
    ["has what it has", { a: { b: 1 } }, { a: { b: 1 } }, true],
    ["may have more", { a: { b: 1, c: 2 }, d: 3 }, { a: { b: 1 } }, true],
    ["lacks a value", { a: {} }, { a: { b: 1 } }, false],
    ["has another value", { a: "1" }, { a: 1 }, false],
    ["has the members of a list", { a: [1, { b: 2, c: 3 }] }, { a: [{ b: 2 }, 1] }, true],
    ["lacks one", { a: [1] }, { a: [1, 2] }, false],
    ["is no list", { a: { 0: 1 } }, { a: [1] }, false],
    ["is not there", undefined, { a: 1 }, false],
  ])("%s", (_, found, wanted, verdict) => {
    expect(includes(found, wanted)).toBe(verdict);
  });

  it.each<[string, unknown, unknown, unknown, boolean]>([
    ["has no more than is wanted", { a: 1 }, { a: 1 }, { a: 1 }, false],
    ["has what others added", { a: 1, x: 1 }, { a: 1 }, { a: 1 }, false],
    ["has what is not wanted any more", { a: 1, b: 2 }, { a: 1, b: 2 }, { a: 1 }, true],
    ["has it with another value", { b: 3 }, { b: 2 }, {}, true],
    ["has it in a map that is not wanted", { m: { b: 2 } }, { m: { b: 2 } }, {}, true],
    ["has only others' entries of such a map", { m: { x: 1 } }, { m: { b: 2 } }, {}, false],
    ["has a list member that is not wanted", { l: [1, 2] }, { l: [1, 2] }, { l: [1] }, true],
    ["has a list that is not wanted", { l: [1] }, { l: [1] }, {}, true],
    [
      "has a member with a field that is not wanted",
      { l: [{ a: 1, h: 2 }] },
      { l: [{ a: 1, h: 2 }] },
      { l: [{ a: 1 }] },
      true,
    ],
    ["has nothing of it", {}, { a: 1 }, {}, false],
  ])("%s", (_, found, before, wanted, verdict) => {
    expect(hasLeftover(found, before, wanted)).toBe(verdict);
  });
});

describe("a merge patch", () => {
  const leaf = fc.oneof(fc.constantFrom("x", "y"), fc.array(fc.constantFrom("p", "q"), { maxLength: 2 }));
  const tree = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof({ maxDepth: 2 }, leaf, fc.dictionary(fc.constantFrom("a", "b", "c"), tie("node"))),
  })).node;
  const map = fc.dictionary(fc.constantFrom("a", "b", "c"), tree);

  it("brings what was asked for to what is asked for, and leaves what others added", () => {
    fc.assert(
      fc.property(map, map, (before, wanted) => {
        const found = { ...structuredClone(before), others: { mine: "1" } };
        const after = applyMergePatch(found, mergePatch(before, wanted)) as Record<string, unknown>;
        expect(includes(after, wanted)).toBe(true);
        expect(hasLeftover(after, before, wanted)).toBe(false);
        expect(after["others"]).toEqual({ mine: "1" });
      }),
    );
  });
});
