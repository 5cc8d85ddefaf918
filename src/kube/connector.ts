/** New connections to the API server, each with the certificates of the moment and, if need be, through a proxy. */
import { buildConnector } from "undici";
import type { ClusterAccess, TlsMaterial } from "./cluster-access.ts";
import { openTunnel } from "./proxy.ts";

const CONNECT_TIMEOUT_MS = 10_000;
/** With Node's ten probes of a second each, a peer that vanished is noticed 40 s after the last byte. */
const KEEP_ALIVE_PROBE_MS = 30_000;

export function connectorFor(access: ClusterAccess): buildConnector.connector {
  let built: { readonly material: TlsMaterial; readonly connect: buildConnector.connector } | undefined;

  const current = async (): Promise<buildConnector.connector> => {
    const material = await access.tls();
    if (built === undefined || !sameMaterial(built.material, material)) {
      built = { material, connect: buildConnector(connectOptions(material)) };
    }
    return built.connect;
  };

  return (options, callback) => {
    const { protocol, hostname, port } = options;
    const secure = protocol === "https:";
    const tunnel =
      access.proxyUrl === undefined || !secure
        ? Promise.resolve(undefined)
        : openTunnel(access.proxyUrl, hostname, port || "443", CONNECT_TIMEOUT_MS);
    Promise.all([current(), tunnel]).then(
      ([connect, socket]) =>
        connect(socket === undefined ? options : { ...options, httpSocket: socket }, callback),
      (error: Error) => callback(error, null),
    );
  };
}

function connectOptions({
  ca,
  cert,
  key,
  servername,
  rejectUnauthorized,
}: TlsMaterial): buildConnector.BuildOptions {
  return {
    allowH2: false,
    timeout: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
    rejectUnauthorized,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
  };
}

function sameMaterial(a: TlsMaterial, b: TlsMaterial): boolean {
  return (
    a.ca === b.ca &&
    a.cert === b.cert &&
    a.key === b.key &&
    a.servername === b.servername &&
    a.rejectUnauthorized === b.rejectUnauthorized
  );
}
