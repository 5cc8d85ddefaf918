import { createServer } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { openTunnel, proxyFor } from "./proxy.ts";

describe("which proxy", () => {
  const env = { HTTPS_PROXY: "http://proxy:3128", HTTP_PROXY: "plain:80", NO_PROXY: "" };

  test.each([
    ["the kubeconfig's own goes first", "https://c:6443", "http://own", env, "http://own"],
    ["the environment's is next", "https://c:6443", undefined, env, "http://proxy:3128"],
    ["in lower case too", "https://c:6443", undefined, { https_proxy: "http://low" }, "http://low"],
    ["by the server's scheme; a bare address is HTTP", "http://c:6443", undefined, env, "http://plain:80"],
    ["none where none is named", "https://c:6443", undefined, {}, undefined],
    ["none for loopback addresses", "https://127.0.0.1:6443", undefined, env, undefined],
    ["none for localhost", "https://localhost:6443", undefined, env, undefined],
    ["none for ::1", "https://[::1]:6443", undefined, env, undefined],
    [
      "none for a host in NO_PROXY",
      "https://c.corp:6443",
      undefined,
      { ...env, NO_PROXY: "a, c.corp" },
      undefined,
    ],
    ["none for a subdomain", "https://c.corp:6443", undefined, { ...env, NO_PROXY: ".corp" }, undefined],
    [
      "a part of a name is no domain",
      "https://xcorp:6443",
      undefined,
      { ...env, NO_PROXY: "corp" },
      "http://proxy:3128",
    ],
    [
      "none for an address in a network",
      "https://10.1.2.3",
      undefined,
      { ...env, NO_PROXY: "10.0.0.0/8" },
      undefined,
    ],
    [
      "one for an address outside",
      "https://11.1.2.3",
      undefined,
      { ...env, NO_PROXY: "10.0.0.0/8" },
      "http://proxy:3128",
    ],
    ["none for an IPv6 network", "https://[fd00::5]", undefined, { ...env, NO_PROXY: "fd00::/8" }, undefined],
    [
      "a bad network matches nothing",
      "https://10.1.2.3",
      undefined,
      { ...env, NO_PROXY: "10.0.0.0/99" },
      "http://proxy:3128",
    ],
    [
      "a port limits the entry",
      "https://c:6443",
      undefined,
      { ...env, NO_PROXY: "c:443" },
      "http://proxy:3128",
    ],
    ["none for anything", "https://c:6443", undefined, { ...env, NO_PROXY: "*" }, undefined],
  ])("%s", (_, server, configured, given, expected) =>
    expect(proxyFor(server, configured, given)).toBe(expected),
  );
});

describe("tunnels", () => {
  const servers: { close(): unknown }[] = [];
  afterEach(() => servers.splice(0).forEach((server) => server.close()));

  async function listening(server: Server): Promise<number> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }

  test("lead to the host behind the proxy, with the proxy's credentials", async () => {
    const target = await listening(createTcpServer((socket) => socket.end("hello")));
    const seen: unknown[] = [];
    const proxy = createServer().on("connect", (request, socket) => {
      seen.push(request.url, request.headers["proxy-authorization"]);
      const upstream = connect(target, "127.0.0.1");
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.pipe(socket).pipe(upstream);
    });
    const port = await listening(proxy);
    const socket = await openTunnel(`http://me:secret@127.0.0.1:${port}`, "api.internal", "6443", 5000);
    let text = "";
    for await (const chunk of socket.setEncoding("utf8")) text += String(chunk);
    expect(text).toBe("hello");
    expect(seen).toEqual(["api.internal:6443", `Basic ${Buffer.from("me:secret").toString("base64")}`]);
  });

  test("a proxy that refuses is named, its credentials are not", async () => {
    const proxy = createServer().on("connect", (_, socket) => socket.end("HTTP/1.1 407 No\r\n\r\n"));
    const port = await listening(proxy);
    const opening = openTunnel(`http://me:secret@127.0.0.1:${port}`, "api.internal", "6443", 5000);
    await expect(opening).rejects.toThrow(`the proxy 127.0.0.1:${port} answered 407 to CONNECT`);
  });

  test("a proxy that is not there is an error", async () => {
    await expect(openTunnel("http://127.0.0.1:1", "api.internal", "6443", 5000)).rejects.toThrow(
      "the proxy 127.0.0.1:1: connect ECONNREFUSED",
    );
  });
});
