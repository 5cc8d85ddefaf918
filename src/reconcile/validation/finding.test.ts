import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { error, findingsToMessage, joinPath, parsePath, warning } from "./finding.ts";
import { nearest } from "./nearest.ts";

describe("paths", () => {
  it("quote keys with dots", () => {
    const path = ["spec", "flinkConfiguration", "a.b", 0, "x"].reduce<string>(joinPath, "");
    expect(path).toBe('spec.flinkConfiguration["a.b"][0].x');
    expect(parsePath(path)).toEqual(["spec", "flinkConfiguration", "a.b", 0, "x"]);
  });

  it("come back as the steps they were made of", () => {
    const step = fc.oneof(fc.string({ minLength: 1 }), fc.nat());
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.array(step), (first, rest) => {
        expect(parsePath(rest.reduce<string>(joinPath, joinPath("", first)))).toEqual([first, ...rest]);
      }),
    );
  });
});

describe("the message for the status", () => {
  const wrong = error("spec.a", "is wrong", "mend it");

  it("has one line for each error, with the remedy", () => {
    expect(findingsToMessage([wrong, warning("spec.w", "is odd"), error("spec.b", "is bad")])).toBe(
      "spec.a: is wrong (mend it)\nspec.b: is bad",
    );
  });

  it("has the warnings where there is no error", () => {
    expect(findingsToMessage([warning("spec.w", "is odd")])).toBe("spec.w: is odd");
    expect(findingsToMessage([])).toBe("");
  });

  it("stays near 1 KiB and says what it left out", () => {
    const message = findingsToMessage(Array.from({ length: 100 }, () => wrong));
    expect(message.length).toBeLessThan(1100);
    expect(message.split("\n").at(-1)).toMatch(/^and \d+ more; sluice validate shows all$/);
    expect(findingsToMessage([error("spec.a", "x".repeat(5000))]).length).toBeLessThan(1100);
  });
});

describe("the nearest known word", () => {
  it.each([
    ["paralelism", "parallelism"],
    ["jarUri", "jarURI"],
    ["jar-uri", "jarURI"],
    ["argumnets", "arguments"],
    ["state", "state"],
    ["flinkConfig", undefined],
    ["x", undefined],
  ])("of %s is %s", (word, expected) => {
    expect(nearest(word, ["parallelism", "jarURI", "args", "arguments", "state", "upgradeMode"])).toBe(
      expected,
    );
  });
});
