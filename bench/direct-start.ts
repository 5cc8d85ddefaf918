/**
 * How soon a command without an operator is at work, and how much memory it needs.
 *
 *     node bench/direct-start.ts [runs]
 *
 * Runs the bundle (as in the image) as a process of its own. "First call": from its start until the API server, here one that
 * refuses everything, hears of it. Memory: the peak of a `start` that makes passes against the api testbed until its time is up, as
 * nothing runs pods there.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startApi } from "../testbed/api.ts";
import { bundle } from "../tools/bundle.ts";

const runs = Number(process.argv[2] ?? 20);
const repository = join(import.meta.dirname, "..");
const jobFile = join(repository, "examples/counting-job.yaml");
const COMMANDS = [
  ["stop", "counting"],
  ["start", "-f", jobFile],
  ["update", "-f", jobFile],
] as const;

function kubeconfig(server: string): string {
  const file = join(folder, "kubeconfig");
  const cluster = { name: "c", cluster: { server } };
  const context = { name: "c", context: { cluster: "c", user: "u", namespace: "default" } };
  const users = [{ name: "u", user: {} }];
  writeFileSync(
    file,
    JSON.stringify({ clusters: [cluster], contexts: [context], users, "current-context": "c" }),
  );
  return file;
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? Number.NaN;
}

async function firstCall(sluice: string, args: readonly string[]): Promise<number> {
  let heard: (at: number) => void = () => {};
  const first = new Promise<number>((resolve) => (heard = resolve));
  const server = createServer((_, response) => {
    heard(performance.now());
    response.writeHead(403, { "content-type": "application/json" }).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const config = kubeconfig(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const began = performance.now();
  const child = spawn(process.execPath, [sluice, ...args, "--kubeconfig", config], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const at = await first;
  await ended;
  server.close();
  return at - began;
}

/** Of examples/orchestration-job/job.yaml. */
const OF_JOB = { NODE_OPTIONS: "--max-semi-space-size=1", MALLOC_ARENA_MAX: "1" };

/** MiB at most, until it ends. */
async function peak(sluice: string, args: readonly string[], more: object): Promise<number> {
  const env = { ...process.env, ...more };
  const child = spawn(process.execPath, [sluice, ...args], { stdio: "ignore", env });
  let highest = 0;
  const timer = setInterval(() => {
    const line = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"));
    highest = Math.max(highest, Number(line?.[1] ?? 0) / 1024);
  }, 50);
  await new Promise((resolve) => child.once("exit", resolve));
  clearInterval(timer);
  return highest;
}

const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
const sluice = await bundle(join(folder, "bundle"));
const testbed = await startApi();
try {
  for (const args of COMMANDS) {
    const times: number[] = [];
    for (let run = 0; run < runs; run++) times.push(await firstCall(sluice, args));
    const text = [0, 0.5, 1].map((share) => quantile(times, share).toFixed(0)).join(" / ");
    console.log(`${args[0]}: first call after ${text} ms (least, median, most of ${runs})`);
  }
  const namespace = await testbed.freshNamespace();
  const account = join(repository, "deploy/operator/flink-service-account.yaml");
  await testbed.kubectl(["-n", namespace, "apply", "-f", account]);
  const target = ["--kubeconfig", testbed.kubeconfigPath, "-n", namespace];
  const args = ["start", "-f", jobFile, "--timeout", "20s", ...target];
  for (const [where, more] of [
    ["as it is", {}],
    ["with the environment of the example's Job", OF_JOB],
  ] as const)
    console.log(
      `start, twenty seconds of passes, ${where}: ${(await peak(sluice, args, more)).toFixed(0)} MiB at most`,
    );
} finally {
  await testbed.stop();
  rmSync(folder, { recursive: true });
}
