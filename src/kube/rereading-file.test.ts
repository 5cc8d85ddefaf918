import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RereadingFile } from "./rereading-file.ts";

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), "sluice-file-"))));
afterAll(() => rmSync(folder, { recursive: true }));

test("a file that is replaced is read again, once it is old enough to look", async () => {
  const path = join(folder, "plain");
  writeFileSync(path, "one");
  const eager = new RereadingFile(path, 0);
  const patient = new RereadingFile(path, 60_000);
  expect([await eager.read(), await patient.read()]).toEqual(["one", "one"]);
  writeFileSync(path, "other");
  expect([await eager.read(), await patient.read()]).toEqual(["other", "one"]);
  patient.forget();
  expect(await patient.read()).toBe("other");
});

test("a link that is turned to another file is followed, as with projected volumes", async () => {
  writeFileSync(join(folder, "v1"), "aaa");
  writeFileSync(join(folder, "v2"), "bbb");
  symlinkSync("v1", join(folder, "link"));
  const file = new RereadingFile(join(folder, "link"), 0);
  expect(await file.read()).toBe("aaa");
  symlinkSync("v2", join(folder, "next"));
  renameSync(join(folder, "next"), join(folder, "link"));
  expect(await file.read()).toBe("bbb");
});

test("while the file is gone or empty, what it held serves on", async () => {
  const path = join(folder, "vanishing");
  writeFileSync(path, "kept");
  const file = new RereadingFile(path, 0);
  await file.read();
  writeFileSync(path, "");
  expect(await file.read()).toBe("kept");
  rmSync(path);
  expect(await file.read()).toBe("kept");
});

test("a file that was never there is an error", async () => {
  await expect(new RereadingFile(join(folder, "none")).read()).rejects.toThrow("ENOENT");
});
