import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatFlinkMemory, parseFlinkMemory, parseMemory, parseQuantity } from "./memory-size.ts";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

describe("Flink's memory sizes", () => {
  it.each<[text: string, bytes: number | undefined]>([
    ["2g", 2 * GIB],
    ["2G", 2 * GIB],
    ["2 gb", 2 * GIB],
    ["1600m", 1600 * MIB],
    ["1600 MebiBytes", 1600 * MIB],
    ["1k", 1024],
    ["17", 17],
    ["17 bytes", 17],
    ["1t", 1024 ** 4],
    ["1.5g", undefined],
    ["2Gi", undefined],
    ["-1g", undefined],
    ["g", undefined],
    ["", undefined],
  ])("%j", (text, bytes) => {
    expect(parseFlinkMemory(text)).toBe(bytes);
  });

  it.each<[bytes: number, text: string]>([
    [2 * GIB, "2 gb"],
    [1600 * MIB, "1600 mb"],
    [1536, "1536 bytes"],
    [2048, "2 kb"],
    [1024 ** 4, "1 tb"],
    [0, "0 bytes"],
  ])("%i is written as %s", (bytes, text) => {
    expect(formatFlinkMemory(bytes)).toBe(text);
  });

  it("are read back as they are written", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(parseFlinkMemory(formatFlinkMemory(bytes))).toBe(bytes);
      }),
    );
  });
});

describe("Kubernetes quantities", () => {
  it.each<[text: string | number, value: number | undefined]>([
    ["500m", 0.5],
    ["2", 2],
    [2.5, 2.5],
    ["2Gi", 2 * GIB],
    ["1.5Gi", 1.5 * GIB],
    ["1G", 1e9],
    ["1e3", 1000],
    ["1E3", 1000],
    [".5", 0.5],
    ["100k", 100_000],
    ["1Xi", undefined],
    ["two", undefined],
    ["", undefined],
  ])("%j", (text, value) => {
    expect(parseQuantity(text)).toBe(value);
  });
});

describe("memory of a job file", () => {
  it.each<[text: string, bytes: number | undefined]>([
    ["2g", 2 * GIB],
    ["2G", 2 * GIB],
    ["2Gi", 2 * GIB],
    ["2GiB", 2 * GIB],
    ["2gi", 2 * GIB],
    ["1.5Gi", 1.5 * GIB],
    ["512Mi", 512 * MIB],
    ["-2Gi", undefined],
    ["lots", undefined],
  ])("%j: Flink's syntax first, then Kubernetes'", (text, bytes) => {
    expect(parseMemory(text)).toBe(bytes);
  });
});
