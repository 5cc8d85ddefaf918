import { describe, expect, it } from "vitest";
import { age, table } from "./table.ts";

it("a table has columns as wide as their widest cell, and no blanks at the ends of lines", () => {
  expect(
    table([
      ["A", "LONG"],
      ["wider", "x"],
      ["", ""],
    ]),
  ).toBe("A       LONG\nwider   x\n\n");
});

describe("an age", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");
  it.each<[number, string]>([
    [-5, "0s"],
    [0, "0s"],
    [119, "119s"],
    [120, "2m"],
    [599, "9m59s"],
    [600, "10m"],
    [3 * 3600 - 1, "179m"],
    [3 * 3600, "3h"],
    [5 * 3600 + 90 * 60, "6h30m"],
    [8 * 3600, "8h"],
    [47 * 3600 + 3599, "47h"],
    [48 * 3600, "2d"],
    [7 * 86_400 + 3600, "7d1h"],
    [100 * 86_400, "100d"],
    [3 * 365 * 86_400 + 86_400, "3y1d"],
    [9 * 365 * 86_400, "9y"],
  ])("of %i s is %s", (seconds, expected) => {
    expect(age(new Date(now - seconds * 1000).toISOString(), now)).toBe(expected);
  });

  it("of what has no time is not known", () => {
    expect([age(undefined, now), age("yesterday", now)]).toEqual(["<unknown>", "<unknown>"]);
  });
});
