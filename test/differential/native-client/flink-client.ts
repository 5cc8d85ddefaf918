/** Flink's own client in one JVM (ClientDriver.java): requests out, answers in, in order. */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import { repository } from "../../../testbed/lib/paths.ts";

export interface DeployRequest {
  /** The folder with Flink's configuration file and log files, as `bin/flink` takes it from FLINK_CONF_DIR. */
  readonly confDir: string;
  /** What `-D` would say. */
  readonly options: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  readonly main?: string | undefined;
}

/** Downloads it when it is not there yet. */
export async function flinkHome(version: string): Promise<string> {
  const script = join(repository, "testbed", "images", "distribution.sh");
  const { stdout } = await promisify(execFile)(script, [version], { timeout: 1_200_000 });
  return stdout.trim();
}

/** A JVM that ends soon does not earn back what the optimising compiler and a parallel collector cost. */
export const SHORT_LIVED: readonly string[] = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];

const ANSWER_DEADLINE_MS = 60_000;

export class FlinkClient {
  readonly #java: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  readonly #scratch: string;
  #errors = "";

  private constructor(java: ChildProcessWithoutNullStreams, scratch: string) {
    this.#java = java;
    this.#scratch = scratch;
    this.#answers = createInterface({ input: java.stdout })[Symbol.asyncIterator]();
    java.stderr.setEncoding("utf8").on("data", (chunk: string) => (this.#errors += chunk));
  }

  static async start(home: string): Promise<FlinkClient> {
    const dist = (await readdir(join(home, "lib"))).find((name) => name.startsWith("flink-dist")) ?? "";
    // The environment of the machine must not leak into what is rendered.
    const { PATH = "", HOME = "" } = process.env;
    const driver = join(import.meta.dirname, "ClientDriver.java");
    const java = spawn(
      "java",
      [...SHORT_LIVED, "-Dfile.encoding=UTF-8", "-cp", join(home, "lib", dist), driver],
      {
        env: { PATH, HOME, KUBECONFIG: "/dev/null" },
      },
    );
    return new FlinkClient(java, await mkdtemp(join(tmpdir(), "sluice-client-")));
  }

  async #ask(request: object): Promise<Record<string, unknown>> {
    this.#java.stdin.write(`${JSON.stringify(request)}\n`);
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`no answer from Flink's client\n${this.#errors}`)),
        ANSWER_DEADLINE_MS,
      );
    });
    try {
      const answer = await Promise.race([this.#answers.next(), deadline]);
      if (answer.done === true) throw new Error(`Flink's client ended\n${this.#errors}`);
      return JSON.parse(answer.value) as Record<string, unknown>;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The objects that it would create, or its refusal. */
  async deploy(request: DeployRequest): Promise<{ objects?: KubeObject[]; error?: string }> {
    return this.#ask({ deploy: request });
  }

  /** A folder of its own for one case. */
  folder(name: string): Promise<string> {
    return mkdtemp(join(this.#scratch, `${name.replaceAll(/\W+/g, "-")}-`));
  }

  /** What a process of Flink reads from a configuration folder: the options, the program's arguments and jars. */
  async configuration(folder: string): Promise<object> {
    const { error, ...read } = await this.#ask({ configuration: folder });
    if (error !== undefined) throw new Error(`Flink cannot read the configuration: ${JSON.stringify(error)}`);
    return read;
  }

  /** How a JobManager understands a pod template. */
  async podTemplate(file: string): Promise<object> {
    const { pod, error } = await this.#ask({ podTemplate: file });
    if (error !== undefined) throw new Error(`Flink cannot read the pod template: ${JSON.stringify(error)}`);
    return pod as object;
  }

  async stop(): Promise<void> {
    this.#java.stdin.end();
    this.#java.kill("SIGKILL");
    await rm(this.#scratch, { recursive: true, force: true });
  }
}
