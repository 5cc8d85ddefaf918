/** The webhook as it is installed: its arguments, its account's rights and its configurations fit together. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import { runWebhook } from "../../../src/webhook/run.ts";
import { type ApiTestbed, startApi } from "../../../testbed/api.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { freePort, kubeconfigOf, ownFolder } from "../../support/operator.ts";
import { sluice } from "../cli/support.ts";

const NAMESPACE = "sluice-system";

let api: ApiTestbed;
let kubectl: ApiTestbed["kubectl"];
let remove: () => Promise<void>;
const stop = new AbortController();
let running: Promise<void>;

/** `--name=value` arguments of the container. */
async function installedArguments(): Promise<Map<string, string>> {
  const text = await kubectl(["get", "deployment", "sluice-operator-webhook", "-n", NAMESPACE, "-o", "json"]);
  const { spec } = JSON.parse(text) as { spec: { template: { spec: { containers: { args: string[] }[] } } } };
  const [command, ...args] = spec.template.spec.containers[0]?.args ?? [];
  expect(command).toBe("webhook");
  return new Map(args.map((one) => one.slice(2).split("=") as [string, string]));
}

beforeAll(async () => {
  api = await startApi();
  ({ kubectl } = api);
  const { code, stderr } = await sluice(api.kubeconfigPath, [
    "install",
    "--no-wait",
    "--set",
    "webhook.create=true",
  ]);
  expect(stderr).not.toContain("error:");
  expect(code).toBe(0);
  const [folder, removeFolder] = await ownFolder();
  remove = removeFolder;
  const kubeconfig = await kubeconfigOf(api, folder, {
    namespace: NAMESPACE,
    name: "sluice-operator-webhook",
  });
  const args = await installedArguments();
  const port = await freePort();
  // There is no network to a Service here: the API server calls this process.
  for (const [kind, path] of [
    ["validatingwebhookconfiguration", "validate"],
    ["mutatingwebhookconfiguration", "mutate"],
  ] as const) {
    const clientConfig = { url: `https://localhost:${port}/${path}` };
    const patch = [{ op: "replace", path: "/webhooks/0/clientConfig", value: clientConfig }];
    await kubectl(["patch", kind, "sluice-operator-webhook", "--type=json", "-p", JSON.stringify(patch)]);
  }
  running = runWebhook(
    {
      kubeconfig,
      context: undefined,
      configFile: undefined,
      port,
      healthPort: 0,
      namespace: NAMESPACE,
      service: args.get("service") ?? "",
      secret: args.get("secret") ?? "",
      configuration: args.get("configuration") ?? "",
      certificates: undefined,
      logLevel: "fatal",
      env: {},
      // By which this process is called here; in a cluster, the Service.
      rotation: { dnsNames: ["localhost"] },
    },
    stop.signal,
  );
});
afterAll(async () => {
  stop.abort();
  await running;
  await remove();
  await api.stop();
});

const resource = (name: string, spec: object): string =>
  JSON.stringify({
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkDeployment",
    metadata: { name, namespace: "default" },
    spec,
  } satisfies KubeObject);

test("it tells the API server its authority, and is asked", async () => {
  const bundle = "jsonpath={.webhooks[0].clientConfig.caBundle}";
  const told = async (): Promise<boolean> =>
    (await kubectl(["get", "validatingwebhookconfiguration", "sluice-operator-webhook", "-o", bundle])) !==
    "";
  await waitFor("the authority in the configuration", told, { deadline: 60_000 });
  const refused = async (): Promise<string> => {
    const answer = await kubectl(["apply", "-f", "-"], resource("wrong", { flinkVersion: "v2_2" })).catch(
      String,
    );
    if (!answer.includes("denied the request")) throw new Error(answer);
    return answer;
  };
  expect(await waitFor("a refusal", refused, { deadline: 60_000 })).toContain("spec.");
});
