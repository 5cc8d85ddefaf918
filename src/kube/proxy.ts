/** HTTP proxies between here and the API server: which one to use, and a tunnel through it. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { BlockList, isIP, type Socket } from "node:net";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for this server: the kubeconfig's own, or the environment's unless `NO_PROXY` or a loopback address says
 * otherwise.
 */
export function proxyFor(server: string, configured: string | undefined, env: Env): string | undefined {
  if (configured !== undefined && configured !== "") return configured;
  const url = new URL(server);
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const proxy = env[name] ?? env[name.toLowerCase()];
  if (proxy === undefined || proxy === "") return undefined;
  return isDirect(url, env["NO_PROXY"] ?? env["no_proxy"] ?? "") ? undefined : withScheme(proxy);
}

/** Resolves with a socket that leads to `host:port` behind the proxy. */
export function openTunnel(proxyUrl: string, host: string, port: string, timeoutMs: number): Promise<Socket> {
  const proxy = new URL(proxyUrl);
  const request = proxy.protocol === "https:" ? httpsRequest : httpRequest;
  const headers: Record<string, string> = { host: `${host}:${port}` };
  if (proxy.username !== "") {
    const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
    headers["proxy-authorization"] = `Basic ${Buffer.from(pair).toString("base64")}`;
  }
  return new Promise((resolve, reject) => {
    request({
      host: bare(proxy.hostname),
      port: proxy.port === "" ? undefined : proxy.port,
      method: "CONNECT",
      path: `${host}:${port}`,
      headers,
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
    })
      .once("connect", (response, socket) => {
        if (response.statusCode === 200) return resolve(socket);
        socket.destroy();
        reject(new Error(`the proxy ${proxy.host} answered ${response.statusCode} to CONNECT`));
      })
      .once("error", (error) =>
        reject(new Error(`the proxy ${proxy.host}: ${error.message}`, { cause: error })),
      )
      .end();
  });
}

function isDirect(url: URL, noProxy: string): boolean {
  const host = bare(url.hostname).toLowerCase();
  if (host === "localhost" || host === "::1" || host.startsWith("127.")) return true;
  return noProxy
    .split(",")
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== "")
    .some((entry) => matches(entry, host, url.port || (url.protocol === "https:" ? "443" : "80")));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  const [network = "", bits] = entry.split("/");
  if (bits !== undefined) return inNetwork(host, network, Number(bits));
  const [name = "", onlyPort] = isIP(entry) ? [entry] : entry.split(":");
  if (onlyPort !== undefined && onlyPort !== port) return false;
  const domain = name.replace(/^\*?\./, "");
  return host === domain || host.endsWith(`.${domain}`);
}

function inNetwork(host: string, network: string, bits: number): boolean {
  const family = isIP(host) === 6 ? "ipv6" : "ipv4";
  if (isIP(host) === 0 || isIP(host) !== isIP(network)) return false;
  try {
    const list = new BlockList();
    list.addSubnet(network, bits, family);
    return list.check(host, family);
  } catch {
    return false;
  }
}

function withScheme(proxy: string): string {
  return proxy.includes("://") ? proxy : `http://${proxy}`;
}

/** `[::1]` as Node's own functions want it. */
function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}
