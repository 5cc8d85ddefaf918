import { buffer } from "node:stream/consumers";
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterAll, afterEach, expect, it } from "vitest";
import { localServer, type LocalServer } from "../kube/test-support/local-server.ts";
import { StateStorages } from "../state-storage/state-storage.ts";
import { openJar } from "./open-jar.ts";
import { jarsFrom } from "./s3-jar.ts";

const storages = new StateStorages({ env: {}, callMs: 2000 });
afterAll(() => storages.close());

let server: LocalServer | undefined;
afterEach(async () => {
  await server?.close();
});

async function read(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  configuration = {},
): Promise<string> {
  server = await localServer(answer);
  const operator = {
    "kubernetes.operator.user.artifacts.allowed-schemes": "s3",
    "s3.endpoint": server.access.server,
    "s3.access-key": "the-id",
    "s3.secret-key": "the-secret",
  };
  const signal = AbortSignal.timeout(10_000);
  const request = { uri: "s3://bucket/lib/job.jar", operator, configuration, signal };
  const jar = await openJar(request, { fetchS3: jarsFrom(storages) });
  return (await buffer(jar)).toString("utf8");
}

it("comes from where the operator's configuration says, whatever the job's does", async () => {
  const elsewhere = { "s3.endpoint": "http://127.0.0.1:1", "s3.access-key": "another-id" };
  expect(await read((_, response) => response.end("PK s3"), elsewhere)).toBe("PK s3");
  expect(server?.seen.map(({ url }) => new URL(url, "http://x").pathname)).toEqual(["/bucket/lib/job.jar"]);
});

it.each([
  [404, "<Error><Code>NoSuchKey</Code></Error>", /^s3:\/\/bucket\/lib\/job\.jar is not there$/],
  [403, "<Error><Code>AccessDenied</Code></Error>", /^s3:\/\/bucket\/lib\/job\.jar: .*403|AccessDenied/],
])("that S3 refuses (%s) is said, without keys", async (status, body, text) => {
  const reading = read((_, response) => response.writeHead(status).end(body));
  await expect(reading).rejects.toThrow(text);
  await expect(reading).rejects.toThrow(/^(?!.*the-secret)/);
});
