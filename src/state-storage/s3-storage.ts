/** State in S3 buckets, or in what speaks S3: ListObjectsV2 and GET, signed (signature version 4), over undici. */
import type { Readable } from "node:stream";
import { AwsV4Signer } from "aws4fetch";
import { type Dispatcher, request } from "undici";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { parseLocation } from "../flink/state-location.ts";
import { type Environment, type S3Access, s3Access } from "./s3-access.ts";
import { failureOf, parseError, parseListPage, type S3Error } from "./s3-answers.ts";
import {
  done,
  errorCode,
  fail,
  type ObjectStart,
  type OpenObject,
  type Storage,
  type StorageAnswer,
} from "./storage.ts";

/** Milliseconds for one call; for the body of `getObject`, between two chunks. */
const CALL_MS = 10_000;
/** Answers that are read whole: a list's page, an error. A page of 1,000 long keys has 2 MB. */
const MAX_TEXT_BYTES = 8 * 1024 * 1024;

interface Target {
  readonly bucket: string;
  readonly key: string;
  readonly access: S3Access;
}

interface Wanted {
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Reads the answers that it knows; undefined: an error of S3's. */
type Reader<T> = (answer: Dispatcher.ResponseData) => Promise<StorageAnswer<T> | undefined>;

/** Slashes stay, everything else that is no letter or digit is encoded: a signature is over the encoded text. */
function encodeKey(key: string): string {
  return key.split("/").map(encodeURIComponent).join("/");
}

async function readText(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Leaving the loop destroys the connection, so nothing more is read.
    if (size > MAX_TEXT_BYTES) throw new Error("TOO_LARGE");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function readBytes(body: Readable, length: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    // More than was asked for: a server that knows no ranges.
    if (size > length) break;
  }
  return Buffer.concat(chunks).subarray(0, length);
}

function header(answer: Dispatcher.ResponseData, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function sizeOf(answer: Dispatcher.ResponseData): number | undefined {
  const total = /\/(?<total>\d+)$/.exec(header(answer, "content-range") ?? "")?.groups?.["total"];
  const size = Number(total ?? header(answer, "content-length"));
  return Number.isFinite(size) ? size : undefined;
}

export interface S3StorageOptions {
  /** Flink's, with its `s3.*` options. */
  readonly configuration: FlinkConfiguration;
  readonly env: Environment;
  readonly dispatcher: Dispatcher;
  /** Ends everything, beside each call's own deadline. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. Default 10 s. */
  readonly callMs?: number;
}

export class S3Storage implements Storage {
  readonly #options: S3StorageOptions;
  readonly #callMs: number;

  constructor(options: S3StorageOptions) {
    this.#options = options;
    this.#callMs = options.callMs ?? CALL_MS;
  }

  async list(uri: string, prefix: string): Promise<StorageAnswer<readonly string[]>> {
    const target = this.#target(uri);
    if (!target.ok) return target;
    const { key } = target.value;
    const folder = key === "" ? "" : `${key}/`;
    const names: string[] = [];
    for (let token: string | undefined; ;) {
      const query = {
        "list-type": "2",
        delimiter: "/",
        "encoding-type": "url",
        prefix: folder + prefix,
        ...(token === undefined ? {} : { "continuation-token": token }),
      };
      const page = await this.#get({ ...target.value, key: "" }, { query }, async (answer) =>
        answer.statusCode === 200 ? parseListPage(await readText(answer.body)) : undefined,
      );
      if (!page.ok) return page;
      if (page.value === undefined) return fail("refused", `${uri} cannot be listed`);
      names.push(...page.value.keys.map((one) => one.slice(folder.length).replace(/\/$/, "")));
      if (page.value.next === undefined) return done(names.filter((name) => name !== ""));
      token = page.value.next;
    }
  }

  async readStart(uri: string, length: number): Promise<StorageAnswer<ObjectStart | undefined>> {
    const target = this.#target(uri);
    if (!target.ok) return target;
    return this.#get(target.value, { headers: { range: `bytes=0-${length - 1}` } }, async (answer) => {
      const modified = Date.parse(header(answer, "last-modified") ?? "") || 0;
      if (answer.statusCode === 200 || answer.statusCode === 206) {
        const size = sizeOf(answer);
        const bytes = await readBytes(answer.body, length);
        return done({ bytes, size: size ?? bytes.length, modified });
      }
      if (answer.statusCode !== 416) return undefined;
      // An empty object has no first byte.
      await answer.body.dump();
      return done({ bytes: new Uint8Array(), size: 0, modified });
    });
  }

  async getObject(uri: string): Promise<StorageAnswer<OpenObject | undefined>> {
    const target = this.#target(uri);
    if (!target.ok) return target;
    return this.#get(target.value, {}, async (answer) =>
      answer.statusCode === 200 ? done({ size: sizeOf(answer), body: answer.body }) : undefined,
    );
  }

  #target(uri: string): StorageAnswer<Target> {
    const location = parseLocation(uri);
    if (location.kind !== "s3") return fail("unsupported", `${uri} is not in a bucket`);
    const { bucket, key } = location;
    const access = s3Access(bucket, this.#options.configuration, this.#options.env);
    return access.ok ? done({ bucket, key, access: access.value }) : access;
  }

  /** One GET, and another where S3 says that the bucket is in another region. Undefined: there is no such object. */
  async #get<T>(
    target: Target,
    wanted: Wanted,
    read: Reader<T>,
    region: string = target.access.region,
  ): Promise<StorageAnswer<T | undefined>> {
    const { bucket, access } = target;
    const found = await this.#once(target, wanted, read, region);
    if (!("status" in found)) return found;
    const elsewhere = isMisdirected(found) ? found.region : undefined;
    if (elsewhere !== undefined && elsewhere !== region && region === access.region) {
      return this.#get(target, wanted, read, elsewhere);
    }
    return found.code === "NoSuchKey" ? done(undefined) : failureOf(found, bucket);
  }

  async #once<T>(
    target: Target,
    wanted: Wanted,
    read: Reader<T>,
    region: string,
  ): Promise<StorageAnswer<T> | S3Error> {
    // Until `read` is through; the body of an object that is streamed has undici's own clock between two chunks.
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), this.#callMs);
    try {
      const answer = await this.#send(target, wanted, region, deadline.signal);
      const known = await read(answer);
      if (known !== undefined) return known;
      const body = await readText(answer.body);
      return parseError(answer.statusCode, body, header(answer, "x-amz-bucket-region"));
    } catch (error) {
      const { host } = new URL(target.access.url(region));
      return fail("unreachable", `${host} for bucket ${target.bucket}: ${this.#why(error)}`);
    } finally {
      clearTimeout(timer);
    }
  }

  #why(error: unknown): string {
    const code = errorCode(error);
    const late =
      ["AbortError", "TimeoutError", "UND_ERR_ABORTED"].includes(code) || code.endsWith("_TIMEOUT");
    return late ? `no answer within ${this.#callMs / 1000} s` : code;
  }

  async #send(
    { key, access }: Target,
    { query = {}, headers = {} }: Wanted,
    region: string,
    deadline: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const search = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    const url = `${access.url(region)}/${encodeKey(key)}${search.length === 0 ? "" : `?${search.join("&")}`}`;
    const { accessKeyId, secretAccessKey, sessionToken } = access;
    const token = sessionToken === undefined ? {} : { sessionToken };
    const signer = new AwsV4Signer({
      url,
      headers: { ...headers },
      accessKeyId,
      secretAccessKey,
      ...token,
      service: "s3",
      region,
    });
    const signed = await signer.sign();
    const { signal, dispatcher } = this.#options;
    return request(signed.url, {
      method: "GET",
      headers: Object.fromEntries(signed.headers),
      dispatcher,
      signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
      headersTimeout: this.#callMs,
      bodyTimeout: this.#callMs,
    });
  }
}

/** The bucket is in another region than the request was signed for. */
function isMisdirected({ status, code }: S3Error): boolean {
  return status === 301 || status === 307 || code === "AuthorizationHeaderMalformed";
}
