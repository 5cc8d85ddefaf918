/** Kernel settings that the kubelet, kube-proxy and we change: noted before, put back after. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { safely } from "../safely.ts";

const names = [
  "kernel/keys/root_maxbytes",
  "kernel/keys/root_maxkeys",
  "kernel/panic",
  "kernel/panic_on_oops",
  "net/ipv4/conf/all/route_localnet",
  "net/ipv4/ip_forward",
  "vm/overcommit_memory",
  "vm/panic_on_oom",
];

function noteFile(dir: string): string {
  return join(dir, "sysctls.json");
}

/** Notes the values found, once, and lets the machine forward packets between pods. */
export function prepareSysctls(dir: string): void {
  if (!existsSync(noteFile(dir))) {
    const found = names.map((name) => [name, safely(() => readFileSync(`/proc/sys/${name}`, "utf8").trim())]);
    writeFileSync(noteFile(dir), JSON.stringify(Object.fromEntries(found)));
  }
  writeFileSync("/proc/sys/net/ipv4/ip_forward", "1");
}

export function restoreSysctls(dir: string): void {
  const noted = safely(() => JSON.parse(readFileSync(noteFile(dir), "utf8")) as Record<string, string>) ?? {};
  for (const [name, value] of Object.entries(noted)) {
    const path = `/proc/sys/${name}`;
    safely(() => {
      // Writing ip_forward, even the same value, resets per-interface settings.
      if (readFileSync(path, "utf8").trim() !== value) writeFileSync(path, value);
    });
  }
}
