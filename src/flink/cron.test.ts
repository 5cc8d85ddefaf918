import { expect, it } from "vitest";
import { isQuartzCron, nextFireTime } from "./cron.ts";

it.each([
  "0 0 3 * * ?",
  "0 0/15 9-17 ? * MON-FRI",
  "0 0 12 1W * ?",
  "0 0 12 L-3 * ?",
  "0 0 12 ? JAN,jul 6#3 2026-2030",
  "* * * ? * 2-6",
  "0 0 12 ? * 6L",
])("%s is a Quartz cron expression", (text) => {
  expect(isQuartzCron(text)).toBe(true);
});

it.each([
  "",
  "* * * * *",
  "0 0 3 * * *",
  "0 0 3 ? * ?",
  "0 60 3 * * ?",
  "0 0 24 * * ?",
  "0 0 3 * 13 ?",
  "0 0 3 * * ? 1 1",
  "0 0/0 3 * * ?",
  "a b c d e f",
  "0 0 3 1-2-3 * ?",
  "0 0 3 W * ?",
  "0 0 3 32W * ?",
  "0 0 3 L-31 * ?",
])("%s is none", (text) => {
  expect(isQuartzCron(text)).toBe(false);
});

const AFTER = "2026-03-01T12:00:00Z"; // a Sunday

it.each([
  ["* * * * * ?", "2026-03-01T12:00:01Z"],
  ["0 * * * * ?", "2026-03-01T12:01:00Z"],
  ["0 0 3 * * ?", "2026-03-02T03:00:00Z"],
  ["30 0/15 9-17 ? * MON-FRI", "2026-03-02T09:00:30Z"],
  ["0 5/20 * * * ?", "2026-03-01T12:05:00Z"],
  ["0 0 22-2 * * ?", "2026-03-01T22:00:00Z"],
  ["0 0 0 ? * FRI-MON", "2026-03-02T00:00:00Z"],
  ["0 0 0 ? * FRI-SUN/2", "2026-03-06T00:00:00Z"],
  ["0 0 12 15W * ?", "2026-03-16T12:00:00Z"], // the 15th is a Sunday
  ["0 0 12 1W * ?", "2026-03-02T12:00:00Z"], // the 1st is a Sunday
  ["0 0 12 1W AUG ?", "2026-08-03T12:00:00Z"], // the 1st is a Saturday
  ["0 0 12 31W MAY ?", "2026-05-29T12:00:00Z"], // the 31st is a Sunday
  ["0 0 12 31W FEB,MAY ?", "2026-05-29T12:00:00Z"],
  ["0 0 12 LW * ?", "2026-03-31T12:00:00Z"],
  ["0 0 12 L * ?", "2026-03-31T12:00:00Z"],
  ["0 0 12 L-3 * ?", "2026-03-28T12:00:00Z"],
  ["0 0 12 ? * 6L", "2026-03-27T12:00:00Z"],
  ["0 0 12 ? * FRI#3", "2026-03-20T12:00:00Z"],
  ["0 0 12 ? * MON#5", "2026-03-30T12:00:00Z"],
  ["0 0 12 ? * L", "2026-03-07T12:00:00Z"],
  ["0 0 12 29 2 ?", "2028-02-29T12:00:00Z"],
  ["0 0 12 ? JAN 2#1 2028/2", "2028-01-03T12:00:00Z"],
  ["0 0 12 1 1 ? 2026", undefined],
  ["0 0 12 31 2 ?", undefined],
  ["10 min", undefined],
])("%s fires next at %s", (text, expected) => {
  const next = nextFireTime(text, Date.parse(AFTER));
  expect(next && new Date(next).toISOString().replace(".000Z", "Z")).toBe(expected);
});

it("fires at the end of the year, and not twice for one time", () => {
  const last = Date.parse("2026-12-31T23:59:59Z");
  expect(nextFireTime("59 59 23 31 12 ?", last - 1)).toBe(last);
  expect(nextFireTime("59 59 23 31 12 ?", last)).toBe(Date.parse("2027-12-31T23:59:59Z"));
  expect(nextFireTime("0 0 0 1 1 ?", last + 500)).toBe(Date.parse("2027-01-01T00:00:00Z"));
});

it("knows months and days by their names", () => {
  const next = (text: string): Date => new Date(nextFireTime(text, Date.parse(AFTER)) ?? Number.NaN);
  const months = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ");
  expect(months.map((month) => next(`0 0 13 28 ${month} ?`).getUTCMonth())).toEqual([...months.keys()]);
  const days = "SUN MON TUE WED THU FRI SAT".split(" ");
  expect(days.map((day) => next(`0 0 13 ? * ${day}`).getUTCDay())).toEqual([...days.keys()]);
});
