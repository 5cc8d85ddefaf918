/**
 * The head of a checkpoint's or savepoint's `_metadata` file: magic number, format version, checkpoint id, each big-endian
 * (Flink's `Checkpoints` and `MetadataV*Serializer`; the head is the same in versions 1 to 7). Flink writes the file last
 * of all, and makes it visible in one step, so where it is, the checkpoint is complete.
 */

export const METADATA_FILE = "_metadata";
/** As many bytes of the file as are looked at. */
export const METADATA_HEAD_BYTES = 16;

const MAGIC = 0x49_60_67_2d;
/** Beyond Flink's newest by far: what is larger is no version. */
const MAX_VERSION = 255;

export type MetadataHead =
  | { readonly kind: "complete"; readonly version: number; readonly checkpointId: number }
  /** The file ends too early: its writer died on a file system that shows unfinished files. */
  | { readonly kind: "cut" }
  /** Not written by Flink, or damaged. */
  | { readonly kind: "foreign"; readonly problem: string };

/** `bytes`: the file's first METADATA_HEAD_BYTES, or fewer where it is shorter. */
export function readMetadataHead(bytes: Uint8Array): MetadataHead {
  if (bytes.length < METADATA_HEAD_BYTES) return { kind: "cut" };
  const view = new DataView(bytes.buffer, bytes.byteOffset, METADATA_HEAD_BYTES);
  if (view.getUint32(0) !== MAGIC) {
    return { kind: "foreign", problem: "it does not begin with the magic number of Flink's metadata" };
  }
  const version = view.getInt32(4);
  if (version < 1 || version > MAX_VERSION) {
    return { kind: "foreign", problem: `its format version is ${version}` };
  }
  const id = view.getBigInt64(8);
  if (id < 0n || id > BigInt(Number.MAX_SAFE_INTEGER)) {
    return { kind: "foreign", problem: `its checkpoint id is ${id}` };
  }
  return { kind: "complete", version, checkpointId: Number(id) };
}
