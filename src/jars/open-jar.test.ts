import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { type FetchS3, type JarSources, openJar } from "./open-jar.ts";

const ALL = {
  "kubernetes.operator.user.artifacts.allowed-schemes": "https;http;s3;file;local;hdfs",
  "kubernetes.operator.user.artifacts.disallow-restricted-hosts": "false",
};
const CHECKED = { ...ALL, "kubernetes.operator.user.artifacts.disallow-restricted-hosts": "true" };
const HEADER = {
  "kubernetes.operator.user.artifacts.http.header": "Authorization:Bearer abc,X-Team:streams",
};

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let other: Server;
let folder: string;
const requests: { host: string | undefined; path: string; authorization: string | undefined }[] = [];
const pages: Record<string, Handler> = {
  "/job.jar": (_, response) => void response.end("PK jar"),
  "/large.jar": (_, response) => {
    response.writeHead(200, { "content-length": String(5 * 1024 ** 3) });
    response.write("PK");
  },
  "/endless.jar": (_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(64 * 1024)));
      if (!response.destroyed) response.once("drain", more);
    };
    more();
  },
  "/silent.jar": () => {},
  "/stalling.jar": (_, response) => void response.write("PK"),
  "/broken.jar": (_, response) => {
    response.writeHead(200, { "content-length": "1000" });
    response.write("PK", () => response.destroy());
  },
  "/loop.jar": (_, response) => void response.writeHead(302, { location: "/loop.jar" }).end(),
  "/nowhere.jar": (_, response) => void response.writeHead(302).end(),
};

const portOf = (listening: Server): number => (listening.address() as AddressInfo).port;

async function serve(address: string): Promise<Server> {
  const found = createServer((request, response) => {
    const path = request.url ?? "";
    const { host, authorization } = request.headers;
    requests.push({ host, path, authorization });
    const to = /^\/to\/(.*)$/.exec(path)?.[1];
    if (to !== undefined) response.writeHead(307, { location: decodeURIComponent(to) }).end("elsewhere");
    else (pages[path] ?? ((_, missing) => void missing.writeHead(404).end()))(request, response);
  });
  await new Promise<void>((resolve) => found.listen(0, address, resolve));
  return found;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-jars-"));
  writeFileSync(join(folder, "a job.jar"), "PK file");
  server = await serve("127.0.0.1");
  other = await serve("127.0.0.2");
});
afterAll(() => {
  for (const one of [server, other]) {
    one.closeAllConnections();
    one.close();
  }
  rmSync(folder, { recursive: true });
});

const at = (path: string, host = "127.0.0.1"): string => `http://${host}:${portOf(server)}${path}`;
const elsewhere = (path: string): string => `http://127.0.0.2:${portOf(other)}${path}`;

const fetchS3: FetchS3 = () => Promise.reject(new Error("nothing comes from S3"));

interface Given {
  readonly operator?: FlinkConfiguration;
  readonly configuration?: FlinkConfiguration;
  readonly sources?: Partial<JarSources>;
  readonly signal?: AbortSignal;
}

async function read(uri: string, given: Given = {}): Promise<string> {
  const { operator = ALL, configuration = {}, sources, signal = AbortSignal.timeout(10_000) } = given;
  const jar = await openJar({ uri, operator, configuration, signal }, { fetchS3, ...sources });
  return (await buffer(jar)).toString("utf8");
}

/** Of this test's two servers, one is public and the other is not. */
const isRestricted = (address: string): boolean => address !== "127.0.0.1";

describe("a jar comes", () => {
  it("over HTTP, with the headers that were asked for", async () => {
    expect(await read(at("/job.jar"), { configuration: HEADER })).toBe("PK jar");
    expect(requests.at(-1)).toMatchObject({ path: "/job.jar", authorization: "Bearer abc" });
  });

  it("by redirects, and the headers go to the first server only", async () => {
    const path = `/to/${encodeURIComponent(elsewhere("/job.jar"))}`;
    expect(await read(at(path), { configuration: HEADER })).toBe("PK jar");
    expect(requests.slice(-2).map(({ authorization }) => authorization)).toEqual(["Bearer abc", undefined]);
  });

  it.each(["file", "local"])("from the operator's disk (%s)", async (scheme) => {
    expect(await read(`${scheme}://${folder}/a%20job.jar`)).toBe("PK file");
  });

  it("from S3, by whoever can fetch from there, with the operator's settings", async () => {
    const fetched = vi.fn(() => Promise.resolve(Readable.from([Buffer.from("PK s3")])));
    const own = { ...ALL, "s3.endpoint": "http://minio" };
    const configuration = { "s3.endpoint": "http://somewhere-else" };
    const request = { operator: own, configuration, sources: { fetchS3: fetched } };
    expect(await read("s3://bucket/job.jar", request)).toBe("PK s3");
    expect(fetched).toHaveBeenCalledWith("s3://bucket/job.jar", own, expect.any(AbortSignal));
  });

  it("by name, resolved once: what was checked is what is connected to", async () => {
    const lookup = vi.fn<LookupFunction>((_, options, found) =>
      options.all === true ? found(null, [{ address: "127.0.0.1", family: 4 }]) : found(null, "127.0.0.1", 4),
    );
    const http = { lookup, isRestricted };
    expect(await read(at("/job.jar", "jars.example"), { operator: CHECKED, sources: { http } })).toBe(
      "PK jar",
    );
    expect(lookup).toHaveBeenCalledTimes(1);
    expect(requests.at(-1)?.host).toContain("jars.example");
  });
});

describe("a jar is refused", () => {
  const resolvesTo =
    (...addresses: string[]): LookupFunction =>
    (_, __, found) =>
      found(
        null,
        addresses.map((address) => ({ address, family: 4 })),
      );

  it.each<[string, () => string, Given, RegExp]>([
    [
      "by its scheme",
      () => "http://example.com/x.jar",
      { operator: {} },
      /scheme http is not allowed; allowed are https/,
    ],
    ["without a scheme", () => "/x.jar", {}, /no scheme/],
    ["of a scheme that nobody can fetch", () => "hdfs://name/x.jar", {}, /scheme hdfs is not supported/],
    [
      "at an address of this machine",
      () => at("/job.jar"),
      { operator: CHECKED },
      /127\.0\.0\.1 is an address of this machine/,
    ],
    [
      "at a name of this machine",
      () => at("/job.jar", "localhost"),
      { operator: CHECKED },
      /localhost resolves to .* an address of this machine/,
    ],
    [
      "when one of several addresses is private",
      () => at("/job.jar", "jars.example"),
      { operator: CHECKED, sources: { http: { lookup: resolvesTo("93.184.216.34", "10.0.0.1") } } },
      /jars\.example resolves to 10\.0\.0\.1/,
    ],
    [
      "after a redirect to a private address",
      () => at(`/to/${encodeURIComponent(elsewhere("/job.jar"))}`),
      { operator: CHECKED, sources: { http: { isRestricted } } },
      /127\.0\.0\.2 is an address of this machine/,
    ],
    [
      "after a redirect to another scheme",
      () => at(`/to/${encodeURIComponent("file:///etc/passwd")}`),
      {},
      /scheme file is not allowed/,
    ],
    ["that redirects in a circle", () => at("/loop.jar"), {}, /redirects more than 5 times/],
    ["that redirects to nowhere", () => at("/nowhere.jar"), {}, /redirects to nowhere/],
    [
      "that is not there",
      () => at("/missing.jar?token=abc"),
      {},
      /^http:\/\/127\.0\.0\.1:\d+\/missing\.jar: HTTP 404$/,
    ],
    ["whose server is not there", () => "http://127.0.0.3:1/x.jar", {}, /ECONNREFUSED/],
    ["whose server has no name", () => "http://nobody.invalid/x.jar", {}, /ENOTFOUND|EAI_AGAIN/],
    ["that says it is too large", () => at("/large.jar"), {}, /large\.jar is larger than 1024 MiB/],
    [
      "that turns out to be too large",
      () => at("/endless.jar"),
      { sources: { limit: 1024 ** 2 } },
      /endless\.jar is larger than 1 MiB/,
    ],
    [
      "that breaks off",
      () => at("/broken.jar"),
      {},
      /other side closed|terminated|aborted|ECONNRESET|Premature close/,
    ],
    ["on the disk, that is a folder", () => `file://${folder}`, {}, /is no file/],
    [
      "on the disk, that is not there",
      () => `file://${folder}/x.jar`,
      {},
      /x\.jar on the operator's disk: ENOENT/,
    ],
    ["on another's disk", () => "file://host/x.jar", {}, /names no file of the operator's own disk/],
    ["on no disk at all", () => "local:x.jar", {}, /names no file of the operator's own disk/],
  ])("%s", async (_, uri, given, message) => {
    await expect(read(uri(), given)).rejects.toThrow(message);
  });

  it.each(["/silent.jar", "/stalling.jar", "/endless.jar"])("when it takes too long (%s)", async (path) => {
    await expect(read(at(path), { signal: AbortSignal.timeout(200) })).rejects.toThrow(/in time|timeout/);
  });

  it("when S3 takes too long, and what comes after all is let go of", async () => {
    const late = Readable.from([Buffer.from("PK")]);
    const fetchS3 = () => new Promise<Readable>((resolve) => setTimeout(() => resolve(late), 100));
    const signal = AbortSignal.timeout(20);
    await expect(read("s3://b/x.jar", { sources: { fetchS3 }, signal })).rejects.toThrow(/in time/);
    await vi.waitFor(() => expect(late.destroyed).toBe(true));
  });

  it("without a word about credentials", async () => {
    const uri = `http://user:secret@127.0.0.1:${portOf(server)}/missing.jar?signature=secret`;
    await expect(read(uri)).rejects.toThrow(/^(?!.*secret)/);
  });
});

it("a jar that nobody reads on holds no connection", async () => {
  const before = requests.length;
  const signal = AbortSignal.timeout(10_000);
  const uri = at("/endless.jar");
  const jar = await openJar({ uri, operator: ALL, configuration: {}, signal }, { fetchS3 });
  expect(requests.length).toBe(before + 1);
  const connections = () =>
    new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
  expect(await connections()).toBeGreaterThan(0);
  jar.destroy();
  await vi.waitFor(async () => expect(await connections()).toBe(0), 5000);
});
