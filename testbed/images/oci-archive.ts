/**
 * Writes an image as an OCI layout in a tar, which `ctr images import` reads. Layers stay as they are: one that several
 * images share is stored and unpacked once.
 *
 *     node oci-archive.ts OUTPUT REFERENCE CONFIG.json LAYER.tar…
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  createReadStream,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";

const media = "application/vnd.oci.image";
const created = "2025-01-01T00:00:00Z";

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

async function sha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

function blobPath(layout: string, { digest }: Blob): string {
  return path.join(layout, "blobs", digest.replace(":", "/"));
}

async function layerBlob(layout: string, file: string): Promise<Blob> {
  const { size } = statSync(file);
  const blob = { mediaType: `${media}.layer.v1.tar`, digest: `sha256:${await sha256(file)}`, size };
  try {
    linkSync(file, blobPath(layout, blob));
  } catch {
    copyFileSync(file, blobPath(layout, blob)); // another file system
  }
  return blob;
}

function jsonBlob(layout: string, type: string, content: unknown): Blob {
  const text = JSON.stringify(content);
  const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
  const blob = { mediaType: `${media}.${type}.v1+json`, digest, size: Buffer.byteLength(text) };
  writeFileSync(blobPath(layout, blob), text);
  return blob;
}

async function writeLayout(
  layout: string,
  reference: string,
  config: unknown,
  layers: string[],
): Promise<void> {
  mkdirSync(path.join(layout, "blobs", "sha256"), { recursive: true });
  const blobs: Blob[] = [];
  for (const layer of layers) blobs.push(await layerBlob(layout, layer));
  const configBlob = jsonBlob(layout, "config", {
    created,
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config,
    rootfs: { type: "layers", diff_ids: blobs.map(({ digest }) => digest) },
  });
  const manifest = jsonBlob(layout, "manifest", {
    schemaVersion: 2,
    mediaType: `${media}.manifest.v1+json`,
    config: configBlob,
    layers: blobs,
  });
  const annotations = {
    "io.containerd.image.name": reference,
    "org.opencontainers.image.ref.name": reference,
  };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  writeFileSync(path.join(layout, "index.json"), JSON.stringify(index));
  writeFileSync(path.join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
}

const [output, reference, configFile, ...layers] = process.argv.slice(2);
if (output === undefined || reference === undefined || configFile === undefined || layers.length === 0) {
  throw new Error("usage: node oci-archive.ts OUTPUT REFERENCE CONFIG.json LAYER.tar…");
}
const layout = mkdtempSync(`${output}.layout-`);
try {
  await writeLayout(layout, reference, JSON.parse(readFileSync(configFile, "utf8")), layers);
  const same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--mode=go=rX"];
  execFileSync("tar", [...same, "-C", layout, "-cf", output, "oci-layout", "index.json", "blobs"]);
} finally {
  rmSync(layout, { recursive: true });
}
