/** Reads zip archives, as far as Python wheels use them: files, stored or deflated, of less than 4 GiB. */
import { createReadStream, createWriteStream } from "node:fs";
import { type FileHandle, mkdir, open, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { createInflateRaw } from "node:zlib";

interface Entry {
  readonly name: string;
  readonly isDeflated: boolean;
  readonly compressedSize: number;
  /** Of its local header. */
  readonly offset: number;
}

const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
/** The end record with its longest comment. */
const END_BYTES = 22 + 0xffff;
const ZIP64 = 0xffffffff;

function damaged(path: string, why: string): Error {
  return new Error(`${path} is no zip archive that can be read: ${why}`);
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function parseEntry(directory: Buffer, at: number): { entry: Entry; next: number } | undefined {
  if (at + 46 > directory.length || directory.readUInt32LE(at) !== ENTRY_SIGNATURE) return undefined;
  const nameLength = directory.readUInt16LE(at + 28);
  const next = at + 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  const entry = {
    name: directory.toString("utf8", at + 46, at + 46 + nameLength),
    isDeflated: directory.readUInt16LE(at + 10) !== 0,
    compressedSize: directory.readUInt32LE(at + 20),
    offset: directory.readUInt32LE(at + 42),
  };
  return { entry, next };
}

async function entriesOf(file: FileHandle, path: string): Promise<Entry[]> {
  const { size } = await file.stat();
  const tail = await readAt(file, Math.max(0, size - END_BYTES), END_BYTES);
  let end = tail.length - 22;
  while (end >= 0 && tail.readUInt32LE(end) !== END_SIGNATURE) end--;
  if (end < 0) throw damaged(path, "it has no end");
  const count = tail.readUInt16LE(end + 10);
  const start = tail.readUInt32LE(end + 16);
  if (start === ZIP64 || count === 0xffff) throw damaged(path, "it is too large");
  const directory = await readAt(file, start, tail.readUInt32LE(end + 12));
  const entries: Entry[] = [];
  for (let at = 0; entries.length < count;) {
    const parsed = parseEntry(directory, at);
    if (parsed === undefined) throw damaged(path, "its directory is cut");
    entries.push(parsed.entry);
    at = parsed.next;
  }
  return entries;
}

async function extract(file: FileHandle, path: string, entry: Entry, target: string): Promise<void> {
  const header = await readAt(file, entry.offset, 30);
  if (header.length < 30 || header.readUInt32LE(0) !== LOCAL_SIGNATURE)
    throw damaged(path, `${entry.name} is cut`);
  const start = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  await mkdir(dirname(target), { recursive: true });
  if (entry.compressedSize === 0) return writeFile(target, "");
  const input = createReadStream(path, { start, end: start + entry.compressedSize - 1 });
  const output = createWriteStream(target);
  if (entry.isDeflated) await pipeline(input, createInflateRaw(), output);
  else await pipeline(input, output);
}

/** Extracts the files for which `place` has a path. */
export async function unzip(path: string, place: (name: string) => string | undefined): Promise<void> {
  const file = await open(path);
  try {
    for (const entry of await entriesOf(file, path)) {
      const target = entry.name.endsWith("/") ? undefined : place(entry.name);
      if (target !== undefined) await extract(file, path, entry, target);
    }
  } finally {
    await file.close();
  }
}
