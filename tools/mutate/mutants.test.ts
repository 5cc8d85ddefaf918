import { readFileSync } from "node:fs";
import { parseAst } from "rolldown/parseAst";
import { describe, expect, it } from "vitest";
import { mutantsOf, sampleOf } from "./mutants.ts";

describe("the mutants of a source", () => {
  it.each<[string, string[]]>([
    ["a === b;", ["a !== b;", ";"]],
    ["x = a < b;", ["x = a <= b;", "x = a >= b;", ";"]],
    ["x = a && b || c;", ["x = a || b || c;", "x = a && b && c;", ";"]],
    ["const x = a ?? b;", ["const x = a;"]],
    ["const x = !a;", ["const x = a;"]],
    [
      "const x = [true, 7, 'RUNNING'];",
      [
        "const x = [false, 7, 'RUNNING'];",
        "const x = [true, 8, 'RUNNING'];",
        'const x = [true, 7, "mutated"];',
      ],
    ],
    ["const x = 'a whole sentence';", []],
    ["if (a) b();", ["if (true) b();", "if (false) b();", "if (a) ;"]],
    ["const x = a ? b : c;", ["const x = true ? b : c;", "const x = false ? b : c;"]],
    ["const f = () => { return g(); };", ["const f = () => { return undefined; };"]],
    ["const x = a.some(f);", ["const x = a.every(f);"]],
    ["type A = 'b' | 7; interface C { d: 'e' }", []],
    ["const x = y as 'RUNNING';", []],
    ["import { a } from 'b';", []],
    ["const x = { type: y, 'z': 1 };", ["const x = { type: y, 'z': 2 };"]],
  ])("%s", (source, expected) => {
    expect(
      mutantsOf(source)
        .map((mutant) => mutant.source)
        .sort(),
    ).toEqual(expected.sort());
  });

  it("name the line and the change", () => {
    expect(mutantsOf("f();\n\nconst x = a === b;").at(-1)).toMatchObject({
      line: 3,
      before: "===",
      after: "!==",
    });
  });

  it("of a real source differ from it, and can be parsed", () => {
    const source = readFileSync(new URL("../../src/reconcile/upgrade-mode.ts", import.meta.url), "utf8");
    const mutants = mutantsOf(source);
    expect(mutants.length).toBeGreaterThan(50);
    for (const mutant of mutants) {
      expect(mutant.source).not.toBe(source);
      parseAst(mutant.source, { lang: "ts" });
    }
  });
});

describe("a sample", () => {
  const all = Array.from({ length: 1000 }, (_, index) => index);

  it("is the same for the same seed, in order, and without repetition", () => {
    const one = sampleOf(all, 100, 7);
    expect(one).toEqual(sampleOf(all, 100, 7));
    expect(one).toEqual([...new Set(one)].toSorted((a, b) => a - b));
    expect(one).toHaveLength(100);
    expect(one).not.toEqual(sampleOf(all, 100, 8));
  });

  it("is drawn from everywhere, and everything where there is no more", () => {
    const tenths = new Set(sampleOf(all, 100, 7).map((index) => Math.floor(index / 100)));
    expect(tenths.size).toBe(10);
    expect(sampleOf(all, 5000, 7)).toEqual(all);
  });
});
