/** A real Prometheus beside the testbed, as a process that ends with this one; and promtool. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { builtPrograms } from "./lib/builds.ts";
import { type RunResult, tryRun } from "./lib/exec.ts";
import { freePorts } from "./lib/ports.ts";
import { assertAlive, start, stop } from "./lib/processes.ts";
import { waitFor } from "./lib/wait.ts";

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Seconds since 1970, and the value as text. */
  readonly value: readonly [number, string];
}

export interface Target {
  readonly labels: Readonly<Record<string, string>>;
  readonly scrapeUrl: string;
  readonly health: "up" | "down" | "unknown";
  readonly lastError: string;
}

export interface PrometheusOptions {
  /** Holds its configuration, data, log and pid. */
  readonly dir: string;
  /** As in prometheus.yml. */
  readonly config: object;
  /** Listens on loopback only. A free one unless given. */
  readonly port?: number;
}

/** Milliseconds for one call. */
const CALL_MS = 10_000;

export class Prometheus {
  readonly url: string;
  readonly #dir: string;

  private constructor(url: string, dir: string) {
    this.url = url;
    this.#dir = dir;
  }

  /** Ready to be asked. The first time on a machine it is built, which takes minutes. */
  static async start({ dir, config, port }: PrometheusOptions): Promise<Prometheus> {
    const programs = await builtPrograms("prometheus");
    mkdirSync(dir, { recursive: true });
    const file = join(dir, "prometheus.yml");
    writeFileSync(file, stringify(config));
    const [free = 0] = port === undefined ? await freePorts(1) : [port];
    const args = [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(dir, "data")}`,
      "--storage.tsdb.retention.time=30d",
      `--web.listen-address=127.0.0.1:${free}`,
    ];
    start({ name: "prometheus", command: join(programs, "prometheus"), args, dir, lifetime: "parent" });
    const url = `http://127.0.0.1:${free}`;
    await waitFor("Prometheus", async () => (await fetch(`${url}/-/ready`)).ok, {
      deadline: 30_000,
      alive: () => assertAlive(dir, "prometheus"),
    });
    return new Prometheus(url, dir);
  }

  /** What the expression has now. @throws Error with what Prometheus says of it */
  async query(expression: string): Promise<readonly Series[]> {
    const { result } = await this.#ask<{ result: Series[] | [number, string] }>(
      `query?query=${encodeURIComponent(expression)}`,
    );
    // A number alone has no labels.
    return Array.isArray(result[0]) || result.length === 0 || typeof result[0] === "object"
      ? (result as Series[])
      : [{ metric: {}, value: result as [number, string] }];
  }

  async targets(): Promise<readonly Target[]> {
    return (await this.#ask<{ activeTargets: Target[] }>("targets?state=active")).activeTargets;
  }

  stop(): Promise<void> {
    return stop(this.#dir, "prometheus", 10_000);
  }

  async #ask<T>(path: string): Promise<T> {
    const answer = await fetch(`${this.url}/api/v1/${path}`, { signal: AbortSignal.timeout(CALL_MS) });
    const said = (await answer.json()) as { status: string; error?: string; data: T };
    if (said.status !== "success") throw new Error(`${path}: ${said.error}`);
    return said.data;
  }
}

/** Runs promtool to its end. */
export async function promtool(args: readonly string[], stdin?: string): Promise<RunResult> {
  return tryRun(join(await builtPrograms("prometheus"), "promtool"), args, { stdin, deadline: 120_000 });
}
