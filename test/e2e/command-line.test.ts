/** The command line around one real job: what is planned is what happens; logs and UI are the job's own. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { main } from "../../src/cli/main.ts";
import { mergePatch } from "../../src/cli/merge.ts";
import { repository } from "../../testbed/lib/paths.ts";
import { attachCluster, type Cluster, Job, until } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";

let cluster: Cluster;
let job: Job;
let folder: string;
beforeAll(async () => {
  if (nodeMissing()) return;
  cluster = attachCluster();
  job = await Job.create(cluster, { flink: "2.3", upgradeMode: "savepoint" });
  folder = await mkdtemp(join(tmpdir(), "sluice-cli-"));
});
afterAll(() => (folder === undefined ? undefined : rm(folder, { recursive: true })));

const place = (): string[] => ["--kubeconfig", cluster.testbed.kubeconfigPath, "-n", job.namespace];

async function sluice(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  let [stdout, stderr] = ["", ""];
  async function* nothing(): AsyncGenerator<string> {}
  const code = await main([...args, ...place()], {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    stdin: nothing(),
    env: {},
  });
  return { code, stdout, stderr };
}

async function file(spec: object = {}): Promise<string> {
  const path = join(folder, "job.yaml");
  await writeFile(path, stringify(mergePatch(job.manifest(), { spec })));
  return path;
}

describe.skipIf(nodeMissing())("a job at the command line", () => {
  it("is planned, applied and waited for", async () => {
    expect(await sluice("plan", "-f", await file())).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("counting starts, from an empty state."),
    });
    const applied = await sluice("apply", "-f", await file(), "--wait");
    expect(applied).toMatchObject({ code: 0, stdout: expect.stringContaining("counting created") });
    expect(applied.stderr).toMatch(/Ready|Running/);
    await job.stable();
    expect(await sluice("plan", "-f", await file())).toMatchObject({
      code: 0,
      stdout: "counting is unchanged.\n",
    });
    expect(await sluice("doctor", "counting")).toMatchObject({ code: 0 });
  });

  it("is changed as was planned, without loss", async () => {
    const changed = await file({ job: { parallelism: 2 } });
    const planned = await sluice("plan", "-f", changed);
    expect(planned.code).toBe(1);
    expect(planned.stdout).toContain("counting restarts, from the savepoint that is taken when it stops.");
    expect(planned.stdout).toContain("job.parallelism: 1 -> 2   (restart)");
    expect(await sluice("apply", "-f", changed, "--wait")).toMatchObject({ code: 0 });
    const { status } = await job.stable();
    expect(status?.jobStatus?.savepointInfo?.lastSavepoint?.location).toMatch(/savepoint-/);
    await job.provesNoLoss();
  });

  it("goes on after it was suspended", async () => {
    expect(await sluice("suspend", "counting", "--wait")).toMatchObject({ code: 0 });
    expect((await job.get()).status?.lifecycleState).toBe("SUSPENDED");
    const resumed = await sluice("resume", "counting", "--wait");
    expect(resumed).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/starts from s3:\/\/.*savepoint-/),
    });
    await job.stable();
    await job.provesNoLoss();
  });

  it("shows its logs, of all its pods", async () => {
    const { code, stdout } = await sluice("logs", "counting");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^counting-taskmanager-\S+ \| .*TaskManager/m);
    expect(stdout).toMatch(/^counting-[0-9a-z]+-[0-9a-z]{5} \| .*(JobMaster|JobManager|Dispatcher)/m);
    const few = await sluice("logs", "counting", "--jobmanager", "--tail", "3");
    expect(few.stdout.trim().split("\n").length).toBeLessThanOrEqual(3);
  });

  it("shows Flink's UI, and follows the logs, until it is told to stop", async () => {
    const command = join(repository, "bin/sluice");
    const started = (...args: string[]): { text: () => string; stop: () => Promise<number | null> } => {
      const child = spawn(command, [...args, ...place()], { stdio: ["ignore", "pipe", "ignore"] });
      let text = "";
      child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
      const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
      return {
        text: () => text,
        stop: async () => {
          child.kill("SIGINT");
          return ended;
        },
      };
    };
    const ui = started("ui", "counting");
    const url = await until("the address", 30, async () => /^http:\/\/\S+/.exec(ui.text())?.[0]);
    const overview = (await (await fetch(`${url}v1/overview`)).json()) as { "flink-version": string };
    expect(overview["flink-version"]).toMatch(/^2\.3/);
    expect(await (await fetch(url)).text()).toContain("<html");
    expect((await fetch(`${url}v1/jobs/0`, { method: "PATCH" })).status).toBe(403);
    expect(await ui.stop()).toBe(0);
    const logs = started("logs", "counting", "-f", "--tail", "1");
    await until(
      "lines of both",
      30,
      async () =>
        /taskmanager-\S+ \|/.test(logs.text()) && /^counting-[0-9a-z]+-[0-9a-z]{5} \|/m.test(logs.text()),
    );
    await logs.stop();
  });

  it("is deleted, and nothing is left", async () => {
    expect(await sluice("delete", "counting")).toMatchObject({ code: 0 });
    expect(await sluice("get", "counting")).toMatchObject({ code: 4 });
    await cluster.kubectl(["delete", "namespace", job.namespace, "--wait=false"]);
  });
});
