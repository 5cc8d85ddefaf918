import { describe, expect, test } from "vitest";
import { errorFromAnswer, errorFromNetwork, errorFromStatus } from "./api-error.ts";

const call = { method: "GET", path: "/api/v1/pods" };
const status = (fields: object): string => JSON.stringify({ kind: "Status", ...fields });

describe("errors from answers", () => {
  test.each([
    ["a conflict", "PUT", 409, { reason: "Conflict", message: "changed" }, "conflict", false],
    [
      "a name that is taken",
      "POST",
      409,
      { reason: "AlreadyExists", message: "exists" },
      "already-exists",
      false,
    ],
    [
      "a deletion of another incarnation",
      "DELETE",
      409,
      { reason: "Conflict", message: "the UID in the precondition (a) does not match the UID in record (b)" },
      "precondition-failed",
      false,
    ],
    [
      "a write to another incarnation, which is a conflict as any other",
      "PUT",
      409,
      { reason: "Conflict", message: "Precondition failed: UID in precondition: a" },
      "conflict",
      false,
    ],
    [
      "a resourceVersion that is too old",
      "GET",
      410,
      { reason: "Expired", message: "too old" },
      "expired",
      false,
    ],
    ["too many requests", "GET", 429, { reason: "TooManyRequests" }, "too-many-requests", true],
    ["an invalid object", "POST", 422, { reason: "Invalid", message: "spec.x" }, "invalid", false],
    ["a failing server", "GET", 503, { reason: "ServiceUnavailable" }, "server-error", true],
    ["any other refusal", "GET", 415, { reason: "UnsupportedMediaType" }, "bad-request", false],
  ])("%s", (_, method, code, body, expected, retryable) => {
    const error = errorFromAnswer({ ...call, method }, code, status(body));
    expect(error).toMatchObject({ status: code, reason: body.reason, code: expected, retryable });
  });

  test("the message is the call and the server's words", () => {
    const error = errorFromAnswer(call, 403, status({ message: 'pods is forbidden: User "x"' }));
    expect(error.message).toBe('GET /api/v1/pods: pods is forbidden: User "x"');
  });

  test("an answer that is no Status is shown as one short line", () => {
    const error = errorFromAnswer(call, 502, `<html>\n  bad\tgateway ${"x".repeat(1000)}`);
    expect(error.message).toMatch(/^GET \/api\/v1\/pods: <html> bad gateway x+$/);
    expect(error.message.length).toBeLessThan(330);
  });

  test("Retry-After comes from the header, else from the details", () => {
    const body = status({ details: { retryAfterSeconds: 3 } });
    expect(errorFromAnswer(call, 429, body).retryAfterSeconds).toBe(3);
    expect(errorFromAnswer(call, 429, body, "7").retryAfterSeconds).toBe(7);
    expect(errorFromAnswer(call, 429, "").retryAfterSeconds).toBeUndefined();
  });

  test("the Status in a watch's ERROR event becomes an error by its code", () => {
    expect(errorFromStatus(call, { kind: "Status", code: 410, reason: "Expired" }).code).toBe("expired");
    expect(errorFromStatus(call, "nonsense").code).toBe("server-error");
  });
});

describe("errors from the network", () => {
  test.each([
    ["ECONNREFUSED", "network", true],
    ["ECONNRESET", "network", true],
    ["UND_ERR_SOCKET", "network", true],
    ["UND_ERR_CONNECT_TIMEOUT", "timeout", true],
    ["UND_ERR_BODY_TIMEOUT", "timeout", true],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "tls", false],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls", false],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "tls", false],
    ["HPE_INVALID_CONSTANT", "protocol", false],
  ])("%s is %s", (code, expected, retryable) => {
    const cause = Object.assign(new Error("words"), { code });
    expect(errorFromNetwork(call, cause)).toMatchObject({ status: 0, code: expected, retryable });
    expect(errorFromNetwork(call, new Error("outer", { cause })).code).toBe(expected);
  });

  test("an error without words is called by its code", () => {
    const cause = Object.assign(new AggregateError([]), { code: "ECONNREFUSED" });
    expect(errorFromNetwork(call, cause).message).toBe("GET /api/v1/pods: ECONNREFUSED");
  });

  test("an error of ours passes unchanged", () => {
    const error = errorFromAnswer(call, 404, "");
    expect(errorFromNetwork(call, error)).toBe(error);
  });
});
