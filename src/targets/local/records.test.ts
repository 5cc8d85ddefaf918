import { mkdtempSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FileRecords } from "./records.ts";

test("a record is written on top of the version that was read, or not at all", async () => {
  const state = mkdtempSync(join(tmpdir(), "sluice-records-"));
  const written: string[] = [];
  const records = new FileRecords({
    jobs: state,
    folder: (name) => join(state, name),
    written: async (name) => void written.push(name),
  });
  expect(await records.list()).toEqual([]);
  expect(await records.read("a")).toBeUndefined();
  const first = await records.write("a", { x: "1" }, undefined);
  expect(await records.write("a", { x: "other" }, undefined)).toBeUndefined();
  expect(await records.read("a")).toEqual({ data: { x: "1" }, version: first });
  const second = await records.write("a", { x: "2" }, first);
  expect(second).not.toBe(first);
  expect(await records.write("a", { x: "late" }, first)).toBeUndefined();
  expect(await records.read("a")).toEqual({ data: { x: "2" }, version: second });
  expect(written).toEqual(["a", "a"]);
  expect(statSync(records.describe("a")).mode & 0o077).toBe(0);
  expect(readdirSync(join(state, "a"))).toEqual(["record.json"]);
  expect(await records.list()).toEqual(["a"]);
});

test("a damaged one is said, and not taken for none", async () => {
  const state = mkdtempSync(join(tmpdir(), "sluice-records-"));
  const records = new FileRecords({ jobs: state, folder: () => state, written: async () => {} });
  writeFileSync(records.describe("a"), "{");
  await expect(records.read("a")).rejects.toThrow(/record\.json is damaged/);
});
