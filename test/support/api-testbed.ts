/** Vitest's global set-up of the integration tests: one api testbed for all of them. Tests use `apiTestbed()`. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";
import type { TestProject } from "vitest/node";
import { GROUP } from "../../src/api/flink-deployment.ts";
import { kinds } from "../../src/api/kinds.ts";
import { type ApiTestbed, startApi } from "../../testbed/api.ts";
import { run } from "../../testbed/lib/exec.ts";
import { freshNamespace } from "../../testbed/lib/namespaces.ts";
import { repository } from "../../testbed/lib/paths.ts";
import { waitFor } from "../../testbed/lib/wait.ts";

export interface SharedApi {
  readonly url: string;
  /** The administrator's kubeconfig (client certificate) and token. */
  readonly kubeconfigPath: string;
  readonly token: string;
  readonly caPem: string;
  readonly kubectlPath: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    apiTestbed: SharedApi;
  }
}

/** A moment after a CRD is established, the server still answers 404 for its objects. */
async function servesCrds({ kubectl }: ApiTestbed): Promise<void> {
  const plurals = kinds.map(({ plural }) => `${plural}.${GROUP}`).join(",");
  await waitFor("the CRDs are served", () => kubectl(["get", plurals]), { deadline: 30_000 });
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const crds = join(repository, "deploy", "crds");
  const testbed = await startApi({ manifests: existsSync(crds) ? [crds] : [] });
  await servesCrds(testbed);
  project.provide("apiTestbed", {
    url: testbed.url,
    kubeconfigPath: testbed.kubeconfigPath,
    token: testbed.token,
    caPem: testbed.caPem,
    kubectlPath: join(testbed.binDir, "kubectl"),
  });
  return () => testbed.stop();
}

export interface ApiForTests extends SharedApi {
  readonly kubectl: (args: readonly string[], stdin?: string) => Promise<string>;
  /** A namespace of the test's own. Removing it is not needed. */
  readonly freshNamespace: (prefix?: string) => Promise<string>;
}

/**
 * The running api testbed with Sluice's CRDs installed, shared by all integration tests: stay in your own namespaces.
 * A test that kills or stalls the API server starts its own (`startApi`, three seconds).
 */
export function apiTestbed(): ApiForTests {
  const shared = inject("apiTestbed");
  const kubectl = (args: readonly string[], stdin?: string): Promise<string> =>
    run(shared.kubectlPath, ["--kubeconfig", shared.kubeconfigPath, ...args], { stdin });
  return { ...shared, kubectl, freshNamespace: (prefix) => freshNamespace(kubectl, true, prefix) };
}
