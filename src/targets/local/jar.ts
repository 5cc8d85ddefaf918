/**
 * A job's jar, as a copy of its own in the job's folder under the hash of its content: a build that writes a new one
 * touches nothing that runs, and the same path with another content is a change of the job file.
 */
import { createHash } from "node:crypto";
import {
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Refusal } from "../target.ts";

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex").slice(0, 16);
}

/** The jar on this machine; undefined for one that Flink fetches itself. @throws Refusal */
function localPath(jarURI: string): string | undefined {
  const path = /^(?:(?:local|file):(?:\/\/)?)?(?<path>\/.*)$/i.exec(jarURI)?.groups?.["path"];
  if (path === undefined) return undefined;
  const file = jarURI.startsWith("file://") ? fileURLToPath(jarURI) : path;
  if (existsSync(file)) return file;
  const folder = jarURI.slice(0, jarURI.lastIndexOf("/"));
  throw new Refusal(
    "act",
    `spec.job.jarURI: ${file} is not on this machine`,
    jarURI.startsWith("local:")
      ? `Say where the files of the image are here: --map ${folder}=FOLDER`
      : "Build it, or mend the path.",
  );
}

/** The URI of the copy. @throws Refusal when there is no such file */
export async function keepJar(jarURI: string, folder: string): Promise<string> {
  const path = localPath(jarURI);
  if (path === undefined) return jarURI;
  const jars = join(folder, "jars", await digestOf(path));
  const copy = join(jars, basename(path));
  if (!existsSync(copy)) {
    const temporary = `${copy}.${process.pid}.tmp`;
    mkdirSync(jars, { recursive: true });
    copyFileSync(path, temporary);
    renameSync(temporary, copy);
  }
  return pathToFileURL(copy).toString();
}

/** Those that no text mentions are of specs that nobody goes back to. */
export function forgetJars(folder: string, texts: readonly string[]): void {
  const jars = join(folder, "jars");
  if (!existsSync(jars)) return;
  for (const name of readdirSync(jars)) {
    if (!texts.some((text) => text.includes(name)))
      rmSync(join(jars, name), { recursive: true, force: true });
  }
}
