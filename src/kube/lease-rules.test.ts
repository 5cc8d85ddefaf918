import { describe, expect, test } from "vitest";
import { checkDurations, heldBy, heldByOther, type LeaseSpec, observe, released } from "./lease-rules.ts";

const at = new Date("2026-01-02T03:04:05.678Z");
const theirs: LeaseSpec = {
  holderIdentity: "them",
  leaseDurationSeconds: 15,
  acquireTime: "2026-01-01T00:00:00.000000Z",
  renewTime: "2026-01-01T00:00:00.000000Z",
  leaseTransitions: 4,
};

describe("whether another one holds the lease", () => {
  test.each([
    ["a record seen just now holds, however old its own time is", theirs, 0, true],
    ["it holds for its own duration by our clock", theirs, 14_999, true],
    ["and no longer", theirs, 15_000, false],
    ["a released lease is free at once", { ...theirs, holderIdentity: "" }, 0, false],
    ["our own does not stand in our way", { ...theirs, holderIdentity: "us" }, 0, false],
  ])("%s", (_, spec, now, expected) => expect(heldByOther({ spec, since: 0 }, "us", now)).toBe(expected));

  test("a renewed record starts the wait again, an unchanged one does not", () => {
    const first = observe(theirs, undefined, 100);
    expect(observe({ ...theirs }, first, 5000)).toBe(first);
    expect(observe({ ...theirs, renewTime: "2026-01-01T00:00:02.000000Z" }, first, 5000).since).toBe(5000);
  });
});

describe("records", () => {
  test("a new lease begins without transitions", () => {
    expect(heldBy("us", undefined, at, 15_000)).toEqual({
      holderIdentity: "us",
      leaseDurationSeconds: 15,
      acquireTime: "2026-01-02T03:04:05.678000Z",
      renewTime: "2026-01-02T03:04:05.678000Z",
      leaseTransitions: 0,
    });
  });

  test("taking over counts a transition", () => {
    expect(heldBy("us", theirs, at, 15_000)).toMatchObject({ leaseTransitions: 5, holderIdentity: "us" });
  });

  test("a renewal keeps when it was acquired", () => {
    const ours = heldBy("us", theirs, at, 15_000);
    const later = heldBy("us", ours, new Date(at.getTime() + 2000), 15_000);
    expect(later).toEqual({ ...ours, renewTime: "2026-01-02T03:04:07.678000Z" });
  });

  test("fields of others survive", () => {
    const spec = { ...theirs, strategy: "OldestEmulationVersion" };
    expect(heldBy("us", spec, at, 15_000)).toMatchObject({ strategy: "OldestEmulationVersion" });
  });

  test("a released record names nobody", () => {
    expect(released(theirs, at)).toMatchObject({
      holderIdentity: "",
      leaseDurationSeconds: 1,
      leaseTransitions: 4,
    });
  });
});

test.each([
  [15_000, 10_000, 2000, true],
  [10_000, 10_000, 2000, false],
  [15_000, 2400, 2000, false],
])("durations %i, %i, %i are allowed: %s", (duration, deadline, period, allowed) => {
  const check = (): void => checkDurations(duration, deadline, period);
  if (allowed) check();
  else expect(check).toThrow(RangeError);
});
