/** Ports of the loopback address that nobody listens on. */
import { readdirSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { readOrNothing } from "./files.ts";

const LOOPBACK = "127.0.0.1";

function tryListen(port: number): Promise<number | undefined> {
  return new Promise((settle) => {
    const server = createServer().once("error", () => settle(undefined));
    server.listen(port, LOOPBACK, () => {
      const address = server.address();
      server.close(() => settle(typeof address === "object" ? address?.port : undefined));
    });
  });
}

/** `preferred` if it is free, else another. Somebody may take it before we do: be ready to start again. */
export async function freePort(preferred = 0): Promise<number> {
  const port = (await tryListen(preferred)) ?? (await tryListen(0));
  if (port === undefined) throw new Error("this machine has no free port");
  return port;
}

/** Inodes of the sockets that listen on a port. A line: sl, local address:port, remote, state (0A: listens), …, inode. */
function listeningSockets(port: number): Set<string> {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  const lines = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => readOrNothing(path).split("\n"));
  return new Set(
    lines.flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const isIt = fields[3] === "0A" && fields[1]?.split(":")[1] === wanted;
      return isIt ? (fields[9] ?? []) : [];
    }),
  );
}

/** Whether this very process listens there, and no other that was quicker. */
export function listensOn(pid: number, port: number): boolean {
  const sockets = listeningSockets(port);
  if (sockets.size === 0) return false;
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((name) => {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOrNothing(`${folder}/${name}`))?.[1];
      return inode !== undefined && sockets.has(inode);
    });
  } catch {
    // It has ended meanwhile.
    return false;
  }
}

function linkOrNothing(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
