/** Builds ahead what the tests will need, so that nothing is compiled while they run. */
import { builtPrograms, type BuildName } from "./lib/builds.ts";
import { buildImage, imageReferences } from "./lib/node/images.ts";

/** Compiling waits for the processor and images for the network: the two go side by side. */
export async function prepare({
  api,
  node,
  full = false,
}: {
  readonly api: boolean;
  readonly node: boolean;
  /** What only the thorough tests use: what makes NetworkPolicies hold, the Prometheus Operator. */
  readonly full?: boolean;
}): Promise<void> {
  const programs: BuildName[] = [
    ...(api || node ? (["kubernetes", "etcd", "helm", "prometheus"] as const) : []),
    ...(node ? (["coredns", "versitygw"] as const) : []),
    ...(full ? (["kube-router", "prometheus-operator"] as const) : []),
  ];
  await Promise.all([buildPrograms(programs), node ? buildImages() : undefined]);
}

async function buildPrograms(names: readonly BuildName[]): Promise<void> {
  for (const name of names) await builtPrograms(name);
}

async function buildImages(): Promise<void> {
  for (const name of Object.keys(imageReferences)) await buildImage(name);
}
