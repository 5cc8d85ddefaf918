import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { followLocalLogs, readLocalLogs } from "./local-logs.ts";
import { localLogs, LogReader } from "../targets/local/logs.ts";

const WISH = { component: undefined, previous: false, tail: undefined, sinceSeconds: undefined };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-logs-"));
  mkdirSync(join(folder, "logs"));
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, ...lines: string[]): void {
  appendFileSync(join(folder, "logs", `${name}.out`), lines.map((line) => `${line}\n`).join(""));
}

describe("the logs of processes", () => {
  it("are merged by the time that Flink gave, and what has none stays with the line before", () => {
    write(
      "jobmanager",
      "starting",
      "2026-11-26 10:00:02,500 INFO two",
      "\tat Some.java",
      "2026-11-26 10:00:04,000 four",
    );
    write("taskmanager", "2026-11-26 10:00:03,000 three", "2026-11-26 10:00:05,000 five");
    const lines = readLocalLogs(folder, WISH);
    expect(lines.map(({ pod, text }) => `${pod} ${text.replace(/^\S+ \S+,\d+ /, "")}`)).toEqual([
      "jobmanager starting",
      "jobmanager INFO two",
      "jobmanager \tat Some.java",
      "taskmanager three",
      "jobmanager four",
      "taskmanager five",
    ]);
  });

  it("are of one component, from the end, of the start before, or none", () => {
    write("jobmanager", "a", "b");
    write("taskmanager", "c");
    expect(readLocalLogs(folder, { ...WISH, component: "taskmanager" }).map(({ text }) => text)).toEqual([
      "c",
    ]);
    expect(readLocalLogs(folder, { ...WISH, tail: 1 }).map(({ text }) => text)).toEqual(["b", "c"]);
    expect(readLocalLogs(folder, { ...WISH, tail: 0 })).toEqual([]);
    expect(readLocalLogs(folder, { ...WISH, previous: true })).toEqual([]);
    renameSync(join(folder, "logs"), join(folder, "logs.previous"));
    expect(readLocalLogs(folder, { ...WISH, previous: true }).length).toBe(3);
  });

  it("are only what is new enough", () => {
    const stamp = (at: number): string => {
      const local = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
      return local.toISOString().replace("T", " ").replace(".", ",").replace("Z", "");
    };
    write("jobmanager", `${stamp(Date.now() - 60_000)} old`, `${stamp(Date.now() - 1000)} new`);
    const lines = readLocalLogs(folder, { ...WISH, sinceSeconds: 10 });
    expect(lines.map(({ text }) => text.slice(-3))).toEqual(["new"]);
  });

  it("are read line by line, of a new file in the place of another from its beginning", () => {
    write("jobmanager", "one");
    const [source] = localLogs(folder, false, undefined);
    if (source === undefined) throw new Error("no log");
    const reader = new LogReader(source);
    expect(reader.read().map(({ text }) => text)).toEqual(["one"]);
    appendFileSync(source.path, "tw");
    expect(reader.read()).toEqual([]);
    appendFileSync(source.path, "ö\n");
    expect(reader.read().map(({ text }) => text)).toEqual(["twö"]);
    renameSync(join(folder, "logs"), join(folder, "logs.previous"));
    expect(reader.read()).toEqual([]);
    mkdirSync(join(folder, "logs"));
    writeFileSync(source.path, "new\n");
    expect(reader.read().map(({ text }) => text)).toEqual(["new"]);
  });

  it("are followed, those of processes that come later too", async () => {
    write("jobmanager", "one", "two");
    const end = new AbortController();
    const seen: string[] = [];
    const done = followLocalLogs(
      folder,
      { ...WISH, tail: 1 },
      ({ text }) => {
        seen.push(text);
        if (text === "two") write("taskmanager", "three");
        if (text === "three") end.abort();
      },
      end.signal,
    );
    await done;
    expect(seen).toEqual(["two", "three"]);
  });
});
