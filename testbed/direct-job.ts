/** A counting job without an operator on the node testbed: `bin/sluice` as a process of its own, also one that is killed. */
import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { type RunResult, tryRun } from "./lib/exec.ts";
import { BUCKET, type Cluster, Job, type JobOptions } from "./scenario.ts";
import { type CountingResult, verifyCounting } from "./verify/counting.ts";

const SLUICE = join(import.meta.dirname, "../bin/sluice");
const DEADLINE_MS = 420_000;

export class DirectJob {
  readonly job: Job;
  /** The job file. */
  readonly file: string;

  private constructor(job: Job) {
    this.job = job;
    this.file = join(mkdtempSync(join(tmpdir(), "sluice-direct-")), "job.yaml");
    writeFileSync(this.file, stringify(job.manifest()));
  }

  static async create(cluster: Cluster, options: Partial<JobOptions> = {}): Promise<DirectJob> {
    return new DirectJob(await Job.create(cluster, { flink: "2.3", upgradeMode: "savepoint", ...options }));
  }

  #args(args: readonly string[]): string[] {
    return [...args, "--kubeconfig", this.job.cluster.testbed.kubeconfigPath, "-n", this.job.namespace];
  }

  /** Whatever its exit code. */
  try(...args: string[]): Promise<RunResult> {
    return tryRun(SLUICE, this.#args(args), { deadline: DEADLINE_MS });
  }

  /** Its standard output. @throws Error with what it said */
  async run(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.try(...args);
    if (code === 0) return stdout.trim();
    throw new Error(`sluice ${args.join(" ")} exited with ${code}\n${stderr}\n${await this.job.explain()}`);
  }

  /** SIGKILL as soon as a line like this comes. False when it ended before. */
  kill(line: RegExp, ...args: string[]): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const child = spawn(SLUICE, this.#args(args), {
        stdio: ["ignore", "ignore", "pipe"],
        timeout: DEADLINE_MS,
      });
      let said = "";
      let killed = false;
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        if (killed || !line.test(said)) return;
        killed = true;
        child.kill("SIGKILL");
      });
      child.on("error", reject).on("close", () => resolve(killed));
    });
  }

  async record(name = this.job.name): Promise<Readonly<Record<string, string>>> {
    const args = ["-n", this.job.namespace, "get", "configmap", `sluice-${name}`, "-o", "json"];
    return (JSON.parse(await this.job.cluster.kubectl(args)) as { data: Record<string, string> }).data;
  }

  /** Everything that clusters are made of, in the namespace. */
  async objects(): Promise<string[]> {
    const kinds = "deployments,replicasets,pods,services,configmaps,ingresses";
    const text = await this.job.cluster.kubectl(["-n", this.job.namespace, "get", kinds, "-o", "name"]);
    return text
      .split("\n")
      .filter((name) => name !== "" && !/^configmap\/(?:kube-root-ca\.crt|sluice-)/.test(name));
  }

  output(folder: string): Promise<CountingResult> {
    return verifyCounting(join(this.job.cluster.testbed.s3.bucketDir(BUCKET), this.job.namespace, folder));
  }

  async remove(): Promise<void> {
    await this.job.cluster.kubectl(["delete", "namespace", this.job.namespace, "--wait=false"]);
  }
}
