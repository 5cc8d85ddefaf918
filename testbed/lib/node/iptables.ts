/** What kube-proxy and the kubelet leave in the packet filter. Pure. */

/** Text for `iptables-restore --noflush` that removes every KUBE- chain and every jump to one. Empty: nothing to do. */
export function removalScript(saved: string): string {
  const tables: string[] = [];
  for (const block of saved.split(/^\*/m).slice(1)) {
    const [table, ...lines] = block.split("\n");
    const chains = lines
      .filter((line) => line.startsWith(":KUBE-"))
      .map((line) => line.slice(1).split(" ")[0]);
    if (chains.length === 0) continue;
    const jumps = lines
      .filter((line) => /^-A (?!KUBE-).* -j KUBE-/.test(line))
      .map((line) => line.replace("-A", "-D"));
    const flushes = chains.map((chain) => `-F ${chain}`);
    const removals = chains.map((chain) => `-X ${chain}`);
    tables.push([`*${table}`, ...jumps, ...flushes, ...removals, "COMMIT"].join("\n"));
  }
  return tables.length === 0 ? "" : `${tables.join("\n")}\n`;
}
