/**
 * How much the operator needs when nothing is to be done: start-up time to ready, CPU and resident memory.
 *
 *     node bench/operator-idle.ts [seconds]
 *
 * Runs the bundled operator (as in the image) against the api testbed and reads /proc.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startApi } from "../testbed/api.ts";
import { bundle } from "../tools/bundle.ts";

const seconds = Number(process.argv[2] ?? 60);
const port = 18085;
const repository = join(import.meta.dirname, "..");

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function residentMiB(pid: number): number {
  const line = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1] ?? 0) / 1024;
}

async function isReady(): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(1000) })).ok;
  } catch {
    return false;
  }
}

const testbed = await startApi({ manifests: [join(repository, "deploy/crds")] });
const file = await bundle();
const started = performance.now();
const child = spawn(
  process.execPath,
  [file, "operator", "--kubeconfig", testbed.kubeconfigPath, "--health-port", String(port)],
  { stdio: "ignore" },
);
const pid = child.pid ?? 0;
try {
  while (!(await isReady())) {
    if (performance.now() - started > 60_000) throw new Error("the operator is not ready within 60 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const ready = (performance.now() - started) / 1000;
  const cpuAtReady = cpuSeconds(pid);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const idle = cpuSeconds(pid) - cpuAtReady;
  console.log(`ready after        ${ready.toFixed(2)} s wall, ${cpuAtReady.toFixed(2)} s CPU`);
  console.log(`idle               ${((idle / seconds) * 100).toFixed(2)} % of a core over ${seconds} s`);
  console.log(`resident memory    ${residentMiB(pid).toFixed(0)} MiB`);
} finally {
  child.kill("SIGTERM");
  await testbed.stop();
}
