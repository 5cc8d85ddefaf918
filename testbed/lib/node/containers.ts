/** What containerd is asked directly: images, and the containers that a killed run left in its records. */
import { tryRun, run } from "../exec.ts";
import { isAlive, readIdentity } from "../processes.ts";
import { containerdSocket } from "./layout.ts";

function ctrArgs(dir: string, args: readonly string[]): string[] {
  return ["--address", containerdSocket(dir), "--namespace", "k8s.io", ...args];
}

/** Runs ctr in Kubernetes' namespace. `deadline` in milliseconds, default one minute. */
export function ctr(dir: string, args: readonly string[], deadline = 60_000): Promise<string> {
  return run("ctr", ctrArgs(dir, args), { deadline });
}

export async function containerdAnswers(dir: string): Promise<boolean> {
  // ctr would go on trying to reach a server that is not there.
  const identity = readIdentity(dir, "containerd");
  if (identity === undefined || !isAlive(identity)) return false;
  const { code } = await tryRun("ctr", ctrArgs(dir, ["version"]), { deadline: 5_000 }).catch(() => ({
    code: 1,
  }));
  return code === 0;
}

/**
 * Removes all containers and their snapshots from containerd's lasting records. Their processes must be dead. Answers
 * how many there were; 0 also when containerd does not answer, which `up` makes good.
 */
export async function removeContainers(dir: string): Promise<number> {
  if (!(await containerdAnswers(dir))) return 0;
  const containers = (await ctr(dir, ["containers", "ls", "--quiet"])).split("\n").filter((id) => id !== "");
  if (containers.length === 0) return 0;
  await tryRun("ctr", ctrArgs(dir, ["tasks", "rm", "--force", ...containers]));
  await tryRun("ctr", ctrArgs(dir, ["containers", "rm", ...containers]));
  return containers.length;
}

function isId(name: string): boolean {
  return name.startsWith("sha256:");
}

/**
 * The names like "sha256:…" in what `ctr images ls` prints whose content no proper name has any more. The runtime gives
 * every image such a name, which keeps the content of each replaced image for ever. Pure.
 */
export function staleImages(listing: string): string[] {
  const rows = listing.split("\n").map((line) => line.split(/\s+/));
  const used = new Set(rows.filter(([name = ""]) => !isId(name)).map(([, , digest]) => digest));
  return rows.filter(([name = "", , digest]) => isId(name) && !used.has(digest)).map(([name = ""]) => name);
}

/** Lets go of the contents of images that were replaced by newer ones. */
export async function removeStaleImages(dir: string): Promise<void> {
  if (!(await containerdAnswers(dir))) return;
  const stale = staleImages(await ctr(dir, ["images", "ls"]));
  if (stale.length > 0) await ctr(dir, ["images", "rm", ...stale]);
}
