/** The operator with its own rights on a real API server: changes that Flink does not notice touch no pod. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FlinkDeployment } from "../../../src/api/flink-deployment.ts";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import { parseRecordedSpec } from "../../../src/reconcile/last-reconciled-spec.ts";
import { flinkDeployment, withSpec } from "../../../testbed/gen/flink-deployment.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { type ApiForTests, apiTestbed } from "../../support/api-testbed.ts";
import { installRights, kubeconfigOf, ownFolder, startOperator } from "../../support/operator.ts";
import { bringUpJob, type ScriptedFlink, startScriptedFlink } from "../../support/scripted-flink.ts";

const deadline = 30_000;
const LOG4J = "log4j-console.properties";
let api: ApiForTests;
let flink: ScriptedFlink;
let namespace: string;
let folder: string;
let removeFolder: () => Promise<void>;
let stopOperator: () => Promise<void>;

async function get<T extends KubeObject>(kind: string, name: string): Promise<T> {
  return JSON.parse(await api.kubectl(["-n", namespace, "get", kind, name, "-o", "json"])) as T;
}

async function change(spec: object): Promise<void> {
  const patch = ["patch", "flinkdep", "job", "--type=merge", "-p", JSON.stringify({ spec })];
  await api.kubectl(["-n", namespace, ...patch]);
}

/** Deployed as it is now, and said so. */
async function untilReady(): Promise<FlinkDeployment> {
  return waitFor(
    "the change to be deployed",
    async () => {
      const found = await get<FlinkDeployment>("flinkdep", "job");
      const { generation } = found.metadata;
      const ready = found.status?.conditions?.find(({ type }) => type === "Ready");
      const isNewest =
        found.status?.observedGeneration === generation && ready?.observedGeneration === generation;
      return isNewest && ready?.status === "True" && found;
    },
    { deadline },
  );
}

/** What would tell of a restart. */
async function identity(): Promise<unknown> {
  const [deployment, job] = [await get("deployment", "job"), await get<FlinkDeployment>("flinkdep", "job")];
  const pods = await api.kubectl(["-n", namespace, "get", "pods", "-o", "jsonpath={.items[*].metadata.uid}"]);
  const { uid, generation } = deployment.metadata;
  const { jobId, startTime } = job.status?.jobStatus ?? {};
  return { uid, generation, spec: deployment["spec"], pods, jobId, startTime };
}

async function untilIngress(what: string, is: (ingress: KubeObject) => boolean): Promise<KubeObject> {
  return waitFor(
    what,
    async () => {
      const ingress = await get("ingress", "job");
      return is(ingress) && ingress;
    },
    { deadline },
  );
}

beforeAll(async () => {
  api = apiTestbed();
  flink = await startScriptedFlink("in-place");
  namespace = await api.freshNamespace("in-place");
  [folder, removeFolder] = await ownFolder();
  const configuration = {
    "kubernetes.operator.observer.progress-check.interval": "100 ms",
    "kubernetes.operator.reconcile.interval": "2 s",
  };
  const configFile = join(folder, "operator.yaml");
  await writeFile(configFile, stringify(configuration));
  await installRights(api);
  const kubeconfig = await kubeconfigOf(api, folder, { namespace: "sluice-system", name: "sluice-operator" });
  stopOperator = startOperator({ kubeconfig, namespace, configFile, flinkClients: flink.clients });
  await api.kubectl(["-n", namespace, "create", "serviceaccount", "flink"]);
  const spec = withSpec({
    ingress: { template: "{{name}}.example.org", annotations: { keep: "1", drop: "1" }, className: "nginx" },
    logConfiguration: { [LOG4J]: "monitorInterval = 5\n" },
  });
  const manifest = { ...flinkDeployment(spec), metadata: { name: "job", namespace } };
  await api.kubectl(["apply", "-f", "-"], stringify(manifest));
  await bringUpJob(api, namespace, flink.cluster);
});

afterAll(async () => {
  await stopOperator();
  await flink.close();
  await removeFolder();
});

test("an Ingress, annotations, labels and a log file follow the spec, and nothing is restarted", async () => {
  await untilReady();
  const before = await identity();
  await api.kubectl(["-n", namespace, "annotate", "ingress", "job", "others=stay"]);
  await change({
    ingress: {
      template: "/{{namespace}}/{{name}}(/|$)(.*)",
      annotations: { drop: null, add: "2" },
      className: null,
    },
    flinkConfiguration: {
      "kubernetes.rest-service.annotations": "scrape:yes",
      "kubernetes.rest-service.labels": "team:blue",
    },
    logConfiguration: { [LOG4J]: "monitorInterval = 5\nrootLogger.level = DEBUG\n" },
  });
  const { status } = await untilReady();
  expect(await identity()).toEqual(before);

  const ingress = await get("ingress", "job");
  const { "sluice/applied": _, ...annotations } = ingress.metadata.annotations ?? {};
  expect(annotations).toEqual({ keep: "1", add: "2", others: "stay" });
  expect(ingress["spec"]).toMatchObject({
    rules: [{ http: { paths: [{ path: `/${namespace}/job(/|$)(.*)` }] } }],
  });
  expect(ingress["spec"]).not.toHaveProperty("ingressClassName");
  const service = await get("service", "job-rest");
  expect(service.metadata.annotations).toMatchObject({ scrape: "yes" });
  expect(service.metadata.labels).toMatchObject({ team: "blue", app: "job" });
  const { data } = await get<KubeObject & { data: Record<string, string> }>("configmap", "flink-config-job");
  expect(data[LOG4J]).toContain("DEBUG");
  expect(data["config.yaml"]).toContain("kubernetes");

  const recorded = parseRecordedSpec(status?.reconciliationStatus?.lastReconciledSpec)?.spec;
  expect(recorded?.ingress?.annotations).toEqual({ keep: "1", add: "2" });
  expect(status?.lifecycleState).toBe("STABLE");
  const events = await api.kubectl(["-n", namespace, "get", "events", "-o", "jsonpath={.items[*].message}"]);
  expect(events).toContain("IN_PLACE change(s) detected");
  expect(events).not.toContain("UPGRADE change(s) detected");
});

test("an Ingress that is deleted or changed by hand comes back", async () => {
  const before = await identity();
  const { uid } = (await get("ingress", "job")).metadata;
  await api.kubectl(["-n", namespace, "delete", "ingress", "job"]);
  await untilIngress("another Ingress", ({ metadata }) => metadata.uid !== uid);
  const patch = [
    "patch",
    "ingress",
    "job",
    "--type=merge",
    "-p",
    '{"metadata":{"annotations":{"add":"wrong"}}}',
  ];
  await api.kubectl(["-n", namespace, ...patch]);
  await untilIngress("its annotation", ({ metadata }) => metadata.annotations?.["add"] === "2");
  await change({ ingress: null });
  await untilReady();
  await expect(get("ingress", "job")).rejects.toThrow("not found");
  expect(await identity()).toEqual(before);
});

test("an Ingress of somebody else's is left alone", async () => {
  const before = await identity();
  await api.kubectl(["-n", namespace, "create", "ingress", "job", "--rule=example.org/*=other:80"]);
  await change({ ingress: { template: "{{name}}.example.org" } });
  await api.kubectl(["-n", namespace, "wait", "--for=condition=Stalled", "flinkdep/job", "--timeout=30s"]);
  const { status } = await get<FlinkDeployment>("flinkdep", "job");
  expect(status?.conditions?.find(({ type }) => type === "Stalled")?.reason).toBe("NameTaken");
  expect(JSON.stringify((await get("ingress", "job"))["spec"])).toContain('"other"');
  await api.kubectl(["-n", namespace, "delete", "ingress", "job"]);
  await untilReady();
  expect(JSON.stringify((await get("ingress", "job"))["spec"])).toContain("job-rest");
  expect(await identity()).toEqual(before);
});
