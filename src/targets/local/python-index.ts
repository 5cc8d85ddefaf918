/**
 * The Python package index that pip would use on this machine: PyPI, or the mirror that `PIP_INDEX_URL` or pip's
 * configuration names. Credentials in its URL go to that server, and into no message.
 */
import { createHash } from "node:crypto";
import { createWriteStream, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Dispatcher, EnvHttpProxyAgent, interceptors, request } from "undici";

type Env = Readonly<Record<string, string | undefined>>;

export interface IndexFile {
  readonly name: string;
  readonly url: string;
  readonly sha256: string;
  /** Bytes, where the index says so. */
  readonly size: number | undefined;
}

export interface PipSettings {
  readonly indexUrl: string;
  /** A file with certificates. */
  readonly cert: string | undefined;
}

const PYPI = "https://pypi.org/simple";
const LISTING_MS = 30_000;
/** Milliseconds without a byte. */
const IDLE_MS = 60_000;

/** Values of `[global]` and `[install]`, later ones first. */
function readPipFile(path: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return {};
  }
  const found: Record<string, string> = {};
  let section = "";
  for (const line of text.split("\n")) {
    section = /^\s*\[(.+)\]\s*$/.exec(line)?.[1]?.trim() ?? section;
    const { key, value } = /^(?<key>[\w-]+)\s*[=:]\s*(?<value>\S.*?)\s*$/.exec(line)?.groups ?? {};
    const counts = section === "install" || section === "download" || section === "global";
    if (key !== undefined && value !== undefined && counts) found[key.replaceAll("_", "-")] = value;
  }
  return found;
}

export function pipSettings(env: Env): PipSettings {
  const home = env["HOME"] ?? homedir();
  const config = env["XDG_CONFIG_HOME"] ?? join(home, ".config");
  const own = env["PIP_CONFIG_FILE"];
  const files = [
    "/etc/pip.conf",
    join(home, ".pip", "pip.conf"),
    join(config, "pip", "pip.conf"),
    ...(env["VIRTUAL_ENV"] === undefined ? [] : [join(env["VIRTUAL_ENV"], "pip.conf")]),
    ...(own === undefined ? [] : [own]),
  ];
  const settings: Record<string, string> = Object.assign({}, ...files.map(readPipFile)) as Record<
    string,
    string
  >;
  return {
    indexUrl: (env["PIP_INDEX_URL"] ?? settings["index-url"] ?? PYPI).replace(/\/+$/, ""),
    cert: env["PIP_CERT"] ?? settings["cert"],
  };
}

/** Without user and password. */
export function withoutCredentials(url: string): string {
  const parsed = new URL(url);
  parsed.username = "";
  parsed.password = "";
  return parsed.toString().replace(/\/$/, "");
}

function authorization(url: string): Record<string, string> {
  const { username, password } = new URL(url);
  if (username === "" && password === "") return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}

interface JsonListing {
  readonly files: readonly {
    readonly filename: string;
    readonly url: string;
    readonly hashes: { readonly sha256?: string };
    readonly size?: number;
    readonly yanked?: boolean | string;
  }[];
}

function parseJson(text: string, base: string): IndexFile[] {
  return (JSON.parse(text) as JsonListing).files.flatMap(({ filename, url, hashes, size, yanked = false }) =>
    hashes.sha256 === undefined || yanked !== false
      ? []
      : [{ name: filename, url: new URL(url, base).toString(), sha256: hashes.sha256, size }],
  );
}

function parseHtml(text: string, base: string): IndexFile[] {
  return [...text.matchAll(/<a\s[^>]*href="([^"]+)"[^>]*>/gi)].flatMap(([tag, href = ""]) => {
    const url = new URL(href.replaceAll("&amp;", "&"), base);
    const sha256 = /^#sha256=([0-9a-f]{64})$/.exec(url.hash)?.[1];
    if (sha256 === undefined || tag.includes("data-yanked")) return [];
    url.hash = "";
    const name = decodeURIComponent(url.pathname.split("/").at(-1) ?? "");
    return [{ name, url: url.toString(), sha256, size: undefined }];
  });
}

/** The files of a package, as the index lists them in either of its two forms. */
export function parseListing(text: string, contentType: string, base: string): IndexFile[] {
  return contentType.includes("json") ? parseJson(text, base) : parseHtml(text, base);
}

export class PythonIndex {
  readonly #settings: PipSettings;
  readonly #agent: Dispatcher;

  constructor(settings: PipSettings) {
    this.#settings = settings;
    const ca = settings.cert === undefined ? undefined : readFileSync(settings.cert);
    const agent = new EnvHttpProxyAgent({
      bodyTimeout: IDLE_MS,
      headersTimeout: IDLE_MS,
      ...(ca === undefined ? {} : { connect: { ca }, requestTls: { ca } }),
    });
    this.#agent = agent.compose(interceptors.redirect({ maxRedirections: 5 }));
  }

  /** For people. */
  get url(): string {
    return withoutCredentials(this.#settings.indexUrl);
  }

  /** The index's user and password are for its own server only. */
  #headers(url: string): Record<string, string> {
    const isOwn = new URL(url).origin === new URL(this.#settings.indexUrl).origin;
    return isOwn ? authorization(this.#settings.indexUrl) : {};
  }

  async list(name: string): Promise<IndexFile[]> {
    const base = `${this.url}/${name}/`;
    const { statusCode, headers, body } = await request(base, {
      dispatcher: this.#agent,
      signal: AbortSignal.timeout(LISTING_MS),
      headers: {
        ...this.#headers(base),
        accept:
          "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1",
      },
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${base} answers ${statusCode}`);
    return parseListing(text, String(headers["content-type"] ?? ""), base);
  }

  /** To a file, checked against the hash that the index gives. `progress`: bytes so far. */
  async download(file: IndexFile, path: string, progress: (bytes: number) => void): Promise<void> {
    const url = withoutCredentials(file.url);
    const { statusCode, body } = await request(url, { dispatcher: this.#agent, headers: this.#headers(url) });
    if (statusCode !== 200) {
      await body.dump();
      throw new Error(`${url} answers ${statusCode}`);
    }
    const hash = createHash("sha256");
    let bytes = 0;
    const meter = new Transform({
      transform(chunk: Buffer, _, done) {
        hash.update(chunk);
        progress((bytes += chunk.length));
        done(null, chunk);
      },
    });
    await pipeline(body, meter, createWriteStream(path));
    const found = hash.digest("hex");
    if (found !== file.sha256)
      throw new Error(`${file.name} is damaged: its SHA-256 is ${found}, not ${file.sha256}`);
  }

  close(): Promise<void> {
    return this.#agent.close();
  }
}
