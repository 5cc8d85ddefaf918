import { request } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KubeClient } from "../kube/client.ts";
import { type LocalServer, localServer } from "../kube/test-support/local-server.ts";
import { serveUi } from "./ui-proxy.ts";

/** Not text. */
const FONT = Buffer.from([0, 1, 0x80, 0xff, 0xfe]);

let api: LocalServer;
let client: KubeClient;
let closers: (() => void)[];

beforeEach(async () => {
  api = await localServer((_, response) => {
    response.writeHead(200, { "content-type": "font/woff2", "set-cookie": "a=b" }).end(FONT);
  });
  client = new KubeClient(api.access);
  closers = [];
});
afterEach(async () => {
  for (const close of closers) close();
  await client.close();
  await api.close();
});

async function ui(mayWrite = false): Promise<string> {
  const { url, server } = await serveUi(client, { namespace: "team", service: "job-rest:8081", mayWrite }, 0);
  closers.push(
    () => void server.close(),
    () => server.closeAllConnections(),
  );
  return url;
}

describe("the UI's server", () => {
  it("passes on what Flink says, letter for letter, with the user's rights", async () => {
    const answer = await request(`${await ui()}assets/font.woff2?v=1`);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers["content-type"]).toBe("font/woff2");
    expect(answer.headers["set-cookie"]).toBeUndefined();
    expect(Buffer.from(await answer.body.arrayBuffer())).toEqual(FONT);
    expect(api.seen).toMatchObject([
      { method: "GET", url: "/api/v1/namespaces/team/services/job-rest:8081/proxy/assets/font.woff2?v=1" },
    ]);
  });

  it.each<[string, Parameters<typeof request>[1], RegExp]>([
    ["a change", { method: "POST", body: "{}" }, /--write/],
    ["a page of another site", { headers: { origin: "http://evil.example" } }, /another site/],
    ["another name for this address", { headers: { host: "evil.example" } }, /not the UI's own/],
  ])("refuses %s", async (_what, options, why) => {
    const answer = await request(await ui(), options ?? {});
    expect(answer.statusCode).toBe(403);
    expect(await answer.body.text()).toMatch(why);
    expect(api.seen).toEqual([]);
  });

  it("lets a change pass where it was asked for", async () => {
    const answer = await request(`${await ui(true)}jobs/1`, { method: "PATCH", body: "" });
    expect(answer.statusCode).toBe(200);
    expect(api.seen).toMatchObject([{ method: "PATCH", url: expect.stringMatching(/\/proxy\/jobs\/1$/) }]);
  });
});
