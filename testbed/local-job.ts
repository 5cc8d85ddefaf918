/**
 * The counting job as processes of this machine, by Sluice's command line: for tests and for the demo. Everything of it is
 * in one folder, and what runs is read from /proc.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findDistribution } from "../src/targets/local/distribution.ts";
import { findProcesses, type MarkedProcess, type Role } from "../src/targets/local/processes.ts";
import { run, type RunResult, tryRun } from "./lib/exec.ts";
import { cacheDir, repository } from "./lib/paths.ts";
import { waitFor } from "./lib/wait.ts";
import { type CountingResult, problems, verifyCounting } from "./verify/counting.ts";

const minute = 60_000;

/** FLINK_HOME: the testbed's when it has one, which saves a download; else as Sluice finds or fetches it. */
export async function localFlinkHome(minor: string): Promise<string> {
  const built = join(cacheDir(), "images", "distributions");
  const found = existsSync(built)
    ? readdirSync(built).find((name) => name.startsWith(`flink-${minor}.`) && !/\.(lock|partial)$/.test(name))
    : undefined;
  if (found !== undefined) return join(built, found);
  return findDistribution(minor, undefined, { env: process.env, stderr: process.stderr });
}

/** A folder that holds the counting job's jar and nothing else, as usrlib does in the image. */
async function userLibrary(folder: string): Promise<string> {
  const script = join(repository, "testbed", "images", "counting-job.sh");
  const jar = (await run(script, [], { deadline: 10 * minute, showErrors: true })).trim();
  const library = join(folder, "usrlib");
  mkdirSync(library, { recursive: true });
  await run("cp", [jar, join(library, "counting-job.jar")]);
  return library;
}

/** Quick to start rather than quick to run; and checkpoints often enough for a test to wait for some. */
const OPTIONS: Readonly<Record<string, string>> = {
  "execution.checkpointing.interval": "1 s",
  "env.java.opts.all": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
  "restart-strategy.type": "fixed-delay",
  "restart-strategy.fixed-delay.attempts": "1000",
  "restart-strategy.fixed-delay.delay": "200 ms",
  "taskmanager.memory.managed.size": "16m",
};

export interface LocalJobOptions {
  readonly flink: string;
  readonly name?: string;
  /** Beside another job: the same state folder, an output of its own. */
  readonly beside?: LocalJob;
}

export class LocalJob {
  readonly name: string;
  /** Of the test: state, output, jar. */
  readonly folder: string;
  readonly #env: Record<string, string>;

  private constructor(name: string, folder: string, env: Record<string, string>) {
    this.name = name;
    this.folder = folder;
    this.#env = env;
  }

  static async create({ flink, name = "counting", beside }: LocalJobOptions): Promise<LocalJob> {
    const folder = beside?.folder ?? realpathSync(mkdtempSync(join(tmpdir(), "sluice-local-")));
    const library = await userLibrary(folder);
    return new LocalJob(name, folder, {
      SLUICE_TARGET: "local",
      SLUICE_STATE_DIR: join(folder, "state"),
      SLUICE_JOB_FILE: join(repository, "examples", "counting-job.yaml"),
      SLUICE_CLUSTER_ID: name,
      SLUICE_FLINK_VERSION: `v${flink.replace(".", "_")}`,
      FLINK_HOME: await localFlinkHome(flink),
      SLUICE_MAP: [
        `local:///opt/flink/usrlib=${library}`,
        `s3://flink/counting/output=${join(folder, `output-${name}`)}`,
      ].join("\n"),
      SLUICE_FLINK_OPTIONS: Object.entries(OPTIONS)
        .map(([key, value]) => `${key}=${value}`)
        .join("\n"),
    });
  }

  get output(): string {
    return join(this.folder, `output-${this.name}`);
  }

  /** Where Sluice keeps everything of the job. */
  get jobFolder(): string {
    return join(this.folder, "state", "default", this.name);
  }

  #command(args: readonly string[]): [string, readonly string[]] {
    return [join(repository, "bin", "sluice"), args];
  }

  async sluice(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.trySluice(...args);
    if (code === 0) return stdout;
    throw new Error(`sluice ${args.join(" ")}: exit code ${code}\n${stderr}${stdout}\n${this.explain()}`);
  }

  trySluice(...args: readonly string[]): Promise<RunResult> {
    return tryRun(...this.#command(args), { env: this.#env, deadline: 5 * minute });
  }

  /** In the background, as in a terminal of its own. */
  begin(...args: readonly string[]): Background {
    const [command, all] = this.#command(args);
    return new Background(spawn(command, all, { env: { ...process.env, ...this.#env }, detached: true }));
  }

  processes(role?: Role): MarkedProcess[] {
    return findProcesses(this.jobFolder).filter((one) => role === undefined || one.role === role);
  }

  /** Those that were started, without what they started themselves. */
  leaders(role?: Role): MarkedProcess[] {
    return this.processes(role).filter(({ isLeader }) => isLeader);
  }

  /** SIGKILL, to every process of the role. */
  kill(role: Role): void {
    const found = this.leaders(role);
    if (found.length === 0) throw new Error(`no ${role} runs\n${this.explain()}`);
    for (const { pid } of found) process.kill(pid, "SIGKILL");
  }

  /** Waits until a job runs in processes other than these. */
  async runsAfter(killed: readonly MarkedProcess[]): Promise<void> {
    const gone = new Set(killed.map(({ pid }) => pid));
    await waitFor(
      `${this.name} to run in new processes`,
      async () => {
        const now = this.leaders();
        const roles = new Set(now.filter(({ pid }) => !gone.has(pid)).map(({ role }) => role));
        if (!killed.every(({ role }) => roles.has(role))) return false;
        return (await this.status()).ready;
      },
      { deadline: 4 * minute, interval: 500 },
    );
  }

  async status(): Promise<{ ready: boolean; jobState: string; lifecycleState: string; parallelism: number }> {
    return JSON.parse(await this.sluice("status", "-o", "json")) as Awaited<ReturnType<LocalJob["status"]>>;
  }

  /** Waits for new output, and answers what there is: every record once. @throws when one is missing or double */
  async provesNoLoss(freshStarts = 1): Promise<CountingResult> {
    const before = (await verifyCounting(this.output)).records;
    const after = await waitFor(
      "new records in the output",
      async () => {
        const result = await verifyCounting(this.output);
        return result.records > before && result;
      },
      { deadline: 4 * minute, interval: 200 },
    );
    return this.#exact(after, freshStarts);
  }

  /** Of a job that is stopped. */
  async lostNothing(freshStarts = 1): Promise<CountingResult> {
    return this.#exact(await verifyCounting(this.output), freshStarts);
  }

  #exact(result: CountingResult, freshStarts: number): CountingResult {
    const found = problems(result);
    if (result.freshStarts !== freshStarts) found.push(`${result.freshStarts} starts without state`);
    if (found.length > 0) throw new Error(`${found.slice(0, 20).join("\n")}\n${this.explain()}`);
    return result;
  }

  /** What ran, for the message of a test that fails. */
  explain(): string {
    const running = this.processes().map(({ role, pid }) => `${role} ${pid}`);
    return `running: ${running.join(", ") || "nothing"}; everything is in ${this.jobFolder}`;
  }

  /** Ends what is left. The folder is kept where something went wrong. */
  remove(keep = false): void {
    for (const { pid } of findProcesses(this.jobFolder)) process.kill(pid, "SIGKILL");
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A command under way. */
export class Background {
  readonly #child: ChildProcess;
  #text = "";
  readonly ended: Promise<{ readonly code: number | null; readonly text: string }>;

  constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (chunk: string) => (this.#text += chunk));
    }
    this.ended = new Promise((settle) => {
      child.on("close", (code) => settle({ code, text: this.#text }));
    });
  }

  /** Waits until it has said this. */
  async says(words: string): Promise<void> {
    await waitFor(`"${words}"`, () => this.#text.includes(words), {
      deadline: 3 * minute,
      interval: 20,
      alive: () => {
        if (this.#child.exitCode !== null) throw new Error(`it has ended without "${words}":\n${this.#text}`);
      },
    });
  }

  /** To its process group, as a terminal does it. */
  signal(kind: NodeJS.Signals): void {
    if (this.#child.pid !== undefined) process.kill(-this.#child.pid, kind);
  }
}
