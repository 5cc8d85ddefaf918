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
import { type FlinkConfiguration, getOption } from "../../flink/configuration.ts";
import { isRemoteJar, JAR_SHA256 } from "../../flink/jar-fetch.ts";
import { Refusal } from "../target.ts";

/** Milliseconds for a jar that is fetched. */
const FETCH_MS = 600_000;

export interface JarPlace {
  /** The job's. */
  readonly folder: string;
  /** Flink's, which may hold how to get at the jar. */
  readonly configuration: FlinkConfiguration;
  readonly env: Readonly<Record<string, string | undefined>>;
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex").slice(0, 16);
}

/** The jar on this machine; undefined for one of another scheme. @throws Refusal */
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

/** The jar's content under its own hash. */
async function keepCopy(path: string, name: string, folder: string): Promise<string> {
  const jars = join(folder, "jars", await digestOf(path));
  const copy = join(jars, name);
  if (!existsSync(copy)) {
    const temporary = `${copy}.${process.pid}.tmp`;
    mkdirSync(jars, { recursive: true });
    copyFileSync(path, temporary);
    renameSync(temporary, copy);
  }
  return pathToFileURL(copy).toString();
}

/** Over HTTP or from S3, as `sluice fetch-jar` does it in a pod; what its Secret has there is in the shell here. */
async function fetchRemote(jarURI: string, { folder, configuration, env }: JarPlace): Promise<string> {
  const { fetchJar } = await import("../../jars/fetch-jar.ts");
  const to = join(folder, "jars", `.fetched-${process.pid}.jar`);
  mkdirSync(join(folder, "jars"), { recursive: true });
  const signal = AbortSignal.timeout(FETCH_MS);
  const sha256 = getOption(configuration, JAR_SHA256);
  try {
    await fetchJar({ uri: jarURI, to, sha256, configuration, credentials: awsVariables(env), signal });
    return await keepCopy(to, basename(new URL(jarURI).pathname) || "job.jar", folder);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Refusal(
      "act",
      `spec.job.jarURI: ${why}`,
      "Mend the address or the access, and run the command again.",
    );
  } finally {
    rmSync(to, { force: true });
  }
}

function awsVariables(env: JarPlace["env"]): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith("AWS_")));
}

/** The URI of the copy. @throws Refusal when there is no such jar */
export async function keepJar(jarURI: string, place: JarPlace): Promise<string> {
  if (isRemoteJar(jarURI)) return fetchRemote(jarURI, place);
  const path = localPath(jarURI);
  return path === undefined ? jarURI : keepCopy(path, basename(path), place.folder);
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
