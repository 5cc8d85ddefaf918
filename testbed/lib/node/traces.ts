/** Everything of a node testbed that can be found on the machine, whoever started it and however that one ended. */
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { tryRun } from "../exec.ts";
import { identify, type Identity } from "../processes.ts";
import { safely } from "../safely.ts";
import { bridge, cgroup } from "./layout.ts";
import { mountsBelow } from "./mounts.ts";

const ours = new Set([
  "etcd",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kube-proxy",
  "kubelet",
  "coredns",
  "kube-router",
  "versitygw",
  "containerd",
  "containerd-shim-runc-v2",
  "runc",
  "ctr",
]);

/** The testbed's programs that work below `dir`: a command line that names the folder, a program that is one of ours. */
export function processesOf(dir: string): Identity[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => programWorksBelow(pid, dir))
    .map((pid) => identify(pid))
    .filter((identity) => identity !== undefined);
}

function programWorksBelow(pid: number, dir: string): boolean {
  try {
    // A program that was rebuilt since is "(deleted)".
    const program = basename(readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ""));
    return ours.has(program) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`${dir}/`);
  } catch {
    return false;
  }
}

/** Where control groups can be made: one place with version 2, one for each controller with version 1. */
function cgroupHierarchies(): string[] {
  const root = "/sys/fs/cgroup";
  if (existsSync(join(root, "cgroup.controllers"))) return [root];
  // A controller's other names (cpu, cpuacct → cpu,cpuacct) are links; `unified` is a tree beside those of version 1.
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(root, name));
}

/** Makes the testbed's control group. With version 2 its controllers have to be handed down first. */
export function makeCgroups(): void {
  for (const hierarchy of cgroupHierarchies()) {
    const controllers = safely(() => readFileSync(join(hierarchy, "cgroup.controllers"), "utf8").trim());
    for (const name of controllers?.split(" ") ?? []) {
      safely(() => writeFileSync(join(hierarchy, "cgroup.subtree_control"), `+${name}`));
    }
    mkdirSync(join(hierarchy, cgroup), { recursive: true });
  }
}

/** The testbed's control group in every hierarchy. */
export function cgroupDirs(): string[] {
  return cgroupHierarchies()
    .map((hierarchy) => join(hierarchy, cgroup))
    .filter((path) => existsSync(path));
}

/** A control group and all below it, innermost first. */
export function cgroupTree(path: string): string[] {
  const children = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...children.flatMap(({ name }) => cgroupTree(join(path, name))), path];
}

/** The pids in the testbed's control groups, all pods' or those of the pod with this uid. */
export function podProcesses(uid = ""): number[] {
  const pids = new Set<number>();
  const groups = cgroupDirs().flatMap((dir) => safely(() => cgroupTree(dir)) ?? []);
  for (const path of groups.filter((group) => group.includes(uid))) {
    const text = safely(() => readFileSync(join(path, "cgroup.procs"), "utf8")) ?? "";
    for (const line of text.split("\n")) if (line !== "") pids.add(Number(line));
  }
  return [...pids];
}

export function mountPoints(dir: string): string[] {
  return mountsBelow(readFileSync("/proc/self/mountinfo", "utf8"), dir);
}

/** The folder of the testbed that made the bridge, noted as the link's alias. Undefined: there is no bridge. */
export async function bridgeOwner(): Promise<string | undefined> {
  const { code, stdout } = await tryRun("ip", ["-json", "link", "show", bridge]);
  if (code !== 0) return undefined;
  const [link] = JSON.parse(stdout) as { ifalias?: string }[];
  return link?.ifalias ?? "";
}

export async function savedRules(command: "iptables" | "ip6tables"): Promise<string> {
  // Where the command is missing there is nothing to find.
  const result = await tryRun(`${command}-save`, []).catch(() => undefined);
  return result?.stdout ?? "";
}

/** The address sets of NetworkPolicies' rules. */
export async function policySets(): Promise<string[]> {
  // Where the command is missing there is nothing to find.
  const listed = await tryRun("ipset", ["list", "-name"]).catch(() => undefined);
  return (listed?.stdout ?? "").split("\n").filter((name) => name.startsWith("KUBE-"));
}

/** One line for everything that is still there. Empty after a good `down`. */
export async function traces(dir: string): Promise<string[]> {
  const found: string[] = [];
  for (const { pid } of processesOf(dir)) found.push(`process ${pid}: ${commandLine(pid)}`);
  for (const pid of podProcesses()) found.push(`pod process ${pid}: ${commandLine(pid)}`);
  for (const path of mountPoints(dir)) found.push(`mount ${path}`);
  for (const path of cgroupDirs()) found.push(`control group ${path}`);
  if ((await bridgeOwner()) !== undefined) found.push(`bridge ${bridge}`);
  for (const command of ["iptables", "ip6tables"] as const) {
    const lines = (await savedRules(command)).split("\n").filter((line) => line.startsWith(":KUBE-"));
    if (lines.length > 0) found.push(`${command}: ${lines.length} KUBE- chains`);
  }
  for (const name of await policySets()) found.push(`address set ${name}`);
  return found;
}

function commandLine(pid: number): string {
  return (safely(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")) ?? "")
    .replaceAll("\0", " ")
    .slice(0, 120);
}
