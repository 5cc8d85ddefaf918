/** Where jobs of this machine live: one folder each, with everything that is theirs. */
import { mkdirSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

type Env = Readonly<Record<string, string | undefined>>;

/** `--state-dir`, or the place that the system has for state. */
export function stateFolder(flag: string | undefined, env: Env): string {
  const home = env["HOME"] ?? homedir();
  const base = env["XDG_STATE_HOME"] ?? join(home, ".local", "state");
  return resolve(flag ?? env["SLUICE_STATE_DIR"] ?? join(base, "sluice"));
}

/** Without symbolic links: processes are found by it. Made when it is not there. */
export function jobFolder(state: string, namespace: string, name: string): string {
  const folder = join(state, namespace, name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return realpathSync(folder);
}
