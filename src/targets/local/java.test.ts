import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { majorVersion, requireJava } from "./java.ts";

test.each([
  ['openjdk version "17.0.15" 2025-04-15', 17],
  ['java version "1.8.0_392"', 8],
  ['openjdk version "21" 2023-09-19', 21],
  ['openjdk version "25-ea"', 25],
  ["something else", undefined],
])("%s", (text, expected) => {
  expect(majorVersion(text)).toBe(expected);
});

function home(version: string): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-java-"));
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin", "java"), `#!/bin/sh\necho 'openjdk version "${version}"' >&2\n`);
  chmodSync(join(folder, "bin", "java"), 0o755);
  return folder;
}

test.each([
  ["v2_3", "17.0.1", undefined],
  ["v2_3", "1.8.0_1", /^Flink 2\.3 runs on Java 11 to 21, and JAVA_HOME \(.*\/bin\/java\) is version 8$/],
  ["v2_3", "25", /is version 25$/],
  ["v1_18", "21", /^Flink 1\.18 runs on Java 11 to 17/],
] as const)("Flink %s with Java %s", async (version, java, problem) => {
  const work = requireJava(version, { JAVA_HOME: home(java) });
  if (problem === undefined) await work;
  else await expect(work).rejects.toThrow(problem);
});

test("no Java at all", async () => {
  await expect(requireJava("v2_3", { JAVA_HOME: "/nowhere" })).rejects.toThrow(
    "Flink needs Java, and JAVA_HOME (/nowhere/bin/java) cannot be started",
  );
});
