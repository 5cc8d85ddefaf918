import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { KubeApiError } from "./api-error.ts";
import type { ClusterAccess } from "./cluster-access.ts";
import { KubeConfigError } from "./kubeconfig.ts";
import { createRequest, getRequest, textRequest } from "./request.ts";
import { PODS } from "./resource-type.ts";
import { localServer, type LocalServer } from "./test-support/local-server.ts";
import { type Exchange, Transport, type TransportOptions } from "./transport.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function start(
  answer: (request: IncomingMessage, response: ServerResponse, nth: number) => void,
  options: TransportOptions = {},
  access: Partial<ClusterAccess> = {},
): Promise<{ server: LocalServer; transport: Transport }> {
  const server = await localServer(answer, access);
  const transport = new Transport(server.access, options);
  cleanups.push(
    () => server.close(),
    () => transport.close(),
  );
  return { server, transport };
}

async function failure(work: Promise<unknown>): Promise<KubeApiError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof KubeApiError) return error;
  throw new Error(`not a KubeApiError: ${String(error)}`);
}

async function read(stream: AsyncIterable<Buffer>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += chunk.toString();
  return text;
}

const get = getRequest(PODS, "n", "a");
const create = createRequest(PODS, {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "a", namespace: "n" },
});
const tooMany = (response: ServerResponse): void =>
  void response.writeHead(429, { "retry-after": "0" }).end("{}");

describe("calls", () => {
  test("carry the query, the path prefix and the credentials", async () => {
    const access = { headers: () => Promise.resolve({ authorization: "Bearer s3cret" }) };
    const { server, transport } = await start((_, response) => void response.end("hi"), {}, access);
    expect((await transport.call(textRequest("/x", { a: "b c" }))).text).toBe("hi");
    expect(server.seen).toEqual([{ method: "GET", url: "/x?a=b%20c", authorization: "Bearer s3cret" }]);
    const prefixed = new Transport({ ...server.access, server: `${server.access.server}/k8s/clusters/c/` });
    cleanups.push(() => prefixed.close());
    await prefixed.call(textRequest("/x"));
    expect(server.seen.at(-1)?.url).toBe("/k8s/clusters/c/x");
  });

  test("in a row share a connection; many at once share a few", async () => {
    const { server, transport } = await start((_, response) => void setTimeout(() => response.end("x"), 5), {
      connections: 4,
    });
    for (let nth = 0; nth < 10; nth++) await transport.call(get);
    // The pool may open a second before it sees that the first is free again.
    expect(server.connections()).toBeLessThanOrEqual(2);
    await Promise.all(Array.from({ length: 40 }, () => transport.call(get)));
    expect(server.connections()).toBeLessThanOrEqual(4);
  });

  test("are sent again when the server asks for patience, also those that write", async () => {
    const { server, transport } = await start((_, response, nth) =>
      nth < 3 ? tooMany(response) : void response.end("ok"),
    );
    expect((await transport.call(create)).text).toBe("ok");
    expect(server.seen).toHaveLength(3);
  });

  test("that read are sent again when the connection breaks", async () => {
    const { server, transport } = await start((request, response, nth) =>
      nth < 3 ? void request.socket.destroy() : void response.end("ok"),
    );
    expect((await transport.call(get)).text).toBe("ok");
    expect(server.seen).toHaveLength(3);
  });

  test("that write are not, since the server may have acted", async () => {
    const { server, transport } = await start((request) => void request.socket.destroy());
    expect(await failure(transport.call(create))).toMatchObject({
      code: "network",
      status: 0,
      retryable: true,
    });
    expect(server.seen).toHaveLength(1);
  });

  test("that are refused fail with the server's words", async () => {
    const { transport } = await start((_, response) => {
      response.writeHead(403, { "content-type": "application/json" });
      response.end(JSON.stringify({ kind: "Status", reason: "Forbidden", message: "no", code: 403 }));
    });
    expect(await failure(transport.call(get))).toMatchObject({
      status: 403,
      reason: "Forbidden",
      code: "forbidden",
      message: "GET /api/v1/namespaces/n/pods/a: no",
    });
  });

  test("report each exchange", async () => {
    const exchanges: Exchange[] = [];
    const { transport } = await start(
      (_, response, nth) => (nth < 2 ? tooMany(response) : void response.end()),
      {
        onExchange: (exchange) => exchanges.push(exchange),
      },
    );
    await transport.call(get);
    expect(exchanges.map(({ method, status }) => [method, status])).toEqual([
      ["GET", 429],
      ["GET", 200],
    ]);
  });
});

describe("deadlines", () => {
  test("a server that never answers costs a write its deadline, and the connection is let go", async () => {
    const { server, transport } = await start(() => undefined);
    const started = performance.now();
    const error = await failure(transport.call(create, { deadlineMs: 200 }));
    expect(error).toMatchObject({
      code: "timeout",
      message: "POST /api/v1/namespaces/n/pods: no answer within 0.2 s",
    });
    expect(performance.now() - started).toBeLessThan(4000);
    await expect.poll(() => server.openConnections()).toBe(0);
  });

  test("one that answers the second time costs a read half of it", async () => {
    const { server, transport } = await start((_, response, nth) =>
      nth === 1 ? undefined : void response.end("ok"),
    );
    expect((await transport.call(get, { deadlineMs: 1000 })).text).toBe("ok");
    expect(server.seen).toHaveLength(2);
  });

  test("an answer that stops in the middle is no answer", async () => {
    const { transport } = await start((_, response) => void response.writeHead(200).write("half"));
    expect((await failure(transport.call(create, { deadlineMs: 200 }))).code).toBe("timeout");
  });

  test("waiting for a place among the connections counts", async () => {
    const { server, transport } = await start(() => undefined, { connections: 1 });
    const calls = [1, 2, 3].map(() => failure(transport.call(create, { deadlineMs: 200 })));
    expect((await Promise.all(calls)).map(({ code }) => code)).toEqual(["timeout", "timeout", "timeout"]);
    expect(server.connections()).toBeLessThanOrEqual(3);
  });

  test("a caller who gives up is told so", async () => {
    const { transport } = await start(() => undefined);
    const controller = new AbortController();
    const calling = failure(transport.call(get, { signal: controller.signal }));
    setTimeout(() => controller.abort(), 50);
    expect(await calling).toMatchObject({ code: "aborted", retryable: false });
    expect((await failure(transport.call(get, { signal: controller.signal }))).code).toBe("aborted");
  });

  test("closing ends what is under way, without retries", async () => {
    const { server, transport } = await start(() => undefined);
    const calling = failure(transport.call(get));
    await expect.poll(() => server.seen.length).toBe(1);
    await transport.close();
    expect((await calling).code).toBe("network");
    expect(server.seen).toHaveLength(1);
  });
});

test("services behind the API server that never answer leave its own calls their connections", async () => {
  const { server, transport } = await start((request, response) => {
    if (request.url !== "/hangs") response.end("here");
  });
  const controller = new AbortController();
  const hanging = Array.from({ length: 40 }, () =>
    failure(transport.send({ ...get, path: "/hangs" }, { signal: controller.signal })),
  );
  await expect.poll(() => server.seen.length).toBe(40);
  expect((await transport.call(get)).text).toBe("here");
  controller.abort();
  expect(new Set((await Promise.all(hanging)).map(({ code }) => code))).toEqual(new Set(["aborted"]));
});

describe("credentials", () => {
  test("that were refused are fetched anew, once", async () => {
    let token = "old";
    const access = {
      headers: () => Promise.resolve({ authorization: token }),
      refresh: () => {
        token = "new";
      },
    };
    const { server, transport } = await start(
      (request, response) =>
        void response.writeHead(request.headers.authorization === "new" ? 200 : 401).end(),
      {},
      access,
    );
    expect((await transport.call(create)).status).toBe(200);
    expect(server.seen.map(({ authorization }) => authorization)).toEqual(["old", "new"]);
  });

  test("that stay refused are an error that does not show them", async () => {
    const access = { headers: () => Promise.resolve({ authorization: "Bearer s3cret" }) };
    const { transport } = await start(
      (_, response) => void response.writeHead(401).end("Unauthorized"),
      {},
      access,
    );
    const error = await failure(transport.call(get));
    expect(error.code).toBe("unauthorized");
    expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toContain("s3cret");
  });

  test("that cannot be had are an error with the next step; nothing is sent", async () => {
    const access = { headers: () => Promise.reject(new KubeConfigError("no token", "Log in.")) };
    const { server, transport } = await start(() => undefined, {}, access);
    expect(await failure(transport.call(get))).toMatchObject({
      code: "credentials",
      message: "GET /api/v1/namespaces/n/pods/a: no token. Log in.",
    });
    expect(server.seen).toEqual([]);
  });
});

describe("answers that are not the API server's own", () => {
  test("come back whatever their status", async () => {
    const { server, transport } = await start(
      (_, response) => void response.writeHead(503, { "x-a": "b" }).end("busy"),
    );
    const answer = await transport.send({ ...get, path: "/proxied" });
    expect(answer).toMatchObject({ status: 503, text: "busy" });
    expect(answer.headers["x-a"]).toBe("b");
    expect(server.seen).toHaveLength(1);
  });
});

describe("streams", () => {
  const forever = { signal: new AbortController().signal, headersMs: 5000, idleMs: 5000 };

  test("yield what comes until the server ends", async () => {
    const { transport } = await start((_, response) => {
      response.write("one ");
      setTimeout(() => response.end("two"), 20);
    });
    let opened = 0;
    expect(await read(transport.stream(get, { ...forever, onOpen: () => opened++ }))).toBe("one two");
    expect(opened).toBe(1);
  });

  test("fail when the server is refusing", async () => {
    const { transport } = await start((_, response) => void response.writeHead(410).end());
    expect((await failure(read(transport.stream(get, forever)))).code).toBe("expired");
  });

  test("fail when nothing begins in time", async () => {
    const { transport } = await start(() => undefined);
    expect((await failure(read(transport.stream(get, { ...forever, headersMs: 200 })))).code).toBe("timeout");
  });

  test("fail when nothing comes any more", async () => {
    const { server, transport } = await start((_, response) => void response.writeHead(200).write("x"));
    expect((await failure(read(transport.stream(get, { ...forever, idleMs: 200 })))).code).toBe("timeout");
    await expect.poll(() => server.openConnections()).toBe(0);
  });

  test("end with the signal, and with a reader that leaves; the connection goes too", async () => {
    const { server, transport } = await start((_, response) => void response.writeHead(200).write("x"));
    const controller = new AbortController();
    const reading = failure(read(transport.stream(get, { ...forever, signal: controller.signal })));
    await expect.poll(() => server.openConnections()).toBe(1);
    controller.abort();
    expect((await reading).code).toBe("aborted");
    for await (const chunk of transport.stream(get, forever)) {
      expect(chunk.toString()).toBe("x");
      break;
    }
    await expect.poll(() => server.openConnections()).toBe(0);
  });

  test("do not stand in the calls' way", async () => {
    const { transport } = await start(
      (request, response) =>
        void (request.url === "/stream" ? response.writeHead(200).write("x") : response.end("ok")),
      { connections: 1 },
    );
    const controller = new AbortController();
    const streams = Array.from({ length: 20 }, () =>
      failure(read(transport.stream({ ...get, path: "/stream" }, { ...forever, signal: controller.signal }))),
    );
    expect((await transport.call(get)).text).toBe("ok");
    controller.abort();
    await Promise.all(streams);
  });
});
