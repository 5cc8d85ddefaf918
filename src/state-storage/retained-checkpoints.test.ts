/** Over real folders: what Flink left there when it was killed, changed as a test says. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { METADATA_FILE } from "../flink/checkpoint-metadata.ts";
import type { RetainedAnswer } from "../reconcile/decision.ts";
import { findRetained } from "./retained-checkpoints.ts";
import { StateStorages } from "./state-storage.ts";

const recordings = join(import.meta.dirname, "../../testbed/flink-rest/recordings");
const JOB = "a".repeat(32);
const COMPLETED = Date.parse("2026-03-01T11:59:00Z");
const storages = new StateStorages({ env: {} });

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sluice-retained-"));
});
afterEach(() => rmSync(root, { recursive: true }));

/** A snapshot as Flink 2.3 writes it, with the id in its metadata, unless it has another content. */
function snapshot(path: string, id: number, content?: Uint8Array): void {
  const folder = join(root, path);
  mkdirSync(folder, { recursive: true });
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32BE(0x4960672d, 0);
  bytes.writeInt32BE(6, 4);
  bytes.writeBigInt64BE(BigInt(id), 8);
  writeFileSync(join(folder, METADATA_FILE), content ?? bytes);
  utimesSync(join(folder, METADATA_FILE), COMPLETED / 1000, COMPLETED / 1000);
}

function find(
  directories: readonly string[],
  more: { savepoints?: readonly string[]; shared?: boolean; asked?: string } = {},
): Promise<RetainedAnswer> {
  const uri = (path: string): string => `file://${join(root, path)}`;
  return findRetained(
    {
      jobId: JOB,
      places: directories.map((path) => ({ directory: uri(path), shared: more.shared ?? false, access: {} })),
      savepoints: (more.savepoints ?? []).map(uri),
      ...(more.asked === undefined
        ? {}
        : { asked: { directory: uri(more.asked), prefix: "savepoint-aaaaaa-", access: {} } }),
    },
    (access) => storages.open(access),
  );
}

const found = (path: string, checkpointId: number): RetainedAnswer => ({
  kind: "found",
  path: `file://${join(root, path)}`,
  checkpointId,
  completed: COMPLETED,
});

describe("the newest retained checkpoint", () => {
  it.each(["1.20", "2.2", "2.3"])("is found in what a killed Flink %s left", async (version) => {
    const kept = join(recordings, version, "checkpoints");
    const [job = ""] = readdirSync(kept);
    cpSync(join(kept, job), join(root, job), { recursive: true });
    // Its next checkpoint was not complete.
    mkdirSync(join(root, job, "chk-4"));
    mkdirSync(join(root, job, "shared"));
    mkdirSync(join(root, job, "taskowned"));
    expect(await find([job])).toMatchObject({ ...found(`${job}/chk-3`, 3), completed: expect.any(Number) });
  });

  it("is the one with the highest number, whatever the names' order", async () => {
    for (const id of [9, 10, 2]) snapshot(`job/chk-${id}`, id);
    expect(await find(["job"])).toEqual(found("job/chk-10", 10));
  });

  it("is the highest complete one, for any set of folders", async () => {
    const folder = fc.record({ id: fc.integer({ min: 1, max: 40 }), complete: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(folder, { selector: ({ id }) => id, maxLength: 6 }),
        async (folders) => {
          rmSync(join(root, "job"), { recursive: true, force: true });
          mkdirSync(join(root, "job", "shared"), { recursive: true });
          for (const { id, complete } of folders) {
            if (complete) snapshot(`job/chk-${id}`, id);
            else mkdirSync(join(root, `job/chk-${id}`));
          }
          const ids = folders.filter(({ complete }) => complete).map(({ id }) => id);
          const newest = Math.max(0, ...ids);
          expect(await find(["job"])).toEqual(
            newest === 0 ? { kind: "none" } : found(`job/chk-${newest}`, newest),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it("is not one whose metadata was being written", async () => {
    snapshot("job/chk-4", 4);
    snapshot("job/chk-5", 5, new Uint8Array(7));
    snapshot("job/chk-6", 6, new Uint8Array());
    expect(await find(["job"])).toEqual(found("job/chk-4", 4));
  });

  it("is none where nothing is complete", async () => {
    mkdirSync(join(root, "job/chk-1"), { recursive: true });
    expect(await find(["job"])).toEqual({ kind: "none" });
  });

  it("is looked for in every place that the job may have written to", async () => {
    snapshot("old/chk-8", 8);
    snapshot("new/chk-9", 9);
    expect(await find(["old", "new"])).toEqual(found("new/chk-9", 9));
    expect(await find(["new", "old"])).toEqual(found("new/chk-9", 9));
  });
});

describe("a savepoint that was asked for and not heard of", () => {
  it("is where the job goes on when it was completed", async () => {
    snapshot("job/chk-8", 8);
    snapshot("sp/savepoint-aaaaaa-1", 7);
    expect(await find(["job"], { asked: "sp" })).toEqual(found("job/chk-8", 8));
    snapshot("sp/savepoint-aaaaaa-2", 9);
    snapshot("sp/savepoint-bbbbbb-1", 11);
    expect(await find(["job"], { asked: "sp" })).toEqual(found("sp/savepoint-aaaaaa-2", 9));
  });

  it("that is not complete, or was never begun, is none", async () => {
    snapshot("job/chk-8", 8);
    expect(await find(["job"], { asked: "sp" })).toEqual(found("job/chk-8", 8));
    mkdirSync(join(root, "sp", "savepoint-aaaaaa-1"), { recursive: true });
    expect(await find(["job"], { asked: "sp" })).toEqual(found("job/chk-8", 8));
  });

  it("is unclear where its folder's surroundings cannot be seen either", async () => {
    snapshot("job/chk-8", 8);
    expect(await find(["job"], { asked: "elsewhere/mounted/sp" })).toMatchObject({ kind: "unclear" });
  });
});

describe("a savepoint of the same job", () => {
  it("is taken where it is newer, and only there", async () => {
    snapshot("job/chk-8", 8);
    snapshot("savepoint-aaaaaa-1", 7);
    expect(await find(["job"], { savepoints: ["savepoint-aaaaaa-1"] })).toEqual(found("job/chk-8", 8));
    snapshot("savepoint-aaaaaa-2", 9);
    expect(await find(["job"], { savepoints: ["savepoint-aaaaaa-1", "savepoint-aaaaaa-2"] })).toEqual(
      found("savepoint-aaaaaa-2", 9),
    );
  });

  it("that was removed does not count", async () => {
    snapshot("job/chk-8", 8);
    expect(await find(["job"], { savepoints: ["savepoint-aaaaaa-1"] })).toEqual(found("job/chk-8", 8));
  });

  it("that cannot be read leaves open which is newest", async () => {
    snapshot("job/chk-8", 8);
    snapshot("savepoint-aaaaaa-1", 9, Buffer.from("no metadata of Flink's"));
    expect(await find(["job"], { savepoints: ["savepoint-aaaaaa-1"] })).toMatchObject({
      kind: "unclear",
      message: expect.stringMatching(/savepoint-aaaaaa-1\/_metadata: it does not begin/),
    });
  });
});

describe("nobody guesses", () => {
  it.each<[string, () => void, RegExp]>([
    [
      "a newest checkpoint that is damaged",
      () => snapshot("job/chk-9", 9, Buffer.alloc(64)),
      /chk-9\/_metadata: /,
    ],
    [
      "a checkpoint under another's number",
      () => snapshot("job/chk-9", 7),
      /chk-9\/_metadata is checkpoint 7's/,
    ],
  ])("about %s", async (_, damage, message) => {
    snapshot("job/chk-8", 8);
    damage();
    expect(await find(["job"])).toEqual({ kind: "unclear", message: expect.stringMatching(message) });
  });

  it("about several checkpoints in a folder that names no job", async () => {
    snapshot("all/chk-8", 8);
    expect(await find(["all"], { shared: true })).toEqual(found("all/chk-8", 8));
    snapshot("all/chk-3", 3);
    expect(await find(["all"], { shared: true })).toMatchObject({
      kind: "unclear",
      message: expect.stringMatching(/several checkpoints/),
    });
  });

  it("about a folder that is not there: it may be where Flink is", async () => {
    expect(await find(["job"])).toMatchObject({
      kind: "unclear",
      message: expect.stringMatching(/not visible from here/),
    });
    snapshot("job/chk-8", 8);
    expect(await find(["job", "other"])).toMatchObject({ kind: "unclear" });
  });

  it("about schemes that cannot be read, and buckets without credentials", async () => {
    const at = (directory: string): Promise<RetainedAnswer> =>
      findRetained(
        { jobId: JOB, places: [{ directory, shared: false, access: {} }], savepoints: [] },
        (access) => storages.open(access),
      );
    expect(await at("hdfs://namenode/x")).toMatchObject({
      kind: "unclear",
      message: expect.stringMatching(/hdfs/),
    });
    expect(await at("s3://bucket/x")).toMatchObject({
      kind: "unclear",
      message: expect.stringMatching(/no S3 credentials/),
    });
  });
});
