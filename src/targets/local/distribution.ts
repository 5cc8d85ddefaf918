/**
 * A Flink distribution for a job's version: the one that the user names, or the cache's, or a new one in the cache. On
 * PyPI the packages apache-flink (scripts, configuration) and apache-flink-libraries (jars, plugins) are together what
 * the release's archive holds, and every mirror of PyPI has them.
 */
import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join, normalize, resolve } from "node:path";
import { promisify } from "node:util";
import type { Shell } from "./shell.ts";
import { errorCode } from "../../state-storage/storage.ts";
import { Refusal } from "../target.ts";
import { KernelLock } from "./lock.ts";
import { Progress } from "./progress.ts";
import { type IndexFile, PythonIndex, pipSettings } from "./python-index.ts";
import { unzip } from "./zip.ts";

type Env = Shell["env"];

const run = promisify(execFile);
const PARTS = ["bin", "conf", "lib", "opt", "plugins"];
const UNPACK_MS = 300_000;
/** Milliseconds to wait for another process that fetches the same. */
const FETCH_MS = 1_800_000;
const REMEDY =
  "Unpack Flink from https://flink.apache.org/downloads and name its folder with --flink-home or FLINK_HOME; " +
  "or set PIP_INDEX_URL to a mirror of PyPI that this machine reaches.";

export function cacheFolder(env: Env): string {
  return resolve(env["SLUICE_CACHE"] ?? join(env["HOME"] ?? homedir(), ".cache", "sluice"));
}

/** `2.3.0`, by the name of its main jar; undefined where there is no Flink. */
export function versionIn(home: string): string | undefined {
  const lib = join(home, "lib");
  if (!existsSync(lib)) return undefined;
  const found = readdirSync(lib).flatMap(
    (name) => /^flink-dist(?:_[\d.]+)?-(\d+\.\d+\.\d+.*)\.jar$/.exec(name)?.[1] ?? [],
  );
  return found[0];
}

const isOfMinor = (version: string, minor: string): boolean => version.startsWith(`${minor}.`);

const byPatch = (a: string, b: string): number => Number(b.split(".")[2]) - Number(a.split(".")[2]);

/** Undefined where the user names none. @throws Refusal for one that is not of the job's version */
function named(minor: string, flag: string | undefined, env: Env): string | undefined {
  const home = flag ?? env["FLINK_HOME"];
  if (home === undefined || home === "") return undefined;
  const what = flag === undefined ? "FLINK_HOME" : "--flink-home";
  const found = versionIn(home);
  if (found !== undefined && isOfMinor(found, minor)) return resolve(home);
  // A variable may be there for something else; a flag is meant.
  if (flag === undefined && found !== undefined) return undefined;
  const problem = found === undefined ? `there is no Flink in ${home}` : `${home} is Flink ${found}`;
  throw new Refusal(
    "act",
    `${what}: ${problem}, and the job file wants ${minor} (spec.flinkVersion)`,
    `Name a folder of Flink ${minor}, or leave ${what} out: then Sluice fetches it.`,
  );
}

function cached(minor: string, env: Env): string | undefined {
  const folder = join(cacheFolder(env), "flink");
  if (!existsSync(folder)) return undefined;
  const [newest] = readdirSync(folder)
    .filter((name) => /^\d+\.\d+\.\d+$/.test(name) && isOfMinor(name, minor))
    .toSorted(byPatch);
  return newest === undefined ? undefined : join(folder, newest);
}

interface Release {
  readonly version: string;
  readonly files: readonly IndexFile[];
}

function versionOf({ name }: IndexFile): string {
  return /^apache[_-]flink(?:[_-]libraries)?-(\d+\.\d+\.\d+)(?:-.*\.whl|\.tar\.gz)$/.exec(name)?.[1] ?? "";
}

function smallest(files: readonly IndexFile[]): IndexFile | undefined {
  return files.toSorted((a, b) => (a.size ?? 0) - (b.size ?? 0))[0];
}

/** The newest release of a minor version that both packages have. Any platform's wheel holds the same scripts. */
export function chooseRelease(
  minor: string,
  scripts: readonly IndexFile[],
  libraries: readonly IndexFile[],
): Release | undefined {
  const versions = [...new Set(libraries.map(versionOf))].filter((version) => isOfMinor(version, minor));
  for (const version of versions.toSorted(byPatch)) {
    const script = smallest(scripts.filter((one) => versionOf(one) === version && one.name.endsWith(".whl")));
    const library = smallest(libraries.filter((one) => versionOf(one) === version));
    if (script !== undefined && library !== undefined) return { version, files: [script, library] };
  }
  return undefined;
}

async function unpack(archive: string, to: string): Promise<void> {
  if (archive.endsWith(".whl")) {
    return unzip(archive, (name) => {
      const [, part = "", path = ""] = /^pyflink\/([^/]+)\/(.+)$/.exec(name) ?? [];
      const isPart = PARTS.includes(part) && !path.endsWith(".py");
      return isPart && !normalize(path).startsWith("..") ? join(to, part, path) : undefined;
    });
  }
  // Up to Flink 1.20 the jars come as a source archive.
  const parts = PARTS.filter((part) => part !== "conf").map((part) => `*/deps/${part}`);
  const flags = ["--strip-components=2", "--no-same-owner", "--wildcards"];
  await run("tar", ["-xzf", archive, "-C", to, ...flags, ...parts], { timeout: UNPACK_MS });
}

async function fetchInto(to: string, index: PythonIndex, { version, files }: Release, err: Shell["stderr"]) {
  const progress = new Progress(err, `Flink ${version}`);
  const total = files.every(({ size }) => size !== undefined)
    ? files.reduce((sum, { size = 0 }) => sum + size, 0)
    : undefined;
  let before = 0;
  for (const file of files) {
    const archive = join(to, file.name);
    let bytes = 0;
    await index.download(file, archive, (count) => progress.update(before + (bytes = count), total));
    before += bytes;
    await unpack(archive, to);
    rmSync(archive);
  }
  for (const name of readdirSync(join(to, "bin"))) chmodSync(join(to, "bin", name), 0o755);
  if (versionIn(to) !== version) throw new Error(`the packages of Flink ${version} lack lib/flink-dist`);
  progress.end("fetched");
}

function unreachable(minor: string, index: PythonIndex, error: unknown): Refusal {
  const why = error instanceof Error && error.message !== "" ? error.message : errorCode(error);
  return new Refusal("act", `Flink ${minor} cannot be fetched from ${index.url}: ${why}`, REMEDY);
}

async function fetchRelease(minor: string, env: Env, err: Shell["stderr"]): Promise<string> {
  const folder = join(cacheFolder(env), "flink");
  const index = new PythonIndex(pipSettings(env));
  const partial = join(folder, `.partial-${minor}`);
  try {
    const [scripts, libraries] = await Promise.all([
      index.list("apache-flink"),
      index.list("apache-flink-libraries"),
    ]);
    const release = chooseRelease(minor, scripts, libraries);
    if (release === undefined) throw new Error(`it has no release of Flink ${minor}`);
    // What a killed process left; the lock says that nobody else is at it.
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    await fetchInto(partial, index, release, err);
    const home = join(folder, release.version);
    renameSync(partial, home);
    return home;
  } catch (error) {
    throw unreachable(minor, index, error);
  } finally {
    await index.close();
  }
}

/** FLINK_HOME for a minor version, `2.3`. @throws Refusal */
export async function findDistribution(
  minor: string,
  flag: string | undefined,
  { env, stderr }: Shell,
): Promise<string> {
  const found = named(minor, flag, env) ?? cached(minor, env);
  if (found !== undefined) return found;
  const lock = new KernelLock(join(cacheFolder(env), "flink", minor), "fetch", "sluice");
  const holder = await lock.acquire(FETCH_MS, () => true);
  if (holder !== undefined) throw new Refusal("locked", `process ${holder.pid} still fetches Flink ${minor}`);
  try {
    return cached(minor, env) ?? (await fetchRelease(minor, env, stderr));
  } finally {
    await lock.release();
  }
}
