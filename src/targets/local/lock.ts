/**
 * The right to change one job, or to look after it: a name in the kernel (an abstract Unix socket) that one process has at
 * a time, and that ends with the process however it ends. Whoever asks is told who has it.
 */
import { createHash } from "node:crypto";
import { createConnection, createServer, type Server } from "node:net";
import { userInfo } from "node:os";
import { setTimeout as pause } from "node:timers/promises";

export interface Holder {
  readonly pid: number;
  /** For people: `sluice update`, or `supervisor`. */
  readonly what: string;
}

/** Names are at most 107 bytes. */
function socketName(folder: string, purpose: string): string {
  const digest = createHash("sha256").update(folder).digest("hex").slice(0, 32);
  return `\0sluice-${userInfo().uid}-${purpose}-${digest}`;
}

function listen(name: string, holder: Holder): Promise<Server | undefined> {
  return new Promise((settle, reject) => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.end(JSON.stringify(holder));
    });
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") settle(undefined);
      else reject(error);
    });
    server.listen(name, () => {
      // To hold it is no reason to live on.
      server.unref();
      settle(server);
    });
  });
}

const POLL_MS = 50;
/** Milliseconds for a holder to say who it is. */
const ANSWER_MS = 1000;

export class KernelLock {
  readonly #name: string;
  readonly #holder: Holder;
  #server: Server | undefined;

  constructor(folder: string, purpose: "passes" | "supervisor" | "fetch", what: string) {
    this.#name = socketName(folder, purpose);
    this.#holder = { pid: process.pid, what };
  }

  /** Whether it is ours now. */
  async tryAcquire(): Promise<boolean> {
    this.#server ??= await listen(this.#name, this.#holder);
    return this.#server !== undefined;
  }

  /** As long as `waits` says so of who has it, and at most `deadline` milliseconds. Undefined when it is ours. */
  async acquire(deadline: number, waits: (holder: Holder) => boolean): Promise<Holder | undefined> {
    const end = performance.now() + deadline;
    for (;;) {
      if (await this.tryAcquire()) return undefined;
      const holder = await this.holder();
      if (holder !== undefined && (!waits(holder) || performance.now() > end)) return holder;
      await pause(POLL_MS);
    }
  }

  /** Who has it; undefined when nobody has, or nobody says. */
  holder(): Promise<Holder | undefined> {
    return new Promise((settle) => {
      let text = "";
      const socket = createConnection(this.#name);
      socket.setEncoding("utf8").setTimeout(ANSWER_MS, () => socket.destroy());
      socket.on("data", (chunk: string) => (text += chunk));
      socket.on("error", () => {});
      socket.on("close", () => settle(parseHolder(text)));
    });
  }

  async release(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    await new Promise<void>((done) => server.close(() => done()));
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return undefined;
  }
}
