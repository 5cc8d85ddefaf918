/**
 * A remote jar as a file, for a pod in which Flink is to start: over HTTP, or from S3, with the credentials of the jar's
 * Secret, else with those that Flink's own configuration has for the same purpose. What comes is checked before it gets
 * its name, so a file of that name is whole.
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type FlinkConfiguration, getMap } from "../flink/configuration.ts";
import { FETCHED_SCHEMES } from "../flink/jar-fetch.ts";
import { parseLocation, s3Options, s3Settings } from "../flink/state-location.ts";
import { ALLOWED_SCHEMES, DISALLOW_RESTRICTED_HOSTS, HTTP_HEADER } from "../flink/user-artifacts.ts";
import { readConfigurationFile } from "../resources/flink-configuration-file.ts";
import { StateStorages } from "../state-storage/state-storage.ts";
import { JarError, withoutSecrets } from "./jar-error.ts";
import { openJar } from "./open-jar.ts";
import { jarsFrom } from "./s3-jar.ts";

export interface JarFetchRequest {
  readonly uri: string;
  /** The file to be. */
  readonly to: string;
  /** Hexadecimal digits. */
  readonly sha256: string | undefined;
  /** Flink's. */
  readonly configuration: FlinkConfiguration;
  /** The entries of the jar's Secret: AWS_ACCESS_KEY_ID and its like, username and password, authorization. */
  readonly credentials: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** Flink's configuration in a folder, from whichever of its two files is there; empty without. */
export async function readFlinkConfiguration(folder: string): Promise<FlinkConfiguration> {
  for (const name of ["config.yaml", "flink-conf.yaml"]) {
    const text = await readFile(join(folder, name), "utf8").catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    });
    if (text !== undefined) return readConfigurationFile(text, name);
  }
  return {};
}

/** Flink's own option for its downloads, and over it the jar's Secret. */
function headers({ configuration, credentials }: JarFetchRequest): Record<string, string> {
  const found = getMap(configuration, { key: "user.artifacts.http-headers" });
  const known = found === undefined || found === "malformed" ? {} : found;
  const { authorization, username, password } = credentials;
  const basic = `Basic ${Buffer.from(`${username ?? ""}:${password ?? ""}`).toString("base64")}`;
  const own = authorization ?? (username === undefined ? undefined : basic);
  if (own === undefined) return { ...known };
  const others = Object.entries(known).filter(([name]) => name.toLowerCase() !== "authorization");
  return { ...Object.fromEntries(others), Authorization: own.trim() };
}

/** With keys in the jar's Secret, all about the bucket comes from there; the job's own state may be elsewhere. */
function s3Access({ uri, configuration, credentials }: JarFetchRequest): FlinkConfiguration {
  if (credentials["AWS_ACCESS_KEY_ID"] !== undefined) return {};
  const location = parseLocation(uri);
  const { accessKey, secretKey } = location.kind === "s3" ? s3Settings(configuration, location.bucket) : {};
  if (location.kind === "s3" && (accessKey === undefined || secretKey === undefined)) {
    throw new JarError(
      `${withoutSecrets(uri)}: no S3 credentials: name a Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in ` +
        "sluice.jar.secret, or give s3.access-key and s3.secret-key to Flink",
    );
  }
  return s3Options(configuration);
}

/** The job's own pod fetches it: where it may go, its network says. */
const EVERYWHERE = {
  [ALLOWED_SCHEMES.key]: FETCHED_SCHEMES.join(";"),
  [DISALLOW_RESTRICTED_HOSTS.key]: "false",
};

async function download(request: JarFetchRequest, file: string): Promise<void> {
  const { uri, credentials, signal } = request;
  const storages = new StateStorages({ env: credentials });
  const sent = Object.entries(headers(request)).map(([name, value]) => [`${HTTP_HEADER.key}.${name}`, value]);
  try {
    const jar = await openJar(
      {
        uri,
        operator: { ...s3Access(request), ...EVERYWHERE },
        configuration: Object.fromEntries(sent) as FlinkConfiguration,
        signal,
      },
      { fetchS3: jarsFrom(storages) },
    );
    await pipeline(jar, createWriteStream(file), { signal });
  } finally {
    await storages.close();
  }
}

async function digest(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

/** Answers the file's SHA-256. @throws JarError */
export async function fetchJar(request: JarFetchRequest): Promise<string> {
  const { uri, to, sha256, signal } = request;
  const what = withoutSecrets(uri);
  const part = `${to}.part`;
  try {
    await download(request, part);
    const found = await digest(part);
    if (sha256 !== undefined && sha256.trim().toLowerCase() !== found) {
      throw new JarError(`${what} is another file than sluice.jar.sha256 says: its SHA-256 is ${found}`);
    }
    await rename(part, to);
    return found;
  } catch (error) {
    await rm(part, { force: true });
    if (error instanceof JarError) throw error;
    if (signal.aborted) throw new JarError(`${what}: not there in time`, error);
    throw new JarError(`${what}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, error);
  }
}
