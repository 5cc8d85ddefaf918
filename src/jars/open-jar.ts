/**
 * A session job's jar as a stream, from where its URI says: bounded in size and in time, and only from where the
 * operator's configuration allows.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline, type Readable, Transform } from "node:stream";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import {
  ALLOWED_SCHEMES,
  allowedSchemes,
  areRestrictedHostsAllowed,
  artifactHeaders,
  schemeOf,
} from "../flink/user-artifacts.ts";
import { type HttpJarOptions, openHttpJar } from "./http-jar.ts";
import { JarError, withoutSecrets } from "./jar-error.ts";

/** `operator`: the operator's own configuration. `signal` ends the download. @throws JarError */
export type FetchS3 = (uri: string, operator: FlinkConfiguration, signal: AbortSignal) => Promise<Readable>;

export interface JarRequest {
  readonly uri: string;
  /** The operator's own: what is allowed, and S3. */
  readonly operator: FlinkConfiguration;
  /** The job's effective one: headers. */
  readonly configuration: FlinkConfiguration;
  /** Ends the download, also while it is being read. */
  readonly signal: AbortSignal;
}

export interface JarSources {
  readonly fetchS3: FetchS3;
  /** Bytes. Default 1 GiB. */
  readonly limit?: number;
  readonly http?: Pick<HttpJarOptions, "lookup" | "isRestricted">;
}

interface Source {
  readonly content: Readable;
  readonly length?: number | undefined;
  readonly release?: () => Promise<void>;
}

const GIB = 1024 ** 3;

async function openFile(uri: string, signal: AbortSignal): Promise<Source> {
  const url = URL.parse(uri);
  const path = url === null ? "" : decodeURIComponent(url.pathname);
  if (url === null || url.host !== "" || !path.startsWith("/")) {
    throw new JarError(
      `${withoutSecrets(uri)} names no file of the operator's own disk; for example local:///opt/jars/job.jar`,
    );
  }
  const found = await stat(path).catch((error: unknown) => {
    throw new JarError(`${path} on the operator's disk: ${(error as NodeJS.ErrnoException).code}`, error);
  });
  if (!found.isFile()) throw new JarError(`${path} on the operator's disk is no file`);
  return { content: createReadStream(path, { signal }), length: found.size };
}

/** A stream that comes too late is let go of. */
function inTime(coming: Promise<Readable>, signal: AbortSignal): Promise<Source> {
  return new Promise((resolve, reject) => {
    const late = () => reject(signal.reason as Error);
    signal.addEventListener("abort", late, { once: true });
    coming.then((content) => {
      signal.removeEventListener("abort", late);
      if (signal.aborted) content.on("error", () => {}).destroy();
      resolve({ content });
    }, reject);
  });
}

function open(request: JarRequest, sources: JarSources): Promise<Source> {
  const { uri, operator, configuration, signal } = request;
  const allowed = allowedSchemes(operator);
  const scheme = schemeOf(uri);
  if (scheme === undefined || !allowed.includes(scheme)) {
    const problem = scheme === undefined ? "the jar's URI has no scheme" : `scheme ${scheme} is not allowed`;
    const next = `${ALLOWED_SCHEMES.key} in the operator's configuration`;
    throw new JarError(`${problem}; allowed are ${allowed.join(", ")} (${next})`);
  }
  switch (scheme) {
    case "http":
    case "https":
      return openHttpJar(uri, {
        ...sources.http,
        headers: artifactHeaders(configuration),
        allowedSchemes: allowed,
        restrictedHostsAllowed: areRestrictedHostsAllowed(operator),
        signal,
      });
    case "file":
    case "local":
      return openFile(uri, signal);
    case "s3":
    case "s3a":
    case "s3p":
      return inTime(sources.fetchS3(uri, operator, signal), signal);
    default:
      throw new JarError(`scheme ${scheme} is not supported; supported are https, http, s3, file and local`);
  }
}

/** Counts what passes, and fails when it is too much. */
function bounded(limit: number, what: string): Transform {
  let size = 0;
  return new Transform({
    transform: (chunk: Buffer, _, done) => {
      size += chunk.length;
      if (size > limit) done(tooLarge(limit, what));
      else done(null, chunk);
    },
  });
}

function tooLarge(limit: number, what: string): JarError {
  return new JarError(`${what} is larger than ${Math.round(limit / (1024 * 1024))} MiB`);
}

/**
 * The caller reads it to its end or destroys it. It fails with a JarError, or with the reason of the signal.
 * @throws JarError when the jar is not to be had.
 */
export async function openJar(request: JarRequest, sources: JarSources): Promise<Readable> {
  const { limit = GIB } = sources;
  const what = withoutSecrets(request.uri);
  const { content, length = 0, release } = await opened(request, sources, what);
  if (length > limit) {
    content.on("error", () => {}).destroy();
    await release?.();
    throw tooLarge(limit, what);
  }
  const jar = bounded(limit, what);
  request.signal.addEventListener("abort", () => jar.destroy(request.signal.reason as Error), { once: true });
  pipeline(content, jar, () => void release?.());
  return jar;
}

async function opened(request: JarRequest, sources: JarSources, what: string): Promise<Source> {
  try {
    request.signal.throwIfAborted();
    return await open(request, sources);
  } catch (error) {
    if (error instanceof JarError) throw error;
    if (request.signal.aborted) throw new JarError(`${what}: not there in time`, error);
    const { code = "", cause, message } = error as NodeJS.ErrnoException;
    if (cause instanceof JarError) throw cause;
    throw new JarError(`${what}: ${code === "" ? message : code}`, error);
  }
}
