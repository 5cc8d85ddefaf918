/** Free TCP ports on the loopback address. */
import { createServer } from "node:net";

// Below the range of outgoing connections: a port of that range can be taken while a killed server is away.
const first = 20_000;
const last = 29_999;

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Different ports that nobody listened on a moment ago. Somebody may take one before we do: be ready to retry. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let attempt = 0; found.size < count; attempt++) {
    if (attempt > 1_000) throw new Error(`no ${count} free ports between ${first} and ${last}`);
    const port = first + Math.floor(Math.random() * (last - first + 1));
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  return [...found];
}
