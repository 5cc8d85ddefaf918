/** The Debian packages that the node size needs. */
import { tryRun } from "../exec.ts";
import { step } from "../progress.ts";

const needed = [
  "conntrack",
  "containerd",
  "containernetworking-plugins",
  "gcc",
  "iproute2",
  "ipset",
  "iptables",
  "libc6-dev",
  "openssl",
  "runc",
];

const minutes = 60_000;

/** Installs what is missing. Throws with what to do where it cannot. */
export async function ensurePackages(): Promise<void> {
  const missing: string[] = [];
  for (const name of needed) {
    const query = await tryRun("dpkg-query", ["--show", "--showformat=${db:Status-Status}", name]).catch(
      () => undefined,
    );
    if (query === undefined) return; // Not Debian: what is missing will be named when it is used.
    if (query.stdout !== "installed") missing.push(name);
  }
  if (missing.length === 0) return;
  await step(`installing ${missing.join(" ")}`, async () => {
    const env = { DEBIAN_FRONTEND: "noninteractive" };
    const wait = ["-qq", "-o", "DPkg::Lock::Timeout=600"];
    await tryRun("apt-get", [...wait, "update"], { env, deadline: 10 * minutes });
    const install = [...wait, "install", "--yes", "--no-install-recommends", ...missing];
    const { code, stderr } = await tryRun("apt-get", install, { env, deadline: 20 * minutes });
    if (code !== 0) throw new Error(`apt-get install ${missing.join(" ")} failed:\n${stderr.slice(-2000)}`);
  });
}
