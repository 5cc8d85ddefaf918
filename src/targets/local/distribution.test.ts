/** Against an index of our own over HTTP, with wheels made here. */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { chooseRelease, findDistribution, versionIn } from "./distribution.ts";
import { parseListing, pipSettings } from "./python-index.ts";

/** A zip archive with deflated, stored and empty files. */
function zip(files: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [index, [name, text]] of Object.entries(files).entries()) {
    const plain = Buffer.from(text);
    const method = index % 2 === 0 && plain.length > 0 ? 8 : 0;
    const data = method === 8 ? deflateRawSync(plain) : plain;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(crc32(plain), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(plain.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from("PK\u0003\u0004"), common, Buffer.from(name), data]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(
      Buffer.concat([Buffer.from("PK\u0001\u0002"), Buffer.alloc(2), common, tail, Buffer.from(name)]),
    );
    parts.push(local);
    offset += local.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(directory.length, 6);
  end.writeUInt32LE(listing.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, listing, Buffer.from("PK\u0005\u0006"), end]);
}

const SCRIPTS = zip({
  "pyflink/bin/jobmanager.sh": "#!/bin/sh\n",
  "pyflink/bin/pyflink.py": "no",
  "pyflink/conf/config.yaml": "a: b\n",
  "pyflink/table/x.py": "no",
  "pyflink/lib/../../../evil": "no",
});
const LIBRARIES = zip({
  "pyflink/lib/flink-dist-2.3.1.jar": "jar".repeat(10_000),
  "pyflink/opt/empty.jar": "",
});
const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

let server: Server;
let asked: { path: string; authorization: string | undefined }[] = [];

interface IndexOptions {
  readonly html?: boolean;
  readonly damaged?: boolean;
}

/** Its URL, with credentials. */
async function index({ html = false, damaged = false }: IndexOptions = {}): Promise<string> {
  asked = [];
  const files: Record<string, Buffer> = {
    "apache_flink-2.3.1-cp311-cp311-manylinux1_x86_64.whl": SCRIPTS,
    "apache_flink_libraries-2.3.1-py2.py3-none-any.whl": LIBRARIES,
  };
  server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "");
    asked.push({ path, authorization: request.headers.authorization });
    const name = path.split("/").at(-1) ?? "";
    const bytes = files[name];
    if (bytes !== undefined)
      return void response.end(damaged ? Buffer.concat([bytes, Buffer.from("x")]) : bytes);
    const isLibraries = path === "/simple/apache-flink-libraries/";
    const wanted = Object.keys(files).filter((one) => one.includes("libraries") === isLibraries);
    if (html) {
      response.setHeader("content-type", "text/html");
      const links = wanted.map(
        (one) => `<a href="/files/${one}#sha256=${sha256(files[one] ?? SCRIPTS)}">${one}</a>`,
      );
      return void response.end(`<html>${links.join("\n")}</html>`);
    }
    response.setHeader("content-type", "application/vnd.pypi.simple.v1+json");
    const list = wanted.map((one) => ({
      filename: one,
      url: `/files/${one}`,
      size: files[one]?.length,
      hashes: { sha256: sha256(files[one] ?? SCRIPTS) },
    }));
    response.end(JSON.stringify({ files: list }));
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return `http://me:secret@127.0.0.1:${(server.address() as AddressInfo).port}/simple`;
}

afterEach(() => {
  server?.close();
});

function shell(extra: Readonly<Record<string, string>>) {
  const cache = mkdtempSync(join(tmpdir(), "sluice-cache-"));
  let said = "";
  const stderr = { write: (text: string) => (said += text) };
  return { cache, env: { HOME: cache, SLUICE_CACHE: cache, ...extra }, stderr, said: () => said };
}

function flink(version: string): string {
  const home = mkdtempSync(join(tmpdir(), "sluice-flink-"));
  mkdirSync(join(home, "lib"));
  writeFileSync(join(home, "lib", `flink-dist-${version}.jar`), "");
  return home;
}

test.each([{ html: false }, { html: true }])("is fetched once, whole and checked (%o)", async (options) => {
  const { cache, env, stderr, said } = shell({ PIP_INDEX_URL: await index(options) });
  const home = await findDistribution("2.3", undefined, { env, stderr });
  expect(home).toBe(join(cache, "flink", "2.3.1"));
  expect(versionIn(home)).toBe("2.3.1");
  expect(readFileSync(join(home, "lib", "flink-dist-2.3.1.jar"), "utf8")).toBe("jar".repeat(10_000));
  expect(readFileSync(join(home, "opt", "empty.jar"), "utf8")).toBe("");
  expect(readFileSync(join(home, "conf", "config.yaml"), "utf8")).toBe("a: b\n");
  expect(statSync(join(home, "bin", "jobmanager.sh")).mode & 0o111).toBe(0o111);
  expect(readdirSync(home).toSorted()).toEqual(["bin", "conf", "lib", "opt"]);
  expect(readdirSync(join(home, "bin"))).toEqual(["jobmanager.sh"]);
  expect(existsSync(join(cache, "evil"))).toBe(false);
  expect(readdirSync(join(cache, "flink"))).toEqual(["2.3.1"]);
  expect(said()).toBe("Flink 2.3.1: downloading\nFlink 2.3.1: fetched\n");
  const before = asked.length;
  expect(await findDistribution("2.3", undefined, { env, stderr })).toBe(home);
  expect(asked.length).toBe(before);
  expect(new Set(asked.map(({ authorization }) => authorization))).toEqual(new Set(["Basic bWU6c2VjcmV0"]));
});

test("a damaged download is refused, leaves nothing, and the index's password is in no message", async () => {
  const { cache, env, stderr } = shell({ PIP_INDEX_URL: await index({ damaged: true }) });
  const failed = await findDistribution("2.3", undefined, { env, stderr }).catch(
    (error: unknown) => error as Error,
  );
  expect(failed).toMatchObject({
    message: expect.stringMatching(
      /^Flink 2\.3 cannot be fetched from http:\/\/127\.0\.0\.1:\d+\/simple: .* is damaged/,
    ),
    next: expect.stringContaining("--flink-home"),
  });
  expect(String(failed)).not.toContain("secret");
  expect(readdirSync(join(cache, "flink"))).not.toContain("2.3.1");
});

test("a version that the index has not, and an index that is not there", async () => {
  const url = await index();
  const { env, stderr } = shell({ PIP_INDEX_URL: url });
  await expect(findDistribution("1.20", undefined, { env, stderr })).rejects.toThrow(
    "it has no release of Flink 1.20",
  );
  await new Promise((done) => server.close(done));
  await expect(findDistribution("2.3", undefined, { env, stderr })).rejects.toThrow(/ECONNREFUSED/);
});

test("the user's own is taken as it is, and refused when it is another version", async () => {
  const home = flink("2.3.0");
  const { env, stderr } = shell({ PIP_INDEX_URL: "http://127.0.0.1:1/simple" });
  expect(await findDistribution("2.3", home, { env, stderr })).toBe(home);
  expect(await findDistribution("2.3", undefined, { env: { ...env, FLINK_HOME: home }, stderr })).toBe(home);
  await expect(findDistribution("2.2", home, { env, stderr })).rejects.toThrow(
    `--flink-home: ${home} is Flink 2.3.0, and the job file wants 2.2 (spec.flinkVersion)`,
  );
  await expect(findDistribution("2.3", "/nowhere", { env, stderr })).rejects.toThrow(
    "there is no Flink in /nowhere",
  );
});

test("the newest patch that both packages have", () => {
  const file = (name: string, size?: number) => ({ name, url: "", sha256: "", size });
  const scripts = [
    file("apache_flink-2.3.0-cp39-cp39-manylinux1_x86_64.whl", 9),
    file("apache_flink-2.3.0-cp311-cp311-macosx_11_0_arm64.whl", 5),
    file("apache_flink-2.3.2.tar.gz"),
    file("apache_flink-2.3.10-cp39-cp39-manylinux1_x86_64.whl"),
  ];
  const libraries = ["2.3.0", "2.3.2", "2.3.9"].map((version) =>
    file(`apache_flink_libraries-${version}-py2.py3-none-any.whl`),
  );
  const chosen = chooseRelease("2.3", scripts, libraries);
  expect(chosen).toMatchObject({ version: "2.3.0", files: [{ size: 5 }, {}] });
  const older = [file("apache-flink-libraries-1.20.5.tar.gz")];
  expect(chooseRelease("1.20", [file("apache_flink-1.20.5-cp39-cp39-any.whl")], older)?.version).toBe(
    "1.20.5",
  );
  expect(chooseRelease("2.3", [], libraries)).toBeUndefined();
});

test("yanked files and files without a hash are none", () => {
  const html =
    '<a href="x/a-1.whl#sha256=' +
    "a".repeat(64) +
    '" data-yanked="bad">a</a><a href="b-1.whl">b</a>' +
    '<a href="../../c-1.whl#sha256=' +
    "c".repeat(64) +
    '">c</a>';
  expect(parseListing(html, "text/html", "http://h/simple/p/")).toEqual([
    { name: "c-1.whl", url: "http://h/c-1.whl", sha256: "c".repeat(64), size: undefined },
  ]);
});

test("the index is pip's: environment, then its files, then PyPI", () => {
  const home = mkdtempSync(join(tmpdir(), "sluice-pip-"));
  const own = join(home, "own.conf");
  expect(pipSettings({ HOME: home, PIP_CONFIG_FILE: own }).indexUrl).toBe("https://pypi.org/simple");
  mkdirSync(join(home, ".config", "pip"), { recursive: true });
  writeFileSync(
    join(home, ".config", "pip", "pip.conf"),
    "[global]\nindex-url = https://mirror/simple/\ncert=/ca.pem\n[list]\nindex-url = https://no\n",
  );
  const env = { HOME: home };
  expect(pipSettings(env)).toMatchObject({ indexUrl: "https://mirror/simple", cert: "/ca.pem" });
  expect(pipSettings({ ...env, PIP_INDEX_URL: "https://env/simple" }).indexUrl).toBe("https://env/simple");
  writeFileSync(own, "[global]\nindex_url: https://own/simple\n");
  expect(pipSettings({ ...env, PIP_CONFIG_FILE: own }).indexUrl).toBe("https://own/simple");
});
