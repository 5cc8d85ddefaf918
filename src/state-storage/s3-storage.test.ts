/** Answers that a well-behaved server seldom gives; the usual ones are tested with a real one (test/integration). */
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { localServer, type LocalServer } from "../kube/test-support/local-server.ts";
import { StateStorages } from "./state-storage.ts";
import type { Storage } from "./storage.ts";

const storages = new StateStorages({ env: {}, callMs: 2000 });
afterAll(() => storages.close());

let server: LocalServer | undefined;
afterEach(async () => {
  await server?.close();
});

async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, nth: number) => void,
): Promise<Storage> {
  server = await localServer(answer);
  return storages.open({
    "s3.endpoint": server.access.server,
    "s3.access-key": "the-id",
    "s3.secret-key": "the-secret",
    "s3.session-token": "the-token",
  });
}

const page = (content: string): string =>
  `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${content}</ListBucketResult>`;
const folder = (name: string): string => `<CommonPrefixes><Prefix>dir/${name}/</Prefix></CommonPrefixes>`;
const error = (code: string, more = ""): string =>
  `<Error><Code>${code}</Code><Message>said &amp; done</Message>${more}</Error>`;

describe("a list", () => {
  it("goes on to the last page, and asks for nothing but what it needs", async () => {
    const storage = await serve((_, response, nth) => {
      const more =
        nth === 1 ? "<IsTruncated>true</IsTruncated><NextContinuationToken>a+/=</NextContinuationToken>" : "";
      response.end(page(`${folder(`chk-${nth}`)}${more}`));
    });
    expect(await storage.list("s3://bucket/dir", "chk-")).toEqual({ ok: true, value: ["chk-1", "chk-2"] });
    const [first, second] = (server?.seen ?? []).map(({ url }) => new URL(url, "http://x"));
    expect(first?.pathname).toBe("/bucket/");
    expect(Object.fromEntries(first?.searchParams ?? [])).toEqual({
      "list-type": "2",
      delimiter: "/",
      "encoding-type": "url",
      prefix: "dir/chk-",
    });
    expect(second?.searchParams.get("continuation-token")).toBe("a+/=");
  });

  it("understands escaped and encoded names, and the folder's own marker", async () => {
    const storage = await serve((request, response) => {
      const encoded = request.url?.includes("plain") !== true;
      const names = ["<Contents><Key>dir/</Key></Contents>", folder(encoded ? "a%26+b" : "a&amp;&#43;b")];
      response.end(page(`${encoded ? "<EncodingType>url</EncodingType>" : ""}${names.join("")}`));
    });
    expect(await storage.list("s3://bucket/dir", "")).toEqual({ ok: true, value: ["a& b"] });
    expect(await storage.list("s3://plain/dir", "")).toEqual({ ok: true, value: ["a&+b"] });
  });

  it.each([
    ["another kind of answer", "<html>Welcome</html>", /not S3's/],
    ["a page without the way to the next", page("<IsTruncated>true</IsTruncated>"), /breaks off/],
    ["undecodable names", page(`<EncodingType>url</EncodingType>${folder("%E0%A4%A")}`), /cannot be decoded/],
  ])("that is %s is a failure, never an empty list", async (_, body, message) => {
    const storage = await serve((_request, response) => response.end(body));
    expect(await storage.list("s3://bucket/dir", "")).toEqual({
      ok: false,
      failure: { kind: "refused", message: expect.stringMatching(message) },
    });
  });

  it("without end is given up", async () => {
    const storage = await serve((_, response) => {
      const chunk = "x".repeat(1_000_000);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on("drain", more);
      more();
    });
    expect(await storage.list("s3://bucket/dir", "")).toMatchObject({ failure: { kind: "unreachable" } });
  });
});

describe("an error", () => {
  it.each([
    [403, error("AccessDenied"), "forbidden", /AccessDenied: said & done.*s3:ListBucket.*s3:GetObject/],
    [404, error("NoSuchBucket"), "no-bucket", /bucket does not exist/],
    [404, "<html>not here</html>", "refused", /status 404/],
    [500, error("InternalError"), "unreachable", /InternalError/],
    [503, error("SlowDown"), "unreachable", /SlowDown/],
    [403, error("RequestTimeTooSkewed"), "unreachable", /clock/],
    [400, error("InvalidRequest"), "refused", /InvalidRequest/],
    [301, error("PermanentRedirect"), "refused", /PermanentRedirect/],
  ])("%i %s is %s", async (status, body, kind, message) => {
    const storage = await serve((_, response) => response.writeHead(status).end(body));
    const failure = { ok: false, failure: { kind, message: expect.stringMatching(message) } };
    expect(await storage.list("s3://bucket/dir", "")).toEqual(failure);
    expect(await storage.readStart("s3://bucket/dir/x", 16)).toEqual(failure);
    expect(await storage.getObject("s3://bucket/dir/x")).toEqual(failure);
    expect(JSON.stringify(await storage.list("s3://bucket/dir", ""))).not.toMatch(/the-(id|secret|token)/);
  });

  it("that names the bucket's region leads there, once", async () => {
    const region = (authorization = ""): string => authorization.split("/")[2] ?? "";
    const storage = await serve((request, response) => {
      if (region(request.headers.authorization) === "eu-west-3") return response.end(page(folder("chk-1")));
      return response.writeHead(301, { "x-amz-bucket-region": "eu-west-3" }).end();
    });
    expect(await storage.list("s3://bucket/dir", "chk-")).toEqual({ ok: true, value: ["chk-1"] });
    expect(server?.seen.map(({ authorization }) => region(authorization))).toEqual([
      "us-east-1",
      "eu-west-3",
    ]);
  });

  it("that leads in circles is an error", async () => {
    const storage = await serve((_, response, nth) =>
      response.writeHead(301, { "x-amz-bucket-region": `eu-west-${nth}` }).end(),
    );
    expect(await storage.list("s3://bucket/dir", "")).toMatchObject({ failure: { kind: "refused" } });
    expect(server?.seen).toHaveLength(2);
  });

  it("of the connection is a failure in time: broken off, silent, silent in the middle", async () => {
    const hasty = new StateStorages({ env: {}, callMs: 300 });
    server = await localServer((request, response) => {
      if (request.url?.includes("broken")) request.socket.destroy();
      else if (request.url?.includes("middle"))
        response.writeHead(200, { "content-length": 100 }).write("<List");
    });
    const storage = hasty.open({
      "s3.endpoint": server.access.server,
      "s3.access-key": "a",
      "s3.secret-key": "b",
    });
    const failure = (message: RegExp): unknown => ({
      ok: false,
      failure: { kind: "unreachable", message: expect.stringMatching(message) },
    });
    expect(await storage.list("s3://broken/x", "")).toEqual(failure(/UND_ERR_SOCKET|ECONNRESET/));
    expect(await storage.list("s3://silent/x", "")).toEqual(failure(/no answer within 0\.3 s/));
    expect(await storage.list("s3://middle/x", "")).toEqual(failure(/no answer within 0\.3 s/));
    await hasty.close();
  });
});

describe("an object", () => {
  it("is read as far as asked also where the server knows no ranges", async () => {
    const storage = await serve((_, response) => {
      response.writeHead(200, {
        "content-length": 1_000_000,
        "last-modified": "Sun, 01 Mar 2026 12:00:00 GMT",
      });
      response.end("x".repeat(1_000_000));
    });
    expect(await storage.readStart("s3://bucket/big", 4)).toEqual({
      ok: true,
      value: { bytes: Buffer.from("xxxx"), size: 1_000_000, modified: Date.parse("2026-03-01T12:00:00Z") },
    });
  });

  it("breaks off with an error when its stream stops", async () => {
    const hasty = new StateStorages({ env: {}, callMs: 300 });
    server = await localServer((_, response) => {
      response.writeHead(200, { "content-length": 100 }).write("begins");
    });
    const access = { "s3.endpoint": server.access.server, "s3.access-key": "a", "s3.secret-key": "b" };
    const opened = await hasty.open(access).getObject("s3://bucket/job.jar");
    const body = opened.ok ? opened.value?.body : undefined;
    expect(opened).toMatchObject({ ok: true, value: { size: 100 } });
    await expect(body?.toArray()).rejects.toThrow();
    await hasty.close();
  });
});
