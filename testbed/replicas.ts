/** Several operators as processes of their own, which a test stops and kills; one that ends is started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { repository } from "./lib/paths.ts";
import { waitFor } from "./lib/wait.ts";

export interface LogLine {
  readonly msg: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly key?: string;
  readonly action?: string;
  readonly message?: string;
}

export interface Replica {
  /** The beginning of its identity as a candidate. */
  readonly name: string;
  readonly process: ChildProcess;
  readonly lines: LogLine[];
  /** Exit code or signal, once it has ended. */
  end?: string;
}

export interface ReplicaOptions {
  readonly count: number;
  readonly kubeconfig: string;
  readonly namespace: string;
  /** Of the Lease. */
  readonly leaseNamespace: string;
  readonly configFile: string;
}

export class Replicas {
  readonly all: Replica[] = [];
  readonly #options: ReplicaOptions;
  #isClosing = false;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    for (let nth = 0; nth < options.count; nth++) this.#start();
  }

  get running(): readonly Replica[] {
    return this.all.filter(({ end }) => end === undefined);
  }

  /** Of a holder's identity. */
  byIdentity(identity: string): Replica | undefined {
    return this.all.find(({ name }) => identity.startsWith(`${name}_`));
  }

  async untilReady(replica: Replica): Promise<void> {
    const said = (): boolean => replica.lines.some(({ msg }) => msg === "reconciling");
    await waitFor(`${replica.name} to have its caches`, said, {
      deadline: 60_000,
      interval: 20,
      alive: () => {
        if (replica.end !== undefined) throw new Error(`${replica.name} ended: ${replica.end}`);
      },
    });
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    for (const { process } of this.running) {
      process.kill("SIGCONT");
      process.kill("SIGKILL");
    }
    await waitFor("the operators to end", () => this.running.length === 0, { deadline: 30_000 });
  }

  #start(): void {
    const { kubeconfig, namespace, leaseNamespace, configFile } = this.#options;
    const name = `replica-${this.all.length}`;
    const names = [
      "--disable-warning=ExperimentalWarning",
      "--import",
      join(repository, "test/support/local-names.ts"),
    ];
    const place = ["--kubeconfig", kubeconfig, "--namespace", namespace, "--config", configFile];
    const lease = ["--leader-elect", "--leader-elect-namespace", leaseNamespace];
    const rest = ["--flink-rest", "direct", "--health-port", "0"];
    const args = [...names, join(repository, "src/cli/main.ts"), "operator", ...place, ...lease, ...rest];
    const child = spawn(process.execPath, args, {
      env: { ...process.env, HOSTNAME: name },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const replica: Replica = { name, process: child, lines: [] };
    this.all.push(replica);
    createInterface({ input: child.stdout }).on("line", (line) => {
      const { time, ...said } = JSON.parse(line) as { time: string; msg: string };
      replica.lines.push({ ...said, at: Date.parse(time) });
    });
    // Not "exit": what it said last may still be on its way.
    child.on("close", (code, signal) => {
      replica.end = signal ?? String(code);
      if (!this.#isClosing) this.#start();
    });
  }
}
