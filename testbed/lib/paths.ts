/** Where the testbed keeps things. Nothing of it is inside the repository. */
import { homedir, userInfo } from "node:os";
import { join, resolve } from "node:path";

export const repository: string = join(import.meta.dirname, "..", "..");

/** What survives `down`: programs, images, container contents. Keyed by hashes of the inputs. */
export function cacheDir(): string {
  return resolve(process.env["SLUICE_CACHE"] ?? join(homedir(), ".cache", "sluice"));
}

/** What one testbed made: state, logs, kubeconfig. Root's folder is the node size's; others get one of their own. */
export function stateDir(): string {
  const { uid } = userInfo();
  const fallback = uid === 0 ? "/var/tmp/sluice-testbed" : `/var/tmp/sluice-testbed-${uid}`;
  return resolve(process.env["SLUICE_TESTBED_STATE"] ?? fallback);
}
