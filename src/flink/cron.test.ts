import { expect, it } from "vitest";
import { isQuartzCron } from "./cron.ts";

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
])("%s is none", (text) => {
  expect(isQuartzCron(text)).toBe(false);
});
