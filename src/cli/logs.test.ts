import { describe, expect, it } from "vitest";
import { LogPrinter } from "./output/log-line.ts";
import { mergeLines, parseLines } from "./logs.ts";

describe("logs of several pods", () => {
  it("are merged by time; what has none of its own stays behind its line", () => {
    const jobManager = parseLines(
      "jm",
      "2026-03-01T12:00:00.5Z one\n2026-03-01T12:00:02Z Exception\n\tat frame\n2026-03-01T12:00:04Z four\n",
    );
    const worker = parseLines("tm", "2026-03-01T12:00:00.25Z zero\n2026-03-01T12:00:03Z three\n");
    expect(mergeLines([...jobManager, ...worker]).map(({ pod, text }) => `${pod} ${text}`)).toEqual([
      "tm zero",
      "jm one",
      "jm Exception",
      "jm \tat frame",
      "tm three",
      "jm four",
    ]);
  });

  it("go on with the time before, when they come in parts", () => {
    const [line] = parseLines("jm", "\tat frame\n", "2026-03-01T12:00:02Z");
    expect(line).toEqual({ pod: "jm", time: "2026-03-01T12:00:02Z", text: "\tat frame" });
  });

  it.each<[string, boolean, Record<string, string>, string]>([
    ["plain in a pipe", false, {}, "jm | one\n"],
    ["plain with NO_COLOR", true, { NO_COLOR: "1" }, "jm | one\n"],
    ["plain on a dumb terminal", true, { TERM: "dumb" }, "jm | one\n"],
    ["in colour on a terminal", true, {}, "\u001b[36mjm\u001b[0m | one\n"],
  ])("are %s", (_what, isTTY, env, expected) => {
    let text = "";
    const stdout = { isTTY, write: (more: string) => (text += more) };
    new LogPrinter({ stdout, env }, false).print({ pod: "jm", time: "", text: "one" });
    expect(text).toBe(expected);
  });
});
