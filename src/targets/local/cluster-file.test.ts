import { expect, test } from "vitest";
import { ended, mayStart, NO_STARTS, started } from "./cluster-file.ts";

test("pauses grow while a process does not stay up, and begin anew when it did", () => {
  let starts = started(NO_STARTS, 1, 1000);
  const pauses: number[] = [];
  for (let n = 0; n < 9; n++) {
    const now = starts.last + 2000;
    starts = ended(starts, now);
    expect(ended(starts, now + 100)).toBe(starts);
    let pause = 0;
    while (!mayStart(starts, now + pause)) pause += 500;
    pauses.push(pause);
    starts = started(starts, 1, now + pause);
  }
  expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  expect(ended(starts, starts.last + 60_001)).toMatchObject({ failures: 1 });
});

test("what has not ended is not started again", () => {
  expect(mayStart(started(NO_STARTS, 1, 0), 1e9)).toBe(false);
});
