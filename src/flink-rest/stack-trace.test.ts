import { describe, expect, test } from "vitest";
import { headline, rootCauses } from "./stack-trace.ts";

const wrapped = [
  "java.util.concurrent.CompletionException: org.apache.flink.runtime.checkpoint.CheckpointException: IO-problem detected.",
  "\tat java.base/java.util.concurrent.CompletableFuture.encodeRelay(CompletableFuture.java:368)",
  "Caused by: org.apache.flink.runtime.checkpoint.CheckpointException: IO-problem detected.",
  "\tat org.apache.flink.runtime.checkpoint.CheckpointCoordinator.onTriggerFailure(CheckpointCoordinator.java:1)",
  "\tSuppressed: java.lang.IllegalStateException: also",
  "\tCaused by: java.lang.Error: of the suppressed one",
  "Caused by: java.io.IOException: Failed to create savepoint directory at file:/dev/null/sp",
  "\t... 8 more",
  "",
].join("\n");

describe("a Java stack trace", () => {
  test("gives its exceptions innermost first, each once, without those that were suppressed", () => {
    expect(rootCauses(wrapped)).toEqual([
      "java.io.IOException: Failed to create savepoint directory at file:/dev/null/sp",
      "org.apache.flink.runtime.checkpoint.CheckpointException: IO-problem detected.",
    ]);
  });

  test("gives one line from the outermost to the innermost", () => {
    expect(headline(wrapped)).toBe(
      "CheckpointException: IO-problem detected. -> IOException: Failed to create savepoint directory at file:/dev/null/sp",
    );
  });

  test("is understood behind Flink's own header", () => {
    const text =
      "<Exception on server side:\njava.lang.UnsupportedOperationException: no\n\tat a.B.c(B.java:1)\n\nEnd of exception on server side>";
    expect(rootCauses(text)).toEqual(["java.lang.UnsupportedOperationException: no"]);
  });

  test("loses the class of the REST server, which says nothing", () => {
    const text =
      "org.apache.flink.runtime.rest.handler.RestHandlerException: Job could not be found.\n\tat x";
    expect(headline(text)).toBe("Job could not be found.");
  });

  test.each([
    ["", []],
    ["Unable to load requested file /x.", ["Unable to load requested file /x."]],
  ])("%j that is none gives its first line", (text, expected) => {
    expect(rootCauses(text)).toEqual(expected);
  });

  test("is bounded, however long it is", () => {
    const endless = Array.from({ length: 100 }, (_, n) => `Caused by: a.B${n}Exception: ${"x".repeat(2000)}`);
    expect(headline(endless.join("\n")).length).toBeLessThanOrEqual(1000);
    expect(rootCauses(endless.join("\n")).join("").length).toBeLessThanOrEqual(2500);
  });
});
