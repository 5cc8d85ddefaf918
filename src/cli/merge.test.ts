import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergePatch, threeWayPatch } from "./merge.ts";

describe("the three-way merge", () => {
  it.each<[string, unknown, unknown, unknown, unknown]>([
    ["nothing to change", { a: 1 }, { a: 1, b: 2 }, { a: 1 }, undefined],
    ["a change", { a: 1 }, { a: 1 }, { a: 2 }, { a: 2 }],
    ["a new field", {}, {}, { a: { b: 1 } }, { a: { b: 1 } }],
    ["a field not named any more", { a: 1, b: 1 }, { a: 1, b: 1 }, { a: 1 }, { b: null }],
    ["one that is gone already", { a: 1, b: 1 }, { a: 1 }, { a: 1 }, undefined],
    ["somebody else's field", {}, { a: 1 }, {}, undefined],
    ["somebody else's change of a named field", { a: 1 }, { a: 5 }, { a: 1 }, { a: 1 }],
    ["deep down", { a: { b: 1, c: 1 } }, { a: { b: 1, c: 1, d: 1 } }, { a: { b: 1 } }, { a: { c: null } }],
    ["a list", {}, { a: [1, { b: 1 }] }, { a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }],
    ["the same list", {}, { a: [1, { b: 1, c: 1 }] }, { a: [1, { c: 1, b: 1 }] }, undefined],
    ["a null that is written out", {}, { a: 1 }, { a: null }, { a: null }],
    ["a null for nothing", {}, {}, { a: null }, undefined],
    ["a map in place of a value", {}, { a: 1 }, { a: { b: 1 } }, { a: { b: 1 } }],
  ])("%s", (_what, before, live, wanted, patch) => {
    expect(threeWayPatch(before, live, wanted)).toEqual(patch);
  });

  // As manifests are: fields and values, no nulls.
  const { manifest } = fc.letrec((tie) => ({
    manifest: fc.dictionary(fc.constantFrom("a", "b", "c"), tie("value"), { maxKeys: 3 }),
    value: fc.oneof(
      { depthSize: "small" },
      fc.integer({ max: 3, min: 0 }),
      fc.array(fc.integer({ max: 2, min: 0 }), { maxLength: 2 }),
      tie("manifest"),
    ),
  }));

  it("sets everything that is wanted, once", () => {
    fc.assert(
      fc.property(manifest, manifest, manifest, (before, live, wanted) => {
        const after = mergePatch(live, threeWayPatch(before, live, wanted) ?? {});
        expect(after).toMatchObject(wanted);
        expect(threeWayPatch(wanted, after, wanted)).toBeUndefined();
      }),
    );
  });

  it("without a change by others, makes exactly what is wanted", () => {
    fc.assert(
      fc.property(manifest, manifest, (before, wanted) => {
        expect(mergePatch(before, threeWayPatch(before, before, wanted) ?? {})).toEqual(wanted);
      }),
    );
  });
});
