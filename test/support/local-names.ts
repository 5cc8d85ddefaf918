/** For `node --import`: every name is this machine. So an operator finds scripted JobManagers under their Services' names. */
import dns from "node:dns";

type Callback = (error: Error | null, address: unknown, family?: number) => void;

function lookup(_host: string, options: { all?: boolean } | Callback, callback?: Callback): void {
  const answer = typeof options === "function" ? options : callback;
  const all = typeof options === "object" && options.all === true;
  if (all) answer?.(null, [{ address: "127.0.0.1", family: 4 }]);
  else answer?.(null, "127.0.0.1", 4);
}

dns.lookup = lookup as unknown as typeof dns.lookup;
