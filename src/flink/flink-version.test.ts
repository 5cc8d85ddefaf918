import { describe, expect, it } from "vitest";
import type { FlinkVersion } from "../api/flink-deployment.ts";
import { isAtLeast, isSupported } from "./flink-version.ts";

describe("Flink versions", () => {
  it.each<[version: FlinkVersion, major: number, minor: number, is: boolean]>([
    ["v1_20", 1, 20, true],
    ["v1_20", 1, 9, true],
    ["v1_20", 2, 0, false],
    ["v1_9" as FlinkVersion, 1, 20, false],
    ["v2_0", 1, 20, true],
    ["v2_3", 2, 3, true],
    ["v2_3", 2, 4, false],
  ])("%s is at least %i.%i: %s", (version, major, minor, is) => {
    expect(isAtLeast(version, major, minor)).toBe(is);
  });

  it("are supported from 1.15 on", () => {
    expect([isSupported("v1_14"), isSupported("v1_15"), isSupported("v2_3")]).toEqual([false, true, true]);
  });
});
