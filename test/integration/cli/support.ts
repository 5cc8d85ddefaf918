/** `sluice` as the tests of the command line call it, against the api testbed. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { parse, stringify } from "yaml";
import type { FlinkDeployment } from "../../../src/api/flink-deployment.ts";
import { main } from "../../../src/cli/main.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import { FLINK_DEPLOYMENTS } from "../../../src/kube/resource-type.ts";
import { running } from "../../../testbed/gen/recorded-status.ts";
import { apiTestbed } from "../../support/api-testbed.ts";
import { clientFor } from "../kube/support.ts";

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** With `stdin`, and what is printed as it comes in `seen`. */
export async function sluice(
  kubeconfig: string,
  args: readonly string[],
  { stdin = "", seen }: { stdin?: string; seen?: (text: string) => void } = {},
): Promise<Run> {
  const out: string[] = [];
  const err: string[] = [];
  async function* input(): AsyncGenerator<string> {
    yield stdin;
  }
  const write = (to: string[]) => (text: string) => {
    to.push(text);
    seen?.(text);
  };
  const code = await main([...args, "--kubeconfig", kubeconfig], {
    stdout: { write: write(out) },
    stderr: { write: write(err) },
    stdin: input(),
    env: {},
  });
  return { code, stdout: out.join(""), stderr: err.join("") };
}

/** A namespace of the test's own. */
export interface Place {
  readonly client: KubeClient;
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly run: (...args: string[]) => Promise<Run>;
}

export async function place(prefix: string): Promise<Place> {
  const api = apiTestbed();
  const namespace = await api.freshNamespace(prefix);
  const kubeconfig = api.kubeconfigPath;
  const run = (...args: string[]): Promise<Run> => sluice(kubeconfig, [...args, "-n", namespace]);
  return { client: clientFor(api), kubeconfig, namespace, run };
}

/** The resource, made with that spec; RUNNING and stable by its status. No operator runs. */
export async function createRunning(
  { client, namespace }: Place,
  { apiVersion, kind, spec }: FlinkDeployment,
  name = "job",
  metadata: object = {},
): Promise<FlinkDeployment> {
  const object = { apiVersion, kind, metadata: { name, namespace, ...metadata }, spec };
  const made = await client.create<FlinkDeployment>(FLINK_DEPLOYMENTS, object);
  running()(made);
  const { generation = 1 } = made.metadata;
  const lastTransitionTime = "2026-03-01T12:00:00Z";
  const message = "the job is RUNNING";
  const ready = { type: "Ready", status: "True" as const, reason: "Running", message, lastTransitionTime };
  const status = { ...made.status, lifecycleState: "STABLE" as const, observedGeneration: generation };
  const conditions = [{ ...ready, observedGeneration: generation }];
  return client.replaceStatus(FLINK_DEPLOYMENTS, { ...made, status: { ...status, conditions } });
}

export async function readBack(
  { client, namespace }: Pick<Place, "client" | "namespace">,
  name = "job",
): Promise<FlinkDeployment> {
  const found = await client.get<FlinkDeployment>(FLINK_DEPLOYMENTS, namespace, name);
  if (found === undefined) throw new Error("the resource is gone");
  return found;
}

/** A kubeconfig of an account that may do so much in the namespace: `--verb=get --resource=pods`. */
export async function kubeconfigOf(
  { kubeconfig, namespace }: Place,
  ...rules: (readonly [verbs: string, resources: string])[]
): Promise<string> {
  const { kubectl } = apiTestbed();
  const create = ["-n", namespace, "create"];
  for (const [nth, [verbs, resources]] of rules.entries()) {
    await kubectl([...create, "role", `may-${nth}`, `--verb=${verbs}`, `--resource=${resources}`]);
    const account = `--serviceaccount=${namespace}:default`;
    await kubectl([...create, "rolebinding", `may-${nth}`, `--role=may-${nth}`, account]);
  }
  const token = (await kubectl([...create, "token", "default"])).trim();
  const config = parse(await readFile(kubeconfig, "utf8")) as {
    users: unknown[];
    contexts: { context: { user: string } }[];
  };
  config.users = [{ name: "limited", user: { token } }];
  for (const { context } of config.contexts) context.user = "limited";
  const folder = await mkdtemp(join(tmpdir(), "sluice-cli-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "config");
  await writeFile(file, stringify(config));
  return file;
}
