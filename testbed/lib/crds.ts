/** Definitions that a test brings itself, in a folder, and takes away again. */
import { waitFor } from "./wait.ts";

type Kubectl = (args: readonly string[]) => Promise<string>;

const deadline = 90_000;

/** Applied, and served. */
export async function applyCrds(kubectl: Kubectl, folder: string): Promise<void> {
  await kubectl(["apply", "--server-side", "-f", folder]);
  // A CRD that is new has no conditions yet, which kubectl takes for an error.
  const wait = ["wait", "--for=condition=Established", "-f", folder, "--timeout=10s"];
  await waitFor("the CRDs are served", () => kubectl(wait), { deadline });
}

/** Deleted, and gone. */
export async function deleteCrds(kubectl: Kubectl, folder: string): Promise<void> {
  await kubectl(["delete", "--ignore-not-found", "--wait=false", "-f", folder]);
  const found = ["get", "--ignore-not-found", "-o", "name", "-f", folder];
  await waitFor("the CRDs are gone", async () => (await kubectl(found)) === "", { deadline });
}
