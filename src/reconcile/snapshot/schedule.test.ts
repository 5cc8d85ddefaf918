import { expect, it } from "vitest";
import { decideTrigger, nextPeriodic } from "./schedule.ts";

const NOON = Date.parse("2026-03-01T12:00:00Z");
const HOUR = 3_600_000;

it.each([
  [undefined, undefined],
  ["", undefined],
  [" ", undefined],
  ["0 s", undefined],
  ["now and then", undefined],
  ["1 h", NOON + HOUR],
  ["PT1H", NOON + HOUR],
  ["90000", NOON + 90_000],
  ["0 0 3 * * ?", Date.parse("2026-03-02T03:00:00Z")],
])("the schedule %j asks next at %j", (schedule, expected) => {
  expect(nextPeriodic(schedule, NOON)).toBe(expected);
});

it.each<[string, object, object]>([
  ["nothing", {}, {}],
  ["a nonce", { nonce: 1 }, { due: "MANUAL" }],
  ["a nonce that was handled", { nonce: 1, handledNonce: 1 }, {}],
  ["a nonce that was taken away", { handledNonce: 1 }, {}],
  ["a nonce that went back", { nonce: 1, handledNonce: 2 }, { due: "MANUAL" }],
  ["a schedule before its time", { schedule: "1 h", now: NOON + HOUR - 1 }, { nextIn: 1 }],
  ["a schedule at its time", { schedule: "1 h", now: NOON + HOUR }, { due: "PERIODIC", nextIn: 0 }],
  [
    "a schedule long after its time, once",
    { schedule: "1 h", now: NOON + 9 * HOUR },
    { due: "PERIODIC", nextIn: 0 },
  ],
  [
    "both, of which the person comes first",
    { nonce: 1, schedule: "1 h", now: NOON + HOUR },
    { due: "MANUAL", nextIn: 0 },
  ],
  [
    "a cron time that has come",
    { schedule: "0 0 13 * * ?", now: NOON + HOUR },
    { due: "PERIODIC", nextIn: 0 },
  ],
])("%s", (_, facts, expected) => {
  const given = {
    nonce: undefined,
    handledNonce: undefined,
    schedule: undefined,
    lastPeriodic: NOON,
    now: NOON,
  };
  expect(decideTrigger({ ...given, ...facts })).toEqual(expected);
});
