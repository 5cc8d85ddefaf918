import fc from "fast-check";
import { expect, test } from "vitest";
import { KubeApiError, type KubeErrorCode } from "./api-error.ts";
import { retryDelay } from "./retry.ts";

const failed = (code: KubeErrorCode, status = 0, retryAfterSeconds?: number): KubeApiError =>
  new KubeApiError("x", { status, reason: "", code, retryAfterSeconds });
const attempt = { idempotent: true, retries: 0, remainingMs: 30_000, random: 0 };

test.each([
  ["a lost answer to an idempotent call is asked for again soon", failed("network"), attempt, 50],
  ["the wait doubles", failed("network"), { ...attempt, retries: 3 }, 400],
  ["but not without end", failed("network"), { ...attempt, retries: 5 }, undefined],
  ["a lost answer to another call is not", failed("network"), { ...attempt, idempotent: false }, undefined],
  ["a server error on an idempotent call is tried again", failed("server-error", 500), attempt, 50],
  ["on another call it is not", failed("server-error", 500), { ...attempt, idempotent: false }, undefined],
  ["unless the server says when", failed("server-error", 503, 2), { ...attempt, idempotent: false }, 2000],
  [
    "any call is sent again when there were too many",
    failed("too-many-requests", 429, 1),
    { ...attempt, idempotent: false },
    1000,
  ],
  ["a second later where the server does not say", failed("too-many-requests", 429), attempt, 1000],
  ["not when the deadline comes first", failed("too-many-requests", 429, 31), attempt, undefined],
  ["a refusal is final", failed("forbidden", 403), attempt, undefined],
  ["and so is a conflict", failed("conflict", 409), attempt, undefined],
  ["what the caller gave up is not taken up again", failed("aborted"), attempt, undefined],
])("%s", (_, error, given, expected) => expect(retryDelay(error, given)).toBe(expected));

test("no delay reaches the deadline, none is shorter than the server asked for", () => {
  const attempts = fc.record({
    idempotent: fc.boolean(),
    retries: fc.nat(20),
    remainingMs: fc.nat(60_000),
    random: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(attempts, fc.option(fc.nat(60), { nil: undefined }), (given, seconds) => {
      const delay = retryDelay(failed("too-many-requests", 429, seconds), given);
      if (delay === undefined) return;
      expect(delay).toBeLessThan(given.remainingMs);
      expect(delay).toBeGreaterThanOrEqual((seconds ?? 1) * 1000);
    }),
  );
});
