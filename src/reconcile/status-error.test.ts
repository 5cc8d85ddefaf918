import { describe, expect, it } from "vitest";
import { errorMessage, statusError } from "./status-error.ts";

describe("status.error", () => {
  it("is JSON with the keys and class names of the Apache operator", () => {
    expect(JSON.parse(statusError("ValidationException", "no image"))).toEqual({
      type: "org.apache.flink.kubernetes.operator.exception.ValidationException",
      message: "no image",
      additionalMetadata: {},
      throwableList: [],
    });
  });

  it("takes other classes by their whole name", () => {
    const className = "org.apache.flink.util.FlinkException";
    expect(JSON.parse(statusError({ className }, "x"))).toMatchObject({ type: className });
  });

  it("carries the reason of a failed deployment", () => {
    const error = statusError("DeploymentFailedException", "x", { reason: "ImagePullBackOff" });
    expect(JSON.parse(error)).toMatchObject({ additionalMetadata: { reason: "ImagePullBackOff" } });
  });

  it("lists at most two causes", () => {
    const { throwableList } = JSON.parse(
      statusError("ReconciliationException", "x", {}, ["a", "b", "c"]),
    ) as {
      throwableList: { message: string }[];
    };
    expect(throwableList.map(({ message }) => message)).toEqual(["a", "b"]);
  });

  it("cuts its texts to 2048 characters", () => {
    const { message, throwableList } = JSON.parse(
      statusError("ReconciliationException", "x".repeat(5000), {}, ["y".repeat(5000)]),
    ) as { message: string; throwableList: { message: string }[] };
    expect(message).toHaveLength(2048);
    expect(message.endsWith("...")).toBe(true);
    expect(throwableList[0]?.message).toHaveLength(2048);
    const fitting = "x".repeat(2048);
    expect(errorMessage(statusError("ReconciliationException", fitting))).toBe(fitting);
  });

  it("is the same text for the same error, so that nothing is written twice", () => {
    const once = statusError("ReconciliationException", "x", { reason: "y" }, ["z"]);
    expect(statusError("ReconciliationException", "x", { reason: "y" }, ["z"])).toBe(once);
  });
});

describe("the message of an error", () => {
  it.each<[string, string | undefined, string | undefined]>([
    ["absent", undefined, undefined],
    ["empty", "", undefined],
    ["of JSON", statusError("ValidationException", "no image"), "no image"],
    ["bare text", "Job Not Found", "Job Not Found"],
    ["JSON without a message", "{}", "{}"],
    ["JSON that is no object", "null", "null"],
    ["a number", "7", "7"],
    ["cut off JSON", '{"message":"x', '{"message":"x'],
  ])("%s", (_, error, expected) => {
    expect(errorMessage(error)).toBe(expected);
  });
});
