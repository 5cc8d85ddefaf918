#!/usr/bin/env node
/** `bin/testbed`: see `usage`. The wrapper holds a lock, so that two of these never work at once. */
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startApi } from "./api.ts";
import { attachNode } from "./node.ts";
import { down } from "./lib/node/down.ts";
import { imageReferences } from "./lib/node/images.ts";
import { nodeDir, s3Access, s3Endpoint } from "./lib/node/layout.ts";
import { reset } from "./lib/node/reset.ts";
import { readState } from "./lib/node/state.ts";
import { status, type ComponentStatus } from "./lib/node/status.ts";
import { up } from "./lib/node/up.ts";
import { stateDir } from "./lib/paths.ts";
import { isAlive, readIdentity, recordedNames, stop } from "./lib/processes.ts";
import { sweepDeadRuns } from "./lib/runs.ts";
import { step } from "./lib/progress.ts";

const usage = `A real Kubernetes on this machine, for tests and demonstrations.

  bin/testbed up [--size node|api] [--images NAME,…|none]   start it, or find it running
  bin/testbed down [--size node|api]                        take away all of it, also after a crash
  bin/testbed status [--size node|api]                      its components
  bin/testbed reset                                         delete namespaces and S3 data, keep it running (node)
  bin/testbed logs [COMPONENT]                              a component's log, or which there are

  node: pods run, with DNS, Services and S3; needs root (default)
  api:  an API server with garbage collection, no pods; needs no root

  images: ${Object.keys(imageReferences).join(", ")} (default: all)
  SLUICE_TESTBED_STATE (state and logs, now ${stateDir()}), SLUICE_CACHE (programs and images)
`;

const apiDir = (): string => join(stateDir(), "api");

interface Options {
  readonly size: string;
  readonly images: string;
  readonly rest: readonly string[];
}

const commands: Readonly<Record<string, (options: Options) => Promise<void>>> = {
  up: ({ size, images }) => (size === "api" ? upApi() : upNode(images)),
  down: ({ size }) => downAll(size),
  status: ({ size }) => printStatus(size),
  reset: resetNode,
  logs: ({ rest }) => printLogs(rest[0]),
};

async function upNode(images: string): Promise<void> {
  const names = images === "none" ? [] : images === "all" ? Object.keys(imageReferences) : images.split(",");
  const { kubeconfigPath } = await up(nodeDir(), names);
  console.log(`export KUBECONFIG=${kubeconfigPath}`);
  console.log(`# S3: ${s3Endpoint} access key ${s3Access.accessKey} secret key ${s3Access.secretKey}`);
}

async function upApi(): Promise<void> {
  const dir = apiDir();
  const described = join(dir, "kubeconfig.path");
  const names = recordedNames(dir);
  if (existsSync(described) && names.length > 0 && apiStatus().every(({ healthy }) => healthy)) {
    console.log(`export KUBECONFIG=${readFileSync(described, "utf8")}`);
    return;
  }
  await downApi();
  const { kubeconfigPath } = await startApi({ dataDir: dir, lifetime: "detached" });
  writeFileSync(described, kubeconfigPath);
  console.log(`export KUBECONFIG=${kubeconfigPath}`);
}

async function downApi(): Promise<void> {
  await Promise.all(recordedNames(apiDir()).map((name) => stop(apiDir(), name)));
  rmSync(apiDir(), { recursive: true, force: true });
}

async function downAll(size: string): Promise<void> {
  await sweepDeadRuns();
  if (size === "api") return downApi();
  await step("taking the node testbed down", () => down(nodeDir()));
  console.log("down: no process, mount, bridge, filter rule or control group is left");
}

function apiStatus(): ComponentStatus[] {
  return recordedNames(apiDir()).map((name) => {
    const identity = readIdentity(apiDir(), name);
    const alive = identity !== undefined && isAlive(identity);
    return { name, pid: alive ? identity.pid : undefined, healthy: alive };
  });
}

async function printStatus(size: string): Promise<void> {
  const rows = size === "api" ? apiStatus() : await status(nodeDir(), readState(nodeDir()));
  if (rows.length === 0) {
    console.log("not up");
    process.exitCode = 1;
    return;
  }
  const width = Math.max(...rows.map(({ name }) => name.length));
  console.log(`${"COMPONENT".padEnd(width)}  ${"PID".padStart(7)}  HEALTHY`);
  for (const { name, pid, healthy } of rows) {
    console.log(`${name.padEnd(width)}  ${String(pid ?? "-").padStart(7)}  ${healthy ? "yes" : "no"}`);
  }
  process.exitCode = rows.every(({ healthy }) => healthy) ? 0 : 1;
}

async function resetNode(): Promise<void> {
  const { kubectl } = attachNode();
  const namespaces = await step("deleting namespaces and S3 data", () => reset(nodeDir(), kubectl));
  console.log(`deleted: ${namespaces.join(", ") || "nothing"}`);
}

async function printLogs(component: string | undefined): Promise<void> {
  const folders = [nodeDir(), apiDir()]
    .map((dir) => join(dir, "logs"))
    .filter((folder) => existsSync(folder));
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  if (component === undefined) {
    for (const file of files) console.log(file);
    return;
  }
  const file = files.find((path) => path.endsWith(`/${component}.log`));
  if (file === undefined) throw new Error(`no log of ${component}; there are:\n  ${files.join("\n  ")}`);
  process.stdout.write(readFileSync(file));
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: "string", default: "node" },
    images: { type: "string", default: "all" },
    help: { type: "boolean", short: "h", default: false },
  },
});
const [name = "", ...rest] = positionals;
const command = commands[name];
if (values.help || command === undefined || !["api", "node"].includes(values.size)) {
  process.stderr.write(usage);
  process.exitCode = values.help ? 0 : 2;
} else {
  // ip and iptables are not on every user's PATH.
  process.env["PATH"] = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
  await command({ size: values.size, images: values.images, rest }).catch((error: unknown) => {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  });
}
