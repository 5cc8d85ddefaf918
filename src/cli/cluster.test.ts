import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { main } from "./main.ts";

let folder: string;
let server: Server;
let headers: IncomingHttpHeaders;
/** Instead of 404 at once. */
let hangs = false;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-cluster-"));
  server = createServer((request, response) => {
    headers = request.headers;
    if (hangs) return;
    const status = { kind: "Status", code: 404, reason: "NotFound", message: `nothing at ${request.url}` };
    response.writeHead(404, { "content-type": "application/json" }).end(JSON.stringify(status));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const config = {
    "current-context": "c",
    clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: "u", user: { token: "secret" } }],
    contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
  };
  writeFileSync(join(folder, "config"), JSON.stringify(config));
});

beforeEach(() => (hangs = false));

afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

async function sluice(...args: string[]): Promise<{ code: number; said: string }> {
  let said = "";
  const write = (text: string): void => void (said += text);
  const streams = {
    stdout: { write },
    stderr: { write },
    stdin: { async *[Symbol.asyncIterator]() {} },
    env: {},
  };
  const code = await main([...args, "--kubeconfig", join(folder, "config")], streams);
  return { code, said };
}

describe("a command that talks to a cluster", () => {
  it("is somebody else with --as and --as-group, with the credentials of who is there", async () => {
    await sluice("get", "--as", "jane", "--as-group", "one", "--as-group", "two");
    expect(headers).toMatchObject({
      authorization: "Bearer secret",
      "impersonate-user": "jane",
      "impersonate-group": "one, two",
    });
    await sluice("get");
    expect(headers["impersonate-user"]).toBeUndefined();
    expect(await sluice("get", "--as-group", "one")).toMatchObject({ code: 2 });
  });

  it("waits no longer than --request-timeout", async () => {
    hangs = true;
    const began = performance.now();
    const { code, said } = await sluice("get", "--request-timeout", "200ms");
    expect({ code, said }).toMatchObject({
      code: 1,
      said: expect.stringMatching(/200 ms|0\.2 s|deadline|time/),
    });
    expect(performance.now() - began).toBeLessThan(5000);
    expect(await sluice("get", "--request-timeout", "soon")).toMatchObject({ code: 2 });
  });

  it("says to install the CRDs when it is they that are not there, and only then", async () => {
    expect((await sluice("get")).said).toMatch(/Install Sluice's CRDs/);
    const { code, said } = await sluice("stop", "counting");
    expect(code).toBe(1);
    expect(said).toMatch(/Choose another namespace/);
    expect(said).not.toMatch(/CRD/);
  });

  it("refuses an output that is none", async () => {
    for (const output of ["xml", "jsonpath", "jsonpath=", "custom-columns="])
      expect(await sluice("get", "-o", output), output).toMatchObject({ code: 2 });
  });
});
