/** The operator with its own rights on a real API server: monitors, where the Prometheus Operator's CRDs are and where not. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FlinkDeployment } from "../../../src/api/flink-deployment.ts";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import { applyMonitors } from "../../../src/controller/monitors.ts";
import { KubeClient } from "../../../src/kube/client.ts";
import { loadKubeConfig } from "../../../src/kube/config.ts";
import { flinkDeployment, withConfiguration } from "../../../testbed/gen/flink-deployment.ts";
import { builtPrograms } from "../../../testbed/lib/builds.ts";
import { applyCrds, deleteCrds } from "../../../testbed/lib/crds.ts";
import { repository } from "../../../testbed/lib/paths.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { type ApiForTests, apiTestbed } from "../../support/api-testbed.ts";
import { installRights, kubeconfigOf, ownFolder, startOperator } from "../../support/operator.ts";

const deadline = 30_000;
let api: ApiForTests;
let namespace: string;
let kubeconfig: string;
/** The Prometheus Operator's own. */
let crds: string;
let removeFolder: () => Promise<void>;
let stopOperator: () => Promise<void> = async () => undefined;

async function monitor(options: object): Promise<void> {
  const patch = JSON.stringify({ spec: { flinkConfiguration: options } });
  await api.kubectl(["-n", namespace, "patch", "flinkdep", "job", "--type=merge", "-p", patch]);
}

async function list(kind: string): Promise<KubeObject[]> {
  const text = await api.kubectl(["-n", namespace, "get", kind, "-l", "sluice/monitors=job", "-o", "json"]);
  return (JSON.parse(text) as { items: KubeObject[] }).items;
}

async function until(what: string, is: () => Promise<boolean>): Promise<void> {
  await waitFor(what, is, { deadline });
}

async function eventCount(): Promise<number> {
  const text = await api.kubectl(["-n", namespace, "get", "events", "-o", "json"]);
  const { items } = JSON.parse(text) as { items: (KubeObject & { reason: string; count?: number })[] };
  const found = items.filter(({ reason }) => reason === "MonitoringNotInstalled");
  return found.reduce((sum, { count = 1 }) => sum + count, 0);
}

beforeAll(async () => {
  api = apiTestbed();
  namespace = await api.freshNamespace("monitors");
  const [folder, remove] = await ownFolder();
  removeFolder = remove;
  await installRights(api);
  kubeconfig = await kubeconfigOf(api, folder, { namespace: "sluice-system", name: "sluice-operator" });
  crds = await builtPrograms("prometheus-operator-crds");
  const wanted = flinkDeployment(
    (draft) => {
      draft.metadata = { name: "job", namespace };
      delete draft.status;
    },
    withConfiguration({ "sluice.metrics.monitor": "pod" }),
  );
  await api.kubectl(["apply", "-f", "-"], JSON.stringify(wanted));
});

afterAll(async () => {
  await stopOperator();
  await deleteCrds(api.kubectl, crds);
  await removeFolder();
});

test("without the CRDs an event says so, once, and the cluster is made all the same", async () => {
  stopOperator = startOperator({ kubeconfig, namespace });
  await until("the event", async () => (await eventCount()) > 0);
  await until("the JobManager", async () =>
    (await api.kubectl(["-n", namespace, "get", "deployments", "-o", "name"])).includes(
      "deployment.apps/job",
    ),
  );
  await monitor({ "sluice.metrics.monitor.labels": "{a: b}" });
  await monitor({ "sluice.metrics.monitor.labels": "{a: c}" });
  await until("the operator to have seen it", async () => (await list("service")).length === 0);
  expect(await eventCount()).toBe(1);
  await stopOperator();
});

test("with them the monitor follows the job file, and comes back when it is deleted", async () => {
  await applyCrds(api.kubectl, crds);
  // The API server holds them against the Prometheus Operator's schema.
  for (const file of ["prometheus/operator.yaml", "alerts/prometheus-rule.yaml"])
    await api.kubectl(["apply", "-f", join(repository, "deploy", file)]);
  stopOperator = startOperator({ kubeconfig, namespace });
  await until("a PodMonitor", async () => (await list("podmonitor")).length === 1);
  const [made] = await list("podmonitor");
  expect(made?.metadata.labels).toMatchObject({ a: "c" });
  expect(made?.metadata.ownerReferences).toMatchObject([{ kind: "FlinkDeployment", name: "job" }]);

  await api.kubectl(["-n", namespace, "delete", "podmonitor", "job"]);
  await until("it to come back", async () => {
    const [found] = await list("podmonitor");
    return found !== undefined && found.metadata.uid !== made?.metadata.uid;
  });

  await monitor({ "sluice.metrics.monitor": "service" });
  await until("a ServiceMonitor in its place", async () => {
    const [pods, services] = [await list("podmonitor"), await list("servicemonitor")];
    return pods.length === 0 && services.length === 1;
  });
  expect((await list("service")).map(({ metadata }) => metadata.name)).toEqual(["job-metrics"]);

  await monitor({ "sluice.metrics.monitor": null });
  await until("nothing to be left", async () => {
    const found = [...(await list("servicemonitor")), ...(await list("service"))];
    return found.length === 0;
  });
});

test("for a job without an operator it goes with the JobManager; what keeps it from being made is an answer", async () => {
  await stopOperator();
  stopOperator = async () => undefined;
  const client = new KubeClient(
    await loadKubeConfig({ kubeconfig: api.kubeconfigPath, context: undefined, env: {} }),
  );
  const direct = (name: string): FlinkDeployment =>
    flinkDeployment(
      (draft) => {
        draft.metadata = { name, namespace };
      },
      withConfiguration({ "sluice.metrics.monitor": "service" }),
    );
  try {
    expect(await applyMonitors(client, direct("nowhere"), {})).toMatch(/no Deployment nowhere/);
    expect(await applyMonitors(client, direct("job"), {})).toBeUndefined();
    const [made] = await list("servicemonitor");
    expect(made?.metadata.ownerReferences).toMatchObject([{ kind: "Deployment", name: "job" }]);
    expect(await applyMonitors(client, direct("job"), {})).toBeUndefined();
    await deleteCrds(api.kubectl, crds);
    expect(await applyMonitors(client, direct("job"), {})).toMatch(/not find|NotFound|404/i);
  } finally {
    await client.close();
  }
});
