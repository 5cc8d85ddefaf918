import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { ClusterAccess } from "../cluster-access.ts";

/** A real HTTP server whose answers a test scripts, and what it saw. */
export interface LocalServer {
  readonly access: ClusterAccess;
  readonly seen: {
    readonly method: string;
    readonly url: string;
    readonly authorization: string | undefined;
  }[];
  /** Connections accepted so far. */
  readonly connections: () => number;
  readonly openConnections: () => number;
  readonly close: () => Promise<void>;
}

export async function localServer(
  answer: (request: IncomingMessage, response: ServerResponse, nth: number) => void,
  access: Partial<ClusterAccess> = {},
): Promise<LocalServer> {
  const seen: LocalServer["seen"] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    seen.push({ method, url, authorization: headers.authorization });
    answer(request, response, seen.length);
  });
  server.on("connection", (socket) => {
    connections++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    seen,
    connections: () => connections,
    openConnections: () => sockets.size,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    access: {
      server: `http://127.0.0.1:${port}`,
      namespace: "default",
      description: "a test",
      proxyUrl: undefined,
      headers: () => Promise.resolve({}),
      tls: () =>
        Promise.resolve({
          ca: undefined,
          cert: undefined,
          key: undefined,
          servername: undefined,
          rejectUnauthorized: true,
        }),
      refresh: () => undefined,
      ...access,
    },
  };
}
