/** `sluice fetch-jar` as an init container runs it: what comes to be the file, what is sent to whom, and what is said. */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { main } from "../cli/main.ts";
import { type LocalServer, localServer } from "../kube/test-support/local-server.ts";

const JAR = Buffer.from("PK a jar");
const SHA256 = createHash("sha256").update(JAR).digest("hex");

let folder: string;
let server: LocalServer;
let headers: IncomingMessage["headers"];
let answer: (request: IncomingMessage, response: ServerResponse) => void;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-fetch-"));
  answer = (_, response) => response.end(JAR);
  server = await localServer((request, response) => {
    headers = request.headers;
    answer(request, response);
  });
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

interface Given {
  readonly uri?: string;
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
  /** Flink's, and the file that it is in. */
  readonly flink?: readonly [file: string, text: string];
}

async function fetch({ uri = `${server.access.server}/job.jar`, args = [], env = {}, flink }: Given = {}) {
  const said: string[] = [];
  if (flink !== undefined) writeFileSync(join(folder, flink[0]), flink[1]);
  const conf = flink === undefined ? [] : ["--flink-conf", folder];
  const code = await main(["fetch-jar", uri, "--to", join(folder, "job.jar"), ...conf, ...args], {
    stdout: { write: (text) => said.push(text) },
    stderr: { write: (text) => said.push(text) },
    stdin: (async function* () {})(),
    env,
  });
  const jars = readdirSync(folder).filter((name) => name.startsWith("job.jar"));
  return { code, said: said.join(""), jars };
}

const sent = (name: string): unknown => headers[name];

describe("a jar is fetched", () => {
  it("over HTTP, into the file", async () => {
    expect(await fetch()).toMatchObject({ code: 0, jars: ["job.jar"] });
    expect(readFileSync(join(folder, "job.jar"))).toEqual(JAR);
    expect(sent("authorization")).toBeUndefined();
  });

  it("with the digest that it has to have, in any case", async () => {
    expect(await fetch({ args: ["--sha256", SHA256.toUpperCase()] })).toMatchObject({
      code: 0,
      said: `${SHA256}  ${join(folder, "job.jar")}\n`,
    });
  });

  it.each<[Record<string, string>, string | undefined]>([
    [
      { SLUICE_JAR_username: "me", SLUICE_JAR_password: "p:w" },
      `Basic ${Buffer.from("me:p:w").toString("base64")}`,
    ],
    [{ SLUICE_JAR_authorization: "Bearer x,y:z\n" }, "Bearer x,y:z"],
    [{ username: "me", password: "pw" }, undefined],
  ])("with the login of its Secret, %j", async (env, authorization) => {
    expect(await fetch({ env })).toMatchObject({ code: 0 });
    expect(sent("authorization")).toBe(authorization);
  });

  it.each([
    ["config.yaml", "user.artifacts.http-headers: {authorization: Bearer flink, X-Team: streams}\n"],
    ["flink-conf.yaml", "user.artifacts.http-headers: authorization:Bearer flink,X-Team:streams\n"],
  ])("with the headers that Flink has for it, which the Secret's go before (%s)", async (...flink) => {
    await fetch({ flink });
    expect([sent("authorization"), sent("x-team")]).toEqual(["Bearer flink", "streams"]);
    await fetch({ flink, env: { SLUICE_JAR_authorization: "Bearer own" } });
    expect([sent("authorization"), sent("x-team")]).toEqual(["Bearer own", "streams"]);
  });

  it("from S3, with Flink's keys", async () => {
    const flink = [
      "config.yaml",
      `s3: {endpoint: "${server.access.server}", path-style-access: "true"}\n"s3.access-key": "flink-id"\ns3.secret-key: k\n`,
    ] as const;
    expect(await fetch({ uri: "s3://bucket/a/job.jar", flink })).toMatchObject({ code: 0 });
    expect(server.seen.at(-1)?.url).toBe("/bucket/a/job.jar");
    expect(sent("authorization")).toContain("Credential=flink-id/");
  });

  it("from S3 with the jar's own keys, and from nowhere else", async () => {
    const flink = [
      "flink-conf.yaml",
      "s3.endpoint: http://127.0.0.1:1\ns3.access-key: flink-id\ns3.secret-key: k\n",
    ] as const;
    const env = {
      SLUICE_JAR_AWS_ENDPOINT_URL: server.access.server,
      SLUICE_JAR_AWS_ACCESS_KEY_ID: "own-id",
      SLUICE_JAR_AWS_SECRET_ACCESS_KEY: "own-key",
      SLUICE_JAR_AWS_REGION: "eu-1",
    };
    expect(await fetch({ uri: "s3://bucket/a/job.jar", flink, env })).toMatchObject({ code: 0 });
    expect(sent("authorization")).toMatch(/Credential=own-id\/\d+\/eu-1\//);
  });
});

describe("a jar that cannot be had is no file, and the last line says why", () => {
  it.each<[string, () => Given, RegExp]>([
    ["not there", () => ({ uri: `${server.access.server}/none.jar` }), /\/none\.jar: HTTP 404$/],
    ["another one", () => ({ args: ["--sha256", "0".repeat(64)] }), new RegExp(`its SHA-256 is ${SHA256}$`)],
    ["nowhere", () => ({ uri: "http://127.0.0.1:1/job.jar" }), /ECONNREFUSED$/],
    ["in a bucket without keys", () => ({ uri: "s3://bucket/job.jar" }), /no S3 credentials: name a Secret/],
    [
      "with a login in its URI",
      () => ({ uri: `${server.access.server.replace("://", "://me:geheim@")}/none.jar?sig=geheim` }),
      /none\.jar: HTTP 404$/,
    ],
    [
      "with a login that is wrong",
      () => ({
        uri: `${server.access.server}/none.jar`,
        env: { SLUICE_JAR_username: "me", SLUICE_JAR_password: "geheim" },
      }),
      /none\.jar: HTTP 404$/,
    ],
    ["in a folder that cannot be written to", () => ({ args: ["--to", "/nowhere/job.jar"] }), /ENOENT$/],
  ])("%s", async (_, given, cause) => {
    answer = (request, response) => {
      if (request.url?.startsWith("/none.jar") === true) response.writeHead(404);
      response.end(JAR);
    };
    const { code, said, jars } = await fetch(given());
    expect(code).toBe(1);
    expect(said.trim()).toMatch(cause);
    expect(said.trim().split("\n")).toHaveLength(1);
    expect(said).not.toContain("geheim");
    expect(jars).toEqual([]);
  });

  it("that breaks off", async () => {
    answer = (_, response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write("PK", () => response.destroy());
    };
    expect(await fetch()).toMatchObject({ code: 1, jars: [] });
  });

  it("without a file to go to", async () => {
    const said: string[] = [];
    const streams = { stdout: { write: () => {} }, stderr: { write: (text: string) => said.push(text) } };
    const code = await main(["fetch-jar", "http://x"], {
      ...streams,
      stdin: (async function* () {})(),
      env: {},
    });
    expect([code, said.join("")]).toEqual([2, "error: name the file: sluice fetch-jar URI --to FILE\n"]);
  });
});
