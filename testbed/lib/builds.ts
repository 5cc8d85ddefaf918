/** The programs of the testbed, built from package registries once and kept in the cache. */
import { join } from "node:path";
import { tryRun } from "./exec.ts";
import { repository } from "./paths.ts";
import { step } from "./progress.ts";

export type BuildName =
  | "kubernetes"
  | "etcd"
  | "coredns"
  | "versitygw"
  | "helm"
  | "helm4"
  | "kube-router"
  | "prometheus"
  | "prometheus-operator"
  | "prometheus-operator-crds"
  | "base-images";

const hour = 3_600_000;

/** The folder with the programs of a build. The first time on a machine this takes minutes (kubernetes: ten). */
export async function builtPrograms(name: BuildName): Promise<string> {
  const script = join(repository, "testbed", "build", "cached.sh");
  return step(`programs of ${name}`, async () => {
    const { code, stdout, stderr } = await tryRun(script, [name], { deadline: hour });
    const folder = stdout.trim().split("\n").at(-1);
    if (code !== 0 || folder === undefined || folder === "") {
      throw new Error(`building ${name} failed (${script} ${name}):\n${stderr.slice(-3000)}`);
    }
    return folder;
  });
}
