import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { METADATA_FILE, METADATA_HEAD_BYTES, readMetadataHead } from "./checkpoint-metadata.ts";

const recordings = join(import.meta.dirname, "../../testbed/flink-rest/recordings");

function head(magic: number, version: number, id: bigint): Uint8Array {
  const bytes = new Uint8Array(METADATA_HEAD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic);
  view.setInt32(4, version);
  view.setBigInt64(8, id);
  return bytes;
}

describe("the head of a _metadata file", () => {
  it.each([
    ["1.20", 4],
    ["2.2", 6],
    ["2.3", 6],
  ])("of a real checkpoint of Flink %s is read", (flink, version) => {
    const checkpoints = join(recordings, flink, "checkpoints");
    const [job = ""] = readdirSync(checkpoints);
    const found = readdirSync(join(checkpoints, job)).map((name) => {
      const file = readFileSync(join(checkpoints, job, name, METADATA_FILE));
      return [name, readMetadataHead(file)];
    });
    expect(found).toEqual([
      ["chk-2", { kind: "complete", version, checkpointId: 2 }],
      ["chk-3", { kind: "complete", version, checkpointId: 3 }],
    ]);
  });

  it("is read at any place in a buffer, for any version and id", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 255 }),
        fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
        fc.nat(9),
        (version, checkpointId, offset) => {
          const buffer = new Uint8Array(offset + METADATA_HEAD_BYTES + 3);
          buffer.set(head(0x4960672d, version, BigInt(checkpointId)), offset);
          expect(readMetadataHead(buffer.subarray(offset))).toEqual({
            kind: "complete",
            version,
            checkpointId,
          });
        },
      ),
    );
  });

  it("that ends too early is no checkpoint yet, however much of it is there", () => {
    const whole = head(0x4960672d, 6, 3n);
    for (let length = 0; length < whole.length; length++) {
      expect(readMetadataHead(whole.subarray(0, length))).toEqual({ kind: "cut" });
    }
  });

  it.each([
    ["a wrong magic number", head(0x4960672e, 6, 3n), /magic number/],
    ["no version", head(0x4960672d, 0, 3n), /format version is 0/],
    ["a version that cannot be", head(0x4960672d, 0x6f6f6f6f, 3n), /format version is/],
    ["a negative id", head(0x4960672d, 6, -1n), /checkpoint id is -1/],
  ])("with %s is not Flink's", (_, bytes, problem) => {
    expect(readMetadataHead(bytes)).toEqual({ kind: "foreign", problem: expect.stringMatching(problem) });
  });
});
