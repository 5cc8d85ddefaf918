import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { problems, verifyCounting } from "./counting.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "counting-"));
});
afterEach(() => rm(folder, { recursive: true }));

function record(start: string, key: number, sequence: number, count = sequence + 1): string {
  return `${start} ${key} ${sequence} ${count}\n`;
}

const ascending = (a: number, b: number): number => a - b;

function put(name: string, ...lines: readonly string[]): Promise<void> {
  return writeFile(path.join(folder, name), lines.join(""));
}

describe("the output of the counting job", () => {
  test("has no problem when every record is there once, in any order and any file", async () => {
    await mkdir(path.join(folder, "nested"));
    await put("part-0", record("a", 0, 1), record("a", 1, 0));
    await put("nested/part-1", record("a", 0, 0));
    const report = await verifyCounting(folder);
    expect(problems(report)).toEqual([]);
    expect(report).toMatchObject({
      records: 3,
      starts: ["a"],
      freshStarts: 1,
      splits: [
        { start: "a", key: 0, records: 2, maxSequence: 1 },
        { start: "a", key: 1, records: 1, maxSequence: 0 },
      ],
    });
  });

  test("names the missing records as ranges, also those before the first one seen", async () => {
    await put("part-0", record("a", 0, 2), record("a", 0, 3), record("a", 0, 7));
    expect((await verifyCounting(folder)).missing).toEqual([
      { start: "a", key: 0, from: 0, to: 1 },
      { start: "a", key: 0, from: 4, to: 6 },
    ]);
  });

  test("names the double records, and how often they came", async () => {
    await put("part-0", record("a", 0, 0), record("a", 0, 1));
    await put("part-1", record("a", 0, 1), record("a", 0, 1));
    const report = await verifyCounting(folder);
    expect(report.duplicates).toEqual([{ start: "a", key: 0, sequence: 1, times: 3 }]);
    expect(report.missing).toEqual([]);
  });

  test("tells a fresh start from a double record", async () => {
    await put("part-0", record("a", 0, 0), record("a", 0, 1));
    await put("part-1", record("b", 0, 0));
    const report = await verifyCounting(folder);
    expect(report).toMatchObject({ freshStarts: 2, starts: ["a", "b"], duplicates: [] });
  });

  test("shows where the count began anew although the source went on", async () => {
    await put("part-0", record("a", 0, 0), record("a", 0, 1, 1), record("a", 0, 2, 2));
    expect((await verifyCounting(folder)).countBreaks).toEqual([
      { start: "a", key: 0, sequence: 1, count: 1, expected: 2 },
    ]);
  });

  test("reports torn files and foreign lines, and does not look at hidden files", async () => {
    await put("part-0", record("a", 0, 0), "a 0 1");
    await put("part-1", "hello\n");
    await put(".part-2", "half");
    expect((await verifyCounting(folder)).damaged).toEqual([
      `${path.join(folder, "part-0")}:2`,
      `${path.join(folder, "part-1")}:1`,
    ]);
  });

  test("is empty before the first commit", async () => {
    const report = await verifyCounting(path.join(folder, "absent"));
    expect(report).toMatchObject({ records: 0, freshStarts: 0 });
  });

  test("any record taken out below the highest is missing, any put in is double, and nothing else is", async () => {
    const lists = fc.integer({ min: 3, max: 40 }).chain((length) =>
      fc.record({
        length: fc.constant(length),
        lost: fc.uniqueArray(fc.integer({ min: 0, max: length - 2 })),
        again: fc.uniqueArray(fc.integer({ min: 0, max: length - 1 })),
      }),
    );
    await fc.assert(
      fc.asyncProperty(lists, async ({ length, lost, again }) => {
        const all = Array.from({ length }, (_, sequence) => sequence).filter((n) => !lost.includes(n));
        const twice = again.filter((n) => !lost.includes(n));
        await put("part-0", ...[...all, ...twice].map((n) => record("a", 0, n)));
        const report = await verifyCounting([path.join(folder, "part-0")]);
        const missing = report.missing.flatMap(({ from, to }) =>
          Array.from({ length: to - from + 1 }, (_, n) => from + n),
        );
        expect(missing).toEqual(lost.toSorted(ascending));
        expect(report.duplicates.map(({ sequence }) => sequence)).toEqual(twice.toSorted(ascending));
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ["0 when all is well", [record("a", 0, 0)], 0],
    ["1 when a record is missing", [record("a", 0, 1)], 1],
    ["1 when a record is double", [record("a", 0, 0), record("a", 0, 0)], 1],
  ])("as a command exits with %s", async (_, lines, code) => {
    await put("part-0", ...lines);
    const program = path.join(import.meta.dirname, "counting.ts");
    expect(spawnSync(process.execPath, [program, folder]).status).toBe(code);
  });
});
