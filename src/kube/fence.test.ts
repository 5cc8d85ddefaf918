import type { ServerResponse } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { createFlinkAgent, directTransport, TransportError } from "../flink-rest/transport.ts";
import { KubeApiError } from "./api-error.ts";
import { createRequest, getRequest, replaceRequest } from "./request.ts";
import { CONFIG_MAPS } from "./resource-type.ts";
import { localServer, type LocalServer } from "./test-support/local-server.ts";
import { Transport } from "./transport.ts";

const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "n" } };
const get = getRequest(CONFIG_MAPS, "n", "a");
const create = createRequest(CONFIG_MAPS, object);
const replace = replaceRequest(CONFIG_MAPS, object);

interface Stage {
  readonly server: LocalServer;
  /** Answers that are held back. */
  readonly held: ServerResponse[];
  readonly transport: Transport;
  leads: boolean;
}

async function stage(hold: (method: string) => boolean = () => false): Promise<Stage> {
  const held: ServerResponse[] = [];
  const server = await localServer((request, response) => {
    if (hold(request.method ?? "")) held.push(response);
    else response.end("{}");
  });
  const made: Stage = {
    server,
    held,
    leads: true,
    transport: new Transport(server.access, { connections: 1, mayAct: () => made.leads }),
  };
  onTestFinished(async () => {
    await made.transport.close();
    await server.close();
  });
  return made;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "sent",
    (error: unknown) => (error instanceof KubeApiError ? error.code : String(error)),
  );
}

const methods = ({ server }: Stage): string[] => server.seen.map(({ method }) => method);

test("who does not lead reads, and changes nothing", async () => {
  const it = await stage();
  it.leads = false;
  await it.transport.call(get);
  expect(await codeOf(it.transport.call(create))).toBe("not-leading");
  // One that may be repeated is not.
  expect(await codeOf(it.transport.call(replace))).toBe("not-leading");
  expect(methods(it)).toEqual(["GET"]);
  it.leads = true;
  await it.transport.call(create);
  expect(methods(it)).toEqual(["GET", "POST"]);
});

test("a request that waits for a connection is judged when it is sent, not when it was made", async () => {
  const it = await stage((method) => method === "GET");
  const reading = it.transport.call(get);
  await expect.poll(() => it.held.length).toBe(1);
  const writing = codeOf(it.transport.call(create));
  it.leads = false;
  it.held[0]?.end("{}");
  await reading;
  expect(await writing).toBe("not-leading");
  expect(methods(it)).toEqual(["GET"]);
});

test("the second try of a request is judged as well", async () => {
  const it = await stage((method) => method === "PUT");
  const writing = codeOf(it.transport.call(replace));
  await expect.poll(() => it.held.length).toBe(1);
  it.leads = false;
  it.held[0]?.writeHead(429, { "retry-after": "0" }).end("{}");
  expect(await writing).toBe("not-leading");
  expect(methods(it)).toEqual(["PUT"]);
});

test("an answer comes through after the lead is lost: what was sent was sent", async () => {
  const it = await stage((method) => method === "POST");
  const writing = codeOf(it.transport.call(create));
  await expect.poll(() => it.held.length).toBe(1);
  it.leads = false;
  it.held[0]?.end("{}");
  expect(await writing).toBe("sent");
});

test("Flink hears nothing either", async () => {
  const server = await localServer((_, response) => void response.end("{}"));
  const agent = createFlinkAgent({ mayAct: () => false });
  onTestFinished(async () => {
    await agent.destroy();
    await server.close();
  });
  const send = directTransport(server.access.server, agent);
  expect((await send({ method: "GET", path: "/jobs", timeoutMs: 5000 })).status).toBe(200);
  const refused = send({ method: "PATCH", path: "/jobs/a", timeoutMs: 5000 });
  await expect(refused).rejects.toThrow("not sent: this process does not lead");
  await expect(refused).rejects.toBeInstanceOf(TransportError);
  expect(server.seen.map(({ method }) => method)).toEqual(["GET"]);
});
