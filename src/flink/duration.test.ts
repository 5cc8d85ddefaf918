import { describe, expect, it } from "vitest";
import { parseDuration } from "./duration.ts";

describe("durations", () => {
  it.each<[text: string, milliseconds: number | undefined]>([
    ["10 min", 600_000],
    ["15s", 15_000],
    ["15 Seconds", 15_000],
    ["1 d", 86_400_000],
    ["2h", 7_200_000],
    ["250", 250],
    ["250 ms", 250],
    ["3 us", 0.003],
    ["PT15S", 15_000],
    ["PT1.5S", 1500],
    ["PT5M", 300_000],
    ["pt1h30m", 5_400_000],
    ["P1DT1H", 90_000_000],
    ["P", undefined],
    ["-5 s", undefined],
    ["1.5 s", undefined],
    ["5 fortnights", undefined],
    ["soon", undefined],
    ["", undefined],
  ])("%j", (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each<[milliseconds: number, names: string]>([
    [1e-6, "ns nano nanos nanosecond nanoseconds"],
    [1e-3, "us µs micro micros microsecond microseconds"],
    [1, "ms milli millis millisecond milliseconds"],
    [1000, "s sec secs second seconds"],
    [60_000, "m min mins minute minutes"],
    [3_600_000, "h hour hours"],
    [86_400_000, "d day days"],
  ])("%d ms has all of Flink's names: %s", (milliseconds, names) => {
    for (const name of names.split(" ")) expect(parseDuration(`2 ${name}`), name).toBe(2 * milliseconds);
  });
});
