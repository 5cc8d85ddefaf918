/** Takes a node testbed away: orderly where it lives, by its traces where a run was killed. */
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { tryRun, run } from "../exec.ts";
import { isAlive, recordedNames, stop } from "../processes.ts";
import { safely } from "../safely.ts";
import { waitFor } from "../wait.ts";
import { removeContainers, removeStaleImages } from "./containers.ts";
import { removalScript } from "./iptables.ts";
import { bridge } from "./layout.ts";
import { restoreSysctls } from "./sysctls.ts";
import {
  bridgeOwner,
  cgroupDirs,
  cgroupTree,
  mountPoints,
  podProcesses,
  policySets,
  processesOf,
  savedRules,
  traces,
} from "./traces.ts";

/** Nothing is left when this returns, except the logs. Throws and names what could not be removed. */
export async function down(dir: string): Promise<void> {
  const owner = await bridgeOwner();
  if (!existsSync(dir) && owner === undefined) return;
  assertNotTaken(dir, owner);
  // First those that would start something anew, last the one that knows how to remove containers.
  const names = recordedNames(dir).filter((name) => name !== "containerd");
  await Promise.all(
    ["kubelet", ...names.filter((name) => name !== "kubelet")].map((name) => stop(dir, name)),
  );
  await killPods();
  await removeContainers(dir);
  await removeStaleImages(dir);
  await stop(dir, "containerd", 5_000);
  const sockets = shimSockets(dir);
  await killStrays(dir);
  await killPods();
  await unmountAll(dir);
  await removeNetwork();
  removeCgroups();
  for (const socket of sockets) rmSync(socket, { force: true });
  removeLogLinks(dir);
  removeCniResults();
  restoreSysctls(dir);
  removeFiles(dir);
  const left = await traces(dir);
  if (left.length > 0) throw new Error(`down left something behind:\n  ${left.join("\n  ")}`);
}

/** Throws when the machine's one node testbed belongs to another state folder and lives. */
export function assertNotTaken(dir: string, owner: string | undefined): void {
  if (owner === undefined || owner === "" || owner === dir || processesOf(owner).length === 0) return;
  throw new Error(
    `another node testbed runs on this machine, in ${owner}\n` +
      `take it down first: SLUICE_TESTBED_STATE=${dirname(owner)} bin/testbed down`,
  );
}

async function killPods(): Promise<void> {
  await waitFor(
    "the pods' processes to die",
    () => {
      const pids = podProcesses();
      for (const pid of pids) safely(() => process.kill(pid, "SIGKILL"));
      return pids.length === 0;
    },
    { deadline: 30_000 },
  );
}

async function killStrays(dir: string): Promise<void> {
  await waitFor(
    "the testbed's programs to die",
    () => {
      const alive = processesOf(dir).filter(isAlive);
      for (const { pid } of alive) safely(() => process.kill(pid, "SIGKILL"));
      return alive.length === 0;
    },
    { deadline: 30_000 },
  );
}

/** The shims' sockets are outside our folder, but each shim's address is inside. */
function shimSockets(dir: string): string[] {
  const tasks = join(dir, "containerd", "io.containerd.runtime.v2.task", "k8s.io");
  const bundles = safely(() => readdirSync(tasks)) ?? [];
  return bundles
    .map((bundle) => safely(() => readFileSync(join(tasks, bundle, "address"), "utf8")) ?? "")
    .filter((address) => address.startsWith("unix:///run/containerd/s/"))
    .map((address) => address.slice("unix://".length));
}

async function unmountAll(dir: string): Promise<void> {
  for (const path of mountPoints(dir)) {
    const { code } = await tryRun("umount", [path]);
    if (code !== 0) await tryRun("umount", ["--lazy", path]);
  }
}

async function removeNetwork(): Promise<void> {
  if ((await bridgeOwner()) !== undefined) {
    const ports = JSON.parse(await run("ip", ["-json", "link", "show", "master", bridge])) as {
      ifname?: string;
    }[];
    for (const { ifname } of ports) if (ifname !== undefined) await tryRun("ip", ["link", "delete", ifname]);
    await run("ip", ["link", "delete", bridge]);
  }
  for (const command of ["iptables", "ip6tables"] as const) {
    const script = removalScript(await savedRules(command));
    if (script !== "") await run(`${command}-restore`, ["--noflush", "--wait", "10"], { stdin: script });
  }
  // No rule names them any more.
  for (const name of await policySets()) await run("ipset", ["destroy", name]);
}

function removeCgroups(): void {
  for (const path of cgroupDirs().flatMap((dir) => safely(() => cgroupTree(dir)) ?? [])) {
    safely(() => rmdirSync(path));
  }
}

/** The kubelet links every container's log in a folder whose place is fixed. */
function removeLogLinks(dir: string): void {
  const folder = "/var/log/containers";
  const links = safely(() => readdirSync(folder)) ?? [];
  for (const path of links.map((name) => join(folder, name))) {
    if (safely(() => readlinkSync(path))?.startsWith(`${dir}/`) === true) rmSync(path, { force: true });
  }
  safely(() => rmdirSync(folder));
}

/** The network plugins' notes on pods whose removal they did not see; their place is fixed as well. */
function removeCniResults(): void {
  const folder = "/var/lib/cni/results";
  const names = safely(() => readdirSync(folder)) ?? [];
  const pods = names.map((name) => /^sluice-(.+)-eth0$/.exec(name)?.[1]).filter((id) => id !== undefined);
  for (const id of pods) {
    for (const name of [`sluice-${id}-eth0`, `cni-loopback-${id}-lo`])
      rmSync(join(folder, name), { force: true });
  }
}

function removeFiles(dir: string): void {
  if (mountPoints(dir).length > 0) return; // Never delete through a mount; the check at the end reports it.
  for (const entry of safely(() => readdirSync(dir)) ?? []) {
    if (entry !== "logs") rmSync(join(dir, entry), { recursive: true, force: true });
  }
}
